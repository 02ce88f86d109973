/**
 * The three kinds of probe that `traceroute` sends, and how each hears what became of it:
 *
 *   udp    a datagram to a port of its own from a socket of its own     answered by "port unreachable", errors by IP_RECVERR
 *   icmp   an echo request with a sequence number of its own            answered by its reply
 *   tcp    a SYN from a port of its own, which no socket has            answered by SYN-ACK or RST, seen before TCP sees it
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { type Hook, INPUT, PRIORITY_CONFIRM } from '../netstack/hooks.ts';
import { IcmpSocket } from '../netstack/icmp-socket.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { IcmpErrorReport, SendError, SendRequest } from '../netstack/transport.ts';
import { udpOf } from '../netstack/udp.ts';
import { octets, type UdpSocket } from '../netstack/udp-socket.ts';
import type { Frame } from '../sim/frame-store.ts';
import * as Icmp from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Tcp from '../wire/tcp.ts';

/** IPv4 and UDP or ICMP headers. */
const HEADERS = 28;
/** IcmpSocket takes so many real octets. */
const MAX_HEAD = 64;

export interface TraceEvents {
  /** The destination answered probe `index` (counted from 0). */
  answered(index: number, from: Ipv4Address): void;
  /** An ICMP error about probe `index`. */
  reported(index: number, report: Pick<IcmpErrorReport, 'type' | 'code' | 'mtu' | 'from'>): void;
}

export interface TraceTarget {
  readonly namespace: Namespace;
  readonly tag: number;
  readonly destination: Ipv4Address;
  /** Destination port of the first UDP probe, of every SYN. */
  readonly port: number;
  /** Octets of the whole packet. */
  readonly packetLength: number;
}

export interface TraceSender {
  send(index: number, ttl: number): SendError;
  /** Nobody waits for probe `index` any more. */
  forget(index: number): void;
  close(): void;
}

/** What traceroute fills its packets with: `@ABC…`, counted from the start of the ICMP message or of the UDP data. */
const filling = (packetLength: number, from: number): Uint8Array =>
  Uint8Array.from({ length: packetLength - HEADERS }, (_, i) => 0x40 + ((i + from) & 0x3f));

export class EchoSender implements TraceSender {
  readonly #target: TraceTarget;
  readonly #socket: IcmpSocket;
  readonly #data: Uint8Array;

  constructor(target: TraceTarget, events: TraceEvents) {
    this.#target = target;
    this.#data = filling(target.packetLength, Icmp.HEADER_LENGTH);
    this.#socket = new IcmpSocket(target.namespace, {
      reply: ({ sequence, from }) => events.answered(sequence - 1, from),
      error: (report, sequence) => events.reported(sequence - 1, report),
    });
  }

  send(index: number, ttl: number): SendError {
    const { destination, tag } = this.#target;
    const head = this.#data.subarray(0, MAX_HEAD);
    const dataLength = this.#data.length;
    return this.#socket.send({ destination, sequence: index + 1, dataLength, head, ttl, pmtu: 'dont', tag });
  }

  forget(): void {}

  close(): void {
    this.#socket.close();
  }
}

export class DatagramSender implements TraceSender {
  readonly #target: TraceTarget;
  readonly #events: TraceEvents;
  readonly #data: Uint8Array;
  readonly #sockets = new Map<number, UdpSocket>();

  constructor(target: TraceTarget, events: TraceEvents) {
    this.#target = target;
    this.#events = events;
    this.#data = filling(target.packetLength, 0);
  }

  send(index: number, ttl: number): SendError {
    const { namespace, tag, destination, port } = this.#target;
    const socket = udpOf(namespace).socket();
    socket.ttl = ttl;
    socket.pmtu = 'dont';
    socket.tag = tag;
    socket.receivesErrors = true;
    socket.onError = (_errno, report) => this.#events.reported(index, report);
    socket.onReceive = datagram => this.#events.answered(index, datagram.source);
    this.#sockets.set(index, socket);
    // With `onError` set no error of another packet can come back from here.
    // Ports go on from 65535 at 0, as `htons` cuts them.
    const error = socket.connect(destination, (port + index) & 0xffff);
    return error || (socket.send(octets(this.#data)) as SendError);
  }

  forget(index: number): void {
    this.#sockets.get(index)?.close();
    this.#sockets.delete(index);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }
}

/** Half-open: the host's own TCP knows nothing of the SYNs and answers what comes back with a RST. */
export class SynSender implements TraceSender {
  readonly #target: TraceTarget;
  readonly #events: TraceEvents;
  readonly #firstPort: number;
  readonly #sequence: number;
  readonly #hook: Hook;
  #sent = 0;

  constructor(target: TraceTarget, events: TraceEvents) {
    this.#target = target;
    this.#events = events;
    const { namespace } = target;
    const random = namespace.random(`traceroute/${namespace.clock.now}`);
    const [low, high] = namespace.sysctl.ipLocalPortRange;
    this.#firstPort = low + random.below((high - low) >> 1);
    this.#sequence = random.next();
    // As a raw socket: behind all filters, and the packet goes on to whom it is for.
    const run = (frame: Frame): '' => this.#see(frame);
    this.#hook = { name: `traceroute/${this.#firstPort}`, priority: PRIORITY_CONFIRM, run };
    namespace.hooks.add(INPUT, this.#hook);
  }

  send(index: number, ttl: number): SendError {
    const { namespace, tag, destination, port } = this.#target;
    const request: SendRequest = {
      protocol: Ipv4.PROTOCOL_TCP,
      source: 0,
      destination,
      ttl,
      tos: 0,
      pmtu: 'dont',
      device: undefined,
      sourcePort: this.#firstPort + index,
      destinationPort: port,
    };
    const path = namespace.path(request);
    if (typeof path === 'string') return path;
    request.source = path.source;
    const { frames } = namespace;
    const frame = frames.allocate();
    frames.tag[frame] = tag;
    const options = {
      mss: path.mtu - Ipv4.MIN_HEADER_LENGTH - Tcp.MIN_HEADER_LENGTH,
      sackPermitted: true,
      timestamps: { value: Math.floor(namespace.clock.now / 1e6) % 2 ** 32, echoReply: 0 },
      windowScale: 2,
    } as const;
    const length = Tcp.MIN_HEADER_LENGTH + Tcp.optionsLength(options);
    const at = frames.append(frame, length);
    const view = frames.view(frame);
    Tcp.emit(view, at, {
      sourcePort: request.sourcePort,
      destinationPort: port,
      sequence: this.#sequence,
      acknowledgment: 0,
      flags: Tcp.SYN,
      window: 5840,
      checksum: 0,
      urgentPointer: 0,
      options,
    });
    Tcp.setChecksum(view, at, Tcp.checksum(view, at, length, path.source, destination, length, 0));
    this.#sent = Math.max(this.#sent, index + 1);
    return namespace.send(frame, request);
  }

  forget(): void {}

  close(): void {
    this.#target.namespace.hooks.remove(this.#hook.name);
  }

  /** Look at a packet that was let in (start = IPv4 header): is it about one of ours? */
  #see(frame: Frame): '' {
    const { frames } = this.#target.namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const transport = at + Ipv4.headerLength(view, at);
    const from = Ipv4.source(view, at);
    const protocol = Ipv4.protocol(view, at);
    if (protocol === Ipv4.PROTOCOL_TCP) {
      const index = Tcp.destinationPort(view, transport) - this.#firstPort;
      const ours = from === this.#target.destination && Tcp.sourcePort(view, transport) === this.#target.port;
      if (ours && this.#has(index)) this.#events.answered(index, from);
    } else if (protocol === Ipv4.PROTOCOL_ICMP && Icmp.isError(Icmp.type(view, transport))) {
      const quoted = transport + Icmp.HEADER_LENGTH;
      if (Ipv4.protocol(view, quoted) !== Ipv4.PROTOCOL_TCP) return '';
      const index = Tcp.sourcePort(view, quoted + Ipv4.headerLength(view, quoted)) - this.#firstPort;
      const ours = Ipv4.destination(view, quoted) === this.#target.destination;
      const type = Icmp.type(view, transport);
      const mtu = Icmp.nextHopMtu(view, transport);
      if (ours && this.#has(index))
        this.#events.reported(index, { type, code: Icmp.code(view, transport), mtu, from });
    }
    return '';
  }

  #has(index: number): boolean {
    return index >= 0 && index < this.#sent;
  }
}

const senders = { udp: DatagramSender, icmp: EchoSender, tcp: SynSender } as const;

export type TraceMethod = keyof typeof senders;

export const traceSender = (method: TraceMethod, target: TraceTarget, events: TraceEvents): TraceSender =>
  new senders[method](target, events);
