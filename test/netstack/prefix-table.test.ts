import fc from 'fast-check';
import { toWord } from '../../src/addr/address-word.ts';
import { NO_LEAF } from '../../src/netstack/fib-trie.ts';
import { PrefixTable } from '../../src/netstack/prefix-table.ts';
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';

const t = suite('netstack/prefix-table');

t('agrees with a map, whatever is set and deleted', () => {
  // Few addresses, so that lengths meet at one; 0/0 and 255.255.255.255/32 among them.
  const address = fc.tuple(fc.constantFrom(0, 0x0a00_0000, 0xac10_0000, 0xffff_ffc0), fc.nat(63));
  const change = fc.record({
    address: address.map(([high, low]) => toWord(high | low)),
    length: fc.constantFrom(0, 8, 24, 26, 31, 32),
    value: fc.option(fc.nat(2 ** 25 - 1), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300, size: 'max' }), changes => {
      const table = new PrefixTable();
      const map = new Map<string, number>();
      for (const { address, length, value } of changes) {
        const key = `${address}/${length}`;
        if (value === undefined) {
          table.delete(address, length);
          map.delete(key);
        } else {
          table.set(address, length, value);
          map.set(key, value);
        }
      }
      for (const { address, length } of changes)
        assert.is(table.get(address, length), map.get(`${address}/${length}`) ?? NO_LEAF);
    }),
    { numRuns: 300, seed: 7 },
  );
});

t('begins small, takes ten to sixteen octets a prefix, and a flapping table does not grow', () => {
  const table = new PrefixTable();
  assert.is(table.octets, 128);
  const random = new Random(3, 'flap');
  let peak = 0;
  for (let round = 0; round < 4; round++) {
    const blocks = Array.from({ length: 1000 }, (_, i) =>
      toWord(0xac10_0000 | (random.below(8) << 6) | (i << 9)),
    );
    for (const [i, block] of blocks.entries()) table.set(block, 26, i);
    for (const [i, block] of blocks.entries()) assert.is(table.get(block, 26), i);
    if (round === 0) peak = table.octets;
    assert.ok(table.octets <= 16_000, `${table.octets} octets`);
    for (const block of blocks) table.delete(block, 26);
    for (const block of blocks) assert.is(table.get(block, 26), NO_LEAF);
  }
  assert.is(table.octets, peak);
});

t.run();
