/** The tables of a namespace as the real tools printed them (test/fixtures/shell/recorded), from the same tables. */
import { readFileSync } from 'node:fs';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type { DeviceView, NeighbourView, RouteView, SocketView } from '../../src/node/command.ts';
import { addressText } from '../../src/report/address-text.ts';
import { arpLines, arpTable } from '../../src/report/arp-table.ts';
import * as Forms from '../../src/report/device-forms.ts';
import { linkText } from '../../src/report/link-text.ts';
import { neighbourBrief, neighbourText } from '../../src/report/neighbour-text.ts';
import { pathJson, pathText, routeJson, routeTable } from '../../src/report/route-forms.ts';
import { socketText } from '../../src/report/socket-text.ts';
import { statisticsLines } from '../../src/report/statistics-text.ts';
import { BadFilter, socketFilter } from '../../src/shell/socket-filter.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('report/recorded-forms');

/** Command line -> output, of one recording. */
function recorded(name: string): ReadonlyMap<string, string> {
  const text = readFileSync(fromRoot(`test/fixtures/shell/recorded/${name}.txt`), 'utf8');
  const parts = text.split(/^>>> /m).slice(1);
  return new Map(
    parts.map(part => {
      const [line = '', ...rest] = part.split('\n');
      return [line, rest.join('\n').replace(/\[\d+\]\n?$/, '')];
    }),
  );
}

const IPROUTE = recorded('iproute2');
const NET_TOOLS = recorded('net-tools');
const SS = recorded('ss');

const COUNTERS = { rxPackets: 0, rxOctets: 0, rxDropped: 0, txPackets: 0, txOctets: 0, txDropped: 0 };
const LO: DeviceView = {
  name: 'lo',
  altnames: [],
  index: 1,
  kind: 'loopback',
  driver: 'loopback',
  mtu: 65536,
  up: true,
  wasUp: true,
  carrier: true,
  mac: 0,
  counters: COUNTERS,
  addresses: [{ address: Ipv4.from('127.0.0.1'), length: 8, scope: 'host', broadcast: 0, secondary: false }],
  peer: undefined,
  vxlan: undefined,
};
const V0: DeviceView = {
  ...LO,
  name: 'v0',
  index: 2,
  kind: 'ether',
  driver: 'veth',
  mtu: 1500,
  mac: Mac.parse('26:ff:b2:c9:f1:bd')!,
  counters: { ...COUNTERS, rxOctets: 379, rxPackets: 5, txOctets: 393, txPackets: 6 },
  addresses: [
    {
      address: Ipv4.from('192.168.10.10'),
      length: 24,
      scope: 'global',
      broadcast: Ipv4.from('192.168.10.255'),
      secondary: false,
    },
  ],
  peer: { index: 2, up: true, netns: 'w2shb', netnsId: 0 },
};
const VXLAN: DeviceView = {
  ...LO,
  name: 'vxlan.calico',
  index: 3,
  kind: 'ether',
  driver: 'vxlan',
  mtu: 1450,
  mac: Mac.parse('3e:7e:52:72:69:66')!,
  addresses: [],
  vxlan: { vni: 4096, local: Ipv4.from('192.168.10.10'), parent: 'v0', port: 4789 },
};

const NEIGHBOURS: readonly NeighbourView[] = [
  {
    address: Ipv4.from('192.168.10.1'),
    device: 'v0',
    mac: Mac.parse('76:9d:e2:d3:ef:e1')!,
    state: 'REACHABLE',
    used: 0,
    confirmed: 0,
    updated: 0,
    probes: 4,
  },
  {
    address: Ipv4.from('192.168.10.77'),
    device: 'v0',
    mac: 0,
    state: 'INCOMPLETE',
    used: 0,
    confirmed: 60,
    updated: 0,
    probes: 4,
  },
];

function route(destination: string, more: Partial<RouteView> & { via?: string }): RouteView {
  const { via, ...rest } = more;
  const hop = { via: via === undefined ? 0 : Ipv4.from(via), device: 'v0', onlink: false, weight: 1 };
  const plain: RouteView = {
    prefix: destination === 'default' ? { address: 0, length: 0 } : Prefix.from(destination),
    type: 'unicast',
    nextHops: rest.type === undefined ? [hop] : [],
    protocol: 'boot',
    scope: 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    text: '',
    detail: '',
  };
  return { ...plain, ...rest };
}
const OWN = Ipv4.from('192.168.10.10');
const ROUTES = [
  route('default', { via: '192.168.10.1', protocol: 'dhcp', source: OWN, metric: 100 }),
  route('10.1.0.1/32', { scope: 'link' }),
  route('172.16.116.0/24', { type: 'blackhole', protocol: 'bird' }),
  route('192.168.10.0/24', { protocol: 'kernel', scope: 'link', source: OWN }),
];
const TABLE = [
  ROUTES[0]!,
  route('172.16.34.0/24', { via: '192.168.10.1', protocol: 'bird' }),
  ROUTES[2]!,
  route('172.16.117.0/24', { type: 'unreachable' }),
  ROUTES[3]!,
];

const plain = { details: false, statistics: false, pretty: false };
/** What the recording has and the lab never: queues by the number of processors. */
const oneQueue = (text: string): string => text.replaceAll('queues":2', 'queues":1');
/** Addresses of IPv6 are still being probed for in the first second. */
const settled = (text: string): string => text.replaceAll('scope link tentative ', 'scope link ');

const path = (type: 'unicast' | 'local') =>
  ({
    type,
    device: type === 'local' ? 'lo' : 'v0',
    via: type === 'local' ? 0 : Ipv4.from('192.168.10.1'),
    source: OWN,
    pathMtu: 0,
  }) as const;
const INTERNET = Ipv4.from('8.8.8.8');
const asked = { from: 0, details: false, oneLine: false };

const oneLines = (devices: readonly DeviceView[], family: 4 | undefined): string =>
  devices
    .flatMap(device => {
      const lines = addressText([{ ...device, altnames: [] }], { details: false, family }).split('\n');
      const found: string[] = [];
      for (let i = 0; i + 1 < lines.length; i++)
        if (/^ {4}inet/.test(lines[i]!))
          found.push(`${device.index}: ${device.name}${lines[i]}\\${lines[i + 1]}\n`);
      return found;
    })
    .join('');

for (const [line, text] of [
  ['ip neigh', neighbourText(NEIGHBOURS)],
  ['ip -s neigh', neighbourText(NEIGHBOURS, undefined, true)],
  ['ip -br neigh', neighbourBrief(NEIGHBOURS)],
  ['ip -j neigh', Forms.neighbourJson(NEIGHBOURS, undefined, false, false)],
  ['ip -s -j neigh', Forms.neighbourJson(NEIGHBOURS, undefined, true, false)],
  ['ip -j route', routeJson(ROUTES, false, false)],
  ['ip -d -j route', routeJson(ROUTES, true, false)],
  ['ip -s -s link show v0', linkText([V0], { details: false, object: 'link' }) + statisticsLines(V0, true)],
  ['ip -s -j link show v0', Forms.linkJson([V0], { ...plain, statistics: true })],
  ['ip -d -j link show vxlan.calico', Forms.linkJson([VXLAN], { ...plain, details: true })],
  ['ip -d -j link show v0', Forms.linkJson([V0], { ...plain, details: true })],
  ['ip -d -j link show lo', Forms.linkJson([LO], { ...plain, details: true })],
  ['ip -j addr show lo', Forms.addressJson([LO], undefined, plain)],
  ['ip -o addr', oneLines([LO, V0, VXLAN], undefined)],
  ['ip -o -4 addr show v0', oneLines([V0], 4)],
  ['ip -br addr', Forms.addressBrief([LO, V0, VXLAN], undefined)],
  ['ip -br link', Forms.linkBrief([LO, V0, VXLAN])],
  ['ip -j route get 8.8.8.8', pathJson(INTERNET, path('unicast'), 0, false)],
  ['ip -d route get 8.8.8.8', pathText(INTERNET, path('unicast'), { ...asked, details: true })],
  ['ip -o route get 8.8.8.8', pathText(INTERNET, path('unicast'), { ...asked, oneLine: true })],
  ['ip route get 192.168.10.10', pathText(OWN, path('local'), asked)],
  ['ip -j route get 192.168.10.10', pathJson(OWN, path('local'), 0, false)],
] as const)
  t(line, () => assert.is(settled(text), settled(oneQueue(IPROUTE.get(line)!))));

for (const [line, text] of [
  ['route -n', routeTable(TABLE, true)],
  ['route -ne', routeTable(TABLE, true, 'tcp')],
  ['route -nee', routeTable(TABLE, true, 'all')],
  ['netstat -rn', routeTable(TABLE, true, 'tcp')],
] as const)
  t(line, () => assert.is(text, NET_TOOLS.get(line)));

const ARP = NEIGHBOURS.map(entry =>
  entry.mac === 0 ? entry : { ...entry, mac: Mac.parse('fa:39:90:b6:0e:f7')! },
);
t('arp -n', () => assert.is(arpTable(ARP), NET_TOOLS.get('arp -n')));
t('arp -an', () => assert.is(arpLines(ARP), NET_TOOLS.get('arp -an')));

function socket(
  protocol: SocketView['protocol'],
  state: string,
  local: string,
  remote: string,
  queues: readonly [number, number],
): SocketView {
  const [localAddress, localPort] = local.split(':');
  const [remoteAddress, remotePort] = remote.split(':');
  return {
    protocol,
    state,
    receiveQueue: queues[0],
    sendQueue: queues[1],
    localAddress: Ipv4.from(localAddress!),
    localPort: Number(localPort),
    remoteAddress: Ipv4.from(remoteAddress!),
    remotePort: Number(remotePort),
  };
}
const SOCKETS = [
  socket('udp', 'UNCONN', '0.0.0.0:4789', '0.0.0.0:0', [0, 0]),
  socket('tcp', 'LISTEN', '127.0.0.1:9099', '0.0.0.0:0', [0, 128]),
  socket('tcp', 'LISTEN', '0.0.0.0:179', '0.0.0.0:0', [0, 8]),
  socket('tcp', 'ESTAB', '192.168.10.10:179', '192.168.10.1:33306', [19, 0]),
];

const styled = { withProtocol: false, withoutState: false, numeric: true, heading: true };
const only = (keep: (s: SocketView) => boolean, style: Partial<typeof styled> = {}): string =>
  socketText(SOCKETS.filter(keep), { ...styled, ...style });
const isIdle = ({ state }: SocketView): boolean => state === 'LISTEN' || state === 'UNCONN';
const isTcp = ({ protocol }: SocketView): boolean => protocol === 'tcp';
const chosen = (words: string) => {
  const { keeps, states } = socketFilter(words.split(' '));
  return (s: SocketView): boolean => isTcp(s) && (states?.has(s.state) ?? !isIdle(s)) && keeps(s);
};

for (const [line, text] of [
  ['ss -tn', only(s => isTcp(s) && !isIdle(s))],
  ['ss -t', only(s => isTcp(s) && !isIdle(s), { numeric: false })],
  ['ss -tan', only(isTcp)],
  ['ss -tln', only(s => isTcp(s) && isIdle(s))],
  ['ss -tuln', only(isIdle, { withProtocol: true })],
  ['ss -uln', only(s => !isTcp(s))],
  ['ss -tnH', only(s => isTcp(s) && !isIdle(s), { heading: false })],
  ['ss -tn dst 192.168.10.1', only(chosen('dst 192.168.10.1'))],
  ['ss -tn sport = :179', only(chosen('sport = :179'))],
  ['ss -tn ( dport = :179 or sport = :179 )', only(chosen('( dport = :179 or sport = :179 )'))],
  ['ss -tn src 192.168.10.10:179', only(chosen('src 192.168.10.10:179'))],
  ['ss -tn state established', only(chosen('state established'), { withoutState: true })],
  ['ss -tan state listening', only(chosen('state listening'), { withoutState: true })],
] as const)
  t(line, () => assert.is(text, SS.get(line)));

for (const [words, kept] of [
  ['not sport = :179', 0],
  ['dport != :179 and src 192.168.10.0/24', 1],
  ['dport >= :33306 sport <= bgp', 1],
  ['dst 10.0.0.0/8 or ( src 192.168.10.10 and dport gt :1 )', 1],
  ['exclude established', 2],
] as const)
  t(`ss -t ${words}`, () => assert.is(SOCKETS.filter(chosen(words)).length, kept));

for (const line of ['foo bar', 'state foo'] as const)
  t(`ss -tn ${line} is refused`, () => {
    try {
      socketFilter(line.split(' '));
      assert.unreachable();
    } catch (error) {
      assert.instance(error, BadFilter);
      assert.is((error as BadFilter).message, SS.get(`ss -tn ${line}`));
    }
  });

t.run();
