/**
 * What a worker needs to build one logical process: plain data, posted as it is. `plan.ts` makes these from a scenario,
 * `build.ts` makes processes from these.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { Node } from '../calico/resources/node.ts';
import type { ObserveSpec } from '../trace/observation.ts';

/** A NIC on jack `jack` of its process. */
export interface NicSpec {
  readonly jack: number;
  readonly device: string;
  readonly altnames: readonly string[];
  readonly mac: MacAddress;
  readonly mtu: number;
  readonly address: Ipv4Address;
  readonly length: number;
  /** 0 for none. */
  readonly broadcast: Ipv4Address;
}

export interface StaticRouteSpec {
  readonly prefix: Prefix;
  readonly via: Ipv4Address;
  readonly device: string;
  readonly protocol: string;
  readonly metric: number;
  readonly source: Ipv4Address;
  readonly scope: 'global' | 'link';
}

interface HostSpecBase {
  readonly nics: readonly NicSpec[];
  readonly routes: readonly StaticRouteSpec[];
  readonly sysctls: Readonly<Record<string, number>>;
  /** Absent: nobody looks. */
  readonly observe?: ObserveSpec;
}

/** A Kubernetes node: host namespace, pods, calico-node, kubelet. */
export interface NodeSpec extends HostSpecBase {
  /** Where the link to the API server is plugged in. */
  readonly managementJack: number;
  readonly hooks: 'calico' | 'none' | 'masquerade';
  readonly calicoVersion: string;
  /** `spec.bgp.ipv4Address` that calico-node writes when it starts: address and mask length. */
  readonly bgpAddress: { readonly address: Ipv4Address; readonly length: number };
  readonly asNumber: number | undefined;
  readonly startMs: number;
  /** What packets cost the node's processor, by name; absent: nothing. */
  readonly hostModel?: string;
  /** Of the connected route; a DHCP client sets one. */
  readonly kernelConnectedMetric: number;
  /** What the kubelet registers when the cluster does not know the node. */
  readonly registration: Node;
}

/** A router, or a plain host: one namespace that forwards or does not. */
export interface RouterSpec extends HostSpecBase {
  readonly forwards: boolean;
  readonly answersPing: boolean;
  /** Sends no ICMP errors. */
  readonly silent: boolean;
  readonly loopbacks: readonly Prefix[];
  readonly bgp: RouterBgpSpec | undefined;
}

export interface RouterBgpSpec {
  readonly as: number;
  readonly routerId: Ipv4Address | undefined;
  /** Prefixes that the router originates. */
  readonly networks: readonly Prefix[];
  readonly neighbors: readonly { readonly address: Ipv4Address; readonly as: number }[];
  /** Sources that may open a session unasked; they are taken to be of `as`. */
  readonly listenRange: { readonly prefix: Prefix; readonly as: number } | undefined;
  readonly routeReflectorClient: boolean;
  readonly clusterId: Ipv4Address | undefined;
  readonly nextHopSelf: boolean;
  readonly maximumPaths: number;
  readonly gracefulRestart: boolean;
}
