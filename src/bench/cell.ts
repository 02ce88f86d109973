/**
 * A cell of the benchmark: one lab, built anew, in which one pair of pods talks. And what was measured in it: the object
 * that `--json` writes. All plain data.
 */

import type { Observed } from '../controller/controller.ts';
import type { Encapsulation } from '../cost/host-model.ts';
import type { PacketRecord } from '../trace/record.ts';
import type { TransactionResult } from '../traffic/transactions.ts';
import type { Mode } from './modes.ts';

export interface Cell {
  readonly mode: Mode;
  /** Of the underlay. */
  readonly mtu: number;
  /** Of every link of the fabric, bit/s. */
  readonly rate: number;
  readonly streams: number;
  readonly hostModel: string;
  readonly sameSubnet: boolean;
  /** Names of the pods. */
  readonly from: string;
  readonly to: string;
}

/** Lengths of the measurements, ns of virtual time. */
export interface Durations {
  /** Before TCP is measured: slow start and the first overflow of a queue. */
  readonly warmUp: number;
  readonly tcp: number;
  readonly udp: number;
  /** Transactions of RR and of CRR. */
  readonly transactions: number;
}

export type Part = 'tcp' | 'udp' | 'transactions';
export const PARTS: readonly Part[] = ['tcp', 'udp', 'transactions'];

/** What holds the throughput down. */
export type Limit = 'wire' | 'window' | 'CPU' | 'MTU' | 'loss' | 'dead' | 'not measured';

/** Work of one end's processor while TCP was measured, in cores. */
export interface ProcessorUse {
  readonly total: number;
  readonly busiest: number;
}

export interface TcpMeasured {
  /** bit/s of payload that reached the programs. */
  readonly goodputBps: number;
  readonly retransmits: number;
  readonly timeouts: number;
  /** Smoothed round trip of the first stream at the end, under load, ns. */
  readonly rttNs: number;
  readonly mss: number;
  readonly pathMtu: number;
  /** Octets, of the first stream at the end. */
  readonly cwnd: number;
  readonly sendWindow: number;
  readonly inFlight: number;
  /** Fragments that the nodes made. */
  readonly fragments: number;
  /** Frames that died, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Octets that left the sender's NIC, overheads of the wire included, for each octet of payload delivered. */
  readonly wirePerPayload: number;
  readonly error: string;
  /** Null without a host model. */
  readonly cpu: { readonly sender: ProcessorUse; readonly receiver: ProcessorUse } | null;
  readonly steps: readonly Step[];
}

/** What happened in one step of virtual time. */
export interface Step {
  /** ns since the transfer began. */
  readonly at: number;
  /** bit/s; what waited behind a hole is acknowledged at once when it is filled. */
  readonly acknowledgedBps: number;
  /** Octets, all streams together. */
  readonly cwnd: number;
  readonly inFlight: number;
  /** What of it lies in queues: more than the wire holds in an idle round trip. */
  readonly queue: number;
}

export interface UdpMeasured {
  /** Octets of data in a datagram. */
  readonly payload: number;
  readonly datagramsPerSecond: number;
  readonly goodputBps: number;
  /** Share of what was sent that did not arrive. */
  readonly lost: number;
  readonly wireDatagramsPerSecond: number;
}

/** What one lab told. */
export interface Measured {
  /** Why nothing gets through: `192.168.10.1 has no route`; null when something does. */
  readonly dead: string | null;
  readonly podMtu: number;
  /** As observed, not as expected. */
  readonly encapsulation: Encapsulation | null;
  readonly tcp?: TcpMeasured;
  readonly udp?: readonly UdpMeasured[];
  readonly rr?: TransactionResult;
  readonly crr?: TransactionResult;
  /** When they were asked for. */
  readonly packets?: readonly Observed<PacketRecord>[];
}

/** One object of `--json`. */
export interface CellResult extends Cell {
  readonly seed: number;
  readonly goodputBps: number | null;
  readonly limit: Limit;
  /** Half the width of the 95 % interval over the repeats, bit/s; null: exact. */
  readonly ci95: number | null;
  readonly repeats: number;
  /** What the wire allows in this cell, bit/s. */
  readonly wireGoodputBps: number;
  readonly dead: string | null;
  readonly encapsulation: Encapsulation | null;
  readonly podMtu: number;
  readonly tcp: TcpMeasured | null;
  readonly udp: readonly UdpMeasured[] | null;
  readonly rr: TransactionResult | null;
  readonly crr: TransactionResult | null;
}
