/** Words of a diff: how long somebody is cut off, and who together. */
import { colour } from '../../src/cli/colour.ts';
import { diffText } from '../../src/diff/diff-text.ts';
import { losses, lossTitle, outageText, pathText, talkText } from '../../src/diff/diff-words.ts';
import type { LabDiff, LostPair } from '../../src/diff/lab-diff.ts';
import type { PairView } from '../../src/diff/observation.ts';
import { type PairOutage, settledOutages } from '../../src/diff/outages.ts';
import { fieldChanges, mergePatch } from '../../src/diff/resource-changes.ts';
import { assert, suite } from '../kit.ts';

const t = suite('diff/words');

const outage = (pair: string, end: PairOutage['end']): PairOutage => ({
  pair,
  lengthNs: 310e6,
  fromNs: 20e6,
  toNs: 330e6,
  end,
  reason: 'NO_ROUTE',
  at: 'k8s-rtr',
});

for (const [end, text] of [
  ['seen', '310.00 ms, 20.00 ms after the change: NO_ROUTE at k8s-rtr'],
  ['later', 'more than 310.00 ms, 20.00 ms after the change: NO_ROUTE at k8s-rtr'],
  ['never', 'for good, 20.00 ms after the change: NO_ROUTE at k8s-rtr'],
] as const) {
  t(`an outage whose end is ${end}`, () => assert.is(outageText(outage('a -> b', end)), text));
}

t('who talks when the lab has settled was not cut off for good', () => {
  const ends = (outages: readonly PairOutage[]): string[] => outages.map(({ end }) => end);
  const all = [outage('a', 'never'), outage('b', 'never'), outage('c', 'seen')];
  assert.equal(ends(settledOutages(all, pair => pair === 'a')), ['later', 'never', 'seen']);
});

t('pairs that died alike are told together', () => {
  const lost = (pair: string, fate: string): LostPair => ({
    pair,
    fate,
    sentence: 'So it is.',
    because: undefined,
  });
  const groups = losses([lost('a', '✗ X at n'), lost('b', '✗ Y at n'), lost('c', '✗ X at n')]);
  assert.equal(groups.map(lossTitle), ['2 pairs are cut off: a, c', 'b is cut off']);
  assert.is(groups[0]!.fate, '✗ X at n: So it is.');
  const many = losses(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(pair => lost(pair, '✗ X')));
  assert.is(lossTitle(many[0]!), '7 pairs are cut off: a, b, c, d, e, f, …');
});

for (const [before, pairsBefore, after, pairsAfter, text] of [
  [6, 6, 2, 6, '6 of 6 pairs talk -> 2'],
  [6, 6, 6, 6, '6 of 6 pairs talk'],
  [2, 2, 6, 12, '2 of 2 pairs talk -> 6 of 12'],
] as const) {
  t(text, () => {
    const talking = { before, pairsBefore, after, pairsAfter };
    assert.is(talkText({ talking } as LabDiff), text);
  });
}

t('a path: the way, the size, the machines; nothing of the latter when it dies', () => {
  const view = { from: 'a', to: 'b', answered: true, fate: 'tunl0', hops: ['n1', 'n2'], octets: 118 };
  assert.is(pathText(view), 'tunl0, 118 octets, n1 n2');
  assert.is(pathText({ ...view, answered: false, fate: '✗ X', octets: undefined }), '✗ X');
  assert.is(pathText(undefined), 'not there');
});

t('of many pairs that fare alike some are shown, and the rest is counted', () => {
  const view = (hop: string, fate: string): PairView => ({
    from: 'a',
    to: 'b',
    answered: true,
    fate,
    hops: [hop],
    octets: 98,
  });
  const pairs = Array.from({ length: 12 }, (_, i) => ({
    pair: `p${i} -> q`,
    before: view(`n${i}`, 'tunl0'),
    after: view(`n${i}`, i === 11 ? 'local' : 'direct'),
  }));
  const talking = { before: 12, pairsBefore: 12, after: 12, pairsAfter: 12 };
  const convergence = { convergedInNs: 1e9, missing: [] };
  const none = { unsettled: [], fabric: [], resources: [], refusals: [], tables: [], outages: [], lost: [] };
  const diff = { ...none, live: true, pairs, talking, convergence };
  const lines = diffText(diff, ['a', 'b'], colour(false)).split('\n');
  for (const line of [
    '  p6 -> q        tunl0 -> direct',
    '  … and 4 more   tunl0 -> direct',
    '  p11 -> q       tunl0 -> local',
    '  p6 -> q        tunl0, 98 octets, n6 -> direct, 98 octets, n6',
    '  … and 4 more   tunl0, 98 octets -> direct, 98 octets',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  assert.not.ok(lines.some(line => line.startsWith('  p7 -> q')));
  const restless = diffText({ ...diff, unsettled: ['n1: x is Active'] }, ['a', 'b'], colour(false));
  assert.match(restless, '; it was not at rest before: n1: x is Active\n');
});

t('fields: leaves that differ, and the patch that makes or unmakes each', () => {
  const before = { spec: { a: 1, list: [1, 2], gone: 'x', same: { deep: true } } };
  const after = { spec: { a: 2, list: [1, 3], same: { deep: true }, come: { deep: 1 } } };
  assert.equal(
    fieldChanges(before, after).map(({ path, was, is }) => [path.join('.'), was, is]),
    [
      ['spec.a', 1, 2],
      ['spec.list', [1, 2], [1, 3]],
      ['spec.gone', 'x', undefined],
      ['spec.come', undefined, { deep: 1 }],
    ],
  );
  assert.equal(mergePatch(['spec', 'a'], 2), { spec: { a: 2 } });
  assert.equal(mergePatch(['spec', 'gone'], undefined), { spec: { gone: null } });
});

t.run();
