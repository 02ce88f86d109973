import fc from 'fast-check';
import { Revision } from '../../src/api/revision.ts';
import { assert, suite } from '../kit.ts';

const t = suite('api/revision');

interface Thing {
  readonly key: string;
  readonly value: number;
}

const key = fc.constantFrom('', '/a', '/b', 'ns/a', 'ns/b', 'ns/c');

t('a revision lists what a map holds, in order of the keys, and those before it stay what they were', () => {
  const edit = fc.record({ key, value: fc.nat({ max: 9 }), gone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(edit), fc.array(edit), (initial, edits) => {
      const model = new Map<string, Thing>(initial.map(e => [e.key, e]));
      let revision = Revision.of<Thing>(initial.map(e => [e.key, e]));
      for (const one of edits) {
        const before = revision;
        const listed = [...before.objects];
        if (one.gone) model.delete(one.key);
        else model.set(one.key, one);
        revision = one.gone ? before.without(one.key) : before.with(one.key, one);
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.equal(
          revision.objects,
          sorted.map(([, thing]) => thing),
        );
        assert.is(revision.get(one.key), model.get(one.key));
        assert.equal(before.objects, listed);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

t.run();
