/**
 * Numbers that change with every event, in records of eight side by side: a cache line each.
 *
 * V8 keeps a floating-point field of an object in an object of its own, somewhere. With a few nodes that costs nothing;
 * with a thousand of them each such field is a cache line, and a page, that no cache holds any more. So what the event
 * loop and the links count and compare lives here, and its owner knows where. What is a small integer lies in half a cell:
 * word `w` of the record at `at` is `words[2 * at + w]`.
 */

/** Numbers of a record. */
export const RECORD = 8;

/** The C library puts large buffers 16 octets behind a page: from here on records lie within cache lines. */
const FIRST = RECORD - 2;

export class NumberRecords {
  /** Every record of this worker. Other arrays when they have grown: never keep them. */
  cells = new Float64Array(FIRST + 65_536 * RECORD);
  /** The same memory. */
  words = new Int32Array(this.cells.buffer);
  #used = FIRST;

  /** Nobody has a record any more. */
  clear(): void {
    this.cells.fill(0, FIRST, this.#used);
    this.#used = FIRST;
  }

  /** `count` new records side by side, all 0; returns the place of the first number in `cells`. */
  reserve(count = 1): number {
    const at = this.#used;
    this.#used += count * RECORD;
    if (this.#used > this.cells.length) {
      const wider = new Float64Array(FIRST + 2 * (this.#used - FIRST));
      wider.set(this.cells);
      this.cells = wider;
      this.words = new Int32Array(wider.buffer);
    }
    return at;
  }
}
