/**
 * The record of a run (`--record`): the processes as they were built, everything that came from outside, and what came
 * of it. With the same version of tunlab it can be run again, to the same fingerprint, without the scenario's files.
 */
import { BUILDER } from '../controller/controller.ts';
import { pack, unpack } from '../parallel/envelope.ts';
import { type Journal, replay } from '../parallel/journal.ts';
import { createSimulation, type LabSpec, type SimulationOptions } from '../parallel/simulation.ts';

export interface RunRecord {
  /** Version of tunlab. */
  readonly tunlab: string;
  /** The file that it came from. */
  readonly scenario: string;
  /** Seed included. */
  readonly lab: Omit<LabSpec, 'builder'>;
  readonly journal: Journal;
  /** The document of `--json`. */
  readonly results: unknown;
}

const FORMAT = 'tunlab-record/1';

/** A file that is not a record, or of another version. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly code = 'RECORD_BAD_FILE';
}

/** The octets of the file (msgpack). */
export const encodeRecord = (record: RunRecord): Uint8Array => pack({ format: FORMAT, ...record });

/** Throws `RecordError` when `octets` are not what `encodeRecord` wrote. */
export function decodeRecord(octets: Uint8Array): RunRecord {
  let file: (Partial<RunRecord> & { readonly format?: string }) | undefined;
  try {
    file = unpack(octets) as typeof file;
  } catch (error) {
    throw new RecordError('not a record of a run: the file is not msgpack', { cause: error });
  }
  const { format, tunlab, scenario, lab, journal, results } = file ?? {};
  if (format !== FORMAT || lab === undefined || journal === undefined)
    throw new RecordError(`not a record of a run: ${FORMAT} expected`);
  return { tunlab: tunlab ?? '', scenario: scenario ?? '', lab, journal, results };
}

/** Run it again; returns the fingerprint at the record's end. */
export async function replayRun(record: RunRecord, options: SimulationOptions): Promise<string> {
  const simulation = await createSimulation({ ...record.lab, builder: BUILDER }, options);
  try {
    await replay(record.journal, simulation);
    return await simulation.fingerprint();
  } finally {
    await simulation.close();
  }
}
