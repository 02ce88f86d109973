/**
 * Numbers that change with every event, in records of eight side by side: a cache line each.
 *
 * V8 keeps a floating-point field of an object in an object of its own, somewhere. With a few nodes that costs nothing;
 * with a thousand of them each such field is a cache line, and a page, that no cache holds any more. So what the event
 * loop and the links count and compare lives here, and its owner knows where. What is a small integer lies in half a cell.
 *
 *   record at `at`:   cell c is `cells[(at >> 1) | c]`, word w `words[at | w]`          (an `or` cannot overflow: no check)
 */

/** Numbers of a record, and its words. */
const CELLS = 8;
const WORDS = 2 * CELLS;
export const RECORD = WORDS;

/** The C library puts large buffers 16 octets behind a page: from here on records are cache lines. */
const FIRST = 48;
const OCTETS = 8 * CELLS;

/** Room from the beginning: V8 takes arrays that were never replaced for constant. Memory that nobody touched costs nothing. */
const ROOM = 65_536;

export class NumberRecords {
  /** Every record of this worker. Other arrays when they have grown: never keep them. */
  cells = new Float64Array(new ArrayBuffer(FIRST + ROOM * OCTETS), FIRST);
  /** The same memory. */
  words = new Int32Array(this.cells.buffer, FIRST);
  #used = 0;

  /** Nobody has a record any more. */
  clear(): void {
    this.words.fill(0, 0, this.#used);
    this.#used = 0;
  }

  /** `count` new records side by side, all 0; returns the place of the first word in `words`. */
  reserve(count = 1): number {
    const at = this.#used;
    this.#used += count * WORDS;
    if (this.#used > this.words.length) {
      const wider = new Float64Array(new ArrayBuffer(FIRST + 2 * 4 * this.#used), FIRST);
      wider.set(this.cells);
      this.cells = wider;
      this.words = new Int32Array(wider.buffer, FIRST);
    }
    return at;
  }
}
