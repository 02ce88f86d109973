/**
 * Prints what the tests in this folder assert: compared and differing, per mode and table, and what is not compared.
 *
 *   node build/test/golden/report.js [--seed N] [mode ...]
 */
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { report } from './golden.ts';
import { IGNORED } from './ignored.ts';
import { Experiment } from './observe.ts';
import { MODES } from './recording.ts';

const { values, positionals: asked } = parseArgs({
  options: { seed: { type: 'string' } },
  allowPositionals: true,
});
const seed = values.seed === undefined ? undefined : Number(values.seed);
let differing = 0;
for (const mode of MODES.filter(name => asked.length === 0 || asked.includes(name))) {
  for (const hooks of ['none', 'masquerade'] as const) {
    const experiment = await Experiment.begin(mode, hooks, seed);
    await experiment.converge();
    await experiment.perform(Number.POSITIVE_INFINITY);
    const comparisons = compare(mode, hooks, experiment.seen);
    await experiment.close();
    process.stdout.write(`${report(mode, hooks, comparisons)}\n`);
    for (const { table, differing: list } of comparisons) {
      differing += list.length;
      for (const difference of list) process.stdout.write(`  ${table}: ${difference}\n`);
    }
  }
}
process.stdout.write('not compared:\n');
for (const [what, fields] of Object.entries(IGNORED)) {
  for (const [field, reason] of Object.entries(fields))
    process.stdout.write(`  ${what}: ${field}: ${reason}\n`);
}
process.exitCode = differing === 0 ? 0 : 1;
