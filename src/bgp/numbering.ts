/**
 * Numbers that one daemon gives to prefixes, in the order in which it meets them: what comes in one UPDATE after the other
 * lies side by side in its tables. A thousand daemons have more of them than any cache holds.
 */
const FIRST_ROOM = 64;

/** The number of a prefix that has none. */
export const UNKNOWN = -1;

export class Numbering {
  /** By key of the prefix. */
  #numbers = new Int32Array(FIRST_ROOM).fill(UNKNOWN);
  #count = 0;

  /** The number of the prefix of that key, or `UNKNOWN`. */
  known(key: number): number {
    return key < this.#numbers.length ? this.#numbers[key]! : UNKNOWN;
  }

  /** The number of the prefix of that key; a new one gets the next. */
  of(key: number): number {
    const known = this.known(key);
    if (known !== UNKNOWN) return known;
    if (key >= this.#numbers.length) this.#makeRoom(key);
    this.#numbers[key] = this.#count;
    return this.#count++;
  }

  #makeRoom(key: number): void {
    const { length } = this.#numbers;
    const more = new Int32Array(Math.max(key + 1, length + (length >> 1)));
    more.set(this.#numbers);
    more.fill(UNKNOWN, length);
    this.#numbers = more;
  }
}
