/**
 * `npm run edits [-- HOW_MANY [SEED]]`: so many random edits of shipped scenarios (200), the laws checked, each pair that
 * was lost explained. A law that is broken ends it with exit code 1, and so does a loss that nothing explains.
 */
import fc from 'fast-check';
import { aCase } from './edit-cases.ts';
import { type Trial, tryEdit } from './edit-trial.ts';

const count = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);

const trials: Trial[] = [];
for (const each of fc.sample(aCase, { numRuns: count, seed })) {
  const trial = await tryEdit(each, 2);
  trials.push(trial);
  for (const { law, what } of trial.breaches) console.log(`${trial.what}: ${law}: ${what}`);
  for (const { pair, fate, named } of trial.lost)
    if (named === undefined) console.log(`${trial.what}: ${pair} ${fate}: nothing names the cause`);
}

const ran = trials.filter(trial => trial.outcome === 'ran');
const lost = trials.flatMap(trial => trial.lost);
const by = (named: 'edit' | 'cure' | undefined): number => lost.filter(each => each.named === named).length;
console.log(
  `${trials.length} edits: ${ran.length} ran, ${trials.length - ran.length} refused; ` +
    `${ran.filter(trial => trial.lost.length > 0).length} cut somebody off`,
);
console.log(
  `${lost.length} pairs explained: ${by('edit')} by the edit, ${by('cure')} by a cure that works, ${by(undefined)} by nothing`,
);
const broken = trials.reduce((sum, trial) => sum + trial.breaches.length, 0);
console.log(`${broken} laws broken`);
process.exitCode = broken + by(undefined) > 0 ? 1 : 0;
