/**
 * UDP at a constant rate: a source that sends equal datagrams at equal distances, and a sink that counts them.
 *
 * A real sender's system call returns when its own processor has brought the packet to the network card, so the source
 * waits for the host's processor where a cost model gives it one; without a model it feels nothing, whatever is dropped.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { udpOf } from '../netstack/udp.ts';
import type { UdpSocket } from '../netstack/udp-socket.ts';
import * as Payload from '../sim/payload.ts';
import type { Timer, VirtualTime } from '../sim/time.ts';
import { type Interval, Measurement } from './measurement.ts';
import type { ProgramContext } from './program.ts';

export interface UdpSourceSpec extends Interval {
  readonly destination: Ipv4Address;
  readonly port: number;
  /** Octets of data in a datagram. */
  readonly size: number;
  /** From datagram to datagram, ns; need not be whole. */
  readonly gap: number;
}

export interface UdpSourceResult {
  /** Datagrams handed to IP in the interval. */
  readonly sent: number;
  /** The first error that sending met; '' for none. */
  readonly error: string;
}

/** Sends from its start to the end of the interval. */
export class UdpSource extends Measurement<UdpSourceResult> {
  readonly #spec: UdpSourceSpec;
  readonly #payload: { pattern: Payload.Pattern; offset: number; length: number; bytes: null };
  readonly #timer: Timer;
  #socket: UdpSocket | undefined;
  #startedAt: VirtualTime = 0;
  #count = 0;
  #sent = 0;
  #error = '';

  constructor(context: ProgramContext, spec: UdpSourceSpec) {
    super(context);
    this.#spec = spec;
    this.#payload = { pattern: Payload.ZERO, offset: 0, length: spec.size, bytes: null };
    this.#timer = context.namespace.clock.timer(() => this.#next());
  }

  start(): void {
    const socket = udpOf(this.context.namespace).socket();
    this.#socket = socket;
    socket.tag = this.context.tag;
    socket.pmtu = 'dont';
    this.#startedAt = this.now;
    this.#error = socket.connect(this.#spec.destination, this.#spec.port);
    if (this.#error === '') this.#next();
    else this.finish(1);
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#socket?.close();
  }

  protected override measured(): UdpSourceResult {
    return { sent: this.#sent, error: this.#error };
  }

  #next(): void {
    const { from, until, gap } = this.#spec;
    const { now } = this;
    if (now >= until) {
      this.finish(0);
      return;
    }
    const error = this.#socket!.send(this.#payload);
    if (error !== '' && this.#error === '') this.#error = error;
    if (now >= from) this.#sent++;
    const scheduled = this.#startedAt + Math.floor(++this.#count * gap);
    const { processor } = this.context.namespace.host;
    this.#timer.arm(Math.max(now, scheduled, processor?.sendingUntil ?? 0));
  }
}

export interface UdpSinkSpec extends Interval {
  readonly port: number;
}

export interface UdpSinkResult {
  readonly datagrams: number;
  readonly octets: number;
}

export class UdpSink extends Measurement<UdpSinkResult> {
  readonly #spec: UdpSinkSpec;
  readonly #timer: Timer;
  #socket: UdpSocket | undefined;
  #datagrams = 0;
  #octets = 0;

  constructor(context: ProgramContext, spec: UdpSinkSpec) {
    super(context);
    this.#spec = spec;
    this.#timer = context.namespace.clock.timer(() => this.finish(0));
  }

  start(): void {
    const { port, from, until } = this.#spec;
    const socket = udpOf(this.context.namespace).socket();
    this.#socket = socket;
    if (socket.bind(0, port) !== '') throw new Error(`UDP port ${port} is in use`);
    socket.onReceive = ({ length }) => {
      if (this.now < from || this.now >= until) return;
      this.#datagrams++;
      this.#octets += length;
    };
    this.#timer.arm(Math.max(this.now, until));
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#socket?.close();
  }

  protected override measured(): UdpSinkResult {
    return { datagrams: this.#datagrams, octets: this.#octets };
  }
}
