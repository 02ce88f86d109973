/** Some thousand damaged frames, the same every time. `npm run fuzz` has a million. */
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';
import { fuzzFrames, MODES } from './frames.ts';

const t = suite('fuzz/frames', undefined, 30_000);

for (const mode of MODES)
  t(`${mode}: damaged frames are counted, and nothing breaks`, () => {
    const reasons = fuzzFrames(new Random(1, `fuzz/${mode}`), mode, 3_000);
    assert.ok((reasons.get('BAD_CHECKSUM') ?? 0) > 50, JSON.stringify([...reasons]));
    assert.ok(reasons.size >= 8, JSON.stringify([...reasons]));
  });

t.run();
