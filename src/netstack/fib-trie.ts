/**
 * Longest-prefix match over IPv4 in one Int32Array: a multibit trie with strides 6-6-6-6-2-6 and pushed leaves.
 *
 *   address  |  6  |  6  |  6  |  6  |2|  6  |
 *            root ──> node ──> node ──> …          a node is 64 (or 4) words, one for each value of its bits
 *
 *   word     0            no route
 *            > 0          offset of the next node
 *            < 0          a leaf:  1 | prefix length (6 bits) | value (25 bits)
 *
 * A prefix that ends inside a node's bits fills all words it covers, and those of the nodes below that no longer prefix
 * owns. A leaf remembers the length of its prefix, so a later shorter one does not overwrite it, and a removal gives the
 * words back to the covering prefix. Nodes that hold no prefix of their own any more are taken back. /26, the size of Calico's
 * blocks, ends a node of four words: a large cluster has a thousand of them in each of its nodes, hardly two side by side.
 *
 * What the values mean is the caller's affair (`Fib` keeps an index of its routes). Lookup allocates nothing.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';

/** No prefix covers the address. */
export const NO_LEAF = -1;

const LEAF = 1 << 31;
const LENGTH_SHIFT = 25;
const VALUE_MASK = (1 << LENGTH_SHIFT) - 1;

const STRIDES = [6, 6, 6, 6, 2, 6] as const;
/** Bits in front of each level, and behind the last. */
const DEPTHS = [0, 6, 12, 18, 24, 26, 32] as const;

/** The word of a leaf, and what stands in it. */
export const leafWord = (length: number, value: number): number => LEAF | (length << LENGTH_SHIFT) | value;
export const leafLength = (word: number): number => (word >>> LENGTH_SHIFT) & 63;
export const leafValue = (word: number): number => word & VALUE_MASK;

export class FibTrie {
  #words = new Int32Array(256);
  /** First word that was never part of a node. The root is at 0, so no other node is: 0 can mean "nothing". */
  #used = 64;
  /** Heads of the lists of free nodes of 64 and of 4 words, threaded through their first word; 0 = none. */
  #free64 = 0;
  #free4 = 0;

  /** The value of the longest prefix that covers `address`, or `NO_LEAF`. */
  lookup(address: Ipv4Address): number {
    const words = this.#words;
    let word = words[address >>> 26]!;
    if (word > 0) {
      word = words[word + ((address >>> 20) & 63)]!;
      if (word > 0) {
        word = words[word + ((address >>> 14) & 63)]!;
        if (word > 0) {
          word = words[word + ((address >>> 8) & 63)]!;
          if (word > 0) {
            word = words[word + ((address >>> 6) & 3)]!;
            if (word > 0) word = words[word + (address & 63)]!;
          }
        }
      }
    }
    return word === 0 ? NO_LEAF : word & VALUE_MASK;
  }

  /** Give `address`/`length` the value `value` (below 2^25), whether it had one or not. */
  insert(address: Ipv4Address, length: number, value: number): void {
    const leaf = leafWord(length, value);
    let node = 0;
    let level = 0;
    while (length > DEPTHS[level + 1]!) {
      const slot = node + slotOf(address, level);
      if (this.#words[slot]! <= 0) {
        const child = this.#allocate(level + 1, this.#words[slot]!);
        this.#words[slot] = child;
      }
      node = this.#words[slot]!;
      level++;
    }
    const first = node + slotOf(address, level);
    this.#fill(first, first + span(length, level), level, length, leaf);
  }

  /**
   * Take `address`/`length` out. Its addresses go to the covering prefix: `cover` is that one's value and
   * `coverLength` its length, or `NO_LEAF` when there is none.
   */
  remove(address: Ipv4Address, length: number, cover: number, coverLength: number): void {
    const word = cover === NO_LEAF ? 0 : leafWord(coverLength, cover);
    this.#removeBelow(0, 0, address, length, word);
  }

  /** Octets of the table, for the memory budget. */
  get octets(): number {
    return this.#words.byteLength;
  }

  #removeBelow(node: number, level: number, address: Ipv4Address, length: number, word: number): void {
    const first = node + slotOf(address, level);
    if (length <= DEPTHS[level + 1]!) {
      this.#takeBack(first, first + span(length, level), level, length, word);
      return;
    }
    const child = this.#words[first]!;
    if (child <= 0) return;
    this.#removeBelow(child, level + 1, address, length, word);
    this.#collapse(first, level);
  }

  /** Write `leaf` over every word of `[from, to)` that belongs to a prefix of `length` or shorter. */
  #fill(from: number, to: number, level: number, length: number, leaf: number): void {
    const words = this.#words;
    for (let slot = from; slot < to; slot++) {
      const word = words[slot]!;
      if (word > 0) this.#fill(word, word + (1 << STRIDES[level + 1]!), level + 1, length, leaf);
      else if (word === 0 || leafLength(word) <= length) words[slot] = leaf;
    }
  }

  /** Give the words of `[from, to)` that belong to the prefix of `length` to `cover`. */
  #takeBack(from: number, to: number, level: number, length: number, cover: number): void {
    const words = this.#words;
    for (let slot = from; slot < to; slot++) {
      const word = words[slot]!;
      if (word > 0) this.#takeBack(word, word + (1 << STRIDES[level + 1]!), level + 1, length, cover);
      else if (word < 0 && leafLength(word) === length) words[slot] = cover;
    }
  }

  /** Replace the node under `slot` by its leaf if no prefix ends in it: then all its words are that leaf. */
  #collapse(slot: number, level: number): void {
    const words = this.#words;
    const node = words[slot]!;
    const end = node + (1 << STRIDES[level + 1]!);
    for (let i = node; i < end; i++) {
      const word = words[i]!;
      if (word > 0 || (word < 0 && leafLength(word) > DEPTHS[level + 1]!)) return;
    }
    words[slot] = words[node]!;
    if (STRIDES[level + 1] === 6) {
      words[node] = this.#free64;
      this.#free64 = node;
    } else {
      words[node] = this.#free4;
      this.#free4 = node;
    }
  }

  /** A node for `level`, all words `word`. */
  #allocate(level: number, word: number): number {
    const size = 1 << STRIDES[level]!;
    let node = size === 64 ? this.#free64 : this.#free4;
    if (node !== 0) {
      const next = this.#words[node]!;
      if (size === 64) this.#free64 = next;
      else this.#free4 = next;
    } else {
      node = this.#used;
      this.#used += size;
      if (this.#used > this.#words.length) {
        // Half as much again: thousands of nodes hold one of these, and doubling would leave half of it empty.
        const wider = new Int32Array(Math.max(this.#used, this.#words.length + (this.#words.length >> 1)));
        wider.set(this.#words);
        this.#words = wider;
      }
    }
    this.#words.fill(word, node, node + size);
    return node;
  }
}

/** The word of a node of `level` that `address` selects. */
const slotOf = (address: Ipv4Address, level: number): number =>
  (address >>> (32 - DEPTHS[level + 1]!)) & ((1 << STRIDES[level]!) - 1);

/** How many words of a node of `level` a prefix of `length` that ends in it covers. */
const span = (length: number, level: number): number => 1 << (DEPTHS[level + 1]! - length);
