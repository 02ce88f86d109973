/**
 * The timers of one logical process: a binary heap keyed by (deadline, order of arming).
 *
 * Moving an armed timer to a later time (what TCP does with every ACK) only notes the new deadline; the heap entry
 * stays where it is and is put back when it surfaces too early. Arming allocates nothing.
 */
import { NumberRecords } from './number-records.ts';
import type { Timer, VirtualTime } from './time.ts';
import * as Time from './time.ts';

const { NEVER } = Time;

export class TimerQueue {
  readonly #records: NumberRecords;
  readonly #nextAt: number;
  /**
   * The first `#size` are the heap, keys apart from their timers; what is behind them is gone, but the arrays keep their
   * room: most timers come back.
   */
  readonly #queuedAt: VirtualTime[] = [];
  readonly #sequences: number[] = [];
  readonly #heap: (QueuedTimer | undefined)[] = [];
  #size = 0;
  #sequence = 0;
  readonly #owner: { readonly now: VirtualTime; readonly name: string };
  readonly #armed: () => void;

  /**
   * `armed` is told when an earlier one than before was armed: whoever schedules the owner must know it. `next` is kept in the cell `nextAt` of
   * `records`.
   */
  constructor(
    owner: { readonly now: VirtualTime; readonly name: string },
    armed: () => void,
    records = new NumberRecords(),
    nextAt = records.reserve(),
  ) {
    this.#owner = owner;
    this.#armed = armed;
    this.#records = records;
    this.#nextAt = nextAt;
    this.#noteNext();
  }

  /**
   * No timer fires before this; `NEVER` when none is armed. (The true next deadline may be later: see the lazy move above.)
   */
  get next(): VirtualTime {
    return this.#records.cells[this.#nextAt]!;
  }

  #noteNext(): void {
    this.#records.cells[this.#nextAt] = this.#size === 0 ? NEVER : this.#queuedAt[0]!;
  }

  create(expire: () => void): Timer {
    return new QueuedTimer(this, expire);
  }

  /**
   * Fire the first timer if it is due at `next` exactly, and is the first that was armed for it; otherwise put it back
   * where it now belongs.
   * Returns false when nothing fired.
   */
  fireNext(): boolean {
    const timer = this.#heap[0]!;
    const { deadline } = timer;
    if (deadline > this.#queuedAt[0]! || timer.sequence !== this.#sequences[0]!) {
      if (deadline === NEVER) this.#removeFirst();
      else this.#down(0, timer, deadline);
      this.#noteNext();
      return false;
    }
    this.#removeFirst();
    this.#noteNext();
    timer.deadline = NEVER;
    timer.expire();
    return true;
  }

  arm(timer: QueuedTimer, at: VirtualTime): void {
    if (!(at >= this.#owner.now))
      throw new Error(`${this.#owner.name}: timer for ${at}, but it is ${this.#owner.now}`);
    timer.deadline = at;
    timer.sequence = this.#sequence++;
    const { slot } = timer;
    // A later time, and a later place among those of the same time, are found out about later.
    if (slot >= 0 && at >= this.#queuedAt[slot]!) return;
    this.#up(slot < 0 ? this.#size++ : slot, timer, at);
    this.#noteNext();
    this.#armed();
  }

  /** Cancel all of them. */
  clear(): void {
    for (let i = 0; i < this.#size; i++) {
      const timer = this.#heap[i]!;
      timer.deadline = NEVER;
      timer.slot = -1;
      this.#heap[i] = undefined;
    }
    this.#size = 0;
    this.#noteNext();
  }

  #removeFirst(): void {
    const first = this.#heap[0]!;
    const last = --this.#size;
    const timer = this.#heap[last]!;
    this.#heap[last] = undefined;
    first.slot = -1;
    if (timer !== first) this.#down(0, timer, this.#queuedAt[last]!);
  }

  #put(slot: number, timer: QueuedTimer, queuedAt: VirtualTime, sequence: number): void {
    this.#queuedAt[slot] = queuedAt;
    this.#sequences[slot] = sequence;
    this.#heap[slot] = timer;
    timer.slot = slot;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#heap[from]!, this.#queuedAt[from]!, this.#sequences[from]!);
  }

  /** Is what lies at `slot` before a timer with that key? */
  #isBefore(slot: number, queuedAt: VirtualTime, sequence: number): boolean {
    const other = this.#queuedAt[slot]!;
    return other < queuedAt || (other === queuedAt && this.#sequences[slot]! < sequence);
  }

  /** Put `timer` where it belongs, at `from` or above. */
  #up(from: number, timer: QueuedTimer, queuedAt: VirtualTime): void {
    const { sequence } = timer;
    let at = from;
    while (at > 0 && !this.#isBefore((at - 1) >> 1, queuedAt, sequence)) {
      this.#move((at - 1) >> 1, at);
      at = (at - 1) >> 1;
    }
    this.#put(at, timer, queuedAt, sequence);
  }

  /** Put `timer` where it belongs, at `from` or below. */
  #down(from: number, timer: QueuedTimer, queuedAt: VirtualTime): void {
    const { sequence } = timer;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (
        child + 1 < this.#size &&
        !this.#isBefore(child, this.#queuedAt[child + 1]!, this.#sequences[child + 1]!)
      )
        child++;
      if (!this.#isBefore(child, queuedAt, sequence)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, timer, queuedAt, sequence);
  }
}

class QueuedTimer implements Timer {
  /** Its place in the heap, -1 when it is not there. The heap's key is never later than `deadline`. */
  slot = -1;
  deadline: VirtualTime = NEVER;
  sequence = 0;
  readonly expire: () => void;
  readonly #queue: TimerQueue;

  constructor(queue: TimerQueue, expire: () => void) {
    this.#queue = queue;
    this.expire = expire;
  }

  get armed(): boolean {
    return this.deadline !== NEVER;
  }

  arm(at: VirtualTime): void {
    this.#queue.arm(this, at);
  }

  cancel(): void {
    this.deadline = NEVER;
  }
}
