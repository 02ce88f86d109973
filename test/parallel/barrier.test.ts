import { Barrier, RUN } from '../../src/parallel/barrier.ts';
import { NEVER } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';

const t = suite('parallel/barrier');

const WORKERS = 5;

/** Workers in a row, more than there are cores, each with something to do in every window. */
function chain(): Barrier {
  const targets = Array.from({ length: WORKERS }, (_, i) =>
    [i - 1, i + 1].filter(other => other >= 0 && other < WORKERS),
  );
  return new Barrier({ workers: WORKERS, lookahead: 10, targets, maySpin: false });
}

/** All have run the round. */
function leave(barrier: Barrier): void {
  const next = barrier.window + barrier.clocks.windows;
  const nothing = new Float64Array(WORKERS).fill(NEVER);
  for (let worker = 0; worker < WORKERS; worker++) {
    barrier.clocks.worked(worker, barrier.clocks.windows);
    barrier.writeRow(worker, next, nothing);
    assert.is(barrier.take(worker) & RUN, RUN);
  }
  for (let worker = 0; worker < WORKERS; worker++) barrier.leave();
}

t('in an epoch everybody has its order before anybody is woken who could wake it', () => {
  const barrier = chain();
  const nothing = new Float64Array(WORKERS).fill(NEVER);
  for (let worker = 0; worker < WORKERS; worker++) barrier.writeRow(worker, 1, nothing);
  barrier.start(0, 100_000, false, new Set(Array.from({ length: WORKERS }, (_, worker) => worker)));
  while (barrier.clocks.windows === 1 && barrier.window < 20) {
    const { or } = Atomics;
    const given: number[] = [];
    Atomics.or = ((ints: Int32Array, at: number, bits: number): number => {
      given.push(at);
      return or(ints, at, bits);
    }) as typeof Atomics.or;
    try {
      leave(barrier);
    } finally {
      Atomics.or = or;
    }
    if (barrier.clocks.windows === 1) continue;
    const workers = given.map(at => given.toSorted((a, b) => a - b).indexOf(at));
    assert.equal(workers, [1, 3, 0, 2, 4]);
  }
  assert.ok(barrier.clocks.windows > 1);
  leave(barrier); // each has an order, or this waits for ever
});

t.run();
