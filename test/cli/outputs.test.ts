/** What a run writes: captures, traces, records, JSON. One run of a lab is looked at from all sides. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTrace, traceLine } from '../../src/cli/trace.ts';
import { decodeRecord, encodeRecord, RecordError, replayRun } from '../../src/runner/run-record.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import type { CapturedPacket } from '../../src/wire/capture-reader.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { type Ran, tunlab } from './command-line.ts';
import { cleanUp, DIRECT, MODES, packetsOf, path } from './harness.ts';

const t = suite('cli/outputs', undefined, 60_000);

const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** The lab with everything switched on. */
let watched: Ran;
t.before(async () => {
  const argv = ['run', DIRECT, '--workers', '0', '--json'];
  watched = await tunlab([...argv, '--pcap', path('a'), '--trace', 'all', '--record', path('a.rec')]);
});
t.after(cleanUp);

const capture = (): CapturedPacket[] => packetsOf(path('a/direct.pcapng'));

// Captures.

t('captures every device of every namespace in one file, from the first frame on', () => {
  assert.is(watched.code, 0);
  const packets = capture();
  const names = new Set(packets.map(packet => packet.interface.name ?? ''));
  for (const name of ['k8s-m/eth0', 'k8s-w1/eth0', 'k8s-w1/default/pod1/eth0', 'k8s-rtr/eth1'])
    assert.ok(names.has(name), name);
  assert.ok([...names].some(name => /^k8s-w2\/cali[0-9a-f]{11}$/.test(name)));
  const at = ({ time }: CapturedPacket): number => time.seconds * 1e9 + time.nanoseconds;
  for (let i = 1; i < packets.length; i++) assert.ok(at(packets[i]!) >= at(packets[i - 1]!));
  // The first frame of a lab is somebody's ARP request for a BGP peer, to everybody.
  assert.equal([...packets[0]!.captured.subarray(0, 6)], [255, 255, 255, 255, 255, 255]);
});

t('says on a packet that died why', () => {
  const dead = capture().filter(packet => packet.comment !== undefined);
  assert.equal(
    dead.map(packet => [packet.interface.name, packet.comment]),
    [
      ['k8s-rtr/eth1', 'NO_ROUTE: No route covers the destination.'],
      ['k8s-rtr/eth2', 'NO_ROUTE: No route covers the destination.'],
    ],
  );
});

t('shows at the port of a switch what the cloud does not let through', async () => {
  const file = fromRoot('scenarios/aws/source-dest-check-on.yaml');
  const { code } = await tunlab(['run', file, '--workers', '0', '--pcap', path('aws')]);
  assert.is(code, 0);
  const dead = packetsOf(path('aws/source-dest-check-on.pcapng')).filter(
    packet => packet.comment !== undefined,
  );
  assert.ok(dead.length > 0);
  for (const packet of dead) {
    assert.is(packet.interface.name, 'subnet-a/k8s-w1/ens5');
    assert.match(packet.comment!, /^FABRIC_SRC_DST_CHECK: /);
  }
});

t('prints and hashes the same when nobody looks', async () => {
  assert.is((await tunlab(['run', DIRECT, '--workers', '0', '--json'])).out, watched.out);
});

t('captures the same octets with workers, in reverse order', async () => {
  const target = path('workers');
  const argv = ['run', DIRECT, '--workers', '2', '--reverse', '--pcap', target];
  assert.is((await tunlab(argv)).code, 0);
  assert.is(digest(join(target, 'direct.pcapng')), digest(path('a/direct.pcapng')));
});

t('captures devices that are made later', async () => {
  const file = join(MODES, 'vxlan-always.yaml');
  const { code } = await tunlab(['run', file, '--workers', '0', '--pcap', path('vxlan')]);
  assert.is(code, 0);
  const names = packetsOf(path('vxlan/vxlan-always.pcapng')).map(packet => packet.interface.name);
  assert.ok(names.includes('k8s-w1/vxlan.calico'));
  assert.ok(names.includes('k8s-w0/default/pod3/eth0'));
});

t('refuses a folder that cannot be made, before anything runs', async () => {
  writeFileSync(path('file'), '');
  const { code, out, err } = await tunlab(['run', DIRECT, '--pcap', path('file/x')]);
  assert.equal([code, out], [2, '']);
  assert.match(err, /^tunlab run: --pcap: cannot make .*: not a directory \(ENOTDIR\)\n/);
});

// Traces.

for (const [what, pattern] of [
  ['states', / k8s-w1 states: Mesh_192_168_20_100 OpenConfirm -> Established /],
  ['routes', / k8s-w1 routes: added 172\.16\.34\.0\/24 via 192\.168\.10\.254 dev eth0 proto bird/],
  [
    'decisions',
    / k8s-w1 filters: 172\.16\.34\.0\/24 best via 192\.168\.10\.254 on eth0 from Mesh_\S+ \[only route\]/,
  ],
  ['interfaces', / k8s-w1 interfaces: interface default\/pod1\/eth0 goes up/],
  ['addresses', / k8s-w1 interfaces: interface lo address 127\.0\.0\.1\/8 added/],
  ['pods', / k8s-w1 events: pod default\/pod1 made: 172\.16\.158\.\d+ on cali/],
  ['confd', / k8s-w1 events: confd: configuration changed, BIRD reloads it/],
  ['Felix', / k8s-w1 events: Felix has started/],
  ['watches', / k8s-w1 events: watch: ADDED BlockAffinity /],
  [
    'packets',
    / k8s-w1 packets: default\/pod1\/eth0 Out IP 172\.16\.158\.\d+ > 172\.16\.184\.\d+: ICMP echo request/,
  ],
  ['deaths of packets', / k8s-rtr packets: eth1 dropped: NO_ROUTE$/],
] as const) {
  t(`traces ${what}`, () => assert.ok(watched.err.split('\n').some(line => pattern.test(line))));
}

t('traces in lines of time, machine, class and text, in order of time', () => {
  const lines = watched.err.trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^ *\d+\.\d{9} [\w-]+ [a-z]+: \S/);
  const times = lines.map(line => Number(line.trim().split(' ')[0]));
  assert.equal(
    times,
    [...times].sort((a, b) => a - b),
  );
});

t('traces one machine and some classes only, and Felix when it restarts', async () => {
  const kans = fromRoot('scenarios/kans.yaml');
  const { err } = await tunlab(['run', kans, '--workers', '0', '--trace', 'events,interfaces@k8s-w1']);
  for (const line of err.trimEnd().split('\n')) assert.match(line, / k8s-w1 (events|interfaces): /);
  assert.match(err, /events: watch: MODIFIED IPPool default-ipv4-ippool\n/);
  assert.match(err, /interfaces: interface tunl0 address 172\.16\.158\.\d+\/32 added\n/);
});

for (const [text, message] of [
  [
    'sates',
    '--trace: "sates" is none of states, routes, filters, interfaces, events, packets or all, did you mean "states"?',
  ],
  ['states@', '--trace: expected CLASSES@MACHINE, got "states@"'],
  ['states@a@b', '--trace: expected CLASSES@MACHINE, got "states@a@b"'],
  ['states@k8s-rtx', '--trace: there is no machine "k8s-rtx", did you mean "k8s-rtr"?'],
] as const) {
  t(`refuses --trace ${text}`, async () => {
    const { code, err } = await tunlab(['run', DIRECT, '--trace', text]);
    assert.equal([code, err.split('\n')[0]], [2, `tunlab run: ${message}`]);
  });
}

t('prints of a trace only what was asked for', () => {
  const { fabric } = loadScenario(DIRECT);
  const scenario = { fabric };
  const request = parseTrace('routes@k8s-w1', scenario);
  const record = { type: 'route', namespace: '', action: 'added', text: 'default via 1.2.3.4 ' } as const;
  const line = '   0.000001500 k8s-w1 routes: added default via 1.2.3.4';
  assert.is(traceLine(request, { machine: 'k8s-w1', time: 1_500, record }), line);
  assert.is(traceLine(request, { machine: 'k8s-w2', time: 1_500, record }), undefined);
  assert.is(traceLine(parseTrace('states', scenario), { machine: 'k8s-w1', time: 1, record }), undefined);
  assert.equal(parseTrace('all', scenario).classes.length, 6);
});

// Records.

t('records a run that can be run again without the scenario, with any number of workers', async () => {
  const record = decodeRecord(readFileSync(path('a.rec')));
  const results = JSON.parse(watched.out);
  assert.equal(JSON.parse(JSON.stringify(record.results)), results);
  assert.equal([record.scenario, record.journal.end], [DIRECT, results.virtualTimeNs]);
  assert.ok(record.journal.entries.length > 10);
  for (const workers of [0, 2]) assert.is(await replayRun(record, { workers }), results.fingerprint);
});

t('refuses a file that is no record', () => {
  const refused = (error: unknown): boolean =>
    error instanceof RecordError && error.code === 'RECORD_BAD_FILE';
  assert.throws(() => decodeRecord(Uint8Array.of(0xc1)), refused);
  assert.throws(() => decodeRecord(encodeRecord({} as never)), refused);
});

t('records one scenario only, into a file that can be written', async () => {
  const two = await tunlab(['run', DIRECT, DIRECT, '--record', path('x')]);
  const message = 'tunlab run: --record: a record is of one scenario, and these are 2';
  assert.equal([two.code, two.err.split('\n')[0]], [2, message]);
  const nowhere = await tunlab(['run', DIRECT, '--record', path('no/x')]);
  assert.is(nowhere.code, 2);
  assert.match(nowhere.err, /^tunlab run: --record: cannot write .*: no such file or directory \(ENOENT\)\n/);
});

// Documents.

t('prints one JSON document with every field, or an array of them', async () => {
  const one = JSON.parse(watched.out);
  const fields = 'schemaVersion tunlab scenario seed virtualTimeNs fingerprint ok steps counters';
  assert.is(Object.keys(one).join(' '), fields);
  assert.equal([one.schemaVersion, one.scenario, one.seed, one.ok], [1, DIRECT, 1, true]);
  assert.match(one.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(one.counters.dropped, { NO_ROUTE: 2 });
  const [step] = one.steps;
  assert.equal([step.name, step.atNs, step.ok], ['converge', 0, true]);
  const parts = 'text ok expected received because reason at line column';
  assert.is(Object.keys(step.expectations[0]).join(' '), parts);
  const dead = one.steps[1].expectations[1];
  assert.equal([dead.reason, dead.at], ['NO_ROUTE', 'k8s-rtr']);
  const argv = ['run', DIRECT, DIRECT, '--workers', '0', '--json', '--pcap', path('twice')];
  assert.equal(JSON.parse((await tunlab(argv)).out), [one, one]);
  // Scenarios of one name get files of their own.
  assert.is(digest(path('twice/direct-2.pcapng')), digest(path('twice/direct.pcapng')));
});

t.run();
