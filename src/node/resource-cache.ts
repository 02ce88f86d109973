/** A node's copy of the datastore, kept by its watch: what Felix, confd and the kubelet of the node know. */

import type { WatchEvent } from '../api/store.ts';
import type { Kind, Resource, ResourceByKind } from '../calico/resources/kinds.ts';

const keyOf = (resource: Resource): string =>
  `${resource.metadata.namespace ?? ''}/${resource.metadata.name}`;

export class ResourceCache {
  readonly #kinds = new Map<Kind, Map<string, Resource>>();

  /** Everything there is, at the beginning. */
  fill(objects: readonly Resource[]): void {
    for (const object of objects) this.#of(object.kind).set(keyOf(object), object);
  }

  apply({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.#of(object.kind).delete(keyOf(object));
    else this.#of(object.kind).set(keyOf(object), object);
  }

  /** By namespace and name. */
  list<K extends Kind>(kind: K): ResourceByKind[K][] {
    const entries = [...this.#of(kind)].sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.map(([, object]) => object as ResourceByKind[K]);
  }

  find<K extends Kind>(kind: K, name: string, namespace = ''): ResourceByKind[K] | undefined {
    return this.#of(kind).get(`${namespace}/${name}`) as ResourceByKind[K] | undefined;
  }

  #of(kind: Kind): Map<string, Resource> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Map();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }
}
