/**
 * The controller with workers: grants time, sends commands between the windows, watches over the threads. It runs in
 * the calling thread and never blocks it; while a run is under way it only waits.
 */
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Report } from '../sim/partition.ts';
import type { VirtualTime } from '../sim/time.ts';
import { Barrier, MAIL } from './barrier.ts';
import { type Outcome, pack, settled, unpack } from './envelope.ts';
import { SimulationFault } from './fault.ts';
import { gridAfter } from './grid.ts';
import { type LabSpec, lookahead } from './lab-spec.ts';
import { dealOut, place } from './placement.ts';
import { merged } from './reports.ts';
import { createRing } from './ring.ts';
import { RunState, sha256 } from './run-state.ts';
import type { JournalCommand, Placement, Simulation, SimulationOptions } from './simulation.ts';
import { Watchdog } from './watchdog.ts';
import type { Breakdown, Reply, Request, WorkerTask } from './worker.ts';

/** All rings together; one has at least `SMALLEST` and at most `LARGEST` octets. Untouched pages cost nothing. */
const ALL_RINGS_OCTETS = 2 ** 27;
const SMALLEST = 2 ** 16;
const LARGEST = 2 ** 21;
const WATCHDOG_MS = 10_000;
/** How long a run may take to come to a window boundary once it was told to end. */
const STOP_MS = 500;

interface Thread {
  readonly port: MessagePort;
  /** Names of the processes on it. */
  readonly names: readonly string[];
  threadId: number;
  answered: ((reply: Reply) => void) | undefined;
}

export class ThreadedSimulation implements Simulation {
  onReports: (reports: readonly Report[]) => void = () => {};
  readonly #lab: LabSpec;
  readonly #signal: AbortSignal | undefined;
  readonly #state = new RunState();
  readonly #barrier: Barrier;
  readonly #pool: Piscina<WorkerTask, Breakdown | undefined>;
  readonly #threads: Thread[] = [];
  /** By process id. */
  readonly #workerOf = new Map<number, number>();
  /** Workers that wrote a row since the last run began. */
  readonly #members = new Set<number>();
  /** Rejects when a process or a thread breaks. */
  readonly #faulted: Promise<never>;
  #reject: (fault: SimulationFault) => void = () => {};
  readonly #watchdog: Watchdog;
  /** Reports of the boot wait here until somebody can listen. */
  #held: Report[] = [];
  #closing = false;
  #threadsEnded: Promise<void> | undefined;
  /** Somebody wants the run to stop. */
  #interrupted = false;

  static async create(
    lab: LabSpec,
    workers: number,
    options: SimulationOptions,
  ): Promise<ThreadedSimulation> {
    const simulation = new ThreadedSimulation(lab, workers, options);
    await simulation.#state.exclusively(() => simulation.#boot());
    return simulation;
  }

  private constructor(lab: LabSpec, workers: number, options: SimulationOptions) {
    this.#lab = lab;
    this.#signal = options.signal;
    const shared = options.workers === 'per-node' && workers < lab.processes.length;
    const placement = shared ? dealOut(lab.processes.length, workers) : place(lab, workers);
    for (const [i, { id }] of lab.processes.entries()) this.#workerOf.set(id, placement[i]!);
    const targets = this.#targets(workers);
    this.#barrier = new Barrier({
      workers,
      lookahead: lookahead(lab),
      targets,
      maySpin: workers <= availableParallelism(),
    });
    this.#faulted = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#faulted.catch(() => {}); // it may be that nobody waits
    this.#pool = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      ...(options.workerHeapMb === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: options.workerHeapMb } }),
    });
    this.#pool.on('error', error => this.#fail('exit', 0, String(error)));
    this.#watchdog = new Watchdog(this.#barrier, options.watchdogMs ?? WATCHDOG_MS, worker => {
      const ms = options.watchdogMs ?? WATCHDOG_MS;
      this.#fail('watchdog', worker, `no progress for ${ms} ms of wall time`);
    });
    this.#start(placement, options);
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  get now(): VirtualTime {
    return this.#state.now;
  }

  get placement(): readonly Placement[] {
    return this.#lab.processes.map(({ id, name }) => {
      const worker = this.#workerOf.get(id)!;
      return { process: name, worker, threadId: this.#threads[worker]!.threadId };
    });
  }

  runUntil(until: VirtualTime, options: { readonly stopOnAttention?: boolean } = {}): Promise<VirtualTime> {
    return this.#state.exclusively(() =>
      this.#watched(async () => {
        this.#state.checkUntil(until);
        const heeds = options.stopOnAttention === true;
        let limit = until;
        this.#interrupted = false;
        this.#barrier.stop(false);
        this.#checkSignal();
        if (heeds && this.#barrier.attention) limit = Math.min(limit, gridAfter(this.now));
        for (;;) {
          this.#checkSignal();
          const turn = this.#barrier.turn;
          const runs = this.#barrier.start(this.now, limit, heeds, this.#members);
          this.#members.clear();
          this.#state.now = runs ? await this.#orFault(this.#barrier.reached(turn)) : limit;
          limit = this.#barrier.limit;
          await this.#collectReports();
          if (this.now === limit || this.#interrupted) break;
        }
        this.#barrier.clearAttention();
        return this.now;
      }, true),
    );
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#barrier.stop();
  }

  async command(process: number, command: unknown): Promise<unknown> {
    return (await this.commands([{ process, command }]))[0];
  }

  async commands(list: readonly JournalCommand[]): Promise<unknown[]> {
    return settled(await this.outcomes(list));
  }

  outcomes(list: readonly JournalCommand[]): Promise<Outcome[]> {
    return this.#state.exclusively(() =>
      this.#watched(async () => {
        const shares = new Map<number, { at: number[]; list: JournalCommand[] }>();
        for (const [i, { process, command }] of list.entries()) {
          const worker = this.#workerOf.get(process);
          if (worker === undefined) throw new Error(`there is no process ${process}`);
          const share = shares.get(worker) ?? { at: [], list: [] };
          share.at.push(i);
          share.list.push({ process, command });
          shares.set(worker, share);
        }
        const outcomes = new Array<Outcome>(list.length);
        const replies = [...shares].map(async ([worker, share]) => {
          const reply = await this.#ask(worker, { kind: 'commands', at: this.now, list: share.list });
          this.#members.add(worker);
          for (const [i, at] of share.at.entries()) outcomes[at] = reply.outcomes![i]!;
          return reply;
        });
        this.#handOn(await Promise.all(replies));
        return outcomes;
      }),
    );
  }

  fingerprint(): Promise<string> {
    return this.#state.exclusively(() =>
      this.#watched(async () => {
        const replies = await Promise.all(
          this.#threads.map((_, worker) => this.#ask(worker, { kind: 'prints' })),
        );
        return sha256(replies.flatMap(({ prints }) => prints!));
      }),
    );
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#state.close();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#barrier.end();
    await this.#endThreads();
    for (const { port } of this.#threads) port.close();
  }

  /** Resolves when all threads have ended, those that do not listen any more and the one that piscina put in too. */
  #endThreads(): Promise<void> {
    this.#threadsEnded ??= this.#pool.destroy();
    return this.#threadsEnded;
  }

  /** By worker: the workers that it has links to. */
  #targets(workers: number): number[][] {
    const sets = Array.from({ length: workers }, () => new Set<number>());
    for (const { from, to } of this.#lab.links) {
      const [a, b] = [this.#workerOf.get(from.process)!, this.#workerOf.get(to.process)!];
      if (a !== b) sets[a]!.add(b);
    }
    return sets.map(set => [...set].sort((a, b) => a - b));
  }

  #start(placement: readonly number[], options: SimulationOptions): void {
    const { shape, buffer } = this.#barrier;
    const pairs = shape.targets.flatMap((targets, from) => targets.map(to => ({ from, to })));
    const share = Math.floor(ALL_RINGS_OCTETS / Math.max(1, pairs.length));
    const octets = options.ringOctets ?? Math.min(LARGEST, Math.max(SMALLEST, share));
    const rings = pairs.map(pair => ({ ...pair, buffer: createRing(octets) }));
    const lab = pack({ kind: 'lab', lab: this.#lab } satisfies Request);
    for (let worker = 0; worker < shape.workers; worker++) {
      const { port1, port2 } = new MessageChannel();
      const names = this.#lab.processes.filter((_, i) => placement[i] === worker).map(({ name }) => name);
      const thread: Thread = { port: port1, names, threadId: 0, answered: undefined };
      this.#threads.push(thread);
      port1.on('message', (octets: Uint8Array) => thread.answered?.(unpack(octets) as Reply));
      port1.postMessage(lab);
      const task: WorkerTask = {
        worker,
        port: port2,
        shape,
        barrier: buffer,
        placement,
        rings: rings.filter(({ from, to }) => from === worker || to === worker),
        reversed: options.reversed === true,
      };
      this.#pool.run(task, { transferList: [port2] }).then(
        breakdown => this.#taskEnded(worker, breakdown),
        (error: unknown) => this.#threadDied(worker, error),
      );
    }
  }

  async #boot(): Promise<void> {
    try {
      await this.#watched(async () => {
        const replies = await this.#orFault(Promise.all(this.#threads.map(thread => this.#answer(thread))));
        for (const [worker, { threadId }] of replies.entries()) {
          this.#threads[worker]!.threadId = threadId!;
          this.#members.add(worker);
        }
        this.#held.push(...replies.flatMap(({ reports }) => reports));
      });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #answer(thread: Thread): Promise<Reply> {
    return new Promise(resolve => {
      thread.answered = resolve;
    });
  }

  /** Send `request` and wait for the answer. One at a time for each worker. */
  #ask(worker: number, request: Request): Promise<Reply> {
    const thread = this.#threads[worker]!;
    const answer = this.#answer(thread);
    const octets = pack(request);
    thread.port.postMessage(octets, [octets.buffer]);
    this.#barrier.order(worker, MAIL);
    return this.#orFault(answer);
  }

  #orFault<T>(what: Promise<T>): Promise<T> {
    return Promise.race([what, this.#faulted]);
  }

  async #watched<T>(action: () => Promise<T>, isRun = false): Promise<T> {
    this.#watchdog.start(isRun);
    try {
      return await action();
    } finally {
      this.#watchdog.stop();
    }
  }

  async #collectReports(): Promise<void> {
    const { workers } = this.#barrier.shape;
    const asked: Promise<Reply>[] = [];
    for (let worker = 0; worker < workers; worker++)
      if (this.#barrier.reportCount(worker) > 0) asked.push(this.#ask(worker, { kind: 'reports' }));
    this.#handOn(await Promise.all(asked));
  }

  #handOn(replies: readonly Reply[]): void {
    const reports = merged([this.#held, ...replies.map(reply => reply.reports)]);
    this.#held = [];
    if (reports.length > 0) this.onReports(reports);
  }

  #checkSignal(): void {
    if (this.#signal?.aborted === true)
      throw new SimulationFault('aborted', { worker: 0, virtualTime: this.now }, 'ended from outside');
  }

  readonly #onAbort = (): void => {
    this.#barrier.stop();
    const turn = this.#barrier.turn;
    setTimeout(() => {
      const stuck = this.#watchdog.busyWorker();
      if (stuck !== undefined && turn === this.#barrier.turn)
        this.#fail('aborted', stuck, `did not end within ${STOP_MS} ms`);
    }, STOP_MS).unref();
  };

  #taskEnded(worker: number, breakdown: Breakdown | undefined): void {
    if (breakdown === undefined) {
      if (!this.#closing && this.#state.fault === undefined) this.#fail('exit', worker, 'the worker ended');
      return;
    }
    const cause = new Error(breakdown.message);
    if (breakdown.stack !== undefined) cause.stack = breakdown.stack;
    const process = breakdown.process ?? this.#threads[worker]!.names.join(', ');
    const where = { process, worker, virtualTime: breakdown.virtualTime };
    this.#end(new SimulationFault('throw', where, breakdown.message, cause));
  }

  #threadDied(worker: number, error: unknown): void {
    if (this.#closing) return;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_WORKER_OUT_OF_MEMORY')
      this.#fail('out-of-memory', worker, 'the thread is out of memory');
    else this.#fail('exit', worker, error instanceof Error ? error.message : String(error));
  }

  #fail(kind: SimulationFault['kind'], worker: number, what: string): void {
    const process = this.#threads[worker]?.names.join(', ');
    this.#end(
      new SimulationFault(kind, { process, worker, virtualTime: this.#reachedAtLeast(worker) }, what),
    );
  }

  /** While a run is under way: the beginning of the window that `worker` is in. */
  #reachedAtLeast(worker: number): VirtualTime {
    const { window, shape, clocks } = this.#barrier;
    const begin = (window + clocks.of(worker)) * shape.lookahead;
    return Number.isFinite(begin) ? Math.max(this.now, begin) : this.now;
  }

  /** The first fault is the one; what follows from it is not told. */
  #end(fault: SimulationFault): void {
    if (this.#closing || this.#state.fault !== undefined) return;
    this.#state.fault = fault;
    this.#barrier.end();
    this.#reject(fault);
    // Threads that do not listen any more are ended; the others leave by themselves.
    this.#endThreads().catch(() => {});
  }
}
