/**
 * Who lets virtual time pass. There is one driver, the command in the foreground; those in the background wait until
 * somebody else's time brings what they wait for. Exactly one of all of them runs at any moment, so that a session gives
 * the same output whenever it is typed again.
 *
 *   foreground   until(done) ──> step 100 ms ──> wake background tasks that have what they want ──> step …
 *   background   until(done) ──> parked ─────────────^        parks again, or ends
 */
import type { Controller } from '../controller/controller.ts';
import { MILLISECOND, NEVER, SECOND, type VirtualTime } from '../sim/time.ts';

/** How far the driver goes before it looks who waits for something, and shows what was printed. */
const SLICE: VirtualTime = 100 * MILLISECOND;
/** A command that never ends by itself gets its Ctrl-C after so long where there is nobody to press it. */
const PATIENCE: VirtualTime = 10 * SECOND;

export interface Wait {
  /** Give up then. */
  readonly deadline?: VirtualTime;
  /** The command would go on for ever (`ping` without `-c`): it is shown at the pace of the wall clock. */
  readonly endless?: boolean;
  readonly signal?: AbortSignal;
  /** Done after each slice, to look at what a mere condition cannot see. */
  readonly each?: () => Promise<void>;
}

export interface ShellTime {
  readonly now: VirtualTime;
  /** Let time pass until `done`, the deadline, or the signal. True when it is done. */
  until(done: () => boolean, wait?: Wait): Promise<boolean>;
}

/** Something in the background. */
class Task {
  ended = false;
  wants: (() => boolean) | undefined;
  #wake = (): void => {};
  #parked = (): void => {};
  #rest: Promise<void> = Promise.resolve();

  /** Run `body` until it waits for the first time, or ends. */
  async launch(body: () => Promise<void>): Promise<void> {
    this.#rest = this.#untilParked();
    void body().finally(() => {
      this.ended = true;
      this.#parked();
    });
    await this.#rest;
  }

  /** Called by the task itself: nothing more to do before `wants` holds. */
  park(wants: () => boolean): Promise<void> {
    const woken = new Promise<void>(resolve => {
      this.#wake = resolve;
    });
    this.wants = wants;
    this.#parked();
    return woken;
  }

  /** Let it go on to its next wait, or to its end. */
  async resume(): Promise<void> {
    this.wants = undefined;
    this.#rest = this.#untilParked();
    this.#wake();
    await this.#rest;
  }

  #untilParked(): Promise<void> {
    return new Promise(resolve => {
      this.#parked = resolve;
    });
  }
}

export class Clockwork {
  readonly #controller: Controller;
  readonly #pace: ((milliseconds: number) => Promise<void>) | undefined;
  #tasks: Task[] = [];

  /** `pace` waits by the wall clock: given where somebody sits in front of it. */
  constructor(controller: Controller, pace?: (milliseconds: number) => Promise<void>) {
    this.#controller = controller;
    this.#pace = pace;
  }

  /** Time as the foreground has it. */
  foreground(): ShellTime {
    const controller = this.#controller;
    return {
      get now() {
        return controller.now;
      },
      until: (done, wait = {}) => this.#drive(done, wait),
    };
  }

  /** Start `body` in the background; returns when it waits for the first time or has ended. */
  async background(body: (time: ShellTime) => Promise<void>): Promise<void> {
    const task = new Task();
    const controller = this.#controller;
    const time: ShellTime = {
      get now() {
        return controller.now;
      },
      until: async (done, wait = {}) => {
        const over = (): boolean =>
          done() || controller.now >= (wait.deadline ?? NEVER) || wait.signal?.aborted === true;
        while (!over()) {
          await task.park(() => wait.each !== undefined || over());
          await wait.each?.();
        }
        return done();
      },
    };
    this.#tasks.push(task);
    await task.launch(() => body(time));
    this.#forget();
  }

  /** Background tasks that have what they wait for go on, in the order in which they were started. */
  async settle(): Promise<void> {
    for (const task of [...this.#tasks]) if (!task.ended && task.wants?.()) await task.resume();
    this.#forget();
  }

  async #drive(done: () => boolean, wait: Wait): Promise<boolean> {
    const controller = this.#controller;
    const paced = wait.endless === true ? this.#pace : undefined;
    const patience = wait.endless === true && paced === undefined ? controller.now + PATIENCE : NEVER;
    const deadline = Math.min(wait.deadline ?? NEVER, patience);
    while (!done() && controller.now < deadline && wait.signal?.aborted !== true) {
      await controller.step(Math.min(deadline, (Math.floor(controller.now / SLICE) + 1) * SLICE));
      await this.settle();
      await wait.each?.();
      if (paced !== undefined) await paced(SLICE / MILLISECOND);
    }
    return done();
  }

  #forget(): void {
    this.#tasks = this.#tasks.filter(task => !task.ended);
  }
}
