/** An ICMP echo socket: what `ping` and `traceroute -I` use. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Payload from '../sim/payload.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import type { EchoReply } from './icmp.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';
import type { IcmpErrorReport, SendError, SendRequest } from './transport.ts';

export type { EchoReply };

export interface IcmpSocketEvents {
  reply(reply: EchoReply): void;
  /** An error about the request with that `sequence`. */
  error(report: IcmpErrorReport, sequence: number): void;
}

/** One echo request. */
export interface Echo {
  readonly destination: Ipv4Address;
  readonly sequence: number;
  /** Octets behind the ICMP header: the `-s 56` of ping. */
  readonly dataLength: number;
  /** Real octets at the front of the data (ping's time stamp), at most 64; the rest is a ramp. */
  readonly head?: Uint8Array;
  /** 0 or absent: chosen by the route. */
  readonly source?: Ipv4Address;
  readonly ttl?: number;
  readonly tos?: number;
  readonly pmtu?: SendRequest['pmtu'];
  readonly device?: NetDevice;
  /** The probe that this is part of, 0 for none. */
  readonly tag?: number;
}

export class IcmpSocket {
  readonly identifier: number;
  readonly events: IcmpSocketEvents;
  readonly #namespace: Namespace;
  readonly #request: SendRequest = {
    protocol: Ipv4.PROTOCOL_ICMP,
    source: 0,
    destination: 0,
    ttl: 64,
    tos: 0,
    pmtu: 'want',
    device: undefined,
    sourcePort: 0,
    destinationPort: 0,
  };

  /** `identifier` undefined: a free one, by chance. */
  constructor(namespace: Namespace, events: IcmpSocketEvents, identifier?: number) {
    this.#namespace = namespace;
    this.events = events;
    this.identifier = identifier ?? namespace.icmp.freeIdentifier();
    namespace.icmp.bind(this.identifier, this);
  }

  /** Send a request. '' when it is on its way; its MTU for `EMSGSIZE` is `mtu(echo)`. */
  send(echo: Echo): SendError {
    const namespace = this.#namespace;
    const request = this.#fill(echo);
    if (request.source === 0) {
      const path = namespace.path(request);
      if (typeof path === 'string') return path;
      request.source = path.source;
    }
    const { frames } = namespace;
    const frame = frames.allocate();
    frames.tag[frame] = echo.tag ?? 0;
    const head = (echo.head ?? NOTHING).subarray(0, echo.dataLength);
    const at = frames.append(frame, Icmpv4.HEADER_LENGTH + head.length);
    const view = frames.view(frame);
    const rest = Icmpv4.echoRest(this.identifier, echo.sequence & 0xffff);
    Icmpv4.emit(view, at, { type: Icmpv4.ECHO_REQUEST, code: 0, checksum: 0, rest });
    frames.bytes(frame).set(head, at + Icmpv4.HEADER_LENGTH);
    frames.setPayload(frame, Payload.RAMP, head.length, echo.dataLength - head.length, null);
    const checksum = Icmpv4.checksum(view, at, frames.end[frame]!, frames.payloadSum(frame));
    Icmpv4.setChecksum(view, at, checksum);
    return namespace.send(frame, request);
  }

  /** The MTU that a request would meet here; 0 when there is no route. */
  mtu(echo: Echo): number {
    const path = this.#namespace.path(this.#fill(echo));
    return typeof path === 'string' ? 0 : path.mtu;
  }

  close(): void {
    this.#namespace.icmp.unbind(this.identifier);
  }

  #fill(echo: Echo): SendRequest {
    const request = this.#request;
    request.source = echo.source ?? 0;
    request.destination = echo.destination;
    request.ttl = echo.ttl ?? this.#namespace.sysctl.ipDefaultTtl;
    request.tos = echo.tos ?? 0;
    request.pmtu = echo.pmtu ?? 'want';
    request.device = echo.device;
    return request;
  }
}

const NOTHING = new Uint8Array(0);
