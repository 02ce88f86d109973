/** The tests of one mode: the experiment in a few steps, then one for each table; the counts on standard output. */
import { assert, suite } from '../kit.ts';
import { type Comparison, compare, STATE_TABLES } from './compare.ts';
import { Experiment } from './observe.ts';
import { type Hooks, interfacesOf, type Mode, probes } from './recording.ts';

const SHOWN = 12;
/** Probes per test: each test has its own time limit. */
const BATCH = 15;

export function golden(mode: Mode, hooks: Hooks): ReturnType<typeof suite> {
  const tables = [
    ...(hooks === 'none' ? [...STATE_TABLES, 'bgp'] : []),
    'output',
    ...interfacesOf(mode).map(name => `packets ${name}`),
  ];
  const t = suite(`golden/${mode}${hooks === 'none' ? '' : ' nat'}`);
  let experiment: Experiment;
  let comparisons: Comparison[] = [];
  t('the recorded lab converges', async () => {
    experiment = await Experiment.begin(mode, hooks);
    await experiment.converge();
  });
  const count = probes(mode, hooks).length;
  for (let first = 0; first < count; first += BATCH)
    t(`probes ${first + 1} to ${Math.min(first + BATCH, count)}`, () => experiment.perform(BATCH));
  t('every table that was recorded is compared', () => {
    comparisons = compare(mode, hooks, experiment.seen);
    process.stdout.write(`${report(mode, hooks, comparisons)}\n`);
    assert.equal(
      comparisons.map(c => c.table),
      tables,
    );
  });
  for (const table of tables)
    t(table, () => {
      const { differing } = comparisons.find(c => c.table === table)!;
      assert.is(differing.slice(0, SHOWN).join('\n'), '');
    });
  t.after(() => experiment.close());
  return t;
}

/** Compared and differing, table by table. */
export function report(mode: Mode, hooks: Hooks, comparisons: readonly Comparison[]): string {
  const width = Math.max(...comparisons.map(c => c.table.length));
  const row = (table: string, compared: number | string, differing: number | string): string =>
    `  ${table.padEnd(width)} ${String(compared).padStart(9)} ${String(differing).padStart(10)}`;
  const sum = (pick: (c: Comparison) => number): number => comparisons.reduce((n, c) => n + pick(c), 0);
  return [
    `${mode}, hooks: ${hooks}`,
    row('', 'compared', 'differing'),
    ...comparisons.map(c => row(c.table, c.compared, c.differing.length)),
    row(
      'all',
      sum(c => c.compared),
      sum(c => c.differing.length),
    ),
  ].join('\n');
}
