/**
 * Felix, the pure part: from the datastore to what one node's dataplane should look like (facts: calico-dataplane §2–§12,
 * version profile A). The order in which the inputs are listed does not matter.
 *
 *     nodes pools blocks endpoints felixconfig ──> calculate ──> devices routes neighbours fdb hooks mtu
 *
 * Who writes it down compares it with what is there (`DeltaTracker`) and adds in dependency order: device, fdb,
 * neighbour, route; removes in reverse.
 */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Mac from '../../addr/mac.ts';
import { VXLAN_CALICO, vxlanMac } from '../names.ts';
import { canonical, type WorkloadEndpoint } from '../resources/core.ts';
import { FELIX_DEFAULTS, type FelixConfiguration, felixConfigFor } from '../resources/felix.ts';
import type { IPAMBlock } from '../resources/ipam.ts';
import { once } from '../resources/meta.ts';
import { type Node, nodeNetwork } from '../resources/node.ts';
import type { IPPool } from '../resources/pool.ts';
import { calculateHooks, type Hooks } from './hooks.ts';
import { type Encapsulation, encapsulation, type Mtus, mtus } from './mtu.ts';
import { calculateRoutes, type FelixRoute, type Vtep } from './routes.ts';

export type { FelixRoute } from './routes.ts';

export interface FelixInputs {
  /** The node whose Felix this is. */
  readonly node: string;
  /** It itself, as it is among the nodes. */
  readonly ownNode: Node | undefined;
  readonly nodes: readonly Node[];
  readonly pools: readonly IPPool[];
  readonly blocks: readonly IPAMBlock[];
  /** Those of other nodes are passed over. */
  readonly endpoints: readonly WorkloadEndpoint[];
  readonly configurations: readonly FelixConfiguration[];
  /** The NIC that holds the node's address. */
  readonly nic: string;
  /** From `hostMtu`, as it was when Felix started or last looked. */
  readonly hostMtu: number;
}

/**
 * tunl0 belongs to the kernel; Felix only sets it up.
 * `configured`: up, this MTU, exactly this address (none yet when IPAM has not given one).
 * `cleaned`: the address is taken away, the rest stays as it is: up, with its MTU, if it ever was.
 * `untouched`: ipipEnabled is false by configuration, and not even the address goes.
 */
export type Tunl0 =
  | { readonly state: 'configured'; readonly mtu: number; readonly address?: Ipv4.Ipv4Address }
  | { readonly state: 'cleaned' }
  | { readonly state: 'untouched' };

/** vxlan.calico is Felix's own: made, made anew when any of these but MTU and address changes, deleted when not wanted. */
export interface VxlanDevice {
  readonly mac: Mac.MacAddress;
  readonly vni: number;
  readonly port: number;
  readonly local: Ipv4.Ipv4Address;
  readonly parent: string;
  readonly mtu: number;
  readonly address: Ipv4.Ipv4Address;
}

/** A permanent neighbour entry. */
export interface Neighbour {
  readonly device: typeof VXLAN_CALICO;
  readonly address: Ipv4.Ipv4Address;
  readonly mac: Mac.MacAddress;
}

/** A permanent forwarding entry: frames to `mac` go to the node `remote`. */
export interface FdbEntry {
  readonly device: typeof VXLAN_CALICO;
  readonly mac: Mac.MacAddress;
  readonly remote: Ipv4.Ipv4Address;
}

export interface Dataplane {
  readonly tunl0: Tunl0;
  /** `undefined`: there must be none. */
  readonly vxlan: VxlanDevice | undefined;
  readonly routes: readonly FelixRoute[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  readonly hooks: Hooks;
  readonly encapsulation: Encapsulation;
  readonly mtu: Mtus;
  readonly ipForwarding: boolean;
  /** Felix restarts (exit code 129) when this text changes: the settings that it cannot take up while it runs. */
  readonly restartKey: string;
}

/** The node's end of VXLAN; `undefined` while it has no tunnel address. */
const vtepOf = once((node: Node): Vtep | undefined => {
  const name = node.metadata.name;
  const tunnel = node.spec.ipv4VXLANTunnelAddr ? Ipv4.parse(node.spec.ipv4VXLANTunnelAddr) : undefined;
  const underlay = nodeNetwork(node)?.address;
  if (tunnel === undefined || underlay === undefined) return undefined;
  const override = node.spec.vxlanTunnelMACAddr ? Mac.parse(node.spec.vxlanTunnelMACAddr) : undefined;
  return { node: name, tunnel, underlay, mac: override ?? vxlanMac(name) };
});

function tunl0(inputs: FelixInputs, used: Encapsulation, mtu: number): Tunl0 {
  if (used.ipip) {
    const text = inputs.ownNode?.spec.bgp?.ipv4IPIPTunnelAddr;
    const address = text ? Ipv4.parse(text) : undefined;
    return { state: 'configured', mtu, ...(address !== undefined && { address }) };
  }
  const { ipipEnabled } = felixConfigFor(inputs.node, inputs.configurations);
  return { state: ipipEnabled === false ? 'untouched' : 'cleaned' };
}

/** What the node's dataplane should be. Throws when the node is not among the nodes or has no address. */
export function calculate(inputs: FelixInputs): Dataplane {
  const { ownNode } = inputs;
  const own = ownNode && nodeNetwork(ownNode);
  if (own === undefined) throw new Error(`Felix on ${inputs.node}: the node has no address`);
  const config = felixConfigFor(inputs.node, inputs.configurations);
  const used = encapsulation(config, inputs.pools);
  const mtu = mtus(inputs.hostMtu, config, used);
  const known = used.vxlan ? inputs.nodes.flatMap(n => vtepOf(n) ?? []) : [];
  const vteps = new Map(known.map(v => [v.node, v]));
  const ownVtep = vteps.get(inputs.node);
  const others = known.filter(v => v.node !== inputs.node).sort((a, b) => a.tunnel - b.tunnel);
  const reachable = ownVtep === undefined ? [] : others;
  const { node, nodes, nic, pools, blocks, endpoints } = inputs;
  const device = tunl0(inputs, used, mtu.ipip);
  return {
    tunl0: device,
    vxlan: ownVtep && {
      mac: ownVtep.mac,
      vni: config.vxlanVNI ?? FELIX_DEFAULTS.vxlanVNI,
      port: config.vxlanPort ?? FELIX_DEFAULTS.vxlanPort,
      local: own.address,
      parent: nic,
      mtu: mtu.vxlan,
      address: ownVtep.tunnel,
    },
    routes: calculateRoutes({ node, own, nodes, nic, pools, blocks, endpoints, config, vteps }),
    neighbours: reachable.map(v => ({ device: VXLAN_CALICO, address: v.tunnel, mac: v.mac })),
    fdb: reachable.map(v => ({ device: VXLAN_CALICO, mac: v.mac, remote: v.underlay })),
    hooks: calculateHooks(
      config,
      used,
      nodes,
      pools,
      others.map(v => v.underlay),
    ),
    encapsulation: used,
    mtu,
    ipForwarding: (config.ipForwarding ?? FELIX_DEFAULTS.ipForwarding) === 'Enabled',
    restartKey: canonical({
      config,
      used,
      hostMtu: inputs.hostMtu,
      ipipTunnelAddress: ownNode?.spec.bgp?.ipv4IPIPTunnelAddr,
      vxlanTunnelAddress: ownNode?.spec.ipv4VXLANTunnelAddr,
    }),
  };
}
