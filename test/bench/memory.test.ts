/**
 * An hour of virtual time with light traffic keeps no memory. Without the optimising compiler, whose own data grows for
 * as long as it finds something to improve, the heap is the same to a few kilobytes: some fifteen seconds of processor.
 */
import { spawnSync } from 'node:child_process';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('bench/memory', undefined, 240_000);

t('an hour of pings and connections, one a second: flat after warm-up', () => {
  const flags = ['--expose-gc', '--no-opt', '--always-sparkplug'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, fromRoot('build/bench/memory.js')], {
    encoding: 'utf8',
  });
  assert.is(stderr, '');
  const lines = stdout
    .trim()
    .split('\n')
    .map(
      line => JSON.parse(line) as { minute: number; kilobytes: number; answered: number; replies: number },
    );
  assert.equal(
    lines.map(({ minute }) => minute),
    [10, 20, 30, 40, 50, 60],
  );
  assert.is(lines.at(-1)!.answered, 3600);
  assert.ok(lines.at(-1)!.replies >= 3600);
  // A ping remembers each round trip, 16 octets; a connection that were kept would be thousands.
  const warm = lines[1]!.kilobytes;
  for (const { minute, kilobytes } of lines.slice(2))
    assert.ok(kilobytes < warm + 256, `${kilobytes} KiB at minute ${minute}, ${warm} KiB at minute 20`);
});

t.run();
