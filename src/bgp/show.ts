/**
 * What `birdcl show …` prints, in the layout of BIRD 1.6. Times of day come from a function, because a speaker knows
 * virtual time only.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { type PathAttributes, SegmentType } from '../wire/bgp/attributes.ts';
import { REJECT } from './filter.ts';
import type { Net } from './net.ts';
import type { Peering } from './peering.ts';
import { IGP_METRIC_UNKNOWN, isReachable, type Protocol, type Route } from './route.ts';
import type { Speaker } from './speaker.ts';
import type { Stats } from './stats.ts';

export const VERSION = 'v0.3.3+birdv1.6.8';

/** How to print virtual times: `18:22:05`, and `2026-11-22 18:22:05`. */
export interface WallClock {
  time(at: VirtualTime): string;
  dateTime(at: VirtualTime): string;
}

/** Hours, minutes and seconds since the run began. */
export const SINCE_START: WallClock = {
  time: at => clockTime(at),
  dateTime: at => `1970-01-01 ${clockTime(at)}`,
};

function clockTime(at: VirtualTime): string {
  const seconds = Math.floor(at / SECOND);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const version = (speaker: Speaker): string => speaker.config.version ?? VERSION;
const welcome = (speaker: Speaker): string => `BIRD ${version(speaker)} ready.`;

/** `show status`. */
export function status(speaker: Speaker, clock: WallClock = SINCE_START): string {
  const lines = [
    welcome(speaker),
    `BIRD ${version(speaker)}`,
    `Router ID is ${Ipv4.format(speaker.routerId)}`,
    `Current server time is ${clock.dateTime(speaker.ports.clock.now)}`,
    `Last reboot on ${clock.dateTime(speaker.startedAt)}`,
    `Last reconfiguration on ${clock.dateTime(speaker.configuredAt)}`,
  ];
  if (speaker.recovering)
    lines.push(
      'Graceful restart recovery in progress',
      `  Waiting for ${speaker.awaitedPeers} protocols to recover`,
      `  Wait timer is ${speaker.recoveryRemainingSec}/240`,
    );
  return text([...lines, 'Daemon is up and running']);
}

const HEADING = 'name     proto    table    state  since       info';

const KIND = { static: 'Static', kernel: 'Kernel', device: 'Device', direct: 'Direct', bgp: 'BGP' } as const;

const row = (protocol: Protocol, state: string, since: string, info: string): string =>
  `${protocol.name.padEnd(8)} ${KIND[protocol.kind].padEnd(8)} ${'master'.padEnd(8)} ${state.padEnd(5)}  ${since.padEnd(10)}  ${info}`;

function peerRow({ session }: Peering, clock: WallClock): string {
  const info =
    session.phase === 'down' ? session.lastError : `${session.stateName.padEnd(14)}${session.lastError}`;
  return row(session.protocol, session.phase, clock.time(session.since), info);
}

/** `show protocols`, or `show protocols all`. */
export function protocols(
  speaker: Speaker,
  options: { readonly all?: boolean; readonly fits?: (name: string) => boolean } = {},
  clock: WallClock = SINCE_START,
): string {
  const { local } = speaker;
  const lines = [welcome(speaker), HEADING];
  const since = clock.time(speaker.startedAt);
  const outputFilter = speaker.config.kernel.exportFilter?.label ?? 'REJECT';
  for (const protocol of local.list) {
    if (options.fits?.(protocol.name) === false) continue;
    lines.push(row(protocol, 'up', since, ''));
    if (!options.all) continue;
    const isKernel = protocol === local.kernel;
    const preference = isKernel ? 10 : protocol === local.static ? 200 : 240;
    const exported = isKernel ? speaker.kernelRouteCount : 0;
    lines.push(
      `  Preference:     ${preference}`,
      '  Input filter:   ACCEPT',
      `  Output filter:  ${isKernel ? outputFilter : 'REJECT'}`,
      ...counters(speaker, protocol, protocol.stats, exported),
      '',
    );
  }
  for (const peering of speaker.peerings.values()) {
    if (options.fits?.(peering.protocol.name) === false) continue;
    lines.push(peerRow(peering, clock));
    if (options.all) lines.push(...peerDetails(speaker, peering), '');
  }
  return text(lines);
}

function counters(speaker: Speaker, protocol: Protocol, stats: Stats, exported: number): string[] {
  let imported = 0;
  let preferred = 0;
  for (const net of speaker.table.list())
    for (const route of net.routes)
      if (route.source.protocol === protocol) {
        imported++;
        if (route === net.routes[0]) preferred++;
      }
  const cells = (...values: (number | string)[]): string => values.map(v => String(v).padStart(10)).join(' ');
  const withdraws = stats.importWithdrawsIgnored;
  return [
    `  Routes:         ${imported} imported, ${exported} exported, ${preferred} preferred`,
    '  Route change stats:     received   rejected   filtered    ignored   accepted',
    `    Import updates:     ${cells(stats.importUpdates, stats.importRejected, stats.importFiltered, stats.importIgnored, stats.importAccepted)}`,
    `    Import withdraws:   ${cells(stats.importWithdraws, 0, '---', withdraws, stats.importWithdrawsAccepted)}`,
    `    Export updates:     ${cells(stats.exportUpdates, stats.exportRejected, stats.exportFiltered, '---', stats.exportAccepted)}`,
    `    Export withdraws:   ${cells(stats.exportWithdraws, '---', '---', '---', stats.exportWithdrawsAccepted)}`,
  ];
}

function peerDetails(speaker: Speaker, peering: Peering): string[] {
  const { session, config } = peering;
  const exportFilter = peering.exportFilter;
  peering.count(speaker.narrowChanges);
  const lines = [
    ...(config.description === undefined ? [] : [`  Description:    ${config.description}`]),
    '  Preference:     100',
    `  Input filter:   ${peering.importFilter.label ?? '(unnamed)'}`,
    `  Output filter:  ${exportFilter === REJECT ? 'REJECT' : (exportFilter.label ?? '(unnamed)')}`,
    ...counters(speaker, peering.protocol, peering.stats, peering.toldCount),
    `  BGP state:          ${session.stateName}`,
    `    Neighbor address: ${Ipv4.format(config.remoteAddress)}`,
    `    Neighbor AS:      ${session.identity.remoteAs}`,
  ];
  if (session.restartPending) lines.push('    Neighbor graceful restart active');
  if (session.phase === 'start') {
    const wait = session.remainingSec('ErrorWait');
    if (wait !== undefined) lines.push(`    Error wait:       ${wait}/${session.errorWait.seconds}`);
    const delay = session.outgoing.remainingSec('ConnectRetry');
    if (session.outgoing.state === 'Active' && delay !== undefined)
      lines.push(`    Connect delay:    ${delay}/${config.connectDelaySec ?? 2}`);
    const restart = session.remainingSec('Restart');
    if (restart !== undefined) lines.push(`    Restart timer:    ${restart}/-`);
  }
  if (session.established) lines.push(...establishedDetails(peering));
  if (session.lastError !== '') lines.push(`    Last error:       ${session.lastError}`);
  return lines;
}

function establishedDetails({ session, identity, config, deferred }: Peering): string[] {
  const n = session.negotiated!;
  const words = (list: readonly (readonly [boolean, string])[]): string =>
    list.map(([given, word]) => (given ? ` ${word}` : '')).join('');
  const caps = words([
    [n.routeRefresh, 'refresh'],
    [n.enhancedRefresh, 'enhanced-refresh'],
    [n.restartAble, 'restart-able'],
    [n.restartAware && !n.restartAble, 'restart-aware'],
    [n.longLivedAware, 'llgr-aware'],
    [n.as4, 'AS4'],
    [n.peerReceivesPaths, 'add-path-rx'],
    [n.peerSendsPaths, 'add-path-tx'],
  ]);
  const kind = words([
    [identity.internal, 'internal'],
    [!identity.internal, 'external'],
    [config.multihop ?? true, 'multihop'],
    [identity.rrClient, 'route-reflector'],
    [n.as4, 'AS4'],
    [n.addPathReceive, 'add-path-rx'],
    [n.addPathSend, 'add-path-tx'],
  ]);
  const { fsm } = session.current!;
  const hold = session.current!.remainingSec('Hold') ?? 0;
  const keepalive = session.current!.remainingSec('Keepalive') ?? 0;
  return [
    `    Neighbor ID:      ${Ipv4.format(identity.routerId)}`,
    `    Neighbor caps:   ${caps}`,
    `    Session:         ${kind}`,
    ...(deferred ? ['    Waiting for End-of-RIB'] : []),
    `    Source address:   ${Ipv4.format(session.sourceAddress)}`,
    `    Hold timer:       ${hold}/${fsm.holdTimeSec}`,
    `    Keepalive timer:  ${keepalive}/${fsm.keepaliveTimeSec}`,
  ];
}

export interface RouteQuery {
  /** With attributes. */
  readonly all?: boolean;
  /** Only the route a packet to this address, or network, would take. */
  readonly for?: Ipv4.Ipv4Address;
  /** Only this prefix. */
  readonly prefix?: Prefix.Prefix;
  /** Only routes of this protocol. */
  readonly protocol?: string;
  /** Only the best of each prefix. */
  readonly primary?: boolean;
  /** Only how many. */
  readonly count?: boolean;
  /** And how many. */
  readonly stats?: boolean;
  /** Only what this protocol was told. */
  readonly export?: string;
  /** Only what import filters refused: never kept here. */
  readonly filtered?: boolean;
}

/** `show route [all] [for A] [protocol P] [export P] [primary] [count|stats]`. */
export function routes(speaker: Speaker, query: RouteQuery = {}, clock: WallClock = SINCE_START): string {
  const { table } = speaker;
  let nets: readonly (Net | undefined)[] = table.list();
  if (query.for !== undefined) nets = [table.lookup(query.for)];
  if (query.prefix !== undefined) nets = [table.get(query.prefix)];
  const lines = [welcome(speaker)];
  const told = query.export === undefined ? undefined : toldTo(speaker, query.export);
  let found = 0;
  let total = 0;
  let listed = 0;
  for (const net of nets) {
    if (net === undefined) continue;
    listed++;
    let name = Prefix.format(net.prefix);
    for (const route of net.routes) {
      const isBest = route === net.routes[0];
      total++;
      if (query.protocol !== undefined && route.source.protocol.name !== query.protocol) continue;
      if (query.primary && !isBest) continue;
      if (query.filtered || told?.(net, route) === false) continue;
      found++;
      if (query.count) continue;
      const mark = !isBest ? '' : speaker.isKernelRefused(net.prefix) ? ' !' : ' *';
      lines.push(routeLine(name, route, speaker.since(route), mark, clock));
      if (query.all) lines.push(...routeDetails(route));
      name = '';
    }
  }
  const isOne = query.for !== undefined || query.prefix !== undefined;
  if (isOne && listed === 0) lines.push('Network not in table');
  else if (!isOne && (query.count || query.stats))
    lines.push(`${found} of ${total} routes for ${table.size} networks`);
  return text(lines);
}

/** Was `name` told of a route? What it cannot be told (its own, another client's) it was not. */
function toldTo(speaker: Speaker, name: string): (net: Net, route: Route) => boolean {
  for (const peering of speaker.peerings.values())
    if (peering.protocol.name === name) {
      return (net, route) =>
        route.source.protocol !== peering.protocol && route === net.routes[0] && peering.isTold(net.key);
    }
  const { kernel } = speaker.local;
  return (net, route) => name === kernel.name && route === net.routes[0] && speaker.isInKernel(net.prefix);
}

function routeLine(name: string, route: Route, since: VirtualTime, mark: string, clock: WallClock): string {
  const { source } = route;
  const from = source.protocol.peer?.remoteAddress;
  const by = from === undefined || from === route.gateway ? '' : ` from ${Ipv4.format(from)}`;
  const when = clock.time(since);
  return `${name.padEnd(18)} ${via(route)} [${source.protocol.name} ${when}${by}]${mark}${info(route)}`;
}

function via(route: Route): string {
  switch (route.destination) {
    case 'router':
      return `via ${Ipv4.format(route.gateway!)} on ${route.device}`;
    case 'device':
      return `dev ${route.device}`;
    case 'prohibit':
      return 'prohibited';
    default:
      return route.destination;
  }
}

/** Preference, the distance of the next hop, and where the path begins: ` (100/?) [AS65001i]`. */
function info(route: Route): string {
  const { attributes, igpMetric } = route;
  if (attributes === undefined) return ` (${route.preference})`;
  const distance = !isReachable(route)
    ? '-'
    : igpMetric === undefined || igpMetric >= IGP_METRIC_UNKNOWN
      ? '?'
      : String(igpMetric);
  const lastSegment = attributes.asPath?.at(-1);
  const originAs = lastSegment?.type === SegmentType.Sequence ? lastSegment.ases.at(-1) : undefined;
  const origin = 'ie?'[attributes.origin ?? 0];
  return ` (${route.preference}${route.stale ? 's' : ''}/${distance}) [${originAs === undefined ? '' : `AS${originAs}`}${origin}]`;
}

const TYPE = { static: 'static', kernel: 'inherit', device: 'device', direct: 'device', bgp: 'BGP' } as const;

/** Numbers of kernel route protocols (rtnetlink), for `Kernel.source`. */
const KERNEL_SOURCE: Readonly<Record<string, number>> = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  bird: 12,
  dhcp: 16,
  bgp: 186,
};

function routeDetails(route: Route): string[] {
  const lines = [`Type: ${TYPE[route.source.protocol.kind]} unicast univ`];
  if (route.kernel !== undefined) {
    const { protocol, metric } = route.kernel;
    lines.push(`Kernel.source: ${KERNEL_SOURCE[protocol] ?? Number(protocol)}`, `Kernel.metric: ${metric}`);
  }
  if (route.attributes !== undefined) lines.push(...attributeLines(route.attributes));
  return lines.map(line => `\t${line}`);
}

function attributeLines(a: PathAttributes): string[] {
  const lines: string[] = [];
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined) lines.push(`BGP.${name}: ${value}`);
  };
  const address = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : Ipv4.format(value);
  put('origin', ['IGP', 'EGP', 'Incomplete'][a.origin ?? 0]);
  put('as_path', asPath(a));
  put('next_hop', address(a.nextHop));
  put('med', a.med?.toString());
  put('local_pref', a.localPref?.toString());
  if (a.atomicAggregate) put('atomic_aggr', '');
  put('aggregator', a.aggregator && `${Ipv4.format(a.aggregator.address)} AS${a.aggregator.as}`);
  put('community', a.communities?.map(c => `(${c >>> 16},${c & 0xffff})`).join(' '));
  put('originator_id', address(a.originatorId));
  put('cluster_list', a.clusterList?.map(Ipv4.format).join(' '));
  put('large_community', a.largeCommunities?.map(c => `(${c.join(', ')})`).join(' '));
  return lines;
}

const asPath = (a: PathAttributes): string =>
  (a.asPath ?? [])
    .map(s => (s.type === SegmentType.Sequence ? s.ases.join(' ') : `{${s.ases.join(' ')}}`))
    .join(' ');

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
