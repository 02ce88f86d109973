/**
 * What happens to an IPv4 packet on its way out.
 *
 *   socket ─ send ─> route ─> header ─> OUTPUT ─> POSTROUTING ─┐
 *   tunnel ─ localOut ──────────────────^                      ├─ finishOutput ─> fragments ─> neighbour ─> device
 *   ip-forward.ts ─────────────────────────────────────────────┘
 */

import type { AddressWord } from '../addr/address-word.ts';
import * as AddressWords from '../addr/address-word.ts';
import type * as Ipv4Address from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as Frames from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as Flows from './flow-table.ts';
import { fragment } from './fragment.ts';
import * as Hooks from './hooks.ts';
import { discard } from './ip-input.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { NextHop, Route } from './route.ts';
import { selectAddress } from './source-address.ts';
import type { Path, SendError, SendRequest } from './transport.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const { toAddress, toWord } = AddressWords;
const { NO_FRAME } = Frames;
const { ACCEPT, OUTPUT, POSTROUTING } = Hooks;
const { NO_FLOW } = Flows;

/** First four bits of multicast addresses; what follows is reserved but for the broadcast address. */
const FIRST_GROUP = 0xe;

/** What a route that leads nowhere tells a local sender, and how its packet is counted. */
const refusals: Record<string, readonly [SendError, DropReason]> = {
  none: ['ENETUNREACH', 'NO_ROUTE'],
  blackhole: ['EINVAL', 'BLACKHOLE_ROUTE'],
  unreachable: ['EHOSTUNREACH', 'UNREACHABLE_ROUTE'],
  prohibit: ['EACCES', 'PROHIBIT_ROUTE'],
};

/** The route for a local sender: that of the destination, or one through the device it is bound to. */
function routeFor(namespace: Namespace, request: SendRequest): Route | undefined {
  const route = namespace.fib.lookup(toWord(request.destination));
  const { device } = request;
  if (device === undefined || route?.type === 'local') return route;
  if (route?.nextHops.some(hop => hop.device === device)) return route;
  return boundRoute(namespace, request.destination, device);
}

/** Bound to a device that the best route does not use: the longest prefix that does, else the link itself. */
function boundRoute(
  namespace: Namespace,
  destination: Ipv4Address.Ipv4Address,
  device: NetDevice,
): Route | undefined {
  let best: Route | undefined;
  for (const route of namespace.fib.list('main')) {
    if (!Prefix.contains(route.prefix, destination)) continue;
    if (!route.nextHops.some(hop => hop.device === device)) continue;
    if (best === undefined || route.prefix.length > best.prefix.length) best = route;
  }
  return best ?? namespace.onLinkRoute(device);
}

/** The next hop through the device that the sender is bound to, or the one the flow's hash chooses. */
function hopFor(namespace: Namespace, route: Route, request: SendRequest): NextHop {
  const { nextHops } = route;
  if (nextHops.length === 1) return nextHops[0]!;
  if (request.device !== undefined) {
    const bound = nextHops.find(hop => hop.device === request.device);
    if (bound !== undefined) return bound;
  }
  return namespace.fib.select(
    route,
    request.source,
    request.destination,
    request.sourcePort,
    request.destinationPort,
    request.protocol,
    namespace.sysctl.fibMultipathHashPolicy,
  );
}

/** The next hop for the packet at `at`. An ICMP error takes the way of the flow it quotes. */
export function nextHopOf(namespace: Namespace, route: Route, view: DataView, at: number): NextHop {
  const { nextHops } = route;
  if (nextHops.length === 1) return nextHops[0]!;
  let flow = at;
  let reversed = false;
  const protocol = Ipv4.protocol(view, at);
  const transport = at + Ipv4.headerLength(view, at);
  if (
    protocol === Ipv4.PROTOCOL_ICMP &&
    !Ipv4.isFragment(view, at) &&
    Icmpv4.isError(Icmpv4.type(view, transport))
  ) {
    flow = transport + Icmpv4.HEADER_LENGTH;
    reversed = true;
  }
  const source = Ipv4.source(view, flow);
  const destination = Ipv4.destination(view, flow);
  const inner = Ipv4.protocol(view, flow);
  const ports = !Ipv4.isFragment(view, flow) && (inner === Ipv4.PROTOCOL_TCP || inner === Ipv4.PROTOCOL_UDP);
  const portsAt = flow + Ipv4.headerLength(view, flow);
  const first = ports ? view.getUint16(portsAt) : 0;
  const second = ports ? view.getUint16(portsAt + 2) : 0;
  return namespace.fib.select(
    route,
    reversed ? destination : source,
    reversed ? source : destination,
    reversed ? second : first,
    reversed ? first : second,
    inner,
    namespace.sysctl.fibMultipathHashPolicy,
  );
}

/** MTU for a local sender: the route's own or the device's, and what was learnt about the path. */
export const localMtu = (
  namespace: Namespace,
  route: Route,
  device: NetDevice,
  destination: Ipv4Address.Ipv4Address | AddressWord,
): number => namespace.pathMtu.get(destination, route.mtu === 0 ? device.mtu : route.mtu);

/** Route lookup for a local sender, or why there is none. */
export function path(namespace: Namespace, request: SendRequest): Path | SendError {
  const route = routeFor(namespace, request);
  if (route === undefined || (route.nextHops.length === 0 && route.type !== 'local'))
    return refusals[route?.type ?? 'none']![0];
  const hop = hopFor(namespace, route, request);
  const local = route.type === 'local';
  const device = local ? namespace.loopback : hop.device;
  return {
    route,
    device,
    nextHop: hop.via === 0 ? request.destination : hop.via,
    source: request.source || toAddress(sourceFor(namespace, route, hop, toWord(request.destination))),
    mtu: local ? device.mtu : localMtu(namespace, route, device, request.destination),
  };
}

/** The address that a packet by `route` is sent from, when its sender did not say. */
export function sourceFor(
  namespace: Namespace,
  route: Route,
  hop: NextHop,
  destination: AddressWord,
): AddressWord {
  if (route.source !== 0) return toWord(route.source);
  if (route.type === 'local') return destination;
  return toWord(selectAddress(namespace, hop.device, hop.via, route.scope));
}

/** `IpLayer.send`. */
export function send(namespace: Namespace, frame: Frame, request: SendRequest): SendError {
  const destination = toWord(request.destination);
  if (request.device === undefined) {
    const { pmtu, tos } = request;
    const rest = (request.ttl << 24) | (request.protocol << 16);
    if (sendByFlow(namespace, frame, toWord(request.source), destination, rest, tos, pmtu)) return '';
  }
  namespace.host.account.originated++;
  return sendByRoute(namespace, frame, request, destination);
}

/**
 * Send the datagram in `frame` as others of its flow were sent, if any was; else nothing has happened. `rest`: TTL and
 * protocol, as in the header.
 */
export function sendByFlow(
  namespace: Namespace,
  frame: Frame,
  source: AddressWord,
  destination: AddressWord,
  rest: number,
  tos: number,
  pmtu: SendRequest['pmtu'],
): boolean {
  const { frames, host } = namespace;
  const { flows } = host;
  const flow = flows.outgoing(namespace.flowJack, source, destination);
  if (flow === NO_FLOW || frames.tag[frame] !== 0) return false;
  const length = Ipv4.MIN_HEADER_LENGTH + frames.length(frame);
  if (length > flows.mtu(flow)) return false;
  host.account.originated++;
  const fragment = fragmentWord(namespace, pmtu, pmtu !== 'dont');
  const at = frames.push(frame, Ipv4.MIN_HEADER_LENGTH);
  Ipv4.writeWords(frames.view(frame), at, (tos << 16) | length, fragment, rest, source, destination);
  flows.send(flow, frame);
  return true;
}

function sendByRoute(
  namespace: Namespace,
  frame: Frame,
  request: SendRequest,
  destination: AddressWord,
): SendError {
  const route = routeFor(namespace, request);
  if (route === undefined || (route.nextHops.length === 0 && route.type !== 'local')) {
    const [error, reason] = refusals[route?.type ?? 'none']!;
    namespace.drop(frame, reason);
    return error;
  }
  const hop = hopFor(namespace, route, request);
  const local = route.type === 'local';
  const device = local ? namespace.loopback : hop.device;
  if (!device.up) {
    namespace.drop(frame, 'LINK_DOWN', device);
    return 'ENETDOWN';
  }
  const { pmtu } = request;
  const mtu = local || pmtu === 'probe' ? device.mtu : localMtu(namespace, route, device, destination);
  const totalLength = Ipv4.MIN_HEADER_LENGTH + namespace.frames.length(frame);
  const fits = totalLength <= mtu;
  if ((isStrict(pmtu) && !fits) || totalLength > 0xffff) {
    namespace.drop(frame, 'MTU_EXCEEDED_DF', device);
    return 'EMSGSIZE';
  }
  const df = isStrict(pmtu) || (pmtu === 'want' && fits && !namespace.pathMtu.isLocked(destination));
  writeHeader(namespace, frame, request, df);
  // What is for everybody goes to everybody on that link, gateway or not.
  const direct = hop.via === 0 || destination >>> 28 >= FIRST_GROUP;
  const nextHop = direct ? destination : toWord(hop.via);
  if (route.type === 'unicast' && isPlain(namespace, route, request))
    namespace.learnFlow(namespace.flowEnd, device, nextHop, mtu, toWord(request.source), destination);
  localOut(namespace, frame, device, nextHop, mtu);
  return '';
}

/** Is the way of a packet that begins here a matter of its addresses alone? */
const isPlain = (namespace: Namespace, route: Route, request: SendRequest): boolean =>
  route.nextHops.length === 1 &&
  route.mtu === 0 &&
  request.device === undefined &&
  namespace.pathMtu.isEmpty &&
  toWord(request.destination) >>> 28 < FIRST_GROUP;

/** Never to be fragmented, whatever becomes of it. */
const isStrict = (pmtu: SendRequest['pmtu']): boolean => pmtu === 'do' || pmtu === 'probe';

/** The second word of a header. What may never be fragmented needs no identification; what only happens to fit gets one. */
const fragmentWord = (namespace: Namespace, pmtu: SendRequest['pmtu'], df: boolean): number =>
  ((isStrict(pmtu) ? 0 : namespace.identification()) << 16) | (df ? Ipv4.FLAG_DF : 0);

/** Put the IPv4 header in front of what `request` wants sent. */
function writeHeader(namespace: Namespace, frame: Frame, request: SendRequest, df: boolean): void {
  const { frames } = namespace;
  const length = Ipv4.MIN_HEADER_LENGTH + frames.length(frame);
  const at = frames.push(frame, Ipv4.MIN_HEADER_LENGTH);
  Ipv4.writeWords(
    frames.view(frame),
    at,
    (request.tos << 16) | length,
    fragmentWord(namespace, request.pmtu, df),
    (request.ttl << 24) | (request.protocol << 16),
    toWord(request.source),
    toWord(request.destination),
  );
}

/** A finished packet of this host (start = IPv4 header) goes out (`ip_local_out`). Takes ownership. */
export function localOut(
  namespace: Namespace,
  frame: Frame,
  routed: NetDevice,
  routedVia: AddressWord,
  routedMtu: number,
): void {
  const { frames, hooks, offload } = namespace;
  if (offload?.send(frame, routed, routedVia, routedMtu) === true) return;
  let device = routed;
  let nextHop = routedVia;
  let mtu = routedMtu;
  if (hooks.list(OUTPUT).length > 0) {
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const before = Ipv4.destinationWord(view, at);
    const verdict = hooks.run(OUTPUT, frame, undefined, device);
    if (verdict !== ACCEPT) {
      discard(namespace, frame, verdict, device);
      return;
    }
    const after = Ipv4.destinationWord(view, at);
    if (after !== before) {
      // Translated: find the way anew (`ip_route_me_harder`).
      const route = namespace.fib.lookup(after);
      if (route === undefined || route.nextHops.length === 0) {
        namespace.drop(frame, refusals[route?.type ?? 'none']![1], device);
        return;
      }
      const hop = nextHopOf(namespace, route, view, at);
      device = route.type === 'local' ? namespace.loopback : hop.device;
      nextHop = hop.via === 0 ? after : toWord(hop.via);
      mtu = localMtu(namespace, route, device, after);
    }
  }
  const verdict = hooks.run(POSTROUTING, frame, undefined, device);
  if (verdict !== ACCEPT) {
    discard(namespace, frame, verdict, device);
    return;
  }
  offload?.learn(frame, undefined, device, nextHop, mtu);
  finishOutput(namespace, frame, device, nextHop, mtu);
}

/** Past all hooks: cut it to size if need be, and off to the neighbour. Takes ownership. */
export function finishOutput(
  namespace: Namespace,
  frame: Frame,
  device: NetDevice,
  nextHop: AddressWord,
  mtu: number,
): void {
  if (namespace.frames.length(frame) <= mtu) {
    toDevice(namespace, frame, device, nextHop);
    return;
  }
  let piece = fragment(namespace, frame, mtu);
  while (piece !== NO_FRAME) {
    const next = namespace.frames.next[piece]!;
    toDevice(namespace, piece, device, nextHop);
    piece = next;
  }
}

function toDevice(namespace: Namespace, frame: Frame, device: NetDevice, nextHop: AddressWord): void {
  if (device.needsNeighbour) namespace.neighbours.output(frame, device, nextHop);
  else device.transmit(frame, nextHop);
}
