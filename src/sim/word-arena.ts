/**
 * Tables of 32-bit words that processes keep, side by side in one array: a thousand nodes with an array each would be a
 * thousand objects, on a page each, to look up a word. A table has a power of two of cache lines, 16 words each; one that
 * has outgrown its place gives it back. Places are multiples of a line, so word `w` of the line at `at` is `words[at | w]`.
 */

import { cacheLines } from './cache-lines.ts';

const LINE = 16;

export class WordArena {
  /** Every table of this worker. Another array when it has grown: never keep it. */
  words = cacheLines(65_536 * LINE);
  #used = 0;
  /** Places of tables that were given back, by their length. */
  readonly #free = new Map<number, number[]>();

  /** Room for a table of `length` words, all 0; returns the place of its first. */
  reserve(length: number): number {
    const old = this.#free.get(length)?.pop();
    if (old !== undefined) {
      this.words.fill(0, old, old + length);
      return old;
    }
    const at = this.#used;
    this.#used += length;
    if (this.#used > this.words.length) {
      const wider = cacheLines(2 * this.#used);
      wider.set(this.words);
      this.words = wider;
    }
    return at;
  }

  /** Nobody has a table any more. */
  clear(): void {
    this.words.fill(0, 0, this.#used);
    this.#used = 0;
    this.#free.clear();
  }

  release(at: number, length: number): void {
    const places = this.#free.get(length);
    if (places === undefined) this.#free.set(length, [at]);
    else places.push(at);
  }
}
