/** Routes in other forms than `ip route`'s lines: `ip route get`, `-j`, and net-tools' `route`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { formatDestination } from '../netstack/route-text.ts';
import type { RouteView } from '../node/command.ts';
import type { PathView } from '../node/routing-commands.ts';
import { jsonText } from './device-forms.ts';

export interface PathStyle {
  /** What was asked with, 0 for nothing. */
  readonly from: Ipv4.Ipv4Address;
  /** `-d`. */
  readonly details: boolean;
  /** `-o`. */
  readonly oneLine: boolean;
}

/** `ip route get`. */
export function pathText(
  destination: Ipv4.Ipv4Address,
  { type, device, via, source, pathMtu }: PathView,
  { from, details, oneLine }: PathStyle,
): string {
  const kind = type === 'unicast' && !details ? '' : `${type} `;
  const asked = from === 0 ? '' : `from ${Ipv4.format(from)} `;
  const gateway = via === 0 ? '' : `via ${Ipv4.format(via)} `;
  const table = details ? `table ${type === 'local' || type === 'broadcast' ? 'local' : 'main'} ` : '';
  const chosen = from === 0 ? `src ${Ipv4.format(source)} ` : '';
  const cache = `${type === 'local' ? '<local> ' : ''}${pathMtu === 0 ? '' : `mtu ${pathMtu} `}`;
  const end = oneLine ? '\\' : '\n';
  return `${kind}${Ipv4.format(destination)} ${asked}${gateway}dev ${device} ${table}${chosen}uid 0 ${end}    cache ${cache}\n`;
}

export function pathJson(
  destination: Ipv4.Ipv4Address,
  { type, device, via, source, pathMtu }: PathView,
  from: Ipv4.Ipv4Address,
  pretty: boolean,
): string {
  const path = {
    ...(type !== 'unicast' && { type }),
    dst: Ipv4.format(destination),
    ...(from !== 0 && { from: Ipv4.format(from) }),
    ...(via !== 0 && { gateway: Ipv4.format(via) }),
    dev: device,
    ...(from === 0 && { prefsrc: Ipv4.format(source) }),
    flags: [],
    uid: 0,
    cache: type === 'local' ? ['local'] : [],
    ...(pathMtu !== 0 && { metrics: [{ mtu: pathMtu }] }),
  };
  return jsonText([path], pretty);
}

export const routeJson = (routes: readonly RouteView[], details: boolean, pretty: boolean): string =>
  jsonText(
    routes.map(({ type, prefix, nextHops, protocol, scope, source, metric, mtu }) => {
      const [hop] = nextHops;
      const hopObject = ({ via, device, onlink }: RouteView['nextHops'][number]) => ({
        ...(via !== 0 && { gateway: Ipv4.format(via) }),
        dev: device,
        flags: onlink ? ['onlink'] : [],
      });
      const { flags = [], ...single } = nextHops.length === 1 && hop !== undefined ? hopObject(hop) : {};
      return {
        ...((type !== 'unicast' || details) && { type }),
        dst: formatDestination(prefix),
        ...single,
        ...((protocol !== 'boot' || details) && { protocol }),
        ...((scope !== 'global' || details) && { scope }),
        ...(source !== 0 && { prefsrc: Ipv4.format(source) }),
        ...(metric !== 0 && { metric }),
        ...(nextHops.length > 1 && { nexthops: nextHops.map(h => ({ ...hopObject(h), weight: h.weight })) }),
        flags,
        ...(mtu !== 0 && { metrics: [{ mtu }] }),
      };
    }),
    pretty,
  );

/** Columns of net-tools' `route`: metrics and use; `-e`: what TCP makes of the route, as `netstat -r`; `-ee`: all. */
export type RouteColumns = 'metrics' | 'tcp' | 'all';

const TITLES: Readonly<Record<RouteColumns, string>> = {
  metrics: 'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface',
  tcp: 'Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface',
  all: 'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface    MSS   Window irtt',
};

/** net-tools' `route -n`; `numeric` false: `default` and `_gateway` as names. */
export function routeTable(
  routes: readonly RouteView[],
  numeric: boolean,
  columns: RouteColumns = 'metrics',
): string {
  const rows = routes.map(route => routeRow(route, numeric, columns)).join('');
  return `Kernel IP routing table\n${TITLES[columns]}\n${rows}`;
}

function routeRow(
  { prefix, type, nextHops, metric }: RouteView,
  numeric: boolean,
  columns: RouteColumns,
): string {
  const [hop] = nextHops;
  const name = !numeric && prefix.length === 0 ? 'default' : Ipv4.format(prefix.address);
  const mask = Ipv4.format(Prefix.mask(prefix.length)).padEnd(15);
  // /proc/net/route marks unreachable and prohibit as rejecting, but not blackhole, which has only no device.
  const rejects = type === 'unreachable' || type === 'prohibit';
  const via = hop?.via ?? 0;
  const isNamed = !numeric && prefix.length === 0 && via !== 0;
  const gateway = rejects ? '-' : isNamed ? '_gateway' : Ipv4.format(via);
  const flags = rejects ? '!' : `U${via === 0 ? '' : 'G'}${prefix.length === 32 ? 'H' : ''}`;
  const device = rejects ? '-' : (hop?.device ?? '*');
  const start = `${name.padEnd(15)} ${gateway.padEnd(15)} ${mask} ${flags.padEnd(5)}`;
  if (columns === 'tcp')
    return rejects ? `${start}     - -          - -\n` : `${start}     0 0          0 ${device}\n`;
  const use = rejects ? '-        0' : '0        0';
  const line = `${start} ${String(metric).padEnd(6)} ${use} ${device}`;
  if (columns === 'metrics') return `${line}\n`;
  const tcp = rejects ? '-     -      -' : '0     0      0';
  return `${start} ${String(metric).padEnd(6)} ${use} ${device.padEnd(8)} ${tcp}\n`;
}
