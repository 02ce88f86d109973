/** In which order a node looks through the blocks of a pool (facts: calico-ipam §3). */
import * as Prefix from '../../addr/prefix.ts';
import { fnv1, GoRand } from '../go-rand.ts';
import type { IPPool } from '../resources/pool.ts';

export const poolPrefix = (pool: IPPool): Prefix.Prefix => Prefix.from(pool.spec.cidr);

/** Number of blocks in `pool`. */
export const blockCount = (pool: IPPool): number => 2 ** (pool.spec.blockSize! - poolPrefix(pool).length);

/**
 * Index of the block where `node` begins: from its name alone, but from the time (ns) when a block is one address, as
 * then nodes had better not meet.
 */
export function startIndex(pool: IPPool, node: string, now: number): number {
  const seed = pool.spec.blockSize === 32 ? now : fnv1(node);
  return new GoRand(seed).below(blockCount(pool));
}

/** All blocks of `pool`, from the node's own start, once round. */
export function* blocksFrom(pool: IPPool, node: string, now: number): Generator<Prefix.Prefix> {
  const { address } = poolPrefix(pool);
  const length = pool.spec.blockSize!;
  const count = blockCount(pool);
  const start = startIndex(pool, node, now);
  for (let i = 0; i < count; i++) {
    yield { address: address + ((start + i) % count) * Prefix.size(length), length };
  }
}

/** The block of `pool` that `address` lies in. */
export const blockOf = (pool: IPPool, address: number): Prefix.Prefix =>
  Prefix.network(address, pool.spec.blockSize!);
