/**
 * Virtual time by the clock of the wall: the one real-time mode. A loop owns the lab; it runs it up to where the wall
 * clock is, carries out what has happened outside meanwhile, and sleeps until something does, 10 ms at most.
 *
 *      post(action) ──┐                      wall  ----|-----|--x--|-----|----
 *                     v                      virtual     run    run  run
 *   run to wall time, actions, sleep ──> …                     action
 *
 * A lab that cannot keep up is late, and catches up when it can; nothing in it notices.
 */
import type { Controller } from '../controller/controller.ts';
import type { VirtualTime } from '../sim/time.ts';

/** Wall time between two looks; a BGP timer is late by no more than this. */
const TICK_MS = 10;

export class RealTime {
  readonly #controller: Controller;
  readonly #actions: (() => Promise<void>)[] = [];
  #wake: (() => void) | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** Have `action` carried out between two runs, when virtual time has come to where the wall clock is. */
  post(action: () => Promise<void>): void {
    this.#actions.push(action);
    this.#wake?.();
  }

  /** The same, for somebody who waits for an answer. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.post(() => question().then(resolve, reject));
    });
  }

  /** Let time pass until `signal`. Rejects when the lab breaks. */
  async run(signal: AbortSignal): Promise<void> {
    const begin = this.#controller.now;
    const wallBegin = performance.now();
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const passed: VirtualTime = Math.round((performance.now() - wallBegin) * 1e6);
        await this.#controller.run(Math.max(begin + passed, this.#controller.now));
        for (const action of this.#actions.splice(0)) await action();
        if (this.#actions.length === 0 && !signal.aborted) await this.#sleep();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #sleep(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#wake?.(), TICK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
