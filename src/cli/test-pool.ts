/** Threads that run whole scenarios side by side; which one runs what changes nothing in a result. */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { TestResult } from '../runner/test-case.ts';
import type { TestTask } from './test-worker.ts';

const WORKER = new URL('./test-worker.js', import.meta.url).href;

export class TestPool {
  readonly #pool: Piscina<TestTask, TestResult>;
  readonly #signal: AbortSignal;
  /** What is under way ends in an error, and an interruption is what the caller will call it. */
  readonly #stop = (): void => {
    this.#ended = this.#pool.destroy();
  };
  #ended: Promise<void> | undefined;

  /** For so many scenarios at a time, at most. */
  constructor(most: number, signal: AbortSignal) {
    const threads = Math.min(availableParallelism(), most);
    this.#pool = new Piscina<TestTask, TestResult>({
      filename: WORKER,
      minThreads: threads,
      maxThreads: threads,
      atomics: 'disabled',
    });
    this.#signal = signal;
    signal.addEventListener('abort', this.#stop, { once: true });
  }

  run(task: TestTask): Promise<TestResult> {
    return this.#pool.run(task);
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#stop);
    await (this.#ended ?? this.#pool.destroy());
  }
}
