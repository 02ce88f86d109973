/**
 * `describe` against tcpdump 4.99.3 (Debian 12), character for character. The captures are the first packets of the
 * recordings, all kinds of ICMP error in them, a BGP session, the same packets cut at many lengths, and packets crafted
 * for what the recordings lack (redirects, SACK, NOTIFICATIONs, HTTP, …); the texts are what the real tool
 * printed for the same files: `NAME.FLAGS.txt` is `tcpdump -FLAGS -r NAME.pcap`.
 */
import * as fc from 'fast-check';
import { read } from '../../src/wire/capture-reader.ts';
import { cook } from '../../src/wire/cooked.ts';
import { describe, formatTime, type TcpdumpOptions, TcpdumpState } from '../../src/wire/describe.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/describe');

type AnyDevice = Pick<Parameters<typeof cook>[0], 'device' | 'index' | 'direction'>;

function described(capture: string, options: TcpdumpOptions, any?: AnyDevice): string[] {
  const state = new TcpdumpState();
  return read(new Uint8Array(fixture(`wire/${capture}.pcap`))).map(packet => {
    const { captured, originalLength } = packet;
    let seen = { linkType: packet.interface.linkType, captured, originalLength };
    if (any !== undefined) {
      const link = packet.interface.linkType === Pcap.LINKTYPE_RAW ? 'raw' : 'ether';
      const cooked = cook({ ...any, link, octets: captured, length: originalLength });
      const { octets, length } = cooked;
      seen = { linkType: Pcap.LINKTYPE_LINUX_SLL2, captured: octets, originalLength: length };
    }
    const deviceName = (): string | undefined => any?.device;
    return `${formatTime(packet.time)} ${describe(seen, { ...options, deviceName }, state)}`;
  });
}

function optionsOf(flags: string): TcpdumpOptions {
  return {
    numeric: flags.includes('n'),
    linkHeader: flags.includes('e'),
    verbose: flags.includes('vv') ? 2 : flags.includes('v') ? 1 : 0,
    absoluteSequence: flags.includes('S'),
  };
}

/** One comparison a line, so that a failure shows the line and not the file. */
function sameLines(received: string[], expected: Buffer): void {
  const want = expected.toString('latin1').split('\n');
  const got = `${received.join('\n')}\n`.split('\n');
  for (const [i, line] of want.entries()) assert.is(got[i], line, `line ${i + 1}`);
  assert.is(got.length, want.length);
}

for (const [capture, flags] of [
  ['ipip-w1-eth0', 'n'],
  ['ipip-w1-eth0', 'nev'],
  ['ipip-w1-tunl0', 'n'],
  ['ipip-w1-tunl0', 'nev'],
  ['ipip-w1-cali-pod1', 'n'],
  ['ipip-w1-cali-pod1', 'nev'],
  ['vxlan-w1-eth0', 'n'],
  ['vxlan-w1-eth0', 'nev'],
  ['vxlan-w1-cali-pod1', 'n'],
  ['vxlan-w1-cali-pod1', 'nev'],
  ['icmp-errors', 'n'],
  ['icmp-errors', 'nev'],
  ['bgp', 'n'],
  ['bgp', 'nvv'],
  ['bgp', 'S'],
  ['cut', 'n'],
  ['cut', 'nvv'],
  ['crafted', 'n'],
  ['crafted', 'nvv'],
  ['crafted', 'e'],
] as const)
  t(`tcpdump -${flags} of ${capture}`, () => {
    sameLines(described(capture, optionsOf(flags)), fixture(`wire/${capture}.${flags}.txt`));
  });

for (const flags of ['n', 'ne'])
  t(`tcpdump -${flags} -i any`, () => {
    const device = { device: 'lo', index: 1, direction: 'transmit' } as const;
    sameLines(described('crafted', optionsOf(flags), device), fixture(`wire/any.${flags}.txt`));
  });

t('-i any pads short device names and directions only', () => {
  const frame = (to: number): Uint8Array =>
    Uint8Array.of(to, to, to, to, to, to, 2, 0, 0, 0, 0, 1, 8, 0, 0x45);
  const line = (device: string, direction: AnyDevice['direction'], to = 2) => {
    const { octets, length } = cook({
      link: 'ether',
      device,
      index: 9,
      direction,
      octets: frame(to),
      length: 98,
    });
    const packet = { linkType: Pcap.LINKTYPE_LINUX_SLL2, captured: octets, originalLength: length };
    return describe(packet, { numeric: true, deviceName: () => device }, new TcpdumpState());
  };
  assert.is(line('calice0906292e2', 'receive'), 'calice0906292e2 In  IP  [|ip]');
  assert.is(line('eth0', 'receive', 0xff), 'eth0  B   IP  [|ip]');
  assert.is(line('eth0', 'receive', 1), 'eth0  M   IP  [|ip]');
  assert.is(line('lo', 'transmit', 0xff), 'lo    Out IP  [|ip]');
  const raw = { link: 'raw', device: 'tunl0', index: 4, direction: 'transmit' } as const;
  const { octets, length } = cook({ ...raw, octets: Uint8Array.of(0x45), length: 84 });
  const packet = { linkType: Pcap.LINKTYPE_LINUX_SLL2, captured: octets, originalLength: length };
  assert.is(
    describe(packet, { linkHeader: true }, new TcpdumpState()),
    '?     Out ifindex 4 ethertype IPv4 (0x0800), length 104:  [|ip]',
  );
});

t('without -n addresses are named by the resolver', () => {
  const [packet] = read(new Uint8Array(fixture('wire/ipip-w1-tunl0.pcap')));
  const { captured, originalLength } = packet!;
  const nameOf = (address: number) => (address === 0xac10_9e03 ? 'pod1' : undefined);
  const seen = { linkType: 101, captured, originalLength };
  assert.is(
    describe(seen, { nameOf }, new TcpdumpState()),
    'IP pod1 > 172.16.34.1: ICMP echo request, id 398, seq 1, length 64',
  );
  assert.is(
    describe(seen, { nameOf, numeric: true }, new TcpdumpState()),
    'IP 172.16.158.3 > 172.16.34.1: ICMP echo request, id 398, seq 1, length 64',
  );
});

t('a capture of nothing', () => {
  const empty = { linkType: 1, captured: new Uint8Array(0), originalLength: 60 };
  assert.is(describe(empty, {}, new TcpdumpState()), '[Invalid header: caplen==0]');
});

t('any octets are described, and nothing is read past them', () => {
  const seeds = ['bgp', 'crafted', 'icmp-errors', 'vxlan-w1-eth0'].flatMap(name =>
    read(new Uint8Array(fixture(`wire/${name}.pcap`))),
  );
  const change = fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 }));
  void fc.assert(
    fc.property(fc.nat(), fc.array(change, { maxLength: 4 }), fc.nat(200), (which, changes, cut) => {
      const packet = seeds[which % seeds.length]!;
      const captured = packet.captured.slice();
      for (const [at, value] of changes) captured[at % captured.length] = value;
      const some = captured.subarray(0, captured.length - Math.min(cut, captured.length - 1));
      const seen = { linkType: 1, captured: some, originalLength: packet.originalLength };
      assert.type(describe(seen, { verbose: 2, linkHeader: true }, new TcpdumpState()), 'string');
    }),
    { numRuns: 500 },
  );
});

t.run();
