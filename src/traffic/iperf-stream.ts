/** One data connection of an iperf3 test: how much has gone, and how much of it in the present interval. */
import type { Connection } from '../netstack/tcp/connection.ts';
import * as Payload from '../sim/payload.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { StreamResult } from './iperf-protocol.ts';
import type { Row } from './iperf-text.ts';

export class IperfStream {
  readonly id: number;
  readonly connection: Connection;
  readonly sends: boolean;
  received = 0;
  readonly #preamble: number;
  #intervalOctets = 0;
  #intervalRetransmits = 0;

  /** `preamble`: octets that this end sends before the data, and that do not count. */
  constructor(id: number, connection: Connection, sends: boolean, preamble: number) {
    this.id = id;
    this.connection = connection;
    this.sends = sends;
    this.#preamble = preamble;
  }

  /** Send `octets` of zeros; 0 = until the end of the test. */
  start(octets: number): void {
    if (!this.sends) return;
    if (octets === 0) this.connection.sendForever();
    else this.connection.writeVirtual(Payload.ZERO, octets);
  }

  /** Send no more than what is on its way. */
  end(): void {
    if (this.sends) this.connection.shutdown();
  }

  /** Octets so far: acknowledged ones of a sender, those that arrived of a receiver. */
  get octets(): number {
    return this.sends ? Math.max(0, this.connection.info().bytesAcked - this.#preamble) : this.received;
  }

  /** What happened since the last call. */
  interval(from: VirtualTime, to: VirtualTime): Row {
    const { retransmits, cwnd, mss } = this.connection.info();
    const octets = this.octets;
    const row = { id: this.id, from, to, octets: octets - this.#intervalOctets };
    const sender = { retransmits: retransmits - this.#intervalRetransmits, cwnd: cwnd * mss };
    this.#intervalOctets = octets;
    this.#intervalRetransmits = retransmits;
    return this.sends ? { ...row, ...sender } : row;
  }

  result(seconds: number): StreamResult {
    const retransmits = this.sends ? this.connection.info().retransmits : -1;
    return { id: this.id, bytes: this.octets, retransmits, end_time: seconds };
  }
}

/** Number of the `index`-th data stream: the file descriptors of the real one, control connection and timers between. */
export const streamId = (index: number): number => 5 + 2 * index;

/** The line of all streams together. */
export function sum(rows: readonly Row[]): Row {
  const { from, to, role } = rows[0]!;
  const octets = rows.reduce((total, row) => total + row.octets, 0);
  const total: Row = { id: 'SUM', from, to, octets, ...(role === undefined ? {} : { role }) };
  if (rows[0]!.retransmits === undefined) return total;
  return { ...total, retransmits: rows.reduce((all, row) => all + (row.retransmits ?? 0), 0) };
}
