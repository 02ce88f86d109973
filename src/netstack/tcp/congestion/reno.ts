/** Reno: slow start and congestion avoidance of RFC 5681, in segments as Linux's `tcp_reno_*`. */
import type { VirtualTime } from '../../../sim/time.ts';
import {
  additiveIncrease,
  type CongestionControl,
  type CongestionState,
  MIN_SSTHRESH,
  slowStart,
} from './control.ts';

export class Reno implements CongestionControl {
  readonly name = 'reno';

  acknowledged(state: CongestionState, segments: number, _now: VirtualTime): void {
    const rest = state.cwnd < state.ssthresh ? slowStart(state, segments) : segments;
    if (rest > 0) additiveIncrease(state, state.cwnd, rest);
  }

  ssthresh(state: CongestionState): number {
    return Math.max(state.cwnd >> 1, MIN_SSTHRESH);
  }

  timedOut(): void {}

  roundTrip(): void {}

  restarted(): void {}
}
