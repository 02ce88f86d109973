/**
 * The same again: what `tunlab test`, `run --pcap` and `bench --html` write is the same to the octet, whatever the order
 * of files, the number of threads, and who ran before.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tunlab } from '../cli/command-line.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('runner/repeat', undefined, 60_000);

const folder = mkdtempSync(join(tmpdir(), 'tunlab-repeat-'));
const at = (name: string): string => join(folder, name);
t.after(() => rmSync(folder, { recursive: true }));

const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
const MODES = fromRoot('scenarios/modes');
const AZURE = fromRoot('scenarios/azure/proto4-blocked.yaml');

t('tests: JSON and JUnit, in any order, side by side or alone', async () => {
  const files = async (name: string, ...paths: string[]): Promise<string[]> => {
    const [json, junit] = [at(`${name}.json`), at(`${name}.xml`)];
    const ran = await tunlab([
      'test',
      ...paths,
      '--reporter',
      `json=${json}`,
      '--reporter',
      `junit=${junit}`,
    ]);
    assert.is(ran.code, 0, ran.out);
    return [digest(json), digest(junit)];
  };
  const first = await files('first', MODES, AZURE);
  assert.equal(await files('again', AZURE, MODES), first);
  // One alone says what it says among others.
  await files('alone', AZURE);
  const alone = JSON.parse(readFileSync(at('alone.json'), 'utf8')) as unknown[];
  const among = JSON.parse(readFileSync(at('first.json'), 'utf8')) as { scenario: string }[];
  assert.equal(
    alone[0],
    among.find(({ scenario }) => scenario === AZURE),
  );
});

t('captures: pcapng, with threads and without', async () => {
  const capture = async (name: string, workers: string): Promise<string> => {
    const argv = ['run', AZURE, '--workers', workers, '--pcap', at(name)];
    assert.is((await tunlab(argv)).code, 0);
    return digest(at(`${name}/azure-proto4-blocked.pcapng`));
  };
  const first = await capture('one', '0');
  assert.is(await capture('two', '0'), first);
  assert.is(await capture('three', '2'), first);
});

t('benchmarks: HTML and JSON', async () => {
  const page = async (name: string): Promise<string[]> => {
    const file = fromRoot('test/fixtures/bench-modes/small-lab.yaml');
    const cells = ['--modes', 'direct,ipip', '--duration', '2ms'];
    const outputs = ['--html', at(`${name}.html`), '--json', at(`${name}.json`)];
    assert.is((await tunlab(['bench', file, ...cells, ...outputs])).code, 0);
    return [digest(at(`${name}.html`)), digest(at(`${name}.json`))];
  };
  assert.equal(await page('bench-one'), await page('bench-two'));
});

t.run();
