/**
 * One silent question: does an answer come back? It stands behind expectations and the reachability matrix.
 *
 *   icmp   an echo request               answered by its reply
 *   udp    a datagram                    … by a datagram, or by the destination's "port unreachable"
 *   tcp    a SYN, then RST               … by a SYN-ACK, or by a RST: both crossed the network and came back
 *
 * The way its frames took is in the trail of its tag, which is reported as they pass.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { IcmpSocket } from '../netstack/icmp-socket.ts';
import type { Namespace } from '../netstack/namespace.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import type { IcmpErrorReport } from '../netstack/transport.ts';
import { udpOf } from '../netstack/udp.ts';
import * as Payload from '../sim/payload.ts';
import type { Timer, VirtualTime } from '../sim/time.ts';
import * as Icmp from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { Program } from './program.ts';

export interface ProbeSpec {
  readonly destination: Ipv4Address;
  readonly proto: 'icmp' | 'udp' | 'tcp';
  /** Of UDP and TCP. */
  readonly port: number;
  /** Octets of data, as `ping -s` counts; of UDP and ICMP. */
  readonly size: number;
  /** Forbid fragments. */
  readonly df: boolean;
  readonly tag: number;
  /** How long to wait for the answer. */
  readonly timeout: VirtualTime;
}

/** What a probe saw: plain data. */
export interface ProbeResult {
  readonly answered: boolean;
  /** From question to answer or error; 0 without either. */
  readonly rtt: VirtualTime;
  /** TTL of the answer, where the socket says it; else 0. */
  readonly ttl: number;
  /**
   * The ICMP error that came back, or what the local stack said: an errno, or TCP's words. "Connection refused" and
   * "port unreachable" are errors of an answered probe.
   */
  readonly error:
    | { readonly from: Ipv4Address; readonly type: number; readonly code: number }
    | string
    | undefined;
}

export class Probe extends Program {
  readonly #spec: ProbeSpec;
  readonly #done: (result: ProbeResult) => void;
  readonly #timer: Timer;
  #close: () => void = () => {};
  #startedAt: VirtualTime = 0;

  constructor(namespace: Namespace, spec: ProbeSpec, done: (result: ProbeResult) => void) {
    super({ namespace, tag: spec.tag, resolve: () => undefined });
    this.#spec = spec;
    this.#done = done;
    this.#timer = namespace.clock.timer(() => this.#end(false, 0, undefined));
  }

  start(): void {
    const { clock } = this.context.namespace;
    this.#startedAt = clock.now;
    this.#timer.arm(clock.now + this.#spec.timeout);
    if (this.#spec.proto === 'icmp') this.#echo();
    else if (this.#spec.proto === 'udp') this.#datagram();
    else this.#syn();
  }

  /** Stopped is not answered. */
  protected override interrupt(): void {
    this.#end(false, 0, undefined);
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#close();
  }

  #echo(): void {
    const { destination, size, df, tag } = this.#spec;
    const socket = new IcmpSocket(this.context.namespace, {
      reply: reply => this.#end(true, reply.ttl, undefined),
      error: report => this.#end(false, 0, report),
    });
    this.#close = () => socket.close();
    const error = socket.send({
      destination,
      sequence: 1,
      dataLength: size,
      tag,
      pmtu: df ? 'do' : 'want',
    });
    if (error !== '') this.#end(false, 0, error);
  }

  #datagram(): void {
    const { destination, port, size, df, tag } = this.#spec;
    const socket = udpOf(this.context.namespace).socket();
    this.#close = () => socket.close();
    socket.tag = tag;
    socket.pmtu = df ? 'do' : 'want';
    socket.receivesErrors = true;
    socket.onReceive = datagram => this.#end(true, datagram.ttl, undefined);
    socket.onError = (_errno, report) => this.#end(arrived(report), 0, report);
    const payload = { pattern: Payload.RAMP, offset: 0, length: size, bytes: null } as const;
    const error = socket.connect(destination, port) || socket.send(payload);
    if (error !== '') this.#end(false, 0, error);
  }

  #syn(): void {
    const { destination, port, tag } = this.#spec;
    const tcp = this.context.namespace.transports[Ipv4.PROTOCOL_TCP];
    if (!(tcp instanceof TcpLayer)) throw new Error(`${this.context.namespace.name} has no TCP`);
    const stream = tcp.connect(
      { remoteAddress: destination, remotePort: port, tag },
      {
        established: () => this.#end(true, 0, undefined),
        received: () => {},
        closed: (_stream, reason) => this.#end(reason === 'Connection refused', 0, reason),
      },
    );
    this.#close = () => stream.abort();
  }

  #end(answered: boolean, ttl: number, error: IcmpErrorReport | string | undefined): void {
    if (this.exitCode !== undefined) return;
    const { now } = this.context.namespace.clock;
    const told = answered || error !== undefined;
    const result: ProbeResult = {
      answered,
      rtt: told ? now - this.#startedAt : 0,
      ttl,
      error: typeof error === 'object' ? { from: error.from, type: error.type, code: error.code } : error,
    };
    this.exit(answered ? 0 : 1);
    this.#done(result);
  }
}

/** A closed port's answer, from the destination itself: everything on the way there and back works. */
const arrived = ({ type, code, from, destination }: IcmpErrorReport): boolean =>
  type === Icmp.DESTINATION_UNREACHABLE && code === Icmp.PORT_UNREACHABLE && from === destination;
