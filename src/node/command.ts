/**
 * What the outside asks of a machine (node, router, host): journal commands and their plain-data answers. A machine has
 * one namespace called '' (its own) and, on a node, one per pod, called `namespace/name`.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { DeviceCounters } from '../netstack/netdevice.ts';
import type { ProcessorLoad } from '../netstack/processor.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { TraceClass } from '../trace/record.ts';
import type { BulkSinkSpec, BulkSourceSpec } from '../traffic/bulk.ts';
import type { UdpSinkSpec, UdpSourceSpec } from '../traffic/datagrams.ts';
import type { FlowSpec } from '../traffic/flow.ts';
import type { ProbeSpec } from '../traffic/probe.ts';
import type { TransactionClientSpec, TransactionServerSpec } from '../traffic/transactions.ts';
import type { TransferServerSpec, TransferSpec } from '../traffic/transfer.ts';
import type { AddressEdit, NeighbourEdit } from './address-commands.ts';
import type { RouteEdit } from './routing-commands.ts';

export type MachineCommand =
  | { readonly do: 'routes'; readonly namespace: string; readonly table: 'main' | 'local' | 'all' }
  | { readonly do: 'route-get'; readonly namespace: string; readonly destination: Ipv4Address }
  | { readonly do: 'route-explain'; readonly namespace: string; readonly destination: Ipv4Address }
  | {
      readonly do: 'path';
      readonly namespace: string;
      readonly destination: Ipv4Address;
      /** 0: as the route says. */
      readonly source: Ipv4Address;
      readonly device: string | undefined;
    }
  | { readonly do: 'route-edit'; readonly namespace: string; readonly edit: RouteEdit }
  | { readonly do: 'address-edit'; readonly namespace: string; readonly edit: AddressEdit }
  | { readonly do: 'neighbour-edit'; readonly namespace: string; readonly edit: NeighbourEdit }
  /** Name and value of all settings. */
  | { readonly do: 'sysctls'; readonly namespace: string }
  /** True when it was set. */
  | { readonly do: 'sysctl'; readonly namespace: string; readonly name: string; readonly value: string }
  | { readonly do: 'devices'; readonly namespace: string }
  | { readonly do: 'neighbours'; readonly namespace: string }
  | { readonly do: 'fdb'; readonly namespace: string }
  | { readonly do: 'sockets'; readonly namespace: string }
  | { readonly do: 'namespaces' }
  /** Tracked connections; none where nothing tracks. */
  | { readonly do: 'conntrack'; readonly namespace: string }
  /** Forget those connections: all, or the ones whose original direction is one of these. */
  | {
      readonly do: 'conntrack-forget';
      readonly namespace: string;
      readonly tuples: readonly TupleView[] | 'all';
    }
  /** Felix's sets of addresses, by name. */
  | { readonly do: 'ipsets'; readonly namespace: string }
  /** What Felix has put at the netfilter hooks (`Hooks`); nothing where there is none. */
  | { readonly do: 'felix-hooks'; readonly namespace: string }
  | { readonly do: 'start'; readonly program: number; readonly namespace: string; readonly what: ProgramSpec }
  | { readonly do: 'signal'; readonly program: number }
  | {
      readonly do: 'capture';
      readonly capture: number;
      readonly namespace: string;
      /** A device, or `any` for all of the namespace; `*` as namespace captures the whole machine. */
      readonly device: string;
      readonly snapLength: number;
    }
  | { readonly do: 'capture-stop'; readonly capture: number }
  | { readonly do: 'device-up'; readonly namespace: string; readonly device: string; readonly up: boolean }
  | { readonly do: 'device-mtu'; readonly namespace: string; readonly device: string; readonly mtu: number }
  | { readonly do: 'flush'; readonly namespace: string; readonly what: 'neighbours' | 'route-cache' }
  | { readonly do: 'carrier'; readonly jack: number; readonly up: boolean }
  | { readonly do: 'power'; readonly on: boolean }
  /** The routing daemon's TCP connections with `peer` leave the lab from now on; `StreamRecord`s tell what it does. */
  | { readonly do: 'attach'; readonly peer: Ipv4Address }
  | { readonly do: 'stream'; readonly stream: number; readonly event: StreamCommand }
  | { readonly do: 'birdcl'; readonly words: readonly string[] }
  /** A router's FRR: text and exit code, null for what is not emulated, a string when no daemon runs. */
  | { readonly do: 'vtysh'; readonly words: readonly string[] }
  /** What confd wrote for BIRD, by file name: `Record<string, string>`. */
  | { readonly do: 'daemon-files' }
  /** `sv ACTION bird` inside calico-node. False where BIRD is not run. */
  | { readonly do: 'sv-bird'; readonly action: 'down' | 'up' | 'restart' | 'kill' }
  | { readonly do: 'status' }
  | { readonly do: 'counters' }
  /** What NICs and processor have done so far: `MachineLoad`. */
  | { readonly do: 'load' }
  | { readonly do: 'trace'; readonly classes: readonly TraceClass[] }
  /** Report every frame that dies, or only those of probes. */
  | { readonly do: 'drops'; readonly on: boolean }
  /** Report every route that the kernel gets, changes or loses. */
  | { readonly do: 'report-routes'; readonly on: boolean }
  /** Where a frame with that tag waits for ARP: `WaitingView`, or null. */
  | { readonly do: 'waiting'; readonly tag: number };

/** What happened outside to a connection that leaves the lab. */
export type StreamCommand =
  /** `peer` has connected; its number is odd and new. */
  | { readonly kind: 'accepted'; readonly peer: Ipv4Address; readonly peerPort: number }
  | { readonly kind: 'established' }
  | { readonly kind: 'received'; readonly octets: Uint8Array }
  /** '' = FIN, else why. */
  | { readonly kind: 'closed'; readonly reason: string };

/** A program that a command line starts. */
export interface CommandLineSpec {
  readonly program: 'ping' | 'traceroute' | 'tracepath' | 'mtr' | 'iperf3';
  readonly args: readonly string[];
  /** Names it can resolve: the machine's /etc/hosts. */
  readonly hosts?: Readonly<Record<string, Ipv4Address>>;
  /** Milliseconds since 1970 at virtual time 0. */
  readonly epochMs?: number;
  readonly hostname?: string;
}

/**
 * A program as a command line starts it, or a silent one: the probe behind expectations and the matrix, and those that
 * transfer or measure, whose exits carry what they found.
 */
export type ProgramSpec =
  | CommandLineSpec
  | ({ readonly program: 'bulk-source' } & BulkSourceSpec)
  | ({ readonly program: 'bulk-sink' } & BulkSinkSpec)
  | ({ readonly program: 'udp-source' } & UdpSourceSpec)
  | ({ readonly program: 'udp-sink' } & UdpSinkSpec)
  | ({ readonly program: 'transaction-client' } & TransactionClientSpec)
  | ({ readonly program: 'transaction-server' } & TransactionServerSpec)
  | ({ readonly program: 'probe' } & ProbeSpec)
  | ({ readonly program: 'flow' } & FlowSpec)
  | ({ readonly program: 'transfer' } & TransferSpec)
  | ({ readonly program: 'transfer-server' } & TransferServerSpec);

/** A frame that has not left yet. */
export interface WaitingView {
  readonly namespace: string;
  readonly device: string;
  /** Nobody can answer there: the device has no carrier. */
  readonly carrier: boolean;
  readonly nextHop: Ipv4Address;
}

export interface RouteView {
  readonly prefix: Prefix;
  readonly type: string;
  readonly nextHops: readonly {
    readonly via: Ipv4Address;
    readonly device: string;
    readonly onlink: boolean;
    readonly weight: number;
  }[];
  readonly protocol: string;
  readonly scope: string;
  readonly metric: number;
  readonly source: Ipv4Address;
  /** 0 = that of the device. */
  readonly mtu: number;
  /** The line of `ip route`, and of `ip -d route`. */
  readonly text: string;
  readonly detail: string;
}

/** What stands behind a route of a routing daemon: the path it holds best. */
export interface DaemonPath {
  /** The protocol instance that brought it: `Mesh_192_168_20_100`, `static1`. */
  readonly protocol: string;
  readonly kind: 'static' | 'kernel' | 'device' | 'direct' | 'bgp';
  readonly peer: Ipv4Address | undefined;
  /** BGP's NEXT_HOP. */
  readonly nextHop: Ipv4Address | undefined;
  /** Where packets are sent for it. */
  readonly gateway: Ipv4Address | undefined;
  /** The step of the decision that put it before the next, or `only route`. */
  readonly because: string;
}

/** The route that decides about an address; `undefined`: none covers it. */
export interface RouteExplanationView {
  readonly winner: RouteView | undefined;
  readonly beaten: readonly { readonly route: RouteView; readonly because: string }[];
  readonly daemonPath: DaemonPath | undefined;
}

export interface DeviceView {
  readonly name: string;
  readonly altnames: readonly string[];
  readonly index: number;
  /** What `ip link` prints after `link/`. */
  readonly kind: string;
  readonly driver: 'loopback' | 'nic' | 'veth' | 'ipip' | 'vxlan';
  readonly mtu: number;
  readonly up: boolean;
  /** It was up at least once. */
  readonly wasUp: boolean;
  /** Somebody is at the other end. */
  readonly carrier: boolean;
  readonly mac: MacAddress;
  readonly counters: Readonly<DeviceCounters>;
  readonly addresses: readonly {
    readonly address: Ipv4Address;
    readonly length: number;
    readonly scope: 'global' | 'link' | 'host';
    /** 0 for none. */
    readonly broadcast: Ipv4Address;
    /** Another address of the same prefix was there before it. */
    readonly secondary: boolean;
  }[];
  /** What was asked for leaves its IPv6 address out. */
  readonly withoutIpv6?: boolean;
  /** The other end of a veth: its index, and its namespace's name where this side has one for it. */
  readonly peer:
    | {
        readonly index: number;
        readonly up: boolean;
        readonly netns: string | undefined;
        /** What this side calls the other namespace by number. */
        readonly netnsId: number;
      }
    | undefined;
  readonly vxlan:
    | {
        readonly vni: number;
        readonly local: Ipv4Address;
        readonly parent: string;
        readonly port: number;
      }
    | undefined;
}

export interface NeighbourView {
  readonly address: Ipv4Address;
  readonly device: string;
  readonly mac: MacAddress;
  readonly state: string;
  /** Seconds since it was sent to, was known to be there, and changed. */
  readonly used: number;
  readonly confirmed: number;
  readonly updated: number;
  /** Requests since it was last looked for. */
  readonly probes: number;
}

export interface FdbView {
  readonly mac: MacAddress;
  readonly device: string;
  /** The node behind a VXLAN device; 0 for a group that the device itself listens to. */
  readonly destination: Ipv4Address;
}

/** One direction of a connection; `ports` as in netstack/tuple-table.ts. */
export interface TupleView {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly ports: number;
}

/** A connection that is tracked, as `conntrack -L` lists it. */
export interface ConnectionView {
  readonly protocol: number;
  readonly secondsLeft: number;
  /** `ESTABLISHED`; '' but for TCP. */
  readonly tcpState: string;
  readonly seenReply: boolean;
  readonly assured: boolean;
  /** Its source, its destination is translated. */
  readonly sourceNat: boolean;
  readonly destinationNat: boolean;
  readonly tuples: readonly [TupleView, TupleView];
}

/** A set of networks that rules look up. */
export interface IpSetView {
  readonly name: string;
  readonly members: readonly Prefix[];
}

/** A TCP or UDP socket, as `ss` lists it. */
export interface SocketView {
  readonly protocol: 'tcp' | 'udp';
  readonly state: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
}

export interface SessionView {
  readonly name: string;
  readonly peer: Ipv4Address;
  readonly peerAs: number;
  readonly state: string;
  /** The line's last column in `birdcl show protocols`. */
  readonly info: string;
  /** The peer came by a range of addresses: it need not be there. */
  readonly dynamic: boolean;
  readonly since: VirtualTime;
}

/** What a machine has done since it began. */
export interface MachineLoad {
  /** Of all its NICs, headers of Ethernet included, FCS and preamble not. */
  readonly sentFrames: number;
  readonly sentOctets: number;
  readonly fragments: number;
  /** Null without a host model. */
  readonly processor: ProcessorLoad | null;
}

/** What convergence asks of every machine. */
export interface MachineStatus {
  /** When a FIB, RIB, neighbour or device last changed. */
  readonly lastChange: VirtualTime;
  /** What is still missing, in words; empty when the machine has nothing left to do. */
  readonly missing: readonly string[];
  readonly sessions: readonly SessionView[];
  readonly powered: boolean;
  /** Its own, by which others have sessions with it. */
  readonly addresses: readonly Ipv4Address[];
}
