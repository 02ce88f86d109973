/** What was measured in a cell becomes its result: what held it down, and how sure the number is. */
import type { HostModel } from '../cost/host-model.ts';
import type { Cell, CellResult, Limit, Measured } from './cell.ts';
import { encapsulationOf, MODE_FACTS } from './modes.ts';
import { tcpFraction } from './wire-limit.ts';

/** This close to what the headers leave, it is the wire. */
const FULL_WIRE = 0.998;
/** A core that works this share of the time is what holds the flow down. */
const FULL_CORE = 0.97;
/** Repeats within this of each other are one number: the interval cuts off parts of segments. */
const SAME = 1e-4;

/** bit/s of TCP payload that fit on the wire of `cell`, with pods at the MTU that Calico gives them. */
export function wireGoodput({ mode, mtu, rate, sameSubnet }: Cell): number {
  const podMtu = mtu - MODE_FACTS[mode].overhead;
  return rate * tcpFraction(podMtu, encapsulationOf(mode, sameSubnet));
}

export function limitOf(cell: Cell, model: HostModel, { dead, tcp }: Measured): Limit {
  if (dead !== null) return 'dead';
  if (tcp === undefined || !answersTcp(model)) return 'not measured';
  if (tcp.goodputBps >= FULL_WIRE * wireGoodput(cell)) return 'wire';
  if (tcp.fragments > 0 || tcp.drops.MTU_EXCEEDED_DF !== undefined) return 'MTU';
  if (tcp.cpu !== null && Math.max(tcp.cpu.sender.busiest, tcp.cpu.receiver.busiest) >= FULL_CORE)
    return 'CPU';
  // Nothing arrives, nothing is said, and small packets pass: a black hole for large ones.
  if (tcp.goodputBps === 0 && tcp.timeouts > 0) return 'MTU';
  return tcp.retransmits > 0 ? 'loss' : 'window';
}

/** Does the model say how fast TCP is? `ideal` does: as fast as the wire. */
export const answersTcp = (model: HostModel): boolean => model.cores === 0 || model.tcp !== undefined;
export const answersUdp = (model: HostModel): boolean => model.cores === 0 || model.udp !== undefined;
export const answersLatency = (model: HostModel): boolean => model.cores === 0 || model.latency !== undefined;

/** Does another seed give the same number? The wire holds each run to the same one; the dead stay dead. */
export const isExact = (limit: Limit): boolean =>
  limit === 'wire' || limit === 'dead' || limit === 'not measured';

/** Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal distribution. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

export interface Estimate {
  readonly mean: number;
  /** Half the width of the 95 % interval; null: all the same, or only one. */
  readonly half: number | null;
}

export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, one) => sum + one, 0) / n;
  const spread = Math.max(...values) - Math.min(...values);
  if (n === 1 || spread <= SAME * mean) return { mean, half: null };
  const variance = values.reduce((sum, one) => sum + (one - mean) * (one - mean), 0) / (n - 1);
  return { mean, half: (T[n - 2] ?? 1.96) * Math.sqrt(variance / n) };
}

/** The cell's object of `--json`. `repeats`: the goodput of each seed, the first one's first. */
export function resultOf(
  cell: Cell,
  model: HostModel,
  seed: number,
  measured: Measured,
  repeats: readonly number[],
): CellResult {
  const { dead, podMtu, encapsulation, tcp, udp, rr, crr } = measured;
  const limit = limitOf(cell, model, measured);
  const known = limit !== 'dead' && limit !== 'not measured';
  const { mean, half } = known ? estimate(repeats) : { mean: null, half: null };
  return {
    ...cell,
    seed,
    goodputBps: mean,
    limit,
    ci95: half,
    repeats: Math.max(1, repeats.length),
    wireGoodputBps: wireGoodput(cell),
    dead,
    encapsulation,
    podMtu,
    tcp: known ? (tcp ?? null) : null,
    udp: answersUdp(model) ? (udp ?? null) : null,
    rr: answersLatency(model) ? (rr ?? null) : null,
    crr: answersLatency(model) ? (crr ?? null) : null,
  };
}
