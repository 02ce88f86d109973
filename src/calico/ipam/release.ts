/** Giving addresses and blocks back (facts: calico-ipam §7). */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { find, get, isCode, list, remove, type Steps, update, wait } from '../datastore.ts';
import { blockName, type IPAMBlock } from '../resources/ipam.ts';
import {
  affineBlocks,
  BlockClaimConflict,
  BlockNotEmpty,
  RETRIES,
  releaseAffinity,
  TOO_MANY_RETRIES,
  updateBlock,
} from './affinity.ts';
import { IpamError, selectsNode } from './auto-assign.ts';
import { type BlockSpec, isEmpty, ordinalOf, ordinalsByHandle, releaseOrdinals } from './block.ts';
import { countHandle, handleName } from './handle.ts';
import { poolPrefix } from './walk.ts';

/** How long a pool stays disabled before its affinities go, for assignments that are under way. */
const POOL_DRAIN_NS = 500_000_000;

/** Free the ordinals that `choose` picks from the block, whichever version of it wins. Returns how many. */
function* releaseFrom(
  cidr: string,
  choose: (spec: BlockSpec) => readonly number[],
): Steps<{ block: IPAMBlock; count: number } | undefined> {
  for (let i = 0; i < RETRIES; i++) {
    const block = yield* find('IPAMBlock', blockName(Prefix.from(cidr)));
    if (block === undefined) return undefined;
    const ordinals = choose(block.spec);
    if (ordinals.length === 0) return undefined;
    const spec = releaseOrdinals(block.spec, ordinals);
    try {
      if (isEmpty(spec) && spec.affinity === undefined) yield* remove(block);
      else yield* updateBlock(block, spec);
      return { block, count: ordinals.length };
    } catch (error) {
      if (!isCode(error, 'CONFLICT') && !isCode(error, 'NOT_FOUND')) throw error;
    }
  }
  throw new IpamError(TOO_MANY_RETRIES);
}

/** Release all that is held under `handle`. True when something was. */
export function* releaseByHandle(handle: string): Steps<boolean> {
  const held = yield* find('IPAMHandle', handleName(handle));
  if (held === undefined) return false;
  for (const cidr of Object.keys(held.spec.block)) {
    const released = yield* releaseFrom(cidr, spec => ordinalsByHandle(spec, held.spec.handleID));
    if (released === undefined) continue;
    yield* countHandle(handle, cidr, -released.count);
    yield* dropUnselected(released.block);
  }
  return true;
}

/** Release one address. False when it was not assigned. */
export function* releaseAddress(address: Ipv4Address): Steps<boolean> {
  const blocks = yield* list('IPAMBlock');
  const holder = blocks.find(b => ordinalOf(b.spec, address) !== undefined);
  if (holder === undefined) return false;
  let handle: string | undefined;
  const released = yield* releaseFrom(holder.spec.cidr, spec => {
    const ordinal = ordinalOf(spec, address)!;
    const index = spec.allocations[ordinal];
    if (index === null || index === undefined) return [];
    handle = spec.attributes[index]?.handle_id;
    return [ordinal];
  });
  if (released === undefined) return false;
  if (handle !== undefined) yield* countHandle(handle, holder.spec.cidr, -1);
  yield* dropUnselected(released.block);
  return true;
}

/** A block whose pool no longer selects its node is given up as soon as it is empty. */
function* dropUnselected(block: IPAMBlock): Steps<void> {
  const owner = block.spec.affinity?.replace(/^host:/, '');
  if (owner === undefined) return;
  const prefix = Prefix.from(block.spec.cidr);
  const node = yield* find('Node', owner);
  const pool = (yield* list('IPPool')).find(p => Prefix.contains(poolPrefix(p), prefix.address));
  if (node === undefined || pool === undefined || selectsNode(pool, node)) return;
  yield* releaseOneAffinity(owner, prefix, true);
}

/** Give up one affinity, with Calico's patience; a block of somebody else, or none, is fine. */
function* releaseOneAffinity(node: string, prefix: Prefix.Prefix, empty: boolean): Steps<void> {
  for (let i = 0; i < RETRIES; i++) {
    try {
      yield* releaseAffinity(node, prefix, { empty });
      return;
    } catch (error) {
      if (isCode(error, 'CONFLICT')) continue;
      if (isCode(error, 'NOT_FOUND') || error instanceof BlockClaimConflict || error instanceof BlockNotEmpty)
        return;
      throw error;
    }
  }
}

/** All affinities of a node that is gone. */
export function* releaseNodeAffinities(node: string): Steps<void> {
  for (const prefix of yield* affineBlocks(node)) yield* releaseOneAffinity(node, prefix, false);
}

/**
 * `calicoctl delete ippool`: disable, wait half a second for assignments under way, release the affinities in its CIDR,
 * delete. Blocks with addresses in use stay behind without owner. Throws NOT_FOUND, CONFLICT.
 */
export function* deletePool(name: string): Steps<void> {
  let pool = yield* get('IPPool', name);
  if (pool.spec.disabled !== true) pool = yield* update({ ...pool, spec: { ...pool.spec, disabled: true } });
  yield* wait(POOL_DRAIN_NS);
  const prefix = poolPrefix(pool);
  for (const affinity of yield* list('BlockAffinity')) {
    const block = Prefix.from(affinity.spec.cidr);
    if (Prefix.contains(prefix, block.address)) yield* releaseOneAffinity(affinity.spec.node, block, false);
  }
  const last = yield* get('IPPool', name);
  yield* remove(last);
}

/**
 * One round of kube-controllers' garbage collector: give up blocks that were empty in the round before (`seen`) and still
 * are, but never a node's last. Returns the names of the blocks to be looked at in the next round.
 */
export function* collectEmptyBlocks(seen: ReadonlySet<string>): Steps<Set<string>> {
  const blocks = (yield* list('IPAMBlock')).filter(b => b.spec.affinity !== undefined);
  const owned = new Map<string, number>();
  for (const b of blocks) owned.set(b.spec.affinity!, (owned.get(b.spec.affinity!) ?? 0) + 1);
  const again = new Set<string>();
  for (const block of blocks.filter(b => isEmpty(b.spec))) {
    const { name } = block.metadata;
    const affinity = block.spec.affinity!;
    if (owned.get(affinity)! < 2) continue;
    if (!seen.has(name)) {
      again.add(name);
      continue;
    }
    owned.set(affinity, owned.get(affinity)! - 1);
    yield* releaseOneAffinity(affinity.replace(/^host:/, ''), Prefix.from(block.spec.cidr), true);
  }
  return again;
}

/**
 * `calicoctl delete node` and the garbage collector after Kubernetes lost the node: its addresses, its affinities.
 * The node object itself is not touched.
 */
export function* releaseNode(node: string): Steps<void> {
  const handles = new Set<string>();
  for (const block of yield* list('IPAMBlock')) {
    for (const attribute of block.spec.attributes) {
      if (attribute.secondary?.['node'] === node && attribute.handle_id !== undefined)
        handles.add(attribute.handle_id);
    }
  }
  for (const handle of handles) yield* releaseByHandle(handle);
  yield* releaseNodeAffinities(node);
}
