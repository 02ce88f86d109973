/** Routes as a Linux namespace holds them (`ip -4 route show table all`). */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { NetDevice } from './netdevice.ts';

/** RTN_*: what happens to a packet that the route wins. */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

export type RouteScope = 'global' | 'link' | 'host';

export interface NextHop {
  /** Gateway; 0 when the destination itself is on the link. */
  readonly via: Ipv4Address;
  readonly device: NetDevice;
  /** The gateway is taken to be on the link whatever the addresses say (RTNH_F_ONLINK). */
  readonly onlink: boolean;
  readonly weight: number;
}

export interface Route {
  readonly prefix: Prefix;
  readonly type: RouteType;
  /** Empty for blackhole, unreachable, prohibit and throw; several = ECMP. */
  readonly nextHops: readonly NextHop[];
  /** As `ip route` prints it: `kernel boot static dhcp bird bgp`, or a number such as `80`. `boot` is not shown. */
  readonly protocol: string;
  readonly scope: RouteScope;
  readonly metric: number;
  /** Preferred source address; 0 = choose by device. */
  readonly source: Ipv4Address;
  /** Path MTU written on the route; 0 = that of the device. */
  readonly mtu: number;
  readonly table: 'main' | 'local';
}

/** A next hop as a routing daemon says it. The kernel refuses one without a device. */
export interface NamedNextHop {
  readonly via?: Ipv4Address;
  readonly device?: string;
  readonly onlink?: boolean;
  readonly weight?: number;
}

/**
 * A route of table `main` as routing daemons write it. It knows no host, so daemons of many hosts can share one, and a FIB
 * keeps it as it is until somebody needs the route. Never changed once it is written.
 */
export interface NamedRoute {
  readonly prefix: Prefix;
  readonly type: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit';
  readonly nextHops: readonly NamedNextHop[];
  readonly protocol: string;
  readonly metric: number;
  /** Default: `link` when no next hop has a gateway, else `global`. */
  readonly scope?: RouteScope;
  readonly source?: Ipv4Address;
  /** What tells it from a `Route`. */
  readonly table?: never;
}

export const isNamed = (route: Route | NamedRoute): route is NamedRoute => route.table === undefined;

/** The route that `named` is where its devices are those of `deviceOf`; throws where there is no such device. */
export function resolveRoute(named: NamedRoute, deviceOf: (name: string) => NetDevice | undefined): Route {
  const { prefix, type, protocol, metric } = named;
  const nextHops = named.nextHops.map(({ via = 0, device: name = '', onlink = false, weight = 1 }) => {
    const device = deviceOf(name);
    if (device === undefined) throw new Error(`a route through ${name}, which there is not`);
    return { via, device, onlink, weight };
  });
  const onLink = nextHops.length > 0 && nextHops.every(hop => hop.via === 0);
  const scope = named.scope ?? (onLink ? 'link' : 'global');
  const source = named.source ?? 0;
  return { prefix, type, nextHops, protocol, scope, metric, source, mtu: 0, table: 'main' };
}
