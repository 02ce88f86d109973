/**
 * CUBIC (RFC 9438) in the integers of Linux's `tcp_cubic.c`: windows in segments, time of the curve in 1/1024 s,
 * C = 410/1024, β = 717/1024; HyStart by delay and by ACK train.
 *
 *   W(t) = C·(t - K)³ + W_max        K = cube root of ((W_max - cwnd) / C)
 *
 *   cwnd  W_max ........____....      concave up to W_max, flat there, then convex: it probes
 *              /            \
 *             /  K
 */
import { MICROSECOND, MILLISECOND, SECOND, type VirtualTime } from '../../../sim/time.ts';
import { JIFFY } from '../rto.ts';
import {
  additiveIncrease,
  type CongestionControl,
  type CongestionState,
  MIN_SSTHRESH,
  slowStart,
} from './control.ts';

const SCALE = 1024;
const BETA = 717;
/** 1024 · C. */
const C_SCALED = 410;
/** 8 · (1 + β) / (3 · (1 - β)): how many acknowledged segments make the Reno-friendly window grow by one. */
const BETA_SCALE = Math.floor(Math.floor((8 * (SCALE + BETA)) / 3) / (SCALE - BETA));
const CUBE_FACTOR = Math.floor(2 ** 40 / C_SCALED);

const HYSTART_LOW_WINDOW = 16;
const HYSTART_MIN_SAMPLES = 8;
const HYSTART_ACK_DELTA: VirtualTime = 2 * MILLISECOND;
const HYSTART_DELAY_MIN: VirtualTime = 4 * MILLISECOND;
const HYSTART_DELAY_MAX: VirtualTime = 16 * MILLISECOND;

/** The integer part of the cube root of an integer below 2^53. */
export function cubeRoot(value: number): number {
  let root = 0;
  for (let bit = 2 ** 17; bit >= 1; bit /= 2) {
    const candidate = root + bit;
    if (candidate * candidate * candidate <= value) root = candidate;
  }
  return root;
}

export class Cubic implements CongestionControl {
  readonly name = 'cubic';
  /** Acknowledged segments for one more of window. */
  #count = 0;
  #lastMax = 0;
  #lastCwnd = 0;
  #lastTime: VirtualTime = 0;
  /** When this curve began; -1 = at the next acknowledgement. */
  #epochStart: VirtualTime = -1;
  /** The window at the curve's flat part, and when it is reached (1/1024 s). */
  #origin = 0;
  #k = 0;
  #delayMin: VirtualTime = 0;
  #ackCount = 0;
  /** What Reno would have. */
  #friendly = 0;
  /** HyStart: this round of slow start. */
  #found = false;
  #roundStart: VirtualTime = 0;
  #lastAck: VirtualTime = 0;
  #roundEnd = -1;
  #roundRtt: VirtualTime = Number.POSITIVE_INFINITY;
  #samples = 0;

  acknowledged(state: CongestionState, segments: number, now: VirtualTime): void {
    const rest = state.cwnd < state.ssthresh ? slowStart(state, segments) : segments;
    if (rest === 0) return;
    this.#update(state.cwnd, rest, now);
    additiveIncrease(state, this.#count, rest);
  }

  ssthresh(state: CongestionState): number {
    this.#epochStart = -1;
    // Fast convergence: a window that did not get back to its last maximum leaves room for the others.
    this.#lastMax =
      state.cwnd < this.#lastMax ? Math.floor((state.cwnd * (SCALE + BETA)) / (2 * SCALE)) : state.cwnd;
    return Math.max(Math.floor((state.cwnd * BETA) / SCALE), MIN_SSTHRESH);
  }

  timedOut(_state: CongestionState, sndNxt: number, now: VirtualTime): void {
    this.#count = 0;
    this.#lastMax = 0;
    this.#lastCwnd = 0;
    this.#lastTime = 0;
    this.#origin = 0;
    this.#k = 0;
    this.#delayMin = 0;
    this.#epochStart = -1;
    this.#ackCount = 0;
    this.#friendly = 0;
    this.#found = false;
    this.#resetRound(sndNxt, now);
  }

  restarted(idle: VirtualTime, now: VirtualTime): void {
    // "We were application limited (idle) for a while": shift the curve, or it would have grown meanwhile.
    if (this.#epochStart >= 0 && idle > 0) this.#epochStart = Math.min(now, this.#epochStart + idle);
  }

  roundTrip(
    state: CongestionState,
    rtt: VirtualTime,
    sndUna: number,
    sndNxt: number,
    now: VirtualTime,
  ): void {
    // Samples right after a recovery still show its queue.
    if (this.#epochStart >= 0 && now - this.#epochStart < SECOND) return;
    const delay = Math.max(MICROSECOND, rtt);
    if (this.#delayMin === 0 || this.#delayMin > delay) this.#delayMin = delay;
    if (!this.#found && state.cwnd < state.ssthresh && state.cwnd >= HYSTART_LOW_WINDOW)
      this.#hystart(state, delay, sndUna, sndNxt, now);
  }

  /** How many acknowledged segments make the window grow by one now (`bictcp_update`). */
  #update(cwnd: number, segments: number, now: VirtualTime): void {
    this.#ackCount += segments;
    if (this.#lastCwnd === cwnd && now - this.#lastTime <= SECOND / 32) return;
    if (this.#epochStart < 0 || Math.floor(now / JIFFY) !== Math.floor(this.#lastTime / JIFFY)) {
      this.#lastCwnd = cwnd;
      this.#lastTime = now;
      if (this.#epochStart < 0) this.#startEpoch(cwnd, segments, now);
      this.#count = this.#cubicCount(cwnd, now);
    }
    const perFriendly = (cwnd * BETA_SCALE) >> 3;
    while (this.#ackCount > perFriendly) {
      this.#ackCount -= perFriendly;
      this.#friendly++;
    }
    if (this.#friendly > cwnd)
      this.#count = Math.min(this.#count, Math.floor(cwnd / (this.#friendly - cwnd)));
    this.#count = Math.max(this.#count, 2);
  }

  #startEpoch(cwnd: number, segments: number, now: VirtualTime): void {
    this.#epochStart = now;
    this.#ackCount = segments;
    this.#friendly = cwnd;
    if (this.#lastMax <= cwnd) {
      this.#k = 0;
      this.#origin = cwnd;
    } else {
      this.#k = cubeRoot(CUBE_FACTOR * (this.#lastMax - cwnd));
      this.#origin = this.#lastMax;
    }
  }

  #cubicCount(cwnd: number, now: VirtualTime): number {
    const t = Math.floor(((now - this.#epochStart + this.#delayMin) * 1024) / SECOND);
    const distance = Math.abs(t - this.#k);
    const delta = Math.floor((C_SCALED * distance * distance * distance) / 2 ** 40);
    const target = t < this.#k ? this.#origin - delta : this.#origin + delta;
    const count = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
    // Before the first loss the curve knows nothing: at least 5 % a round trip.
    return this.#lastMax === 0 && count > 20 ? 20 : count;
  }

  /** Leave slow start before the queue overflows: RFC 9406's ancestor, with Linux's constants. */
  #hystart(
    state: CongestionState,
    delay: VirtualTime,
    sndUna: number,
    sndNxt: number,
    now: VirtualTime,
  ): void {
    if (sndUna > this.#roundEnd) this.#resetRound(sndNxt, now);
    if (now - this.#lastAck <= HYSTART_ACK_DELTA) {
      this.#lastAck = now;
      if (now - this.#roundStart > this.#delayMin / 2) this.#leaveSlowStart(state);
    }
    if (this.#roundRtt > delay) this.#roundRtt = delay;
    if (this.#samples < HYSTART_MIN_SAMPLES) {
      this.#samples++;
      return;
    }
    const tolerated = Math.min(HYSTART_DELAY_MAX, Math.max(HYSTART_DELAY_MIN, this.#delayMin / 8));
    if (this.#roundRtt > this.#delayMin + tolerated) this.#leaveSlowStart(state);
  }

  #leaveSlowStart(state: CongestionState): void {
    this.#found = true;
    state.ssthresh = state.cwnd;
  }

  #resetRound(sndNxt: number, now: VirtualTime): void {
    this.#roundStart = now;
    this.#lastAck = now;
    this.#roundEnd = sndNxt;
    this.#roundRtt = Number.POSITIVE_INFINITY;
    this.#samples = 0;
  }
}
