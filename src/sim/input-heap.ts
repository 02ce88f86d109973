/**
 * Inputs that hold frames, by when their oldest arrives: a binary heap. The keys lie side by side, apart from the inputs:
 * to compare two takes no look at either.
 *
 *   keys    | time 0 | order 0 | time 1 | order 1 | …
 *   inputs  |     input 0      |     input 1      | …
 */
import type { InputQueue } from './link.ts';
import type { VirtualTime } from './time.ts';

export class InputHeap {
  size = 0;
  #keys = new Float64Array(0);
  /** Those of the heap come first; what is behind them is of no meaning. */
  readonly #inputs: InputQueue[] = [];

  /** There may be one more from now on: later nothing is allocated. */
  extend(input: InputQueue): void {
    this.#inputs.push(input);
    const needed = 2 * this.#inputs.length;
    if (needed <= this.#keys.length) return;
    const wider = new Float64Array(2 * needed);
    wider.set(this.#keys);
    this.#keys = wider;
  }

  /** The earliest; of no meaning when `size` is 0. */
  get first(): InputQueue {
    return this.#inputs[0]!;
  }

  get firstTime(): VirtualTime {
    return this.#keys[0]!;
  }

  /** Is the earliest before a frame that arrives at `time` on an input of that order? */
  isFirstBefore(time: VirtualTime, order: number): boolean {
    const keys = this.#keys;
    return keys[0]! < time || (keys[0]! === time && keys[1]! < order);
  }

  insert(time: VirtualTime, input: InputQueue): void {
    const keys = this.#keys;
    const { order } = input;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentTime = keys[2 * parent]!;
      if (parentTime < time || (parentTime === time && keys[2 * parent + 1]! < order)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, order, input);
  }

  /** `input` takes the place of the earliest. */
  replaceFirst(time: VirtualTime, input: InputQueue): void {
    this.#sink(time, input.order, input);
  }

  removeFirst(): void {
    const last = --this.size;
    if (last > 0) this.#sink(this.#keys[2 * last]!, this.#keys[2 * last + 1]!, this.#inputs[last]!);
  }

  #sink(time: VirtualTime, order: number, input: InputQueue): void {
    const keys = this.#keys;
    const { size } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      let childTime = keys[2 * child]!;
      if (child + 1 < size) {
        const otherTime = keys[2 * child + 2]!;
        if (
          otherTime < childTime ||
          (otherTime === childTime && keys[2 * child + 3]! < keys[2 * child + 1]!)
        ) {
          child++;
          childTime = otherTime;
        }
      }
      if (time < childTime || (time === childTime && order < keys[2 * child + 1]!)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, input);
  }

  #move(from: number, to: number): void {
    const keys = this.#keys;
    keys[2 * to] = keys[2 * from]!;
    keys[2 * to + 1] = keys[2 * from + 1]!;
    this.#inputs[to] = this.#inputs[from]!;
  }

  #put(at: number, time: VirtualTime, order: number, input: InputQueue): void {
    this.#keys[2 * at] = time;
    this.#keys[2 * at + 1] = order;
    this.#inputs[at] = input;
  }
}
