/** What a namespace answers when somebody asks for its tables: plain data. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { TCP_STATES } from '../netstack/conntrack-tcp.ts';
import type { FelixHooks } from '../netstack/felix-hooks.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import type { Route } from '../netstack/route.ts';
import { formatRoute } from '../netstack/route-text.ts';
import type { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { VxlanDevice } from '../netstack/tunnel/vxlan.ts';
import { UdpLayer } from '../netstack/udp.ts';
import { Veth } from '../netstack/veth.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import type {
  ConnectionView,
  DeviceView,
  FdbView,
  IpSetView,
  NeighbourView,
  RouteView,
  SocketView,
  TupleView,
  WaitingView,
} from './command.ts';

export const routeView = (route: Route, showTable = false): RouteView => ({
  prefix: route.prefix,
  type: route.type,
  nextHops: route.nextHops.map(hop => ({
    via: hop.via,
    device: hop.device.name,
    onlink: hop.onlink,
    weight: hop.weight,
  })),
  protocol: route.protocol,
  scope: route.scope,
  metric: route.metric,
  source: route.source,
  mtu: route.mtu,
  text: formatRoute(route, showTable),
  detail: formatRoute(route, showTable, true),
});

export function routesOf(namespace: Namespace, table: Route['table'] | 'all'): RouteView[] {
  if (table !== 'all') return namespace.fib.list(table).map(route => routeView(route));
  const { fib } = namespace;
  return [...fib.list('main'), ...fib.list('local')].map(route => routeView(route, true));
}

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
    driver: driverOf(device),
    mtu: device.mtu,
    up: device.up,
    wasUp: device.wasUp,
    carrier: device.carrier,
    mac: device.mac,
    counters: { ...device.counters },
    addresses: device.addresses.map(({ address, length, scope, broadcast }, i) => ({
      address,
      length,
      scope,
      broadcast,
      secondary: device.addresses
        .slice(0, i)
        .some(other => other.length === length && Prefix.contains({ address, length }, other.address)),
    })),
    peer: device instanceof Veth ? peerOf(device) : undefined,
    vxlan: device instanceof VxlanDevice ? vxlanOf(device) : undefined,
  }));

function driverOf(device: NetDevice): DeviceView['driver'] {
  if (device instanceof Veth) return 'veth';
  if (device instanceof VxlanDevice) return 'vxlan';
  return device.kind === 'ether' ? 'nic' : device.kind;
}

/** A pod's namespace has the name that containerd gave it; from inside a pod the node's namespace has none. */
function peerOf({ peer, index: own, namespace: { devices } }: Veth): DeviceView['peer'] {
  const { index, namespace, up } = peer;
  const netnsId = devices.filter(other => other instanceof Veth && other.index < own).length;
  return { index, up, netns: namespace.name === '' ? undefined : netnsName(namespace), netnsId };
}

/** `cni-` and a UUID (RFC 9562 §5.4), the same whenever it is asked for. */
function netnsName(namespace: Namespace): string {
  const random = namespace.random('netns');
  const hex = Array.from({ length: 4 }, () => random.next().toString(16).padStart(8, '0')).join('');
  const variant = (8 + (Number.parseInt(hex[16]!, 16) & 3)).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return `cni-${[...parts, hex.slice(20)].join('-')}`;
}

const vxlanOf = ({ vni, local, parent, port }: VxlanDevice): DeviceView['vxlan'] => ({
  vni,
  local,
  parent: parent.name,
  port,
});

export const neighboursOf = (namespace: Namespace): NeighbourView[] =>
  namespace.neighbours.list().map(({ device, used, confirmed, updated, ...entry }) => {
    const age = (at: VirtualTime): number => Math.floor((namespace.clock.now - at) / SECOND);
    return {
      ...entry,
      device: device.name,
      used: age(used),
      confirmed: age(confirmed),
      updated: age(updated),
    };
  });

/** Device by device: where VTEPs are, and the groups that every other Ethernet device listens to while it is up. */
export function fdbOf({ devices }: Namespace): FdbView[] {
  return devices.flatMap(device => {
    if (device instanceof VxlanDevice)
      return [...device.fdb].map(([mac, destination]) => ({ mac, device: device.name, destination }));
    if (device.kind !== 'ether' || !device.up) return [];
    const groups = [ALL_NODES_IPV6, ALL_HOSTS, SOLICITED_NODE_IPV6 + (device.mac % 2 ** 24)];
    return groups.map(mac => ({ mac, device: device.name, destination: 0 }));
  });
}

/** ff02::1, 224.0.0.1 and ff02::1:ff00:0/104 as MAC addresses (RFC 2464 §7, RFC 1112 §6.4). */
const ALL_NODES_IPV6 = 0x3333_0000_0001;
const ALL_HOSTS = 0x0100_5e00_0001;
const SOLICITED_NODE_IPV6 = 0x3333_ff00_0000;

/** Where a frame with that tag waits for ARP. */
export function waitingOf(namespaces: readonly Namespace[], tag: number): WaitingView | null {
  for (const { name, neighbours } of namespaces) {
    const entry = neighbours.waiting(tag);
    if (entry === undefined) continue;
    const { address, device } = entry;
    return { namespace: name, device: device.name, carrier: device.carrier, nextHop: address };
  }
  return null;
}

/** UDP sockets, VXLAN's own among them, then TCP listeners and connections. */
export function socketsOf({ transports, vxlan }: Namespace): SocketView[] {
  const tcp = transports[Ipv4.PROTOCOL_TCP] as TcpLayer;
  const udp = transports[Ipv4.PROTOCOL_UDP];
  const none = { protocol: 'udp', receiveQueue: 0, sendQueue: 0 } as const;
  const unbound = { localAddress: 0, remoteAddress: 0, remotePort: 0, state: 'UNCONN' };
  return [
    ...(vxlan === undefined ? [] : [{ ...none, ...unbound, localPort: vxlan.port }]),
    ...(udp instanceof UdpLayer ? udp.list() : []).map(
      ({ localAddress, localPort, remoteAddress, remotePort }): SocketView => ({
        ...none,
        state: remoteAddress === 0 ? 'UNCONN' : 'ESTAB',
        localAddress,
        localPort,
        remoteAddress,
        remotePort,
      }),
    ),
    ...tcp.sockets().map(({ connection: _, ...socket }): SocketView => ({ protocol: 'tcp', ...socket })),
  ];
}

/** Of a node's own namespace; pods' namespaces track nothing. */
export function connectionsOf(hooks: FelixHooks | undefined, now: VirtualTime): ConnectionView[] {
  return (hooks?.conntrack.list() ?? []).map(connection => ({
    protocol: connection.protocol,
    secondsLeft: Math.floor((connection.timeout - now) / SECOND),
    tcpState: connection.protocol === Ipv4.PROTOCOL_TCP ? TCP_STATES[connection.tcpState]! : '',
    seenReply: connection.seenReply,
    assured: connection.assured,
    sourceNat: connection.sourceNat,
    destinationNat: connection.destinationNat,
    tuples: [{ ...connection.tuples[0] }, { ...connection.tuples[1] }],
  }));
}

/** Removes them; how many there were. */
export function forgetConnections(
  hooks: FelixHooks | undefined,
  tuples: readonly TupleView[] | 'all',
): number {
  if (hooks === undefined) return 0;
  const doomed = hooks.conntrack
    .list()
    .filter(
      ({ tuples: [own] }) =>
        tuples === 'all' ||
        tuples.some(
          other =>
            other.source === own.source && other.destination === own.destination && other.ports === own.ports,
        ),
    );
  for (const connection of doomed) hooks.conntrack.remove(connection);
  return doomed.length;
}

export function ipSetsOf(hooks: FelixHooks | undefined): IpSetView[] {
  if (hooks === undefined || hooks.variant !== 'calico') return [];
  const { pools, masqueradePools, hosts, vteps, vxlanEnabled } = hooks.rules;
  const { allPools, masqueradePools: masquerade, allHosts, allVxlan } = hooks.sets;
  return [
    { name: allPools.name, members: pools },
    { name: masquerade.name, members: masqueradePools },
    { name: allHosts.name, members: hosts },
    ...(vxlanEnabled ? [{ name: allVxlan.name, members: vteps }] : []),
  ];
}
