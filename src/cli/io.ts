/** What a command may touch of the outside: three streams and a way to be interrupted. Tests give it strings. */
import { type Colour, colour, wantsColour } from './colour.ts';
import { causeOf } from './output-file.ts';

export interface Output {
  write(text: string): void;
  writeOctets(octets: Uint8Array): void;
  /** Resolves when whoever reads this has taken all of it. */
  drained(): Promise<void>;
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
  /** As of a `Writable`; absent where nothing is ever held back. */
  readonly writableLength?: number;
  write(text: string, encoding?: 'latin1', taken?: () => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Nothing of ours is wider than this. */
export const WIDTH = 100;

export function output(stream: Stream, env: Readonly<Record<string, string | undefined>>): Output {
  const isTerminal = stream.isTTY === true;
  return {
    write: text => void stream.write(text),
    // A character an octet: the one interface for streams and for the strings of tests.
    writeOctets: octets => void stream.write(Buffer.from(octets).toString('latin1'), 'latin1'),
    drained: async () => {
      if (stream.writableLength !== undefined)
        await new Promise<void>(resolve => stream.write('', 'latin1', resolve));
    },
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
 * a full disk behind standard output with one line; Ctrl-C asks the command to stop, a second one does not ask. What fails where nobody waits for it is one line.
 */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      const name = stream === process.stdout ? 'standard output' : 'standard error';
      process.stderr.write(`tunlab: cannot write ${name}: ${causeOf(error)}\n`);
      process.exit(INTERNAL);
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
