/** `tunlab bench` from the outside: what it prints and writes, and how it ends. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellResult } from '../../src/bench/cell.ts';
import { read } from '../../src/wire/capture-reader.ts';
import { tunlab as commandLine, type Outside, type Ran } from '../cli/command-line.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('bench-modes/command', undefined, 60_000);
const SMALL = fromRoot('test/fixtures/bench-modes/small-lab.yaml');
const folder = mkdtempSync(join(tmpdir(), 'tunlab-bench-'));
const path = (name: string): string => join(folder, name);
const results = (name: string): CellResult[] => JSON.parse(readFileSync(path(name), 'utf8')) as CellResult[];

/** `heard` sees standard output as it comes and may interrupt. */
const tunlab = (line: string, heard: Outside['heard'] = () => {}): Promise<Ran> =>
  commandLine(['bench', ...line.split(' ')], { heard });

t('the answer first, then tables of at most 100 characters, and the packets', async () => {
  const { code, out } = await tunlab(
    `${SMALL} --modes direct,ipip,vxlan-crosssubnet --duration 4ms --json ${path('a.json')} --wide --pcap ${path('pcap')}`,
  );
  assert.is(code, 0);
  const lines = out.split('\n');
  assert.is(
    `${lines[0]} ${lines[1]}`,
    "IPIP costs 1.38 % of Direct's TCP goodput (9.285 vs 9.415 Gbit/s at 10G, MTU 1500, host model ideal): 20 header bytes a packet",
  );
  assert.ok(lines.every(line => [...line].length <= 100));
  const header = lines.find(line => line.startsWith('MODE'))!;
  assert.equal(header.split(/ {2,}/), [
    'MODE',
    'SAME SUBNET',
    'CROSS SUBNET',
    'VS DIRECT',
    'UDP 64 B',
    'RTT',
    'CPU',
    'LIMIT',
  ]);
  const row = (mode: string): string[] => lines.find(line => line.startsWith(`${mode} `))!.split(/ {2,}/);
  assert.equal(row('direct').slice(1, 5), ['9.415 Gbit/s', '–', '–', '9.615 Mpps']);
  const [, same, , versus, udp] = row('vxlan-crosssubnet');
  assert.equal([same, udp], ['9.395', '9.615']);
  assert.is(versus, '−0.21 %', 'no tunnel, but its MTU');
  assert.match(out, /\nMODE {2,}PAIR {2,}RETRANS/);
  const causes = lines.at(-2)!.split(/ {2,}/);
  assert.equal(causes.slice(0, 2), ['vxlan-crosssubnet', 'a-b']);
  assert.is(causes[3], '0', 'no header more on the wire');
  assert.match(causes[4]!, /^0\.019\d+ Gbit\/s$/);
  const files = readdirSync(path('pcap')).sort();
  assert.is(files[1], 'ipip-mtu1500-10G-1-ideal-a-b.pcapng');
  for (const file of files) {
    const packets = read(readFileSync(join(path('pcap'), file)));
    assert.ok(packets.length > 5000, `${packets.length} packets`);
  }
  for (const cell of results('a.json')) {
    assert.equal([cell.mtu, cell.rate, cell.streams, cell.hostModel], [1500, 10e9, 1, 'ideal']);
    assert.equal([cell.limit, cell.ci95, cell.dead, cell.sameSubnet], ['wire', null, null, true]);
    assert.ok(cell.goodputBps! <= cell.wireGoodputBps);
  }
});

t('the same bytes from a pool, from one lab after the other, with a thread for each node', async () => {
  const bytes: string[] = [];
  for (const workers of ['0', '2', 'per-node']) {
    const [json, html] = [path(`${workers}.json`), path(`${workers}.html`)];
    const line = `${SMALL} --modes vxlan --duration 2ms --rate 100M --workers ${workers}`;
    assert.is((await tunlab(`${line} --json ${json} --html ${html}`)).code, 0);
    bytes.push(readFileSync(json, 'utf8') + readFileSync(html, 'utf8'));
  }
  assert.is(bytes[1], bytes[0]);
  assert.is(bytes[2], bytes[0]);
  assert.match(bytes[0]!, /<svg /);
  assert.not.match(bytes[0]!, /(src|href)=/);
});

t('Direct across the subnets of the lab of the post is dead, and it says where', async () => {
  const line = `${fromRoot('scenarios/kans.yaml')} --modes direct --duration 2ms --json ${path('kans.json')}`;
  const { code, out } = await tunlab(line);
  assert.is(code, 0);
  assert.match(out, /^Direct is dead across subnets: 192\.168\.10\.1 has no route\n/);
  assert.match(out, /\ndirect, pod1 to pod3: dead: 192\.168\.10\.1 has no route\n/);
  const [same, cross] = results('kans.json');
  assert.equal([same!.sameSubnet, same!.limit, same!.dead], [true, 'wire', null]);
  assert.equal([cross!.goodputBps, cross!.limit, cross!.dead], [null, 'dead', '192.168.10.1 has no route']);
});

t('Ctrl-C keeps the cells that are finished', async () => {
  const line = `${SMALL} --duration 2ms --modes direct,ipip --rate 10M,100M,1G --json ${path('part.json')} --html ${path('part.html')}`;
  let table = false;
  const { code, out, err } = await tunlab(line, (text, interrupt) => {
    if (text.includes('Direct')) interrupt();
    table ||= text.includes('LIMIT');
  });
  assert.is(code, 130);
  assert.match(err, /^tunlab bench: interrupted: \d+ of 6 cells\n$/);
  const kept = results('part.json');
  assert.ok(kept.length < 6);
  assert.is(table, kept.length > 0);
  assert.match(out, /IPIP costs/);
});

t('a host model that knows round trips only says so, and says nothing else', async () => {
  const line = `${SMALL} --modes direct,ipip --duration 2ms --host-model daocloud --json ${path('dao.json')}`;
  const { out } = await tunlab(line);
  assert.match(out, /^IPIP adds 53\.2 µs to Direct's round trip/);
  for (const cell of results('dao.json')) {
    assert.equal([cell.goodputBps, cell.limit, cell.tcp, cell.udp], [null, 'not measured', null, null]);
    assert.ok(cell.rr!.transactions > 0);
  }
});

t('thresholds of the scenario: one that is missed is a failure, with its place', async () => {
  const { code, out } = await tunlab(`${fromRoot('test/fixtures/bench-modes/thresholds.yaml')}`);
  assert.is(code, 1);
  const missed = out.slice(out.indexOf('✗'));
  assert.match(
    missed,
    /^✗ ipip, a to b, 100M, MTU 1500, host model ideal\n {2}expected {2}mode: ipip, within: 1%\n/,
  );
  assert.match(missed, /received {2}0\.09285 Gbit\/s, 1\.38 % below 0\.09415 Gbit\/s of direct\n/);
  assert.match(missed, /thresholds\.yaml:20:9\n$/, 'and the others hold');
});

t('the shipped regression test of what a mode costs holds, and ends with 0', async () => {
  const { code, out } = await tunlab(fromRoot('scenarios/bench/ipip-within-1.5-percent.yaml'));
  assert.is(code, 0, out);
  assert.match(out, /^IPIP costs 1\.38 % of Direct's TCP goodput/);
  assert.not.match(out, /✗/);
});

for (const [line, problem] of [
  ['--modes bridge', '--modes: there is no mode "bridge"'],
  ['--rate fast', '--rate: expected a rate from 1M to 1T, got "fast"'],
  ['--mtu 100', '--mtu: expected a number from 576 to 65535, got "100"'],
  ['--streams 0', '--streams: expected a number from 1 to 128, got "0"'],
  ['--repeat 0', '--repeat: expected a number from 1 to 999, got "0"'],
  ['--duration soon', '--duration: expected a time from 1ms to 1h, got "soon"'],
  ['--host-model mine', '--host-model: there is no "mine"; there are: ideal, '],
] as const)
  t(`bench ${line} is refused`, async () => {
    const { code, out, err } = await tunlab(`${SMALL} ${line}`);
    assert.is(code, 2);
    assert.is(out, '');
    assert.ok(err.startsWith(`tunlab bench: ${problem}`), err);
  });

t.after(() => rmSync(folder, { recursive: true }));
t.run();
