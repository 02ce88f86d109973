/**
 * Numbers that change with every event, in records of eight side by side: a cache line each.
 *
 * V8 keeps a floating-point field of an object in an object of its own, somewhere. With a few nodes that costs nothing;
 * with a thousand of them each such field is a cache line, and a page, that no cache holds any more. So what the event
 * loop and the links count and compare lives here, and its owner knows where.
 */

/** Numbers of a record. */
export const RECORD = 8;

/** The C library puts large buffers 16 octets behind a page: from here on records lie within cache lines. */
const FIRST = RECORD - 2;

export class NumberRecords {
  /** Every record of this worker. Another array when it has grown: never keep it. */
  cells = new Float64Array(FIRST + 512 * RECORD);
  #used = FIRST;

  /** A new record, all 0; returns the place of its first number in `cells`. */
  reserve(): number {
    const at = this.#used;
    this.#used += RECORD;
    if (this.#used > this.cells.length) {
      const wider = new Float64Array(FIRST + 2 * (this.cells.length - FIRST));
      wider.set(this.cells);
      this.cells = wider;
    }
    return at;
  }
}
