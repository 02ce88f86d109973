/**
 * Equal-cost multipath: which of a route's next hops a flow takes (Linux `fib_select_multipath`, hash threshold of
 * RFC 2992 with weights).
 *
 *   0                                                            2^31
 *   |------ next hop 0 ------|-- next hop 1 --|------ next hop 2 ------|     widths in proportion to the weights
 *              ^ hash of the flow
 *
 * A flow stays on its next hop as long as the set is the same; when the set changes, few flows move.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { NextHop } from './route.ts';

/** `net.ipv4.fib_multipath_hash_policy`: 0 hashes the addresses, 1 the five-tuple. */
export type MultipathHashPolicy = 0 | 1;

const mix = (hash: number, word: number): number => {
  let z = Math.imul(hash ^ word, 0x9e3779b1);
  z = Math.imul(z ^ (z >>> 15), 0x85ebca6b);
  return z ^ (z >>> 13);
};

/** 32 bits over what the policy looks at. Directed, as in Linux: the answers' hash is another. */
export function multipathHash(
  seed: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  sourcePort: number,
  destinationPort: number,
  protocol: number,
  policy: MultipathHashPolicy,
): number {
  let hash = mix(mix(mix(0x811c9dc5, seed), source), destination);
  if (policy === 1) hash = mix(mix(hash, (sourcePort << 16) | destinationPort), protocol);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The next hop whose range holds `hash` (32 bits; Linux uses the upper 31). */
export function selectNextHop(nextHops: readonly NextHop[], hash: number): NextHop {
  let total = 0;
  for (let i = 0; i < nextHops.length; i++) total += nextHops[i]!.weight;
  const point = hash >>> 1;
  let weight = 0;
  for (let i = 0; i < nextHops.length; i++) {
    weight += nextHops[i]!.weight;
    // fib_rebalance(): DIV_ROUND_CLOSEST(weight << 31, total) - 1.
    if (point <= Math.floor((weight * 2 ** 31 + (total >> 1)) / total) - 1) return nextHops[i]!;
  }
  return nextHops[nextHops.length - 1]!;
}
