import fc from 'fast-check';
import { WordArena } from '../../src/sim/word-arena.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/word-arena');

t('tables lie apart, begin with zeros and keep what was written, whatever is reserved and given back', () => {
  const step = fc.record({ lines: fc.constantFrom(1, 2, 4, 8), giveBack: fc.boolean(), which: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const arena = new WordArena();
      const tables: { at: number; length: number; mark: number }[] = [];
      for (const [mark, { lines, giveBack, which }] of steps.entries()) {
        if (giveBack && tables.length > 0) {
          const [gone] = tables.splice(which % tables.length, 1);
          arena.release(gone!.at, gone!.length);
        } else {
          const length = 16 * lines;
          const at = arena.reserve(length);
          assert.is(at % 16, 0);
          assert.ok(arena.words.subarray(at, at + length).every(word => word === 0));
          arena.words.fill(mark + 1, at, at + length);
          tables.push({ at, length, mark: mark + 1 });
        }
        for (const { at, length, mark: written } of tables)
          assert.ok(arena.words.subarray(at, at + length).every(word => word === written));
      }
    }),
  );
});

t.run();
