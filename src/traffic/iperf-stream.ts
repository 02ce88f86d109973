/** One data stream of an iperf3 test over TCP: how much has gone, and how much of it in the present interval. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Connection } from '../netstack/tcp/connection.ts';
import * as Payload from '../sim/payload.ts';
import { type Clock, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { PACING, type StreamResult } from './iperf-protocol.ts';
import type { Row } from './iperf-text.ts';

/** The two ends of a stream, as both print them. */
export interface StreamEnds {
  readonly localAddress: Ipv4.Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4.Ipv4Address;
  readonly remotePort: number;
}

export const endsText = ({ localAddress, localPort, remoteAddress, remotePort }: StreamEnds): string =>
  `local ${Ipv4.format(localAddress)} port ${localPort} connected to ${Ipv4.format(remoteAddress)} port ${remotePort}`;

/** A stream of either protocol. */
export interface IperfStream {
  readonly id: number;
  readonly sends: boolean;
  readonly ends: StreamEnds;
  /** Octets so far: acknowledged or sent ones of a sender, those that arrived of a receiver. */
  readonly octets: number;
  /** Send `octets` of zeros; 0 = until the end of the test. */
  start(octets: number): void;
  /** Send no more than what is on its way. */
  end(): void;
  abort(): void;
  /** What happened since the last call. */
  interval(from: VirtualTime, to: VirtualTime): Row;
  result(seconds: number): StreamResult;
}

/** How a sender is held back. */
export interface Pace {
  readonly clock: Clock;
  /** Bit/s; 0 = not at all. */
  readonly rateBps: number;
  /** Octets of a write; 0 = 128 KiB. */
  readonly length: number;
}

const WRITE = 128 * 1024;
/** A socket's send buffer takes so much and no more (`net.ipv4.tcp_wmem`). */
const SEND_BUFFER = 4 * 2 ** 20;

export class TcpStream implements IperfStream {
  readonly id: number;
  readonly connection: Connection;
  readonly sends: boolean;
  received = 0;
  readonly #preamble: number;
  readonly #pace: Pace;
  readonly #tick: Timer;
  #startedAt: VirtualTime = 0;
  #limit = 0;
  #written = 0;
  #intervalOctets = 0;
  #intervalRetransmits = 0;

  /** `preamble`: octets that this end sends before the data, and that do not count. */
  constructor(id: number, connection: Connection, sends: boolean, preamble: number, pace: Pace) {
    this.id = id;
    this.connection = connection;
    this.sends = sends;
    this.#preamble = preamble;
    this.#pace = pace;
    this.#tick = pace.clock.timer(() => this.#paced());
  }

  get ends(): StreamEnds {
    return this.connection;
  }

  start(octets: number): void {
    if (!this.sends) return;
    this.#limit = octets;
    this.#startedAt = this.#pace.clock.now;
    if (this.#pace.rateBps > 0) this.#paced();
    else if (octets === 0) this.connection.sendForever();
    else this.connection.writeVirtual(Payload.ZERO, octets);
  }

  /** iperf3 looks every millisecond whether it has sent less than the rate allows, and then writes (`iperf_check_throttle`). */
  #paced(): void {
    const { clock, rateBps, length } = this.#pace;
    const size = length === 0 ? WRITE : length;
    const allowed = (rateBps * (clock.now - this.#startedAt)) / (8 * SECOND);
    while (
      (this.#written === 0 || this.#written < allowed) &&
      this.#written - this.octets < SEND_BUFFER &&
      (this.#limit === 0 || this.#written < this.#limit)
    ) {
      const part = this.#limit === 0 ? size : Math.min(size, this.#limit - this.#written);
      this.connection.writeVirtual(Payload.ZERO, part);
      this.#written += part;
    }
    this.#tick.arm(clock.now + PACING);
  }

  end(): void {
    this.#tick.cancel();
    if (this.sends) this.connection.shutdown();
  }

  abort(): void {
    this.#tick.cancel();
    this.connection.abort();
  }

  get octets(): number {
    return this.sends ? Math.max(0, this.connection.info().bytesAcked - this.#preamble) : this.received;
  }

  interval(from: VirtualTime, to: VirtualTime): Row {
    const { retransmits, cwnd, mss, srtt, rttvar, pathMtu } = this.connection.info();
    const octets = this.octets;
    const row = { id: this.id, from, to, octets: octets - this.#intervalOctets };
    const sender = {
      retransmits: retransmits - this.#intervalRetransmits,
      cwnd: cwnd * mss,
      rtt: srtt,
      rttvar,
      pathMtu,
    };
    this.#intervalOctets = octets;
    this.#intervalRetransmits = retransmits;
    return this.sends ? { ...row, ...sender } : row;
  }

  result(seconds: number): StreamResult {
    const retransmits = this.sends ? this.connection.info().retransmits : -1;
    return {
      id: this.id,
      bytes: this.octets,
      retransmits,
      jitter: 0,
      errors: 0,
      packets: 0,
      end_time: seconds,
    };
  }
}

/** Number of the `index`-th data stream: the file descriptors of the real one, control connection and timers between. */
export const streamId = (index: number): number => 5 + 2 * index;

/** The line of all streams together. */
export function sum(rows: readonly Row[]): Row {
  const { from, to, role, retransmits, datagrams, lost, jitter } = rows[0]!;
  const total = (of: (row: Row) => number | undefined): number =>
    rows.reduce((all, row) => all + (of(row) ?? 0), 0);
  return {
    id: 'SUM',
    from,
    to,
    octets: total(row => row.octets),
    ...(role !== undefined && { role }),
    ...(retransmits !== undefined && { retransmits: total(row => row.retransmits) }),
    ...(datagrams !== undefined && { datagrams: total(row => row.datagrams) }),
    ...(lost !== undefined && { lost: total(row => row.lost) }),
    ...(jitter !== undefined && { jitter: total(row => row.jitter) / rows.length }),
  };
}
