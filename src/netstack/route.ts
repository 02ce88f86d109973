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
