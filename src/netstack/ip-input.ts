/**
 * What happens to an IPv4 packet that comes in (Linux `ip_rcv`, `ip_route_input_slow`, `ip_local_deliver`):
 *
 *   header checks ─> PREROUTING ─> route ─┬─ local, broadcast ─> reassembly ─> INPUT ─> protocol
 *                                         ├─ unicast ─> ip-forward.ts
 *                                         └─ none, unreachable, prohibit: ICMP; blackhole: silence
 */

import { type AddressWord, BROADCAST, toWord } from '../addr/address-word.ts';
import * as Addresses from '../addr/ipv4.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import * as IcmpCodec from '../wire/icmpv4.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as UdpCodec from '../wire/udp.ts';
import { ACCEPT, INPUT, PREROUTING, STOLEN, type Verdict } from './hooks.ts';
import { ipForward } from './ip-forward.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { Route } from './route.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Icmpv4 = { ...IcmpCodec };
const Ipv4 = { ...Ipv4Codec };
const Ipv4Address = { ...Addresses };
const Udp = { ...UdpCodec };

/**
 * An IPv4 packet arrived on `device` (start = IPv4 header). `unicast`: the frame was addressed to the device's own
 * MAC address. Takes ownership.
 */
export function ipReceive(namespace: Namespace, device: NetDevice, frame: Frame, unicast: boolean): void {
  const { frames } = namespace;
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  const available = frames.length(frame);
  const fault = Ipv4.check(view, at, frames.end[frame]!, available);
  if (fault !== Ipv4.Fault.None) {
    namespace.drop(frame, fault === Ipv4.Fault.BadChecksum ? 'BAD_CHECKSUM' : 'MALFORMED', device);
    return;
  }
  const total = Ipv4.totalLength(view, at);
  if (total < available) trim(namespace, frame, total);
  const verdict = namespace.hooks.run(PREROUTING, frame, device, undefined);
  if (verdict !== ACCEPT) {
    discard(namespace, frame, verdict, device);
    return;
  }
  if (device.kind === 'loopback') {
    localDeliver(namespace, device, frame);
    return;
  }
  // A packet that grew on its way through the hooks was the last fragment of one.
  const longestPiece = Ipv4.totalLength(view, at) === total ? 0 : namespace.reassembly.longestPiece;
  routeInput(namespace, device, frame, view, at, unicast, longestPiece);
}

/** First four bits of multicast addresses. */
const GROUPS = 0xe;

/** Cut off what an Ethernet pad added behind the packet. */
function trim(namespace: Namespace, frame: Frame, total: number): void {
  const { frames } = namespace;
  const real = frames.end[frame]! - frames.start[frame]!;
  if (real > total) frames.end[frame] = frames.start[frame]! + total;
  frames.trimPayload(frame, Math.max(0, total - real));
}

/** A hook did not accept the frame: it kept it, or it dies. */
export function discard(
  namespace: Namespace,
  frame: Frame,
  verdict: Exclude<Verdict, typeof ACCEPT>,
  device: NetDevice | undefined,
): void {
  if (verdict !== STOLEN) namespace.drop(frame, verdict, device);
}

function routeInput(
  namespace: Namespace,
  device: NetDevice,
  frame: Frame,
  view: DataView,
  at: number,
  unicast: boolean,
  longestPiece: number,
): void {
  const source = Ipv4.sourceWord(view, at);
  const destination = Ipv4.destinationWord(view, at);
  const martian = martianReason(device, source, destination);
  if (martian !== '') {
    namespace.drop(frame, martian, device);
    return;
  }
  if (destination >>> 28 === GROUPS) {
    namespace.drop(frame, 'NOT_FOR_ME', device); // nobody here joins groups
    return;
  }
  if (destination === BROADCAST) {
    localDeliver(namespace, device, frame);
    return;
  }
  const route = namespace.fib.lookup(destination);
  if (route === undefined || (route.type !== 'local' && route.nextHops.length === 0)) {
    routeError(namespace, device, frame, route);
    return;
  }
  const invalid = source === 0 ? '' : invalidSource(namespace, device, source);
  if (route.type === 'unicast') {
    if (!namespace.forwards(device)) namespace.drop(frame, 'NOT_FORWARDING', device);
    else if (invalid !== '') namespace.drop(frame, invalid, device);
    else if (!unicast) namespace.drop(frame, 'NOT_FOR_ME', device);
    else ipForward(namespace, device, frame, view, at, route, longestPiece);
    return;
  }
  if (invalid !== '') {
    namespace.drop(frame, invalid, device);
    return;
  }
  if (route.type === 'local' && unicast) namespace.learnArrival(device, source, destination);
  localDeliver(namespace, device, frame);
}

/** Not of 0/8, 127/8, nor of what begins with 224: nothing can be wrong with it. */
const isOrdinary = (firstOctet: number): boolean =>
  firstOctet !== 0 && firstOctet !== 127 && firstOctet < 224;

/** Addresses that never come from, or go to, a wire. */
function martianReason(device: NetDevice, source: AddressWord, destination: AddressWord): DropReason | '' {
  if (isOrdinary(source >>> 24) && isOrdinary(destination >>> 24)) return '';
  if (Ipv4Address.isMulticast(source) || source === BROADCAST) return 'MARTIAN_SOURCE';
  if (destination === BROADCAST) return '';
  if (source >>> 24 === 0) return 'MARTIAN_SOURCE';
  if (destination >>> 24 === 0) return 'MARTIAN_DESTINATION';
  if (device.sysctl.routeLocalnet) return '';
  if (Ipv4Address.isLoopback(destination)) return 'MARTIAN_DESTINATION';
  return Ipv4Address.isLoopback(source) ? 'MARTIAN_SOURCE' : '';
}

/** Reverse path filter and our own addresses coming from outside (`fib_validate_source`). '' when all is well. */
function invalidSource(namespace: Namespace, device: NetDevice, source: AddressWord): DropReason | '' {
  const { acceptLocal } = device.sysctl;
  // The stricter of the device's own and that of all.
  const rpFilter = Math.max(device.sysctl.rpFilter, namespace.sysctl.allRpFilter);
  if (rpFilter === 0 && !namespace.fib.mayBeLocal(source)) return '';
  const back = namespace.fib.lookup(source);
  if (back !== undefined && back.type === 'local') return acceptLocal ? '' : 'MARTIAN_SOURCE';
  if (rpFilter === 0) return '';
  if (back === undefined) return 'RPF_STRICT';
  if (back.type !== 'unicast') return 'MARTIAN_SOURCE';
  if (rpFilter === 2) return '';
  for (let i = 0; i < back.nextHops.length; i++) if (back.nextHops[i]!.device === device) return '';
  return 'RPF_STRICT';
}

export const sourceIsValid = (
  namespace: Namespace,
  device: NetDevice,
  source: Addresses.Ipv4Address,
): boolean => invalidSource(namespace, device, toWord(source)) === '';

/** Nothing leads to the destination (`ip_error`): who sent it hears why, unless it is a blackhole. */
function routeError(namespace: Namespace, device: NetDevice, frame: Frame, route: Route | undefined): void {
  if (!namespace.forwards(device)) {
    namespace.drop(frame, 'NOT_FORWARDING', device);
    return;
  }
  let reason: DropReason = 'NO_ROUTE';
  let code: number = Icmpv4.NET_UNREACHABLE;
  if (route?.type === 'blackhole') {
    namespace.drop(frame, 'BLACKHOLE_ROUTE', device);
    return;
  }
  if (route?.type === 'unreachable') {
    reason = 'UNREACHABLE_ROUTE';
    code = Icmpv4.HOST_UNREACHABLE;
  } else if (route?.type === 'prohibit') {
    reason = 'PROHIBIT_ROUTE';
    code = Icmpv4.COMMUNICATION_PROHIBITED;
  }
  const source = Ipv4.source(namespace.frames.view(frame), namespace.frames.start[frame]!);
  if (namespace.peers.allowRouteError(source))
    namespace.sendIcmpError(frame, Icmpv4.DESTINATION_UNREACHABLE, code, 0, device);
  namespace.drop(frame, reason, device);
}

/** The packet is for this host. */
export function localDeliver(namespace: Namespace, device: NetDevice, frame: Frame): void {
  const { frames } = namespace;
  if (Ipv4.isFragment(frames.view(frame), frames.start[frame]!) && !namespace.reassembly.add(frame, device))
    return;
  const verdict = namespace.hooks.run(INPUT, frame, device, undefined);
  if (verdict !== ACCEPT) {
    discard(namespace, frame, verdict, device);
    return;
  }
  if (device.kind !== 'loopback') namespace.offload?.learnArrival(frame, device);
  deliverToProtocol(namespace, device, frame);
}

/** The packet is for this host, whole, and past all hooks. */
export function deliverToProtocol(namespace: Namespace, device: NetDevice, frame: Frame): void {
  const { frames } = namespace;
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  const protocol = Ipv4.protocol(view, at);
  const transportAt = frames.pull(frame, Ipv4.headerLength(view, at));
  if (protocol === Ipv4.PROTOCOL_ICMP) {
    namespace.icmp.receive(frame, at, device);
    return;
  }
  if (protocol === Ipv4.PROTOCOL_IPIP && namespace.ipip !== undefined) {
    if (namespace.ipip.up) namespace.ipip.decapsulate(frame, at);
    else refuse(namespace, device, frame, at, Icmpv4.PORT_UNREACHABLE, 'TUNNEL_DOWN');
    return;
  }
  if (protocol === Ipv4.PROTOCOL_UDP && namespace.vxlan !== undefined) {
    const { vxlan } = namespace;
    if (
      vxlan.up &&
      frames.end[frame]! - transportAt >= Udp.HEADER_LENGTH &&
      Udp.destinationPort(view, transportAt) === vxlan.port
    ) {
      vxlan.decapsulate(frame, at);
      return;
    }
  }
  toTransport(namespace, device, frame, at, protocol);
}

/** The packet (start = behind its IPv4 header, which is at `ipAt`) is for whoever speaks `protocol` here. */
export function toTransport(
  namespace: Namespace,
  device: NetDevice,
  frame: Frame,
  ipAt: number,
  protocol: number,
): void {
  const transport = namespace.transports[protocol];
  if (transport !== undefined) transport.receive(frame, ipAt, device);
  else if (protocol === Ipv4.PROTOCOL_UDP)
    // Nobody here ever opened a socket: all ports are closed.
    refuse(namespace, device, frame, ipAt, Icmpv4.PORT_UNREACHABLE, 'NO_SOCKET');
  else refuse(namespace, device, frame, ipAt, Icmpv4.PROTOCOL_UNREACHABLE, 'UNKNOWN_PROTOCOL');
}

function refuse(
  namespace: Namespace,
  device: NetDevice,
  frame: Frame,
  ipAt: number,
  code: number,
  reason: DropReason,
): void {
  namespace.frames.start[frame] = ipAt;
  namespace.sendIcmpError(frame, Icmpv4.DESTINATION_UNREACHABLE, code, 0, device);
  namespace.drop(frame, reason, device);
}
