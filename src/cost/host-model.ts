/**
 * What a packet costs the processor of a host. A model is a data file (`models/`): stages with a price each, where the
 * numbers come from and what they are good for. Between two published testbeds the same mode differs by up to 2.5 times,
 * so every result names its model, and a model answers only what it was measured for.
 *
 *   pod ──veth──> [core] route, policy, encapsulation ──> NIC ~~~> NIC ──> [core] decapsulation, route, policy ──veth──> pod
 *                 `send`                                                   `receive`
 *
 * A price is charged for each wire packet with data. What Linux pays once for up to 64 KiB (GSO, GRO) is spread over the
 * packets that it is cut into, so there are no super-packets here; acknowledgements are in the price of the data.
 */

export const ENCAPSULATIONS = ['none', 'ipip', 'vxlan'] as const;
/** How a packet is wrapped between two nodes. */
export type Encapsulation = (typeof ENCAPSULATIONS)[number];

/** One part of the work, by the name that a report gives it. */
export interface Stage {
  readonly name: string;
  /** ns for each packet. */
  readonly fixed: number;
  /** ns for each octet of transport payload. */
  readonly perOctet: number;
}

/** The work of one direction for one transport. */
export type Stages = Readonly<Record<Encapsulation, readonly Stage[]>>;

export interface Work {
  readonly send: Stages;
  readonly receive: Stages;
  /** Share of the work that the busiest core does, 0 to 1; the rest runs on others at the same time. */
  readonly coreShare: number;
}

export interface HostModel {
  readonly name: string;
  /** The machine, its kernel and its network card. */
  readonly machine: string;
  /** Where the numbers were published. */
  readonly source: string;
  /** What the model may be asked, and what it was never measured for. */
  readonly validity: string;
  /** Logical processors. */
  readonly cores: number;
  /** Undefined: not measured, and not answered. */
  readonly tcp: Work | undefined;
  readonly udp: Work | undefined;
  /** ns that each passage of a host adds, in addition to the work; undefined: not measured. */
  readonly latency: Readonly<Record<Encapsulation, number>> | undefined;
  /** A flow is slower by this factor while another core of the host is busy. */
  readonly parallelPenalty: Readonly<Record<Encapsulation, number>>;
}

/** ns of work for a packet with `payload` octets behind its transport header. A fitted line may begin below nothing. */
export function price(stages: readonly Stage[], payload: number): number {
  let total = 0;
  for (const { fixed, perOctet } of stages) total += fixed + perOctet * payload;
  return Math.max(0, total);
}

/** Stages of each encapsulation: those that all share, then its own. */
export function withTunnels(
  shared: readonly Stage[],
  ipip: readonly Stage[],
  vxlan: readonly Stage[],
): Stages {
  return { none: shared, ipip: [...shared, ...ipip], vxlan: [...shared, ...vxlan] };
}
