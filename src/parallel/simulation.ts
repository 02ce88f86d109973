/**
 * A running lab: the one interface to the engine, the same for no worker and for many.
 *
 *   createSimulation ──> runUntil(T) ──> command(process, …) at T ──> runUntil(T') ──> …
 *                            └─> onReports(what the processes said before T)
 *
 * Same lab and same calls give the same results, reports and fingerprint for any number of workers.
 */
import { availableParallelism } from 'node:os';
import type { Report } from '../sim/partition.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { Outcome } from './envelope.ts';
import { check, type LabSpec } from './lab-spec.ts';
import { LocalSimulation } from './local.ts';
import { ThreadedSimulation } from './threaded.ts';

export type { Outcome } from './envelope.ts';
export { CommandError, SimulationFault } from './fault.ts';
export type { Build, LabSpec, LinkSpec, ProcessSpec } from './lab-spec.ts';

/** Threads beyond this are shared: one costs 8 MB and 15 ms. */
const PER_NODE_LIMIT = 64;

export interface SimulationOptions {
  /** 0: everything in the calling thread. `per-node`: a thread for each process, up to 64. `auto`: one a core. */
  readonly workers: number | 'per-node' | 'auto';
  /** Run the processes of a window last to first, which changes nothing. */
  readonly reversed?: boolean;
  /** Wall time without progress after which a worker is held to be stuck; 10,000 unless told. */
  readonly watchdogMs?: number;
  /** Ends a run at the next window boundary; what was measured stays readable. */
  readonly signal?: AbortSignal;
  /** Heap of each worker; Node's own limit unless told. */
  readonly workerHeapMb?: number;
  /** Size of each ring between two workers; chosen by their number unless told. */
  readonly ringOctets?: number;
}

export interface Placement {
  readonly process: string;
  readonly worker: number;
  readonly threadId: number;
}

export interface Simulation {
  /** Everything before this has happened, nothing at or after it but the commands given. */
  readonly now: VirtualTime;
  readonly placement: readonly Placement[];
  /**
   * Receives the reports of every `runUntil` and command before that resolves, and of a long run now and then, by
   * (time, process id, order within the process); complete up to the last one's time.
   */
  onReports: (reports: readonly Report[]) => void;
  /**
   * Run to exactly `until`; or, with `stopOnAttention`, to the first multiple of 10 ms after some process asked for
   * attention (which it did since the last run ended), if that is earlier. Returns the time reached. Rejects with a `SimulationFault`.
   */
  runUntil(until: VirtualTime, options?: { readonly stopOnAttention?: boolean }): Promise<VirtualTime>;
  /**
   * The run that is under way stops at the next window boundary and returns the time reached, which depends on the
   * clock of the wall: for whoever sits at a prompt. Without one under way it does nothing.
   */
  interrupt(): void;
  /** Carry out `command` on a process at `now`; returns its result. Rejects with `CommandError` or `SimulationFault`. */
  command(process: number, command: unknown): Promise<unknown>;
  /** Several commands at `now`, in order, in one round trip. All are carried out, also when one is refused. */
  commands(list: readonly JournalCommand[]): Promise<unknown[]>;
  /** The same, but a refusal is data. */
  outcomes(list: readonly JournalCommand[]): Promise<Outcome[]>;
  /** SHA-256 in hex over (name, events, digest) of every process, by name. */
  fingerprint(): Promise<string>;
  /** Ends the threads. Nothing may be called after it. */
  close(): Promise<void>;
}

export interface JournalCommand {
  readonly process: number;
  readonly command: unknown;
}

/** Builds and boots `lab`. Rejects with `SimulationFault` when a process cannot be built, with `Error` for a bad lab. */
export async function createSimulation(lab: LabSpec, options: SimulationOptions): Promise<Simulation> {
  check(lab);
  const workers = workerCount(options.workers, lab.processes.length);
  if (workers === 0) return LocalSimulation.create(lab, options);
  return ThreadedSimulation.create(lab, workers, options);
}

/** How many threads `workers` means for a lab of `processes`. */
export function workerCount(workers: SimulationOptions['workers'], processes: number): number {
  if (workers === 'per-node') return Math.min(processes, PER_NODE_LIMIT);
  if (workers === 'auto') return Math.min(processes, availableParallelism());
  return Math.min(processes, workers);
}
