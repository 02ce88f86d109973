/**
 * The seam between a connection and its congestion control: what Linux's `tcp_congestion_ops` is. Windows are counted
 * in segments, as in Linux.
 *
 * Loss recovery (recovery.ts) decides *when* the window is cut and repairs the loss; an algorithm says *to what*, and
 * how the window grows when all is well.
 */
import type { VirtualTime } from '../../../sim/time.ts';

/** The congestion variables of a connection, shared by the algorithm and loss recovery. */
export interface CongestionState {
  /** Congestion window in segments. */
  cwnd: number;
  /** Slow start threshold in segments; infinite until the first loss. */
  ssthresh: number;
  /** Segments acknowledged towards the next increase (Linux `snd_cwnd_cnt`). */
  cwndCount: number;
}

export interface CongestionControl {
  readonly name: 'reno' | 'cubic';
  /** Segments were acknowledged while the window was what limited us: grow. */
  acknowledged(state: CongestionState, segments: number, now: VirtualTime): void;
  /** A loss was found: the new threshold. */
  ssthresh(state: CongestionState): number;
  /** The retransmission timer expired: forget what was learnt about the path. */
  timedOut(state: CongestionState, sndNxt: number, now: VirtualTime): void;
  /** A round trip was measured. `sndUna` and `sndNxt` are after the acknowledgement that brought it. */
  roundTrip(state: CongestionState, rtt: VirtualTime, sndUna: number, sndNxt: number, now: VirtualTime): void;
  /** Data is sent after nothing was in flight for `idle`. */
  restarted(idle: VirtualTime, now: VirtualTime): void;
}

/** RFC 6928. */
export const INITIAL_WINDOW = 10;
export const MIN_SSTHRESH = 2;

/** Slow start: one segment more for each acknowledged. Returns the segments left over at the threshold. */
export function slowStart(state: CongestionState, segments: number): number {
  const cwnd = Math.min(state.cwnd + segments, state.ssthresh);
  const rest = segments - (cwnd - state.cwnd);
  state.cwnd = cwnd;
  return rest;
}

/** Additive increase: one segment more for each `per` acknowledged (Linux `tcp_cong_avoid_ai`). */
export function additiveIncrease(state: CongestionState, per: number, segments: number): void {
  if (state.cwndCount >= per) {
    state.cwndCount = 0;
    state.cwnd++;
  }
  state.cwndCount += segments;
  if (state.cwndCount >= per) {
    const more = Math.floor(state.cwndCount / per);
    state.cwndCount -= more * per;
    state.cwnd += more;
  }
}
