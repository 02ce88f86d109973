/**
 * A wheel of the next 1024 windows: which processes have to run in each. A process, a small number here, is in one window
 * at most, in a list threaded through arrays by number; a bit for each window that has any finds the next one.
 *
 *   slot      | w | w+1 | w+2 | …            slot = window mod 1024
 *               └ first <─> … <─> last
 *
 * Nothing is allocated after `extend`.
 */
import { NEVER } from './time.ts';

/** Windows that the wheel reaches; a power of two, for a window's number is no small integer and its remainder dear. */
export const WHEEL = 1024;
/** No process: the end of a list. */
export const NOBODY = -1;

const WORDS = WHEEL >> 5;

/** The number of the lowest bit that is set. */
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

export class Wheel {
  readonly #first = new Int32Array(WHEEL).fill(NOBODY);
  readonly #last = new Int32Array(WHEEL).fill(NOBODY);
  /** Bit `slot & 31` of word `slot >> 5`: the slot's list is not empty. */
  readonly #occupied = new Int32Array(WORDS);
  #next = new Int32Array(16);
  #previous = new Int32Array(16);

  /** There is a process of that number from now on. */
  extend(number: number): void {
    if (number < this.#next.length) return;
    this.#next = grown(this.#next);
    this.#previous = grown(this.#previous);
  }

  /** Put a process, which is in no window, last into `window`, which is within reach. */
  add(number: number, window: number): void {
    const slot = window & (WHEEL - 1);
    const last = this.#last[slot]!;
    this.#next[number] = NOBODY;
    this.#previous[number] = last;
    this.#last[slot] = number;
    if (last === NOBODY) {
      this.#first[slot] = number;
      this.#occupied[slot >> 5]! |= 1 << (slot & 31);
    } else this.#next[last] = number;
  }

  /** Take a process out of `window`, where it is. */
  remove(number: number, window: number): void {
    const slot = window & (WHEEL - 1);
    const next = this.#next[number]!;
    const previous = this.#previous[number]!;
    if (previous === NOBODY) this.#first[slot] = next;
    else this.#next[previous] = next;
    if (next === NOBODY) this.#last[slot] = previous;
    else this.#previous[next] = previous;
    if (next === NOBODY && previous === NOBODY) this.#occupied[slot >> 5]! &= ~(1 << (slot & 31));
  }

  /** Take everybody out of `window`: the first of them, or the last for who goes `reversed`; `NOBODY` when it is empty. */
  take(window: number, reversed: boolean): number {
    const slot = window & (WHEEL - 1);
    const taken = reversed ? this.#last[slot]! : this.#first[slot]!;
    this.#first[slot] = NOBODY;
    this.#last[slot] = NOBODY;
    this.#occupied[slot >> 5]! &= ~(1 << (slot & 31));
    return taken;
  }

  /** Who comes after `number` of those that were taken; to be asked before it is added anew. */
  following(number: number, reversed: boolean): number {
    return reversed ? this.#previous[number]! : this.#next[number]!;
  }

  /** The first window from `window` on that has a process; `NEVER` when none has. */
  next(window: number): number {
    const slot = window & (WHEEL - 1);
    const first = slot >> 5;
    const here = this.#occupied[first]! & (-1 << (slot & 31));
    if (here !== 0) return window - (slot & 31) + lowestBit(here);
    // Once round: the last word looked at is the first again, for what lies before `slot`.
    for (let i = 1; i <= WORDS; i++) {
      const word = this.#occupied[(first + i) % WORDS]!;
      if (word !== 0) return window - (slot & 31) + 32 * i + lowestBit(word);
    }
    return NEVER;
  }
}

function grown(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}
