/**
 * The journal of a run: everything that came from outside, and when. A lab, its seed and its journal are the whole
 * run: "on a copy", `--at`, `diff` and `save` run it again; state is never cloned.
 */
import type { Report } from '../sim/partition.ts';
import type { VirtualTime } from '../sim/time.ts';
import { type Outcome, pack, settled, unpack } from './envelope.ts';
import type { JournalCommand, Placement, Simulation } from './simulation.ts';

export interface JournalEntry {
  readonly at: VirtualTime;
  /** Position in the journal, from 0. */
  readonly sequence: number;
  readonly process: number;
  readonly command: unknown;
}

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** What each command came to, by sequence; shorter when the run ended in a fault. */
  readonly outcomes: readonly Outcome[];
  /** How far the run went. */
  readonly end: VirtualTime;
}

/** A simulation that writes down what it is told. The same interface, around another. */
export class Recorder implements Simulation {
  readonly #inner: Simulation;
  readonly #entries: JournalEntry[] = [];
  readonly #outcomes: Outcome[] = [];

  constructor(inner: Simulation) {
    this.#inner = inner;
  }

  /** What was written down up to now. */
  get journal(): Journal {
    return { entries: [...this.#entries], outcomes: [...this.#outcomes], end: this.now };
  }

  get now(): VirtualTime {
    return this.#inner.now;
  }

  get placement(): readonly Placement[] {
    return this.#inner.placement;
  }

  get onReports(): (reports: readonly Report[]) => void {
    return this.#inner.onReports;
  }

  set onReports(listener: (reports: readonly Report[]) => void) {
    this.#inner.onReports = listener;
  }

  runUntil(until: VirtualTime, options?: { readonly stopOnAttention?: boolean }): Promise<VirtualTime> {
    return this.#inner.runUntil(until, options);
  }

  interrupt(): void {
    this.#inner.interrupt();
  }

  async command(process: number, command: unknown): Promise<unknown> {
    return (await this.commands([{ process, command }]))[0];
  }

  async commands(list: readonly JournalCommand[]): Promise<unknown[]> {
    return settled(await this.outcomes(list));
  }

  async outcomes(list: readonly JournalCommand[]): Promise<Outcome[]> {
    // Written down first: the command that broke the run is the one that a replay needs most.
    const { now } = this;
    const copy = unpack(pack(list)) as JournalCommand[];
    for (const { process, command } of copy)
      this.#entries.push({ at: now, sequence: this.#entries.length, process, command });
    const outcomes = await this.#inner.outcomes(list);
    this.#outcomes.push(...outcomes);
    return outcomes;
  }

  fingerprint(): Promise<string> {
    return this.#inner.fingerprint();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/**
 * Do what `journal` says to a simulation fresh from the same lab, up to and with the commands at `until` (its end
 * unless told). Returns the outcomes, which are those of the journal unless lab or engine are not the same.
 */
export async function replay(
  journal: Journal,
  simulation: Simulation,
  until = journal.end,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const entries = journal.entries.filter(({ at }) => at <= until);
  for (let from = 0; from < entries.length; ) {
    const { at } = entries[from]!;
    let to = from;
    while (to < entries.length && entries[to]!.at === at) to++;
    await simulation.runUntil(at);
    outcomes.push(...(await simulation.outcomes(entries.slice(from, to))));
    from = to;
  }
  await simulation.runUntil(until);
  return outcomes;
}

const FORMAT = 'tunlab-journal/1';

/** A file that is not a journal, or of another version. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code = 'JOURNAL_BAD_FILE';
}

/** The octets of a journal file (msgpack). */
export const encode = (journal: Journal): Uint8Array => pack({ format: FORMAT, ...journal });

/** Throws `JournalError` when `octets` are not what `encode` wrote. */
export function decode(octets: Uint8Array): Journal {
  let file: Partial<Journal & { format: string }> | undefined;
  try {
    file = unpack(octets) as typeof file;
  } catch (error) {
    throw new JournalError('not a journal: the file is not msgpack', { cause: error });
  }
  const { format, entries, outcomes, end } = file ?? {};
  if (format !== FORMAT || !Array.isArray(entries) || !Array.isArray(outcomes) || typeof end !== 'number')
    throw new JournalError(`not a journal: ${FORMAT} expected`);
  return { entries, outcomes, end };
}
