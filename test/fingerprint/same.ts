/** One law for every shipped scenario: the run is the same for any number of workers and any order inside a window. */
import { Lab, type LabOptions } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const VARIANTS: readonly (readonly [name: string, options: LabOptions])[] = [
  ['processes of a window in reverse order', { workers: 0, reversed: true }],
  ['captures of every device', { workers: 0, capture: true }],
  ['1 worker', { workers: 1 }],
  ['2 workers', { workers: 2 }],
  ['5 workers', { workers: 5 }],
  ['16 workers', { workers: 16 }],
  ['a worker for each node', { workers: 'per-node' }],
];

async function fingerprintOf(file: string, options: LabOptions): Promise<string> {
  const lab = await Lab.load(fromRoot(file), options);
  try {
    const results = await lab.steps();
    const failed = results.flatMap(r => r.expectations.filter(e => !e.verdict.ok));
    assert.equal(
      failed.map(f => `${f.expectation.text}: ${f.verdict.received}`),
      [],
    );
    const { inFlight } = await lab.counters();
    assert.ok(inFlight >= 0, `more frames ended than began: ${inFlight}`);
    return await lab.fingerprint();
  } finally {
    await lab.close();
  }
}

/** The tests of these scenarios, to be run. */
export const sameFingerprint = (...files: readonly string[]): { run(): void } => suitesOf(files, VARIANTS);

/** For the many small ones, which are made of what the others have: on the main thread and over two. */
export const sameFingerprintBriefly = (...files: readonly string[]): { run(): void } =>
  suitesOf(
    files,
    VARIANTS.filter(([, { workers }]) => workers === 2),
  );

function suitesOf(files: readonly string[], variants: typeof VARIANTS): { run(): void } {
  const suites = files.map(file => {
    const t = suite(`fingerprint of ${file}`, {}, 60_000);
    let expected = '';
    t('all expectations hold on the main thread', async () => {
      expected = await fingerprintOf(file, { workers: 0 });
      assert.match(expected, /^[0-9a-f]{64}$/);
    });
    for (const [name, options] of variants) {
      t(name, async () => {
        assert.is(await fingerprintOf(file, options), expected);
      });
    }
    if (variants === VARIANTS)
      t('another seed is another run', async () => {
        assert.is.not(await fingerprintOf(file, { workers: 0, seed: 4711 }), expected);
      });
    return t;
  });
  return {
    run: () => {
      for (const t of suites) t.run();
    },
  };
}
