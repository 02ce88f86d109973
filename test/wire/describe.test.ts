/**
 * `describe` against tcpdump 4.99.3 (Debian 12), character for character. The captures are the first packets of the
 * recordings, all kinds of ICMP error in them, a BGP session, the same packets cut at many lengths, and packets crafted
 * for what the recordings lack (redirects, SACK, NOTIFICATIONs, HTTP, …); the texts are what the real tool
 * printed for the same files: `NAME.FLAGS.txt` is `tcpdump -FLAGS -r NAME.pcap`.
 */
import * as fc from 'fast-check';
import { read } from '../../src/wire/capture-reader.ts';
import {
  type AnyDevice,
  describe,
  formatTime,
  type TcpdumpOptions,
  TcpdumpState,
} from '../../src/wire/describe.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/describe');

function described(capture: string, options: TcpdumpOptions, any?: AnyDevice): string[] {
  const state = new TcpdumpState();
  return read(new Uint8Array(fixture(`wire/${capture}.pcap`))).map(packet => {
    const { captured, originalLength } = packet;
    const seen = { linkType: packet.interface.linkType, captured, originalLength };
    return `${formatTime(packet.time)} ${describe(any === undefined ? seen : { ...seen, any }, options, state)}`;
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
    const device = { name: 'lo', index: 1, direction: 'Out' } as const;
    sameLines(described('crafted', optionsOf(flags), device), fixture(`wire/any.${flags}.txt`));
  });

t('-i any pads short device names and directions only', () => {
  const packet = { linkType: 101, captured: Uint8Array.of(0x45), originalLength: 84 };
  const line = (name: string, direction: AnyDevice['direction']) =>
    describe({ ...packet, any: { name, index: 9, direction } }, { numeric: true }, new TcpdumpState());
  assert.is(line('calice0906292e2', 'In'), 'calice0906292e2 In  IP  [|ip]');
  assert.is(line('tunl0', 'Out'), 'tunl0 Out IP  [|ip]');
  assert.is(line('lo', 'B'), 'lo    B   IP  [|ip]');
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
