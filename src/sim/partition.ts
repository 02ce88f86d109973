/**
 * The logical processes of one worker, and when each has to run.
 *
 * Virtual time is cut into windows of W = the smallest delay of any link between processes (the lookahead). Within one
 * window processes cannot influence each other, so each that has something to do runs its own loop once, in any order.
 * There is no global event queue: a wheel of windows lists who has to wake in which; empty windows are jumped over.
 *
 *   wheel   | w | w+1 | w+2 | … 1024 windows      far: a heap of (window, process) beyond the wheel
 *             └ processes
 */
import { FrameStore } from './frame-store.ts';
import type { Habitat, LogicalProcess } from './logical-process.ts';
import { NEVER, type VirtualTime } from './time.ts';

const WHEEL = 1024;

/** What a process said to the outside; the records of one process stay in the order in which it made them. */
export interface Report {
  readonly process: number;
  readonly time: VirtualTime;
  readonly record: unknown;
}

export interface PartitionOptions {
  readonly seed: number;
  readonly lookahead: VirtualTime;
  /** Run the processes of a window last to first: changes nothing, which a test holds us to. */
  readonly reversed?: boolean;
}

export class Partition implements Habitat {
  readonly frames = new FrameStore();
  readonly seed: number;
  readonly processes: LogicalProcess[] = [];
  /** Reports since the last `takeReports`. */
  #reports: Report[] = [];
  /** True when a process asked for the controller's attention since it was last cleared. */
  wantsAttention = false;
  readonly #lookahead: VirtualTime;
  readonly #reversed: boolean;
  readonly #wheel: LogicalProcess[][] = Array.from({ length: WHEEL }, () => []);
  readonly #far: Far[] = [];
  /** By process id: the window it is listed in, `NEVER` for none. Older listings are stale and skipped. */
  readonly #wakeWindow: number[] = [];
  /** By process id: the window of its one entry in the far heap, which may be earlier than it needs; `NEVER` for none. */
  readonly #farWindow: number[] = [];
  #window = 0;
  #running: LogicalProcess | undefined;

  constructor(options: PartitionOptions) {
    this.seed = options.seed;
    this.#lookahead = options.lookahead;
    this.#reversed = options.reversed === true;
  }

  add(process: LogicalProcess): void {
    this.processes.push(process);
    this.#wakeWindow[process.id] = NEVER;
    this.#farWindow[process.id] = NEVER;
  }

  /** The process whose events are being handled; after `runWindow` threw, the one that did. */
  get running(): LogicalProcess | undefined {
    return this.#running;
  }

  wake(process: LogicalProcess, time: VirtualTime): void {
    if (process === this.#running) return; // it is asked for its next time when it has run
    const window = Math.floor(time / this.#lookahead);
    if (window < this.#wakeWindow[process.id]!) this.#list(process, window);
  }

  attention(): void {
    this.wantsAttention = true;
  }

  report(process: LogicalProcess, record: unknown): void {
    this.#reports.push({ process: process.id, time: process.now, record });
  }

  takeReports(): Report[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  get reportCount(): number {
    return this.#reports.length;
  }

  /** The next window in which any process may have something to do; `NEVER` when all is quiet. */
  nextWindow(): number {
    for (let window = this.#window; window < this.#window + WHEEL; window++) {
      for (const process of this.#wheel[window % WHEEL]!) {
        if (this.#wakeWindow[process.id] === window) return window;
      }
    }
    while (this.#far.length > 0) {
      const { window, process } = this.#far[0]!;
      if (this.#wakeWindow[process.id] === window) return window;
      this.#takeFar();
    }
    return NEVER;
  }

  /** Run `window` (never an earlier one than the last), but nothing at or after `until`. */
  runWindow(window: number, until: VirtualTime): void {
    this.#window = window;
    while (this.#far.length > 0 && this.#far[0]!.window < window + WHEEL) this.#takeFar();
    const due = this.#wheel[window % WHEEL]!;
    this.#wheel[window % WHEEL] = [];
    if (this.#reversed) due.reverse();
    const horizon = Math.min((window + 1) * this.#lookahead, until);
    for (const process of due) {
      if (this.#wakeWindow[process.id] !== window) continue;
      this.#wakeWindow[process.id] = NEVER;
      this.#running = process;
      process.run(horizon);
      this.#running = undefined;
      const next = process.nextTime;
      if (next !== NEVER) this.wake(process, next);
    }
  }

  #list(process: LogicalProcess, window: number): void {
    this.#wakeWindow[process.id] = window;
    if (window < this.#window + WHEEL) this.#wheel[window % WHEEL]!.push(process);
    else this.#listFar(process, window);
  }

  /**
   * A process has at most one entry in the far heap: a node with a hold timer minutes away comes back to it after every
   * frame, and an entry each time would grow the heap with the traffic.
   */
  #listFar(process: LogicalProcess, window: number): void {
    if (this.#farWindow[process.id]! <= window) return;
    this.#farWindow[process.id] = window;
    pushFar(this.#far, { window, process });
  }

  /** Take the first far entry off, and list its process where it has to be now, unless the wheel has it. */
  #takeFar(): void {
    const { window, process } = popFar(this.#far);
    if (this.#farWindow[process.id] !== window) return; // an earlier entry took its place
    this.#farWindow[process.id] = NEVER;
    const wake = this.#wakeWindow[process.id]!;
    if (wake >= window && wake !== NEVER) this.#list(process, wake);
  }
}

interface Far {
  readonly window: number;
  readonly process: LogicalProcess;
}

function pushFar(heap: Far[], entry: Far): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0 && entry.window < heap[(at - 1) >> 1]!.window) {
    heap[at] = heap[(at - 1) >> 1]!;
    at = (at - 1) >> 1;
  }
  heap[at] = entry;
}

function popFar(heap: Far[]): Far {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.window < heap[child]!.window) child++;
    if (heap[child]!.window >= last.window) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
