/**
 * ICMP errors (RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3.2; Linux `icmp_send` and `icmp_unreach`).
 *
 * Sent: TTL 64, precedence 6, no DF, quoting up to 576 octets in all. From the packet's destination if that is ours;
 * else from the address that a packet back would have. Received: handed to whose packet is quoted.
 */
import { toWord } from '../addr/address-word.ts';
import * as Ipv4Address from '../addr/ipv4.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as Payload from '../sim/payload.ts';
import { MILLISECOND } from '../sim/time.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Udp from '../wire/udp.ts';
import { localOut, nextHopOf, sourceFor } from './ip-output.ts';
import type { Namespace } from './namespace.ts';
import type { IcmpErrorReport } from './transport.ts';

/** The whole error never exceeds this (RFC 1812 §4.3.2.3). */
const MAXIMUM_LENGTH = 576;
/** TOS of an error: precedence 6, and the delay, throughput and reliability bits of the packet. */
const PRECEDENCE = 0xc0;
const TOS_MASK = 0x1e;
/** More real octets than this are quoted as one payload, to leave headroom for tunnels in the slot. */
const REAL_QUOTE = 120;

/** `IpLayer.sendIcmpError`. */
export function sendError(
  namespace: Namespace,
  frame: Frame,
  type: number,
  code: number,
  info: number,
): void {
  if (namespace.silent) return;
  const { frames } = namespace;
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  if (!deserves(view, at, frames.end[frame]!)) return;
  const peer = Ipv4.source(view, at);
  const quoted = Ipv4.destination(view, at);
  const route = namespace.fib.lookup(peer);
  if (route === undefined || (route.nextHops.length === 0 && route.type !== 'local')) return;
  if (namespace.isBroadcast(quoted)) return;
  const local = route.type === 'local';
  if (!local && isLimited(namespace, type, code)) {
    if (!namespace.peers.allowError(peer, namespace.sysctl.icmpRatelimit * MILLISECOND)) return;
  }
  const error = frames.allocate();
  namespace.host.account.originated++;
  frames.tag[error] = frames.tag[frame]!;
  const icmpAt = frames.append(error, Icmpv4.HEADER_LENGTH);
  const errorView = frames.view(error);
  Icmpv4.emit(errorView, icmpAt, { type, code, checksum: 0, rest: info });
  quote(namespace, frame, error, MAXIMUM_LENGTH - Ipv4.MIN_HEADER_LENGTH - Icmpv4.HEADER_LENGTH);
  const checksum = Icmpv4.checksum(errorView, icmpAt, frames.end[error]!, frames.payloadSum(error));
  Icmpv4.setChecksum(errorView, icmpAt, checksum);
  const hop = route.nextHops[0]!;
  const source = namespace.isLocal(quoted) ? toWord(quoted) : sourceFor(namespace, route, hop, toWord(peer));
  const { header } = namespace;
  header.tos = (Ipv4.tos(view, at) & TOS_MASK) | PRECEDENCE;
  header.totalLength = Ipv4.MIN_HEADER_LENGTH + frames.length(error);
  header.identification = namespace.identification();
  header.flags = 0;
  header.ttl = namespace.sysctl.ipDefaultTtl;
  header.protocol = Ipv4.PROTOCOL_ICMP;
  header.source = source;
  header.destination = peer;
  const ipAt = frames.push(error, Ipv4.MIN_HEADER_LENGTH);
  Ipv4.emit(errorView, ipAt, header);
  if (local) localOut(namespace, error, namespace.loopback, toWord(peer), namespace.loopback.mtu);
  else {
    const { device, via } = nextHopOf(namespace, route, errorView, ipAt);
    localOut(namespace, error, device, toWord(via === 0 ? peer : via), device.mtu);
  }
}

/** Never about fragments but the first, about errors, nor to or about addresses that are nobody's (RFC 1122 §3.2.2). */
function deserves(view: DataView, at: number, end: number): boolean {
  if (Ipv4.fragmentOffset(view, at) !== 0) return false;
  const source = Ipv4.source(view, at);
  if (source === 0 || Ipv4Address.isMulticast(source) || source === Ipv4Address.BROADCAST) return false;
  if (Ipv4Address.isMulticast(Ipv4.destination(view, at))) return false;
  if (Ipv4.protocol(view, at) !== Ipv4.PROTOCOL_ICMP) return true;
  const icmpAt = at + Ipv4.headerLength(view, at);
  return icmpAt < end && !Icmpv4.isError(Icmpv4.type(view, icmpAt));
}

/** `net.ipv4.icmp_ratemask` says which types are limited; Fragmentation Needed never is, path MTU discovery lives on it. */
function isLimited(namespace: Namespace, type: number, code: number): boolean {
  if (type === Icmpv4.DESTINATION_UNREACHABLE && code === Icmpv4.FRAGMENTATION_NEEDED) return false;
  return ((namespace.sysctl.icmpRatemask >>> type) & 1) === 1;
}

/** Append up to `room` octets of the packet in `frame`, from its IPv4 header on. */
function quote(namespace: Namespace, frame: Frame, error: Frame, room: number): void {
  const { frames } = namespace;
  const at = frames.start[frame]!;
  const headers = frames.end[frame]! - at;
  if (headers > REAL_QUOTE) {
    const octets = frames.materialise(frame, room);
    const to = frames.append(error, REAL_QUOTE);
    frames.bytes(error).set(octets.subarray(0, REAL_QUOTE), to);
    frames.setPayload(error, Payload.REAL, REAL_QUOTE, octets.length - REAL_QUOTE, octets);
    return;
  }
  const to = frames.append(error, headers);
  frames.bytes(error).set(frames.bytes(frame).subarray(at, at + headers), to);
  frames.setPayload(
    error,
    frames.pattern[frame]!,
    frames.payloadOffset[frame]!,
    Math.min(frames.payloadLength[frame]!, room - headers),
    frames.real[frame] ?? null,
  );
}

/**
 * An error came (start = ICMP header, `ipAt` = its IPv4 header). The frame stays the caller's. False when it says
 * nothing that can be used.
 */
export function receiveError(namespace: Namespace, frame: Frame, ipAt: number): boolean {
  const { frames } = namespace;
  const icmpView = frames.view(frame);
  const icmpAt = frames.start[frame]!;
  const type = Icmpv4.type(icmpView, icmpAt);
  const code = Icmpv4.code(icmpView, icmpAt);
  let view = icmpView;
  let at = icmpAt + Icmpv4.HEADER_LENGTH;
  let end = frames.end[frame]!;
  const available = end - at + frames.payloadLength[frame]!;
  if (end - at < Ipv4.MIN_HEADER_LENGTH + 8) {
    const octets = frames.materialise(frame);
    view = new DataView(octets.buffer);
    at = Icmpv4.HEADER_LENGTH;
    end = octets.length;
  }
  // The quote is cut short: its header is all that can be checked.
  if (available < Ipv4.MIN_HEADER_LENGTH || Ipv4.version(view, at) !== 4) return false;
  const headerLength = Ipv4.headerLength(view, at);
  if (headerLength < Ipv4.MIN_HEADER_LENGTH || end - at < headerLength + 8) return false;
  const needsFragmentation = type === Icmpv4.DESTINATION_UNREACHABLE && code === Icmpv4.FRAGMENTATION_NEEDED;
  const report: IcmpErrorReport = {
    type,
    code,
    mtu: needsFragmentation ? Icmpv4.nextHopMtu(icmpView, icmpAt) : 0,
    from: Ipv4.source(icmpView, ipAt),
    ttl: Ipv4.ttl(icmpView, ipAt),
    source: Ipv4.source(view, at),
    destination: Ipv4.destination(view, at),
    view,
    at: at + headerLength,
  };
  if (!namespace.isLocal(report.source)) return false;
  dispatch(namespace, Ipv4.protocol(view, at), report);
  return true;
}

/** Tell whoever sent the quoted packet; if it is theirs, a smaller MTU is believed. */
function dispatch(namespace: Namespace, protocol: number, report: IcmpErrorReport): void {
  let owned = true;
  if (protocol === Ipv4.PROTOCOL_ICMP) {
    owned = namespace.icmp.owns(report);
    learn(namespace, report, owned);
    namespace.icmp.error(report);
    return;
  }
  const vxlan =
    protocol === Ipv4.PROTOCOL_UDP &&
    namespace.vxlan !== undefined &&
    Udp.destinationPort(report.view, report.at) === namespace.vxlan.port;
  if (protocol === Ipv4.PROTOCOL_IPIP || vxlan) {
    // About an outer header. Nobody inside hears of it: but a smaller MTU makes the tunnel's next answer different.
    learn(namespace, report, true);
    return;
  }
  const transport = namespace.transports[protocol];
  if (transport === undefined) return;
  learn(namespace, report, transport.owns?.(report) ?? true);
  transport.error(report);
}

function learn(namespace: Namespace, report: IcmpErrorReport, owned: boolean): void {
  if (!owned || report.mtu === 0) return;
  const route = namespace.fib.lookup(report.destination);
  const hop = route?.nextHops[0];
  if (route === undefined || hop === undefined) return;
  const current = namespace.pathMtu.get(report.destination, route.mtu || hop.device.mtu);
  namespace.pathMtu.learn(report.destination, report.mtu, current);
}
