/** IPAM's own objects, as the custom resources of the Kubernetes datastore hold them (facts: calico-ipam §1). */
import * as Prefix from '../../addr/prefix.ts';
import { CALICO_API, type ResourceBase } from './meta.ts';
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
