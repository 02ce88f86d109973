/** An explanation as plain data. */
import type { DropReason } from '../trace/drop-reason.ts';

/** A field of a resource that decided, and where it stands. */
export interface Cause {
  readonly what: string;
  readonly resource: string;
  readonly field: string;
  readonly value: string;
  /** `file:line:column`; undefined when the value did not come out of a file. */
  readonly place: string | undefined;
}

/** One machine, or pod, that the packet was seen in. */
export interface Stop {
  readonly name: string;
  readonly machine: string;
  readonly namespace: string;
  /** Of the packet as this stop saw it: in a tunnel that of the outer header. */
  readonly destination: string;
  /** The packet was in a tunnel. */
  readonly encapsulated: boolean;
  readonly delivered: boolean;
  readonly out: readonly string[];
  readonly route: string | undefined;
  /** Where the route leads out. */
  readonly device: string | undefined;
  readonly beaten: readonly { readonly route: string; readonly because: string }[];
  /** Who put the route there. */
  readonly origin: string | undefined;
  /** The resource that the session behind it goes back to. */
  readonly session: Cause | undefined;
  readonly cause: Cause | undefined;
  /** Where the outer packet goes, when one is made here. */
  readonly tunnel: string | undefined;
  readonly notes: readonly string[];
}

export interface Limit {
  readonly device: string;
  readonly mtu: number;
  /** Of the packet as it was there. */
  readonly octets: number;
  /** `1452 data + 28 headers + 20 IPIP`. */
  readonly sum: string;
}

export interface Death {
  readonly reason: DropReason;
  readonly sentence: string;
  /** The machine, or the port (`k8s-w1/ens5`) of a switch. */
  readonly at: string;
  readonly machine: string;
  readonly device: string;
  /** The device that it was too large for. */
  readonly limit: Limit | undefined;
  /** Was it the question or the answer that died? */
  readonly leg: 'there' | 'back';
}

export interface Explanation {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: { readonly name: string; readonly address: string };
  readonly proto: string;
  readonly answered: boolean;
  readonly way: string | undefined;
  readonly rttNs: number;
  readonly death: Death | undefined;
  /** What the sender's own stack said. */
  readonly error: string | undefined;
  readonly there: readonly Stop[];
  /** The answer's way, as far as it came. */
  readonly back: readonly Stop[];
  /** What is wrong with machines and cables on the way; empty when an answer came. */
  readonly suspects: readonly string[];
  /** What the sender hears of the death, or why nothing. */
  readonly heard: string | undefined;
}
