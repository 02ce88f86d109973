/**
 * What crosses between the controller and the processes, apart from frames: plain data, as msgpackr packs it.
 * Without workers commands and results take the same way, so that nobody can come to rely on a shared object.
 */
import { Packr } from 'msgpackr/pack';
import type { LogicalProcess } from '../sim/logical-process.ts';
import type { VirtualTime } from '../sim/time.ts';
import { CommandError } from './fault.ts';

// `moreTypes` keeps a Uint8Array a Uint8Array (and a Set a Set); without it the other side has a Buffer.
const packr = new Packr({ moreTypes: true });

/** Octets of their own buffer, which may be transferred: msgpackr's lie in one that it uses again. */
export const pack = (value: unknown): Uint8Array<ArrayBuffer> => new Uint8Array(packr.pack(value));

export const unpack = (octets: Uint8Array): unknown => packr.unpack(octets);

/** How a command ended, as data. */
export type Outcome =
  | { readonly result: unknown }
  | {
      readonly refused: {
        readonly code: string;
        readonly message: string;
        readonly details: Record<string, unknown>;
      };
    };

/**
 * Carry out `command` on `process` at virtual time `at`. An error with a `code` of our own is a refusal, and data;
 * anything else is a broken process and is thrown on.
 */
export function carryOut(process: LogicalProcess, at: VirtualTime, command: unknown): Outcome {
  try {
    return { result: process.command(at, command) };
  } catch (error) {
    // Node.js gives its own errors a code, too (ERR_OUT_OF_RANGE): those are accidents.
    if (!(error instanceof Error && 'code' in error)) throw error;
    const { code, ...details } = error as Error & { readonly code: unknown };
    if (typeof code !== 'string' || code.startsWith('ERR_')) throw error;
    return { refused: { code, message: error.message, details } };
  }
}

/** The results in order; throws the first refusal. */
export function settled(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map(outcome => {
    if ('result' in outcome) return outcome.result;
    const { code, message, details } = outcome.refused;
    throw new CommandError(code, message, details);
  });
}
