/**
 * UDP (RFC 768; RFC 1122 §4.1; Linux `net/ipv4/udp.c`): sockets, demultiplexing, ICMP errors for connected sockets.
 *
 *   receive ─> checksum ─> the socket that fits best ─> callback, or receive buffer until somebody takes it
 *                           connected to the sender > bound to the address > bound to the port
 */

import type { AddressWord } from '../addr/address-word.ts';
import * as AddressWords from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import * as ChecksumCodec from '../wire/checksum.ts';
import * as Icmp from '../wire/icmpv4.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as UdpCodec from '../wire/udp.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type {
  IcmpErrorReport,
  IpLayer,
  Path,
  SendError,
  SendRequest,
  TransportProtocol,
} from './transport.ts';
import { UdpArrival } from './udp-arrival.ts';
import { type BindError, type UdpError, type UdpPayload, UdpSocket } from './udp-socket.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Checksum = { ...ChecksumCodec };
const Ipv4 = { ...Ipv4Codec };
const Udp = { ...UdpCodec };
const { ANY, toAddress, toWord } = AddressWords;

const MAX_PAYLOAD = 65_507;
const NO_SOCKETS: readonly UdpSocket[] = [];
const UNFIT = -1;
/** 0 is one: packets to it arrive, though no socket can have it. */
const NO_PORT = -1;

/** `icmp_err_convert`: by code of Destination Unreachable; true = the connected socket hears of it. */
const UNREACHABLE: readonly (readonly [UdpError, boolean])[] = [
  ['ENETUNREACH', false],
  ['EHOSTUNREACH', false],
  ['ENOPROTOOPT', true],
  ['ECONNREFUSED', true],
  ['EMSGSIZE', false],
  ['EOPNOTSUPP', false],
  ['ENETUNREACH', true],
  ['EHOSTDOWN', true],
  ['ENONET', true],
  ['ENETUNREACH', true],
  ['EHOSTUNREACH', true],
  ['ENETUNREACH', false],
  ['EHOSTUNREACH', false],
  ['EHOSTUNREACH', true],
  ['EHOSTUNREACH', true],
  ['EHOSTUNREACH', true],
];

export class UdpLayer implements TransportProtocol {
  // What each datagram needs comes first: V8 lays fields out in this order.
  readonly #frames: FrameStore;
  readonly #ip: IpLayer;
  readonly #arrival: UdpArrival;
  /** The port that was looked for last, or `NO_PORT` after a socket came or went; its only socket, or all of them. */
  #lastPort = NO_PORT;
  #lastSocket: UdpSocket | undefined;
  #lastSockets = NO_SOCKETS;
  readonly #random: Random;
  readonly #sockets = new Map<number, UdpSocket[]>();
  readonly #request: SendRequest = {
    protocol: Ipv4.PROTOCOL_UDP,
    source: 0,
    destination: 0,
    ttl: 0,
    tos: 0,
    pmtu: 'want',
    device: undefined,
    sourcePort: 0,
    destinationPort: 0,
  };

  constructor(ip: IpLayer) {
    this.#frames = ip.frames;
    this.#ip = ip;
    this.#arrival = new UdpArrival(ip.frames);
    this.#random = ip.random('udp/port');
  }

  socket(): UdpSocket {
    return new UdpSocket(this);
  }

  /** Every open socket that has a port, by port. */
  list(): readonly UdpSocket[] {
    return [...this.#sockets.values()].flat().sort((a, b) => a.localPort - b.localPort);
  }

  receive(frame: Frame, ipAt: number, device: NetDevice): void {
    const frames = this.#frames;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const available = frames.length(frame);
    if (Udp.check(view, at, frames.end[frame]!, available) !== Udp.Fault.None) {
      this.#ip.drop(frame, 'MALFORMED', device);
      return;
    }
    const length = Udp.length(view, at);
    if (length < available) this.#trim(frame, at, length);
    const source = Ipv4.sourceWord(view, ipAt);
    const destination = Ipv4.destinationWord(view, ipAt);
    if (!Udp.isValid(view, at, source, destination, length, this.#dataSum(frame, at))) {
      this.#ip.drop(frame, 'BAD_CHECKSUM', device);
      return;
    }
    const sourcePort = Udp.sourcePort(view, at);
    const destinationPort = Udp.destinationPort(view, at);
    const socket = this.#find(source, sourcePort, destination, destinationPort, device);
    if (socket === undefined) {
      frames.start[frame] = ipAt;
      const { DESTINATION_UNREACHABLE, PORT_UNREACHABLE } = Icmp;
      this.#ip.sendIcmpError(frame, DESTINATION_UNREACHABLE, PORT_UNREACHABLE, 0, device);
      this.#ip.drop(frame, 'NO_SOCKET', device);
      return;
    }
    this.#arrival.show(frame, ipAt, device);
    if (socket.deliver(this.#arrival)) this.#ip.deliver(frame);
    else this.#ip.drop(frame, 'SOCKET_BUFFER_FULL', device);
  }

  error(report: IcmpErrorReport): void {
    const socket = this.#quotedSocket(report);
    if (socket === undefined) return;
    const [error, hard] = meaning(report, socket.pmtu);
    if (socket.receivesErrors || (hard && socket.remotePort !== 0)) socket.fail(error, report);
  }

  owns(report: IcmpErrorReport): boolean {
    return this.#quotedSocket(report) !== undefined;
  }

  bind(socket: UdpSocket, address: Ipv4Address, wanted: number): BindError {
    if (address !== 0 && !this.#ip.isLocal(address)) return 'EADDRNOTAVAIL';
    const port = wanted === 0 ? this.#ephemeralPort(socket, address) : wanted;
    if (port === 0 || this.#isTaken(socket, address, port)) return 'EADDRINUSE';
    socket.local = toWord(address);
    socket.localPort = port;
    const sockets = this.#sockets.get(port);
    if (sockets === undefined) this.#sockets.set(port, [socket]);
    else sockets.push(socket);
    this.#lastPort = NO_PORT;
    return '';
  }

  release(socket: UdpSocket): void {
    const rest = (this.#sockets.get(socket.localPort) ?? []).filter(other => other !== socket);
    if (rest.length > 0) this.#sockets.set(socket.localPort, rest);
    else this.#sockets.delete(socket.localPort);
    this.#lastPort = NO_PORT;
    socket.localPort = 0;
  }

  path(socket: UdpSocket, address: Ipv4Address, port: number): Path | SendError {
    return this.#ip.path(this.#fill(socket, toWord(address), port));
  }

  send(socket: UdpSocket, address: AddressWord, port: number, payload: UdpPayload): SendError {
    if (payload.length > MAX_PAYLOAD) return 'EMSGSIZE';
    if (socket.localPort === 0 && this.bind(socket, 0, 0) !== '') return 'EHOSTUNREACH';
    const known = socket.local;
    const source = known === ANY ? this.#sourceFor(socket, address, port) : known;
    if (typeof source === 'string') return source;
    const frames = this.#frames;
    const frame = frames.allocate();
    frames.tag[frame] = socket.tag;
    const at = frames.append(frame, Udp.HEADER_LENGTH);
    frames.setPayload(frame, payload.pattern, payload.offset, payload.length, payload.bytes);
    const ports = (socket.localPort << 16) | port;
    const length = Udp.HEADER_LENGTH + payload.length;
    Udp.write(frames.view(frame), at, ports, length, source, address, frames.payloadSum(frame));
    if (this.#sendByFlow(socket, frame, source, address)) return '';
    const request = this.#fill(socket, address, port);
    request.source = toAddress(source);
    return this.#ip.send(frame, request);
  }

  #sendByFlow(socket: UdpSocket, frame: Frame, source: AddressWord, address: AddressWord): boolean {
    const ip = this.#ip;
    if (ip.sendByFlow === undefined || socket.pmtu !== 'want' || socket.device !== undefined) return false;
    const ttl = socket.ttl || ip.sysctl.ipDefaultTtl;
    return ip.sendByFlow(frame, Ipv4.PROTOCOL_UDP, source, address, ttl, socket.tos);
  }

  /** The address that a socket which has none sends from. */
  #sourceFor(socket: UdpSocket, address: AddressWord, port: number): AddressWord | SendError {
    const path = this.#ip.path(this.#fill(socket, address, port));
    return typeof path === 'string' ? path : toWord(path.source);
  }

  #fill(socket: UdpSocket, address: AddressWord, port: number): SendRequest {
    const request = this.#request;
    request.source = socket.localAddress;
    request.destination = toAddress(address);
    request.ttl = socket.ttl || this.#ip.sysctl.ipDefaultTtl;
    request.tos = socket.tos;
    request.pmtu = socket.pmtu;
    request.device = socket.device;
    request.sourcePort = socket.localPort;
    request.destinationPort = port;
    return request;
  }

  /** A random free port of `net.ipv4.ip_local_port_range`; 0 when all are taken. */
  #ephemeralPort(socket: UdpSocket, address: Ipv4Address): number {
    const [low, high] = this.#ip.sysctl.ipLocalPortRange;
    const size = high - low + 1;
    const first = this.#random.below(size);
    for (let i = 0; i < size; i++) {
      const port = low + ((first + i) % size);
      if (!this.#isTaken(socket, address, port)) return port;
    }
    return 0;
  }

  #isTaken(socket: UdpSocket, address: Ipv4Address, port: number): boolean {
    return (this.#sockets.get(port) ?? []).some(
      other =>
        (address === 0 || other.localAddress === 0 || other.localAddress === address) &&
        (other.device === undefined || socket.device === undefined || other.device === socket.device),
    );
  }

  /** `udp4_lib_lookup`: the socket that names most of the datagram's addresses. */
  #find(
    source: AddressWord,
    sourcePort: number,
    destination: AddressWord,
    destinationPort: number,
    device: NetDevice | undefined,
  ): UdpSocket | undefined {
    if (destinationPort !== this.#lastPort) this.#turnTo(destinationPort);
    const only = this.#lastSocket;
    if (only !== undefined)
      return fit(only, source, sourcePort, destination, device) === UNFIT ? undefined : only;
    let best: UdpSocket | undefined;
    let bestFit = UNFIT;
    for (const socket of this.#lastSockets) {
      const its = fit(socket, source, sourcePort, destination, device);
      if (its > bestFit) {
        best = socket;
        bestFit = its;
      }
    }
    return best;
  }

  #turnTo(port: number): void {
    this.#lastPort = port;
    this.#lastSockets = this.#sockets.get(port) ?? NO_SOCKETS;
    this.#lastSocket = this.#lastSockets.length === 1 ? this.#lastSockets[0] : undefined;
  }

  /** The socket that sent the packet quoted by an ICMP error. */
  #quotedSocket({ view, at, source, destination }: IcmpErrorReport): UdpSocket | undefined {
    const [local, remote] = [Udp.sourcePort(view, at), Udp.destinationPort(view, at)];
    return this.#find(toWord(destination), remote, toWord(source), local, undefined);
  }

  /** The datagram ends before the packet does. */
  #trim(frame: Frame, at: number, length: number): void {
    const frames = this.#frames;
    const real = frames.end[frame]! - at;
    if (real > length) frames.end[frame] = at + length;
    frames.trimPayload(frame, Math.max(0, length - real));
  }

  /** Sum of all that follows the header: real octets, then the payload. */
  #dataSum(frame: Frame, at: number): number {
    const frames = this.#frames;
    const from = at + Udp.HEADER_LENGTH;
    const end = frames.end[frame]!;
    const payload = frames.payloadSum(frame);
    if (from === end) return payload;
    return Checksum.sum(frames.view(frame), from, end, (end - from) & 1 ? Checksum.swap(payload) : payload);
  }
}

/** How much of a datagram's addresses `socket` names (`compute_score`); `UNFIT` when it is not for it. */
function fit(
  socket: UdpSocket,
  source: AddressWord,
  sourcePort: number,
  destination: AddressWord,
  device: NetDevice | undefined,
): number {
  const connected = socket.remotePort !== 0;
  if (connected && (socket.remote !== source || socket.remotePort !== sourcePort)) return UNFIT;
  if (socket.local !== ANY && socket.local !== destination) return UNFIT;
  if (socket.device !== undefined && device !== undefined && socket.device !== device) return UNFIT;
  return (connected ? 8 : 0) + (socket.local !== ANY ? 4 : 0) + (socket.device ? 4 : 0);
}

/** `__udp4_lib_err`: the errno, and whether a connected socket without IP_RECVERR hears of it. */
function meaning({ type, code }: IcmpErrorReport, pmtu: SendRequest['pmtu']): readonly [UdpError, boolean] {
  if (type === Icmp.PARAMETER_PROBLEM) return ['EPROTO', true];
  if (type !== Icmp.DESTINATION_UNREACHABLE) return ['EHOSTUNREACH', false];
  if (code === Icmp.FRAGMENTATION_NEEDED) return ['EMSGSIZE', pmtu !== 'dont'];
  return UNREACHABLE[code] ?? ['EHOSTUNREACH', false];
}

/** The UDP of a namespace, there from the first time that somebody asks. */
export function udpOf(namespace: Namespace): UdpLayer {
  const known = namespace.transports[Ipv4.PROTOCOL_UDP];
  if (known instanceof UdpLayer) return known;
  const layer = new UdpLayer(namespace);
  namespace.transports[Ipv4.PROTOCOL_UDP] = layer;
  return layer;
}
