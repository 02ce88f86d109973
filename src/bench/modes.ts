/** The modes of Calico that a benchmark compares, and what each does to a packet within a subnet and across two. */
import type { Encapsulation } from '../cost/host-model.ts';

export const MODES = ['direct', 'ipip', 'vxlan', 'ipip-crosssubnet', 'vxlan-crosssubnet'] as const;
export type Mode = (typeof MODES)[number];

type PoolMode = 'Never' | 'Always' | 'CrossSubnet';

interface ModeFacts {
  /** As in headings. */
  readonly title: string;
  /** `spec.ipipMode` and `spec.vxlanMode` of the pools. */
  readonly ipip: PoolMode;
  readonly vxlan: PoolMode;
  /** What the pool's tunnel adds to a packet, octets; pods get an MTU that leaves room for it. */
  readonly overhead: number;
}

/** Outer IPv4 of IPIP; outer IPv4, UDP, VXLAN and the inner Ethernet header of VXLAN. */
export const OVERHEAD: Readonly<Record<Encapsulation, number>> = { none: 0, ipip: 20, vxlan: 50 };

export const MODE_FACTS: Readonly<Record<Mode, ModeFacts>> = {
  direct: { title: 'Direct', ipip: 'Never', vxlan: 'Never', overhead: 0 },
  ipip: { title: 'IPIP', ipip: 'Always', vxlan: 'Never', overhead: OVERHEAD.ipip },
  vxlan: { title: 'VXLAN', ipip: 'Never', vxlan: 'Always', overhead: OVERHEAD.vxlan },
  'ipip-crosssubnet': {
    title: 'IPIP CrossSubnet',
    ipip: 'CrossSubnet',
    vxlan: 'Never',
    overhead: OVERHEAD.ipip,
  },
  'vxlan-crosssubnet': {
    title: 'VXLAN CrossSubnet',
    ipip: 'Never',
    vxlan: 'CrossSubnet',
    overhead: OVERHEAD.vxlan,
  },
};

/** How `mode` wraps a packet between two nodes. */
export function encapsulationOf(mode: Mode, sameSubnet: boolean): Encapsulation {
  const { ipip, vxlan } = MODE_FACTS[mode];
  const wraps = (pool: PoolMode): boolean => pool === 'Always' || (pool === 'CrossSubnet' && !sameSubnet);
  if (wraps(ipip)) return 'ipip';
  return wraps(vxlan) ? 'vxlan' : 'none';
}
