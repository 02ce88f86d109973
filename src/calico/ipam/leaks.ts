/**
 * Addresses that are held for pods which are no more (facts: calico-ipam §7; kube-controllers, design/ipam/ipam-gc.md): a
 * node that lost its power never said DEL. An address that was found so in each round of a grace period is released.
 */
import { find, list, type Steps } from '../datastore.ts';
import { ANNOTATION_CONTAINER_ID } from '../resources/core.ts';
import { releaseByHandle } from './release.ts';

/** Calico's leakGracePeriod. */
const GRACE_NS = 15 * 60e9;

/** By handle: when it was first seen without its pod (virtual ns). */
export type Suspects = ReadonlyMap<string, number>;

/** One round at `now`. Returns who is to be looked at again. */
export function* collectLeaks(before: Suspects, now: number): Steps<Suspects> {
  const suspects = new Map<string, number>();
  for (const block of yield* list('IPAMBlock')) {
    for (const { handle_id: handle, secondary } of block.spec.attributes) {
      const [name, namespace] = [secondary?.['pod'], secondary?.['namespace']];
      if (handle === undefined || name === undefined || namespace === undefined) continue;
      const pod = yield* find('Pod', name, namespace);
      const container = pod?.metadata.annotations?.[ANNOTATION_CONTAINER_ID];
      // A pod that is being made has an address before it has the annotation.
      const held = pod !== undefined && (container === undefined || handle.endsWith(container));
      if (!held) suspects.set(handle, before.get(handle) ?? now);
    }
  }
  for (const [handle, since] of suspects) {
    if (now - since < GRACE_NS) continue;
    suspects.delete(handle);
    yield* releaseByHandle(handle);
  }
  return suspects;
}
