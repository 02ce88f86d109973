/**
 * A file that a run writes as it goes: opened before anything runs, so that a bad path costs nothing, and written at
 * once, so that what was measured is there whatever happens next.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { UsageError } from './command-table.ts';

/** What was measured could not be kept: exit code 4, one line. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  readonly code = 'OUTPUT_FAILED';
}

/** `no space left on device (ENOSPC)`. */
export function causeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(message)?.[1];
  return words === undefined ? message : `${words} (${code})`;
}

export class OutputFile {
  readonly path: string;
  readonly #descriptor: number;
  #closed = false;

  /** Makes the file, or empties it. Throws `UsageError` when that is not possible; `option` of `command` asked for it. */
  constructor(path: string, option: string, command = 'run') {
    this.path = path;
    try {
      this.#descriptor = openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`${option}: cannot write ${path}: ${causeOf(error)}`, command);
    }
  }

  /** Throws `OutputError`; what comes after that is thrown away, for a file with a hole is worse than a short one. */
  write(octets: Uint8Array): void {
    if (this.#closed) return;
    try {
      for (let at = 0; at < octets.length; ) at += writeSync(this.#descriptor, octets, at);
    } catch (error) {
      this.close();
      throw new OutputError(`cannot write ${this.path}: ${causeOf(error)}`, { cause: error });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}
