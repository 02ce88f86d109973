/** The tests of one mode: one for each table, and the table of all of them on standard output. */
import { assert, suite } from '../kit.ts';
import { type Comparison, compare } from './compare.ts';
import { observe } from './observe.ts';
import type { Hooks, Mode } from './recording.ts';

const SHOWN = 12;

export function golden(mode: Mode, hooks: Hooks, tables: readonly string[]): void {
  const t = suite(`golden/${mode}${hooks === 'none' ? '' : ' nat'}`);
  let comparisons: Comparison[] = [];
  t.before(async () => {
    comparisons = compare(mode, hooks, await observe(mode, hooks));
    process.stdout.write(`${report(mode, hooks, comparisons)}\n`);
  });
  t('every table that was recorded is compared', () => {
    assert.equal(
      comparisons.map(c => c.table),
      tables,
    );
  });
  for (const table of tables)
    t(table, () => {
      const { compared, differing } = comparisons.find(c => c.table === table)!;
      assert.ok(compared > 0, 'nothing was recorded');
      assert.is(differing.slice(0, SHOWN).join('\n'), '');
    });
  t.run();
}

function report(mode: Mode, hooks: Hooks, comparisons: readonly Comparison[]): string {
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
