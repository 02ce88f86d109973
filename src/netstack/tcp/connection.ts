/**
 * A connection as its program sees it: OPEN, SEND, CLOSE and ABORT of RFC 9293 §3.10, and what the program is told.
 *
 * A program is told nothing from inside its own calls, but for `abort`, which tells nothing at all. What a segment
 * causes is told when the segment has been dealt with, in the order established, data, end.
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Payloads from '../../sim/payload.ts';
import { MICROSECOND, type VirtualTime } from '../../sim/time.ts';
import { acknowledgeIfRead } from './data-arrives.ts';
import { notePushes, sendReset } from './output.ts';
import type { Keepalive, StateName, Statistics, Tcb } from './tcb.ts';
import * as States from './tcb.ts';
import { armKeepalive, FIN_TIMEOUT, push, waitForEnd } from './timers.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Payload = { ...Payloads };
const State = { ...States };

/** The two ends of a byte stream, and what a program may do with it. */
export interface Stream {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  /** Send `bytes`, which must not be changed any more. Lost without a word once the stream is closed. */
  write(bytes: Uint8Array): void;
  /** FIN after what was written. Nothing more is told, but for `finished`. */
  close(): void;
  /** RST. Nothing more is told. */
  abort(): void;
}

/** What a program is told. `stream` is the `Connection`. */
export interface StreamEvents {
  established(stream: Stream): void;
  received(stream: Stream, bytes: Uint8Array): void;
  /**
   * The connection is over; told once, and not after the program's own `close` or `abort`. `reason` is '' for the
   * peer's FIN, else what `connect` or `read` would say: 'Connection refused', 'Connection reset by peer',
   * 'Connection timed out', 'No route to host', 'Network is unreachable' …
   */
  closed(stream: Stream, reason: string): void;
  /** Virtual octets arrived in order. Without this they come as real ones through `received`. */
  receivedVirtual?(stream: Stream, length: number): void;
  /** The peer sent FIN; the program goes on sending until it closes. Without this, its FIN closes both ways. */
  ended?(stream: Stream): void;
  /** After the program's `close` or `shutdown`: everything, FIN included, was acknowledged (''), or why it was not. */
  finished?(stream: Stream, reason: string): void;
}

/** What `ss -ti` shows of a connection, and counters. Times in ns; windows in segments. */
export interface ConnectionInfo extends Statistics {
  readonly state: StateName;
  readonly congestionControl: string;
  readonly mss: number;
  readonly pathMtu: number;
  readonly cwnd: number;
  /** Infinite before the first loss. */
  readonly ssthresh: number;
  readonly srtt: VirtualTime;
  readonly rttvar: VirtualTime;
  readonly rto: VirtualTime;
  readonly inFlight: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
}

/** From a connection that is ready to the program that polls for it (estimate). */
const WAKE_UP: VirtualTime = 100 * MICROSECOND;

export class Connection implements Stream {
  /** True for the side that called `connect`. */
  readonly isActive: boolean;
  readonly #tcb: Tcb;
  #events: StreamEvents;
  /** The program has been told the end, or has brought it about. */
  #over = false;
  #closing = false;
  #finished = false;

  constructor(tcb: Tcb, events: StreamEvents, isActive: boolean) {
    this.#tcb = tcb;
    this.#events = events;
    this.isActive = isActive;
    tcb.connection = this;
  }

  /** The listener's program takes the connection. */
  take(events: StreamEvents): void {
    this.#events = events;
  }

  /**
   * The listener's program does not want it: it closes what the kernel has accepted for it as soon as it runs. What the
   * peer has sent by then is acknowledged but not read, so that the close is a RST (seen of BIRD 2 and Linux 6.18).
   */
  refuse(): void {
    const { clock } = this.#tcb.ip;
    this.pause();
    clock.timer(() => this.close()).arm(clock.now + WAKE_UP);
  }

  get localAddress(): Ipv4Address {
    return this.#tcb.localAddress;
  }
  get localPort(): number {
    return this.#tcb.localPort;
  }
  get remoteAddress(): Ipv4Address {
    return this.#tcb.remoteAddress;
  }
  get remotePort(): number {
    return this.#tcb.remotePort;
  }
  get state(): StateName {
    return this.#tcb.stateName;
  }

  /** Octets that arrived behind a hole and wait for it to be filled. */
  get outOfOrder(): number {
    return this.#tcb.receiveQueue.early;
  }

  /** True when virtual octets are to be counted, not made real. */
  get countsVirtual(): boolean {
    return this.#events.receivedVirtual !== undefined;
  }

  write(bytes: Uint8Array): void {
    this.writePart(bytes, 0, bytes.length);
  }

  writePart(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#maySend()) return;
    notePushes(this.#tcb);
    this.#tcb.sendQueue.write(bytes, from, to);
    push(this.#tcb);
  }

  /** Send `length` octets of a pattern. */
  writeVirtual(pattern: Payloads.Pattern, length: number): void {
    if (!this.#maySend()) return;
    notePushes(this.#tcb);
    this.#tcb.sendQueue.writeVirtual(pattern, length);
    push(this.#tcb);
  }

  /** Send zeros until `close` or `shutdown`, which cut off what has not been sent. */
  sendForever(): void {
    this.writeVirtual(Payload.ZERO, Number.POSITIVE_INFINITY);
  }

  close(): void {
    const tcb = this.#tcb;
    if (this.#over && tcb.orphan) return;
    this.#over = true;
    if (tcb.state === State.CLOSED) return;
    tcb.orphan = true;
    if (tcb.state === State.SYN_SENT) {
      tcb.services.forget(tcb);
    } else if (tcb.receiveQueue.unread > 0) {
      // "A host … with data unread SHOULD send a RST", RFC 2525 §2.17.
      sendReset(tcb);
      tcb.services.forget(tcb);
    } else {
      this.shutdown();
      if (tcb.state === State.FIN_WAIT_2) waitForEnd(tcb, FIN_TIMEOUT);
    }
  }

  /** Close our direction only: FIN after what was written; what the peer sends still arrives. */
  shutdown(): void {
    const tcb = this.#tcb;
    if (this.#closing || tcb.state === State.CLOSED) return;
    this.#closing = true;
    const { snd, sendQueue } = tcb;
    if (sendQueue.end === Number.POSITIVE_INFINITY) sendQueue.truncate(snd.nxt);
    snd.fin = sendQueue.end;
    if (tcb.state === State.ESTABLISHED) tcb.state = State.FIN_WAIT_1;
    else if (tcb.state === State.CLOSE_WAIT) tcb.state = State.LAST_ACK;
    push(tcb);
  }

  abort(): void {
    const tcb = this.#tcb;
    this.#over = true;
    this.#finished = true;
    if (tcb.state === State.CLOSED) return;
    if (tcb.state !== State.SYN_SENT && tcb.state !== State.TIME_WAIT) sendReset(tcb);
    tcb.services.forget(tcb);
  }

  /** Stop taking what arrives; the window closes when the buffer is full. */
  pause(): void {
    this.#tcb.reading = false;
  }

  resume(): void {
    const tcb = this.#tcb;
    if (tcb.reading) return;
    tcb.reading = true;
    this.tell();
  }

  /** TCP_NODELAY: send small segments at once. */
  setNoDelay(): void {
    this.#tcb.noDelay = true;
    push(this.#tcb);
  }

  /** SO_KEEPALIVE. */
  setKeepalive(options: Keepalive): void {
    const tcb = this.#tcb;
    tcb.keepalive = options;
    if (tcb.isSynchronised) armKeepalive(tcb, options);
  }

  info(): ConnectionInfo {
    const tcb = this.#tcb;
    return {
      ...tcb.statistics,
      state: tcb.stateName,
      congestionControl: tcb.congestion.name,
      mss: tcb.mss,
      pathMtu: tcb.pathMtu,
      cwnd: tcb.cong.cwnd,
      ssthresh: tcb.cong.ssthresh,
      srtt: tcb.rto.srtt,
      rttvar: tcb.rto.rttvar,
      rto: tcb.rto.timeout,
      inFlight: tcb.inFlight.inFlight,
      sendWindow: tcb.snd.wnd,
      receiveWindow: tcb.window.offered,
    };
  }

  /** Tell the program what has come about. Called by the layer when the frame of a segment is gone. */
  tell(): void {
    const tcb = this.#tcb;
    if (tcb.tellEstablished) {
      tcb.tellEstablished = false;
      if (!this.#over) this.#events.established(this);
    }
    if (tcb.receiveQueue.unread > 0) this.deliver();
    if (tcb.tellFailure !== '') {
      this.fail(tcb.tellFailure);
    } else if (tcb.tellFin && tcb.receiveQueue.unread === 0) {
      tcb.tellFin = false;
      this.#peerFinished();
    }
  }

  /** Hand over what is in order; what reading makes due is sent before the program can answer. */
  deliver(): void {
    const tcb = this.#tcb;
    const { receiveQueue, window } = tcb;
    while (tcb.reading && !this.#over) {
      const content = receiveQueue.takeReady();
      if (content === undefined) break;
      window.read(tcb.rcv.nxt - receiveQueue.unread, tcb.now);
      acknowledgeIfRead(tcb);
      if (typeof content === 'number') {
        tcb.statistics.bytesReceived += content;
        this.#events.receivedVirtual?.(this, content);
      } else {
        tcb.statistics.bytesReceived += content.length;
        this.#events.received(this, content);
      }
    }
  }

  /** Our FIN was acknowledged (''), or the connection died with data or FIN outstanding. */
  finish(reason: string): void {
    if (!this.#closing || this.#finished) return;
    this.#finished = true;
    this.#events.finished?.(this, reason);
  }

  /** The connection is dead: reset, refused, timed out, no route. */
  fail(reason: string): void {
    const tcb = this.#tcb;
    tcb.services.forget(tcb);
    this.finish(reason);
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(this, reason);
  }

  #peerFinished(): void {
    if (this.#over) return;
    if (this.#events.ended !== undefined) {
      this.#events.ended(this);
      return;
    }
    this.#over = true;
    this.#tcb.orphan = true;
    this.shutdown();
    this.#events.closed(this, '');
  }

  #maySend(): boolean {
    return !this.#closing && !this.#over && this.#tcb.state !== State.CLOSED;
  }
}
