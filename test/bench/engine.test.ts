import { spawnSync } from 'node:child_process';
import { assert, fromRoot, suite } from '../kit.ts';

/** A child process starts, warms up and measures: longer than a test is given otherwise. */
const LIMIT_MS = 60_000;

const t = suite('bench/engine', undefined, LIMIT_MS);

function node(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: fromRoot('.') });
}

for (const name of ['chain', 'ipip', 'vxlan']) {
  t(`a million packet-hops allocate nothing: ${name}`, () => {
    const semiSpace = ['--min-semi-space-size=256', '--max-semi-space-size=256'];
    const bench = fromRoot('build/bench/allocation.js');
    const { stdout, stderr } = node('--expose-gc', ...semiSpace, bench, name);
    assert.is(stderr, '');
    const { hops, allocatedPerHop, keptPerHop } = JSON.parse(stdout);
    assert.ok(hops >= 1_000_000);
    // The smallest object has 16 octets: not one hop in eight makes one.
    assert.ok(allocatedPerHop < 2, `${allocatedPerHop} octets a hop`);
    assert.ok(keptPerHop < 0.1, `${keptPerHop} octets a hop are kept`);
  });
}

t('every case prints a line of JSON', () => {
  for (const name of ['forwarding/chain-4-1400', 'fib/lookup-100']) {
    const { stdout, stderr, status } = node(fromRoot('build/bench/engine.js'), name, '--smoke');
    assert.equal([status, stderr], [0, '']);
    const line = JSON.parse(stdout);
    assert.is(`${line.bench}/${line.case}`, name);
    assert.ok((line.hopsPerCpuSecond ?? line.nsPerLookup) > 0);
    assert.is(line.node, process.version);
  }
});

t('one virtual second of 10 Gbit/s TCP, host to router to host, takes less than 2.5 s of CPU', () => {
  const { stdout, stderr } = node(fromRoot('build/bench/engine.js'), 'tcp-bulk/virtual-second');
  assert.is(stderr, '');
  const { cpuSecondsPerVirtualSecond } = JSON.parse(stdout);
  assert.ok(cpuSecondsPerVirtualSecond < 2.5, `${cpuSecondsPerVirtualSecond} s`);
});

t('an unknown bench or case is refused, with what there is', () => {
  const unknown = node(fromRoot('build/bench/engine.js'), 'nothing');
  assert.is(unknown.status, 2);
  assert.match(
    unknown.stderr,
    /^there is no bench nothing\nusage: npm run bench:engine -- forwarding\|encap\|/,
  );
  const noCase = node(fromRoot('build/bench/engine.js'), 'fib/nothing');
  assert.is(noCase.status, 2);
  assert.match(noCase.stderr, /^fib has the cases lookup-100, /);
});

t('an unknown option is one message, help is none', () => {
  const option = node(fromRoot('build/bench/engine.js'), 'fib', '--loud');
  assert.is(option.status, 2);
  assert.match(option.stderr, /^Unknown option '--loud'/);
  assert.match(option.stderr, /\nusage: npm run bench:engine/);
  assert.not.match(option.stderr, /\n {4}at /);
  const help = node(fromRoot('build/bench/engine.js'), '--help');
  assert.equal([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /^usage: npm run bench:engine -- forwarding\|/);
});

t.run();
