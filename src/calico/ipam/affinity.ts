/**
 * Owning blocks: a BlockAffinity (pending → confirmed → pendingDeletion) beside the IPAMBlock, written in an order that
 * lets nodes race (facts: calico-ipam §1, §2; libcalico-go/lib/ipam/ipam_block_reader_writer.go).
 *
 *     claim:    affinity pending -> block created -> affinity confirmed
 *     release:  affinity pendingDeletion -> block deleted, or left without owner -> affinity deleted
 */
import * as Prefix from '../../addr/prefix.ts';
import {
  create,
  DatastoreError,
  find,
  get,
  isCode,
  listAffinities,
  remove,
  type Steps,
  update,
} from '../datastore.ts';
import {
  affinityName,
  type BlockAffinity,
  blockName,
  type IPAMBlock,
  newAffinity,
} from '../resources/ipam.ts';
import { hostAffinity, isEmpty, newBlock } from './block.ts';

/** How often a client starts again after losing a race (Calico's `datastoreRetries`). */
export const RETRIES = 100;
export const TOO_MANY_RETRIES = 'Max retries hit - excessive concurrent IPAM requests';

/** The moment of a request: virtual ns for sequence numbers, and the wall clock as text. */
export interface Moment {
  readonly ns: number;
  readonly timestamp: string;
}

/** Another node has the block: not an error of the datastore, but a lost race. */
export class BlockClaimConflict extends Error {
  override readonly name = 'BlockClaimConflict';
}

export class BlockNotEmpty extends Error {
  override readonly name = 'BlockNotEmpty';
}

/** Every write of a block counts. Throws CONFLICT. */
export function* updateBlock(block: IPAMBlock, spec: IPAMBlock['spec']): Steps<IPAMBlock> {
  return yield* update({ ...block, spec: { ...spec, sequenceNumber: spec.sequenceNumber + 1 } });
}

const withState = (affinity: BlockAffinity, state: BlockAffinity['spec']['state']): BlockAffinity => ({
  ...affinity,
  spec: { ...affinity.spec, state },
});

/** CIDRs of the node's affinities, in listing order. */
export function* affineBlocks(node: string): Steps<Prefix.Prefix[]> {
  const affinities = yield* listAffinities(node);
  return affinities.map(a => Prefix.from(a.spec.cidr));
}

/** The node's affinity to `block`, created as pending, or as it is when confirmed. Throws CONFLICT. */
export function* pendingAffinity(node: string, block: Prefix.Prefix): Steps<BlockAffinity> {
  try {
    return yield* create(newAffinity(node, block, 'pending'));
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
  }
  const existing = yield* get('BlockAffinity', affinityName(node, block));
  return existing.spec.state === 'confirmed' ? existing : yield* update(withState(existing, 'pending'));
}

/** Confirm; it is as good when another process of the node was faster. */
function* confirmAffinity(affinity: BlockAffinity): Steps<void> {
  try {
    yield* update(withState(affinity, 'confirmed'));
  } catch (error) {
    if (!isCode(error, 'CONFLICT')) throw error;
    const now = yield* find('BlockAffinity', affinity.metadata.name);
    if (now?.spec.state !== 'confirmed') throw error;
  }
}

/** Create the block and confirm. Throws BlockClaimConflict when another node has it: the affinity is deleted then. */
export function* claimBlock(affinity: BlockAffinity, moment: Moment): Steps<IPAMBlock> {
  const { node, cidr } = affinity.spec;
  const prefix = Prefix.from(cidr);
  let block: IPAMBlock;
  try {
    block = yield* create(newBlock(prefix, node, moment.ns, moment.timestamp));
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    block = yield* get('IPAMBlock', blockName(prefix));
    if (block.spec.affinity !== hostAffinity(node)) {
      yield* removeStale(affinity);
      throw new BlockClaimConflict(`block ${cidr} is claimed by another host`);
    }
  }
  yield* confirmAffinity(affinity);
  return block;
}

function* removeStale(affinity: BlockAffinity): Steps<void> {
  try {
    yield* remove(affinity);
  } catch (error) {
    if (!(error instanceof DatastoreError)) throw error;
  }
}

/**
 * The block behind an affinity, created if it is missing, the affinity confirmed if it is not.
 * Throws CONFLICT, BlockClaimConflict (a stale affinity is deleted).
 */
export function* blockFromAffinity(affinity: BlockAffinity, moment: Moment): Steps<IPAMBlock> {
  const { node, cidr, state } = affinity.spec;
  const block = yield* find('IPAMBlock', blockName(Prefix.from(cidr)));
  if (block === undefined) {
    const pending = yield* update(withState(affinity, 'pending'));
    return yield* claimBlock(pending, moment);
  }
  if (block.spec.affinity !== hostAffinity(node)) {
    yield* remove(affinity);
    throw new BlockClaimConflict(`affinity of ${node} to ${cidr} is stale`);
  }
  if (state === 'confirmed') return block;
  const pending = yield* update(withState(affinity, 'pending'));
  // Writing the block invalidates the copies of others who were about to use it.
  const written = yield* updateBlock(block, block.spec);
  yield* update(withState(pending, 'confirmed'));
  return written;
}

/**
 * Give up a node's affinity: an empty block is deleted, another is left without owner (its addresses stay taken).
 * `sequenceNumber`: only if the block was not written since. Throws CONFLICT, NOT_FOUND, BlockClaimConflict, BlockNotEmpty.
 */
export function* releaseAffinity(
  node: string,
  prefix: Prefix.Prefix,
  required: { readonly empty: boolean; readonly sequenceNumber?: number },
): Steps<void> {
  const affinity = yield* get('BlockAffinity', affinityName(node, prefix));
  const block = yield* get('IPAMBlock', blockName(prefix));
  if (required.sequenceNumber !== undefined && required.sequenceNumber !== block.spec.sequenceNumber) {
    throw new DatastoreError('CONFLICT', 'IPAM block updated since we last read it');
  }
  if (block.spec.affinity !== undefined && block.spec.affinity !== hostAffinity(node)) {
    yield* removeStale(affinity);
    throw new BlockClaimConflict(`block ${block.spec.cidr} has another owner`);
  }
  if (required.empty && !isEmpty(block.spec)) {
    throw new BlockNotEmpty(`block ${block.spec.cidr} is not empty`);
  }
  const leaving = yield* update(withState(affinity, 'pendingDeletion'));
  if (isEmpty(block.spec)) {
    yield* remove(block);
  } else {
    const { affinity: _, affinityClaimTime: __, ...orphan } = block.spec;
    yield* updateBlock(block, orphan);
  }
  yield* remove(leaving);
}
