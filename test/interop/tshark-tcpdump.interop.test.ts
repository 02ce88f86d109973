/**
 * Debian's tshark and tcpdump 4.99.3 read the captures of all scenarios that ship, each run once.
 *
 *    tshark    each file as it is: nothing malformed, no checksum wrong, nothing that it warns of; and all devices of all
 *              scenarios, each as if somebody had captured there alone: no segment lost, repeated or out of order
 *    tcpdump   its lines are ours, character by character, with every combination of -n, -e and -v; its filters let the
 *              same packets pass, and refuse in the same words
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PacketPrinter } from '../../src/report/packet-line.ts';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import * as Checksum from '../../src/wire/checksum.ts';
import { compile, FilterError } from '../../src/wire/filter.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { tcpdump, tool, tshark } from './real-tool.ts';
import { renumbered } from './renumber.ts';
import { resetsOf } from './resets.ts';
import { captureOf, pcapOf, SCENARIOS, type ScenarioCapture } from './scenario-captures.ts';

const t = suite('interop/tshark-tcpdump', undefined, 120_000);

const folder = mkdtempSync(join(tmpdir(), 'tunlab-captures-'));
t.after(() => rmSync(folder, { recursive: true }));
let files = 0;
function written(octets: Uint8Array): string {
  const file = join(folder, `${files++}.pcap`);
  writeFileSync(file, octets);
  return file;
}

// tshark

const CHECKS = ['ip', 'tcp', 'udp'].flatMap(protocol => ['-o', `${protocol}.check_checksum:TRUE`]);
/** Wireshark's severities: chat, note, warn, error. */
const WARN = 0x600000;
const NOTE = 0x400000;

type Seen = Readonly<Record<string, string>>;

/** `fields` of every packet for which `filter` holds. */
async function select(
  file: string,
  filter: string,
  fields: readonly string[],
  options: readonly string[] = [],
): Promise<Seen[]> {
  const shown = fields.flatMap(name => ['-e', name]);
  const output = await tshark([
    ...['-r', file, ...CHECKS, ...options, '-Y', filter],
    ...['-T', 'fields', '-E', 'aggregator=;', ...shown],
  ]);
  const lines = output.split('\n').filter(line => line !== '');
  return lines.map(line => {
    const values = line.split('\t');
    return Object.fromEntries(fields.map((name, i) => [name, values[i] ?? '']));
  });
}

const FIELDS = ['frame.number', 'frame.interface_name', '_ws.expert.severity', '_ws.expert.message'];
const SUMS = ['ip', 'tcp', 'udp', 'icmp'].map(protocol => `${protocol}.checksum.status`);
const BAD = SUMS.map(field => `${field} == "Bad"`).join(' or ');

/** A peer is gone, or has thrown its connection away: looked at more closely below. */
const RESET = 'Connection reset (RST)';

/** What the loss of a segment makes for; D-SACK (RFC 2883) is how Linux reports one that it gets twice. */
const REPETITION = /retransmission|^Duplicate ACK|^D-SACK|^Previous segment|out-of-order|unseen segment/;

/** In one file of all devices tshark sees a segment once for each device on its way, and an address with many MACs. */
const MERGED = ['-o', 'tcp.analyze_sequence_numbers:FALSE', '-o', 'arp.detect_duplicate_ips:FALSE'];

/** What tshark says of a file, in one reading. */
interface Said {
  /** `NUMBER DEVICE: MESSAGE`: what is not expected. */
  readonly warnings: readonly string[];
  /** `DEVICE: MESSAGE`: segments that it saw twice, late or not at all. */
  readonly repetitions: readonly string[];
  /** The device of each OPEN. */
  readonly opens: readonly string[];
}

async function inspect(file: string, options: readonly string[] = MERGED): Promise<Said> {
  const repeated = `(tcp.analysis.flags and _ws.expert.severity >= ${NOTE})`;
  const filter = `_ws.malformed or _ws.expert.severity >= ${WARN} or ${BAD} or bgp.type == 1 or ${repeated}`;
  const packets = await select(file, filter, [...FIELDS, ...SUMS, 'bgp.type'], options);
  const [warnings, repetitions, opens]: [string[], string[], string[]] = [[], [], []];
  for (const packet of packets) {
    const device = packet['frame.interface_name']!;
    const severities = packet['_ws.expert.severity']!.split(';').map(Number);
    for (const [i, text] of packet['_ws.expert.message']!.split(';').entries()) {
      if (REPETITION.test(text)) repetitions.push(`${device}: ${text}`);
      else if (severities[i]! >= WARN && text !== RESET)
        warnings.push(`${packet['frame.number']} ${device}: ${text}`);
    }
    // 0 is Bad; 1 Good, 2 not checked, 3 not there (outside of the snap length, or in a fragment).
    for (const field of SUMS)
      if (packet[field]!.split(';').includes('0'))
        warnings.push(`${packet['frame.number']} ${device}: ${field}`);
    if (packet['bgp.type']!.split(';').includes('1')) opens.push(device);
  }
  return { warnings, repetitions, opens };
}

// tcpdump

const LINKS = [
  [Pcap.LINKTYPE_ETHERNET, 'Ethernet'],
  [Pcap.LINKTYPE_RAW, 'raw'],
] as const;
const OPTIONS = ['', 'n', 'e', 'v', 'nev'];

/** Lines that differ, the first few of each kind. */
async function differences(packets: readonly CapturedPacket[]): Promise<string[]> {
  const jobs = LINKS.map(async ([linkType, link]) => {
    const octets = pcapOf(packets, linkType);
    const again = read(octets);
    if (again.length === 0) return [];
    const file = written(octets);
    const runs = OPTIONS.map(flags => ['-r', file, ...(flags === '' ? [] : [`-${flags}`])]);
    const results = await tcpdump(runs);
    return results.flatMap(({ status, stdout, stderr }, i) => {
      if (status !== 0) return [stderr];
      const flags = OPTIONS[i]!;
      const expected = stdout.toString('latin1').split('\n');
      const received = ourLines(again, flags);
      const wrong: string[] = [];
      for (let at = 0; at < Math.max(expected.length, received.length); at++)
        if (expected[at] !== received[at])
          wrong.push(`${link} -${flags}, ${at + 1}:\n  tcpdump  ${expected[at]}\n  we       ${received[at]}`);
      return wrong.slice(0, 3);
    });
  });
  return (await Promise.all(jobs)).flat();
}

function ourLines(packets: readonly CapturedPacket[], flags: string): string[] {
  const options = {
    linkHeader: flags.includes('e'),
    numeric: flags.includes('n'),
    verbose: flags.includes('v') ? 1 : 0,
  } as const;
  const printer = new PacketPrinter(0, options);
  const lines = packets.map(({ time, captured, originalLength, interface: { linkType } }) =>
    printer.packet(time, { linkType, captured, originalLength }),
  );
  return `${lines.join('\n')}\n`.split('\n');
}

/** Indices of the packets that pass, or the refusal. */
function ourVerdict(expression: string, packets: readonly CapturedPacket[], linkType: number): string {
  try {
    const resolve = (name: string) => (name === 'localhost' ? 0x7f00_0001 : undefined);
    const filter = compile(expression, { linkType, resolve });
    const passed = packets.flatMap(({ captured, originalLength: length }, i) =>
      filter({ octets: captured, length }) ? [i] : [],
    );
    return passed.join(' ');
  } catch (error) {
    if (error instanceof FilterError) return `! ${error.message}`;
    throw error;
  }
}

/** The same of tcpdump: times are the packets' numbers, so that one can tell who passed. */
async function realVerdicts(expressions: readonly string[], file: string): Promise<string[]> {
  const results = await tcpdump(expressions.map(expression => ['-r', file, '-w', '-', expression]));
  return results.map(({ status, stdout, stderr }) => {
    if (status === 0)
      return read(new Uint8Array(stdout))
        .map(({ time }) => time.seconds)
        .join(' ');
    const line = stderr.split('\n').findLast(text => text.startsWith('tcpdump: '));
    return line!.replace('tcpdump: ', '! ');
  });
}

/** Are the headers of IPv4 and ICMP, if it has them, as they were sent? */
function hasIntactHeader({ captured, interface: { linkType } }: CapturedPacket): boolean {
  const view = new DataView(captured.buffer, captured.byteOffset, captured.byteLength);
  const at = linkType === Pcap.LINKTYPE_ETHERNET ? 14 : 0;
  if (at === 14 && view.getUint16(12) !== 0x0800) return true;
  const length = Ipv4.headerLength(view, at);
  if (at + length > captured.length || Checksum.sum(view, at, at + length) !== 0xffff) return false;
  if (Ipv4.protocol(view, at) !== Ipv4.PROTOCOL_ICMP || Ipv4.isFragment(view, at)) return true;
  return (
    Checksum.sum(view, at + length, Math.min(captured.length, at + Ipv4.totalLength(view, at))) === 0xffff
  );
}

// The work of all tests, begun at once: while one scenario runs here, tools look at the ones before.

/** Its switches change octets and cut frames: that is what it shows. */
const DAMAGED = 'scenarios/drops/damage.yaml';
const WHOLE = SCENARIOS.filter(scenario => scenario !== DAMAGED);

const captures = new Map<string, Promise<ScenarioCapture>>();
const lines = new Map<string, Promise<string[]>>();
const kept = <T>(promise: Promise<T>): Promise<T> => {
  // Whoever awaits it hears of it.
  promise.catch(() => {});
  return promise;
};
let previous: Promise<unknown> = Promise.resolve();
for (const scenario of SCENARIOS) {
  const captured = kept(previous.then(() => captureOf(scenario)));
  previous = captured.catch(() => {});
  captures.set(scenario, captured);
  lines.set(scenario, kept(captured.then(({ packets }) => differences(packets.filter(hasIntactHeader)))));
}
const captureFor = (scenario: string): Promise<ScenarioCapture> => captures.get(scenario)!;
/** Every device of every scenario, each as somebody would see it who had captured there alone. */
const alone = kept(Promise.all(WHOLE.map(captureFor)).then(all => inspect(written(renumbered(all)), [])));
const of = (scenario: string, texts: readonly string[]): string[] =>
  texts.filter(text => text.replace(/^\d+ /, '').startsWith(`${scenario}: `));

for (const scenario of SCENARIOS)
  t(`tcpdump, ${scenario}: its lines are ours`, async () => {
    assert.equal(await lines.get(scenario), []);
    // A header that is noise may be one of any protocol that tcpdump knows.
    const { packets } = await captureFor(scenario);
    if (scenario !== DAMAGED) assert.ok(packets.every(hasIntactHeader));
  });

/** TCP segments die on their way, because the scenario says so. */
async function losesSegments(scenario: string): Promise<boolean> {
  if (/link: \{ down:/.test(readFileSync(fromRoot(scenario), 'utf8'))) return true;
  const { packets } = await captureFor(scenario);
  return packets.some(
    ({ captured, comment = '' }) =>
      comment.startsWith('LINK_LOSS') || (comment.startsWith('FABRIC_') && captured[14 + 9] === 6),
  );
}

for (const scenario of WHOLE)
  t(`tshark, ${scenario}: nothing malformed, no bad checksum, no warning, on no device`, async () => {
    const { warnings, repetitions, opens } = await alone;
    assert.equal(of(scenario, warnings), []);
    assert.ok(
      of(
        scenario,
        opens.map(device => `${device}: OPEN`),
      ).length > 0,
      'BGP sessions open',
    );
    // Nowhere does one segment overtake another.
    const late = of(scenario, repetitions).filter(text => /out-of-order|unseen/.test(text));
    assert.equal(late, []);
    if (!(await losesSegments(scenario))) assert.equal(of(scenario, repetitions), []);
  });

t('a cut cable makes for repetitions', async () => {
  assert.ok(of('scenarios/failures/link-down.yaml', (await alone).repetitions).length > 0);
});

t('every RST has the reason of a real host', async () => {
  let sent = 0;
  for (const scenario of WHOLE) {
    const { count, unexplained } = resetsOf((await captureFor(scenario)).packets);
    assert.equal(unexplained, [], scenario);
    sent += count;
    if (scenario.startsWith('scenarios/modes/')) assert.is(count, 0, `${scenario}: no session ends there`);
    if (scenario === 'scenarios/bgp/dual-tor.yaml') assert.ok(count > 0, 'connections collide');
  }
  assert.ok(sent > 50);
});

/** Captures that differ: BGP, ARP, ping, IPIP; VXLAN, fragments, ICMP errors; NAT and UDP. */
const FILTERED = [
  'scenarios/kans.yaml',
  'scenarios/mtu/vxlan-too-big.yaml',
  'scenarios/nat/nat-outgoing.yaml',
];
const FILTERS = readFileSync(fromRoot('test/interop/filters.txt'), 'utf8').trim().split('\n');

for (const scenario of [...FILTERED, 'scenarios/bgp/dual-tor.yaml', DAMAGED])
  t(`tshark, ${scenario}: the file of all devices, as we write it`, async () => {
    const { warnings, opens } = await inspect(written((await captureFor(scenario)).octets));
    if (scenario === DAMAGED) assert.ok(warnings.some(text => text.endsWith('ip.checksum.status')));
    else assert.equal(warnings, []);
    assert.ok(opens.length > 0, 'BGP sessions open');
  });

for (const scenario of FILTERED)
  t(
    `tcpdump, ${scenario}: ${FILTERS.length} filters let the same packets pass, or are refused alike`,
    async () => {
      const { packets } = await captureFor(scenario);
      for (const [linkType, link] of LINKS) {
        const some = packets.filter(packet => packet.interface.linkType === linkType);
        if (some.length === 0) continue;
        const numberedPackets = some.map((packet, i) => ({
          ...packet,
          time: { seconds: i, nanoseconds: 0 },
        }));
        const file = written(pcapOf(numberedPackets, linkType));
        const real = await realVerdicts(FILTERS, file);
        for (const [i, expression] of FILTERS.entries())
          assert.is(ourVerdict(expression, some, linkType), real[i], `${link}: ${expression}`);
        const busy = real.filter(verdict => verdict !== '' && !verdict.startsWith('!'));
        assert.ok(busy.length >= 10, 'many of them find something');
      }
    },
  );

const WALKTHROUGH = 'scenarios/kans.yaml';

t('and tshark would see one octet that is wrong, also among renumbered ones', async () => {
  const { scenario, octets, packets } = await captureFor(WALKTHROUGH);
  const wrong = packets
    .slice(0, 50)
    .map(packet => ({ ...packet, captured: Uint8Array.from(packet.captured) }));
  const first = wrong.findIndex(({ captured }) => captured[12] === 8 && captured[13] === 0);
  wrong[first]!.captured[14 + 8]!--;
  const { warnings } = await inspect(written(renumbered([{ scenario, octets, packets: wrong }])));
  assert.match(
    warnings.join('\n'),
    new RegExp(`^${first + 1} \\S+ \\S+: Bad checksum.*\n${first + 1} \\S+ \\S+: ip\\.checksum\\.status$`),
  );
});

t('the walkthrough has its tunnels, its pods, and the reasons of its deaths', async () => {
  const file = written((await captureFor(WALKTHROUGH)).octets);
  const devices = await select(file, 'icmp', ['frame.interface_name', 'frame.protocols']);
  const on = (name: string): Seen[] => devices.filter(packet => packet['frame.interface_name'] === name);
  assert.ok(on('k8s-w1/tunl0').length > 0);
  assert.ok(on('k8s-w1/tunl0').every(packet => packet['frame.protocols']!.startsWith('raw:ip:icmp')));
  assert.ok(
    on('k8s-w1/ens5').some(packet => packet['frame.protocols']!.startsWith('eth:ethertype:ip:ip:icmp')),
  );
  assert.ok(on('k8s-w1/default/pod1/eth0').length > 0);
  const dead = await select(file, 'frame.comment', ['frame.interface_name', 'frame.comment']);
  assert.ok(dead.length > 0);
  for (const packet of dead) {
    assert.match(packet['frame.interface_name']!, /^vpc\//);
    assert.is(packet['frame.comment'], 'NO_ROUTE: No route covers the destination.');
  }
});

t('tshark reads what `tunlab capture -w -` writes, from a pipe', async () => {
  const main = fromRoot('build/src/cli/main.js');
  const capture = `'${process.execPath}' '${main}' capture '${fromRoot(WALKTHROUGH)}' -w - -s 128 icmp or arp`;
  const fields = '-T fields -e frame.interface_name -e frame.len -e frame.cap_len';
  const { status, stdout, stderr } = await tool('sh', ['-c', `${capture} | tshark -r - ${fields}`]);
  assert.is(status, 0, stderr);
  const { packets } = await captureFor(WALKTHROUGH);
  const expected = packets.filter(
    ({ captured: c, interface: { linkType } }) =>
      linkType === Pcap.LINKTYPE_RAW || c[13] === 6 || c[14 + 9] === 1,
  );
  const lines = expected.map(({ interface: device, originalLength }) =>
    [device.name, originalLength, Math.min(originalLength, 128)].join('\t'),
  );
  assert.equal(stdout.toString().trimEnd().split('\n'), lines);
});

t.run();
