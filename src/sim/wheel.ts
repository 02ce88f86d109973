/**
 * A wheel of the next 1024 windows: which processes have to run in each. A process is a small number here, and a bit; a
 * bit for each window that has any finds the next one.
 *
 *   slot      | w | w+1 | w+2 | …            slot = window mod 1024
 *               └ processes 0-31 | 32-63 | …
 *
 * Who is in a window by mistake, because it was put into an earlier one later on, stays there: whoever takes it out knows.
 * Nothing is allocated after `extend`.
 */
import { NEVER } from './time.ts';

/** Windows that the wheel reaches; a power of two, for a window's number is no small integer and its remainder dear. */
export const WHEEL = 1024;

const WORDS = WHEEL >> 5;

/** The number of the lowest bit that is set. */
export const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

export class Wheel {
  /** Words of processes in a slot. */
  width = 1;
  /** Bit `slot & 31` of word `slot >> 5`: the slot is not empty. */
  readonly #occupied = new Int32Array(WORDS);
  #members = new Int32Array(WHEEL);

  /** There is a process of that number from now on. */
  extend(number: number): void {
    if (number < 32 * this.width) return;
    const wider = new Int32Array(2 * this.#members.length);
    for (let slot = 0; slot < WHEEL; slot++) {
      const row = this.#members.subarray(slot * this.width, (slot + 1) * this.width);
      wider.set(row, 2 * slot * this.width);
    }
    this.#members = wider;
    this.width *= 2;
  }

  /** Put a process into `window`, which is within reach. */
  add(number: number, window: number): void {
    const slot = window & (WHEEL - 1);
    this.#members[slot * this.width + (number >> 5)]! |= 1 << (number & 31);
    this.#occupied[slot >> 5]! |= 1 << (slot & 31);
  }

  /** `window` is empty from now on, but for the processes that are still to be taken: `take` each word of them once. */
  open(window: number): void {
    const slot = window & (WHEEL - 1);
    this.#occupied[slot >> 5]! &= ~(1 << (slot & 31));
  }

  /** Take processes `32 * word` to `32 * word + 31` out of `window`: a bit for each that was there. */
  take(window: number, word: number): number {
    const at = (window & (WHEEL - 1)) * this.width + word;
    const members = this.#members[at]!;
    if (members !== 0) this.#members[at] = 0;
    return members;
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
