/**
 * An IPAM block: which of its addresses are taken, by whom, and in which order the free ones go (facts: calico-ipam §4).
 *
 *     unallocated:  [3, 4, 5, …, 255, 1]      take from the head ──> 3
 *                                             give back at the tail <── 0
 *
 * First in, first out: a freed address is the last to be used again. Ordinal 0 and the last are ordinary addresses.
 * Pure functions: a block is never changed, a new spec comes out.
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { type AllocationAttribute, blockName, type IPAMBlock } from '../resources/ipam.ts';
import { CALICO_API } from '../resources/meta.ts';

export type BlockSpec = IPAMBlock['spec'];

/** Addresses that automatic assignment passes over. */
export type Reservations = readonly Prefix.Prefix[];

/** Who holds an address. */
export interface Owner {
  readonly handle: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** `host:k8s-w1`, as a block's affinity is written. */
export const hostAffinity = (node: string): string => `host:${node}`;

/** A new block, everything free, affine to `node`. `sequenceNumber` starts at the time of creation, as Calico's does. */
export function newBlock(block: Prefix.Prefix, node: string, now: number, claimTime: string): IPAMBlock {
  const size = Prefix.size(block.length);
  return {
    apiVersion: CALICO_API,
    kind: 'IPAMBlock',
    metadata: { name: blockName(block) },
    spec: {
      cidr: Prefix.format(block),
      affinity: hostAffinity(node),
      affinityClaimTime: claimTime,
      allocations: Array<number | null>(size).fill(null),
      unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
      attributes: [],
      sequenceNumber: now,
      sequenceNumberForAllocation: {},
      deleted: false,
    },
  };
}

export const addressOf = (spec: BlockSpec, ordinal: number): Ipv4Address =>
  Prefix.from(spec.cidr).address + ordinal;

/** The ordinal of `address`; `undefined` outside the block. */
export function ordinalOf(spec: BlockSpec, address: Ipv4Address): number | undefined {
  const prefix = Prefix.from(spec.cidr);
  return Prefix.contains(prefix, address) ? address - prefix.address : undefined;
}

const isReserved = (reservations: Reservations, address: Ipv4Address): boolean =>
  reservations.some(r => Prefix.contains(r, address));

/** True when one reservation covers the whole block. */
export const isWhollyReserved = (reservations: Reservations, block: Prefix.Prefix): boolean =>
  reservations.some(r => Prefix.covers(r, block));

export function freeCount(spec: BlockSpec, reservations: Reservations = []): number {
  if (reservations.length === 0) return spec.unallocated.length;
  const base = Prefix.from(spec.cidr).address;
  return spec.unallocated.filter(ordinal => !isReserved(reservations, base + ordinal)).length;
}

export const isEmpty = (spec: BlockSpec): boolean => spec.allocations.every(a => a === null);

const sameAttribute = (a: AllocationAttribute, owner: Owner): boolean => {
  const secondary = a.secondary ?? {};
  const keys = Object.keys(secondary);
  return (
    a.handle_id === owner.handle &&
    keys.length === Object.keys(owner.attributes).length &&
    keys.every(k => secondary[k] === owner.attributes[k])
  );
};

/** Mark `ordinal` as the owner's; it is already out of `unallocated`. */
function take(spec: BlockSpec, ordinal: number, owner: Owner, unallocated: number[]): BlockSpec {
  const found = spec.attributes.findIndex(a => sameAttribute(a, owner));
  const index = found < 0 ? spec.attributes.length : found;
  const attribute = { handle_id: owner.handle, secondary: { ...owner.attributes } };
  return {
    ...spec,
    allocations: spec.allocations.with(ordinal, index),
    unallocated,
    attributes: found < 0 ? [...spec.attributes, attribute] : spec.attributes,
    sequenceNumberForAllocation: { ...spec.sequenceNumberForAllocation, [ordinal]: spec.sequenceNumber },
  };
}

/**
 * Take the first free address that is not reserved; reserved ones keep their place in the queue.
 * `undefined` when there is none.
 */
export function allocate(
  spec: BlockSpec,
  owner: Owner,
  reservations: Reservations = [],
): { spec: BlockSpec; address: Ipv4Address } | undefined {
  const base = Prefix.from(spec.cidr).address;
  const at = spec.unallocated.findIndex(ordinal => !isReserved(reservations, base + ordinal));
  if (at < 0) return undefined;
  const ordinal = spec.unallocated[at]!;
  return { spec: take(spec, ordinal, owner, spec.unallocated.toSpliced(at, 1)), address: base + ordinal };
}

/** Take one given address. `undefined` when it is taken; it must lie in the block. */
export function allocateAddress(spec: BlockSpec, address: Ipv4Address, owner: Owner): BlockSpec | undefined {
  const ordinal = ordinalOf(spec, address)!;
  if (spec.allocations[ordinal] !== null) return undefined;
  return take(
    spec,
    ordinal,
    owner,
    spec.unallocated.filter(o => o !== ordinal),
  );
}

/** Free these ordinals, which are taken; they join the tail of the queue in the order given. */
export function releaseOrdinals(spec: BlockSpec, ordinals: readonly number[]): BlockSpec {
  const allocations = [...spec.allocations];
  const sequences = { ...spec.sequenceNumberForAllocation };
  for (const ordinal of ordinals) {
    allocations[ordinal] = null;
    delete sequences[ordinal];
  }
  // Attributes that nobody refers to any more go, and the indexes close up.
  const used = new Set(allocations);
  const kept = spec.attributes.map((_, i) => i).filter(i => used.has(i));
  const moved = new Map(kept.map((old, index) => [old, index]));
  return {
    ...spec,
    allocations: allocations.map(a => (a === null ? null : moved.get(a)!)),
    unallocated: [...spec.unallocated, ...ordinals],
    attributes: kept.map(i => spec.attributes[i]!),
    sequenceNumberForAllocation: sequences,
  };
}

/** Ordinals held under `handle`, ascending. */
export function ordinalsByHandle(spec: BlockSpec, handle: string): number[] {
  const indexes = new Set<number | null>();
  spec.attributes.forEach((a, i) => {
    if (a.handle_id === handle) indexes.add(i);
  });
  return spec.allocations.flatMap((a, ordinal) => (a !== null && indexes.has(a) ? [ordinal] : []));
}

/** Who holds `address`; `undefined` when it is free. */
export function ownerOf(spec: BlockSpec, address: Ipv4Address): AllocationAttribute | undefined {
  const ordinal = ordinalOf(spec, address);
  const index = ordinal === undefined ? null : spec.allocations[ordinal]!;
  return index === null ? undefined : spec.attributes[index];
}
