/**
 * Prefixes noted during an instant, by their keys, in the order in which they were. A `Set` would be grown and thrown
 * away in every instant; this one keeps what it has.
 */
export class KeySet {
  readonly #keys: number[] = [];
  #size = 0;
  /** A bit for each key that is in. */
  readonly #bits: number[] = [];

  get size(): number {
    return this.#size;
  }

  add(key: number): void {
    const bits = this.#bits[key >> 5] ?? 0;
    const bit = 1 << (key & 31);
    if ((bits & bit) !== 0) return;
    this.#bits[key >> 5] = bits | bit;
    this.#keys[this.#size++] = key;
  }

  clear(): void {
    for (let i = 0; i < this.#size; i++) this.#bits[this.#keys[i]! >> 5] = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.#size; i++) yield this.#keys[i]!;
  }
}
