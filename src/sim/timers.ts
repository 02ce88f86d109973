/**
 * The timers of one logical process: a binary heap keyed by (deadline, order of arming). A line holds an entry of the heap
 * in its first half and a ticket in its second, which belong to different timers: an entry names its ticket, a ticket its slot.
 *
 *   records   | entry 0 of the heap: queued at; sequence, ticket | ticket 0: deadline; sequence, slot | entry 1 | ticket 1 | …
 *
 * Moving an armed timer to a later time (what TCP does with every ACK) only notes the new deadline with its ticket; the heap
 * entry stays where it is and is put back when it surfaces too early. So does the entry of a timer that fires: most are
 * armed again at once. Arming allocates nothing.
 */
import * as Records from './number-records.ts';
import { NumberRecords } from './number-records.ts';
import type { Timer, VirtualTime } from './time.ts';
import * as Time from './time.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { RECORD } = Records;
const { NEVER } = Time;

/** Words from one heap entry to the next. Each begins with a time; behind it are: */
const ENTRY = 8;
/** Words from the beginning of a line to its ticket, which is not that of its entry. */
const TICKET_HALF = 4;
/** What it was armed as, */
const SEQUENCE = 2;
/** and of an entry its ticket; of a ticket its entry, or the next ticket that nobody has. */
const TICKET = 3;
const SLOT = 3;

const LEAST_ROOM = 4;
const NOBODY = -1;

export class TimerQueue {
  readonly #records: NumberRecords;
  readonly #nextAt: number;
  /** Where its records are, with room for so many entries, and as many tickets. */
  #heap = 0;
  #room = 0;
  #size = 0;
  /** Who holds each ticket: whose entry is in the heap. */
  readonly #holders: (QueuedTimer | undefined)[] = [];
  #freeTicket = NOBODY;
  /** Wraps at 2^31: compared by difference. */
  #sequence = 0;
  /** The first timer is being told; its entry is seen to afterwards, if it is still there. */
  #firing = false;
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
    nextAt = records.reserve() >> 1,
  ) {
    this.#owner = owner;
    this.#armed = armed;
    this.#records = records;
    this.#nextAt = nextAt;
    this.#extend();
    this.#noteNext();
  }

  /**
   * No timer fires before this; `NEVER` when none is armed. (The true next deadline may be later: see the lazy move above.)
   */
  get next(): VirtualTime {
    return this.#records.cells[this.#nextAt]!;
  }

  #noteNext(): void {
    const { cells } = this.#records;
    cells[this.#nextAt] = this.#size === 0 ? NEVER : cells[this.#heap >> 1]!;
  }

  create(expire: () => void): Timer {
    return new QueuedTimer(this, expire);
  }

  /**
   * Fire the first timer if it is due at `next` exactly, and is the first that was armed for it; put it where it belongs from
   * then on.
   * Returns false when nothing fired.
   */
  fireNext(): boolean {
    const { cells, words } = this.#records;
    const first = this.#heap;
    const ticket = words[first | TICKET]!;
    const at = this.#place(ticket);
    const isDue = cells[at >> 1] === cells[first >> 1] && words[at | SEQUENCE] === words[first | SEQUENCE];
    if (isDue) {
      cells[at >> 1] = NEVER;
      this.#firing = true;
      // Whatever is armed meanwhile comes behind it: the entry stays the first.
      this.#holders[ticket]!.expire();
      if (!this.#firing) return true; // all of them were cancelled
      this.#firing = false;
    }
    this.#putBack(ticket);
    return isDue;
  }

  /** The first entry, which has that ticket, goes to where its timer is armed for now, if it is. */
  #putBack(ticket: number): void {
    const { cells, words } = this.#records;
    const at = this.#place(ticket);
    const deadline = cells[at >> 1]!;
    if (deadline !== NEVER) this.#down(ticket, deadline, words[at | SEQUENCE]!);
    else {
      this.#giveBack(ticket);
      const last = this.#heap + ENTRY * --this.#size;
      if (this.#size > 0) this.#down(words[last | TICKET]!, cells[last >> 1]!, words[last | SEQUENCE]!);
    }
    this.#noteNext();
  }

  /** Throws for a time that is past, or none. A later time than before is only noted with the ticket. */
  arm(timer: QueuedTimer, at: VirtualTime): void {
    if (!(at >= this.#owner.now)) this.#refuse(at);
    const isNew = timer.ticket === NOBODY;
    if (isNew) this.#handOut(timer);
    const { ticket } = timer;
    const { cells, words } = this.#records;
    const place = this.#place(ticket);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) | 0;
    cells[place >> 1] = at;
    words[place | SEQUENCE] = sequence;
    const slot = isNew ? this.#size++ : words[place | SLOT]!;
    // A later time, and a later place among those of the same time, are found out about later.
    if (!isNew && at >= cells[(this.#heap + ENTRY * slot) >> 1]!) return;
    this.#up(slot, ticket, at, sequence);
    this.#noteNext();
    this.#armed();
  }

  #refuse(at: VirtualTime): never {
    throw new Error(`${this.#owner.name}: timer for ${at}, but it is ${this.#owner.now}`);
  }

  /** When the timer with that ticket is to fire; `NEVER` for `NOBODY`'s. */
  deadline(ticket: number): VirtualTime {
    return ticket === NOBODY ? NEVER : this.#records.cells[this.#place(ticket) >> 1]!;
  }

  /** Only noted, too: the entry goes when it surfaces. */
  cancel(ticket: number): void {
    if (ticket !== NOBODY) this.#records.cells[this.#place(ticket) >> 1] = NEVER;
  }

  /** Cancel all of them. */
  clear(): void {
    while (this.#size > 0) {
      const last = this.#heap + ENTRY * --this.#size;
      this.#giveBack(this.#records.words[last | TICKET]!);
    }
    this.#firing = false;
    this.#noteNext();
  }

  /** Where the ticket of that number is. */
  #place(ticket: number): number {
    return this.#heap + ENTRY * ticket + TICKET_HALF;
  }

  #handOut(timer: QueuedTimer): void {
    if (this.#freeTicket === NOBODY) this.#extend();
    const ticket = this.#freeTicket;
    this.#freeTicket = this.#records.words[this.#place(ticket) | SLOT]!;
    this.#holders[ticket] = timer;
    timer.ticket = ticket;
  }

  #giveBack(ticket: number): void {
    this.#holders[ticket]!.ticket = NOBODY;
    this.#holders[ticket] = undefined;
    this.#records.words[this.#place(ticket) | SLOT] = this.#freeTicket;
    this.#freeTicket = ticket;
  }

  /** Twice the room; no ticket is free. */
  #extend(): void {
    const before = this.#room;
    const room = Math.max(LEAST_ROOM, 2 * before);
    const heap = this.#records.reserve((ENTRY * room) / RECORD);
    const { words } = this.#records;
    words.copyWithin(heap, this.#heap, this.#heap + ENTRY * before);
    this.#heap = heap;
    this.#room = room;
    for (let ticket = room - 1; ticket >= before; ticket--) {
      words[this.#place(ticket) | SLOT] = this.#freeTicket;
      this.#freeTicket = ticket;
      this.#holders[ticket] = undefined;
    }
  }

  #put(slot: number, ticket: number, queuedAt: VirtualTime, sequence: number): void {
    const { cells, words } = this.#records;
    const entry = this.#heap + ENTRY * slot;
    cells[entry >> 1] = queuedAt;
    words[entry | SEQUENCE] = sequence;
    words[entry | TICKET] = ticket;
    words[this.#place(ticket) | SLOT] = slot;
  }

  #move(from: number, to: number): void {
    const { cells, words } = this.#records;
    const entry = this.#heap + ENTRY * from;
    this.#put(to, words[entry | TICKET]!, cells[entry >> 1]!, words[entry | SEQUENCE]!);
  }

  /** Is what lies at `slot` before a timer with that key? */
  #isBefore(slot: number, queuedAt: VirtualTime, sequence: number): boolean {
    const { cells, words } = this.#records;
    const entry = this.#heap + ENTRY * slot;
    const other = cells[entry >> 1]!;
    if (other !== queuedAt) return other < queuedAt;
    return ((words[entry | SEQUENCE]! - sequence) | 0) < 0;
  }

  /** Put an entry where it belongs, at `from` or above. */
  #up(from: number, ticket: number, queuedAt: VirtualTime, sequence: number): void {
    let at = from;
    while (at > 0 && !this.#isBefore((at - 1) >> 1, queuedAt, sequence)) {
      this.#move((at - 1) >> 1, at);
      at = (at - 1) >> 1;
    }
    this.#put(at, ticket, queuedAt, sequence);
  }

  /** Put an entry where it belongs, from the first place down. */
  #down(ticket: number, queuedAt: VirtualTime, sequence: number): void {
    const { cells, words } = this.#records;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = this.#heap + ENTRY * (child + 1);
      if (child + 1 < this.#size && !this.#isBefore(child, cells[right >> 1]!, words[right | SEQUENCE]!))
        child++;
      if (!this.#isBefore(child, queuedAt, sequence)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, ticket, queuedAt, sequence);
  }
}

class QueuedTimer implements Timer {
  /** Its ticket while it has an entry in the heap, whose key is never later than the deadline; else `NOBODY`'s. */
  ticket = NOBODY;
  readonly expire: () => void;
  readonly #queue: TimerQueue;

  constructor(queue: TimerQueue, expire: () => void) {
    this.#queue = queue;
    this.expire = expire;
  }

  get deadline(): VirtualTime {
    return this.#queue.deadline(this.ticket);
  }

  get armed(): boolean {
    return this.deadline !== NEVER;
  }

  arm(at: VirtualTime): void {
    this.#queue.arm(this, at);
  }

  cancel(): void {
    this.#queue.cancel(this.ticket);
  }
}
