/** What a namespace answers when somebody asks for its tables: plain data. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { Route } from '../netstack/route.ts';
import { formatRoute } from '../netstack/route-text.ts';
import type { DeviceView, FdbView, NeighbourView, RouteView } from './command.ts';

const routeView = (route: Route): RouteView => ({
  prefix: route.prefix,
  type: route.type,
  nextHops: route.nextHops.map(hop => ({ via: hop.via, device: hop.device.name, onlink: hop.onlink })),
  protocol: route.protocol,
  scope: route.scope,
  metric: route.metric,
  source: route.source,
  text: formatRoute(route),
});

export const routesOf = (namespace: Namespace, table: Route['table']): RouteView[] =>
  namespace.fib.list(table).map(routeView);

export function routeTo(namespace: Namespace, destination: Ipv4Address): RouteView | undefined {
  const route = namespace.fib.lookup(destination);
  return route === undefined ? undefined : routeView(route);
}

export const devicesOf = (namespace: Namespace): DeviceView[] =>
  namespace.devices.map(device => ({
    name: device.name,
    altnames: device.altnames,
    index: device.index,
    kind: device.kind,
    mtu: device.mtu,
    up: device.up,
    mac: device.mac,
    addresses: device.addresses.map(({ address, length }) => ({ address, length })),
  }));

export const neighboursOf = (namespace: Namespace): NeighbourView[] =>
  namespace.neighbours
    .list()
    .map(({ address, device, mac, state }) => ({ address, device: device.name, mac, state }));

export function fdbOf({ vxlan }: Namespace): FdbView[] {
  if (vxlan === undefined) return [];
  return [...vxlan.fdb].map(([mac, destination]) => ({ mac, device: vxlan.name, destination }));
}
