/**
 * What logical processes report to the outside: plain data, ordered by (virtual time, process, sequence). The time and
 * the process are the envelope's. Reports never influence the run.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { DropReason } from './drop-reason.ts';

/** A tagged frame passed a device: one step of a probe's observed trail. */
export interface HopRecord {
  readonly type: 'hop';
  readonly tag: number;
  readonly namespace: string;
  readonly device: string;
  readonly direction: 'receive' | 'transmit';
  /** Of the outermost IPv4 header; 0 when there is none. */
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
}

/** A tagged frame died; with `tag` 0 any other frame, while somebody listens. */
export interface DropRecord {
  readonly type: 'drop';
  readonly tag: number;
  readonly namespace: string;
  /** '' when it was at no device; of a switch the NIC at the other end, `k8s-w1/ens5`. */
  readonly device: string;
  readonly reason: DropReason;
}

/** A line (with its newline) that a program printed. */
export interface OutputRecord {
  readonly type: 'output';
  readonly program: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface ExitRecord {
  readonly type: 'exit';
  readonly program: number;
  readonly code: number;
  /** What a silent program found out (a probe's outcome). */
  readonly result?: unknown;
}

/** A captured packet. */
export interface PacketRecord {
  readonly type: 'packet';
  readonly capture: number;
  readonly namespace: string;
  readonly device: string;
  /** The device's ifindex. */
  readonly index: number;
  readonly direction: 'receive' | 'transmit';
  readonly link: 'ether' | 'raw';
  readonly octets: Uint8Array;
  /** Length before the snap length cut it. */
  readonly length: number;
  readonly dropped?: DropReason;
}

export interface RouteRecord {
  readonly type: 'route';
  readonly namespace: string;
  readonly action: 'added' | 'changed' | 'removed';
  /** As `ip route` prints it. */
  readonly text: string;
}

export interface SessionRecord {
  readonly type: 'session';
  readonly name: string;
  readonly peer: string;
  readonly from: string;
  readonly to: string;
  readonly because: string;
}

/** What a daemon does with a TCP connection that leaves the lab (`tunlab attach`). */
export interface StreamRecord {
  readonly type: 'stream';
  /** Even when the lab began it, odd when the outside did. */
  readonly stream: number;
  readonly peer: Ipv4Address;
  readonly action: 'connect' | 'write' | 'close' | 'abort';
  /** Of a `write`. */
  readonly octets?: Uint8Array;
}

/** A line for `--trace`, by BIRD's classes. */
export interface TraceRecord {
  readonly type: 'trace';
  readonly class: TraceClass;
  readonly text: string;
}

export const TRACE_CLASSES = ['states', 'routes', 'filters', 'interfaces', 'events', 'packets'] as const;
export type TraceClass = (typeof TRACE_CLASSES)[number];

export type LabRecord =
  | HopRecord
  | DropRecord
  | OutputRecord
  | ExitRecord
  | PacketRecord
  | RouteRecord
  | SessionRecord
  | StreamRecord
  | TraceRecord;
