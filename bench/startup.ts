/**
 * What it takes before the first event: the command line's modules, a small lab from file to the last step, and a thread
 * for each process. Wall and CPU time in milliseconds, median of seven. A thread that costs more than 40 ms of CPU would
 * be a surprise.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createSimulation } from '../src/parallel/simulation.ts';
import { MICROSECOND } from '../src/sim/time.ts';
import { chain } from './parallel-model.ts';
import type { Sampling } from './sampling.ts';

const SAMPLES = 7;
const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const scenario = fileURLToPath(new URL('../../scenarios/modes/direct.yaml', import.meta.url));

/** CPU time so far, in ms: of this process, or of the children that have ended. */
const ownCpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};

async function measured(action: () => number | Promise<number>, { smoke }: Sampling) {
  const samples: { readonly wallMs: number; readonly cpuMs: number }[] = [];
  for (let i = 0; i < (smoke ? 1 : SAMPLES); i++) {
    const began = performance.now();
    const cpuMs = Math.round(await action());
    samples.push({ wallMs: Math.round(performance.now() - began), cpuMs });
  }
  return samples.sort((a, b) => a.cpuMs - b.cpuMs)[samples.length >> 1]!;
}

/** Run the command line; returns its CPU time, which its own `process.cpuUsage` reports when it ends. */
function command(...args: string[]): number {
  const report = `process.on('exit', () => { const c = process.cpuUsage(); console.error('cpu', c.user + c.system); });`;
  const preload = `data:text/javascript,${encodeURIComponent(report)}`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', preload, main, ...args], {
    encoding: 'utf8',
  });
  const cpu = /^cpu (\d+)$/m.exec(stderr);
  if (status !== 0 || cpu === null) throw new Error(`tunlab ${args.join(' ')}: ${stderr}`);
  return Number(cpu[1]) / 1e3;
}

async function threads(count: number): Promise<number> {
  const before = ownCpu();
  const simulation = await createSimulation(chain(count, 1, 10 * MICROSECOND), { workers: 'per-node' });
  await simulation.close();
  return ownCpu() - before;
}

export const cases = [
  { name: 'version', run: (sampling: Sampling) => measured(() => command('--version'), sampling) },
  {
    name: 'lab-in-process',
    run: (sampling: Sampling) => measured(() => command('fingerprint', scenario, '--workers', '0'), sampling),
  },
  {
    name: 'lab-per-node',
    run: (sampling: Sampling) => measured(() => command('fingerprint', scenario), sampling),
  },
  ...[8, 64].map(count => ({
    name: `threads-${count}`,
    run: (sampling: Sampling) => measured(() => threads(count), sampling),
  })),
];
