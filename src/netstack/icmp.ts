/** ICMP of a namespace: answers echo requests, hands replies and errors to the programs that ping (RFC 792, RFC 1122 §3.2.2). */
import type { Frame } from '../sim/frame-store.ts';
import * as Checksum from '../wire/checksum.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { receiveError } from './icmp-error.ts';
import type { IcmpSocket } from './icmp-socket.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { IcmpErrorReport, SendRequest } from './transport.ts';

/** What an echo reply was, for the program that waited for it. */
export interface EchoReply {
  readonly from: number;
  readonly identifier: number;
  readonly sequence: number;
  readonly ttl: number;
  readonly tos: number;
  /** ICMP header and data, in octets: the `64 bytes` of ping. */
  readonly length: number;
}

export class Icmp {
  readonly #namespace: Namespace;
  readonly #sockets = new Map<number, IcmpSocket>();
  readonly #request: SendRequest = {
    protocol: Ipv4.PROTOCOL_ICMP,
    source: 0,
    destination: 0,
    ttl: 64,
    tos: 0,
    pmtu: 'dont',
    device: undefined,
    sourcePort: 0,
    destinationPort: 0,
  };

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** A whole ICMP message for this host (start = ICMP header). Takes ownership. */
  receive(frame: Frame, ipAt: number, device: NetDevice): void {
    const { frames } = this.#namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const end = frames.end[frame]!;
    if (Icmpv4.check(view, at, end) !== Icmpv4.Fault.None) {
      this.#namespace.drop(frame, 'MALFORMED', device);
      return;
    }
    if (!Icmpv4.isValid(view, at, end, frames.payloadSum(frame))) {
      this.#namespace.drop(frame, 'BAD_CHECKSUM', device);
      return;
    }
    const type = Icmpv4.type(view, at);
    if (type === Icmpv4.ECHO_REQUEST) {
      if (this.#namespace.sysctl.icmpEchoIgnoreAll) this.#namespace.drop(frame, 'NO_SOCKET', device);
      else this.#echo(frame, ipAt, device);
    } else if (type === Icmpv4.ECHO_REPLY) this.#reply(frame, ipAt, device);
    else if (Icmpv4.isError(type)) {
      receiveError(this.#namespace, frame, ipAt);
      this.#namespace.deliver(frame);
    } else this.#namespace.drop(frame, 'UNKNOWN_PROTOCOL', device);
  }

  /** The request itself becomes the reply: same identifier, sequence, data and TOS, ECN bits included. */
  #echo(frame: Frame, ipAt: number, device: NetDevice): void {
    const namespace = this.#namespace;
    const view = namespace.frames.view(frame);
    const at = namespace.frames.start[frame]!;
    const destination = Ipv4.destination(view, ipAt);
    if (!namespace.isLocal(destination)) {
      namespace.drop(frame, 'NOT_FOR_ME', device); // icmp_echo_ignore_broadcasts
      return;
    }
    const request = this.#request;
    request.source = destination;
    request.destination = Ipv4.source(view, ipAt);
    request.ttl = namespace.sysctl.ipDefaultTtl;
    request.tos = Ipv4.tos(view, ipAt);
    const { code, rest } = Icmpv4.parse(view, at);
    const checksum = Checksum.update(
      Icmpv4.parse(view, at).checksum,
      Icmpv4.ECHO_REQUEST << 8,
      Icmpv4.ECHO_REPLY << 8,
    );
    Icmpv4.emit(view, at, { type: Icmpv4.ECHO_REPLY, code, checksum, rest });
    namespace.host.account.delivered++;
    namespace.send(frame, request);
  }

  #reply(frame: Frame, ipAt: number, device: NetDevice): void {
    const { frames } = this.#namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const socket = this.#sockets.get(Icmpv4.identifier(view, at));
    if (socket === undefined) {
      this.#namespace.drop(frame, 'PROCESS_GONE', device);
      return;
    }
    const reply: EchoReply = {
      from: Ipv4.source(view, ipAt),
      identifier: Icmpv4.identifier(view, at),
      sequence: Icmpv4.sequence(view, at),
      ttl: Ipv4.ttl(view, ipAt),
      tos: Ipv4.tos(view, ipAt),
      length: frames.length(frame),
    };
    this.#namespace.deliver(frame);
    socket.events.reply(reply);
  }

  /** The kernel's own echo replies and what a socket sent are ours. */
  owns(report: IcmpErrorReport): boolean {
    return (
      Icmpv4.type(report.view, report.at) === Icmpv4.ECHO_REPLY ||
      this.#sockets.has(Icmpv4.identifier(report.view, report.at))
    );
  }

  /** An error quotes an ICMP message of this host. */
  error(report: IcmpErrorReport): void {
    const { view, at } = report;
    if (Icmpv4.type(view, at) !== Icmpv4.ECHO_REQUEST) return;
    this.#sockets.get(Icmpv4.identifier(view, at))?.events.error(report, Icmpv4.sequence(view, at));
  }

  /** Called by sockets when they open. */
  bind(identifier: number, socket: IcmpSocket): void {
    if (this.#sockets.has(identifier)) throw new Error(`ICMP identifier ${identifier} is in use`);
    this.#sockets.set(identifier, socket);
  }

  unbind(identifier: number): void {
    this.#sockets.delete(identifier);
  }

  /** An identifier that no socket has. */
  freeIdentifier(): number {
    const random = this.#namespace.random(
      `icmp/identifier/${this.#namespace.clock.now}/${this.#sockets.size}`,
    );
    let identifier = random.below(0x10000);
    while (this.#sockets.has(identifier)) identifier = (identifier + 1) & 0xffff;
    return identifier;
  }
}
