/**
 * AutoAssign: one address for a node, in the six steps of calico-ipam §2 (libcalico-go/lib/ipam/ipam.go).
 *
 *     1 candidate pools        4 reclaim somebody's empty old block
 *     2 own blocks with room   5 borrow from anybody's block
 *     3 claim a new block      6 or say why not
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { DatastoreError, find, get, isCode, list, type Steps } from '../datastore.ts';
import { affinityName, blockName, type IPAMBlock } from '../resources/ipam.ts';
import type { Node } from '../resources/node.ts';
import type { AllowedUse, IPAMConfiguration, IPPool } from '../resources/pool.ts';
import { matches } from '../selector.ts';
import {
  affineBlocks,
  BlockClaimConflict,
  BlockNotEmpty,
  blockFromAffinity,
  claimBlock,
  type Moment,
  pendingAffinity,
  RETRIES,
  releaseAffinity,
  TOO_MANY_RETRIES,
  updateBlock,
} from './affinity.ts';
import {
  allocate,
  allocateAddress,
  freeCount,
  hostAffinity,
  isEmpty,
  isWhollyReserved,
  type Owner,
  type Reservations,
} from './block.ts';
import { countHandle } from './handle.ts';
import { blockOf, blocksFrom, poolPrefix } from './walk.ts';

export type { Moment } from './affinity.ts';
export type { Owner } from './block.ts';

export interface AssignRequest {
  readonly node: string;
  readonly use: AllowedUse;
  readonly owner: Owner;
  readonly moment: Moment;
  /** Only these pools (CIDRs), in this order, whatever their selectors say. */
  readonly pools?: readonly string[];
}

/** Nothing could be assigned; `message` is Calico's. */
export class IpamError extends Error {
  override readonly name = 'IpamError';
  readonly code = 'IPAM';
}

const DEFAULT_MAX_BLOCKS = 20;
const MIN_RECLAIM_AGE_MS = 60_000;

interface Config {
  readonly strictAffinity: boolean;
  readonly autoAllocateBlocks: boolean;
  readonly maxBlocks: number;
}

function* readConfig(): Steps<Config> {
  const spec: IPAMConfiguration['spec'] = (yield* find('IPAMConfiguration', 'default'))?.spec ?? {};
  return {
    strictAffinity: spec.strictAffinity ?? false,
    autoAllocateBlocks: spec.autoAllocateBlocks ?? true,
    maxBlocks: spec.maxBlocksPerHost || DEFAULT_MAX_BLOCKS,
  };
}

function* readReservations(): Steps<Reservations> {
  const all = yield* list('IPReservation');
  const cidrs = all.flatMap(r => r.spec.reservedCIDRs ?? []);
  return cidrs.map(cidr => Prefix.from(cidr.includes('/') ? cidr : `${cidr}/32`));
}

/** True when `node` may allocate from `pool`, by the pool's node selector. */
export const selectsNode = (pool: IPPool, node: Node): boolean =>
  matches(pool.spec.nodeSelector ?? 'all()', node.metadata.labels ?? {});

/** Step 1. Throws IpamError when there is none. */
function* candidatePools(request: AssignRequest, node: Node): Steps<IPPool[]> {
  const enabled = (yield* list('IPPool')).filter(p => p.spec.disabled !== true);
  if (enabled.length === 0) throw new IpamError('no configured Calico pools');
  let pools = enabled.filter(p => selectsNode(p, node));
  if (request.pools !== undefined && request.pools.length > 0) {
    pools = request.pools.map(cidr => {
      const pool = enabled.find(p => p.spec.cidr === cidr);
      if (pool === undefined) {
        throw new IpamError(`the given pool (${cidr}) does not exist, or is not enabled`);
      }
      return pool;
    });
  }
  if (pools.length === 0) throw new IpamError(`no configured Calico pools for node ${request.node}`);
  const usable = pools.filter(p => (p.spec.allowedUses ?? ['Workload', 'Tunnel']).includes(request.use));
  if (usable.length === 0) {
    throw new IpamError(`cannot find a qualified ippool, no pools match the required use (${request.use})`);
  }
  return usable;
}

const poolFor = (pools: readonly IPPool[], address: Ipv4Address): IPPool | undefined =>
  pools.find(p => Prefix.contains(poolPrefix(p), address));

/** Before step 2: give up empty blocks of enabled pools that no longer select the node. */
function* releaseUnselected(node: Node, blocks: readonly Prefix.Prefix[]): Steps<void> {
  const pools = (yield* list('IPPool')).filter(p => p.spec.disabled !== true);
  for (const block of blocks) {
    const pool = poolFor(pools, block.address);
    if (pool === undefined || selectsNode(pool, node)) continue;
    yield* tryRelease(node.metadata.name, block);
  }
}

function* tryRelease(node: string, block: Prefix.Prefix): Steps<void> {
  for (let i = 0; i < RETRIES; i++) {
    try {
      yield* releaseAffinity(node, block, { empty: true });
      return;
    } catch (error) {
      if (isCode(error, 'CONFLICT')) continue;
      if (isCode(error, 'NOT_FOUND') || error instanceof BlockClaimConflict || error instanceof BlockNotEmpty)
        return;
      throw error;
    }
  }
}

/** Step 2: the first own block with room. */
function* ownBlockWithRoom(
  request: AssignRequest,
  own: readonly Prefix.Prefix[],
  reservations: Reservations,
): Steps<IPAMBlock | undefined> {
  for (const prefix of own) {
    if (isWhollyReserved(reservations, prefix)) continue;
    for (let i = 0; i < RETRIES; i++) {
      const affinity = yield* find('BlockAffinity', affinityName(request.node, prefix));
      if (affinity === undefined) break;
      try {
        const block = yield* blockFromAffinity(affinity, request.moment);
        if (freeCount(block.spec, reservations) > 0) return block;
        break;
      } catch (error) {
        if (isCode(error, 'CONFLICT')) continue;
        if (error instanceof DatastoreError || error instanceof BlockClaimConflict) break;
        throw error;
      }
    }
  }
  return undefined;
}

/** A block that nobody has, or one of the node's own with room (claimed by another process meanwhile); else step 4. */
function* usableBlock(
  request: AssignRequest,
  pools: readonly IPPool[],
  reservations: Reservations,
): Steps<Prefix.Prefix | undefined> {
  const { node, moment } = request;
  const empty: IPAMBlock[] = [];
  for (const pool of pools) {
    for (const prefix of blocksFrom(pool, node, moment.ns)) {
      if (isWhollyReserved(reservations, prefix)) continue;
      const block = yield* find('IPAMBlock', blockName(prefix));
      if (block === undefined) return prefix;
      const free = freeCount(block.spec, reservations);
      if (free > 0 && block.spec.affinity === hostAffinity(node)) return prefix;
      if (free > 0 && isEmpty(block.spec)) empty.push(block);
    }
  }
  for (const block of empty) {
    if (!isOldEnough(block, moment)) continue;
    const owner = block.spec.affinity?.replace(/^host:/, '');
    if (owner === undefined) continue;
    const prefix = Prefix.from(block.spec.cidr);
    try {
      yield* releaseAffinity(owner, prefix, { empty: true, sequenceNumber: block.spec.sequenceNumber });
      return prefix;
    } catch (error) {
      const lost = error instanceof DatastoreError || error instanceof BlockClaimConflict;
      if (!lost && !(error instanceof BlockNotEmpty)) throw error;
    }
  }
  return undefined;
}

function isOldEnough(block: IPAMBlock, moment: Moment): boolean {
  const claimed = block.spec.affinityClaimTime;
  return claimed === undefined || Date.parse(moment.timestamp) - Date.parse(claimed) >= MIN_RECLAIM_AGE_MS;
}

/** Steps 3 and 4. `undefined` when there is no block to claim. */
function* claimNewBlock(
  request: AssignRequest,
  pools: readonly IPPool[],
  reservations: Reservations,
): Steps<IPAMBlock | undefined> {
  for (let i = 0; i < RETRIES; i++) {
    const prefix = yield* usableBlock(request, pools, reservations);
    if (prefix === undefined) return undefined;
    for (let j = 0; j < RETRIES; j++) {
      try {
        const affinity = yield* pendingAffinity(request.node, prefix);
        return yield* blockFromAffinity(affinity, request.moment);
      } catch (error) {
        if (isCode(error, 'CONFLICT') || isCode(error, 'NOT_FOUND')) continue;
        if (error instanceof BlockClaimConflict) break;
        throw error;
      }
    }
  }
  throw new IpamError(TOO_MANY_RETRIES);
}

/** One address of `block`; read again and tried again when it was written meanwhile. `undefined` when it is full. */
function* assignFrom(
  block: IPAMBlock,
  request: AssignRequest,
  reservations: Reservations,
): Steps<Ipv4Address | undefined> {
  let current: IPAMBlock | undefined = block;
  for (let i = 0; i < RETRIES && current !== undefined; i++) {
    const taken = allocate(current.spec, request.owner, reservations);
    if (taken === undefined) return undefined;
    yield* countHandle(request.owner.handle, current.spec.cidr, 1);
    try {
      yield* updateBlock(current, taken.spec);
      return taken.address;
    } catch (error) {
      yield* countHandle(request.owner.handle, current.spec.cidr, -1);
      if (!isCode(error, 'CONFLICT') && !isCode(error, 'NOT_FOUND')) throw error;
      current = yield* find('IPAMBlock', block.metadata.name);
    }
  }
  return undefined;
}

/** Step 5: any block of the pools, whoever owns it; its affinity does not change. */
function* borrow(
  request: AssignRequest,
  pools: readonly IPPool[],
  reservations: Reservations,
): Steps<Ipv4Address | undefined> {
  for (const pool of pools) {
    for (const prefix of blocksFrom(pool, request.node, request.moment.ns)) {
      if (isWhollyReserved(reservations, prefix)) continue;
      const block = yield* find('IPAMBlock', blockName(prefix));
      if (block === undefined) continue;
      const address = yield* assignFrom(block, request, reservations);
      if (address !== undefined) return address;
    }
  }
  return undefined;
}

const unfulfilled = (message: string): IpamError =>
  new IpamError(`Assigned 0 out of 1 requested IPv4 addresses; ${message}`);

/** Assign one address. Throws IpamError with Calico's reason, DatastoreError NOT_FOUND when the node does not exist. */
export function* autoAssign(request: AssignRequest): Steps<Ipv4Address> {
  const reservations = yield* readReservations();
  const node = yield* get('Node', request.node);
  const pools = yield* candidatePools(request, node);
  const all = yield* affineBlocks(request.node);
  const own = all.filter(b => poolFor(pools, b.address) !== undefined);
  const others = all.filter(b => !own.includes(b));
  yield* releaseUnselected(node, others);
  const config = yield* readConfig();

  // Another process of the node may fill a block between the choice and the write: then choose again.
  for (let i = 0; i < RETRIES; i++) {
    let block = yield* ownBlockWithRoom(request, own, reservations);
    if (block === undefined) {
      if (own.length >= config.maxBlocks) {
        throw new IpamError(
          `Need to allocate an IPAM block but could not - limit of ${config.maxBlocks} blocks reached for this node`,
        );
      }
      if (!config.autoAllocateBlocks) throw new IpamError('failed to find or claim a block');
      block = yield* claimNewBlock(request, pools, reservations);
      if (block === undefined) break;
      own.push(Prefix.from(block.spec.cidr));
    }
    const address = yield* assignFrom(block, request, reservations);
    if (address !== undefined) return address;
  }
  if (config.strictAffinity) {
    throw unfulfilled('No more free affine blocks and strict affinity enabled');
  }
  const borrowed = yield* borrow(request, pools, reservations);
  if (borrowed !== undefined) return borrowed;
  throw unfulfilled(`No IPs available in pools: [${pools.map(p => p.spec.cidr).join(' ')}]`);
}

/**
 * Assign one given address (the `ipAddrs` annotation): it must lie in an enabled pool; a missing block is claimed; a
 * block of another node will do unless affinity is strict. Reservations are not asked. Throws IpamError.
 */
export function* assignAddress(
  request: Omit<AssignRequest, 'pools' | 'use'>,
  address: Ipv4Address,
  addressText: string,
): Steps<void> {
  const enabled = (yield* list('IPPool')).filter(p => p.spec.disabled !== true);
  const pool = poolFor(enabled, address);
  if (pool === undefined) throw new IpamError('The provided IP address is not in a configured pool\n');
  const { strictAffinity } = yield* readConfig();
  const prefix = blockOf(pool, address);
  const cidr = Prefix.format(prefix);
  for (let i = 0; i < RETRIES; i++) {
    let counted = false;
    try {
      const block =
        (yield* find('IPAMBlock', blockName(prefix))) ??
        (yield* claimBlock(yield* pendingAffinity(request.node, prefix), request.moment));
      const { affinity } = block.spec;
      if (strictAffinity && affinity !== undefined && affinity !== hostAffinity(request.node)) {
        throw new IpamError('Block host affinity does not match');
      }
      const spec = allocateAddress(block.spec, address, request.owner);
      if (spec === undefined) {
        throw new IpamError(
          `resource already exists: ${addressText} with error: Address already assigned in block`,
        );
      }
      yield* countHandle(request.owner.handle, cidr, 1);
      counted = true;
      yield* updateBlock(block, spec);
      return;
    } catch (error) {
      if (counted) yield* countHandle(request.owner.handle, cidr, -1);
      const lost = isCode(error, 'CONFLICT') || isCode(error, 'NOT_FOUND');
      if (!lost && !(error instanceof BlockClaimConflict)) throw error;
    }
  }
  throw new IpamError(TOO_MANY_RETRIES);
}
