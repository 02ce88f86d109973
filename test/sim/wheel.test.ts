import fc from 'fast-check';
import { NEVER } from '../../src/sim/time.ts';
import { lowestBit, WHEEL, Wheel } from '../../src/sim/wheel.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/wheel');

const PROCESSES = 70;

/** Who was in `window`, in order; it is empty then. */
function taken(wheel: Wheel, window: number): number[] {
  const list: number[] = [];
  wheel.open(window);
  for (let word = 0; word < wheel.width; word++)
    for (let members = wheel.take(window, word); members !== 0; members &= members - 1)
      list.push(32 * word + lowestBit(members));
  return list;
}

t('whatever is added and taken: as sets by window would have it', () => {
  const step = fc.record({ number: fc.nat(PROCESSES - 1), ahead: fc.nat(WHEEL - 1), take: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(60), fc.array(step, { maxLength: 60 }), (start, late, steps) => {
      const wheel = new Wheel();
      // The wheel grows while it turns.
      const extend = (from: number, to: number): void => {
        for (let number = from; number < to; number++) wheel.extend(number);
      };
      extend(0, 1);
      const sets = new Map<number, Set<number>>();
      let now = start;
      const first = (): number => Math.min(NEVER, ...sets.keys());
      for (const [i, { number: wanted, ahead, take }] of steps.entries()) {
        if (i === late) extend(1, PROCESSES);
        const number = i < late ? 0 : wanted;
        wheel.add(number, now + ahead);
        sets.set(now + ahead, (sets.get(now + ahead) ?? new Set()).add(number));
        assert.is(wheel.next(now), first());
        if (!take) continue;
        now = first();
        const expected = [...sets.get(now)!].sort((a, b) => a - b);
        sets.delete(now);
        assert.equal(taken(wheel, now), expected);
        assert.is(wheel.next(now), first());
      }
    }),
  );
});

t('an empty wheel has no next window', () => {
  assert.is(new Wheel().next(77), NEVER);
});

t.run();
