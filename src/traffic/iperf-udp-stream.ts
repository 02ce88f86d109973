/**
 * One data stream of an iperf3 test over UDP. A datagram begins with when it was sent (seconds, microseconds) and its
 * number, four octets each; the receiver finds losses by the numbers and jitter by the times (RFC 1889 §6.3.1).
 */
import type { UdpDatagram, UdpPayload, UdpSocket } from '../netstack/udp-socket.ts';
import { octets } from '../netstack/udp-socket.ts';
import { type Clock, MICROSECOND, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { PACING, type StreamResult } from './iperf-protocol.ts';
import type { IperfStream, StreamEnds } from './iperf-stream.ts';
import type { Row } from './iperf-text.ts';

const HEADER = 12;

/** `6789`: a client's first datagram, by which the server learns its port; `9876`: the answer (`iperf_udp.c`). */
export const HELLO = octets(Uint8Array.of(0x39, 0x38, 0x37, 0x36));
export const WELCOME = octets(Uint8Array.of(0x36, 0x37, 0x38, 0x39));

export interface UdpStreamSpec {
  readonly id: number;
  readonly sends: boolean;
  readonly clock: Clock;
  readonly ends: StreamEnds;
  /** Bit/s. */
  readonly rateBps: number;
  /** Octets of a datagram. */
  readonly size: number;
  readonly send: (payload: UdpPayload) => string;
  readonly close: () => void;
}

export class UdpStream implements IperfStream {
  readonly #spec: UdpStreamSpec;
  readonly #tick: Timer;
  #startedAt: VirtualTime = 0;
  #limit = 0;
  #octets = 0;
  /** Datagrams sent; or the highest number that arrived. */
  #packets = 0;
  #lost = 0;
  #outOfOrder = 0;
  /** Seconds. */
  #jitter = 0;
  #transit: number | undefined;
  #interval = { octets: 0, packets: 0, lost: 0 };

  constructor(spec: UdpStreamSpec) {
    this.#spec = spec;
    this.#tick = spec.clock.timer(() => this.#paced());
  }

  get id(): number {
    return this.#spec.id;
  }

  get sends(): boolean {
    return this.#spec.sends;
  }

  get ends(): StreamEnds {
    return this.#spec.ends;
  }

  get octets(): number {
    return this.#octets;
  }

  start(octets: number): void {
    this.#startedAt = this.#spec.clock.now;
    this.#limit = octets;
    if (this.sends) this.#paced();
  }

  /** What the rate allows by now, at once; then nothing for a millisecond. */
  #paced(): void {
    const { clock, rateBps, size, send } = this.#spec;
    const allowed = (rateBps * (clock.now - this.#startedAt)) / (8 * SECOND);
    while (
      (this.#octets === 0 || this.#octets < allowed) &&
      (this.#limit === 0 || this.#octets < this.#limit)
    ) {
      const bytes = new Uint8Array(size);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, Math.floor(clock.now / SECOND));
      view.setUint32(4, Math.floor((clock.now % SECOND) / MICROSECOND));
      view.setUint32(8, this.#packets + 1);
      // What cannot be sent is lost, as anything else that does not arrive.
      send({ ...octets(bytes) });
      this.#packets++;
      this.#octets += size;
    }
    this.#tick.arm(clock.now + PACING);
  }

  /** A datagram of this stream's peer. */
  arrived({ bytes, offset, length }: UdpDatagram): void {
    if (this.sends || bytes === null || length < HEADER) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, length);
    const number = view.getUint32(8);
    this.#octets += length;
    if (number > this.#packets) {
      this.#lost += number - this.#packets - 1;
      this.#packets = number;
    } else {
      // It was counted as lost when a later one came first.
      this.#outOfOrder++;
      if (this.#lost > 0) this.#lost--;
    }
    const sentAt = view.getUint32(0) + view.getUint32(4) / 1e6;
    const transit = this.#spec.clock.now / SECOND - sentAt;
    if (this.#transit !== undefined) {
      const difference = Math.abs(transit - this.#transit);
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  end(): void {
    this.#tick.cancel();
  }

  abort(): void {
    this.#tick.cancel();
    this.#spec.close();
  }

  interval(from: VirtualTime, to: VirtualTime): Row {
    const before = this.#interval;
    this.#interval = { octets: this.#octets, packets: this.#packets, lost: this.#lost };
    const row = {
      id: this.id,
      from,
      to,
      octets: this.#octets - before.octets,
      datagrams: this.#packets - before.packets,
    };
    return this.sends ? row : { ...row, lost: this.#lost - before.lost, jitter: this.#jitter };
  }

  result(seconds: number): StreamResult {
    return {
      id: this.id,
      bytes: this.#octets,
      retransmits: -1,
      jitter: this.#jitter,
      errors: this.#lost,
      packets: this.#packets,
      out_of_order: this.#outOfOrder,
      end_time: seconds,
    };
  }
}

/** Where a connected socket leads. */
export const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: UdpSocket): StreamEnds => ({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
});
