/**
 * Finds the worker that does not come back from a window or a command, and workers that all wait for each other in a run. It
 * only looks while somebody waits for them.
 */
import { type Barrier, BUSY } from './barrier.ts';

/** Looks in the time after which a worker is held to be stuck. */
const LOOKS = 8;

export class Watchdog {
  readonly #barrier: Barrier;
  readonly #intervalMs: number;
  readonly #stuck: (worker: number) => void;
  readonly #beats: number[] = [];
  /** By worker: looks without a beat. A count, not a time: a program that was stopped for an hour is not stuck. */
  readonly #silent: number[] = [];
  /** Looks in which nobody was at work, in a run; `undefined` outside of one, when a worker may have nothing to do. */
  #idle: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(barrier: Barrier, limitMs: number, stuck: (worker: number) => void) {
    this.#barrier = barrier;
    this.#intervalMs = Math.max(1, limitMs / LOOKS);
    this.#stuck = stuck;
  }

  /** `isRun`: until it stops, somebody has something to do. */
  start(isRun = false): void {
    this.#silent.fill(0);
    this.#idle = isRun ? 0 : undefined;
    this.#timer = setInterval(() => this.#look(), this.#intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A worker that is doing something now. */
  busyWorker(): number | undefined {
    for (let worker = 0; worker < this.#barrier.shape.workers; worker++)
      if (this.#barrier.pulse(worker).activity === BUSY) return worker;
    return undefined;
  }

  #look(): void {
    let isIdle = true;
    for (let worker = 0; worker < this.#barrier.shape.workers; worker++) {
      const { activity, beat } = this.#barrier.pulse(worker);
      const hasBeaten = beat !== this.#beats[worker];
      if (activity === BUSY || hasBeaten) isIdle = false;
      this.#beats[worker] = beat;
      this.#silent[worker] = activity === BUSY && !hasBeaten ? (this.#silent[worker] ?? 0) + 1 : 0;
      if (this.#silent[worker]! >= LOOKS) {
        this.#stuck(worker);
        return;
      }
    }
    if (this.#idle === undefined) return;
    this.#idle = isIdle ? this.#idle + 1 : 0;
    if (this.#idle >= LOOKS) this.#stuck(0);
  }
}
