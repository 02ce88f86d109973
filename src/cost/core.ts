/**
 * One core of a host: a server that does one packet after the other, first in, first out.
 *
 *   submit ──> [ backlog, at most 1000 ] ──> busy for the price ──> (latency) ──> out
 *
 * When a packet comes out is known when it goes in, so that a packet costs one timer and no look at the queue.
 */
import { type Frame, FrameQueue, type FrameStore, NO_FRAME } from '../sim/frame-store.ts';
import type { Clock, Timer, VirtualTime } from '../sim/time.ts';

/** `net.core.netdev_max_backlog`. */
const BACKLOG = 1000;

export class Core {
  /** ns of work given to it so far, this packet's included from the moment it went in. */
  accepted = 0;
  readonly #clock: Clock;
  readonly #frames: FrameStore;
  readonly #queue: FrameQueue;
  readonly #timer: Timer;
  readonly #done: (frame: Frame) => void;
  /** Not rounded, so that a rate does not drift by a nanosecond a packet. */
  #busyUntil = 0;
  #lastOut: VirtualTime = 0;

  /** `done` gets every frame when its work is over. */
  constructor(clock: Clock, frames: FrameStore, done: (frame: Frame) => void) {
    this.#clock = clock;
    this.#frames = frames;
    this.#queue = new FrameQueue(frames);
    this.#done = done;
    this.#timer = clock.timer(() => this.#finish());
  }

  /** When it has done what it was given. */
  get busyUntil(): VirtualTime {
    return Math.ceil(this.#busyUntil);
  }

  get isBusy(): boolean {
    return this.#busyUntil > this.#clock.now;
  }

  /** ns of work done until now. */
  get done(): number {
    return this.accepted - Math.max(0, this.#busyUntil - this.#clock.now);
  }

  /** Work on `frame` for `work` ns and hand it on `latency` later. False when the backlog is full: it stays the caller's. */
  submit(frame: Frame, work: number, latency: VirtualTime): boolean {
    if (this.#queue.length >= BACKLOG) return false;
    const { now } = this.#clock;
    this.#busyUntil = Math.max(this.#busyUntil, now) + work;
    this.accepted += work;
    const out = Math.max(this.#lastOut, Math.floor(this.#busyUntil) + latency);
    this.#lastOut = out;
    this.#frames.time[frame] = out;
    this.#queue.add(frame);
    if (!this.#timer.armed) this.#timer.arm(Math.max(now, out));
    return true;
  }

  /** Take everything out that waits: the host has no power any more. */
  *drain(): Generator<Frame> {
    for (;;) {
      const frame = this.#queue.take();
      if (frame === NO_FRAME) return;
      yield frame;
    }
  }

  #finish(): void {
    const { now } = this.#clock;
    while (this.#queue.headTime() <= now) this.#done(this.#queue.take());
    const next = this.#queue.headTime();
    if (next !== Number.POSITIVE_INFINITY) this.#timer.arm(next);
  }
}
