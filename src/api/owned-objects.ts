/** Objects of which one node alone hears, by that node: a subscription asks for its own, and not for those of thousands. */
import type { Resource, StoredKind } from '../calico/resources/kinds.ts';
import type { WatchEvent } from './store.ts';

/** Kinds of which a node hears of its own alone: kubelet and Felix have no use for others' pods, nor confd for affinities. */
export const OWNED: readonly StoredKind[] = ['Pod', 'BlockAffinity'];

/** The one node that hears of an object of an owned kind. */
export const ownerOf = (object: Resource): string | undefined => {
  if (object.kind === 'Pod') return object.spec.nodeName;
  return object.kind === 'BlockAffinity' ? object.spec.node : undefined;
};

/** Kind, namespace and name; in the order of listings. */
const keyOf = ({ kind, metadata }: Resource): string =>
  `${OWNED.indexOf(kind as StoredKind)} ${metadata.namespace ?? ''}/${metadata.name}`;

export class OwnedObjects {
  readonly #byNode = new Map<string, Map<string, Resource>>();
  /** Who had an object: a pod gets its node later than its name. */
  readonly #owners = new Map<string, string>();

  /** An object of an owned kind was written. */
  apply({ type, object }: WatchEvent): void {
    const key = keyOf(object);
    const before = this.#owners.get(key);
    if (before !== undefined) this.#byNode.get(before)!.delete(key);
    this.#owners.delete(key);
    const owner = ownerOf(object);
    if (type === 'DELETED' || owner === undefined) return;
    this.#owners.set(key, owner);
    let own = this.#byNode.get(owner);
    if (own === undefined) {
      own = new Map();
      this.#byNode.set(owner, own);
    }
    own.set(key, object);
  }

  /** Those of a node, by kind, namespace and name. */
  of(node: string): Resource[] {
    const own = [...(this.#byNode.get(node) ?? [])];
    return own.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }
}
