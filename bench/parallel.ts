/**
 * Forwarding over threads: 16 forwarders in a row, full links, by workers and by link delay (the window). Hops per
 * second of wall time, and of CPU time of the whole program. On two cores, two workers should give 1.3 times one
 * worker's wall rate with 10 µs links and 1.4 times with 100 µs: the cases `speed-up` measure both in one process, in turns.
 */
import { availableParallelism } from 'node:os';
import type { Simulation } from '../src/parallel/simulation.ts';
import { createSimulation } from '../src/parallel/simulation.ts';
import { MICROSECOND, MILLISECOND, type VirtualTime } from '../src/sim/time.ts';
import { chain } from './parallel-model.ts';
import type { Sampling } from './sampling.ts';

const FORWARDERS = 16;
/** Each thread compiles for itself, and sixteen on two cores take seconds until they have. */
const WARM_UP_MS = { once: 2000, smoke: 50 };
const SAMPLE_MS = { once: 300, smoke: 20 };
const SAMPLES = { once: 7, smoke: 2 };
const SLICE: VirtualTime = 5 * MILLISECOND;

/** A chain that runs, and how fast it did when it last ran. */
class Chain {
  hopsPerSecond = 0;
  hopsPerCpuSecond = 0;
  readonly #simulation: Simulation;

  static async create(workers: number | 'per-node', delayUs: number): Promise<Chain> {
    const delay = delayUs * MICROSECOND;
    const frames = Math.ceil((delay * 1.5) / 1230);
    return new Chain(await createSimulation(chain(FORWARDERS, frames, delay), { workers }));
  }

  private constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Run for `milliseconds` of wall time. */
  async run(milliseconds: number): Promise<void> {
    const before = await this.#hops();
    const cpu = process.cpuUsage();
    const began = performance.now();
    const end = began + milliseconds;
    while (performance.now() < end) await this.#simulation.runUntil(this.#simulation.now + SLICE);
    const seconds = (performance.now() - began) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    const hops = (await this.#hops()) - before;
    this.hopsPerSecond = hops / seconds;
    this.hopsPerCpuSecond = (hops * 1e6) / (user + system);
  }

  close(): Promise<void> {
    return this.#simulation.close();
  }

  async #hops(): Promise<number> {
    const everybody = Array.from({ length: FORWARDERS }, (_, process) => ({ process, command: 'hops' }));
    const counts = (await this.#simulation.commands(everybody)) as number[];
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;
const rounded = (ratio: number): number => Math.round(ratio * 100) / 100;

/** The median of the samples. */
async function forwarding(workers: number | 'per-node', delayUs: number, { smoke }: Sampling) {
  const pace = smoke ? 'smoke' : 'once';
  const one = await Chain.create(workers, delayUs);
  await one.run(WARM_UP_MS[pace]);
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let i = 0; i < SAMPLES[pace]; i++) {
    await one.run(SAMPLE_MS[pace]);
    walls.push(one.hopsPerSecond);
    cpus.push(one.hopsPerCpuSecond);
  }
  await one.close();
  return {
    hopsPerSecond: Math.round(median(walls)),
    hopsPerCpuSecond: Math.round(median(cpus)),
    workers,
    delayUs,
    cores: availableParallelism(),
  };
}

/** One worker and two in turns; the threads of the other sleep meanwhile. */
async function speedUp(delayUs: number, { smoke }: Sampling) {
  const pace = smoke ? 'smoke' : 'once';
  const chains = [await Chain.create(1, delayUs), await Chain.create(2, delayUs)];
  const rates: number[][] = [[], []];
  for (const one of chains) await one.run(WARM_UP_MS[pace]);
  for (let i = 0; i < SAMPLES[pace]; i++)
    for (const [at, one] of chains.entries()) {
      await one.run(SAMPLE_MS[pace]);
      rates[at]!.push(one.hopsPerSecond);
    }
  for (const one of chains) await one.close();
  const [alone, both] = rates as [number[], number[]];
  return {
    best: rounded(Math.max(...both) / Math.max(...alone)),
    median: rounded(median(both) / median(alone)),
    oneWorker: Math.round(Math.max(...alone)),
    twoWorkers: Math.round(Math.max(...both)),
    delayUs,
    cores: availableParallelism(),
  };
}

const DELAYS_US = [10, 100];

export const cases = [
  ...DELAYS_US.flatMap(delayUs =>
    ([0, 1, 2, 'per-node'] as const).map(workers => ({
      name: `chain-16-${delayUs}us-${workers}`,
      run: (sampling: Sampling) => forwarding(workers, delayUs, sampling),
    })),
  ),
  ...DELAYS_US.map(delayUs => ({
    name: `speed-up-${delayUs}us`,
    run: (sampling: Sampling) => speedUp(delayUs, sampling),
  })),
];
