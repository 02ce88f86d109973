/**
 * Debian's tshark reads the capture of every scenario that ships, all devices of all machines in one file: nothing
 * malformed, no checksum wrong, nothing that it warns of.
 *
 * It sees each segment once per device on its way and calls the second sight a retransmission: that is a note, not a
 * warning, and goes away when one device is looked at alone, which is done for the walkthrough.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { read } from '../../src/wire/capture-reader.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import * as Pcapng from '../../src/wire/pcapng.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('interop/tshark');

const CHECKS = ['ip', 'tcp', 'udp'].flatMap(protocol => ['-o', `${protocol}.check_checksum:TRUE`]);
/** Wireshark's severities: chat, note, warn, error. */
const WARN = 0x600000;
const NOTE = 0x400000;

const folder = mkdtempSync(join(tmpdir(), 'tunlab-tshark-'));
t.after(() => rmSync(folder, { recursive: true }));

function tshark(...argv: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync('tshark', argv, { encoding: 'utf8' });
  if (error !== undefined)
    throw new Error(`tshark does not start (apt-get install tshark): ${error.message}`);
  assert.is(status, 0, stderr);
  return stdout;
}

/** `fields` of every packet for which `filter` holds. */
function select(file: string, filter: string, fields: readonly string[]): Record<string, string>[] {
  const argv = [
    '-r',
    file,
    ...CHECKS,
    '-Y',
    filter,
    '-T',
    'fields',
    '-E',
    'aggregator=;',
    ...fields.flatMap(name => ['-e', name]),
  ];
  const lines = tshark(...argv)
    .split('\n')
    .filter(line => line !== '');
  return lines.map(line => {
    const values = line.split('\t');
    return Object.fromEntries(fields.map((name, i) => [name, values[i] ?? '']));
  });
}

function capture(scenario: string): string {
  const main = fromRoot('build/src/cli/main.js');
  const argv = [main, 'run', scenario, '--workers', '0', '--pcap', folder, '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  // Whether its expectations hold is not what is asked here.
  assert.ok(status === 0 || status === 1, stderr);
  const name = JSON.parse(stdout).steps.length > 0 ? readdirSync(folder).find(each => !seen.has(each)) : '';
  seen.add(name!);
  return join(folder, name!);
}
const seen = new Set<string>();

/** What tshark warns of although it is as on real nodes. */
const EXPECTED: readonly {
  readonly message: RegExp;
  readonly reason: string;
  fits(packet: Seen, scenario: string): boolean;
}[] = [
  {
    message: /^Duplicate IP address configured/,
    reason:
      'A cali… device has no address of its own: the node asks for a pod with the address of its NIC and the MAC ' +
      'address ee:ee:ee:ee:ee:ee, so that one address is seen with two of them when all devices are in one file.',
    fits: packet => packet['eth.addr']!.split(';').includes('ee:ee:ee:ee:ee:ee'),
  },
  {
    message: /^Connection reset \(RST\)$/,
    reason:
      'A peer closes a session, or its BIRD is not running while its node or its pod restarts: the kernel refuses what ' +
      'still arrives for port 179. Where no session ends, nothing is ever reset.',
    fits: (packet, scenario) => sessionsEnd(scenario) && packet['tcp.port']!.split(';').includes('179'),
  },
  {
    message: /^This frame is a \(suspected\) out-of-order segment$/,
    reason: 'The last segments of a session, seen again on the next device of their way.',
    fits: (packet, scenario) => sessionsEnd(scenario) && packet['tcp.port']!.split(';').includes('179'),
  },
];
type Seen = Record<string, string>;
const sessionsEnd = (scenario: string): boolean => /^scenarios\/(bgp|failures)\//.test(scenario);

const FIELDS = [
  'frame.number',
  'frame.interface_name',
  'eth.addr',
  'tcp.port',
  '_ws.expert.severity',
  '_ws.expert.message',
];
const SUMS = ['ip', 'tcp', 'udp', 'icmp'].map(protocol => `${protocol}.checksum.status`);
const BAD = SUMS.map(field => `${field} == "Bad"`).join(' or ');

/** What tshark says of a file, in one reading: what is not in the list of what is expected, and how many OPENs. */
function inspect(file: string, scenario: string): { warnings: string[]; opens: number } {
  const filter = `_ws.malformed or _ws.expert.severity >= ${WARN} or ${BAD} or bgp.type == 1`;
  const packets = select(file, filter, [...FIELDS, ...SUMS, 'bgp.type']);
  const warnings = packets.flatMap(packet => {
    const severities = packet['_ws.expert.severity']!.split(';').map(Number);
    const messages = packet['_ws.expert.message']!.split(';');
    const serious = messages.filter((_, i) => severities[i]! >= WARN);
    const unexpected = serious.filter(
      text => !EXPECTED.some(({ message, fits }) => message.test(text) && fits(packet, scenario)),
    );
    // 0 is Bad; 1 Good, 2 not checked, 3 not there (outside of the snap length, or in a fragment).
    const sums = SUMS.filter(field => packet[field]!.split(';').includes('0'));
    return [...unexpected, ...sums].map(
      text => `${packet['frame.number']} ${packet['frame.interface_name']}: ${text}`,
    );
  });
  return { warnings, opens: packets.filter(packet => packet['bgp.type']!.split(';').includes('1')).length };
}

/** Every scenario that ships: all files of `scenarios` but the manifests that they apply. */
const scenarios = readdirSync(fromRoot('scenarios'), { recursive: true, encoding: 'utf8' })
  .filter(name => /\.ya?ml$/.test(name))
  .map(name => `scenarios/${name}`)
  .filter(name => /^kind: Scenario$/m.test(readFileSync(fromRoot(name), 'utf8')))
  .sort();

let walkthrough = '';

for (const scenario of scenarios) {
  t(`${scenario}: nothing malformed, no bad checksum, no warning`, () => {
    const file = capture(fromRoot(scenario));
    if (scenario === 'scenarios/kans.yaml') walkthrough = file;
    const { warnings, opens } = inspect(file, scenario);
    assert.equal(warnings, []);
    assert.ok(opens > 0, 'BGP sessions open');
  });
}

t('and it would see one octet that is wrong', () => {
  const packet = read(readFileSync(walkthrough)).find(
    ({ captured }) => captured[12] === 8 && captured[13] === 0,
  )!;
  const captured = Uint8Array.from(packet.captured);
  captured[14 + 8]!--;
  const { time, originalLength } = packet;
  const wrong = join(folder, 'wrong.pcapng');
  const device = Pcapng.interfaceDescription({ name: 'x', linkType: Pcap.LINKTYPE_ETHERNET });
  const block = Pcapng.enhancedPacket({ interfaceId: 0, time, captured, originalLength });
  writeFileSync(wrong, Buffer.concat([Pcapng.sectionHeader(), device, block]));
  assert.match(
    inspect(wrong, 'wrong').warnings.join('\n'),
    /^1 x: Bad checksum.*\n1 x: ip\.checksum\.status$/,
  );
});

t('each device of the walkthrough, alone: no segment lost, repeated or out of order', () => {
  const names = new Set(
    select(walkthrough, 'tcp', ['frame.interface_name']).map(p => p['frame.interface_name']!),
  );
  assert.ok(names.size >= 4);
  for (const name of names) {
    const alone = join(folder, 'alone.pcapng');
    tshark('-r', walkthrough, '-Y', `frame.interface_name == "${name}"`, '-w', alone);
    const said = select(alone, `tcp.analysis.flags and _ws.expert.severity >= ${NOTE}`, FIELDS);
    assert.equal(
      said.map(packet => `${name} ${packet['frame.number']}: ${packet['_ws.expert.message']}`),
      [],
    );
  }
});

t('the walkthrough has its tunnels, its pods, and the reasons of its deaths', () => {
  const devices = select(walkthrough, 'icmp', ['frame.interface_name', 'frame.protocols']);
  const on = (name: string): Seen[] => devices.filter(packet => packet['frame.interface_name'] === name);
  assert.ok(on('k8s-w1/tunl0').every(packet => packet['frame.protocols']!.startsWith('raw:ip:icmp')));
  assert.ok(
    on('k8s-w1/ens5').some(packet => packet['frame.protocols']!.startsWith('eth:ethertype:ip:ip:icmp')),
  );
  assert.ok(on('k8s-w1/default/pod1/eth0').length > 0);
  const dead = select(walkthrough, 'frame.comment', ['frame.interface_name', 'frame.comment']);
  assert.ok(dead.length > 0);
  for (const packet of dead) {
    assert.match(packet['frame.interface_name']!, /^vpc\//);
    assert.is(packet['frame.comment'], 'NO_ROUTE: No route covers the destination.');
  }
});

t.run();
