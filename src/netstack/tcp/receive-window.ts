/**
 * How much the peer may send: Linux's receive buffer, its slow growth and its autotuning.
 *
 *   tcp_rmem[1] / 2 = 65536 ── rounded down to whole segments ──> the window of the SYN (64240 for MSS 1460)
 *   each full segment opens the limit by two more, and is acknowledged at once     (`tcp_grow_window`)
 *   once per round trip the buffer is sized for twice what the program read, up to tcp_rmem[2]
 *                                                              (`tcp_rcv_space_adjust`)
 *   the offer = free buffer, at most the limit; 0 instead of less than a segment (`__tcp_select_window`)
 *
 * Buffers count octets of data twice, as Linux does with tcp_adv_win_scale 1: half is for its own overhead.
 */
import { MICROSECOND, MILLISECOND, type VirtualTime } from '../../sim/time.ts';

const MAX_UNSCALED = 65535;
const INITIAL_SEGMENTS = 10;

/** The shift that `windowScale` offers for a buffer that may grow to `octets` (Linux `tcp_select_initial_window`). */
export function scaleFor(octets: number): number {
  let log2 = 0;
  while (2 ** (log2 + 1) <= octets) log2++;
  return Math.min(14, Math.max(0, log2 - 15));
}

export class ReceiveWindow {
  /** What our window fields are shifted by. */
  scale: number;
  /** The offer that the peer knows, and RCV.NXT when it was made (Linux `rcv_wnd`, `rcv_wup`). */
  offered = 0;
  offeredAt = 0;
  #buffer: number;
  #bufferMax: number;
  /** No offer is larger (Linux `window_clamp`), and this is how far it has grown (`rcv_ssthresh`). */
  #clamp: number;
  #limit = 0;
  #advertisedMss = 536;
  /** Autotuning: what the program read in the last measured round trip, and where this one began. */
  #space = 0;
  #measureFrom = 0;
  #measureSince: VirtualTime = 0;
  /** Eight times the round trip as the receiver sees it, µs. */
  #rtt8 = 0;
  #lastEcho = 0;

  constructor(rmem: readonly [number, number, number], scaling: boolean) {
    this.#buffer = rmem[1];
    this.#bufferMax = rmem[2];
    this.#clamp = this.#full();
    this.scale = scaling ? scaleFor(Math.max(this.#full(), rmem[2])) : 0;
  }

  /**
   * The first offer, in whole segments of `segment` octets: the MSS of our SYN, less the timestamps in a SYN-ACK.
   * `mss` is what we advertise.
   */
  open(segment: number, mss: number, rcvNxt: number): void {
    const space = this.#clamp > segment ? this.#clamp - (this.#clamp % segment) : this.#clamp;
    this.#advertisedMss = mss;
    this.offered = Math.min(space, MAX_UNSCALED);
    this.offeredAt = rcvNxt;
    this.#limit = this.offered;
  }

  /** The handshake is over: the program starts to read at `rcvNxt`; full segments hold `mss` octets. */
  established(rcvNxt: number, mss: number, now: VirtualTime): void {
    this.#advertisedMss = mss;
    this.#space = Math.min(this.offered, INITIAL_SEGMENTS * this.#advertisedMss);
    this.#measureFrom = rcvNxt;
    this.#measureSince = now;
    // One segment of the buffer is reserved (`tcp_init_buffer_space`).
    const full = this.#full();
    if (this.#clamp > 2 * mss && this.#clamp + mss > full) this.#clamp = Math.max(2 * mss, full - mss);
    this.#limit = Math.min(this.#limit, this.#clamp);
  }

  /** What is left of the offer: the peer may send this much from `rcvNxt` on. */
  left(rcvNxt: number): number {
    return Math.max(0, this.offeredAt + this.offered - rcvNxt);
  }

  /** How far the limit and the clamp reach, for tests and statistics. */
  get limit(): number {
    return this.#limit;
  }

  get clamp(): number {
    return this.#clamp;
  }

  /** A segment of `length` octets came and `used` octets wait in the queue. True when the limit grew. */
  grow(length: number, used: number): boolean {
    const room = Math.min(this.#clamp, this.#full() - used) - this.#limit;
    if (room <= 0) return false;
    this.#limit += Math.min(room, Math.max(2 * this.#advertisedMss, 2 * length));
    return true;
  }

  /** Choose the offer for the segment that is sent now, remember it, and return it unscaled. */
  select(rcvNxt: number, used: number, segment: number): number {
    let window = this.#choose(used, segment);
    const left = this.left(rcvNxt);
    // "Never shrink the offered window", RFC 9293 §3.8.6; rounded, since the field counts in units of 2^scale.
    if (window < left) window = roundUp(left, this.scale);
    this.offered = window;
    this.offeredAt = rcvNxt;
    return window;
  }

  /** Would an ACK at least double a window that the peer may be waiting for? (`tcp_cleanup_rbuf`) */
  worthUpdate(rcvNxt: number, used: number, segment: number): boolean {
    const left = this.left(rcvNxt);
    if (2 * left > this.#clamp) return false;
    const window = this.#choose(used, segment);
    return window > 0 && window >= 2 * left;
  }

  /** Would the next offer be as far as the last? Only then is every second segment acknowledged at once. */
  keepsOpen(used: number, segment: number): boolean {
    return this.#choose(used, segment) >= this.offered;
  }

  /** Less than half of the buffer is free: no time for quick acknowledgements. */
  isTight(used: number): boolean {
    return this.#full() - used < Math.min(this.#clamp, this.#full()) >> 1;
  }

  /** Has this timestamp of ours not come back before? */
  isNewEcho(echo: number): boolean {
    return echo !== this.#lastEcho || this.#rtt8 === 0;
  }

  /** Our timestamp `echo`, a new one, came back `elapsed` after it was sent. */
  measureRtt(elapsed: VirtualTime, echo: number): void {
    this.#lastEcho = echo;
    const sample = Math.max(1, Math.floor(elapsed / MILLISECOND)) * (MILLISECOND / MICROSECOND);
    this.#rtt8 = this.#rtt8 === 0 ? sample * 8 : this.#rtt8 + sample - Math.floor(this.#rtt8 / 8);
  }

  /** The program has read everything before `copied`. Once a round trip the buffer is sized for it. */
  read(copied: number, now: VirtualTime): void {
    const round = Math.floor(this.#rtt8 / 8) * MICROSECOND;
    if (round === 0 || now - this.#measureSince < round) return;
    const amount = copied - this.#measureFrom;
    if (amount > this.#space) {
      this.#resize(amount);
      this.#space = amount;
    }
    this.#measureFrom = copied;
    this.#measureSince = now;
  }

  #resize(amount: number): void {
    const mss = this.#advertisedMss;
    let window = 2 * amount + 16 * mss;
    window += 2 * Math.floor((window * (amount - this.#space)) / this.#space);
    const buffer = Math.min(Math.floor(window / mss) * 2 * mss, this.#bufferMax);
    if (buffer > this.#buffer) {
      this.#buffer = buffer;
      this.#clamp = this.#full();
    }
  }

  #full(): number {
    return this.#buffer >> 1;
  }

  #choose(used: number, segment: number): number {
    const full = Math.min(this.#clamp, this.#full());
    const mss = Math.min(segment, full);
    let free = Math.max(0, this.#full() - used);
    if (free < full >> 1) {
      free = (free >> this.scale) << this.scale;
      if (free < this.#full() >> 4 || free < mss) return 0;
    }
    free = Math.min(free, this.#limit, MAX_UNSCALED << this.scale);
    if (this.scale > 0) return roundUp(free, this.scale);
    const window = this.offered;
    if (window <= free - mss || window > free) return free - (free % mss);
    return mss === full && free > window + (full >> 1) ? free : window;
  }
}

/** To the next multiple of 2^scale. Buffers stay below 2^30 octets. */
const roundUp = (octets: number, scale: number): number => ((octets + (1 << scale) - 1) >> scale) << scale;
