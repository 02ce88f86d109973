/** Runs that do not come to their end: what broke is named, and what was measured until then is shown and written. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { faultText } from '../../src/cli/fault-text.ts';
import { OutputError } from '../../src/cli/output-file.ts';
import { SimulationFault } from '../../src/parallel/fault.ts';
import { decodeRecord } from '../../src/runner/run-record.ts';
import { assert, suite } from '../kit.ts';
import { tunlab } from './command-line.ts';
import { cleanUp, DIRECT, MAIN, MODES, packetsOf, path } from './harness.ts';

const t = suite('cli/ends', undefined, 60_000);

const FAULTY = new URL('./faulty-build.js', import.meta.url).href;

t.after(cleanUp);

t('reads a scenario from standard input, its resources below the working directory', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'run', '-', '--workers', '0'], {
    cwd: MODES,
    input: readFileSync(DIRECT),
    encoding: 'utf8',
  });
  assert.equal([status, stderr], [0, '']);
  assert.match(stdout, /^<stdin> {3}Direct mode dies/);
});

t('tells at once what is wrong with any of the scenarios, with place and without stack', async () => {
  const missing = await tunlab(['run', DIRECT, 'no/such.yaml', '--workers', '0']);
  assert.equal([missing.code, missing.out], [2, '']);
  assert.match(missing.err, /^no\/such\.yaml:1:1 {2}no such file\n/);
  const bad = await tunlab(['run', '-'], { input: 'kind: Scenario\n' });
  assert.is(bad.code, 2);
  assert.match(bad.err, /^<stdin>:1:1 /);
  assert.not.match(missing.err + bad.err, /\n {4}at /);
  const twice = await tunlab(['run', '-', '-']);
  assert.equal(
    [twice.code, twice.err.split('\n')[0]],
    [2, 'tunlab run: standard input can be read only once'],
  );
});

t('a full disk: 4, one line, and the results', async () => {
  mkdirSync(path('full'));
  symlinkSync('/dev/full', path('full/direct.pcapng'));
  const argv = ['run', DIRECT, '--workers', '0', '--json', '--pcap', path('full')];
  const { code, out, err } = await tunlab(argv);
  assert.is(code, 4);
  assert.match(err, /^✗ cannot write .*direct\.pcapng: no space left on device \(ENOSPC\)\n$/);
  const document = JSON.parse(out);
  assert.equal([document.ok, document.fault.kind, document.steps.length], [false, 'output', 3]);
});

for (const workers of ['0', '2']) {
  t(
    `a process that throws: 4, its name, the time, the stack, and all until then (${workers} workers)`,
    async () => {
      const target = path(`broken${workers}`);
      const record = path(`broken${workers}.rec`);
      const argv = ['run', DIRECT, '--workers', workers, '--json', '--pcap', target, '--record', record];
      const { code, out, err } = await tunlab(argv, { more: { builder: FAULTY } });
      assert.is(code, 4);
      const head =
        '✗ internal error in k8s-w1, at 3.00 s of virtual time: this is a bug in tunlab, not in your scenario';
      assert.is(err.split('\n')[0], head);
      assert.match(err, /Error: the route to nowhere\n {4}at .*faulty-build/);
      const document = JSON.parse(out);
      const { fault } = document;
      assert.equal([document.ok, document.fingerprint, document.counters], [false, null, null]);
      assert.equal([fault.kind, fault.process, document.virtualTimeNs], ['throw', 'k8s-w1', 3e9]);
      assert.ok(packetsOf(join(target, 'direct.pcapng')).length > 100, 'sessions came up before 3 s');
      const { results, journal } = decodeRecord(readFileSync(record));
      assert.equal(JSON.parse(JSON.stringify(results)), document);
      assert.ok(journal.entries.length > 0);
    },
  );
}

const AT = { process: 'k8s-w1', worker: 3, virtualTime: 1_500_000_000 };
for (const [what, fault, text] of [
  [
    'a thread that died',
    new SimulationFault('exit', AT, 'the worker ended'),
    '✗ the run ended in k8s-w1, at 1.50 s of virtual time\nk8s-w1 (worker 3): the worker ended, at 1500000000 ns of virtual time\n',
  ],
  [
    'a process that is stuck',
    new SimulationFault('watchdog', AT, 'no progress for 10000 ms of wall time'),
    '✗ the run ended in k8s-w1, at 1.50 s of virtual time\n' +
      'k8s-w1 (worker 3): no progress for 10000 ms of wall time, at 1500000000 ns of virtual time\n',
  ],
  [
    'Ctrl-C',
    new SimulationFault('aborted', AT, 'ended from outside'),
    'tunlab: interrupted at 1.50 s of virtual time\n',
  ],
  ['a file that cannot be written', new OutputError('cannot write x: no'), '✗ cannot write x: no\n'],
] as const) {
  t(`has words for ${what}`, () =>
    assert.is(
      faultText(fault, words => `✗ ${words}`),
      text,
    ),
  );
}

t('prints the summary of a run that broke', async () => {
  const { code, out } = await tunlab(['run', DIRECT, '--workers', '0'], { more: { builder: FAULTY } });
  assert.is(code, 4);
  assert.match(out, /\n✗ 0 of 0 expectations held; modelled 3\.00 s\n$/);
});

for (const workers of ['0', '2']) {
  t(`Ctrl-C: 130 within a second, and all until then (${workers} workers)`, async () => {
    const target = path(`interrupted${workers}`);
    const argv = [MAIN, 'run', '-', '--workers', workers, '--pcap', target];
    const child = spawn(process.execPath, argv, { cwd: MODES });
    const text = { out: '', err: '' };
    child.stdout.on('data', chunk => {
      text.out += chunk;
      // The last thing to be said before the long step.
      if (text.out.includes('✓ bgp:') && !child.killed) interrupt();
    });
    child.stderr.on('data', chunk => {
      text.err += chunk;
    });
    let asked = Number.NEGATIVE_INFINITY;
    const interrupt = (): void => {
      asked = performance.now();
      child.kill('SIGINT');
    };
    const ended = new Promise(resolve => child.on('close', resolve));
    child.stdin.end(`${readFileSync(DIRECT, 'utf8')}    - { name: for ever, wait: 23h }\n`);
    assert.is(await ended, 130, text.err);
    assert.ok(performance.now() - asked < 1_000, 'within a second');
    assert.match(text.err, /^tunlab: interrupted at [\d.]+ s of virtual time\n$/);
    assert.match(text.out, /\n✗ 8 of 8 expectations held; modelled /);
    assert.ok(packetsOf(join(target, 'direct.pcapng')).length > 100);
  });
}

t.run();
