/**
 * When to acknowledge (RFC 9293 §3.8.6.3), as Linux decides:
 *
 *   at the start, and after trouble    every segment at once: *quick* acknowledgements, at most 16
 *   once the program answers quickly   interactive ("ping-pong"): wait 40 ms for data to ride on
 *   more than one full segment         at once, whatever the mode
 *   the window grows                   at once, so that the sender can use it
 *   PSH, or a segment that is not full as soon as the program has read everything
 *
 * The wait (ATO) follows the gaps between arriving segments, from 40 ms up to 200 ms.
 */
import { MILLISECOND, type Timer, type VirtualTime } from '../../sim/time.ts';
import { JIFFY, type RtoEstimator } from './rto.ts';

export const ATO_MIN: VirtualTime = 40 * MILLISECOND;
const DELAY_MAX: VirtualTime = 200 * MILLISECOND;
const ATO_MAX: VirtualTime = 500 * MILLISECOND;
const MAX_QUICK = 16;

export class DelayedAck {
  /** Segments that will still be acknowledged at once. */
  quick = 0;
  /** Requests and answers alternate: an answer will soon carry the acknowledgement. */
  pingpong = false;
  /** Something arrived that has not been acknowledged. */
  scheduled = false;
  ato: VirtualTime = 0;
  /** Ends of writes that came since the last acknowledgement: 0, 1, or 2 for more (Linux ICSK_ACK_PUSHED, PUSHED2). */
  pushed = 0;
  readonly timer: Timer;
  #lastReceived: VirtualTime = Number.NEGATIVE_INFINITY;

  constructor(timer: Timer) {
    this.timer = timer;
  }

  get inQuickMode(): boolean {
    return this.quick > 0 && !this.pingpong;
  }

  /** Data came. `window` is what we offer, `segment` the usual size of what comes. */
  received(now: VirtualTime, window: number, segment: number, rto: RtoEstimator): void {
    this.scheduled = true;
    if (this.ato === 0) {
      this.#raiseQuick(window, segment);
      this.ato = ATO_MIN;
    } else {
      const gap = now - this.#lastReceived;
      if (gap <= ATO_MIN / 2) this.ato = this.ato / 2 + ATO_MIN / 2;
      else if (gap < this.ato) this.ato = Math.min(this.ato / 2 + gap, rto.timeout);
      else if (gap > rto.timeout) this.#raiseQuick(window, segment);
    }
    this.#lastReceived = now;
  }

  /** The offer grew. */
  windowGrew(): void {
    this.quick |= 1;
  }

  /** A write of the peer's ended: with a full segment, or with a smaller one. */
  pushArrived(isFull: boolean): void {
    this.pushed = isFull ? Math.max(1, this.pushed) : Math.min(2, this.pushed + 1);
  }

  /** The program has read everything: is that the moment to acknowledge? (Linux `tcp_cleanup_rbuf`) */
  get dueWhenRead(): boolean {
    return this.scheduled && (this.pushed === 2 || (this.pushed === 1 && !this.pingpong));
  }

  /** The peer sees disorder, or waits for a window: acknowledge at once for a while. */
  hurry(window: number, segment: number, most = MAX_QUICK): void {
    this.#raiseQuick(window, segment, most);
    this.pingpong = false;
    this.ato = ATO_MIN;
  }

  /** Data is sent: if it answers what just came, the exchange is interactive. */
  dataSent(now: VirtualTime): void {
    if (now - this.#lastReceived < this.ato) this.pingpong = true;
  }

  /** A segment with ACK went out. */
  acknowledged(): void {
    // What nobody had asked for (a challenge, a probe) is not counted.
    if (this.quick > 0 && this.scheduled) {
      this.quick--;
      if (this.quick === 0) this.ato = ATO_MIN;
    }
    this.scheduled = false;
    this.pushed = 0;
    this.timer.cancel();
  }

  /** Arm the timer. Returns false when it would fire so soon that the ACK should go now. */
  delay(now: VirtualTime, rto: RtoEstimator): boolean {
    let ato = this.ato;
    if (ato > ATO_MIN) {
      let limit = this.pingpong ? DELAY_MAX : ATO_MAX;
      if (rto.hasSample) limit = Math.min(limit, Math.max(rto.srtt, ATO_MIN));
      ato = Math.min(ato, limit);
    }
    // Before any data nothing is known of the gaps: the next tick of the clock.
    if (this.ato === 0) ato = JIFFY - (now % JIFFY);
    else ato = Math.max(ATO_MIN, Math.min(ato, DELAY_MAX));
    if (this.timer.armed) {
      if (this.timer.deadline <= now + ato / 4) return false;
      if (this.timer.deadline <= now + ato) return true;
    }
    this.timer.arm(now + Math.floor(ato));
    return true;
  }

  /** The timer fired: nothing came to ride on. The caller sends the ACK. */
  missed(rto: RtoEstimator): void {
    if (this.pingpong) {
      this.pingpong = false;
      this.ato = ATO_MIN;
    } else {
      this.ato = Math.min(this.ato * 2, rto.timeout);
    }
  }

  #raiseQuick(window: number, segment: number, most = MAX_QUICK): void {
    const segments = Math.max(2, Math.floor(window / (2 * segment)));
    this.quick = Math.max(this.quick, Math.min(segments, most));
  }
}
