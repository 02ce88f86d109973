import type { LabSpec } from '../../src/parallel/lab-spec.ts';
import { createSimulation, type Simulation } from '../../src/parallel/simulation.ts';
import type { Report } from '../../src/sim/partition.ts';
import { MICROSECOND, MILLISECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { ballLab, relayLab } from './model.ts';

const t = suite('parallel/simulation');

interface Result {
  readonly fingerprint: string;
  readonly reports: readonly Report[];
}

async function run(
  lab: LabSpec,
  until: number,
  use: (s: Simulation) => Promise<void> = async () => {},
): Promise<Result> {
  const simulation = await createSimulation(lab, { workers: 0 });
  const reports: Report[] = [];
  simulation.onReports = some => reports.push(...some);
  await use(simulation);
  await simulation.runUntil(until);
  const fingerprint = await simulation.fingerprint();
  await simulation.close();
  return { fingerprint, reports };
}

t('x', async () => {
  const a = await run(ballLab({ processes: 5 }), 2 * MILLISECOND);
  const b = await run(ballLab({ processes: 5 }), 2 * MILLISECOND, async s => {
    for (let i = 1; i < 100; i++) await s.runUntil(i * 7 * MICROSECOND + (i % 3));
  });
  assert.is(a.fingerprint, b.fingerprint);
  console.log(a.reports.length, a.reports.slice(0, 3), (await run(relayLab(6), MILLISECOND)).reports.length);
});
t.run();
