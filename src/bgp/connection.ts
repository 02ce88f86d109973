/**
 * One BGP connection: a TCP stream, the framing of its bytes, and the machine that judges them. It turns bytes into
 * FSM events (RFC 4271 §8.1) and FSM outputs into bytes and timers.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Random } from '../sim/random.ts';
import { type Clock, SECOND, type Timer } from '../sim/time.ts';
import { ErrorCode, WireError } from '../wire/bgp/error.ts';
import * as Header from '../wire/bgp/header.ts';
import * as Message from '../wire/bgp/message.ts';
import type { NotificationMessage } from '../wire/bgp/notification.ts';
import type { OpenMessage } from '../wire/bgp/open.ts';
import type { RouteRefreshMessage } from '../wire/bgp/refresh.ts';
import type { UpdateContext, UpdateMessage } from '../wire/bgp/update.ts';
import { joined, spanned } from '../wire/octets.ts';
import { type BgpState, Fsm, type FsmOptions, type FsmOutputs, type TimerName, UNEXPECTED } from './fsm.ts';
import type { Batch } from './message-log.ts';
import type { Stream, StreamEvents } from './ports.ts';

/** What a connection needs of the session it belongs to. */
export interface ConnectionOwner {
  entered(connection: Connection, from: BgpState, to: BgpState, because: string): void;
  dial(connection: Connection): Stream;
  /** Judge an OPEN: its hold time, or `undefined` when the connection was given up. Throws `WireError` 2/x. */
  opened(connection: Connection, open: OpenMessage): number | undefined;
  updated(connection: Connection, update: UpdateMessage): void;
  refreshed(connection: Connection, message: RouteRefreshMessage): void;
  notified(connection: Connection, message: NotificationMessage): void;
  /** We are about to send this NOTIFICATION. */
  notifies(connection: Connection, message: NotificationMessage): void;
  failed(connection: Connection, reason: string): void;
}

/** The jitter BIRD puts on every BGP timer (RFC 1771 §9.2.3.3): three quarters of it, plus up to a quarter, in seconds. */
export function jittered(random: Random, seconds: number): number {
  const quarter = Math.floor(seconds / 4);
  return seconds - quarter + (quarter === 0 ? 0 : random.below(quarter + 1));
}

export class Connection implements FsmOutputs, StreamEvents {
  readonly role: 'outgoing' | 'incoming';
  readonly fsm: Fsm;
  /** How UPDATEs are written in either direction; set when the OPENs have met. */
  receiving: UpdateContext = { as4: false, addPath: false, external: true };
  sending: UpdateContext = { as4: false, addPath: false, external: true };
  #stream: Stream | undefined;
  #connected = false;
  #pending: Uint8Array = NOTHING;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #owner: ConnectionOwner;
  /** Made when first armed: most connections of a mesh never are. */
  readonly #timers: Partial<Record<TimerName, Timer>> = {};

  constructor(
    role: 'outgoing' | 'incoming',
    clock: Clock,
    random: Random,
    options: FsmOptions,
    owner: ConnectionOwner,
  ) {
    this.role = role;
    this.#clock = clock;
    this.#random = random;
    this.#owner = owner;
    this.fsm = new Fsm(options, this);
  }

  /** Since the daemon began, on whatever streams. */
  messagesSent = 0;
  messagesReceived = 0;

  get state(): BgpState {
    return this.fsm.state;
  }

  get localAddress(): Ipv4Address | undefined {
    return this.#stream?.localAddress;
  }

  get hasStream(): boolean {
    return this.#stream !== undefined;
  }

  /** Seconds left on a timer, rounded up; `undefined` when it does not run. */
  remainingSec(timer: TimerName): number | undefined {
    const running = this.#timers[timer];
    return running?.armed ? Math.ceil((running.deadline - this.#clock.now) / SECOND) : undefined;
  }

  /** Take a stream the listener was given: event 17. */
  adopt(stream: Stream): void {
    this.#stream = stream;
    this.#connected = true;
    this.#pending = NOTHING;
    this.fsm.handle({ kind: 'AutomaticStart_with_PassiveTcpEstablishment', connectRetrySec: 0 });
    this.fsm.handle({ kind: 'TcpConnectionConfirmed' });
  }

  // What the machine asks for.

  entered(from: BgpState, to: BgpState, because: string): void {
    this.#owner.entered(this, from, to, because);
  }

  connect(): void {
    this.#pending = NOTHING;
    this.#connected = false;
    this.#stream = this.#owner.dial(this);
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    if (this.#connected) stream.close();
    else stream.abort();
  }

  send(message: Message.Message): void {
    if (message.kind === 'notification') this.#owner.notifies(this, message);
    if (this.#stream === undefined) return;
    this.messagesSent++;
    this.#stream.write(Message.encode(message, this.sending));
  }

  /** UPDATEs that were written for many peers. A program writes one after the other, and TCP sends the first at once. */
  sendUpdates({ count, octets, from, behindFirst, to }: Batch): void {
    if (this.#stream === undefined) return;
    this.messagesSent += count;
    this.#stream.writePart(octets, from, behindFirst);
    if (to > behindFirst) this.#stream.writePart(octets, behindFirst, to);
  }

  setTimer(timer: TimerName, seconds: number): void {
    if (seconds === 0) {
      this.#timers[timer]?.cancel();
      return;
    }
    this.#timers[timer] ??= this.#clock.timer(() => this.fsm.handle({ kind: EXPIRES[timer] }));
    this.#timers[timer].arm(this.#clock.now + jittered(this.#random, seconds) * SECOND);
  }

  deliver(update: UpdateMessage): void {
    this.#owner.updated(this, update);
  }

  // What the stream tells.

  established(stream: Stream): void {
    // An accepted connection is established when it is handed over; some stacks say so once more.
    if (stream !== this.#stream || this.#connected) return;
    this.#connected = true;
    this.fsm.handle({ kind: 'Tcp_CR_Acked' });
  }

  received(stream: Stream, octets: Uint8Array): void {
    // What the message that was broken off has behind it, if it lies there: nothing has to be put together.
    const whole = spanned(this.#pending, octets);
    if (whole !== undefined) this.#pending = NOTHING;
    const bytes = whole ?? octets;
    let at = 0;
    // Else only that message is put together; the others are read where they lie.
    while (stream === this.#stream && this.#pending.length > 0 && at < bytes.length) {
      const more = Math.min(bytes.length - at, missing(this.#pending));
      const message = joined([this.#pending, bytes.subarray(at, at + more)]);
      at += more;
      this.#pending = message;
      if (this.#read(stream, message, 0) > 0 && stream === this.#stream) this.#pending = NOTHING;
    }
    if (stream !== this.#stream || at === bytes.length) return;
    at = this.#read(stream, bytes, at);
    if (stream === this.#stream) this.#pending = at === bytes.length ? NOTHING : bytes.subarray(at);
  }

  /** Act on the whole messages from `from` on; returns where the first that is not whole begins. */
  #read(stream: Stream, bytes: Uint8Array, from: number): number {
    let at = from;
    try {
      while (this.#stream === stream) {
        const length = Header.check(bytes, at);
        if (length === undefined || bytes.length - at < length) break;
        const message = Message.decode(bytes, at, length, this.receiving);
        at += length;
        this.messagesReceived++;
        this.#dispatch(message);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refuse(error);
    }
    return at;
  }

  closed(stream: Stream, reason: string): void {
    if (stream !== this.#stream) return;
    this.#owner.failed(this, reason === '' ? 'Connection closed' : reason);
    this.fsm.handle({ kind: 'TcpConnectionFails', reason });
  }

  #dispatch(message: Message.Message): void {
    switch (message.kind) {
      case 'open': {
        // An OPEN in any other state is an error of the state machine, whatever it says.
        const holdTimeSec = this.fsm.state === 'OpenSent' ? this.#owner.opened(this, message) : 0;
        if (holdTimeSec !== undefined) this.fsm.handle({ kind: 'BGPOpen', open: message, holdTimeSec });
        return;
      }
      case 'keepalive':
        this.fsm.handle({ kind: 'KeepAliveMsg' });
        return;
      case 'update':
        this.fsm.handle({ kind: 'UpdateMsg', update: message });
        return;
      case 'notification': {
        this.#owner.notified(this, message);
        const version = message.code === ErrorCode.OpenMessage && message.subcode === 1;
        this.fsm.handle(version ? { kind: 'NotifMsgVerErr' } : { kind: 'NotifMsg', notification: message });
        return;
      }
      case 'route-refresh':
        if (this.fsm.state !== 'Established')
          throw new WireError(ErrorCode.FiniteStateMachine, UNEXPECTED[this.fsm.state] ?? 0, 0);
        this.#owner.refreshed(this, message);
        return;
    }
  }

  #refuse(error: WireError): void {
    if (error.code === ErrorCode.OpenMessage) this.fsm.handle({ kind: 'BGPOpenMsgErr', error });
    else if (error.code === ErrorCode.UpdateMessage) this.fsm.handle({ kind: 'UpdateMsgErr', error });
    else this.fsm.handle({ kind: 'BGPHeaderErr', error });
  }
}

const EXPIRES = {
  ConnectRetry: 'ConnectRetryTimer_Expires',
  Hold: 'HoldTimer_Expires',
  Keepalive: 'KeepaliveTimer_Expires',
} as const;

const NOTHING = new Uint8Array(0);

/** How many octets the header, or the message behind it, still lacks. */
const missing = (begun: Uint8Array): number => (Header.check(begun) ?? Header.HEADER_LENGTH) - begun.length;
