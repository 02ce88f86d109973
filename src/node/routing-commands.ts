/** What `ip route` asks of the kernel: the way to a destination, and routes added and taken away by hand. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NextHop, Route, RouteType } from '../netstack/route.ts';
import type { SendError } from '../netstack/transport.ts';

/** `ip route get`. */
export interface PathView {
  readonly type: RouteType;
  readonly device: string;
  /** 0 when the destination is on the link. */
  readonly via: Ipv4Address;
  readonly source: Ipv4Address;
  /** Learnt from an ICMP error; 0 when there was none. */
  readonly pathMtu: number;
}

/** `ip route add|append|replace|del`. What is not given is `undefined`. */
export interface RouteEdit {
  readonly verb: 'add' | 'append' | 'replace' | 'change' | 'del';
  readonly prefix: Prefix.Prefix;
  readonly type: RouteType | undefined;
  readonly hops: readonly {
    readonly via: Ipv4Address;
    readonly device: string | undefined;
    readonly weight: number;
  }[];
  readonly onlink: boolean;
  readonly protocol: string | undefined;
  readonly scope: Route['scope'] | undefined;
  readonly metric: number | undefined;
  readonly source: Ipv4Address;
  readonly mtu: number;
}

/** Why the kernel refuses: what strerror(3) says, or '' when it does not. */
export type KernelRefusal =
  | ''
  | 'File exists'
  | 'No such process'
  | 'No such device'
  | 'Network is down'
  | 'Network is unreachable'
  | 'Nexthop has invalid gateway'
  | 'Invalid prefix for given prefix length'
  | 'Invalid prefsrc address';

export function pathTo(
  namespace: Namespace,
  destination: Ipv4Address,
  source: Ipv4Address,
  deviceName: string | undefined,
): PathView | SendError {
  const device = deviceName === undefined ? undefined : namespace.device(deviceName);
  const found = namespace.path({
    protocol: 0,
    source,
    destination,
    ttl: 64,
    tos: 0,
    pmtu: 'want',
    device,
    sourcePort: 0,
    destinationPort: 0,
  });
  if (typeof found === 'string') return found;
  const { route, nextHop } = found;
  const full = route.mtu === 0 ? found.device.mtu : route.mtu;
  const isLocal = route.type === 'local';
  return {
    type: route.type,
    device: found.device.name,
    via: isLocal || nextHop === destination ? 0 : nextHop,
    source: found.source,
    pathMtu: !isLocal && found.mtu < full ? found.mtu : 0,
  };
}

export function editRoute(namespace: Namespace, edit: RouteEdit): KernelRefusal {
  const { fib } = namespace;
  const { verb, prefix, type, metric } = edit;
  if (!Prefix.isMasked(prefix)) return 'Invalid prefix for given prefix length';
  const [first] = edit.hops;
  const named = first?.device === undefined ? undefined : namespace.device(first.device);
  if (first?.device !== undefined && named === undefined) return 'No such device';
  if (verb === 'del') {
    const removed = fib.remove({
      prefix,
      ...(type !== undefined && { type }),
      ...(edit.protocol !== undefined && { protocol: edit.protocol }),
      ...(metric !== undefined && { metric }),
      ...(named !== undefined && { device: named }),
      ...(first !== undefined && first.via !== 0 && { via: first.via }),
    });
    return removed ? '' : 'No such process';
  }
  if (edit.source !== 0 && !namespace.isLocal(edit.source)) return 'Invalid prefsrc address';
  const nextHops = resolve(namespace, edit);
  if (typeof nextHops === 'string') return nextHops;
  const route: Route = {
    prefix,
    type: type ?? 'unicast',
    nextHops,
    protocol: edit.protocol ?? 'boot',
    scope: edit.scope ?? (nextHops.length > 0 && nextHops.every(hop => hop.via === 0) ? 'link' : 'global'),
    metric: metric ?? 0,
    source: edit.source,
    mtu: edit.mtu,
    table: 'main',
  };
  return enter(namespace, verb, route);
}

function enter({ fib }: Namespace, verb: RouteEdit['verb'], route: Route): KernelRefusal {
  if (verb === 'add') return fib.add(route) ? '' : 'File exists';
  if (verb === 'append') return fib.append(route) ? '' : 'File exists';
  if (verb === 'change') {
    const same = (r: Route): boolean => Prefix.equal(r.prefix, route.prefix) && r.metric === route.metric;
    if (!fib.list('main').some(same)) return 'No such process';
  }
  fib.replace(route);
  return '';
}

/** The devices of the next hops: given, or those on whose link the gateways are (`fib_check_nh`). */
function resolve(namespace: Namespace, { hops, type, onlink }: RouteEdit): NextHop[] | KernelRefusal {
  if (type !== undefined && type !== 'unicast') return [];
  const nextHops: NextHop[] = [];
  for (const { via, device: name, weight } of hops) {
    const given = name === undefined ? undefined : namespace.device(name);
    if (name !== undefined && given === undefined) return 'No such device';
    if (given?.up === false) return 'Network is down';
    const route = via === 0 ? undefined : namespace.fib.lookup(via);
    const reached =
      route?.type === 'unicast' && route.scope === 'link' ? route.nextHops[0]?.device : undefined;
    if (via !== 0 && !onlink && (reached === undefined || (given !== undefined && given !== reached)))
      return 'Nexthop has invalid gateway';
    const device = given ?? reached;
    if (device === undefined) return 'No such device';
    nextHops.push({ via, device, onlink, weight });
  }
  return nextHops.length === 0 ? 'No such device' : nextHops;
}
