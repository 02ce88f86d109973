/**
 * A session with one peer: up to two connections (ours and the peer's), which of them stays (RFC 4271 §6.8), when to
 * try again after an error, and graceful restart (RFC 4724). BIRD's protocol instance.
 *
 *     start --(error wait)--> outgoing: Active, 2 s, Connect ...      incoming: when the peer connects
 *     up:   one of them Established
 *     stop: an error or an order; both are closed, then start again unless shut down
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { Cease, describe, ErrorCode, WireError } from '../wire/bgp/error.ts';
import type { NotificationMessage } from '../wire/bgp/notification.ts';
import { AFI_IPV4, type OpenMessage, SAFI_UNICAST } from '../wire/bgp/open.ts';
import { RefreshSubtype, type RouteRefreshMessage } from '../wire/bgp/refresh.ts';
import * as Update from '../wire/bgp/update.ts';
import { HOLD_TIME_SEC, makeOpen, type Negotiated, negotiate } from './capabilities.ts';
import type { PeerConfig } from './config.ts';
import { Connection, type ConnectionOwner, jittered } from './connection.ts';
import { ErrorWait } from './error-wait.ts';
import { BgpState, type FsmOptions, PROGRESS } from './fsm.ts';
import type { Batch } from './message-log.ts';
import type { SpeakerPorts, Stream, StreamEvents } from './ports.ts';
import { peerProtocol } from './protocol.ts';
import type { PeerIdentity, Protocol } from './route.ts';

export interface SessionOwner {
  readonly ports: SpeakerPorts;
  readonly routerId: Ipv4Address;
  readonly localAs: number;
  /** This daemon itself is restarting (the R bit of its OPENs). */
  readonly recovering: boolean;
  /** The peer is known by more than before, or says that it is another. Its routes are of `was`. */
  identified(session: Session, was: Protocol): void;
  up(session: Session): void;
  updated(session: Session, update: Update.UpdateMessage): void;
  endOfRib(session: Session): void;
  refreshed(session: Session, message: RouteRefreshMessage): void;
  /** The peer restarts: its routes stay, marked. */
  stale(session: Session): void;
  /** The stale ones among its routes are to go. */
  sweep(session: Session): void;
  /** The session stops, whether it was up or not: its routes are to go. */
  down(session: Session): void;
  changed(session: Session): void;
}

const INITIAL_HOLD_TIME_SEC = 240;
const CONNECT_DELAY_SEC = 2;
const CONNECT_RETRY_SEC = 5;
const BGP_PORT = 179;
/** Precedence "internetwork control", and BIRD's TTL for multihop sessions. */
const TOS = 0xc0;
const MULTIHOP_TTL = 64;

type Phase = 'down' | 'start' | 'up' | 'stop';

export class Session implements ConnectionOwner {
  config: PeerConfig;
  /** Another one when the peer's OPEN says something new of it. */
  protocol: Protocol;
  phase: Phase = 'down';
  /** When `phase` last changed: BIRD's "since". */
  since: VirtualTime;
  /** The Established one. */
  current: Connection | undefined;
  negotiated: Negotiated | undefined;
  /** End-of-RIB marks of the current session. */
  endOfRibReceived = false;
  endOfRibSent = false;
  /** A peer restarts gracefully and its routes wait for it. */
  restartPending = false;
  lastError = '';
  readonly errorWait = new ErrorWait();
  readonly outgoing: Connection;
  readonly incoming: Connection;
  readonly #owner: SessionOwner;
  readonly #startup: Timer;
  readonly #decision: Timer;
  readonly #restart: Timer;
  #waiting = false;
  #wanted = false;
  #fatal = false;
  #capabilities = new WeakMap<Connection, { negotiated: Negotiated; identifier: Ipv4Address; as: number }>();

  constructor(config: PeerConfig, owner: SessionOwner) {
    this.config = config;
    this.#owner = owner;
    const { clock, random } = owner.ports;
    this.since = clock.now;
    const localAs = config.localAs ?? owner.localAs;
    const remoteAs = typeof config.remoteAs === 'number' ? config.remoteAs : 0;
    const rrClient = config.rrClient ?? false;
    this.protocol = peerProtocol(config.name, {
      internal: config.remoteAs === 'internal' || remoteAs === localAs,
      remoteAddress: config.remoteAddress,
      remoteAs: config.remoteAs === 'internal' ? localAs : remoteAs,
      localAs,
      routerId: 0,
      rrClient,
      clusterId: rrClient ? (config.rrClusterId ?? owner.routerId) : 0,
    });
    const options: FsmOptions = {
      open: () => makeOpen(this.config, localAs, owner.routerId, owner.recovering),
      connectRetryTimeSec: config.connectRetrySec ?? CONNECT_RETRY_SEC,
      initialHoldTimeSec: INITIAL_HOLD_TIME_SEC,
      keepaliveTimeSec: config.keepaliveTimeSec,
    };
    this.outgoing = new Connection('outgoing', clock, random, options, this);
    this.incoming = new Connection('incoming', clock, random, options, this);
    this.#startup = clock.timer(() => this.#ready());
    this.#decision = clock.timer(() => this.#decide());
    this.#restart = clock.timer(() => this.#restartTimeout());
  }

  get identity(): PeerIdentity {
    return this.protocol.peer!;
  }

  get established(): boolean {
    return this.current !== undefined;
  }

  /** The better of the two connections' states, as `birdcl` shows it. */
  get state(): BgpState {
    const [a, b] = [this.incoming.state, this.outgoing.state];
    return PROGRESS[a] > PROGRESS[b] ? a : b;
  }

  /** BIRD's word for it: `Passive` and `Down` beside the states of the RFC. */
  get stateName(): string {
    if (this.phase === 'down') return 'Down';
    const idle = this.state === BgpState.Idle;
    return idle && this.config.passive && !this.#waiting ? 'Passive' : this.state;
  }

  /** Seconds until the error wait is over, or until a restarting peer's routes go; `undefined`: no such timer runs. */
  remainingSec(timer: 'ErrorWait' | 'Restart'): number | undefined {
    const { armed, deadline } = timer === 'ErrorWait' ? this.#startup : this.#restart;
    return armed ? Math.ceil((deadline - this.#owner.ports.clock.now) / SECOND) : undefined;
  }

  /** The configured one, or what the connection has. */
  get sourceAddress(): Ipv4Address {
    return this.config.sourceAddress === 0 ? (this.current?.localAddress ?? 0) : this.config.sourceAddress;
  }

  start(): void {
    this.#wanted = true;
    this.#setPhase('start');
    if (this.errorWait.seconds === 0) {
      this.#ready();
      return;
    }
    this.#waiting = true;
    const { clock, random } = this.#owner.ports;
    this.#startup.arm(clock.now + jittered(random, this.errorWait.seconds) * SECOND);
  }

  /** Close for good, with a Cease of this subcode (RFC 4486). */
  shutdown(subcode: number): void {
    this.#wanted = false;
    this.errorWait.seconds = 0;
    this.#startup.cancel();
    if (this.phase !== 'down') this.#stop(subcode);
    this.#decision.cancel();
    this.#setPhase('down');
  }

  /** Forget everything at once, as a killed daemon does: its sockets vanish, no NOTIFICATION is sent. */
  kill(): void {
    this.#wanted = false;
    this.#setPhase('down');
    for (const timer of [this.#startup, this.#restart]) timer.cancel();
    for (const connection of [this.outgoing, this.incoming])
      connection.fsm.handle({ kind: 'TcpConnectionFails', reason: 'killed' });
    this.#decision.cancel();
  }

  /** A connection from the peer. Refused while waiting after an error, or when there is one already. */
  accept(stream: Stream): StreamEvents | undefined {
    const running = (this.phase === 'start' || this.phase === 'up') && !this.#waiting;
    if (this.current !== undefined && this.#restartReady()) {
      // The peer has restarted, and we had not noticed that its old connection is dead.
      const old = this.current;
      this.lastError = 'Error: Graceful restart';
      this.#beginRestart();
      old.fsm.handle({ kind: 'TcpConnectionFails', reason: 'peer restarted' });
      this.incoming.fsm.handle({ kind: 'TcpConnectionFails', reason: 'peer restarted' });
    } else if (!running || this.incoming.hasStream) return undefined;
    this.incoming.adopt(stream);
    return this.incoming;
  }

  /** Send UPDATEs on the established session. */
  send(updates: Batch): void {
    this.current!.sendUpdates(updates);
  }

  sendEndOfRib(): void {
    this.current!.send(Update.endOfRib());
    this.endOfRibSent = true;
    this.#owner.changed(this);
  }

  /** Ask the peer to send everything again. False when it cannot. */
  requestRefresh(): boolean {
    if (!this.negotiated?.routeRefresh || this.current === undefined) return false;
    this.current.send({
      kind: 'route-refresh',
      afi: AFI_IPV4,
      subtype: RefreshSubtype.Request,
      safi: SAFI_UNICAST,
    });
    return true;
  }

  /** Mark the beginning or the end of a re-advertisement, if the peer knows what that is (RFC 7313). */
  sendRefreshMark(subtype: number): void {
    if (!this.negotiated?.enhancedRefresh) return;
    this.current!.send({ kind: 'route-refresh', afi: AFI_IPV4, subtype, safi: SAFI_UNICAST });
  }

  // What the connections tell.

  entered(connection: Connection, from: BgpState, to: BgpState, because: string): void {
    const { clock, report } = this.#owner.ports;
    report({
      kind: 'session',
      peer: this.config.remoteAddress,
      name: this.config.name,
      from,
      to,
      because: `${connection.role}: ${because}`,
    });
    if (to === BgpState.Established) this.#up(connection);
    if (to === BgpState.Idle) {
      if (connection === this.current) this.#leaveEstablished();
      else if (this.#fatal) this.#stop(0);
      this.#fatal = false;
      this.#decision.arm(clock.now);
    }
    this.#owner.changed(this);
  }

  dial(connection: Connection): Stream {
    const { remoteAddress, remotePort, sourceAddress, multihop } = this.config;
    return this.#owner.ports.streams.connect(
      {
        ...(sourceAddress === 0 ? {} : { localAddress: sourceAddress }),
        remoteAddress,
        remotePort: remotePort ?? BGP_PORT,
        tos: TOS,
        ttl: (multihop ?? true) ? MULTIHOP_TTL : 1,
      },
      connection,
    );
  }

  /** RFC 4271 §6.2 for what the codec cannot know, then §6.8. */
  opened(connection: Connection, open: OpenMessage): number | undefined {
    const as4 = open.capabilities.find(c => c.kind === 'as4');
    const as = as4?.as ?? open.myAs;
    const { localAs } = this.identity;
    const { remoteAs } = this.config;
    const expected =
      remoteAs === 'external'
        ? as !== localAs && as !== 0
        : as === (remoteAs === 'internal' ? localAs : remoteAs);
    if (!expected) throw new WireError(ErrorCode.OpenMessage, 2, 0);
    if (this.identity.internal && open.identifier === this.#owner.routerId)
      throw new WireError(ErrorCode.OpenMessage, 3, 0);
    const negotiated = negotiate(this.config, open);
    this.#capabilities.set(connection, { negotiated, identifier: open.identifier, as });
    if (!this.#survivesCollision(connection, open.identifier)) {
      connection.fsm.handle({ kind: 'OpenCollisionDump' });
      return undefined;
    }
    const external = !this.identity.internal;
    connection.receiving = { as4: negotiated.as4, addPath: negotiated.addPathReceive, external };
    connection.sending = { as4: negotiated.as4, addPath: negotiated.addPathSend, external };
    return Math.min(open.holdTimeSec, this.config.holdTimeSec ?? HOLD_TIME_SEC);
  }

  updated(_connection: Connection, update: Update.UpdateMessage): void {
    if (!Update.isEndOfRib(update)) {
      this.#owner.updated(this, update);
      return;
    }
    this.endOfRibReceived = true;
    if (this.restartPending) {
      this.restartPending = false;
      this.#owner.sweep(this);
    }
    this.#owner.endOfRib(this);
    this.#owner.changed(this);
  }

  refreshed(_connection: Connection, message: RouteRefreshMessage): void {
    if (message.afi === AFI_IPV4 && message.safi === SAFI_UNICAST) this.#owner.refreshed(this, message);
  }

  notified(connection: Connection, { code, subcode }: NotificationMessage): void {
    this.#note(connection, `Received: ${describe(code, subcode)}`);
    if (code !== ErrorCode.Cease) this.#countError();
  }

  notifies(connection: Connection, { code, subcode }: NotificationMessage): void {
    this.#note(connection, `BGP Error: ${describe(code, subcode)}`);
    if (code !== ErrorCode.Cease) this.#countError();
  }

  failed(connection: Connection, reason: string): void {
    this.#note(connection, `Socket: ${reason}`);
    if (connection === this.current && this.#restartReady()) this.#beginRestart();
  }

  // The session's own course.

  #setPhase(phase: Phase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.since = this.#owner.ports.clock.now;
  }

  #ready(): void {
    this.#waiting = false;
    this.#decide();
  }

  /** Deferred to the end of the instant, so that both connections have settled. */
  #decide(): void {
    if (this.phase === 'stop') {
      this.#setPhase('down');
      if (this.#wanted) this.start();
      return;
    }
    const idle = this.outgoing.state === BgpState.Idle && this.incoming.state !== BgpState.OpenConfirm;
    if (this.phase !== 'start' || this.#waiting || this.config.passive || !idle) return;
    this.outgoing.fsm.handle({
      kind: 'AutomaticStart_with_PassiveTcpEstablishment',
      connectRetrySec: Math.max(1, this.config.connectDelaySec ?? CONNECT_DELAY_SEC),
    });
  }

  #up(connection: Connection): void {
    const { negotiated, identifier, as } = this.#capabilities.get(connection)!;
    this.current = connection;
    this.negotiated = negotiated;
    this.#identify(identifier, as);
    this.lastError = '';
    this.endOfRibReceived = false;
    this.endOfRibSent = false;
    this.#restart.cancel();
    if (this.restartPending && !(negotiated.restartAble && negotiated.forwardingPreserved)) {
      this.restartPending = false;
      this.#owner.sweep(this);
    }
    this.#setPhase('up');
    this.#owner.up(this);
  }

  #identify(routerId: Ipv4Address, remoteAs: number): void {
    const was = this.protocol;
    const internal = remoteAs === this.identity.localAs;
    this.protocol = peerProtocol(was.name, { ...this.identity, routerId, remoteAs, internal });
    if (this.protocol !== was) this.#owner.identified(this, was);
  }

  #leaveEstablished(): void {
    this.current = undefined;
    this.negotiated = undefined;
    if (this.phase === 'up') this.#stop(0);
  }

  /** BIRD's `bgp_stop`: everything about this session goes, and it begins anew. */
  #stop(cease: number): void {
    if (this.phase === 'stop' || this.phase === 'down') return;
    this.#setPhase('stop');
    this.restartPending = false;
    this.#restart.cancel();
    for (const connection of [this.outgoing, this.incoming])
      connection.fsm.handle({ kind: 'AutomaticStop', cease });
    this.current = undefined;
    this.negotiated = undefined;
    this.#owner.down(this);
    this.#decision.arm(this.#owner.ports.clock.now);
  }

  #restartReady(): boolean {
    return (this.config.gracefulRestart ?? true) && this.negotiated?.restartAble === true;
  }

  #beginRestart(): void {
    const { clock, random } = this.#owner.ports;
    this.#restart.arm(clock.now + jittered(random, Math.max(1, this.negotiated!.restartTimeSec)) * SECOND);
    this.restartPending = true;
    this.#setPhase('start');
    this.#owner.stale(this);
  }

  #restartTimeout(): void {
    this.#stop(0);
  }

  /** While up, errors of the second connection are of no interest; while stopping, the first error is the cause. */
  #note(connection: Connection, text: string): void {
    if ((this.phase === 'up' && connection !== this.current) || this.phase === 'stop') return;
    this.lastError = text;
  }

  #countError(): void {
    this.#fatal = true;
    this.errorWait.count(this.#owner.ports.clock.now, this.config);
  }

  /** RFC 4271 §6.8: the connection begun by the speaker with the higher identifier stays. True if it is this one. */
  #survivesCollision(connection: Connection, identifier: Ipv4Address): boolean {
    const other = connection === this.outgoing ? this.incoming : this.outgoing;
    switch (other.state) {
      case BgpState.Connect:
      case BgpState.Active:
        other.fsm.handle({ kind: 'ManualStop' });
        return true;
      case BgpState.OpenConfirm: {
        const ours = this.#owner.routerId > identifier;
        if (ours !== (connection === this.outgoing)) return false;
        other.fsm.handle({ kind: 'OpenCollisionDump' });
        return true;
      }
      case BgpState.Established:
        return false;
      default:
        return true;
    }
  }
}

/** Subcode of the Cease for a peer that is no longer, or differently, configured. */
export const { PeerDeconfigured, OtherConfigurationChange, AdministrativeShutdown } = Cease;
