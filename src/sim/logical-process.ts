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
import { COMMAND, Fingerprint, mixEvent, mixFrame, TIMER } from './fingerprint.ts';
import type { Frame, FrameStore } from './frame-store.ts';
import { InputHeap } from './input-heap.ts';
import { InputQueue, type Receiver, type Transmitter } from './link.ts';
import { ARRIVAL, DEADLINE, NOW, WAKE_WINDOW } from './process-record.ts';
import { Random } from './random.ts';
import { type Clock, NEVER, type Timer, type VirtualTime } from './time.ts';
import { TimerQueue } from './timers.ts';

/** What a process is given by the partition it lives in. */
export interface Habitat {
  readonly frames: FrameStore;
  readonly seed: number;
  /** What the process has to do next, by its record, may be earlier than before. */
  wake(process: LogicalProcess): void;
  /** Ask the controller to stop at its next grid point: a program ended, somebody outside waits for this. */
  attention(): void;
  /** A record for the outside (trace, capture, program output). Plain data; order is kept per process. */
  report(process: LogicalProcess, record: unknown): void;
}

export abstract class LogicalProcess implements Clock, Receiver {
  readonly frames: FrameStore;
  /** Where its numbers are, in `frames.records`. */
  readonly record: number;
  /** The input whose frame is next; the others that hold frames are in `#others`. Mostly there are none. */
  #earliest: InputQueue | undefined;
  readonly #others = new InputHeap();
  readonly fingerprint: Fingerprint;
  /** Its place among the processes of its partition, which sets it. */
  number = -1;
  readonly id: number;
  readonly #timers: TimerQueue;
  /** Outgoing links by jack. */
  readonly outputs: Transmitter[] = [];
  protected readonly habitat: Habitat;
  readonly name: string;

  constructor(id: number, name: string, habitat: Habitat) {
    this.id = id;
    this.name = name;
    this.habitat = habitat;
    this.frames = habitat.frames;
    const { records } = this.frames;
    this.record = records.reserve();
    records.cells[this.record + ARRIVAL] = NEVER;
    records.cells[this.record + WAKE_WINDOW] = NEVER;
    this.fingerprint = new Fingerprint(records, this.record);
    this.#timers = new TimerQueue(this, () => habitat.wake(this), records, this.record + DEADLINE);
  }

  get now(): VirtualTime {
    return this.frames.records.cells[this.record + NOW]!;
  }

  protected set now(time: VirtualTime) {
    this.frames.records.cells[this.record + NOW] = time;
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
    const input = new InputQueue(this.frames, source * 2 ** 20 + order, jack, this);
    this.#others.extend(input);
    return input;
  }

  /** Handle everything before `horizon`. */
  run(horizon: VirtualTime): void {
    const { records } = this.frames;
    const at = this.record;
    for (;;) {
      const { cells } = records;
      const arrival = cells[at + ARRIVAL]!;
      const deadline = cells[at + DEADLINE]!;
      if (arrival <= deadline) {
        if (arrival >= horizon) return;
        cells[at + NOW] = arrival;
        this.#takeFrame(arrival);
      } else {
        if (deadline >= horizon) return;
        cells[at + NOW] = deadline;
        if (this.#timers.fireNext()) mixEvent(records.cells, at, TIMER, deadline);
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

  #takeFrame(time: VirtualTime): void {
    const input = this.#earliest!;
    const frame = input.take();
    this.#chooseEarliest(input);
    mixFrame(this.frames.records.cells, this.record, this.frames, frame, time);
    this.receive(frame, input.jack);
  }

  /** A frame of `input`, the earliest, was taken: which one is it now? */
  #chooseEarliest(input: InputQueue): void {
    const others = this.#others;
    let earliest: InputQueue | undefined = input;
    let time = input.headTime();
    if (others.size > 0 && others.isFirstBefore(time, input.order)) {
      earliest = others.first;
      const earlier = others.firstTime;
      if (time === NEVER) others.removeFirst();
      else others.replaceFirst(time, input);
      time = earlier;
    } else if (time === NEVER) earliest = undefined;
    this.#earliest = earliest;
    this.frames.records.cells[this.record + ARRIVAL] = time;
  }

  /** `input`, which was empty, has a frame. */
  arrived(input: InputQueue): void {
    const { cells } = this.frames.records;
    const time = input.headTime();
    const earliest = this.#earliest;
    if (earliest !== undefined) {
      const earliestTime = cells[this.record + ARRIVAL]!;
      if (earliestTime < time || (earliestTime === time && earliest.order < input.order)) {
        this.#others.insert(time, input); // who waits for another's frame need not be woken for this one
        return;
      }
      this.#others.insert(earliestTime, earliest);
    }
    this.#earliest = input;
    cells[this.record + ARRIVAL] = time;
    this.habitat.wake(this);
  }
}
