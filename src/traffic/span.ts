/**
 * How fast something arrived in an interval. The interval's ends cut through whatever is arriving at that moment, so the
 * rate is taken from one arrival to another inside of it:
 *
 *   from |   x    x    x  ...  x    x   | until        what came behind the first, by the time to the last
 *
 * No wire is ever measured faster than it is. Where an end of the interval lies further from the nearest arrival than
 * any two arrivals from each other, the flow stood still there, and the whole interval counts.
 */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import type { Interval } from './measurement.ts';

export class Span {
  readonly #interval: Interval;
  #first: VirtualTime = -1;
  #last: VirtualTime = -1;
  #longestGap = 0;
  #amount = 0;
  /** Since `#last`, not yet sure to have arrived after `#first`. */
  #pending = 0;

  constructor(interval: Interval) {
    this.#interval = interval;
  }

  /**
   * `amount` is there at `now`. `complete`: nothing that came earlier is held back, so this is an instant to measure
   * from or to.
   */
  arrived(now: VirtualTime, amount: number, complete: boolean): void {
    const { from, until } = this.#interval;
    if (now < from || now >= until) return;
    if (this.#first >= 0) this.#pending += amount;
    if (!complete) return;
    if (this.#first < 0) {
      this.#first = now;
    } else {
      this.#longestGap = Math.max(this.#longestGap, now - this.#last);
      this.#amount += this.#pending;
      this.#pending = 0;
    }
    this.#last = now;
  }

  /** A second; the nanosecond that times are rounded to is added, never taken. */
  get perSecond(): number {
    const { from, until } = this.#interval;
    if (this.#last <= this.#first) return 0;
    const edge = Math.max(this.#first - from, until - this.#last);
    const length = edge > this.#longestGap ? until - from : this.#last - this.#first + 1;
    return (this.#amount * SECOND) / length;
  }
}
