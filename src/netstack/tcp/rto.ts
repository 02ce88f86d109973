/**
 * Round-trip time and retransmission timeout (RFC 6298) as Linux computes them (`tcp_rtt_estimator`): scaled integers
 * in microseconds, the deviation held at 200 ms from below, so that RTO = SRTT + max(200 ms, 4·mdev).
 *
 * Two things differ from the RFC: the deviation is the largest of the last round trip and decays once per round trip
 * only; and a sample below the mean counts less when it would raise the deviation.
 */
import type { VirtualTime } from '../../sim/time.ts';
import * as Time from '../../sim/time.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { MICROSECOND, MILLISECOND, SECOND } = Time;

/** A tick of Linux's clock at HZ = 250. */
export const JIFFY: VirtualTime = 4 * MILLISECOND;
/** What probes and reordering wait longer than computed (TCP_TIMEOUT_MIN_US). */
export const TIMEOUT_MIN: VirtualTime = 2 * MILLISECOND;
export const RTO_INITIAL: VirtualTime = 1 * SECOND;
export const RTO_MIN: VirtualTime = 200 * MILLISECOND;
export const RTO_MAX: VirtualTime = 120 * SECOND;
/** After a handshake without a sample: RFC 6298 (5.7). */
const RTO_FALLBACK: VirtualTime = 3 * SECOND;
const RTO_MIN_US = RTO_MIN / MICROSECOND;

export class RtoEstimator {
  /** Not backed off. */
  rto: VirtualTime = RTO_INITIAL;
  /** How often the timer expired since the last new acknowledgement: the timeout is `rto · 2^backoff`. */
  backoff = 0;
  /** Eight times the smoothed RTT, in µs; 0 = no sample yet. */
  #srtt8 = 0;
  /** Four times the mean deviation, in µs. */
  #mdev4 = 0;
  /** Largest `mdev4` of this round trip, and what the RTO uses. */
  #mdevMax = 0;
  #rttvar = 0;
  /** The round trip ends when this sequence number is acknowledged. */
  #roundEnd = -1;

  get hasSample(): boolean {
    return this.#srtt8 > 0;
  }

  /** Smoothed RTT in nanoseconds; 0 before the first sample. */
  get srtt(): VirtualTime {
    return (this.#srtt8 / 8) * MICROSECOND;
  }

  /** What `ss` prints as the second number of `rtt:`. */
  get rttvar(): VirtualTime {
    return (this.#mdev4 / 4) * MICROSECOND;
  }

  /** The timeout to arm now, backed off. */
  get timeout(): VirtualTime {
    return this.backoff === 0 ? this.rto : Math.min(this.rto * 2 ** this.backoff, RTO_MAX);
  }

  /** A round trip took `rtt` (ns) and was not ambiguous (Karn). `una` and `nxt` delimit the round trips. */
  sample(rtt: VirtualTime, una: number, nxt: number): void {
    let m = Math.max(1, Math.floor(rtt / MICROSECOND));
    if (this.#srtt8 === 0) {
      this.#srtt8 = m * 8;
      this.#mdev4 = m * 2;
      this.#rttvar = Math.max(this.#mdev4, RTO_MIN_US);
      this.#mdevMax = this.#rttvar;
      this.#roundEnd = nxt;
    } else {
      m -= Math.floor(this.#srtt8 / 8);
      this.#srtt8 = Math.max(1, this.#srtt8 + m);
      if (m < 0) {
        m = -m - Math.floor(this.#mdev4 / 4);
        // "If rtt < srtt the deviation may grow by an eighth only": otherwise a fall of the RTT raises the RTO.
        if (m > 0) m = Math.floor(m / 8);
      } else {
        m -= Math.floor(this.#mdev4 / 4);
      }
      this.#mdev4 += m;
      if (this.#mdev4 > this.#mdevMax) {
        this.#mdevMax = this.#mdev4;
        if (this.#mdevMax > this.#rttvar) this.#rttvar = this.#mdevMax;
      }
      if (una > this.#roundEnd) {
        if (this.#mdevMax < this.#rttvar) this.#rttvar -= Math.floor((this.#rttvar - this.#mdevMax) / 4);
        this.#roundEnd = nxt;
        this.#mdevMax = RTO_MIN_US;
      }
    }
    this.rto = Math.min((Math.floor(this.#srtt8 / 8) + this.#rttvar) * MICROSECOND, RTO_MAX);
    this.backoff = 0;
  }

  /** The handshake ended, and its SYN was retransmitted so that nothing could be measured. */
  fallBack(): void {
    if (this.#srtt8 > 0) return;
    this.rto = RTO_FALLBACK;
    this.backoff = 0;
  }
}
