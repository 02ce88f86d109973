/** A node's copy of the datastore, kept by its watch: what Felix, confd and the kubelet of the node know. */

import { Collection } from '../api/collection.ts';
import type { WatchEvent } from '../api/store.ts';
import type { Kind, Resource, ResourceByKind } from '../calico/resources/kinds.ts';

const keyOf = (resource: Resource): string =>
  `${resource.metadata.namespace ?? ''}/${resource.metadata.name}`;

export class ResourceCache {
  readonly #kinds = new Map<Kind, Collection<Resource>>();

  /** Everything there is, at the beginning. */
  fill(objects: readonly Resource[]): void {
    for (const object of objects) this.#of(object.kind).set(keyOf(object), object);
  }

  apply({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.#of(object.kind).delete(keyOf(object));
    else this.#of(object.kind).set(keyOf(object), object);
  }

  /** By namespace and name; the same array until one of the kind changes. */
  list<K extends Kind>(kind: K): readonly ResourceByKind[K][] {
    return this.#of(kind).list() as readonly ResourceByKind[K][];
  }

  find<K extends Kind>(kind: K, name: string, namespace = ''): ResourceByKind[K] | undefined {
    return this.#of(kind).get(`${namespace}/${name}`) as ResourceByKind[K] | undefined;
  }

  #of(kind: Kind): Collection<Resource> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Collection();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }
}
