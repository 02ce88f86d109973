/** IPAM's own objects, as the custom resources of the Kubernetes datastore hold them (facts: calico-ipam §1). */
import * as Prefix from '../../addr/prefix.ts';
import { CALICO_API, type FieldPath, type Problem, type ResourceBase } from './meta.ts';
import { any, bool, int, list, map, object, string } from './shape.ts';

export type AffinityState = 'pending' | 'confirmed' | 'pendingDeletion';

/** One per (node, block). Only a confirmed one is routed and exported. */
export interface BlockAffinity extends ResourceBase<'BlockAffinity'> {
  spec: {
    node: string;
    cidr: string;
    state: AffinityState;
    deleted?: 'true' | 'false';
    type?: 'host' | 'virtual';
  };
}

export interface AllocationAttribute {
  handle_id?: string;
  secondary?: Record<string, string>;
}

export interface IPAMBlock extends ResourceBase<'IPAMBlock'> {
  spec: {
    cidr: string;
    /** `host:<node>`; absent when nobody owns the block. */
    affinity?: string;
    affinityClaimTime?: string;
    /** By ordinal: an index into `attributes`, or null when free. */
    allocations: (number | null)[];
    /** Free ordinals, next to be used first. */
    unallocated: number[];
    attributes: AllocationAttribute[];
    sequenceNumber: number;
    sequenceNumberForAllocation: Record<string, number>;
    deleted?: boolean;
    strictAffinity?: boolean;
  };
}

/** How many addresses a handle holds, by block CIDR. */
export interface IPAMHandle extends ResourceBase<'IPAMHandle'> {
  spec: { handleID: string; block: Record<string, number>; deleted?: boolean };
}

export const BLOCKAFFINITY_SPEC = object('BlockAffinitySpec', {
  node: string,
  cidr: string,
  state: string,
  deleted: string,
  type: string,
});

export const IPAMBLOCK_SPEC = object('IPAMBlockSpec', {
  cidr: string,
  affinity: string,
  affinityClaimTime: string,
  allocations: list(any),
  unallocated: list(int),
  attributes: list(object('AllocationAttribute', { handle_id: string, secondary: map(string) })),
  sequenceNumber: int,
  sequenceNumberForAllocation: map(int),
  deleted: bool,
  strictAffinity: bool,
});

export const IPAMHANDLE_SPEC = object('IPAMHandleSpec', { handleID: string, block: map(int), deleted: bool });

const dashed = (cidr: string): string => cidr.replaceAll(/[./]/g, '-');

/** `172-16-158-0-24`. */
export const blockName = (block: Prefix.Prefix): string => dashed(Prefix.format(block));

/** `k8s-w1-172-16-158-0-24`. */
export const affinityName = (node: string, block: Prefix.Prefix): string => `${node}-${blockName(block)}`;

export const newAffinity = (node: string, block: Prefix.Prefix, state: AffinityState): BlockAffinity => ({
  apiVersion: CALICO_API,
  kind: 'BlockAffinity',
  metadata: { name: affinityName(node, block) },
  spec: { node, cidr: Prefix.format(block), state, deleted: 'false' },
});

const problem = (field: string, value: unknown, reason: string, path: FieldPath): Problem => ({
  field,
  value,
  reason,
  path,
});

/** A block's CIDR as these objects write it; `undefined` when it is none. */
function blockCidr(cidr: unknown): Prefix.Prefix | undefined {
  const prefix = typeof cidr === 'string' ? Prefix.parse(cidr) : undefined;
  return prefix !== undefined && Prefix.isMasked(prefix) ? prefix : undefined;
}

/** Nobody but IPAM writes these in a cluster; in a file they have to be as IPAM would have left them. */
export function validateBlockAffinity({ metadata, spec }: BlockAffinity): Problem[] {
  const block = blockCidr(spec.cidr);
  if (block === undefined) return [problem('CIDR', spec.cidr, 'must be a block', ['spec', 'cidr'])];
  const problems: Problem[] = [];
  if (!['pending', 'confirmed', 'pendingDeletion'].includes(spec.state))
    problems.push(
      problem('State', spec.state, 'must be pending, confirmed or pendingDeletion', ['spec', 'state']),
    );
  const name = affinityName(spec.node, block);
  if (metadata.name !== name)
    problems.push(problem('Name', metadata.name, `must be ${name}`, ['metadata', 'name']));
  return problems;
}

/** Every ordinal of the block is either allocated or in the queue of free ones, once. */
export function validateIPAMBlock({ metadata, spec }: IPAMBlock): Problem[] {
  const block = blockCidr(spec.cidr);
  if (block === undefined) return [problem('CIDR', spec.cidr, 'must be a block', ['spec', 'cidr'])];
  if (metadata.name !== blockName(block))
    return [problem('Name', metadata.name, `must be ${blockName(block)}`, ['metadata', 'name'])];
  const { allocations = [], unallocated = [] } = spec;
  const size = Prefix.size(block.length);
  if (allocations.length !== size) {
    const reason = `must have ${size} entries, one for each address`;
    return [problem('Allocations', undefined, reason, ['spec', 'allocations'])];
  }
  const free = new Set(unallocated);
  const whole = free.size === unallocated.length && allocations.every((a, i) => (a === null) === free.has(i));
  if (whole && unallocated.every(i => i < size)) return [];
  const reason = 'must list every ordinal that is not allocated, once';
  return [problem('Unallocated', undefined, reason, ['spec', 'unallocated'])];
}
