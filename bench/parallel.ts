/**
 * Forwarding over threads: 16 forwarders in a row, full links, by workers and by link delay (the window). Hops per
 * second of wall time, and of CPU time of the whole program. On two cores, two workers should give 1.3 times one
 * worker's wall rate with 10 µs links and 1.4 times with 100 µs.
 */
import { availableParallelism } from 'node:os';
import { createSimulation } from '../src/parallel/simulation.ts';
import { MICROSECOND, MILLISECOND } from '../src/sim/time.ts';
import { chain } from './parallel-model.ts';

const FORWARDERS = 16;
const LEAST_MS = 700;

/** Runs in slices until `LEAST_MS` have gone by; the median of the slices. */
async function forwarding(workers: number | 'per-node', delayUs: number) {
  const delay = delayUs * MICROSECOND;
  const frames = Math.ceil((delay * 1.5) / 1230);
  const simulation = await createSimulation(chain(FORWARDERS, frames, delay), { workers });
  const everybody = Array.from({ length: FORWARDERS }, (_, process) => ({ process, command: 'hops' }));
  const hops = async (): Promise<number> => {
    const counts = (await simulation.commands(everybody)) as number[];
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await simulation.runUntil(40 * delay);
  const walls: number[] = [];
  const cpus: number[] = [];
  let before = await hops();
  for (const began = performance.now(); walls.length < 5 || performance.now() - began < LEAST_MS; ) {
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await simulation.runUntil(simulation.now + 20 * MILLISECOND);
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - wall) / 1e3;
    const after = await hops();
    walls.push((after - before) / seconds);
    cpus.push(((after - before) * 1e6) / (user + system));
    before = after;
  }
  await simulation.close();
  const median = (list: number[]): number => Math.round(list.sort((a, b) => a - b)[list.length >> 1]!);
  return {
    hopsPerSecond: median(walls),
    hopsPerCpuSecond: median(cpus),
    workers,
    delayUs,
    cores: availableParallelism(),
  };
}

export const cases = [10, 100].flatMap(delayUs =>
  ([0, 1, 2, 'per-node'] as const).map(workers => ({
    name: `chain-16-${delayUs}us-${workers}`,
    run: () => forwarding(workers, delayUs),
  })),
);
