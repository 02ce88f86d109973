import fc from 'fast-check';
import { NEVER, type Timer } from '../../src/sim/time.ts';
import { TimerQueue } from '../../src/sim/timers.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/timers');

/** A queue with `count` timers, a clock to advance, and what fired when. `onFire` hears how many fired before. */
function queueOf(count: number, onFire: (firing: number) => void = () => {}) {
  const owner = { now: 0, name: 'owner' };
  const announced: number[] = [];
  const queue: TimerQueue = new TimerQueue(owner, () => announced.push(queue.next));
  const fired: { timer: number; at: number }[] = [];
  const timers: Timer[] = [];
  for (let i = 0; i < count; i++)
    timers.push(queue.create(() => onFire(fired.push({ timer: i, at: owner.now }) - 1)));
  const advance = (to: number): void => {
    while (queue.next < to) {
      owner.now = queue.next;
      queue.fireNext();
    }
    owner.now = to;
  };
  return { owner, queue, timers, fired, advance, announced };
}

type Operation = { kind: 'arm' | 'cancel' | 'clear' | 'advance'; timer: number; by: number };
const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom('arm', 'arm', 'arm', 'cancel', 'advance'),
  timer: fc.nat(7),
  by: fc.nat(12),
});
/** What a timer does when it fires. */
const reaction: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom('arm', 'arm', 'arm', 'cancel', 'clear'),
  timer: fc.nat(7),
  by: fc.nat(12),
});

/** The same as a list of who is armed, and since which operation. */
class Model {
  readonly armed = new Map<number, { deadline: number; order: number }>();
  readonly fired: { timer: number; at: number }[] = [];
  #order = 0;

  carryOut({ kind, timer, by }: Operation, now: number): void {
    if (kind === 'arm') this.armed.set(timer, { deadline: now + by, order: this.#order++ });
    else if (kind === 'cancel') this.armed.delete(timer);
    else if (kind === 'clear') this.armed.clear();
  }

  advance(to: number, reactions: readonly Operation[]): void {
    for (;;) {
      const due = [...this.armed].filter(([, { deadline }]) => deadline < to);
      due.sort(([, a], [, b]) => a.deadline - b.deadline || a.order - b.order);
      const first = due[0];
      if (first === undefined) return;
      const [timer, { deadline }] = first;
      this.armed.delete(timer);
      const reaction = reactions[this.fired.push({ timer, at: deadline }) - 1];
      if (reaction !== undefined) this.carryOut(reaction, deadline);
    }
  }
}

t(
  'any arming, moving and cancelling, also by who fires, is as a sorted list of (deadline, order of arming)',
  () => {
    const operations = fc.array(operation, { maxLength: 120, size: 'max' });
    const reactions = fc.array(reaction, { maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(operations, reactions, (operations, reactions) => {
        const carryOut = ({ kind, timer, by }: Operation): void => {
          if (kind === 'arm') timers[timer]!.arm(owner.now + by);
          else if (kind === 'cancel') timers[timer]!.cancel();
          else if (kind === 'clear') queue.clear();
        };
        const { owner, queue, timers, fired, advance } = queueOf(8, firing => {
          const reaction = reactions[firing];
          if (reaction !== undefined) carryOut(reaction);
        });
        const model = new Model();
        for (const one of operations) {
          if (one.kind === 'advance') {
            const to = owner.now + one.by;
            model.advance(to, reactions);
            advance(to);
          } else {
            model.carryOut(one, owner.now);
            carryOut(one);
          }
          for (const [number, timer] of timers.entries()) {
            assert.is(timer.armed, model.armed.has(number));
            assert.is(timer.deadline, model.armed.get(number)?.deadline ?? NEVER);
          }
        }
        model.advance(1e9, reactions);
        advance(1e9);
        assert.equal(fired, model.fired);
      }),
      { numRuns: 500 },
    );
  },
);

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
