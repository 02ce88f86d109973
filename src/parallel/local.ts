/** The controller without workers: the same semantics, all in the calling thread. */
import { setImmediate } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import type { Report } from '../sim/partition.ts';
import type { VirtualTime } from '../sim/time.ts';
import { Assembly, loadBuild } from './assembly.ts';
import { carryOut, type Outcome, pack, settled, unpack } from './envelope.ts';
import { SimulationFault } from './fault.ts';
import { gridAfter, gridAtOrAfter, horizon } from './grid.ts';
import { type Build, type LabSpec, lookahead } from './lab-spec.ts';
import { merged, REPORT_LIMIT } from './reports.ts';
import { RunState, sha256 } from './run-state.ts';
import type { JournalCommand, Placement, Simulation, SimulationOptions } from './simulation.ts';

/** Wall time between two looks at the event loop, so that signals and timers of the program work. */
const YIELD_MS = 20;
/** Rounds between two looks at the clock. */
const ROUNDS_PER_LOOK = 64;

export class LocalSimulation implements Simulation {
  readonly placement: readonly Placement[];
  onReports: (reports: readonly Report[]) => void = () => {};
  readonly #assembly: Assembly;
  readonly #lookahead: VirtualTime;
  readonly #signal: AbortSignal | undefined;
  readonly #state = new RunState();
  #lastYield = 0;
  /** Somebody wants the run to stop. */
  #interrupted = false;

  static async create(lab: LabSpec, options: SimulationOptions): Promise<LocalSimulation> {
    // The builder sees a copy, as in a worker.
    const copy = unpack(pack(lab)) as LabSpec;
    return new LocalSimulation(copy, await loadBuild(lab, () => true), options);
  }

  private constructor(lab: LabSpec, build: Build, options: SimulationOptions) {
    this.#lookahead = lookahead(lab);
    this.#signal = options.signal;
    this.placement = lab.processes.map(({ name }) => ({ process: name, worker: 0, threadId }));
    try {
      this.#assembly = new Assembly(lab, build, {
        reversed: options.reversed === true,
        isHere: () => true,
        remote: link => {
          throw new Error(`link at ${link} leads nowhere`);
        },
      });
      this.#assembly.boot();
    } catch (error) {
      throw this.#broken(error, undefined);
    }
  }

  get now(): VirtualTime {
    return this.#state.now;
  }

  runUntil(until: VirtualTime, options: { readonly stopOnAttention?: boolean } = {}): Promise<VirtualTime> {
    return this.#state.exclusively(async () => {
      this.#state.checkUntil(until);
      try {
        await this.#run(until, options.stopOnAttention === true);
      } finally {
        this.#assembly.partition.wantsAttention = false;
        this.#handOn();
      }
      return this.#state.now;
    });
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  async command(process: number, command: unknown): Promise<unknown> {
    return (await this.commands([{ process, command }]))[0];
  }

  async commands(list: readonly JournalCommand[]): Promise<unknown[]> {
    return settled(await this.outcomes(list));
  }

  outcomes(list: readonly JournalCommand[]): Promise<Outcome[]> {
    return this.#state.exclusively(async () => {
      const { processes } = this.#assembly;
      for (const { process } of list)
        if (!processes.has(process)) throw new Error(`there is no process ${process}`);
      const outcomes: Outcome[] = [];
      for (const { process: id, command } of unpack(pack(list)) as JournalCommand[]) {
        const process = processes.get(id)!;
        try {
          outcomes.push(carryOut(process, this.now, command));
        } catch (error) {
          throw this.#broken(error, process.name);
        }
      }
      this.#handOn();
      return unpack(pack(outcomes)) as Outcome[];
    });
  }

  fingerprint(): Promise<string> {
    return this.#state.exclusively(async () => {
      return sha256(this.#assembly.prints());
    });
  }

  async close(): Promise<void> {
    this.#state.close();
  }

  async #run(until: VirtualTime, heedsAttention: boolean): Promise<void> {
    const { partition } = this.#assembly;
    const lookahead = this.#lookahead;
    let limit = until;
    this.#interrupted = false;
    if (heedsAttention && partition.wantsAttention) limit = Math.min(limit, gridAfter(this.now));
    for (let rounds = 1; this.now < limit; rounds++) {
      const window = partition.nextWindow();
      if (window * lookahead >= limit) break;
      const from = Math.max(this.now, window * lookahead);
      const end = horizon({ window, lookahead, from, limit, heedsAttention });
      try {
        partition.runWindow(window, end);
      } catch (error) {
        throw this.#broken(error, partition.running?.name, partition.running?.now);
      }
      this.#state.now = end;
      if (heedsAttention && partition.wantsAttention) limit = Math.min(limit, gridAtOrAfter(end));
      if (partition.reportCount >= REPORT_LIMIT) this.#handOn();
      if (rounds % ROUNDS_PER_LOOK === 0) await this.#look();
      if (this.#interrupted) return;
    }
    this.#state.now = limit;
  }

  /** Between two windows: tell what happened until now, let the event loop turn, and end the run if somebody asked for it. */
  async #look(): Promise<void> {
    if (performance.now() - this.#lastYield < YIELD_MS) return;
    this.#handOn();
    await setImmediate();
    this.#lastYield = performance.now();
    if (this.#signal?.aborted === true)
      throw new SimulationFault('aborted', { worker: 0, virtualTime: this.now }, 'ended from outside');
  }

  #handOn(): void {
    const reports = this.#assembly.partition.takeReports();
    if (reports.length > 0) this.onReports(merged([reports]));
  }

  #broken(error: unknown, process: string | undefined, virtualTime = this.now): SimulationFault {
    const what = error instanceof Error ? error.message : String(error);
    this.#state.fault = new SimulationFault('throw', { process, worker: 0, virtualTime }, what, error);
    return this.#state.fault;
  }
}
