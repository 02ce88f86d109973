/**
 * Pairwise clocks: how workers run several windows without all of them meeting after each.
 *
 * An epoch is a run of windows that all workers go through at their own pace. The clock of a worker counts those that it
 * has done, its frames published. It may run the next one when the clock of no neighbour (who it shares a link with) is
 * behind its own: then all that can arrive in that window is in the rings. So neighbours' clocks differ by one at most
 * when both wait, and a worker whose neighbours are all ahead can run two windows before it has to wait again:
 *
 *   clock  even workers  odd workers          with more workers than cores every wait is a change of threads, of which
 *     3       ##                               a barrier needs one a worker and window, and this needs half of that:
 *     2       ##            ##                 who sleeps is woken only when it is first among its neighbours, by clock
 *     1    start            ##                 and, where those are equal, by rank, which no two neighbours have in common
 *
 * The least of all workers by (clock, rank) is always first, so somebody can always run.
 */

/** Windows in an epoch, at most: what is asked of a run (to end, to pause) is heard after it. */
const EPOCH = 32;
/** An epoch is begun after this many windows in a row that at least half of the workers had something to do in. */
const DENSE_WINDOWS = 4;

// Words of a worker, on a cache line of its own; the first line is everybody's.
const STRIDE = 16;
const CLOCK = 0;
const WORKED = 1;
const LENGTH = 0;
const STREAK = 1;
const LAST = 2;

export class Clocks {
  /** By worker: those it shares a link with, whichever way. */
  readonly neighbours: readonly (readonly number[])[];
  readonly #ranks: readonly number[];
  readonly #words: Int32Array;

  /** Words that the clocks of `workers` take. */
  static words(workers: number): number {
    return (workers + 1) * STRIDE;
  }

  /** `targets` are, by worker, those it sends to; `words` are shared. */
  constructor(targets: readonly (readonly number[])[], words: Int32Array) {
    this.neighbours = bothWays(targets);
    this.#ranks = ranks(this.neighbours);
    this.#words = words;
  }

  /** How many windows of the epoch `worker` has done. */
  of(worker: number): number {
    return Atomics.load(this.#words, (worker + 1) * STRIDE + CLOCK);
  }

  /** `worker` has done a window, and what it sent is published. */
  advance(worker: number): void {
    const at = (worker + 1) * STRIDE + CLOCK;
    Atomics.store(this.#words, at, this.#words[at]! + 1);
  }

  /** No neighbour is behind. */
  mayRun(worker: number): boolean {
    const words = this.#words;
    const clock = words[(worker + 1) * STRIDE + CLOCK]!;
    const neighbours = this.neighbours[worker]!;
    for (let i = 0; i < neighbours.length; i++)
      if (Atomics.load(words, (neighbours[i]! + 1) * STRIDE + CLOCK) < clock) return false;
    return true;
  }

  /** With all clocks at 0 it comes before all of its neighbours: any rank but 0 has all lower ones beside it. */
  beginsFirst(worker: number): boolean {
    return this.#ranks[worker] === 0;
  }

  /** It is not at the end, and comes before all of its neighbours. */
  isFirst(worker: number): boolean {
    const words = this.#words;
    const clock = Atomics.load(words, (worker + 1) * STRIDE + CLOCK);
    if (clock >= words[LENGTH]!) return false;
    const rank = this.#ranks[worker]!;
    for (const neighbour of this.neighbours[worker]!) {
      const other = Atomics.load(words, (neighbour + 1) * STRIDE + CLOCK);
      if (other < clock || (other === clock && this.#ranks[neighbour]! < rank)) return false;
    }
    return true;
  }

  /** Windows of the round; an epoch has more than one. */
  get windows(): number {
    return this.#words[LENGTH]!;
  }

  /** In how many windows of the epoch `worker` had something to do. */
  worked(worker: number, windows: number): void {
    this.#words[(worker + 1) * STRIDE + WORKED] = windows;
  }

  /**
   * Between two rounds: how many windows the next one has, which begins with `window`. `members` have something to do in
   * it; no more than `most` are allowed. Clocks are 0 again.
   */
  plan(window: number, members: number, most: number): number {
    const words = this.#words;
    const workers = this.neighbours.length;
    const wasDense = words[LENGTH]! < 2 || 2 * this.#worked() >= workers * words[LENGTH]!;
    const isNext = ((words[LAST]! + 1) | 0) === (window | 0);
    const streak = wasDense && isNext && 2 * members >= workers ? words[STREAK]! + 1 : 0;
    const windows = streak > DENSE_WINDOWS && most > 1 ? Math.min(EPOCH, most) : 1;
    words[STREAK] = streak;
    words[LENGTH] = windows;
    words[LAST] = window + windows - 1;
    for (let worker = 0; worker < workers; worker++) words[(worker + 1) * STRIDE + CLOCK] = 0;
    return windows;
  }

  /** Windows of the round, and workers that had something to do in them. */
  #worked(): number {
    let sum = 0;
    for (let worker = 0; worker < this.neighbours.length; worker++)
      sum += this.#words[(worker + 1) * STRIDE + WORKED]!;
    return sum;
  }
}

function bothWays(targets: readonly (readonly number[])[]): number[][] {
  const sets = targets.map(list => new Set(list));
  for (const [from, list] of targets.entries()) for (const to of list) sets[to]!.add(from);
  return sets.map(set => [...set].sort((a, b) => a - b));
}

/** The smallest rank that no neighbour has yet, one worker after the other: 0 and 1 in turns along a chain. */
function ranks(neighbours: readonly (readonly number[])[]): number[] {
  const ranks: number[] = [];
  for (const list of neighbours) {
    const taken = new Set(list.map(neighbour => ranks[neighbour]));
    let rank = 0;
    while (taken.has(rank)) rank++;
    ranks.push(rank);
  }
  return ranks;
}
