import fc from 'fast-check';
import { KeySet } from '../../src/bgp/key-set.ts';
import { assert, suite } from '../kit.ts';

const t = suite('bgp/key-set');

t('keeps what a Set would, in its order, one instant after the other', () => {
  const instants = fc.array(fc.array(fc.nat({ max: 100 }), { maxLength: 60, size: 'max' }), {
    maxLength: 6,
    size: 'max',
  });
  fc.assert(
    fc.property(instants, lists => {
      const keys = new KeySet();
      for (const list of lists) {
        for (const key of list) keys.add(key);
        assert.equal([...keys], [...new Set(list)]);
        assert.is(keys.size, new Set(list).size);
        keys.clear();
        assert.is(keys.size, 0);
      }
    }),
    { seed: 1 },
  );
});

t.run();
