/** The two ways in which the outside hears that something went wrong in a logical process. */
import type { VirtualTime } from '../sim/time.ts';

export type FaultKind = 'throw' | 'exit' | 'out-of-memory' | 'watchdog' | 'aborted';

/** The run is over: a logical process or its thread died, or (`aborted`) somebody outside ended it. */
export class SimulationFault extends Error {
  override readonly name = 'SimulationFault';
  readonly kind: FaultKind;
  /** The process that threw, or all that lived on the dead thread, comma separated. */
  readonly process?: string;
  readonly worker: number;
  /** How far the run had come. */
  readonly virtualTime: VirtualTime;

  constructor(
    kind: FaultKind,
    where: {
      readonly process?: string | undefined;
      readonly worker: number;
      readonly virtualTime: VirtualTime;
    },
    what: string,
    cause?: unknown,
  ) {
    const who = where.process === undefined ? '' : `${where.process} (worker ${where.worker}): `;
    super(`${who}${what}, at ${where.virtualTime} ns of virtual time`, { cause });
    this.kind = kind;
    if (where.process !== undefined) this.process = where.process;
    this.worker = where.worker;
    this.virtualTime = where.virtualTime;
    // What threw is what one wants to see, and its stack came from another thread as text.
    if (cause instanceof Error && cause.stack !== undefined) this.stack = `${this.message}\n${cause.stack}`;
  }
}

/** What `execute()` refused by intention: it threw an error with a `code`. The simulation goes on. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  /** The other fields of the error that was thrown: a position, a path, what was expected. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>>) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
