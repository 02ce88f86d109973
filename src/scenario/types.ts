/**
 * A scenario as plain data: what the loader hands to everybody else.
 *
 * Everything is resolved: addresses are numbers, references are names that exist, times are virtual nanoseconds, rates
 * bit/s, and each thing keeps the place where it was written so that a report can point at it. Nothing in a scenario is
 * a function or a class, so that it can be posted to a worker as it is.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { Traffic } from '../fabric/traffic.ts';
import type { RouterBgpSpec } from '../node/spec.ts';
import type { DropReason } from '../trace/drop-reason.ts';

/** A place in a file. Line and column are 1-based; a column counts UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Cloud = 'none' | 'aws-vpc' | 'azure-vnet' | 'port-security';
export type Hooks = 'calico' | 'none' | 'masquerade';

export interface Scenario {
  /** The file as the user named it: the prefix of every diagnostic. */
  readonly file: string;
  /** The folder that resource files are read from. */
  readonly directory: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** As written, with the leading `v`: `v3.28.1`. */
  readonly calicoVersion: string;
  readonly seed: number;
  /** The virtual wall clock at virtual time 0, in milliseconds since 1970. */
  readonly startMs: number;
  readonly hooks: Hooks;
  /** Set in every node before it boots: `net.ipv4.conf.all.rp_filter` -> 1. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** What packets cost the nodes' processors, by the name of the model; undefined: nothing. */
  readonly hostModel: string | undefined;
  readonly fabric: Fabric;
  readonly resources: readonly LoadedResource[];
  /** The text of the resource files by base name: they lie in the home of the first node's root. */
  readonly files: Readonly<Record<string, string>>;
  /** Pods that held their addresses before the scenario's own were made. */
  readonly pods: readonly ExistingPod[];
  readonly steps: readonly Step[];
  readonly bench: Bench | undefined;
}

export interface Fabric {
  readonly cloud: Cloud;
  readonly subnets: readonly Subnet[];
  readonly routers: readonly Router[];
  readonly nodes: readonly Node[];
  readonly hosts: readonly Host[];
  /** Links that differ from what their subnet says, by `name/device`. */
  readonly links: readonly LinkOverride[];
}

export interface Subnet {
  readonly name: string;
  readonly cidr: Prefix;
  /** The router that nodes send their default route to; `undefined` in an isolated subnet. */
  readonly gateway: { readonly router: string; readonly address: Ipv4Address } | undefined;
  readonly rateBps: number;
  readonly delayNs: number;
  readonly mtu: number;
  /** Bound of each transmit queue; `undefined` is the engine's default. */
  readonly queueBytes: number | undefined;
  readonly position: Position;
}

export interface Router {
  readonly name: string;
  /** True for the router that a cloud brings with it and nobody wrote down. */
  readonly implied: boolean;
  readonly interfaces: readonly { readonly subnet: string; readonly address: Ipv4Address }[];
  readonly defaultRoute: Ipv4Address | undefined;
  readonly routes: readonly StaticRoute[];
  readonly bgp: RouterBgpSpec | undefined;
  readonly loopbacks: readonly Prefix[];
  /** Answers echo requests to its own addresses. */
  readonly answersPing: boolean;
  /** Sends no ICMP errors: a packet without a route dies without a word. */
  readonly silent: boolean;
  readonly position: Position;
}

export interface StaticRoute {
  readonly prefix: Prefix;
  readonly via: Ipv4Address;
}

export interface Node {
  readonly name: string;
  readonly subnet: string;
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly interface: 'eth0' | 'ens5';
  /** Another name of the NIC (`enp0s5` of `ens5`). */
  readonly altname: string | undefined;
  readonly mtu: number;
  readonly defaultRoute: Ipv4Address | undefined;
  readonly asNumber: number | undefined;
  /** The cloud drops frames that carry an address other than the NIC's. */
  readonly sourceDestCheck: boolean;
  /** What the network does not carry to or from it. */
  readonly blocks: readonly Traffic[];
  /** What goes into the Node resource's `bgp.ipv4Address`: address and mask length, host bits set. */
  readonly bgpAddress: { readonly address: Ipv4Address; readonly length: number };
  readonly position: Position;
}

/** A machine outside the cluster: in a subnet, or behind a router on a link of its own (the Internet's 8.8.8.8). */
export interface Host {
  readonly name: string;
  readonly address: Ipv4Address;
  readonly attachment:
    | { readonly kind: 'subnet'; readonly subnet: string; readonly defaultRoute: Ipv4Address | undefined }
    | { readonly kind: 'router'; readonly router: string };
  readonly position: Position;
}

export interface LinkOverride {
  readonly owner: string;
  readonly device: string;
  readonly rateBps: number | undefined;
  readonly delayNs: number | undefined;
  readonly queueBytes: number | undefined;
  /** Share of frames lost, 0 to 1. */
  readonly loss: number | undefined;
  /** Share of packets in which the switch flips a bit, 0 to 1. */
  readonly corrupt: number | undefined;
  /** The octet that the switch writes over DSCP and ECN. */
  readonly tos: number | undefined;
  readonly position: Position;
}

export interface ExistingPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly position: Position;
}

export interface Bench {
  readonly modes: readonly string[];
  readonly mtus: readonly number[];
  readonly ratesBps: readonly number[];
  readonly streams: readonly number[];
  readonly durationNs: number;
  readonly expect: readonly BenchExpectation[];
}

/** A threshold of `tunlab bench`, for every cell that it fits. */
export interface BenchExpectation {
  readonly mode: string;
  /** `undefined`: both pairs. */
  readonly sameSubnet: boolean | undefined;
  /** Goodput at most this share below that of mode `of`, 0 to 1. */
  readonly within: number | undefined;
  readonly of: string;
  /** bit/s. */
  readonly atLeast: number | undefined;
  readonly limit: string | undefined;
  /** As written, on one line. */
  readonly text: string;
  readonly position: Position;
}

// ---------------------------------------------------------------------------------------------------------- resources

/** One Calico or Kubernetes resource as it stands in its file, not yet defaulted. */
export interface LoadedResource {
  /** Path to show: the scenario's folder as the user wrote it, then the path in `resources`. */
  readonly file: string;
  /** Of the document (or list item) that holds it. */
  readonly position: Position;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** `undefined` for cluster-scoped kinds; `default` where a namespaced resource does not say. */
  readonly namespace: string | undefined;
  readonly object: Readonly<Record<string, unknown>>;
  /** Where each field stands, by dotted path (`spec.ipipMode`, `spec.containers[0].image`). */
  readonly fields: Readonly<Record<string, Position>>;
}

export interface ResourceProblem {
  readonly resource: LoadedResource;
  /** Into `resource.object`; a path that ends at something absent points at the nearest parent. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Checks that need Calico's knowledge (overlapping pools, two encapsulations at once, ...). */
export type ResourceValidator = (resources: readonly LoadedResource[]) => readonly ResourceProblem[];

// -------------------------------------------------------------------------------------------------------------- steps

/** One step. Its parts happen in this order: link, node, run, wait, expect, snapshot. */
export interface Step {
  /** As given, or the first command or expectation. */
  readonly name: string;
  readonly link:
    | { readonly state: 'down' | 'up'; readonly owner: string; readonly device: string }
    | undefined;
  readonly node: { readonly action: 'stop' | 'start'; readonly name: string } | undefined;
  readonly run: readonly Command[];
  readonly waitNs: number;
  readonly expect: readonly Expectation[];
  /** Keep the tables under this name at the step's end. */
  readonly snapshot: string | undefined;
  readonly position: Position;
}

export interface Command {
  readonly text: string;
  readonly position: Position;
}

/** Who sends or receives: `pod1`, `kube-system/coredns`, `k8s-w1`, `k8s-rtr`, `8.8.8.8`. */
export type Endpoint =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node' | 'router' | 'host'; readonly name: string }
  | { readonly kind: 'address'; readonly address: Ipv4Address };

interface Expected {
  /** As written, on one line. */
  readonly text: string;
  readonly position: Position;
  /** Poll until it holds, for so long at most; `undefined` = it must hold now. */
  readonly withinNs: number | undefined;
  /** From then on it must hold for so long. */
  readonly forNs: number | undefined;
  /** It must not hold once in so long; stands alone. */
  readonly neverNs: number | undefined;
}

interface Probe extends Expected {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** `<->`: the other way round too. */
  readonly symmetric: boolean;
  readonly proto: 'icmp' | 'udp' | 'tcp';
  readonly port: number | undefined;
  /** Payload behind the ICMP or UDP header, in octets, as `ping -s` counts. */
  readonly sizeBytes: number | undefined;
  readonly df: boolean;
}

export type PathKind = 'direct' | 'tunl0' | 'vxlan.calico';

export interface ConvergedExpectation extends Expected {
  readonly kind: 'converged';
}
export interface ReachableExpectation extends Probe {
  readonly kind: 'reachable';
  readonly via: PathKind | undefined;
}
export interface UnreachableExpectation extends Probe {
  readonly kind: 'unreachable';
  readonly reason: DropReason | undefined;
  /** The node, router or host where the packet dies. */
  readonly place: string | undefined;
}
/** The machines that a probe was seen to pass on its way there: the sender's, those between, the receiver's. */
export interface PathExpectation extends Probe {
  readonly kind: 'path';
  readonly hops: readonly string[];
}
/** How long a flow may be cut off, from before the step's disturbance until the lab has converged again. */
export interface OutageExpectation extends Expected {
  readonly kind: 'outage';
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly maxNs: number;
}
export interface RouteExpectation extends Expected {
  /** `route`: there is one that fits; `noRoute`: there is none that fits. */
  readonly kind: 'route' | 'noRoute';
  readonly prefix: Prefix;
  readonly on: Endpoint;
  readonly via: Ipv4Address | undefined;
  readonly dev: string | undefined;
  readonly proto: string | undefined;
  readonly onlink: boolean | undefined;
  readonly type: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | undefined;
  readonly metric: number | undefined;
}
export interface BgpExpectation extends Expected {
  readonly kind: 'bgp';
  readonly state: BgpStateName | 'none';
  readonly on: string;
  readonly peer: Ipv4Address;
}
export type BgpStateName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';
export interface MtuExpectation extends Expected {
  readonly kind: 'mtu';
  readonly on: Endpoint;
  readonly dev: string;
  readonly value: number;
}
export interface IpamExpectation extends Expected {
  readonly kind: 'ipam';
  /** A pod, or a node (then `address` is that of its tunnel). */
  readonly of: Endpoint;
  readonly address: Ipv4Address | undefined;
  readonly block: Prefix | undefined;
}
/** Frames that have died of one reason since the step began, those of no probe too. */
export interface DropsExpectation extends Expected {
  readonly kind: 'drops';
  readonly reason: DropReason;
  /** `undefined`: anywhere. */
  readonly on: string | undefined;
}
export interface OutputExpectation extends Expected {
  readonly kind: 'output';
  readonly contains: readonly string[];
  readonly equals: string | undefined;
  readonly exitCode: number | undefined;
}

/** An entry of the neighbour table (ARP, or what Felix wrote for a VXLAN device). */
export interface NeighbourExpectation extends Expected {
  readonly kind: 'neigh';
  readonly on: Endpoint;
  readonly address: Ipv4Address;
  readonly dev: string | undefined;
  readonly mac: MacAddress | undefined;
  readonly state: NeighbourStateName | undefined;
}
/** As `ip neigh` prints it; `none` when there is no entry. */
export const NEIGHBOUR_STATES = [
  'none',
  'INCOMPLETE',
  'REACHABLE',
  'STALE',
  'DELAY',
  'PROBE',
  'FAILED',
  'NOARP',
  'PERMANENT',
] as const;
export type NeighbourStateName = (typeof NEIGHBOUR_STATES)[number];
/** An entry of the forwarding database: behind which machine a MAC address is. */
export interface FdbExpectation extends Expected {
  readonly kind: 'fdb';
  readonly on: Endpoint;
  readonly dev: string;
  readonly mac: MacAddress | undefined;
  readonly destination: Ipv4Address | undefined;
}
/** How many packets that pass a filter are seen at a device, from before the step's disturbance on. */
export interface CaptureExpectation extends Expected {
  readonly kind: 'capture';
  /** tcpdump's language; names of machines and pods are resolved when the step begins. */
  readonly filter: string;
  readonly on: Endpoint;
  readonly dev: string;
  readonly direction: 'in' | 'out' | 'inout';
  readonly least: number;
  /** `undefined`: any number. */
  readonly most: number | undefined;
}
/** TCP goodput of a flow, in bit/s, or as a share of that of another flow or of the sender's line rate. */
export interface ThroughputExpectation extends Expected {
  readonly kind: 'throughput';
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** What a share is of; `undefined`: the rate of the sender's NIC. */
  readonly of: { readonly from: Endpoint; readonly to: Endpoint } | undefined;
  readonly least: Amount | undefined;
  readonly most: Amount | undefined;
  readonly durationNs: number;
}
export type Amount = { readonly unit: 'share' | 'bit/s'; readonly value: number };
/** Parts of what a snapshot holds. */
export const SNAPSHOT_PARTS = ['fib', 'bgp', 'ipam', 'neighbours', 'reachability'] as const;
export type SnapshotPart = (typeof SNAPSHOT_PARTS)[number];
/** The tables are those of a snapshot: of an earlier step, or of the file beside the scenario. */
export interface NoChangeExpectation extends Expected {
  readonly kind: 'noChange';
  readonly snapshot: string;
  readonly of: readonly SnapshotPart[];
}
/** What holds in every lab that is as it should be. */
export const LAWS = ['noLoop', 'oneOwner', 'noBlackHole', 'allCounted'] as const;
export type Law = (typeof LAWS)[number];
export interface InvariantExpectation extends Expected {
  readonly kind: 'invariant';
  readonly laws: readonly Law[];
}

/**
 * The closed vocabulary. To add a kind: a type here, its schema in `expectation-schema.ts`, its row in
 * `expectation-rows.ts`, its judge in the runner.
 */
export type Expectation =
  | ConvergedExpectation
  | ReachableExpectation
  | UnreachableExpectation
  | PathExpectation
  | OutageExpectation
  | RouteExpectation
  | BgpExpectation
  | MtuExpectation
  | IpamExpectation
  | DropsExpectation
  | OutputExpectation
  | NeighbourExpectation
  | FdbExpectation
  | CaptureExpectation
  | ThroughputExpectation
  | NoChangeExpectation
  | InvariantExpectation;
