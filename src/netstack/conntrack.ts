/**
 * Connection tracking (Linux `nf_conntrack`): which packets belong together.
 *
 *   PREROUTING, OUTPUT   track(frame)     find its connection, or begin one; note the state for the hooks after it
 *   …                    stateOf(frame)   NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED
 *   INPUT, POSTROUTING   confirm(frame)   only a connection whose first packet got this far is remembered
 *
 * TCP follows its state machine (conntrack-tcp.ts), UDP and ICMP are known by their answers; an ICMP error belongs to the
 * packet it quotes. Other protocols are told apart by their addresses alone. A connection is forgotten after Linux's
 * timeouts; what has expired is noticed when it is met, and swept by the way, so there are no timers.
 */
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import * as IcmpCodec from '../wire/icmpv4.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as TcpCodec from '../wire/tcp.ts';
import * as UdpCodec from '../wire/udp.ts';
import * as TcpTracking from './conntrack-tcp.ts';
import { ACCEPT, type Verdict } from './hooks.ts';
import { NO_SLOT, type Tuple, TupleTable } from './tuple-table.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Icmp = { ...IcmpCodec };
const Ipv4 = { ...Ipv4Codec };
const TcpHeader = { ...TcpCodec };
const TcpTrack = { ...TcpTracking };
const Udp = { ...UdpCodec };

export const ORIGINAL = 0;
export const REPLY = 1;

export type ConntrackState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';

const UDP_TIMEOUT = 30 * SECOND;
const UDP_STREAM_TIMEOUT = 120 * SECOND;
/** A UDP connection with answers becomes a stream when it is this old. */
const UDP_STREAM_AGE = 2 * SECOND;
const ICMP_TIMEOUT = 30 * SECOND;
const GENERIC_TIMEOUT = 600 * SECOND;

/** ICMP queries and their answers; other types are not connections. */
const ICMP_ANSWERS = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const isIcmpQuery = (type: number): boolean => type === 8 || type === 13 || type === 15 || type === 17;

export class Connection {
  /** Its number in the table, -1 while it is not remembered. */
  id = -1;
  readonly protocol: number;
  /** By direction. The reply's differs from the inverse of the original's when addresses are translated. */
  readonly tuples: readonly [Tuple, Tuple];
  readonly since: VirtualTime;
  /** When it is forgotten. */
  timeout: VirtualTime = 0;
  tcpState = TcpTrack.NONE;
  seenReply = false;
  /** Both sides mean it: `[ASSURED]`. */
  assured = false;
  /** Its source, its destination is translated. */
  sourceNat = false;
  destinationNat = false;
  /** The decision of the nat tables was taken: they see the first packet only. */
  sourceNatDone = false;
  destinationNatDone = false;
  /** Index of the device it was masqueraded for, 0 for none: leaving through another one ends it. */
  masqueradeDevice = 0;
  /** By direction. */
  readonly packets: [number, number] = [0, 0];
  readonly octets: [number, number] = [0, 0];

  constructor(protocol: number, original: Tuple, since: VirtualTime) {
    this.protocol = protocol;
    this.tuples = [original, invert(original, protocol)];
    this.since = since;
  }
}

/** The tuple of the answers. */
export function invert(tuple: Tuple, protocol: number): Tuple {
  return {
    source: tuple.destination,
    destination: tuple.source,
    ports: protocol === Ipv4.PROTOCOL_ICMP ? invertIcmp(tuple.ports) : rotate(tuple.ports),
  };
}

const rotate = (ports: number): number => ((ports << 16) | (ports >>> 16)) >>> 0;
function invertIcmp(ports: number): number {
  const type = (ports >>> 8) & 255;
  return ((ports & 0xffff_00ff) | ((ICMP_ANSWERS.get(type) ?? type) << 8)) >>> 0;
}

/** What `track` found out about the frame that is on its way through the hooks. */
class Tracked {
  frame: Frame = -1;
  connection: Connection | undefined;
  direction = ORIGINAL;
  state: ConntrackState = 'UNTRACKED';
}

export class Conntrack {
  readonly #clock: { readonly now: VirtualTime };
  readonly #frames: FrameStore;
  readonly #table = new TupleTable();
  readonly #connections: (Connection | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /**
   * A frame passes its hooks without a pause, but a forwarded one can make the host send another meanwhile (a redirect):
   * so one note for what came in and one for what begins here.
   */
  readonly #arrived = new Tracked();
  readonly #sent = new Tracked();
  #untracked: Frame = -1;
  #sweepAt = 0;
  // The tuple that was read last. Signed, like all of the table: small integers of the engine, never boxed.
  #source = 0;
  #destination = 0;
  #ports = 0;
  #protocol = 0;

  constructor(clock: { readonly now: VirtualTime }, frames: FrameStore) {
    this.#clock = clock;
    this.#frames = frames;
  }

  /** `-j NOTRACK`: the next `track` of this frame leaves it alone. */
  notrack(frame: Frame): void {
    this.#untracked = frame;
  }

  /** Find the connection of `frame` (start = IPv4 header), or begin one. `local`: it was sent by this host. */
  track(frame: Frame, local: boolean): void {
    const tracked = local ? this.#sent : this.#arrived;
    const other = local ? this.#arrived : this.#sent;
    if (other.frame === frame) other.frame = -1;
    tracked.frame = frame;
    tracked.connection = undefined;
    tracked.direction = ORIGINAL;
    tracked.state = 'UNTRACKED';
    if (this.#untracked === frame) {
      this.#untracked = -1;
      return;
    }
    const view = this.#frames.view(frame);
    const at = this.#frames.start[frame]!;
    const end = this.#frames.end[frame]!;
    if (Ipv4.isFragment(view, at)) return;
    tracked.state = 'INVALID';
    if (!this.#readTuple(view, at, end)) return;
    const transport = at + Ipv4.headerLength(view, at);
    if (this.#protocol === Ipv4.PROTOCOL_ICMP && Icmp.isError(Icmp.type(view, transport))) {
      this.#trackError(tracked, view, at, end);
      return;
    }
    const flags = this.#protocol === Ipv4.PROTOCOL_TCP ? TcpHeader.flags(view, transport) : 0;
    let slot = this.#find();
    if (slot !== NO_SLOT && this.#protocol === Ipv4.PROTOCOL_TCP) slot = this.#reopened(slot, flags);
    const connection = slot === NO_SLOT ? this.#begin(flags) : this.#connections[slot >> 1]!;
    if (connection === undefined) return;
    const direction = slot === NO_SLOT ? ORIGINAL : slot & 1;
    if (!this.#follow(connection, direction, flags)) return;
    tracked.connection = connection;
    tracked.direction = direction;
    tracked.state = direction === REPLY || connection.seenReply ? 'ESTABLISHED' : 'NEW';
    this.#count(connection, direction, Ipv4.totalLength(view, at));
  }

  #count(connection: Connection, direction: number, octets: number): void {
    if (direction === REPLY) connection.seenReply = true;
    connection.packets[direction]!++;
    connection.octets[direction]! += octets;
  }

  /** The slot (2 x connection + direction) of the packet at `at`; `NO_SLOT` for pieces and what is not remembered. */
  slotOf(view: DataView, at: number, end: number): number {
    if (Ipv4.isFragment(view, at) || !this.#readTuple(view, at, end)) return NO_SLOT;
    return this.#table.find(this.#source, this.#destination, this.#ports, this.#protocol);
  }

  /** Its own slot, when `frame` was tracked, belongs to a remembered connection and nothing of it is translated. */
  plainSlot(frame: Frame): number {
    const tracked = this.#of(frame);
    const connection = tracked?.connection;
    if (connection === undefined || connection.id < 0 || tracked!.state === 'RELATED') return NO_SLOT;
    return connection.sourceNat || connection.destinationNat
      ? NO_SLOT
      : 2 * connection.id + tracked!.direction;
  }

  /** What `track` does with the packet at `at`, of `slot`, which changes no more than times and counters. False: track it. */
  proceed(slot: number, view: DataView, at: number): boolean {
    const connection = this.#connections[slot >> 1]!;
    if (connection.timeout <= this.#clock.now) return false;
    let flags = 0;
    if (connection.protocol === Ipv4.PROTOCOL_TCP) {
      flags = TcpHeader.flags(view, at + Ipv4.headerLength(view, at));
      if (connection.tcpState !== TcpTrack.ESTABLISHED || !TcpTrack.isPlain(flags)) return false;
    }
    this.#follow(connection, slot & 1, flags);
    this.#count(connection, slot & 1, Ipv4.totalLength(view, at));
    return true;
  }

  /** The remembered connection of a slot. */
  connectionAt(slot: number): Connection | undefined {
    return this.#connections[slot >> 1];
  }

  stateOf(frame: Frame): ConntrackState {
    return this.#of(frame)?.state ?? 'UNTRACKED';
  }

  /** `undefined` for what is invalid or not tracked. */
  connectionOf(frame: Frame): Connection | undefined {
    return this.#of(frame)?.connection;
  }

  /** `ORIGINAL` or `REPLY`; of an ICMP error, the direction in which the error itself travels. */
  directionOf(frame: Frame): number {
    return this.#of(frame)?.direction ?? ORIGINAL;
  }

  /** The first packet of a new connection got through: remember it. Loses against one that came first. */
  confirm(frame: Frame): Verdict {
    const tracked = this.#of(frame);
    const connection = tracked?.connection;
    if (connection === undefined || connection.id >= 0 || tracked!.state !== 'NEW') return ACCEPT;
    const [original, reply] = connection.tuples;
    if (this.isTaken(original, connection.protocol) || this.isTaken(reply, connection.protocol))
      return 'CT_INVALID';
    this.#sweep();
    connection.id = this.#freeIds.pop() ?? this.#connections.length;
    this.#connections[connection.id] = connection;
    this.#table.insert(2 * connection.id, original, connection.protocol);
    this.#table.insert(2 * connection.id + 1, reply, connection.protocol);
    return ACCEPT;
  }

  /** Does a remembered connection use this tuple in either direction? */
  isTaken(tuple: Tuple, protocol: number): boolean {
    const slot = this.#table.findTuple(tuple, protocol);
    return slot !== NO_SLOT && !this.#expired(slot);
  }

  /** Forget the connection now. */
  remove(connection: Connection): void {
    const { id } = connection;
    if (id < 0) return;
    connection.id = -1;
    this.#table.remove(2 * id);
    this.#table.remove(2 * id + 1);
    this.#connections[id] = undefined;
    this.#freeIds.push(id);
  }

  /** What is remembered now, in the order of the connections' numbers. */
  list(): readonly Connection[] {
    const { now } = this.#clock;
    return this.#connections.filter(one => one !== undefined && one.timeout > now) as Connection[];
  }

  #of(frame: Frame): Tracked | undefined {
    if (this.#arrived.frame === frame) return this.#arrived;
    return this.#sent.frame === frame ? this.#sent : undefined;
  }

  /** Read the tuple of the packet at `at` into the fields above. False when its headers are cut short. */
  #readTuple(view: DataView, at: number, end: number): boolean {
    const transport = at + Ipv4.headerLength(view, at);
    const protocol = Ipv4.protocol(view, at);
    this.#protocol = protocol;
    this.#source = Ipv4.source(view, at) | 0;
    this.#destination = Ipv4.destination(view, at) | 0;
    this.#ports = 0;
    if (protocol === Ipv4.PROTOCOL_UDP || protocol === Ipv4.PROTOCOL_TCP) {
      if (transport + Udp.HEADER_LENGTH > end) return false;
      this.#ports = (Udp.sourcePort(view, transport) << 16) | Udp.destinationPort(view, transport);
    } else if (protocol === Ipv4.PROTOCOL_ICMP) {
      if (transport + Icmp.HEADER_LENGTH > end) return false;
      const typeAndCode = (Icmp.type(view, transport) << 8) | Icmp.code(view, transport);
      this.#ports = (Icmp.identifier(view, transport) << 16) | typeAndCode;
    }
    return true;
  }

  #lastTuple(): Tuple {
    const [source, destination, ports] = [this.#source >>> 0, this.#destination >>> 0, this.#ports >>> 0];
    return { source, destination, ports };
  }

  #find(): number {
    const slot = this.#table.find(this.#source, this.#destination, this.#ports, this.#protocol);
    return slot !== NO_SLOT && this.#expired(slot) ? NO_SLOT : slot;
  }

  /** True, and the connection is gone, when its time is over. */
  #expired(slot: number): boolean {
    const connection = this.#connections[slot >> 1]!;
    if (connection.timeout > this.#clock.now) return false;
    this.remove(connection);
    return true;
  }

  /** A SYN on a connection that has ended begins a new one. */
  #reopened(slot: number, flags: number): number {
    const connection = this.#connections[slot >> 1]!;
    const { tcpState } = connection;
    if (tcpState < TcpTrack.TIME_WAIT || tcpState > TcpTrack.CLOSE) return slot;
    if (TcpTrack.nextState(slot & 1, flags, tcpState) !== TcpTrack.SYN_SENT) return slot;
    this.remove(connection);
    return NO_SLOT;
  }

  /** A connection for the tuple that was read, unless its first packet cannot begin one. */
  #begin(flags: number): Connection | undefined {
    if (this.#protocol === Ipv4.PROTOCOL_TCP) {
      if (TcpTrack.nextState(ORIGINAL, flags, TcpTrack.NONE) >= TcpTrack.IGNORED) return undefined;
    } else if (this.#protocol === Ipv4.PROTOCOL_ICMP) {
      if (!isIcmpQuery((this.#ports >>> 8) & 255)) return undefined;
    }
    return new Connection(this.#protocol, this.#lastTuple(), this.#clock.now);
  }

  /** The protocol's part: new state and timeout. False when the packet is invalid. */
  #follow(connection: Connection, direction: number, flags: number): boolean {
    const { now } = this.#clock;
    switch (connection.protocol) {
      case Ipv4.PROTOCOL_TCP:
        return this.#followTcp(connection, direction, flags);
      case Ipv4.PROTOCOL_UDP: {
        const stream = connection.seenReply && now > connection.since + UDP_STREAM_AGE;
        if (stream) connection.assured = true;
        connection.timeout = now + (stream ? UDP_STREAM_TIMEOUT : UDP_TIMEOUT);
        return true;
      }
      case Ipv4.PROTOCOL_ICMP:
        connection.timeout = now + ICMP_TIMEOUT;
        return true;
      default:
        connection.timeout = now + GENERIC_TIMEOUT;
        return true;
    }
  }

  #followTcp(connection: Connection, direction: number, flags: number): boolean {
    const before = connection.tcpState;
    const after = TcpTrack.nextState(direction, flags, before);
    if (after === TcpTrack.INVALID) return false;
    if (after === TcpTrack.IGNORED) return true;
    connection.tcpState = after;
    connection.timeout = this.#clock.now + TcpTrack.timeout(after, flags, connection.seenReply);
    if (!connection.seenReply) {
      // A connection that is only ever answered by a RST is not one.
      if (flags & TcpHeader.RST) this.remove(connection);
    } else if (after === TcpTrack.ESTABLISHED && (before === TcpTrack.SYN_RECV || before === after)) {
      connection.assured = true;
    }
    return true;
  }

  /** An ICMP error belongs to the connection of the packet that it quotes, in the direction opposite to it. */
  #trackError(tracked: Tracked, view: DataView, at: number, end: number): void {
    const quoted = at + Ipv4.headerLength(view, at) + Icmp.HEADER_LENGTH;
    if (quoted + Ipv4.MIN_HEADER_LENGTH > end || !this.#readTuple(view, quoted, end)) return;
    const slot = this.#table.findTuple(invert(this.#lastTuple(), this.#protocol), this.#protocol);
    if (slot === NO_SLOT || this.#expired(slot)) return;
    const connection = this.#connections[slot >> 1]!;
    // nf_conntrack_inet_error(): the error must go to whoever sent the quoted packet.
    if (connection.tuples[(slot & 1) as 0 | 1].destination !== Ipv4.destination(view, at)) return;
    tracked.connection = connection;
    tracked.direction = slot & 1;
    tracked.state = 'RELATED';
  }

  /** Look at two old connections for each new one: what has expired cannot pile up. */
  #sweep(): void {
    for (let i = 0; i < 2 && this.#connections.length > 0; i++) {
      this.#sweepAt = (this.#sweepAt + 1) % this.#connections.length;
      const connection = this.#connections[this.#sweepAt];
      if (connection !== undefined && connection.timeout <= this.#clock.now) this.remove(connection);
    }
  }
}
