/** `tunlab capture`: which devices, which packets, where to; and ends that nobody wishes for. */
import { spawn, spawnSync } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CapturePlaces } from '../../src/cli/capture-places.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { fitsAny } from '../../src/trace/observation.ts';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import * as Checksum from '../../src/wire/checksum.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { tunlab } from './command-line.ts';
import { cleanUp, DIRECT, MAIN, MODES, packetsOf, path } from './harness.ts';

const t = suite('cli/capture', undefined, 60_000);
t.after(cleanUp);

const IPIP = join(MODES, 'ipip-always.yaml');
const AWS = fromRoot('scenarios/aws/source-dest-check-on.yaml');

let files = 0;
/** The packets of `tunlab capture SCENARIO -w FILE ARGV…`. */
async function captured(scenario: string, ...argv: string[]): Promise<CapturedPacket[]> {
  const file = path(`${files++}.pcapng`);
  const { code, out, err } = await tunlab(['capture', scenario, '-w', file, ...argv]);
  assert.equal([code, out], [0, ''], err);
  return packetsOf(file);
}
/** A difference of thousands of octets is nothing to print. */
const same = (a: readonly CapturedPacket[], b: readonly CapturedPacket[]): boolean => isDeepStrictEqual(a, b);
const namesOf = (packets: readonly CapturedPacket[]): string[] =>
  [...new Set(packets.map(packet => packet.interface.name!))].sort();

let whole: CapturedPacket[];
t.before(async () => {
  whole = await captured(IPIP);
});

t('without anything said: every device, as `run --pcap` has it', async () => {
  assert.is((await tunlab(['run', IPIP, '--workers', '0', '--pcap', path('run')])).code, 0);
  assert.ok(same(whole, packetsOf(join(path('run'), 'ipip-always.pcapng'))));
});

t('the same octets with workers', async () => {
  const one = spawnSync(process.execPath, [MAIN, 'capture', IPIP, '-w', '-']);
  const two = spawnSync(process.execPath, [MAIN, 'capture', IPIP, '-w', '-', '--workers', '2']);
  assert.is(one.status, 0, one.stderr.toString());
  assert.is(Buffer.compare(one.stdout, two.stdout), 0);
  assert.ok(same(read(one.stdout), whole));
});

const scenario = loadScenario(IPIP);
/** Names of the interfaces that `-i …` leaves of a capture of everything. */
function chosen(...written: string[]): string[] {
  const { capture } = new CapturePlaces(written, scenario);
  if (capture === true) return namesOf(whole);
  return namesOf(whole).filter(name => {
    const [machine = '', ...rest] = name.split('/');
    return fitsAny(capture(machine), rest.slice(0, -1).join('/'), rest.slice(-1));
  });
}
for (const [written, names] of [
  ['k8s-w1/tunl0', ['k8s-w1/tunl0']],
  ['k8s-rtr', ['k8s-rtr/eth1', 'k8s-rtr/eth2']],
  ['k8s-w1/default/pod1/eth0', ['k8s-w1/default/pod1/eth0']],
  ['k8s-w1/default/pod1', ['k8s-w1/default/pod1/eth0']],
  ['pod1', ['k8s-w1/default/pod1/eth0']],
  ['pod3/eth0', ['k8s-w0/default/pod3/eth0']],
  ['default/pod3/eth0', ['k8s-w0/default/pod3/eth0']],
  ['kube-system/pod3/eth0', []],
] as const)
  t(`-i ${written}`, () => assert.equal(chosen(written), names));

t('-i more than once; any is any', () => {
  assert.equal(chosen('pod1', 'k8s-rtr/eth1'), ['k8s-rtr/eth1', 'k8s-w1/default/pod1/eth0']);
  assert.equal(chosen('pod1', 'any'), namesOf(whole));
  assert.equal(chosen(), namesOf(whole));
});

t('captures only there, and a NIC goes by its other name as well', async () => {
  const packets = await captured(AWS, '-i', 'k8s-w1/eth0', '-i', 'pod1', '-i', 'subnet-a/k8s-w1/ens5');
  assert.equal(namesOf(packets), ['k8s-w1/default/pod1/eth0', 'k8s-w1/ens5', 'subnet-a/k8s-w1/ens5']);
  const dead = packets.filter(packet => packet.comment !== undefined);
  assert.is(dead.length, 1);
  assert.is(dead[0]!.interface.name, 'subnet-a/k8s-w1/ens5');
  assert.match(dead[0]!.comment!, /^FABRIC_SRC_DST_CHECK: /);
  const { code } = await tunlab(['run', AWS, '--workers', '0', '--pcap', path('aws')]);
  assert.is(code, 0);
  const all = packetsOf(join(path('aws'), 'source-dest-check-on.pcapng'));
  assert.ok(
    same(
      packets,
      all.filter(packet => namesOf(packets).includes(packet.interface.name!)),
    ),
  );
});

t('a device without a packet is no mistake, one that does not exist is', async () => {
  assert.equal(await captured(IPIP, '-i', 'k8s-w1/lo'), []);
  for (const [written, message] of [
    ['k8s-w1/tun0', '-i k8s-w1/tun0: there is no such device, did you mean "k8s-w1/tunl0"?'],
    ['k8s-w9', '-i k8s-w9: there is no such device'],
    ['a/b/c/d', '-i: expected MACHINE/DEVICE, POD/DEVICE or any, got "a/b/c/d"'],
    ['/', '-i: expected MACHINE/DEVICE, POD/DEVICE or any, got "/"'],
  ] as const) {
    const { code, err } = await tunlab(['capture', IPIP, '-i', written]);
    assert.is(code, 2);
    assert.is(err.split('\n')[0], `tunlab capture: ${message}`);
  }
});

t('filters before it cuts, and keeps the length that was on the wire', async () => {
  const packets = await captured(IPIP, '-s', '20', 'icmp', 'and', 'not host 192.168.10.101');
  assert.ok(packets.length > 0);
  for (const { captured: octets, originalLength, interface: device } of packets) {
    assert.equal([octets.length, device.snapLength], [20, 20]);
    assert.is(originalLength, device.linkType === Pcap.LINKTYPE_RAW ? 84 : 98);
  }
  const all = await captured(IPIP, 'ip proto 4');
  assert.ok(all.length > 0);
  const isIpip = ({ captured: octets, interface: device }: CapturedPacket): boolean =>
    device.linkType === Pcap.LINKTYPE_ETHERNET && octets[12] === 8 && octets[14 + 9] === 4;
  assert.ok(same(all, whole.filter(isIpip)));
});

t('names of machines are their addresses', async () => {
  const named = await captured(IPIP, 'src', 'host', 'k8s-w1');
  assert.ok(same(named, await captured(IPIP, 'src host 192.168.10.101')));
  assert.ok(named.length > 0);
});

t('every header sum is right: payloads that were never octets are', () => {
  let headers = 0;
  for (const { captured: octets, interface: device } of whole) {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    const at = device.linkType === Pcap.LINKTYPE_RAW ? 0 : 14;
    if (at === 14 && view.getUint16(12) !== 0x0800) continue;
    assert.is(Checksum.sum(view, at, at + Ipv4.headerLength(view, at)), 0xffff);
    if (Ipv4.protocol(view, at) === Ipv4.PROTOCOL_ICMP) {
      assert.is(Checksum.sum(view, at + 20, at + Ipv4.totalLength(view, at)), 0xffff);
      headers++;
    }
  }
  assert.ok(headers > 10);
});

/** Since `startMs`. */
const nanosecondsAfter = (startMs: number, { time }: CapturedPacket): number =>
  (time.seconds - startMs / 1000) * 1e9 + time.nanoseconds;

t('-c and --until end it early, with the same packets', async () => {
  const arp = await captured(IPIP, 'arp');
  assert.ok(same(await captured(IPIP, '-c', '7', 'arp'), arp.slice(0, 7)));
  const begin = await captured(IPIP, '--until', '2.5s');
  assert.ok(same(begin, whole.slice(0, begin.length)));
  const { startMs } = scenario;
  const later = whole.filter(packet => nanosecondsAfter(startMs, packet) > 2.5e9);
  assert.is(begin.length + later.length, whole.length);
  assert.ok(begin.length > 0 && later.length > 0);
});

t('--steps 0 lets the lab converge, and --until goes on', async () => {
  const { code, err } = await tunlab(['capture', IPIP, '--steps', '0', '--until', '90s', 'icmp']);
  assert.is(code, 0);
  assert.match(err, /^0 packets captured; modelled 90\.00 s\n$/);
});

t('lines of text: time, device, direction, tcpdump, and why it died', async () => {
  const { code, out, err } = await tunlab([
    'capture',
    DIRECT,
    '-i',
    'k8s-rtr',
    'icmp',
    'and src net 172.16.158',
  ]);
  assert.is(code, 0);
  assert.match(
    out,
    /^\d\d:\d\d:\d\d\.\d{6} k8s-rtr\/eth1 In {2}IP 172\.16\.158\.\d+ > 172\.16\.34\.\d+: ICMP echo request, id \d+, seq 1, length 64 \[NO_ROUTE: No route covers the destination\.\]\n$/,
  );
  assert.match(err, /^1 packet captured, 1 of them died; modelled [\d.]+ s\n$/);
  const more = await tunlab(['capture', DIRECT, '-nev', '-c', '1', '-i', 'k8s-rtr', 'tcp', 'port', 'bgp']);
  assert.match(more.out, /Out|In {2}02:00:.*ethertype IPv4 \(0x0800\), length \d+: \(tos 0xc0, ttl /);
});

for (const [argv, message] of [
  [['host'], "can't parse filter expression: syntax error: host"],
  [['-s', '300000'], '--snaplen: expected a number from 0 to 262144, got "300000"'],
  [['-c', '0'], '--count: expected a number from 1 to 999999999, got "0"'],
  [['--until', 'soon'], '--until: expected a time such as 12s or 500ms, got "soon"'],
  [['--steps', '-1'], '--steps needs a value'],
  [['-w', 'no/such/folder'], '-w: cannot write no/such/folder: no such file or directory (ENOENT)'],
] as const)
  t(`refuses ${argv.join(' ')}`, async () => {
    const { code, out, err } = await tunlab(['capture', DIRECT, ...argv]);
    assert.equal([code, out, err.split('\n')[0]], [2, '', `tunlab capture: ${message}`]);
  });

t('a full disk: 4 and one line, whoever opened the file', async () => {
  const named = await tunlab(['capture', DIRECT, '-w', '/dev/full']);
  assert.equal([named.code, named.err], [4, '✗ cannot write /dev/full: no space left on device (ENOSPC)\n']);
  for (const more of [['-w', '-'], []]) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'capture', DIRECT, ...more], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    assert.is(status, 4);
    assert.is(stderr.toString(), 'tunlab: cannot write standard output: no space left on device (ENOSPC)\n');
  }
});

t('a reader that leaves ends it without a word', async () => {
  const script = `'${process.execPath}' '${MAIN}' capture '${DIRECT}' -w - | head -c 100 | wc -c`;
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  assert.equal([stdout.trim(), stderr], ['100', '']);
});

t('a slow reader gets everything', async () => {
  const long = fromRoot('scenarios/lessons/direct-cross-subnet.yaml');
  const script = `'${process.execPath}' '${MAIN}' capture '${long}' -w - | (sleep 1; cat)`;
  const { stdout } = spawnSync('sh', ['-c', script], {
    maxBuffer: 2 ** 24,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.ok(stdout.length > 1_000_000, 'more than any pipe holds');
  assert.ok(same(read(stdout), await captured(long)));
});

for (const workers of ['0', '2'])
  t(`Ctrl-C: 130, and a whole file of what was until then (${workers} workers)`, async () => {
    const file = path(`interrupted${workers}.pcapng`);
    const argv = [MAIN, 'capture', '-', '-w', file, '--until', '23h', '--workers', workers];
    const child = spawn(process.execPath, argv, { cwd: MODES, stdio: ['pipe', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', chunk => {
      err += chunk;
    });
    const ended = new Promise(resolve => child.on('close', resolve));
    child.stdin.end(readFileSync(IPIP));
    while (readOrEmpty(file).length < 30_000) await new Promise(resolve => setTimeout(resolve, 10));
    child.kill('SIGINT');
    assert.is(await ended, 130, err);
    assert.match(err, /^tunlab: interrupted at [\d.]+ s of virtual time\n$/);
    const packets = packetsOf(file);
    assert.ok(packets.length > 50);
    const both = Math.min(packets.length, whole.length);
    assert.ok(same(packets.slice(0, both), whole.slice(0, both)));
  });

function readOrEmpty(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch {
    return new Uint8Array(0);
  }
}

t('the packets are there while the lab still runs', async () => {
  const argv = [MAIN, 'capture', IPIP, '-w', '-', '--until', '23h'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise(resolve => child.on('close', resolve));
  let octets = Buffer.alloc(0);
  for await (const part of child.stdout) {
    octets = Buffer.concat([octets, part as Buffer]);
    if (octets.length > 30_000) break;
  }
  assert.ok(child.exitCode === null, 'it goes on');
  child.kill('SIGKILL');
  await ended;
  assert.is(octets.readUInt32LE(0), 0x0a0d0d0a);
});

t.run();
