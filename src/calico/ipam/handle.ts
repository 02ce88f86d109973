/** IPAMHandle: how many addresses a pod or a tunnel holds, by block, so that they can be released by name. */
import { create, find, isCode, remove, type Steps, update } from '../datastore.ts';
import type { IPAMHandle } from '../resources/ipam.ts';
import { CALICO_API } from '../resources/meta.ts';
import { RETRIES, TOO_MANY_RETRIES } from './affinity.ts';

/** Object names are lower case; a handle need not be. */
export const handleName = (handle: string): string => handle.toLowerCase();

function newHandle(handle: string, block: Record<string, number>): IPAMHandle {
  return {
    apiVersion: CALICO_API,
    kind: 'IPAMHandle',
    metadata: { name: handleName(handle) },
    spec: { handleID: handle, block, deleted: false },
  };
}

/** Add `change` (±) to the handle's count in the block `cidr`; a handle without addresses is deleted. */
export function* countHandle(handle: string, cidr: string, change: number): Steps<void> {
  for (let i = 0; i < RETRIES; i++) {
    const existing = yield* find('IPAMHandle', handleName(handle));
    const count = (existing?.spec.block[cidr] ?? 0) + change;
    const { [cidr]: _, ...others } = existing?.spec.block ?? {};
    const block = count > 0 ? { ...others, [cidr]: count } : others;
    try {
      if (existing === undefined) {
        if (count > 0) yield* create(newHandle(handle, block));
      } else if (Object.keys(block).length === 0) {
        yield* remove(existing);
      } else {
        yield* update({ ...existing, spec: { ...existing.spec, block } });
      }
      return;
    } catch (error) {
      const lostRace = (['CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND'] as const).some(code =>
        isCode(error, code),
      );
      if (!lostRace) throw error;
    }
  }
  throw new Error(TOO_MANY_RETRIES);
}
