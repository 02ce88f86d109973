/**
 * What the trie cannot tell: the value of exactly this prefix. A hash table with open addressing and linear probing in one
 * Int32Array, two words a slot.
 *
 *   word 0    address
 *   word 1    0: the slot is free, else the prefix length and the value as in a leaf of the trie
 *
 * Thousands of nodes hold one with a thousand prefixes, and each of their pods one with ten: it begins small, is at most
 * three quarters full, and grows by half. Nothing is marked as deleted: what stands behind a removed entry moves up.
 */
import type { AddressWord } from '../addr/address-word.ts';
import * as FibTrie from './fib-trie.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { leafLength, leafValue, leafWord, NO_LEAF } = FibTrie;

const FIRST_SLOTS = 16;

export class PrefixTable {
  #slots = FIRST_SLOTS;
  #words = new Int32Array(2 * FIRST_SLOTS);
  #size = 0;
  /** A bit for each length that has been in use (32 shares that of 0): most lengths are never asked for in the table. */
  #lengths = 0;

  /** The value of `address`/`length`, or `NO_LEAF`. */
  get(address: AddressWord, length: number): number {
    if ((this.#lengths & (1 << length)) === 0) return NO_LEAF;
    const leaf = this.#words[2 * this.#find(address, length) + 1]!;
    return leaf === 0 ? NO_LEAF : leafValue(leaf);
  }

  /** Give `address`/`length` the value `value` (below 2^25), whether it had one or not. */
  set(address: AddressWord, length: number, value: number): void {
    this.#lengths |= 1 << length;
    let at = 2 * this.#find(address, length);
    if (this.#words[at + 1] === 0) {
      this.#size++;
      if (4 * this.#size > 3 * this.#slots) {
        this.#grow();
        at = 2 * this.#find(address, length);
      }
    }
    this.#words[at] = address;
    this.#words[at + 1] = leafWord(length, value);
  }

  /** Forget `address`/`length`, if it is there. */
  delete(address: AddressWord, length: number): void {
    const words = this.#words;
    let hole = this.#find(address, length);
    if (words[2 * hole + 1] === 0) return;
    this.#size--;
    for (let slot = this.#after(hole); words[2 * slot + 1] !== 0; slot = this.#after(slot)) {
      const home = this.#home(words[2 * slot]!, leafLength(words[2 * slot + 1]!));
      // It may not move in front of the slot where a search for it begins.
      if (this.#distance(home, slot) < this.#distance(hole, slot)) continue;
      words[2 * hole] = words[2 * slot]!;
      words[2 * hole + 1] = words[2 * slot + 1]!;
      hole = slot;
    }
    words[2 * hole + 1] = 0;
  }

  /** Octets of the table, for the memory budget. */
  get octets(): number {
    return this.#words.byteLength;
  }

  /** The slot of `address`/`length`, or the free one where it would be. */
  #find(address: AddressWord, length: number): number {
    const words = this.#words;
    let slot = this.#home(address, length);
    for (;;) {
      const leaf = words[2 * slot + 1]!;
      if (leaf === 0 || (words[2 * slot] === address && leafLength(leaf) === length)) return slot;
      slot = this.#after(slot);
    }
  }

  /** Where a search begins: the hash scaled to the number of slots, which is no power of two. */
  #home(address: number, length: number): number {
    // Twice over: prefixes come in rows and in rows of rows, which one multiplication would lay on top of each other.
    let hash = Math.imul(address ^ Math.imul(length, 0x85ebca6b), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return Math.floor(((hash >>> 0) / 2 ** 32) * this.#slots);
  }

  #after(slot: number): number {
    return slot + 1 === this.#slots ? 0 : slot + 1;
  }

  /** Steps from one slot to another. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#slots;
  }

  #grow(): void {
    const words = this.#words;
    this.#slots += this.#slots >> 1;
    this.#words = new Int32Array(2 * this.#slots);
    for (let at = 0; at < words.length; at += 2) {
      const leaf = words[at + 1]!;
      if (leaf === 0) continue;
      const slot = this.#find(words[at] as AddressWord, leafLength(leaf));
      this.#words[2 * slot] = words[at]!;
      this.#words[2 * slot + 1] = leaf;
    }
  }
}
