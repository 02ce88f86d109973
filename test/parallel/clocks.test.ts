import fc from 'fast-check';
import { Clocks } from '../../src/parallel/clocks.ts';
import { assert, suite } from '../kit.ts';

const t = suite('parallel/clocks');

/** By worker: those it sends to. Any graph, also of several parts, also with links of one direction. */
const graph: fc.Arbitrary<number[][]> = fc
  .integer({ min: 1, max: 9 })
  .chain(workers => fc.array(fc.uniqueArray(fc.nat(workers - 1)), { minLength: workers, maxLength: workers }))
  .map(targets => targets.map((list, from) => list.filter(to => to !== from)));

const chain = (workers: number): number[][] =>
  Array.from({ length: workers }, (_, i) => [i - 1, i + 1].filter(j => j >= 0 && j < workers));

/** Clocks of an epoch of `most` windows that has just begun, after windows that everybody was busy in. */
function begun(targets: readonly number[][], most: number) {
  const clocks = new Clocks(targets, new Int32Array(Clocks.words(targets.length)));
  let window = 0;
  while (clocks.plan(window, targets.length, most) === 1) window++;
  return { clocks, window };
}

t('neighbours are never more than a window apart, and until all are done somebody comes first', () => {
  fc.assert(
    fc.property(
      graph,
      fc.integer({ min: 2, max: 8 }),
      fc.infiniteStream(fc.nat()),
      (targets, windows, choices) => {
        const { clocks } = begun(targets, windows);
        const done = targets.map(() => 0);
        while (done.some(windowsDone => windowsDone < windows)) {
          assert.ok(
            done.some((_, worker) => clocks.isFirst(worker)),
            `nobody is first at ${done}`,
          );
          const able = done.flatMap((n, worker) => (n < windows && clocks.mayRun(worker) ? [worker] : []));
          for (const worker of done.keys())
            if (clocks.isFirst(worker))
              assert.ok(able.includes(worker), `${worker} is first and may not run`);
          const worker = able[choices.next().value! % able.length]!;
          clocks.advance(worker);
          done[worker]!++;
          for (const neighbour of clocks.neighbours[worker]!)
            assert.ok(Math.abs(done[worker]! - done[neighbour]!) <= 1, `${done}`);
        }
        assert.not(done.some((_, worker) => clocks.isFirst(worker)));
      },
    ),
  );
});

t('a link of one direction makes both neighbours', () => {
  const { clocks } = begun([[1], []], 4);
  assert.equal(clocks.neighbours, [[1], [0]]);
});

t(
  'in a chain a worker that is woken when it comes first does two windows, but for its first and last',
  () => {
    const [workers, windows] = [16, 16];
    const { clocks } = begun(chain(workers), windows);
    const done = new Array<number>(workers).fill(0);
    let wakes = 0;
    for (let first = 0; first >= 0; first = done.findIndex((_, worker) => clocks.isFirst(worker))) {
      wakes++;
      for (; done[first]! < windows && clocks.mayRun(first); done[first]!++) clocks.advance(first);
    }
    assert.equal(done, new Array(workers).fill(windows));
    // Those of rank 0 do 1, 2, 2, … 1 windows, those of rank 1 two at a time.
    assert.is(wakes, (workers / 2) * (windows / 2) + (workers / 2) * (windows / 2 + 1));
  },
);

t('an epoch comes after four busy windows in a row, and is no longer than it may be', () => {
  const clocks = new Clocks(chain(6), new Int32Array(Clocks.words(6)));
  const plan = (window: number, members: number, most = 100): number => clocks.plan(window, members, most);
  const lengths = [10, 11, 12, 13, 14, 15].map(window => plan(window, 3));
  assert.equal(lengths, [1, 1, 1, 1, 1, 32]);
});

t('windows with few members, or far apart, are single ones', () => {
  const few = new Clocks(chain(6), new Int32Array(Clocks.words(6)));
  const apart = new Clocks(chain(6), new Int32Array(Clocks.words(6)));
  for (let window = 1; window < 30; window++) {
    assert.is(few.plan(window, 2, 100), 1);
    assert.is(apart.plan(2 * window, 6, 100), 1);
  }
});

t('after an epoch in which half of the windows were empty, single ones come first', () => {
  const [workers, most] = [4, 10];
  for (const [worked, next] of [
    [5, 10],
    [4, 1],
  ] as const) {
    const { clocks, window } = begun(chain(workers), most);
    for (let worker = 0; worker < workers; worker++) clocks.worked(worker, worked);
    assert.is(clocks.plan(window + most, workers, most), next);
  }
});

t.run();
