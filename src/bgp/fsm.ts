/**
 * The BGP finite state machine of one TCP connection (RFC 4271 §8), events by the RFC's names and numbers.
 *
 *     Idle --start--> Active --ConnectRetry--> Connect --acked--> OpenSent --OPEN--> OpenConfirm --KEEPALIVE--> Established
 *                        \_________________confirmed________________/
 *
 * It does no I/O: events come in, `FsmOutputs` go out. As in BIRD, a connection begins in Active and waits for the
 * connect delay there (events 4 and 5: start passively; ConnectRetryTimer then opens actively), and any failure ends
 * in Idle: starting again is the session's business, because errors make it wait.
 */
import { Cease, ErrorCode, type WireError } from '../wire/bgp/error.ts';
import { KEEPALIVE, type Message } from '../wire/bgp/message.ts';
import * as Notification from '../wire/bgp/notification.ts';
import type { OpenMessage } from '../wire/bgp/open.ts';
import type { UpdateMessage } from '../wire/bgp/update.ts';

export const BgpState = {
  Idle: 'Idle',
  Connect: 'Connect',
  Active: 'Active',
  OpenSent: 'OpenSent',
  OpenConfirm: 'OpenConfirm',
  Established: 'Established',
} as const;
export type BgpState = (typeof BgpState)[keyof typeof BgpState];

/** How far along a state is, to show the better of two connections. */
export const PROGRESS: Readonly<Record<BgpState, number>> = {
  Idle: 0,
  Connect: 1,
  Active: 2,
  OpenSent: 3,
  OpenConfirm: 4,
  Established: 5,
};

export type BgpEvent =
  | { readonly kind: 'ManualStop'; readonly cease?: number } //                                         2
  | { readonly kind: 'AutomaticStart_with_PassiveTcpEstablishment'; readonly connectRetrySec: number } // 5
  | { readonly kind: 'AutomaticStop'; readonly cease?: number } //                                      8
  | { readonly kind: 'ConnectRetryTimer_Expires' } //                                                   9
  | { readonly kind: 'HoldTimer_Expires' } //                                                          10
  | { readonly kind: 'KeepaliveTimer_Expires' } //                                                     11
  | { readonly kind: 'Tcp_CR_Acked' } //                                                               16
  | { readonly kind: 'TcpConnectionConfirmed' } //                                                     17
  | { readonly kind: 'TcpConnectionFails'; readonly reason: string } //                                18
  | { readonly kind: 'BGPOpen'; readonly open: OpenMessage; readonly holdTimeSec: number } //          19
  | { readonly kind: 'BGPHeaderErr'; readonly error: WireError } //                                    21
  | { readonly kind: 'BGPOpenMsgErr'; readonly error: WireError } //                                   22
  | { readonly kind: 'OpenCollisionDump' } //                                                          23
  | { readonly kind: 'NotifMsgVerErr' } //                                                             24
  | { readonly kind: 'NotifMsg'; readonly notification: Notification.NotificationMessage } //          25
  | { readonly kind: 'KeepAliveMsg' } //                                                               26
  | { readonly kind: 'UpdateMsg'; readonly update: UpdateMessage } //                                  27
  | { readonly kind: 'UpdateMsgErr'; readonly error: WireError }; //                                   28

export type TimerName = 'ConnectRetry' | 'Hold' | 'Keepalive';

export interface FsmOutputs {
  /** The one report of a change of state. */
  entered(from: BgpState, to: BgpState, because: string): void;
  /** Open the TCP connection; a former attempt is given up. */
  connect(): void;
  /** Release the TCP connection, after what was sent. */
  close(): void;
  send(message: Message): void;
  /** Start or restart a timer, before jitter; 0 stops it. */
  setTimer(timer: TimerName, seconds: number): void;
  /** An UPDATE that came in Established. */
  deliver(update: UpdateMessage): void;
}

export interface FsmOptions {
  /** Made anew for each connection: the restart bit changes. */
  readonly open: () => OpenMessage;
  readonly connectRetryTimeSec: number;
  /** Hold time until the OPEN has said better: "A HoldTimer value of 4 minutes is suggested". */
  readonly initialHoldTimeSec: number;
  /** Explicit keepalive time, or a third of the negotiated hold time. */
  readonly keepaliveTimeSec?: number | undefined;
}

/** RFC 6608: what a message in the wrong state is called. */
export const UNEXPECTED: Partial<Readonly<Record<BgpState, number>>> = {
  OpenSent: 1,
  OpenConfirm: 2,
  Established: 3,
};

export class Fsm {
  state: BgpState = BgpState.Idle;
  /** Negotiated; 0 means no keepalives and no hold timer (RFC 4271 §4.2). */
  holdTimeSec = 0;
  keepaliveTimeSec = 0;
  readonly #out: FsmOutputs;
  readonly #options: FsmOptions;

  constructor(options: FsmOptions, outputs: FsmOutputs) {
    this.#options = options;
    this.#out = outputs;
  }

  handle(event: BgpEvent): void {
    switch (this.state) {
      case BgpState.Idle:
        this.#idle(event);
        return;
      case BgpState.Connect:
      case BgpState.Active:
        this.#connecting(event);
        return;
      case BgpState.OpenSent:
        this.#openSent(event);
        return;
      case BgpState.OpenConfirm:
        this.#openConfirm(event);
        return;
      case BgpState.Established:
        this.#established(event);
        return;
    }
  }

  /** RFC 4271 §8.2.2: in Idle everything but a start is ignored. */
  #idle(event: BgpEvent): void {
    if (event.kind !== 'AutomaticStart_with_PassiveTcpEstablishment') return;
    this.#out.setTimer('ConnectRetry', event.connectRetrySec);
    this.#enter(BgpState.Active, 'start');
  }

  /** Connect and Active differ in one thing: whether an attempt of our own is under way. */
  #connecting(event: BgpEvent): void {
    switch (event.kind) {
      case 'ConnectRetryTimer_Expires':
        if (this.state === BgpState.Connect) this.#out.close();
        this.#out.setTimer('ConnectRetry', this.#options.connectRetryTimeSec);
        this.#enter(BgpState.Connect, 'ConnectRetryTimer expired');
        this.#out.connect();
        return;
      case 'Tcp_CR_Acked':
      case 'TcpConnectionConfirmed':
        this.#out.setTimer('ConnectRetry', 0);
        this.#out.send(this.#options.open());
        this.#out.setTimer('Hold', this.#options.initialHoldTimeSec);
        this.#enter(BgpState.OpenSent, 'TCP connection');
        return;
      default:
        this.#release(reasonOf(event));
        return;
    }
  }

  #openSent(event: BgpEvent): void {
    switch (event.kind) {
      case 'BGPOpen': {
        this.holdTimeSec = event.holdTimeSec;
        this.keepaliveTimeSec =
          event.holdTimeSec === 0 ? 0 : (this.#options.keepaliveTimeSec ?? Math.floor(event.holdTimeSec / 3));
        this.#sendKeepalive();
        this.#out.setTimer('Hold', this.holdTimeSec);
        this.#enter(BgpState.OpenConfirm, 'OPEN received');
        return;
      }
      default:
        this.#common(event);
        return;
    }
  }

  #openConfirm(event: BgpEvent): void {
    switch (event.kind) {
      case 'KeepaliveTimer_Expires':
        this.#sendKeepalive();
        return;
      case 'KeepAliveMsg':
        this.#out.setTimer('Hold', this.holdTimeSec);
        this.#enter(BgpState.Established, 'KEEPALIVE received');
        return;
      default:
        this.#common(event);
        return;
    }
  }

  #established(event: BgpEvent): void {
    switch (event.kind) {
      case 'KeepaliveTimer_Expires':
        this.#sendKeepalive();
        return;
      case 'KeepAliveMsg':
        this.#out.setTimer('Hold', this.holdTimeSec);
        return;
      case 'UpdateMsg':
        this.#out.setTimer('Hold', this.holdTimeSec);
        this.#out.deliver(event.update);
        return;
      case 'UpdateMsgErr':
        this.#notify(event.error.code, event.error.subcode, event.error.data);
        return;
      default:
        this.#common(event);
        return;
    }
  }

  /** What OpenSent, OpenConfirm and Established answer alike. */
  #common(event: BgpEvent): void {
    switch (event.kind) {
      case 'ManualStop':
      case 'AutomaticStop':
        this.#notify(ErrorCode.Cease, event.cease ?? 0);
        return;
      case 'HoldTimer_Expires':
        this.#notify(ErrorCode.HoldTimerExpired, 0);
        return;
      case 'BGPHeaderErr':
      case 'BGPOpenMsgErr':
        this.#notify(event.error.code, event.error.subcode, event.error.data);
        return;
      case 'OpenCollisionDump':
        this.#notify(ErrorCode.Cease, Cease.ConnectionCollision);
        return;
      case 'TcpConnectionFails':
      case 'NotifMsg':
      case 'NotifMsgVerErr':
        this.#release(reasonOf(event));
        return;
      default:
        this.#notify(ErrorCode.FiniteStateMachine, UNEXPECTED[this.state] ?? 0);
        return;
    }
  }

  #sendKeepalive(): void {
    this.#out.send(KEEPALIVE);
    this.#out.setTimer('Keepalive', this.keepaliveTimeSec);
  }

  #notify(code: number, subcode: number, data?: Uint8Array): void {
    const message = Notification.make(code, subcode, data);
    this.#out.send(message);
    this.#release(`sent NOTIFICATION ${code}/${subcode}`);
  }

  #release(because: string): void {
    this.#out.close();
    this.#enter(BgpState.Idle, because);
  }

  /** The only writer of `state`. */
  #enter(next: BgpState, because: string): void {
    const from = this.state;
    this.state = next;
    if (next === BgpState.Idle)
      for (const timer of ['ConnectRetry', 'Hold', 'Keepalive'] as const) this.#out.setTimer(timer, 0);
    this.#out.entered(from, next, because);
  }
}

function reasonOf(event: BgpEvent): string {
  switch (event.kind) {
    case 'TcpConnectionFails':
      return event.reason === '' ? 'Connection closed' : event.reason;
    case 'NotifMsg':
      return `received NOTIFICATION ${event.notification.code}/${event.notification.subcode}`;
    default:
      return event.kind;
  }
}
