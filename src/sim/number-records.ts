/**
 * Numbers that change with every event, in records of eight side by side: a cache line each.
 *
 * V8 keeps a floating-point field of an object in an object of its own, somewhere. With a few nodes that costs nothing;
 * with a thousand of them each such field is a cache line, and a page, that no cache holds any more. So what the event
 * loop and the links count and compare lives here, and its owner knows where. What is a small integer lies in half a cell.
 *
 *   record at `at`:   cell c is `cells[(at >> 1) | c]`, word w `words[at | w]`          (an `or` cannot overflow: no check)
 */
import { cacheLines } from './cache-lines.ts';

/** Numbers of a record, and its words. */
const CELLS = 8;
const WORDS = 2 * CELLS;
export const RECORD = WORDS;

/** Records that there is room for from the beginning: V8 takes arrays that were never replaced for constant. */
const ROOM = 65_536;

export class NumberRecords {
  /** Every record of this worker. Other arrays when they have grown: never keep them. */
  words = cacheLines(ROOM * WORDS);
  /** The same memory. */
  cells = new Float64Array(this.words.buffer, this.words.byteOffset);
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
      const wider = cacheLines(2 * this.#used);
      wider.set(this.words);
      this.words = wider;
      this.cells = new Float64Array(wider.buffer, wider.byteOffset);
    }
    return at;
  }
}
