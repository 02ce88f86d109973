/**
 * The timers of one logical process: a binary heap keyed by (deadline, order of arming).
 *
 * Moving an armed timer to a later time (what TCP does with every ACK) only notes the new deadline; the heap entry
 * stays where it is and is put back when it surfaces too early. Arming allocates nothing.
 */
import { NEVER, type Timer, type VirtualTime } from './time.ts';

export class TimerQueue {
  /**
   * No timer fires before this; `NEVER` when none is armed. (The true next deadline may be later: see the lazy move above.)
   * Kept at hand: the process looks at it after every event.
   */
  next: VirtualTime = NEVER;
  /** The first `#size` are the heap; what is behind them is gone, but the array keeps its room: most timers come back. */
  readonly #heap: (QueuedTimer | undefined)[] = [];
  #size = 0;
  readonly #owner: { readonly now: VirtualTime; readonly name: string };
  readonly #armed: (at: VirtualTime) => void;
  #sequence = 0;

  /** `armed` hears of every new deadline: whoever schedules the owner must know it. */
  constructor(owner: { readonly now: VirtualTime; readonly name: string }, armed: (at: VirtualTime) => void) {
    this.#owner = owner;
    this.#armed = armed;
  }

  create(expire: () => void): Timer {
    return new QueuedTimer(this, expire);
  }

  /**
   * Fire the first timer if it is due at `next` exactly; otherwise put it back where it now belongs.
   * Returns false when nothing fired.
   */
  fireNext(): boolean {
    const timer = this.#heap[0]!;
    if (timer.deadline > timer.queuedAt) {
      if (timer.deadline === NEVER) this.#removeFirst();
      else {
        timer.queuedAt = timer.deadline;
        this.#down(0);
        this.next = this.#heap[0]!.queuedAt;
      }
      return false;
    }
    this.#removeFirst();
    timer.deadline = NEVER;
    timer.expire();
    return true;
  }

  arm(timer: QueuedTimer, at: VirtualTime): void {
    if (!(at >= this.#owner.now))
      throw new Error(`${this.#owner.name}: timer for ${at}, but it is ${this.#owner.now}`);
    timer.deadline = at;
    timer.sequence = this.#sequence++;
    this.#armed(at);
    if (timer.slot < 0) {
      timer.queuedAt = at;
      timer.slot = this.#size;
      this.#heap[this.#size++] = timer;
      this.#up(timer.slot);
    } else if (at <= timer.queuedAt) {
      // A later sequence at the same time moves down, an earlier time moves up.
      const earlier = at < timer.queuedAt;
      timer.queuedAt = at;
      if (earlier) this.#up(timer.slot);
      else this.#down(timer.slot);
    } else {
      this.#down(timer.slot);
    }
    this.next = this.#heap[0]!.queuedAt;
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
    this.next = NEVER;
  }

  #removeFirst(): void {
    const first = this.#heap[0]!;
    const last = this.#heap[--this.#size]!;
    this.#heap[this.#size] = undefined;
    first.slot = -1;
    if (last === first) {
      this.next = NEVER;
      return;
    }
    this.#heap[0] = last;
    last.slot = 0;
    this.#down(0);
    this.next = this.#heap[0]!.queuedAt;
  }

  #up(from: number): void {
    const heap = this.#heap;
    const timer = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1]!;
      if (!before(timer, parent)) break;
      heap[at] = parent;
      parent.slot = at;
      at = (at - 1) >> 1;
    }
    heap[at] = timer;
    timer.slot = at;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const timer = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, timer)) break;
      heap[at] = heap[child]!;
      heap[at]!.slot = at;
      at = child;
    }
    heap[at] = timer;
    timer.slot = at;
  }
}

const before = (a: QueuedTimer, b: QueuedTimer): boolean =>
  a.queuedAt < b.queuedAt || (a.queuedAt === b.queuedAt && a.sequence < b.sequence);

class QueuedTimer implements Timer {
  deadline: VirtualTime = NEVER;
  /** The key it has in the heap; never later than `deadline`. */
  queuedAt: VirtualTime = NEVER;
  sequence = 0;
  /** Its place in the heap, -1 when it is not there. */
  slot = -1;
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
