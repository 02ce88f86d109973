/** How long a session waits after an error before it starts again: 5 s, doubled up to 30 s, forgotten after 300 s (BIRD). */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import type { PeerConfig } from './config.ts';

const MIN_SEC = 5;
const MAX_SEC = 30;
const FORGET_SEC = 300;

export class ErrorWait {
  /** In force, before jitter; 0 when there is none. */
  seconds = 0;
  #last: VirtualTime | undefined;

  count(now: VirtualTime, { errorWaitMinSec, errorWaitMaxSec }: PeerConfig): void {
    if (this.#last !== undefined && now - this.#last >= FORGET_SEC * SECOND) this.seconds = 0;
    this.#last = now;
    this.seconds =
      this.seconds === 0
        ? (errorWaitMinSec ?? MIN_SEC)
        : Math.min(2 * this.seconds, errorWaitMaxSec ?? MAX_SEC);
  }
}
