/** What a command may touch of the outside: three streams and a way to be interrupted. Tests give it strings. */
import { type Colour, colour, wantsColour } from './colour.ts';

export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Columns of the terminal; 100 elsewhere. */
  readonly columns: number;
  readonly colour: Colour;
}

export interface Io {
  /** Results. */
  readonly stdout: Output;
  /** Diagnostics and progress. */
  readonly stderr: Output;
  /** All of standard input, but at most `limit` octets. */
  readonly input: (limit: number) => Promise<Uint8Array>;
  /** Aborted by the first Ctrl-C; the second one ends the process. */
  readonly signal: AbortSignal;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Nothing of ours is wider than this. */
export const WIDTH = 100;

export function output(stream: Stream, env: Readonly<Record<string, string | undefined>>): Output {
  const isTerminal = stream.isTTY === true;
  return {
    write: text => void stream.write(text),
    isTerminal,
    get columns() {
      // A terminal that nobody has told its size says 0.
      return isTerminal ? stream.columns || WIDTH : WIDTH;
    },
    colour: colour(wantsColour(isTerminal, env)),
  };
}

export const INTERRUPTED = 130;
/** Something broke that nobody waited for. */
const INTERNAL = 4;

async function standardInput(limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    octets += (chunk as Buffer).length;
    if (octets >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/**
 * The process's own streams and signals. A reader that goes away (`tunlab … | head`) ends the process without a word;
 * Ctrl-C asks the command to stop, a second one does not ask. What fails where nobody waits for it is one line.
 */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? 0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (reason: unknown) => {
      const what = reason instanceof Error ? reason.message : String(reason);
      process.stderr.write(`tunlab: internal error: ${what}\n`);
      process.exit(INTERNAL);
    });
  }
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  });
  return {
    stdout: output(process.stdout, process.env),
    stderr: output(process.stderr, process.env),
    input: standardInput,
    signal: controller.signal,
  };
}
