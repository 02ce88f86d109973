/**
 * Our TCP beside recordings of real Linux: the same packets lost, doubled or held up by their number, and both sides'
 * segments the same in kind, numbers and order. `test/interop/tcp.interop.test.ts` plays the same patterns live.
 */
import { runEmulated } from '../../interop/tcp-emulated.ts';
import { differences } from '../../interop/tcp-pattern.ts';
import { patterns } from '../../interop/tcp-patterns.ts';
import { readRecordings } from '../../interop/tcp-recordings.ts';
import { assert, fixture, suite } from '../../kit.ts';

const t = suite('netstack/tcp/linux-patterns');
const recordings = readRecordings(fixture('tcp/linux-patterns.txt').toString());

t('each pattern was recorded, and nothing else', () => {
  assert.equal(
    [...recordings.keys()],
    patterns.map(({ name }) => name),
  );
});

for (const pattern of patterns)
  t(pattern.name, () => {
    const lines = differences(recordings.get(pattern.name) ?? [], runEmulated(pattern).segments);
    assert.is(lines.join('\n'), '');
  });

t.run();
