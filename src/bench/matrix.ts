/**
 * All cells of a benchmark. Each is a whole simulation, several at once on a pool of threads, those of the headline
 * first; what comes out is in the order of the cells, whichever was ready first.
 */
import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { hostModel } from '../cost/models.ts';
import type { SimulationOptions } from '../parallel/simulation.ts';
import type { Scenario } from '../scenario/types.ts';
import type { Cell, CellResult, Durations, Measured, Part } from './cell.ts';
import { PARTS } from './cell.ts';
import { measure, type Task } from './measure.ts';
import { answersLatency, answersTcp, answersUdp, isExact, limitOf, resultOf } from './verdict.ts';

export interface MatrixOptions {
  readonly scenario: Scenario;
  readonly cells: readonly Cell[];
  readonly seed: number;
  readonly durations: Durations;
  /** Seeds at most: further ones run only where they change the result. */
  readonly repeat: number;
  /** Of each lab. 0: the labs run side by side on a pool of threads; else one after the other. */
  readonly workers: SimulationOptions['workers'];
  /** Packets to keep of each part; none unless told. */
  readonly capture?: number;
  /** The packets of a cell, in the order of time, as its parts are done. */
  readonly captured?: (cell: Cell, packets: NonNullable<Measured['packets']>) => void;
  readonly signal?: AbortSignal;
  /** A task is done: so many of so many. */
  readonly progress?: (done: number, total: number) => void;
  /** TCP of all cells of the headline is measured. */
  readonly headline?: (results: readonly CellResult[]) => void;
}

/** Cells that the first line compares: across subnets, one stream, in these modes. */
export function headlineCells(cells: readonly Cell[]): readonly Cell[] {
  const first = cells[0];
  if (first === undefined) return [];
  const alike = cells.filter(
    ({ mtu, rate, streams, hostModel: model }) =>
      mtu === first.mtu && rate === first.rate && streams === first.streams && model === first.hostModel,
  );
  const across = alike.some(cell => !cell.sameSubnet) ? alike.filter(cell => !cell.sameSubnet) : alike;
  const base = across.find(cell => cell.mode === 'direct');
  const other = across.find(cell => cell.mode === 'ipip') ?? across.find(cell => cell.mode !== 'direct');
  return [base, other].filter(cell => cell !== undefined);
}

/** What a cell is made of, as it comes in. */
class Progressing {
  readonly cell: Cell;
  readonly repeats: number[] = [];
  measured: Measured | undefined;
  /** Tasks that are not done. */
  left = 0;

  constructor(cell: Cell) {
    this.cell = cell;
  }

  add(measured: Measured, first: boolean): void {
    if (measured.tcp !== undefined) this.repeats.push(measured.tcp.goodputBps);
    if (first) this.measured = { ...this.measured, ...measured };
  }

  result(seed: number): CellResult | undefined {
    if (this.measured === undefined) return undefined;
    return resultOf(this.cell, modelOf(this.cell), seed, this.measured, this.repeats);
  }
}

const modelOf = ({ hostModel: name }: Cell) => hostModel(name)!;

/** Results of the cells that were finished before `signal`, in order. Rejects when a simulation breaks. */
export async function runMatrix(options: MatrixOptions): Promise<CellResult[]> {
  return new Matrix(options).run();
}

class Matrix {
  readonly #options: MatrixOptions;
  readonly #cells: readonly Progressing[];
  readonly #pool: Piscina<Task, Measured> | undefined;
  #done = 0;
  #total = 0;

  constructor(options: MatrixOptions) {
    this.#options = options;
    this.#cells = options.cells.map(cell => new Progressing(cell));
    if (options.workers !== 0) return;
    const threads = Math.max(1, Math.min(availableParallelism(), 2 * options.cells.length));
    this.#pool = new Piscina({
      filename: new URL('./cell-worker.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
    });
  }

  async run(): Promise<CellResult[]> {
    const { cells, headline, seed, signal, capture } = this.#options;
    // Every task listens for the end.
    if (signal !== undefined) setMaxListeners(0, signal);
    const head = headlineCells(cells);
    const leaders = this.#cells.filter(({ cell }) => head.includes(cell));
    const others = this.#cells.filter(({ cell }) => !head.includes(cell));
    try {
      // What the first line says comes first: throughput, or what else the model knows. A capture is of a whole cell.
      const telling: Part = head.some(cell => answersTcp(modelOf(cell))) ? 'tcp' : 'transactions';
      const now: readonly Part[] = capture === undefined ? [telling] : PARTS;
      const first = leaders.map(each => this.#first(each, now));
      const told = Promise.all(first).then(() => {
        const results = leaders.flatMap(each => each.result(seed) ?? []);
        if (results.length === leaders.length && !signal?.aborted) headline?.(results);
      });
      const rest = leaders.map(each =>
        this.#first(
          each,
          PARTS.filter(part => !now.includes(part)),
        ),
      );
      const whole = others.map(each => this.#first(each, PARTS));
      await this.#all([told, ...rest, ...whole]);
    } finally {
      await this.#pool?.destroy();
    }
    return this.#cells.flatMap(each => (each.left > 0 ? [] : (each.result(seed) ?? [])));
  }

  /** Wait for all, also for those behind one that breaks. */
  async #all(tasks: readonly Promise<void>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(tasks))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** The parts that the cell's model has an answer for, and then further seeds where they make a difference. */
  async #first(each: Progressing, parts: readonly Part[]): Promise<void> {
    const { seed, repeat } = this.#options;
    const model = modelOf(each.cell);
    const answers = { tcp: answersTcp(model), udp: answersUdp(model), transactions: answersLatency(model) };
    const wanted = parts.filter(part => answers[part]);
    if (wanted.length === 0) return;
    if (!(await this.#one(each, wanted, seed, true)) || !wanted.includes('tcp')) return;
    const { measured } = each;
    if (measured === undefined || isExact(limitOf(each.cell, model, measured))) return;
    const more = Array.from({ length: repeat - 1 }, (_, i) => this.#one(each, ['tcp'], seed + i + 1, false));
    await Promise.all(more);
  }

  /** False when it was not to be. */
  async #one(each: Progressing, parts: readonly Part[], seed: number, first: boolean): Promise<boolean> {
    const { scenario, durations, workers, signal } = this.#options;
    this.#total++;
    each.left++;
    const { capture, captured } = this.#options;
    const kept = first && capture !== undefined ? { capture } : {};
    const task: Task = { scenario, cell: each.cell, parts, seed, durations, workers, ...kept };
    try {
      const { packets, ...measured } = await this.#measure(task);
      each.add(measured, first);
      if (packets !== undefined) captured?.(each.cell, packets);
    } catch (error) {
      if (signal?.aborted) return false;
      throw error;
    }
    each.left--;
    this.#options.progress?.(++this.#done, this.#total);
    return true;
  }

  #queue: Promise<unknown> = Promise.resolve();

  #measure(task: Task): Promise<Measured> {
    const { signal } = this.#options;
    if (this.#pool !== undefined) return this.#pool.run(task, signal === undefined ? {} : { signal });
    // One lab at a time: each has threads of its own.
    const next = this.#queue.then(() => {
      if (signal?.aborted) throw new Error('interrupted');
      return measure(task, signal);
    });
    this.#queue = next.catch(() => {});
    return next;
  }
}
