/**
 * How workers agree on the next window: shared words, and no thread in charge.
 *
 *   main ── start(window) ──> members: the workers with something to do in it
 *                                │ each: drain rings, run, publish rings, write its row, count down LEFT
 *                                v
 *                             the LAST ONE OUT reduces the rows, takes the smallest next window, and
 *                                ├── wakes the members of that window (itself without sleeping), or
 *                                └── tells main: the limit is reached, or the run has to pause
 *
 *   row of worker k    own next window │ for each worker j it has a ring to: the window in which the earliest frame
 *                                      │ that k sent to j in this round arrives
 *
 * Where most workers have something to do in each window, a round is an epoch of several, in which they wait for their
 * neighbours only (clocks.ts). All are members of it, and meet at its end as after a window.
 *
 * What a worker has not yet drained is in a sender's row, so no frame is forgotten; a worker that sleeps through ten
 * thousand windows costs nothing. Who is the last one out is chance, what it decides is not: the reduction is a
 * minimum.
 *
 * The numbers are plain stores in a Float64Array. The atomic operations on LEFT, ORDER and MAIN come after them on the
 * writer's side and before them on the reader's, which orders them.
 */
import { NEVER, type VirtualTime } from '../sim/time.ts';
import { Clocks } from './clocks.ts';
import { gridAtOrAfter, horizon, wholeWindows } from './grid.ts';
import { Spin } from './spin.ts';

/** What a worker is woken for; bits of its order word. */
export const RUN = 1;
/** Somebody's ring to this worker is full. */
export const DRAIN = 2;
/** A message is on the port. */
export const MAIL = 4;
/** The consumer of a full ring has made room. */
export const SPACE = 8;
/** The run is over. */
export const END = 16;
/** In an epoch: it is first among its neighbours. */
const STEP = 32;

/** What a worker is doing, for the watchdog. */
export const IDLE = 0;
export const BUSY = 1;
/** Waiting for room in another's ring: not to blame. */
export const BLOCKED = 2;

// Words of the Int32Array. Those that several threads write are on cache lines of their own.
const LEFT = 0;
const MAIN = 16;
const ENDED = 32;
const STOP = 33;
const PAUSE = 34;
const ATTENTION = 35;
const HEEDS_ATTENTION = 36;
const MEMBERS = 37;
const WORKERS = 48;
const STRIDE = 16;
const ORDER = 0;
const SLEEPING = 1;
const ACTIVITY = 2;
const BEAT = 3;
const REPORTS = 4;

// Places in the Float64Array.
const LIMIT = 0;
const WINDOW = 1;
const HORIZON = 2;
const NEXT = 8;

export interface BarrierShape {
  readonly workers: number;
  readonly lookahead: VirtualTime;
  /** By worker: those it has a ring to. */
  readonly targets: readonly (readonly number[])[];
  /** There is a core for each worker. */
  readonly maySpin: boolean;
}

/** Words before the clocks; whole cache lines. */
const intsOf = (workers: number): number => (WORKERS + workers * (STRIDE + 1) + 15) & ~15;

export class Barrier {
  readonly shape: BarrierShape;
  readonly buffer: SharedArrayBuffer;
  readonly clocks: Clocks;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #rowStride: number;
  readonly #spin: Spin;

  /** Without `buffer` a new one is made. */
  constructor(shape: BarrierShape, buffer?: SharedArrayBuffer) {
    const { workers } = shape;
    this.shape = shape;
    this.#spin = new Spin(shape.maySpin);
    this.#rowStride = (1 + workers + 7) & ~7;
    const own = intsOf(workers);
    const ints = own + Clocks.words(workers);
    const floats = NEXT + workers + 8 + workers * this.#rowStride;
    this.buffer = buffer ?? new SharedArrayBuffer(ints * 4 + floats * 8);
    this.#ints = new Int32Array(this.buffer, 0, ints);
    this.clocks = new Clocks(shape.targets, this.#ints.subarray(own));
    this.#floats = new Float64Array(this.buffer, ints * 4);
    if (buffer === undefined) this.#floats.fill(NEVER);
  }

  // ---- both sides -------------------------------------------------------------------------------------------

  get window(): number {
    return this.#floats[WINDOW]!;
  }

  /** Where the run ends; main's until somebody's attention makes it earlier. */
  get limit(): VirtualTime {
    return this.#floats[LIMIT]!;
  }

  /** The round ends here: nothing at or after it may be done. When main was told, the time reached. */
  get horizon(): VirtualTime {
    return this.#floats[HORIZON]!;
  }

  get ended(): boolean {
    return Atomics.load(this.#ints, ENDED) === 1;
  }

  /** Give `worker` an order, and wake it if it sleeps. */
  order(worker: number, bits: number): void {
    const word = WORKERS + worker * STRIDE;
    // Who gave the order first has woken it, or is about to: a call of notify costs a lock that all threads share.
    if ((Atomics.or(this.#ints, word + ORDER, bits) & bits) === bits) return;
    // It says that it sleeps before it looks at its order word for the last time: one of us sees the other.
    if (Atomics.load(this.#ints, word + SLEEPING) === 1) Atomics.notify(this.#ints, word + ORDER);
  }

  // ---- a worker ---------------------------------------------------------------------------------------------

  /** Wait for orders; returns and takes them. */
  take(worker: number): number {
    const ints = this.#ints;
    const word = WORKERS + worker * STRIDE + ORDER;
    const { looks } = this.#spin;
    let order = Atomics.load(ints, word);
    for (let i = 0; order === 0 && i < looks; i++) order = Atomics.load(ints, word);
    this.#spin.learn(order !== 0);
    if (order === 0) this.#sleep(worker);
    return Atomics.exchange(ints, word, 0);
  }

  /** In an epoch: wait until the neighbours let `worker` run, or there are orders; returns and takes them. */
  takeOrStep(worker: number): number {
    const ints = this.#ints;
    const { clocks } = this;
    const word = WORKERS + worker * STRIDE;
    const { looks } = this.#spin;
    let ready = false;
    for (let i = 0; !ready && i < looks; i++)
      ready = Atomics.load(ints, word + ORDER) !== 0 || clocks.mayRun(worker);
    this.#spin.learn(ready);
    if (!ready) {
      Atomics.store(ints, word + SLEEPING, 1);
      // A neighbour whose clock we do not see yet will see that we sleep.
      if (!clocks.mayRun(worker)) Atomics.wait(ints, word + ORDER, 0);
      Atomics.store(ints, word + SLEEPING, 0);
    }
    return Atomics.exchange(ints, word + ORDER, 0);
  }

  /** In an epoch, before `worker` waits or leaves: wake those neighbours that come first now. */
  release(worker: number): void {
    for (const neighbour of this.clocks.neighbours[worker]!) {
      const sleeps = Atomics.load(this.#ints, WORKERS + neighbour * STRIDE + SLEEPING) === 1;
      if (sleeps && this.clocks.isFirst(neighbour)) this.order(neighbour, STEP);
    }
  }

  /** Sleep until there is an order that is not RUN; takes those of a full ring and of clocks, leaves the others. */
  waitForSpace(worker: number): void {
    const word = WORKERS + worker * STRIDE + ORDER;
    if (Atomics.load(this.#ints, word) === 0) this.#sleep(worker);
    Atomics.and(this.#ints, word, ~(DRAIN | SPACE | STEP));
  }

  activity(worker: number, activity: number): void {
    Atomics.store(this.#ints, WORKERS + worker * STRIDE + ACTIVITY, activity);
  }

  /** Tells the watchdog that something was done. */
  beat(worker: number): void {
    this.#ints[WORKERS + worker * STRIDE + BEAT]!++;
  }

  raiseAttention(): void {
    Atomics.store(this.#ints, ATTENTION, 1);
  }

  /** The number of reports that `worker` keeps; `pause` asks for a stop between two windows to hand them on. */
  reports(worker: number, count: number, pause: boolean): void {
    this.#ints[WORKERS + worker * STRIDE + REPORTS] = count;
    if (pause) Atomics.store(this.#ints, PAUSE, 1);
  }

  /** Write the row of `worker`: its next window, and when the earliest frame that it `sent` to each of its targets arrives. */
  writeRow(worker: number, next: number, sent: Float64Array): void {
    const row = this.#row(worker);
    this.#floats[row] = next;
    const { lookahead } = this.shape;
    const targets = this.shape.targets[worker]!;
    for (let i = 0; i < targets.length; i++)
      this.#floats[row + 1 + targets[i]!] = Math.floor(sent[i]! / lookahead);
  }

  /** A member has run the window and written its row. */
  leave(): void {
    if (Atomics.sub(this.#ints, LEFT, 1) === 1) this.#advance();
  }

  #sleep(worker: number): void {
    const word = WORKERS + worker * STRIDE;
    Atomics.store(this.#ints, word + SLEEPING, 1);
    Atomics.wait(this.#ints, word + ORDER, 0);
    Atomics.store(this.#ints, word + SLEEPING, 0);
  }

  /** The last one out: decide what comes next. */
  #advance(): void {
    const { lookahead } = this.shape;
    const ints = this.#ints;
    const floats = this.#floats;
    const reached = floats[HORIZON]!;
    if (ints[HEEDS_ATTENTION] === 1 && Atomics.load(ints, ATTENTION) === 1)
      floats[LIMIT] = Math.min(floats[LIMIT]!, gridAtOrAfter(reached));
    const limit = floats[LIMIT]!;
    this.#reduce();
    const next = this.#smallestNext();
    if (reached >= limit || next * lookahead >= limit) this.#tellMain(limit);
    else if (Atomics.load(ints, PAUSE) === 1 || Atomics.load(ints, STOP) === 1) this.#tellMain(reached);
    else this.#startWindow(next, reached);
  }

  // ---- main -------------------------------------------------------------------------------------------------

  /**
   * Begin a run from `from` up to `limit`, `members` being those that wrote their rows since the last. Returns false when there is
   * nothing to run before it; otherwise `reached` resolves.
   */
  start(
    from: VirtualTime,
    limit: VirtualTime,
    heedsAttention: boolean,
    members: ReadonlySet<number>,
  ): boolean {
    this.#floats[LIMIT] = limit;
    this.#ints[HEEDS_ATTENTION] = heedsAttention ? 1 : 0;
    this.#ints[PAUSE] = 0;
    const list = this.#memberList;
    let count = 0;
    for (const member of members) this.#ints[list + count++] = member;
    this.#ints[MEMBERS] = count;
    this.#reduce();
    const next = this.#smallestNext();
    if (from >= limit || next * this.shape.lookahead >= limit) return false;
    this.#startWindow(next, from);
    return true;
  }

  /** Resolves with the time reached: the limit, or less when the run paused. `since` is `turn` before the start. */
  async reached(since: number): Promise<VirtualTime> {
    const wait = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync(this.#ints, MAIN, since);
    if (wait.async) await wait.value;
    return this.horizon;
  }

  /** Counts the times that main was told. */
  get turn(): number {
    return Atomics.load(this.#ints, MAIN);
  }

  get attention(): boolean {
    return Atomics.load(this.#ints, ATTENTION) === 1;
  }

  clearAttention(): void {
    Atomics.store(this.#ints, ATTENTION, 0);
  }

  /** Have the run stop at the next window boundary; or not any more. */
  stop(stop = true): void {
    Atomics.store(this.#ints, STOP, stop ? 1 : 0);
  }

  /** Have all workers leave, wherever they wait. */
  end(): void {
    Atomics.store(this.#ints, ENDED, 1);
    for (let worker = 0; worker < this.shape.workers; worker++) this.order(worker, END);
  }

  /** What the watchdog looks at. */
  pulse(worker: number): { readonly activity: number; readonly beat: number } {
    const word = WORKERS + worker * STRIDE;
    return { activity: Atomics.load(this.#ints, word + ACTIVITY), beat: this.#ints[word + BEAT]! };
  }

  reportCount(worker: number): number {
    return this.#ints[WORKERS + worker * STRIDE + REPORTS]!;
  }

  // ---- whoever decides --------------------------------------------------------------------------------------

  #row(worker: number): number {
    return NEXT + this.shape.workers + 8 + worker * this.#rowStride;
  }

  /** Where the members of the round are listed. */
  get #memberList(): number {
    return WORKERS + this.shape.workers * STRIDE;
  }

  /** Take in the rows of the members; all own next windows first, since what others sent can only be earlier. */
  #reduce(): void {
    const { targets } = this.shape;
    const ints = this.#ints;
    const floats = this.#floats;
    const list = this.#memberList;
    const count = ints[MEMBERS]!;
    for (let i = 0; i < count; i++) {
      const member = ints[list + i]!;
      floats[NEXT + member] = floats[this.#row(member)]!;
    }
    for (let i = 0; i < count; i++) {
      const member = ints[list + i]!;
      const row = this.#row(member) + 1;
      const sentTo = targets[member]!;
      for (let j = 0; j < sentTo.length; j++) {
        const target = sentTo[j]!;
        if (floats[row + target]! < floats[NEXT + target]!) floats[NEXT + target] = floats[row + target]!;
      }
    }
  }

  #smallestNext(): number {
    let smallest = NEVER;
    for (let worker = 0; worker < this.shape.workers; worker++)
      if (this.#floats[NEXT + worker]! < smallest) smallest = this.#floats[NEXT + worker]!;
    return smallest;
  }

  /** Everything before `reached` is done. */
  #startWindow(window: number, reached: VirtualTime): void {
    const { workers, lookahead } = this.shape;
    const ints = this.#ints;
    const list = this.#memberList;
    let members = 0;
    for (let worker = 0; worker < workers; worker++)
      if (this.#floats[NEXT + worker] === window) ints[list + members++] = worker;
    const round = {
      window,
      lookahead,
      from: Math.max(reached, window * lookahead),
      limit: this.#floats[LIMIT]!,
      heedsAttention: ints[HEEDS_ATTENTION] === 1,
    };
    // With a core for each worker a wait is a short spin, and looking after clocks costs more than it saves.
    const windows = this.clocks.plan(window, members, this.shape.maySpin ? 1 : wholeWindows(round));
    if (windows > 1) for (members = 0; members < workers; members++) ints[list + members] = members;
    this.#floats[WINDOW] = window;
    this.#floats[HORIZON] = windows > 1 ? (window + windows) * lookahead : horizon(round);
    ints[MEMBERS] = members;
    Atomics.store(ints, LEFT, members);
    if (windows > 1) this.#startEpoch();
    // Nobody writes the next list before the last member was woken.
    else for (let i = 0; i < members; i++) this.order(ints[list + i]!, RUN);
  }

  /**
   * A neighbour wakes those that do not come first, and then they run two windows. It may do so as soon as it has its own
   * order, so they have theirs before anybody is woken: who wakes and finds none sleeps again, and nobody comes.
   */
  #startEpoch(): void {
    const { workers } = this.shape;
    for (let worker = 0; worker < workers; worker++)
      if (!this.clocks.beginsFirst(worker)) Atomics.or(this.#ints, WORKERS + worker * STRIDE + ORDER, RUN);
    for (let worker = 0; worker < workers; worker++)
      if (this.clocks.beginsFirst(worker)) this.order(worker, RUN);
  }

  #tellMain(reached: VirtualTime): void {
    this.#floats[HORIZON] = reached;
    Atomics.add(this.#ints, MAIN, 1);
    Atomics.notify(this.#ints, MAIN);
  }
}

/** ES2024; the library types we compile against end at ES2023. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) =>
  | { readonly async: false; readonly value: string }
  | { readonly async: true; readonly value: Promise<string> };
