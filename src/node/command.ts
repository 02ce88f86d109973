/**
 * What the outside asks of a machine (node, router, host): journal commands and their plain-data answers. A machine has
 * one namespace called '' (its own) and, on a node, one per pod, called `namespace/name`.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { ProcessorLoad } from '../netstack/processor.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { TraceClass } from '../trace/record.ts';
import type { BulkSinkSpec, BulkSourceSpec } from '../traffic/bulk.ts';
import type { UdpSinkSpec, UdpSourceSpec } from '../traffic/datagrams.ts';
import type { ProbeSpec } from '../traffic/probe.ts';
import type { TransactionClientSpec, TransactionServerSpec } from '../traffic/transactions.ts';

export type MachineCommand =
  | { readonly do: 'routes'; readonly namespace: string; readonly table: 'main' | 'local' }
  | { readonly do: 'route-get'; readonly namespace: string; readonly destination: Ipv4Address }
  | { readonly do: 'devices'; readonly namespace: string }
  | { readonly do: 'neighbours'; readonly namespace: string }
  | { readonly do: 'fdb'; readonly namespace: string }
  | { readonly do: 'namespaces' }
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
  | { readonly do: 'sysctl'; readonly namespace: string; readonly name: string; readonly value: string }
  | { readonly do: 'carrier'; readonly jack: number; readonly up: boolean }
  | { readonly do: 'power'; readonly on: boolean }
  | { readonly do: 'birdcl'; readonly words: readonly string[] }
  | { readonly do: 'status' }
  | { readonly do: 'counters' }
  /** What NICs and processor have done so far: `MachineLoad`. */
  | { readonly do: 'load' }
  | { readonly do: 'trace'; readonly classes: readonly TraceClass[] }
  /** Report every frame that dies, or only those of probes. */
  | { readonly do: 'drops'; readonly on: boolean };

/**
 * A program as a command line starts it, or a silent one: the probe behind expectations and the matrix, and those that
 * measure, whose exits carry what they found.
 */
export type ProgramSpec =
  | { readonly program: 'ping'; readonly args: readonly string[] }
  | { readonly program: 'traceroute'; readonly args: readonly string[] }
  | { readonly program: 'iperf3'; readonly args: readonly string[] }
  | ({ readonly program: 'bulk-source' } & BulkSourceSpec)
  | ({ readonly program: 'bulk-sink' } & BulkSinkSpec)
  | ({ readonly program: 'udp-source' } & UdpSourceSpec)
  | ({ readonly program: 'udp-sink' } & UdpSinkSpec)
  | ({ readonly program: 'transaction-client' } & TransactionClientSpec)
  | ({ readonly program: 'transaction-server' } & TransactionServerSpec)
  | ({ readonly program: 'probe' } & ProbeSpec);

export interface RouteView {
  readonly prefix: Prefix;
  readonly type: string;
  readonly nextHops: readonly {
    readonly via: Ipv4Address;
    readonly device: string;
    readonly onlink: boolean;
  }[];
  readonly protocol: string;
  readonly scope: string;
  readonly metric: number;
  readonly source: Ipv4Address;
  /** The line of `ip route`. */
  readonly text: string;
}

export interface DeviceView {
  readonly name: string;
  readonly altnames: readonly string[];
  readonly index: number;
  readonly kind: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly mac: MacAddress;
  readonly addresses: readonly { readonly address: Ipv4Address; readonly length: number }[];
}

export interface NeighbourView {
  readonly address: Ipv4Address;
  readonly device: string;
  readonly mac: MacAddress;
  readonly state: string;
}

export interface FdbView {
  readonly mac: MacAddress;
  readonly device: string;
  readonly destination: Ipv4Address;
}

export interface SessionView {
  readonly name: string;
  readonly peer: Ipv4Address;
  readonly peerAs: number;
  readonly state: string;
  /** The line's last column in `birdcl show protocols`. */
  readonly info: string;
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
}
