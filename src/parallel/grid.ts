/**
 * The grid of virtual time on which a run stops when a process asked for attention: whoever polls for a result sees
 * the same instants with any number of workers, and with any window.
 */
import { MILLISECOND, type VirtualTime } from '../sim/time.ts';

export const GRID: VirtualTime = 10 * MILLISECOND;

/** The first point of the grid at or after `time`. */
export const gridAtOrAfter = (time: VirtualTime): VirtualTime => Math.ceil(time / GRID) * GRID;

/** The first point of the grid after `time`. */
export const gridAfter = (time: VirtualTime): VirtualTime => gridAtOrAfter(time + 1);

/** What a round of all workers needs to know. */
export interface Round {
  readonly window: number;
  readonly lookahead: VirtualTime;
  /** Where the round begins: everything before it is done. */
  readonly from: VirtualTime;
  /** Where the run ends at the latest. */
  readonly limit: VirtualTime;
  /** Whether somebody's attention would end the run: then a window is cut where it crosses the grid. */
  readonly heedsAttention: boolean;
}

/** Everything before this may be done in the round. */
export function horizon({ window, lookahead, from, limit, heedsAttention }: Round): VirtualTime {
  const end = Math.min((window + 1) * lookahead, limit);
  return heedsAttention ? Math.min(end, gridAfter(from)) : end;
}

/** How many windows, the first included, are over before the run has to stop or look; 0 when not even that one is. */
export function wholeWindows({ window, lookahead, from, limit, heedsAttention }: Round): number {
  const end = heedsAttention ? Math.min(limit, gridAfter(from)) : limit;
  return Math.max(0, Math.floor(end / lookahead) - window);
}
