/**
 * The part of Felix's iptables and ipsets that decides where packets of a lab go (facts: calico-dataplane §9, §10), as
 * data: no policy, no Services.
 */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { TUNL0, VXLAN_CALICO } from '../names.ts';
import { FELIX_DEFAULTS, type FelixConfigurationSpec } from '../resources/felix.ts';
import { onceAlike } from '../resources/meta.ts';
import { type Node, nodeNetwork } from '../resources/node.ts';
import type { IPPool } from '../resources/pool.ts';
import type { Encapsulation } from './mtu.ts';

export const IP_SETS = {
  allPools: 'cali40all-ipam-pools',
  masqPools: 'cali40masq-ipam-pools',
  allHosts: 'cali40all-hosts-net',
  allVxlan: 'cali40all-vxlan-net',
} as const;

export type IpSetName = (typeof IP_SETS)[keyof typeof IP_SETS];

/** A rule of cali-INPUT; the first that matches decides. All of its conditions hold, and the destination is local. */
export interface InputRule {
  readonly protocol: 'ipip' | 'udp';
  readonly destinationPort?: number;
  /** The *outer* source is in this set. */
  readonly sourceSet?: IpSetName;
  /** DROP of IPIP does not ask for a local destination. */
  readonly destinationLocal: boolean;
  readonly verdict: 'ACCEPT' | 'DROP';
}

export interface NatOutgoing {
  readonly sourceSet: IpSetName;
  /** Packets to these are left alone. */
  readonly exceptDestinationSets: readonly IpSetName[];
  /** Translate to this instead of the address of the outgoing interface. */
  readonly toAddress?: Ipv4.Ipv4Address;
  /** Only through this interface. */
  readonly outInterface?: string;
}

export interface Hooks {
  /** Members in numeric order. */
  readonly ipSets: { readonly [name in IpSetName]: readonly Prefix.Prefix[] };
  readonly input: readonly InputRule[];
  /** Absent when no pool has natOutgoing. */
  readonly natOutgoing?: NatOutgoing;
  /** Local packets out of these devices with an address that is not the device's own get its own. */
  readonly tunnelMasquerade: readonly string[];
  /** Strict reverse-path filter on what comes from cali* devices; lifted where pods may spoof. */
  readonly workloadRpfStrict: boolean;
  /** Dropped when a pod sends them. */
  readonly workloadMayNotSend: readonly ('ipip' | 'vxlan')[];
  readonly vxlanPort: number;
  readonly workloadToHost: 'ACCEPT' | 'DROP' | 'RETURN';
}

const inOrder = (prefixes: readonly Prefix.Prefix[]): Prefix.Prefix[] => {
  const sorted = [...prefixes].sort(Prefix.compare);
  return sorted.filter((p, i) => i === 0 || !Prefix.equal(p, sorted[i - 1]!));
};

const host = (address: Ipv4.Ipv4Address): Prefix.Prefix => ({ address, length: 32 });

const hostOf = (node: Node): Prefix.Prefix | undefined => {
  const network = nodeNetwork(node);
  return network && host(network.address);
};

/** Of all nodes, in order: the same for thousands of them, and whatever else of a node changes. */
const hostsOf = onceAlike(
  (node: Node) => nodeNetwork(node)?.address,
  (nodes): readonly Prefix.Prefix[] => inOrder(nodes.flatMap(n => hostOf(n) ?? [])),
);

function externalNodes(config: FelixConfigurationSpec): Prefix.Prefix[] {
  return (config.externalNodesList ?? []).map(text => Prefix.from(text.includes('/') ? text : `${text}/32`));
}

function inputRules(used: Encapsulation, vxlanPort: number): InputRule[] {
  const rules: InputRule[] = [];
  if (used.ipip) {
    rules.push(
      { protocol: 'ipip', sourceSet: IP_SETS.allHosts, destinationLocal: true, verdict: 'ACCEPT' },
      { protocol: 'ipip', destinationLocal: false, verdict: 'DROP' },
    );
  }
  if (used.vxlan) {
    const vxlan = { protocol: 'udp', destinationPort: vxlanPort, destinationLocal: true } as const;
    rules.push({ ...vxlan, sourceSet: IP_SETS.allVxlan, verdict: 'ACCEPT' }, { ...vxlan, verdict: 'DROP' });
  }
  return rules;
}

function natOutgoing(config: FelixConfigurationSpec): NatOutgoing {
  const toAddress = config.natOutgoingAddress ? Ipv4.parse(config.natOutgoingAddress) : undefined;
  const exclusions = config.natOutgoingExclusions ?? FELIX_DEFAULTS.natOutgoingExclusions;
  return {
    sourceSet: IP_SETS.masqPools,
    exceptDestinationSets:
      exclusions === 'IPPoolsAndHostIPs' ? [IP_SETS.allPools, IP_SETS.allHosts] : [IP_SETS.allPools],
    ...(toAddress !== undefined && { toAddress }),
    ...(config.iptablesNATOutgoingInterfaceFilter && {
      outInterface: config.iptablesNATOutgoingInterfaceFilter,
    }),
  };
}

/** `vteps`: node addresses of the *other* nodes that have a VXLAN tunnel address. */
export function calculateHooks(
  config: FelixConfigurationSpec,
  used: Encapsulation,
  nodes: readonly Node[],
  pools: readonly IPPool[],
  vteps: readonly Ipv4.Ipv4Address[],
): Hooks {
  const cidr = (p: IPPool) => Prefix.from(p.spec.cidr);
  const masqueraded = pools.filter(p => p.spec.natOutgoing === true);
  const external = externalNodes(config);
  const vxlanPort = config.vxlanPort ?? FELIX_DEFAULTS.vxlanPort;
  const action = (
    config.defaultEndpointToHostAction ?? FELIX_DEFAULTS.defaultEndpointToHostAction
  ).toUpperCase();
  return {
    ipSets: {
      [IP_SETS.allPools]: inOrder(pools.map(cidr)),
      [IP_SETS.masqPools]: inOrder(masqueraded.map(cidr)),
      [IP_SETS.allHosts]: external.length === 0 ? hostsOf(nodes) : inOrder([...hostsOf(nodes), ...external]),
      [IP_SETS.allVxlan]: inOrder([...vteps.map(host), ...external]),
    },
    input: inputRules(used, vxlanPort),
    ...(masqueraded.length > 0 && { natOutgoing: natOutgoing(config) }),
    tunnelMasquerade: [...(used.ipip ? [TUNL0] : []), ...(used.vxlan ? [VXLAN_CALICO] : [])],
    workloadRpfStrict: config.workloadSourceSpoofing !== 'Any',
    workloadMayNotSend: [
      ...(config.allowIPIPPacketsFromWorkloads ? [] : (['ipip'] as const)),
      ...(config.allowVXLANPacketsFromWorkloads ? [] : (['vxlan'] as const)),
    ],
    vxlanPort,
    workloadToHost: action === 'ACCEPT' || action === 'RETURN' ? action : 'DROP',
  };
}
