/**
 * What FRR's `vtysh -c 'show …'` prints of a speaker, in the layout of 8.4 (recorded; bgpd/bgp_vty.c, bgp_route.c,
 * zebra/zebra_vty.c).
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { SegmentType } from '../wire/bgp/attributes.ts';
import type { Net } from './net.ts';
import type { Peering } from './peering.ts';
import type { KernelRoute } from './ports.ts';
import type { Route } from './route.ts';
import type { Speaker } from './speaker.ts';

const text = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('');

/** `00:00:08`, `1d02h03m`, `2w3d04h`. */
export function uptime(duration: VirtualTime): string {
  const seconds = Math.floor(duration / SECOND);
  const two = (n: number): string => String(n).padStart(2, '0');
  const [minutes, hours, days] = [60, 3600, 86_400].map(unit => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (days === 0) return [hours, minutes % 60, seconds % 60].map(two).join(':');
  if (days < 7) return `${days}d${two(hours % 24)}h${two(minutes % 60)}m`;
  return `${Math.floor(days / 7)}w${days % 7}d${two(hours % 24)}h`;
}

/** What FRR's table holds: routes of peers, and the networks that it is told to originate. */
function listed(speaker: Speaker): { readonly net: Net; readonly routes: readonly Route[] }[] {
  return speaker.table
    .list()
    .map(net => ({
      net,
      routes: net.routes.filter(
        route => route.source.protocol.kind === 'bgp' || isOriginated(speaker, route),
      ),
    }))
    .filter(({ routes }) => routes.length > 0)
    .sort((a, b) => Prefix.compare(a.net.prefix, b.net.prefix));
}

const isOriginated = ({ config: { networks = [] } }: Speaker, { prefix }: Route): boolean =>
  networks.some(network => Prefix.equal(network, prefix));

/** Changes of the table so far. */
function tableVersion(speaker: Speaker): number {
  let version = speaker.config.networks?.length ?? 0;
  for (const { stats } of speaker.peerings.values())
    version += stats.importAccepted + stats.importWithdrawsAccepted;
  return version;
}

const legend = (speaker: Speaker): string[] => [
  `BGP table version is ${tableVersion(speaker)}, local router ID is ${Ipv4.format(speaker.routerId)}, vrf id 0`,
  `Default local pref 100, local AS ${speaker.config.localAs}`,
  'Status codes:  s suppressed, d damped, h history, * valid, > best, = multipath,',
  '               i internal, r RIB-failure, S Stale, R Removed',
  "Nexthop codes: @NNN nexthop's vrf id, < announce-nh-self",
  'Origin codes:  i - IGP, e - EGP, ? - incomplete',
  'RPKI validation codes: V valid, I invalid, N Not found',
  '',
  '   Network          Next Hop            Metric LocPrf Weight Path',
];

/** `show ip bgp`; with `peer`: what it told us. */
export function ipBgp(speaker: Speaker, peer?: Peering): string {
  const lines = legend(speaker);
  const all = listed(speaker);
  let total = 0;
  let shown = 0;
  for (const { net, routes } of all) {
    total += routes.length;
    const own = routes.filter(({ source }) => peer === undefined || source.protocol === peer.protocol);
    if (own.length > 0) shown++;
    for (const [i, route] of own.entries())
      lines.push(bgpRow(i === 0 ? net.prefix : undefined, route, net, speaker));
  }
  return text([...lines, '', `Displayed  ${shown} routes and ${total} total paths`]);
}

function bgpRow(prefix: Prefix.Prefix | undefined, route: Route, net: Net, speaker: Speaker): string {
  const { attributes, source } = route;
  const isBest = route === net.routes[0];
  const internal = source.protocol.peer?.internal === true;
  const multipath = !isBest && isEqual(net.routes[0]!, route) && (speaker.config.maximumPaths ?? 1) > 1;
  const status = `*${isBest ? '>' : multipath ? '=' : ' '}${internal ? 'i' : ' '}`;
  const network = prefix === undefined ? '' : Prefix.format(prefix);
  const isOwn = source.protocol.kind !== 'bgp';
  const hop = isOwn ? '0.0.0.0' : Ipv4.format(attributes?.nextHop ?? 0);
  const metric = isOwn ? '0' : (attributes?.med?.toString() ?? '');
  const preference = isOwn || !internal ? '' : String(attributes?.localPref ?? 100);
  const path = asPath(route);
  const numbers = `${metric.padStart(10)}${preference.padStart(7)}${String(isOwn ? 32_768 : 0).padStart(7)}`;
  return `${status}${network.padEnd(17)}${hop.padEnd(16)}${numbers} ${path === '' ? '' : `${path} `}${'ie?'[attributes?.origin ?? 0]}`;
}

/** As good as the best but for who said it: paths that FRR uses together. */
const isEqual = (best: Route, other: Route): boolean =>
  other.source.protocol.kind === 'bgp' &&
  other.attributes?.localPref === best.attributes?.localPref &&
  (other.attributes?.asPath ?? []).length === (best.attributes?.asPath ?? []).length &&
  other.source.protocol.peer?.internal === best.source.protocol.peer?.internal;

const asPath = ({ attributes }: Route): string =>
  (attributes?.asPath ?? [])
    .map(s => (s.type === SegmentType.Sequence ? s.ases.join(' ') : `{${s.ases.join(',')}}`))
    .join(' ');

/** Octets of a `route_node`, and of what bgpd keeps for a peer and for a group of peers. */
const NODE_OCTETS = 192;
const PEER_KIB = 724;
const GROUP_OCTETS = 64;
const DYNAMIC_LIMIT = 100;

/** `show ip bgp summary`. */
export function summary(speaker: Speaker): string {
  // A dynamic neighbour that is gone was none.
  const peerings = [...speaker.peerings.values()]
    .filter(({ dynamic, session }) => !dynamic || session.established || session.stateName.startsWith('Open'))
    .sort((a, b) => a.config.remoteAddress - b.config.remoteAddress);
  if (peerings.length === 0) return text(['% No BGP neighbors found in VRF default']);
  const nodes = trieSize(listed(speaker).map(({ net }) => net.prefix));
  const groups = speaker.config.dynamicNeighbours?.length ?? 0;
  const dynamic = peerings.filter(peering => peering.dynamic).length;
  const names = peerings.map(p => `${p.dynamic ? '*' : ''}${Ipv4.format(p.config.remoteAddress)}`);
  const width = Math.max(16, ...names.map(name => name.length + 1));
  return text([
    '',
    'IPv4 Unicast Summary (VRF default):',
    `BGP router identifier ${Ipv4.format(speaker.routerId)}, local AS number ${speaker.config.localAs} vrf-id 0`,
    `BGP table version ${tableVersion(speaker)}`,
    `RIB entries ${nodes}, using ${nodes * NODE_OCTETS} bytes of memory`,
    `Peers ${peerings.length}, using ${peerings.length * PEER_KIB} KiB of memory`,
    ...(groups === 0 ? [] : [`Peer groups ${groups}, using ${groups * GROUP_OCTETS} bytes of memory`]),
    '',
    `${'Neighbor'.padEnd(width)}V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc`,
    ...peerings.map((peering, i) => names[i]!.padEnd(width) + summaryRow(speaker, peering)),
    '',
    `Total number of neighbors ${peerings.length}`,
    ...(dynamic === 0
      ? []
      : ['* - dynamic neighbor', `${dynamic} dynamic neighbor(s), limit ${DYNAMIC_LIMIT}`]),
  ]);
}

function summaryRow(speaker: Speaker, { session, protocol, toldCount }: Peering): string {
  const { identity, outgoing, incoming, established, since } = session;
  const received = outgoing.messagesReceived + incoming.messagesReceived;
  const sent = outgoing.messagesSent + incoming.messagesSent;
  const right = (value: string | number, width: number): string => ` ${String(value).padStart(width)}`;
  let prefixes = 0;
  for (const net of speaker.table.list())
    prefixes += net.routes.filter(route => route.source.protocol === protocol).length;
  const wasUp = established || received > 0;
  return (
    '4' +
    right(identity.remoteAs, 10) +
    right(received, 9) +
    right(sent, 9) +
    right(0, 8) +
    right(0, 4) +
    right(0, 4) +
    right(wasUp ? uptime(speaker.ports.clock.now - since) : 'never', 8) +
    right(established ? prefixes : session.stateName, 12) +
    right(established ? toldCount : 0, 8) +
    ' N/A'
  );
}

/** Nodes of a compressed binary trie: the prefixes themselves, and where they part. */
function trieSize(prefixes: readonly Prefix.Prefix[]): number {
  const nodes = new Set(prefixes.map(Prefix.format));
  const sorted = [...prefixes].sort(Prefix.compare);
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    const common = Math.min(Math.clz32(a.address ^ b.address), a.length, b.length);
    nodes.add(Prefix.format(Prefix.network(a.address, common)));
  }
  return nodes.size;
}

const ROUTE_LEGEND = [
  'Codes: K - kernel route, C - connected, S - static, R - RIP,',
  '       O - OSPF, I - IS-IS, B - BGP, E - EIGRP, N - NHRP,',
  '       T - Table, v - VNC, V - VNC-Direct, A - Babel, F - PBR,',
  '       f - OpenFabric,',
  '       > - selected route, * - FIB route, q - queued, r - rejected, b - backup',
  '       t - trapped, o - offload failure',
  '',
];

export type RouteCode = 'B' | 'C' | 'K';

/** `show ip route`, of all or of one origin: the kernel's table as zebra knows it. */
export function ipRoute(speaker: Speaker, only: RouteCode | undefined): string {
  const { kernel } = speaker.ports;
  const found = [
    ...connected(speaker),
    ...kernel
      .routes()
      .filter(({ protocol }) => protocol !== 'kernel')
      .map(route => ({ prefix: route.prefix, code: codeOf(route), lines: routeLines(speaker, route) })),
  ];
  const shown = found.filter(({ code }) => only === undefined || code === only);
  shown.sort((a, b) => Prefix.compare(a.prefix, b.prefix));
  return text([...ROUTE_LEGEND, ...shown.flatMap(({ lines }) => lines)]);
}

const codeOf = ({ protocol }: KernelRoute): RouteCode => (protocol === 'bgp' ? 'B' : 'K');

/** The networks of the addresses of all devices: zebra knows them from there, not from routes. */
function connected(speaker: Speaker): { prefix: Prefix.Prefix; code: RouteCode; lines: string[] }[] {
  const age = uptime(speaker.ports.clock.now - speaker.startedAt);
  return speaker.ports.kernel
    .devices()
    .filter(({ up }) => up)
    .flatMap(({ name, addresses }) =>
      addresses
        .filter(({ address }) => !Ipv4.isLoopback(address))
        .map(({ address, length }) => {
          const prefix = Prefix.network(address, length);
          const line = `C>* ${Prefix.format(prefix)} is directly connected, ${name}, ${age}`;
          return { prefix, code: 'C', lines: [line] };
        }),
    );
}

function routeLines(speaker: Speaker, route: KernelRoute): string[] {
  const code = codeOf(route);
  const { now } = speaker.ports.clock;
  const best = code === 'B' ? speaker.table.get(route.prefix)?.routes[0] : undefined;
  const age = uptime(now - (best === undefined ? speaker.startedAt : speaker.since(best)));
  const distance = best?.source.protocol.peer?.internal === false ? 20 : 200;
  const metric = code === 'B' ? (best?.attributes?.med ?? 0) : route.metric;
  const start = `${code}>* ${Prefix.format(route.prefix)}`;
  const head = `${start} [${code === 'B' ? distance : 0}/${metric}]`;
  if (route.nextHops.length === 0) return [`${head} unreachable (blackhole), ${age}`];
  const weight = code === 'B' ? ', weight 1' : '';
  return route.nextHops.map(({ via, device }, i) => {
    const way = via === undefined ? 'is directly connected' : `via ${Ipv4.format(via)}`;
    const lead = i === 0 ? head : `  *${' '.repeat(head.length - 3)}`;
    return `${lead} ${way}, ${device}${weight}, ${age}`;
  });
}
