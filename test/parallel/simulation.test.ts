import type { LabSpec } from '../../src/parallel/lab-spec.ts';
import { createSimulation, type Simulation, type SimulationOptions } from '../../src/parallel/simulation.ts';
import type { Report } from '../../src/sim/partition.ts';
import { MICROSECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { ballLab, relayLab } from './model.ts';

const t = suite('parallel/simulation');

interface Result {
  readonly fingerprint: string;
  readonly reports: readonly Report[];
}

/** Runs `lab`, after `use` had its way with it, and ends at `until`. */
async function run(
  lab: LabSpec,
  options: SimulationOptions,
  until: number,
  use: (simulation: Simulation) => Promise<void> = async () => {},
): Promise<Result> {
  const simulation = await createSimulation(lab, options);
  try {
    const reports: Report[] = [];
    simulation.onReports = some => reports.push(...some);
    await use(simulation);
    assert.is(await simulation.runUntil(until), until);
    return { fingerprint: await simulation.fingerprint(), reports };
  } finally {
    await simulation.close();
  }
}

const BALLS = ballLab({ processes: 16 });
const RELAYS = relayLab(8);
const UNTIL = 400 * MICROSECOND + 7;

let balls: Result;
let relays: Result;
t.before(async () => {
  balls = await run(BALLS, { workers: 0 }, UNTIL);
  relays = await run(RELAYS, { workers: 0 }, UNTIL);
  assert.ok(balls.reports.length > 60, `${balls.reports.length} reports`);
  assert.ok(relays.reports.length > 100, `${relays.reports.length} reports`);
});

const ways: [string, SimulationOptions][] = [
  ['no worker, reversed', { workers: 0, reversed: true }],
  ['one worker', { workers: 1 }],
  ['two workers', { workers: 2 }],
  ['three workers, reversed', { workers: 3, reversed: true }],
  ['five workers', { workers: 5 }],
  ['16 workers', { workers: 16 }],
  ['two workers, tiny rings', { workers: 2, ringOctets: 1024 }],
  ['16 workers, tiny rings', { workers: 16, ringOctets: 1024 }],
  ['a worker for each', { workers: 'per-node' }],
  ['a worker for each core', { workers: 'auto' }],
];
for (const [name, options] of ways) {
  t(`the same balls with ${name}`, async () => {
    assert.equal(await run(BALLS, options, UNTIL), balls);
  });
  t(`the same relays with ${name}`, async () => {
    assert.equal(await run(RELAYS, options, UNTIL), relays);
  });
}

t.run();
