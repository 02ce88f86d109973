import fc from 'fast-check';
import { NEVER, type Timer } from '../../src/sim/time.ts';
import { TimerQueue } from '../../src/sim/timers.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/timers');

/** A queue with `count` timers, a clock to advance, and what fired when. */
function queueOf(count: number) {
  const owner = { now: 0, name: 'owner' };
  const announced: number[] = [];
  const queue: TimerQueue = new TimerQueue(owner, () => announced.push(queue.next));
  const fired: { timer: number; at: number }[] = [];
  const timers: Timer[] = [];
  for (let i = 0; i < count; i++) timers.push(queue.create(() => fired.push({ timer: i, at: owner.now })));
  const advance = (to: number): void => {
    while (queue.next < to) {
      owner.now = queue.next;
      queue.fireNext();
    }
    owner.now = to;
  };
  return { owner, queue, timers, fired, advance, announced };
}

type Operation = { kind: 'arm' | 'cancel' | 'advance'; timer: number; by: number };
const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom('arm', 'arm', 'arm', 'cancel', 'advance'),
  timer: fc.nat(7),
  by: fc.nat(12),
});

t('any arming, moving and cancelling fires as a sorted list of (deadline, order of arming) would', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), operations => {
      const { owner, timers, fired, advance } = queueOf(8);
      const armed = new Map<number, { deadline: number; sequence: number }>();
      const expected: { timer: number; at: number }[] = [];
      const advanceModel = (to: number): void => {
        const due = [...armed].filter(([, { deadline }]) => deadline < to);
        due.sort(([, a], [, b]) => a.deadline - b.deadline || a.sequence - b.sequence);
        for (const [timer, { deadline }] of due) {
          expected.push({ timer, at: deadline });
          armed.delete(timer);
        }
      };
      for (const [sequence, { kind, timer, by }] of operations.entries()) {
        if (kind === 'arm') {
          timers[timer]!.arm(owner.now + by);
          armed.set(timer, { deadline: owner.now + by, sequence });
        } else if (kind === 'cancel') {
          timers[timer]!.cancel();
          armed.delete(timer);
        } else {
          const to = owner.now + by;
          advanceModel(to);
          advance(to);
        }
        assert.is(timers[timer]!.armed, armed.has(timer));
        assert.is(timers[timer]!.deadline, armed.get(timer)?.deadline ?? NEVER);
      }
      advanceModel(1e9);
      advance(1e9);
      assert.equal(fired, expected);
    }),
    { numRuns: 500 },
  );
});

t('a timer moved to later fires once, then', () => {
  const { timers, fired, advance, queue } = queueOf(1);
  for (let at = 10; at <= 1000; at++) timers[0]!.arm(at);
  assert.is(queue.next, 10); // the lazy move: nothing fires before this
  advance(1000);
  assert.equal(fired, []);
  advance(1001);
  assert.equal(fired, [{ timer: 0, at: 1000 }]);
  assert.is(queue.next, NEVER);
});

t('a deadline that is earlier than all others is announced', () => {
  const { timers, announced } = queueOf(1);
  for (const at of [50, 70, 20]) timers[0]!.arm(at);
  assert.equal(announced, [50, 20]);
});

t('a callback may arm its own timer again, at the same instant', () => {
  const owner = { now: 0, name: 'owner' };
  const queue: TimerQueue = new TimerQueue(owner, () => {});
  let left = 3;
  const timer = queue.create(() => {
    if (--left > 0) timer.arm(owner.now);
  });
  timer.arm(5);
  while (queue.next < 6) {
    owner.now = queue.next;
    queue.fireNext();
  }
  assert.is(left, 0);
  assert.not(timer.armed);
});

t('the past is refused, and so is what is no time', () => {
  const { owner, timers } = queueOf(1);
  owner.now = 100;
  assert.throws(() => timers[0]!.arm(99), 'owner: timer for 99, but it is 100');
  assert.throws(() => timers[0]!.arm(Number.NaN), /NaN/);
});

t.run();
