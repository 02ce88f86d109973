/** Snapshots as text: both ways, and what differs between two. */
import fc from 'fast-check';
import { SNAPSHOT_PARTS, type SnapshotPart } from '../../src/scenario/types.ts';
import type { LabState } from '../../src/snapshot/lab-state.ts';
import { formatSnapshot, parseSnapshot } from '../../src/snapshot/snapshot-text.ts';
import { changeLines, lineCount, stateChanges } from '../../src/snapshot/state-changes.ts';
import { assert, suite } from '../kit.ts';

const t = suite('snapshot');

/** Lines that tables have: no blank ones, none that begins like a heading or a comment. */
const line = fc
  .array(fc.constantFrom('172.16.34.0/24', 'via', 'dev', 'tunl0', '->', '✗', 'pod1', '[Mesh_1]', '#'), {
    minLength: 1,
    maxLength: 6,
  })
  .map(words => `a ${words.join(' ')}`);
const place = fc.constantFrom('', 'k8s-w1', 'tor.rack-1');
const sections = fc.array(fc.tuple(place, fc.array(line)), { minLength: 1 }).map(list => new Map(list));
const state: fc.Arbitrary<LabState> = fc
  .array(fc.tuple(fc.constantFrom(...SNAPSHOT_PARTS), sections), { minLength: 1 })
  .map(list => new Map<SnapshotPart, ReadonlyMap<string, readonly string[]>>(list));

t('what is written is read', () => {
  fc.assert(fc.property(state, each => assert.equal(parseSnapshot(formatSnapshot(each)), each)));
});

t('a state has no changes to itself, in whatever order its lines are', () => {
  fc.assert(
    fc.property(state, each => {
      assert.equal(stateChanges(each, each), []);
      const turned = new Map(
        [...each].map(([part, all]) => [part, new Map([...all].map(([at, l]) => [at, l.toReversed()]))]),
      );
      assert.equal(stateChanges(each, turned), []);
    }),
  );
});

t('what is gone one way has come the other way', () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      const parts = [...SNAPSHOT_PARTS];
      const [there, back] = [stateChanges(a, b, parts), stateChanges(b, a, parts)];
      assert.is(lineCount(there), lineCount(back));
      const swapped = changeLines(back).map(text =>
        text.replace(/ {2}([+-]) /, s => (s[2] === '+' ? '  - ' : '  + ')),
      );
      assert.equal(changeLines(there).sort(), swapped.sort());
    }),
  );
});

t('a line that is there twice counts twice', () => {
  const of = (...lines: string[]): LabState => new Map([['fib', new Map([['n', lines]])]]);
  assert.equal(changeLines(stateChanges(of('a', 'a', 'b'), of('a', 'c'))), [
    'fib n  - a',
    'fib n  - b',
    'fib n  + c',
  ]);
});

for (const text of ['by hand\n', '# comment\n[fibs k8s-w1]\nx\n', '[fib a]\nx\n[no part]\n']) {
  t(`refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseSnapshot(text), /^line \d is not of a snapshot: /);
  });
}

t.run();
