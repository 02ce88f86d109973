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
import { frameStore } from './frame-store.ts';
import * as Inputs from './input-heap.ts';
import type { Habitat, LogicalProcess } from './logical-process.ts';
import * as ProcessRecord from './process-record.ts';
import type { VirtualTime } from './time.ts';
import * as Time from './time.ts';
import * as Wheels from './wheel.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { ARRIVAL, DEADLINE, NUMBER, WAKE_WINDOW } = ProcessRecord;
const { insertInput } = Inputs;
const { NEVER } = Time;
const { lowestBit, WHEEL, Wheel } = Wheels;

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
  readonly frames = frameStore();
  readonly seed: number;
  readonly processes: LogicalProcess[] = [];
  /** Reports since the last `takeReports`. */
  #reports: Report[] = [];
  /** True when a process asked for the controller's attention since it was last cleared. */
  wantsAttention = false;
  readonly #lookahead: VirtualTime;
  readonly #reversed: boolean;
  readonly #wheel = new Wheel();
  readonly #far: Far[] = [];
  /** By number here: the window of its one entry in the far heap, which may be earlier than it needs; `NEVER` for none. */
  readonly #farWindow: number[] = [];
  #window = 0;
  #running: LogicalProcess | undefined;
  /** Its record; -1 while none runs. */
  #runningRecord = -1;

  constructor(options: PartitionOptions) {
    this.seed = options.seed;
    this.#lookahead = options.lookahead;
    this.#reversed = options.reversed === true;
  }

  add(process: LogicalProcess): void {
    const number = this.processes.length;
    this.processes.push(process);
    this.frames.records.words[process.record | NUMBER] = number;
    this.#farWindow[number] = NEVER;
    this.#wheel.extend(number);
    this.#wake(process.record);
  }

  /** The process whose events are being handled; after `runWindow` threw, the one that did. */
  get running(): LogicalProcess | undefined {
    return this.#running;
  }

  arrived(process: number, input: number): void {
    // Who waits for the frame of another input need not be woken for this one.
    if (insertInput(this.frames, process, input)) this.wake(process);
  }

  wake(process: number): void {
    // Who runs is asked for its next time when it has run.
    if (process !== this.#runningRecord) this.#wake(process);
  }

  /** List it in the window of its next event. Where it is in a later one already it stays, too, and is passed over there. */
  #wake(process: number): void {
    const { cells, words } = this.frames.records;
    const number = words[process | NUMBER]!;
    if (number < 0) return; // who is not here yet is woken when it is added
    const cell = process >> 1;
    const time = Math.min(cells[cell | ARRIVAL]!, cells[cell | DEADLINE]!);
    const window = Math.floor(time / this.#lookahead);
    if (window >= cells[cell | WAKE_WINDOW]!) return;
    cells[cell | WAKE_WINDOW] = window;
    if (window < this.#window + WHEEL) this.#wheel.add(number, window);
    else this.#listFar(number, window);
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
    const window = this.#wheel.next(this.#window);
    // Whoever is far is beyond the wheel: `runWindow` saw to it.
    if (window !== NEVER) return window;
    while (this.#far.length > 0) {
      const { window, number } = this.#far[0]!;
      if (this.#wakeWindow(number) === window) return window;
      this.#takeFar();
    }
    return NEVER;
  }

  /** Run `window` (never an earlier one than the last), but nothing at or after `until`. */
  runWindow(window: number, until: VirtualTime): void {
    this.#window = window;
    while (this.#far.length > 0 && this.#far[0]!.window < window + WHEEL) this.#takeFar();
    const horizon = Math.min((window + 1) * this.#lookahead, until);
    const wheel = this.#wheel;
    wheel.open(window);
    const { width } = wheel;
    for (let i = 0; i < width; i++) {
      const word = this.#reversed ? width - 1 - i : i;
      let members = wheel.take(window, word);
      while (members !== 0) {
        const bit = this.#reversed ? 31 - Math.clz32(members) : lowestBit(members);
        members &= ~(1 << bit);
        this.#runProcess(this.processes[32 * word + bit]!, window, horizon);
      }
    }
  }

  #runProcess(process: LogicalProcess, window: number, horizon: VirtualTime): void {
    const { records } = this.frames;
    const { record } = process;
    if (records.cells[(record >> 1) | WAKE_WINDOW] !== window) return; // it was woken for another one since
    records.cells[(record >> 1) | WAKE_WINDOW] = NEVER;
    this.#running = process;
    this.#runningRecord = record;
    process.run(horizon);
    this.#running = undefined;
    this.#runningRecord = -1;
    this.#wake(record);
  }

  /**
   * A process has one entry in the far heap that counts: a node with a hold timer minutes away comes back to it after every
   * frame, and an entry each time would grow the heap with the traffic. One that an earlier entry displaced stays until it
   * surfaces: at most one for each far timer that fired meanwhile.
   */
  #listFar(number: number, window: number): void {
    if (this.#farWindow[number]! <= window) return;
    this.#farWindow[number] = window;
    pushFar(this.#far, { window, number });
  }

  #wakeWindow(number: number): number {
    return this.frames.records.cells[(this.processes[number]!.record >> 1) | WAKE_WINDOW]!;
  }

  /** Take the first far entry off, and list its process where it has to be now, unless the wheel has it. */
  #takeFar(): void {
    const { window, number } = popFar(this.#far);
    if (this.#farWindow[number] !== window) return; // an earlier entry took its place
    this.#farWindow[number] = NEVER;
    const wake = this.#wakeWindow(number);
    if (wake < window || wake === NEVER) return;
    if (wake < this.#window + WHEEL) this.#wheel.add(number, wake);
    else this.#listFar(number, wake);
  }
}

interface Far {
  readonly window: number;
  readonly number: number;
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
