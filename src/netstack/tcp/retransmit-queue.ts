/**
 * The segments in flight, oldest first, and what is known of each: the scoreboard of RFC 6675 and the retransmission
 * queue of RFC 9293 §3.8 in one ring of parallel arrays. Nothing is allocated per segment.
 *
 *   ring   |  | LOST RETRANS | SACKED | LOST | SACKED | - | - |  |
 *             ^ head (una)                                     ^ tail (nxt)
 *
 * Positions count up for ever; `position & mask` is the slot. Counters hold how many segments carry each mark, in
 * segments as Linux counts them: pipe = packets - sacked - lost + retransmitted.
 */
import type { VirtualTime } from '../../sim/time.ts';

export const SACKED = 1;
export const LOST = 2;
/** A retransmission of it is in flight. */
export const RETRANSMITTED = 4;
/** It was retransmitted at some time: an acknowledgement of it measures nothing (Karn). */
export const EVER_RETRANSMITTED = 8;
/** It was sent with PSH, and so it will be again. */
export const PUSHED = 16;

export class RetransmitQueue {
  head = 0;
  tail = 0;
  sacked = 0;
  lost = 0;
  retransmitted = 0;
  /** How often a segment was found LOST, retransmissions that were lost again included. */
  losses = 0;
  // Small: most connections of a large lab are BGP sessions with one message in flight.
  #mask = 3;
  #start = new Float64Array(4);
  #end = new Float64Array(4);
  #sentAt = new Float64Array(4);
  #marks = new Uint8Array(4);

  /** Segments in the queue (Linux `packets_out`). */
  get packets(): number {
    return this.tail - this.head;
  }

  /** Segments believed to be in the network (RFC 6675 `pipe`, in segments). */
  get inFlight(): number {
    return this.tail - this.head - this.sacked - this.lost + this.retransmitted;
  }

  start(position: number): number {
    return this.#start[position & this.#mask]!;
  }
  end(position: number): number {
    return this.#end[position & this.#mask]!;
  }
  /** When it was last sent. */
  sentAt(position: number): VirtualTime {
    return this.#sentAt[position & this.#mask]!;
  }
  marks(position: number): number {
    return this.#marks[position & this.#mask]!;
  }

  /** `marks`: PUSHED, or nothing. */
  push(start: number, end: number, now: VirtualTime, marks = 0): void {
    if (this.tail - this.head > this.#mask) this.#grow();
    const slot = this.tail++ & this.#mask;
    this.#start[slot] = start;
    this.#end[slot] = end;
    this.#sentAt[slot] = now;
    this.#marks[slot] = marks;
  }

  /** Nothing in it is SACKED, LOST or RETRANSMITTED. */
  get isUnmarked(): boolean {
    return this.sacked + this.lost + this.retransmitted === 0;
  }

  /** Take the oldest `segments` of an unmarked queue out: they are acknowledged. */
  release(segments: number): void {
    this.head += segments;
  }

  /** Take the oldest out: it is acknowledged. */
  shift(): void {
    this.#discount(this.#marks[this.head & this.#mask]!);
    this.head++;
  }

  /** Everything is acknowledged, or given up. */
  clear(): void {
    this.head = this.tail;
    this.sacked = 0;
    this.lost = 0;
    this.retransmitted = 0;
  }

  /** The oldest is acknowledged up to `seq`, which lies inside of it. */
  trimHead(seq: number): void {
    this.#start[this.head & this.#mask] = seq;
  }

  /** Cut the segment at `position` in two at `seq`; both keep its marks. Moves the younger ones: rare, O(n). */
  split(position: number, seq: number): void {
    const marks = this.marks(position);
    this.push(0, 0, 0);
    for (let i = this.tail - 1; i > position + 1; i--) {
      const to = i & this.#mask;
      const from = (i - 1) & this.#mask;
      this.#start[to] = this.#start[from]!;
      this.#end[to] = this.#end[from]!;
      this.#sentAt[to] = this.#sentAt[from]!;
      this.#marks[to] = this.#marks[from]!;
    }
    const slot = position & this.#mask;
    const next = (position + 1) & this.#mask;
    this.#start[next] = seq;
    this.#end[next] = this.#end[slot]!;
    this.#sentAt[next] = this.#sentAt[slot]!;
    this.#end[slot] = seq;
    this.#marks[next] = 0;
    this.#count(position + 1, marks);
    this.unmark(position, PUSHED);
  }

  /**
   * Cut anew what is longer than `size`, with the segment that follows it: a run of full segments becomes a run of full
   * smaller ones, all LOST. What is SACKed stays. Positions but for `head` are void afterwards. False when all fits.
   */
  recut(size: number): boolean {
    let found = false;
    const old: { start: number; end: number; sentAt: VirtualTime; marks: number }[] = [];
    for (let at = this.head; at < this.tail; at++)
      old.push({ start: this.start(at), end: this.end(at), sentAt: this.sentAt(at), marks: this.marks(at) });
    this.tail = this.head;
    this.sacked = 0;
    this.lost = 0;
    this.retransmitted = 0;
    for (let i = 0; i < old.length; i++) {
      const { start, sentAt, marks } = old[i]!;
      if ((marks & SACKED) !== 0 || old[i]!.end - start <= size) {
        this.push(start, old[i]!.end, sentAt);
        this.mark(this.tail - 1, marks);
        continue;
      }
      let last = old[i]!;
      while (last.end - last.start > size && old[i + 1] !== undefined && (old[i + 1]!.marks & SACKED) === 0)
        last = old[++i]!;
      found = true;
      for (let from = start; from < last.end; from += size) {
        const end = Math.min(from + size, last.end);
        this.push(from, end, sentAt);
        this.mark(
          this.tail - 1,
          LOST | (marks & EVER_RETRANSMITTED) | (end === last.end ? last.marks & PUSHED : 0),
        );
      }
    }
    return found;
  }

  mark(position: number, marks: number): void {
    const added = marks & ~this.marks(position);
    this.#count(position, added);
  }

  unmark(position: number, marks: number): void {
    const slot = position & this.#mask;
    const removed = this.#marks[slot]! & marks;
    this.#marks[slot] = this.#marks[slot]! & ~removed;
    this.#discount(removed);
  }

  /** It was sent again. */
  resent(position: number, now: VirtualTime): void {
    this.#sentAt[position & this.#mask] = now;
    this.mark(position, RETRANSMITTED | EVER_RETRANSMITTED);
  }

  /** The first position whose segment ends after `seq`; `tail` when there is none. */
  find(seq: number): number {
    let low = this.head;
    let high = this.tail;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.end(middle) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #count(position: number, marks: number): void {
    const slot = position & this.#mask;
    this.#marks[slot] = this.#marks[slot]! | marks;
    if ((marks & SACKED) !== 0) this.sacked++;
    if ((marks & LOST) !== 0) {
      this.lost++;
      this.losses++;
    }
    if ((marks & RETRANSMITTED) !== 0) this.retransmitted++;
  }

  #discount(marks: number): void {
    if ((marks & SACKED) !== 0) this.sacked--;
    if ((marks & LOST) !== 0) this.lost--;
    if ((marks & RETRANSMITTED) !== 0) this.retransmitted--;
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const start = new Float64Array(size);
    const end = new Float64Array(size);
    const sentAt = new Float64Array(size);
    const marks = new Uint8Array(size);
    for (let position = this.head; position < this.tail; position++) {
      const from = position & this.#mask;
      const to = position & (size - 1);
      start[to] = this.#start[from]!;
      end[to] = this.#end[from]!;
      sentAt[to] = this.#sentAt[from]!;
      marks[to] = this.#marks[from]!;
    }
    this.#start = start;
    this.#end = end;
    this.#sentAt = sentAt;
    this.#marks = marks;
    this.#mask = size - 1;
  }
}
