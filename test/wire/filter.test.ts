/**
 * Capture filters against the real tool: fixtures/wire/filters.json says which packets of each capture tcpdump 4.99.3
 * with libpcap 1.10.3 let pass (indices from 0, as ranges); a capture is missing where it refused the expression.
 */
import { read } from '../../src/wire/capture-reader.ts';
import { compile, FilterError } from '../../src/wire/filter.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/filter');

const captures = new Map(
  ['ipip-w1-eth0', 'ipip-w1-tunl0', 'vxlan-w1-eth0', 'icmp-errors', 'bgp', 'crafted'].map(name => [
    name,
    read(new Uint8Array(fixture(`wire/${name}.pcap`))),
  ]),
);

function passing(expression: string, capture: string): string {
  const filter = compile(expression);
  const ranges: [number, number][] = [];
  for (const [i, packet] of captures.get(capture)!.entries()) {
    const { buffer, byteOffset, byteLength } = packet.captured;
    const view = new DataView(buffer, byteOffset, byteLength);
    if (!filter(view, packet.interface.linkType, packet.originalLength)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === i - 1) last[1] = i;
    else ranges.push([i, i]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

const recorded = JSON.parse(fixture('wire/filters.json').toString()) as Record<
  string,
  Record<string, string>
>;
for (const [expression, expected] of Object.entries(recorded))
  t(`tcpdump '${expression}'`, () => {
    for (const [capture, ranges] of Object.entries(expected))
      assert.is(passing(expression, capture), ranges, capture);
  });

const SYNTAX = "can't parse filter expression: syntax error";
for (const [expression, message, at] of [
  ['host', SYNTAX, 4],
  ['port', SYNTAX, 4],
  ['port 70000', 'illegal port number 70000 > 65535', 5],
  ['port foo', "unknown port 'foo'", 5],
  ['net 172.16.1.0/16', 'non-network bits set in "172.16.1.0/16"', 4],
  ['net 172.16.0.0/33', 'mask length must be <= 32', 17],
  ['tcp host 1.2.3.4', "'tcp' modifier applied to host", 9],
  ['tcp net 10.0.0.0/8', "'tcp' modifier applied to net", 8],
  ['host pod9', "unknown host 'pod9'", 5],
  ['foo', SYNTAX, 0],
  ['1.2.3.4', SYNTAX, 0],
  ['host 1.2.3.4 and', SYNTAX, 16],
  ['and tcp', SYNTAX, 0],
  ['(tcp', SYNTAX, 4],
  ['tcp)', SYNTAX, 3],
  ['ip[0', SYNTAX, 4],
  ['ip[0] =', SYNTAX, 7],
  ['ip[0:3] = 1', 'data size must be 1, 2, or 4', 6],
  ['foo[0] = 1', SYNTAX, 0],
  ['host 300.1.1.1', "invalid IPv4 address '300.1.1.1'", 5],
  ['ip proto foo', "unknown ip proto 'foo'", 9],
  ['src or', SYNTAX, 4],
  ['not', SYNTAX, 3],
  ['tcp port 80 udp', SYNTAX, 12],
  ['less', SYNTAX, 4],
  ['$', SYNTAX, 0],
] as const)
  t(`refuses '${expression}'`, () => {
    const refused = (e: unknown): boolean => {
      assert.instance(e, FilterError);
      assert.is((e as FilterError).message, message);
      assert.is((e as FilterError).at, at);
      return true;
    };
    assert.throws(() => compile(expression), refused);
  });

t('hosts are named by the resolver', () => {
  const filter = compile('src host pod1', name => (name === 'pod1' ? 0xac10_9e03 : undefined));
  const [first, second] = captures.get('ipip-w1-tunl0')!;
  for (const [packet, passes] of [
    [first!, true],
    [second!, false],
  ] as const) {
    const { buffer, byteOffset, byteLength } = packet.captured;
    assert.is(filter(new DataView(buffer, byteOffset, byteLength), 101), passes);
  }
});

t('the empty expression lets all pass', () => {
  assert.ok(compile(' ')(new DataView(new ArrayBuffer(0)), 1));
});

t.run();
