/**
 * Whatever is edited in a shipped scenario: it runs to its end, the laws hold that hold in every lab, and of each pair
 * that is cut off `explain` says why. Two hundred of them: `npm run edits`.
 */
import fc from 'fast-check';
import { assert, suite } from '../kit.ts';
import { aCase } from './edit-cases.ts';
import { tryEdit } from './edit-trial.ts';
import { BASES, MAKERS } from './edits.ts';

const RUNS = 20;
const SEED = 20_241_122;

const t = suite('property/edits', undefined, 240_000);

t(`${RUNS} random edits: no law is broken, losses are explained (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(aCase, async each => {
      const { what, breaches, lost } = await tryEdit(each);
      assert.equal(breaches, [], what);
      assert.equal(
        lost.filter(({ named }) => named === undefined),
        [],
        what,
      );
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});

/** An edit that must cut somebody off, and what must be said of it: the trial itself can fail. */
for (const [base, kind, draws, named] of [
  ['modes/ipip-crosssubnet', 'mode', [0, 0, 0], 'edit'],
  ['modes/ipip-always', 'cloud', [0], 'edit'],
  ['aws/source-dest-check-off', 'cloud', [1], 'edit'],
] as const) {
  t(`${kind} of ${base} with ${draws.join(',')}: cut off, because of the ${named}`, async () => {
    const { lost } = await tryEdit({
      base: BASES.indexOf(base),
      kind: Object.keys(MAKERS).indexOf(kind),
      draws,
    });
    assert.ok(lost.length > 0);
    for (const each of lost) assert.is(each.named, named, each.fate);
  });
}

t.run();
