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
import { COMMAND, Fingerprint, TIMER } from './fingerprint.ts';
import type { Frame, FrameStore } from './frame-store.ts';
import { InputQueue, type Receiver, type Transmitter } from './link.ts';
import { Random } from './random.ts';
import { type Clock, NEVER, type Timer, type VirtualTime } from './time.ts';
import { TimerQueue } from './timers.ts';

/** What a process is given by the partition it lives in. */
export interface Habitat {
  readonly frames: FrameStore;
  readonly seed: number;
  /** Something may be earlier than the process announced: look at it again before `time`. */
  wake(process: LogicalProcess, time: VirtualTime): void;
  /** Ask the controller to stop at its next grid point: a program ended, somebody outside waits for this. */
  attention(): void;
  /** A record for the outside (trace, capture, program output). Plain data; order is kept per process. */
  report(process: LogicalProcess, record: unknown): void;
}

export abstract class LogicalProcess implements Clock, Receiver {
  readonly id: number;
  readonly name: string;
  readonly frames: FrameStore;
  readonly fingerprint = new Fingerprint();
  /** Outgoing links by jack. */
  readonly outputs: Transmitter[] = [];
  now: VirtualTime = 0;
  protected readonly habitat: Habitat;
  /** A heap of the `#waiting` inputs that hold frames; the array has room for all. */
  readonly #inputs: InputQueue[] = [];
  #waiting = 0;
  readonly #timers: TimerQueue;

  constructor(id: number, name: string, habitat: Habitat) {
    this.id = id;
    this.name = name;
    this.habitat = habitat;
    this.frames = habitat.frames;
    this.#timers = new TimerQueue(this, at => habitat.wake(this, at));
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
    return new InputQueue(this.frames, source * 2 ** 20 + order, jack, this);
  }

  /** Nothing happens here before this time unless a frame comes. */
  get nextTime(): VirtualTime {
    const frames = this.#waiting === 0 ? NEVER : this.#inputs[0]!.arrival;
    return Math.min(frames, this.#timers.next);
  }

  /** Handle everything before `horizon`. */
  run(horizon: VirtualTime): void {
    for (;;) {
      const arrival = this.#waiting === 0 ? NEVER : this.#inputs[0]!.arrival;
      const deadline = this.#timers.next;
      if (arrival <= deadline) {
        if (arrival >= horizon) return;
        this.now = arrival;
        this.#takeFrame();
      } else {
        if (deadline >= horizon) return;
        this.now = deadline;
        if (this.#timers.fireNext()) this.fingerprint.event(TIMER, deadline);
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

  #takeFrame(): void {
    const input = this.#inputs[0]!;
    const frame = input.take();
    if (input.arrival === NEVER) this.#removeFirst();
    else this.#down(0);
    this.fingerprint.frame(this.frames, frame, this.now);
    this.receive(frame, input.jack);
  }

  /** `input`, which was empty, has a frame. */
  arrived(input: InputQueue): void {
    const heap = this.#inputs;
    let at = this.#waiting++;
    while (at > 0 && before(input, heap[(at - 1) >> 1]!)) {
      heap[at] = heap[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    heap[at] = input;
    this.habitat.wake(this, input.arrival);
  }

  #removeFirst(): void {
    this.#inputs[0] = this.#inputs[--this.#waiting]!;
    if (this.#waiting > 1) this.#down(0);
  }

  #down(from: number): void {
    const heap = this.#inputs;
    const input = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#waiting) break;
      if (child + 1 < this.#waiting && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, input)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = input;
  }
}

function before(a: InputQueue, b: InputQueue): boolean {
  return a.arrival < b.arrival || (a.arrival === b.arrival && a.order < b.order);
}
