/**
 * Capture filters against the real tool: fixtures/wire/filters.json says which packets of each capture tcpdump 4.99.3
 * with libpcap 1.10.3 let pass (indices from 0, as ranges); a capture is missing where it refused the expression.
 * filter-verdicts.tsv has the same for every word of the language, of two captures, with the words of each refusal.
 */
import * as fc from 'fast-check';
import { read } from '../../src/wire/capture-reader.ts';
import { cook } from '../../src/wire/cooked.ts';
import { compile, FilterError } from '../../src/wire/filter.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/filter');

const captures = new Map(
  ['ipip-w1-eth0', 'ipip-w1-tunl0', 'vxlan-w1-eth0', 'icmp-errors', 'bgp', 'crafted'].map(name => [
    name,
    read(new Uint8Array(fixture(`wire/${name}.pcap`))),
  ]),
);

/** The one name that every machine knows. */
const loopback = (name: string) => (name === 'localhost' ? 0x7f00_0001 : undefined);

function passing(expression: string, capture: string): string {
  const packets = captures.get(capture)!;
  const filter = compile(expression, { linkType: packets[0]!.interface.linkType, resolve: loopback });
  const ranges: [number, number][] = [];
  for (const [i, { captured, originalLength }] of packets.entries()) {
    if (!filter({ octets: captured, length: originalLength })) continue;
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

function verdict(expression: string, capture: string): string {
  try {
    return passing(expression, capture);
  } catch (error) {
    if (error instanceof FilterError) return `! ${error.message}`;
    throw error;
  }
}

const verdicts = fixture('wire/filter-verdicts.tsv').toString().trimEnd().split('\n').slice(1);
t(`tcpdump and ${verdicts.length} expressions: what passes, or why not`, () => {
  assert.ok(verdicts.length > 700);
  for (const line of verdicts) {
    const [expression = '', ...expected] = line.split('\t');
    for (const [i, capture] of ['crafted', 'ipip-w1-tunl0'].entries())
      assert.is(verdict(expression, capture), expected[i], `${expression} (${capture})`);
  }
});

const SYNTAX = "can't parse filter expression: syntax error";
for (const [expression, message, at] of [
  ['host', SYNTAX, 4],
  ['port', SYNTAX, 4],
  ['port 70000', 'illegal port number 70000 > 65535', 5],
  ['port foo', "unknown port 'foo'", 5],
  ['net 172.16.1.0/16', 'non-network bits set in "172.16.1.0/16"', 4],
  ['net 172.16.0.0/33', 'mask length must be <= 32', 4],
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
  ['ip[0:3] = 1', 'data size must be 1, 2, or 4', 8],
  ['foo[0] = 1', SYNTAX, 0],
  ['host 300.1.1.1', "invalid IPv4 address '300.1.1.1'", 5],
  ['ip proto foo', "unknown ip proto 'foo'", 9],
  ['src or', SYNTAX, 6],
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
    assert.throws(() => compile(expression, { linkType: Pcap.LINKTYPE_ETHERNET }), refused);
  });

t('hosts are named by the resolver', () => {
  const resolve = (name: string) => (name === 'pod1' ? 0xac10_9e03 : undefined);
  const filter = compile('src host pod1', { linkType: Pcap.LINKTYPE_RAW, resolve });
  const [first, second] = captures.get('ipip-w1-tunl0')!;
  assert.ok(filter({ octets: first!.captured, length: 84 }));
  assert.not(filter({ octets: second!.captured, length: 84 }));
});

t('the empty expression lets all pass', () => {
  assert.ok(compile(' ', { linkType: Pcap.LINKTYPE_ETHERNET })({ octets: new Uint8Array(0), length: 0 }));
});

for (const [expression, received, sent] of [
  ['inbound', true, false],
  ['outbound', false, true],
  ['ifindex 3 and inbound', true, false],
  ['not ifindex 3', false, false],
] as const)
  t(`a running capture knows more than a file: ${expression}`, () => {
    for (const linkType of [Pcap.LINKTYPE_ETHERNET, Pcap.LINKTYPE_RAW]) {
      const filter = compile(expression, { linkType, live: true });
      const octets = new Uint8Array(60);
      assert.is(filter({ octets, length: 60, index: 3, inbound: true }), received);
      assert.is(filter({ octets, length: 60, index: 3, inbound: false }), sent);
    }
  });

const COOKED = [true, false].map(
  inbound =>
    cook({
      link: 'ether',
      device: 'eth0',
      index: 3,
      direction: inbound ? 'receive' : 'transmit',
      octets: captures.get('ipip-w1-eth0')![2]!.captured,
      length: 118,
    }).octets,
);
for (const [expression, received, sent] of [
  ['ip proto 4 and src host 192.168.10.101', true, true],
  ['inbound', true, false],
  ['outbound', false, true],
  ['ifindex 3', true, true],
  ['ifindex 4 or arp', false, false],
  ['ip[9] = 4 and len = 124', true, true],
] as const)
  t(`-i any: ${expression}`, () => {
    const filter = compile(expression, { linkType: Pcap.LINKTYPE_LINUX_SLL2 });
    const passed = COOKED.map(octets => filter({ octets, length: 124 }));
    assert.equal(passed, [received, sent]);
  });

t('-i any has no Ethernet addresses', () => {
  const refused = (expression: string): string => {
    try {
      compile(expression, { linkType: Pcap.LINKTYPE_LINUX_SLL2 });
      return 'compiled';
    } catch (error) {
      return (error as FilterError).message;
    }
  };
  assert.match(refused('ether host 02:00:00:00:00:01'), /^ethernet addresses supported only on ethernet/);
  assert.is(refused('broadcast'), 'not a broadcast link');
  assert.is(refused('vlan'), 'no VLAN support for Linux cooked v2');
});

const WORDS = verdicts.flatMap(line => line.split('\t')[0]!.split(' '));

t('whatever is typed is a filter or is refused, at a place in it, and filters anything', () => {
  const word = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...WORDS) }, fc.string({ maxLength: 6 }));
  const typed = fc.array(word, { maxLength: 12 }).map(words => words.join(' '));
  const links = fc.constantFrom(Pcap.LINKTYPE_ETHERNET, Pcap.LINKTYPE_RAW, Pcap.LINKTYPE_LINUX_SLL2);
  void fc.assert(
    fc.property(typed, links, fc.uint8Array({ maxLength: 80 }), (expression, linkType, octets) => {
      try {
        assert.type(compile(expression, { linkType })({ octets, length: octets.length }), 'boolean');
      } catch (error) {
        assert.instance(error, FilterError);
        const { at, message } = error as FilterError;
        assert.ok(at >= 0 && at <= expression.length && message.length > 0);
      }
    }),
    { numRuns: 3_000 },
  );
});

t('an expression as long as one likes comes to an end', () => {
  const filter = (expression: string) => compile(expression, { linkType: Pcap.LINKTYPE_ETHERNET });
  const ports = Array.from({ length: 400 }, (_, i) => `port ${i}`).join(' or ');
  assert.type(filter(ports)({ octets: new Uint8Array(60), length: 60 }), 'boolean');
  const nets = Array.from({ length: 200 }, (_, i) => `not net 10.${i}.0.0/16`).join(' and ');
  assert.type(filter(nets)({ octets: new Uint8Array(60), length: 60 }), 'boolean');
  assert.throws(() => filter(`${'('.repeat(400)}tcp`), /syntax error/);
  assert.throws(() => filter('('.repeat(100_000)), /memory exhausted/);
  assert.throws(() => filter(`${'not '.repeat(100_000)}tcp`), /memory exhausted/);
  assert.type(filter(`${'not '.repeat(1_990)}tcp`)({ octets: new Uint8Array(60), length: 60 }), 'boolean');
  const long = Array.from({ length: 660 }, (_, i) => `port ${i}`).join(' or ');
  assert.not(filter(long)({ octets: new Uint8Array(60), length: 60 }));
  assert.type(
    filter(`${'('.repeat(400)}tcp${')'.repeat(400)}`)({ octets: new Uint8Array(60), length: 60 }),
    'boolean',
  );
});

t.run();
