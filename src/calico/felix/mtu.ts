/** MTUs, as Felix and the CNI plugin choose them (facts: calico-dataplane §7). */
import { FELIX_DEFAULTS, type FelixConfigurationSpec } from '../resources/felix.ts';
import type { IPPool } from '../resources/pool.ts';

const IPIP_OVERHEAD = 20;
const VXLAN_OVERHEAD = 50;
const FALLBACK_HOST_MTU = 1460;

/** Which encapsulations are in use: by any pool, disabled ones too, unless the configuration says. */
export interface Encapsulation {
  readonly ipip: boolean;
  readonly vxlan: boolean;
}

export function encapsulation(config: FelixConfigurationSpec, pools: readonly IPPool[]): Encapsulation {
  return {
    ipip: config.ipipEnabled ?? pools.some(p => (p.spec.ipipMode ?? 'Never') !== 'Never'),
    vxlan: config.vxlanEnabled ?? pools.some(p => (p.spec.vxlanMode ?? 'Never') !== 'Never'),
  };
}

/** A NIC as the MTU detection sees it. */
export interface HostDevice {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
}

/** The smallest MTU of the interfaces that are up and whose names match `mtuIfacePattern`; 1460 when there are none. */
export function hostMtu(devices: readonly HostDevice[], config: FelixConfigurationSpec): number {
  const pattern = new RegExp(config.mtuIfacePattern ?? FELIX_DEFAULTS.mtuIfacePattern);
  const mtus = devices.filter(d => d.up && pattern.test(d.name)).map(d => d.mtu);
  return mtus.length === 0 ? FALLBACK_HOST_MTU : Math.min(...mtus);
}

export interface Mtus {
  readonly host: number;
  readonly ipip: number;
  readonly vxlan: number;
  /** Of new pods; running ones keep theirs. */
  readonly pod: number;
}

/** An explicit MTU wins, even one larger than the host's. */
export function mtus(host: number, config: FelixConfigurationSpec, used: Encapsulation): Mtus {
  const ipip = config.ipipMTU || host - IPIP_OVERHEAD;
  const vxlan = config.vxlanMTU || host - VXLAN_OVERHEAD;
  const enabled = [...(used.ipip ? [ipip] : []), ...(used.vxlan ? [vxlan] : [])];
  return { host, ipip, vxlan, pod: enabled.length === 0 ? host : Math.min(...enabled) };
}
