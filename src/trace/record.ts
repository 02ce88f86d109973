/**
 * What logical processes report to the outside: plain data, ordered by (virtual time, process, sequence). The time and
 * the process are the envelope's. Reports never influence the run.
 */
import type { DropReason } from './drop-reason.ts';

/** One step of a tagged frame: the observed trail of a probe. */
export interface TrailRecord {
  readonly kind: 'trail';
  readonly tag: number;
  readonly namespace: string;
  readonly device: string;
  /** `in`, `out` of a device; `origin` where it began, `delivered` where it ended well. */
  readonly step: 'in' | 'out' | 'origin' | 'delivered';
}

export interface DropRecord {
  readonly kind: 'drop';
  readonly reason: DropReason;
  readonly namespace: string;
  readonly device: string;
  /** The probe that had sent it; 0 = none. */
  readonly tag: number;
  /** One line about the packet. */
  readonly packet: string;
}

/** A line (with its newline) that a program printed. */
export interface OutputRecord {
  readonly kind: 'output';
  readonly program: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface ExitRecord {
  readonly kind: 'exit';
  readonly program: number;
  readonly code: number;
  /** What a silent program found out (a probe's outcome). */
  readonly result?: unknown;
}

/** A captured packet. */
export interface PacketRecord {
  readonly kind: 'packet';
  readonly capture: number;
  readonly namespace: string;
  readonly device: string;
  /** The device's ifindex. */
  readonly index: number;
  readonly direction: 'in' | 'out';
  readonly link: 'ether' | 'raw';
  readonly octets: Uint8Array;
  /** Length before the snap length cut it. */
  readonly length: number;
  readonly dropped?: DropReason;
}

export interface RouteRecord {
  readonly kind: 'route';
  readonly namespace: string;
  readonly action: 'add' | 'replace' | 'remove';
  /** As `ip route` prints it. */
  readonly text: string;
}

export interface SessionRecord {
  readonly kind: 'session';
  readonly name: string;
  readonly peer: string;
  readonly from: string;
  readonly to: string;
  readonly because: string;
}

/** A line for `--trace`, by BIRD's classes. */
export interface TraceRecord {
  readonly kind: 'trace';
  readonly class: TraceClass;
  readonly text: string;
}

export const TRACE_CLASSES = ['states', 'routes', 'filters', 'interfaces', 'events', 'packets'] as const;
export type TraceClass = (typeof TRACE_CLASSES)[number];

export type LabRecord =
  | TrailRecord
  | DropRecord
  | OutputRecord
  | ExitRecord
  | PacketRecord
  | RouteRecord
  | SessionRecord
  | TraceRecord;
