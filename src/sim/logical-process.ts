/**
 * A logical process: a node, a router, a switch, the datastore. It owns all its state and shares nothing; all it can do
 * to another is transmit a frame over a link whose delay is not zero.
 *
 *        input links (heap of the non-empty ones, by arrival)      timers (heap)
 *                 \                                                  /
 *                  run(horizon): take the earliest; at equal time frames before timers,
 *                  and among frames the lower (source process, link) first
 *                          |
 *                  receive(frame, jack)  or  the timer's callback, each to completion
 *                          |
 *                  settle(): what they left in the process's own backlog, at the same instant
 */
import * as Print from './fingerprint.ts';
import { Fingerprint } from './fingerprint.ts';
import type { Frame, FrameStore } from './frame-store.ts';
import * as Inputs from './input-heap.ts';
import { type Arrivals, InputQueue, type Transmitter } from './link.ts';
import * as LinkRecord from './link-record.ts';
import * as ProcessRecord from './process-record.ts';
import { Random } from './random.ts';
import type { Clock, Timer, VirtualTime } from './time.ts';
import * as Time from './time.ts';
import { TimerQueue } from './timers.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { ARRIVAL, DEADLINE, NOW, NUMBER, WAKE_WINDOW } = ProcessRecord;
const { JACK } = LinkRecord;
const { extendInputs, firstInput, takeFrame } = Inputs;
const { COMMAND, mixEvent, mixFrame, TIMER } = Print;
const { NEVER } = Time;

/** What a process is given by the partition it lives in. */
export interface Habitat extends Arrivals {
  readonly frames: FrameStore;
  readonly seed: number;
  /** What the process of that record has to do next may be earlier than before. */
  wake(process: number): void;
  /** Ask the controller to stop at its next grid point: a program ended, somebody outside waits for this. */
  attention(): void;
  /** A record for the outside (trace, capture, program output). Plain data; order is kept per process. */
  report(process: LogicalProcess, record: unknown): void;
}

export abstract class LogicalProcess implements Clock {
  // What every event needs comes first, in one cache line: V8 lays fields out in this order.
  readonly frames: FrameStore;
  /** Where its numbers are, in `frames.records`. */
  readonly record: number;
  readonly #timers: TimerQueue;
  readonly habitat: Habitat;
  /** Outgoing links by jack. */
  readonly outputs: Transmitter[] = [];
  readonly fingerprint: Fingerprint;
  readonly id: number;
  readonly name: string;

  constructor(id: number, name: string, habitat: Habitat) {
    this.id = id;
    this.name = name;
    this.habitat = habitat;
    this.frames = habitat.frames;
    const { records } = this.frames;
    this.record = records.reserve();
    records.cells[(this.record >> 1) | ARRIVAL] = NEVER;
    records.cells[(this.record >> 1) | WAKE_WINDOW] = NEVER;
    records.words[this.record | NUMBER] = -1;
    this.fingerprint = new Fingerprint(records, this.record);
    this.#timers = new TimerQueue(
      this,
      () => habitat.wake(this.record),
      records,
      (this.record >> 1) | DEADLINE,
    );
  }

  get now(): VirtualTime {
    return this.frames.records.cells[(this.record >> 1) | NOW]!;
  }

  protected set now(time: VirtualTime) {
    this.frames.records.cells[(this.record >> 1) | NOW] = time;
  }

  /** A frame arrives on input `jack`. The process owns it now: it transmits it, keeps it or frees it. */
  protected abstract receive(frame: Frame, jack: number): void;

  /** Called once at virtual time 0, when all links are in place. */
  abstract boot(): void;

  /** Carry out a command of the journal, at `now`. Returns plain data. */
  protected abstract execute(command: unknown): unknown;

  /** Empty the process's own backlog (veth hand-overs). Runs after every event, at the same instant. */
  protected settle(): void {}

  /** A random stream for one purpose of this process. */
  random(purpose: string): Random {
    return new Random(this.habitat.seed, `${this.name}/${purpose}`);
  }

  timer(expire: () => void): Timer {
    return this.#timers.create(expire);
  }

  /** Nothing that was armed happens any more: the process loses its power. */
  protected cancelTimers(): void {
    this.#timers.clear();
  }

  /** The input for a link from process `source`; `order` breaks ties between several links of one source. */
  addInput(source: number, order: number, jack: number): InputQueue {
    extendInputs(this.frames.records, this.record);
    return new InputQueue(this.frames, source * 2 ** 20 + order, jack, this.record, this.habitat);
  }

  /** Handle everything before `horizon`. */
  run(horizon: VirtualTime): void {
    const { records } = this.frames;
    const at = this.record;
    const cell = at >> 1;
    for (;;) {
      const { cells } = records;
      const arrival = cells[cell | ARRIVAL]!;
      const deadline = cells[cell | DEADLINE]!;
      if (arrival <= deadline) {
        if (arrival >= horizon) return;
        cells[cell | NOW] = arrival;
        const input = firstInput(records, at);
        const frame = takeFrame(this.frames, at);
        mixFrame(records, at, this.frames, frame);
        this.receive(frame, records.words[input | JACK]!);
      } else {
        if (deadline >= horizon) return;
        cells[cell | NOW] = deadline;
        if (this.#timers.fireNext()) mixEvent(records, at, TIMER);
        else continue;
      }
      this.settle();
    }
  }

  /** Carry out a journal command at virtual time `at`: nothing earlier is left to do. */
  command(at: VirtualTime, command: unknown): unknown {
    this.now = at;
    this.fingerprint.event(COMMAND, at);
    this.fingerprint.text(JSON.stringify(command));
    const result = this.execute(command);
    this.settle();
    return result;
  }

  start(): void {
    this.boot();
    this.settle();
  }
}
