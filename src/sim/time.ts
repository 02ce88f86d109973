/**
 * Virtual time: whole nanoseconds since the run began, in a float64.
 * Exact below 2^53 ns, which is about 104 days: no run goes on after that (`RunState.checkUntil`).
 */
export type VirtualTime = number;

export const NANOSECOND = 1;
export const MICROSECOND = 1_000;
export const MILLISECOND = 1_000_000;
export const SECOND = 1_000_000_000;
export const NEVER: VirtualTime = Number.POSITIVE_INFINITY;

/** What a daemon needs of its logical process: the time, and timers. */
export interface Clock {
  /** Virtual time of the event that is being handled. */
  readonly now: VirtualTime;
  /** A new, unarmed timer. Make it once and arm it often: arming allocates nothing. */
  timer(expire: () => void): Timer;
}

/** A timer of one logical process. It fires at most once per `arm`, after every frame of the same instant. */
export interface Timer {
  /** When it will fire; `NEVER` if it is not armed. */
  readonly deadline: VirtualTime;
  readonly armed: boolean;
  /** Fire at `at` (>= now); an armed timer is moved. */
  arm(at: VirtualTime): void;
  cancel(): void;
}
