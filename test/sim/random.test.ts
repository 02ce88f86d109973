/** Seeded streams: bounds that are kept, and bounds that would never be met. */
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/random');

for (const bound of [1, 2, 3, 1000, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32]) {
  t(`below(${bound}) is a whole number below it`, () => {
    const random = new Random(7, 'bounds');
    for (let i = 0; i < 200; i++) {
      const draw = random.below(bound);
      assert.ok(Number.isInteger(draw) && draw >= 0 && draw < bound, String(draw));
    }
  });
}

// A draw has 32 bits: with a larger bound the loop against modulo bias would never end.
for (const bound of [0, -1, 0.5, 1.5, 2 ** 32 + 1, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY]) {
  t(`below(${bound}) is refused`, () => {
    assert.throws(() => new Random(7, 'bounds').below(bound), /no random number below/);
  });
}

t('one stream for each seed and name', () => {
  const draws = (seed: number, name: string): number[] => {
    const random = new Random(seed, name);
    return Array.from({ length: 4 }, () => random.next());
  };
  assert.equal(draws(1, 'a'), draws(1, 'a'));
  assert.not.equal(draws(1, 'a'), draws(2, 'a'));
  assert.not.equal(draws(1, 'a'), draws(1, 'b'));
});

t.run();
