import fc from 'fast-check';
import { NEVER } from '../../src/sim/time.ts';
import { NOBODY, WHEEL, Wheel } from '../../src/sim/wheel.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/wheel');

const PROCESSES = 40;

function taken(wheel: Wheel, window: number, reversed: boolean): number[] {
  const list: number[] = [];
  let number = wheel.take(window, reversed);
  while (number !== NOBODY) {
    list.push(number);
    number = wheel.following(number, reversed);
  }
  return list;
}

t('whatever is added, moved and taken: as lists by window would have it', () => {
  const step = fc.record({ number: fc.nat(PROCESSES - 1), ahead: fc.nat(WHEEL - 1), take: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(5000), fc.boolean(), fc.array(step, { maxLength: 60 }), (start, reversed, steps) => {
      const wheel = new Wheel();
      for (let number = 0; number < PROCESSES; number++) wheel.extend(number);
      const lists = new Map<number, number[]>();
      let now = start;
      const first = (): number => Math.min(NEVER, ...lists.keys());
      for (const { number, ahead, take } of steps) {
        for (const [window, list] of lists) {
          if (!list.includes(number)) continue;
          wheel.remove(number, window);
          const rest = list.filter(other => other !== number);
          if (rest.length > 0) lists.set(window, rest);
          else lists.delete(window);
        }
        wheel.add(number, now + ahead);
        lists.set(now + ahead, [...(lists.get(now + ahead) ?? []), number]);
        assert.is(wheel.next(now), first());
        if (!take) continue;
        now = first();
        const expected = lists.get(now)!;
        lists.delete(now);
        assert.equal(taken(wheel, now, reversed), reversed ? expected.toReversed() : expected);
        assert.is(wheel.next(now), first());
      }
    }),
  );
});

t('an empty wheel has no next window', () => {
  assert.is(new Wheel().next(77), NEVER);
});

t.run();
