/**
 * Whatever one resource of a shipped scenario is changed to: `tunlab diff` names the change for each pair that it cuts
 * off, because taken back it returns them.
 *
 *   PROPERTY_RUNS=200 PROPERTY_SEED=7 node build/test/run.js edit-diff --limit=3600000
 */
import fc from 'fast-check';
import { diffLabs } from '../../src/diff/lab-diff.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { BASES, MAKERS } from './edits.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 8);
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_241_122);

/** Kinds that edit what a file holds, and nothing of the fabric. */
const KINDS = [
  'mode',
  'poolSelector',
  'poolSwitch',
  'disableExport',
  'mesh',
  'peer',
  'noPeer',
  'newPeer',
] as const;

const t = suite('property/edit-diff', undefined, 3_600_000);

const edits = fc.record({
  base: fc.constantFrom(...BASES),
  kind: fc.constantFrom(...KINDS),
  draws: fc.array(fc.nat(999), { minLength: 6, maxLength: 6 }),
});

t(`${RUNS} changes of one resource: who is cut off is told because of it (seed ${SEED})`, () =>
  fc.assert(
    fc.asyncProperty(edits, async ({ base, kind, draws }) => {
      const before = loadScenario(fromRoot(`scenarios/${base}.yaml`), { validate: validateResources });
      let next = 0;
      const edit = MAKERS[kind]!(before, bound => draws[next++ % draws.length]! % bound);
      fc.pre(edit !== undefined && validateResources(edit.scenario.resources).length === 0);
      const { signal } = new AbortController();
      const prepare = async (lab: { converge(): Promise<unknown> }): Promise<void> =>
        void (await lab.converge());
      const found = await diffLabs({
        before,
        after: edit!.scenario,
        fabric: [],
        seed: undefined,
        prepare,
        signal,
      });
      const { resources, refusals, talking, lost } = found;
      assert.is(resources.length, 1, edit!.text);
      if (refusals.length > 0) assert.is(talking.after, talking.before, edit!.text);
      assert.ok(lost.length >= talking.before - talking.after, edit!.text);
      for (const { pair, because } of lost)
        assert.is(because?.change, resources[0], `${edit!.text}: ${pair}`);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  ),
);

t.run();
