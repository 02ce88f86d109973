/**
 * A program that runs in the network namespace of a pod or a node: started by a command, printing lines, ending with an
 * exit code. It runs on virtual time, by callbacks only; whoever started it listens.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Ipv4 from '../addr/ipv4.ts';
import type { Namespace } from '../netstack/namespace.ts';

export type Stream = 'stdout' | 'stderr';
export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

/** Where a program runs. */
export interface ProgramContext {
  readonly namespace: Namespace;
  /** The probe number that its frames carry, 0 for none: by it the observed trail is found. */
  readonly tag: number;
  /** The address of a name, `undefined` when nobody knows it. */
  resolve(name: string): Ipv4Address | undefined;
  /** Milliseconds since 1970 at virtual time 0, for programs that print the time of day. */
  readonly epochMs?: number;
  /** What the machine or pod is called. */
  readonly hostname?: string;
}

/** What was wrong with a command line. `exitCode` is the real program's. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export abstract class Program {
  /** The exit code; `undefined` while it runs. */
  exitCode: number | undefined;
  /** What a program that measures found out: plain data, set before it ends. */
  result: unknown;
  /** Called with each line, without its line feed. */
  onLine: (line: string, stream: Stream) => void = () => {};
  /** Called once, after the last line. */
  onExit: (code: number) => void = () => {};
  protected readonly context: ProgramContext;

  constructor(context: ProgramContext) {
    this.context = context;
  }

  /** Begin, at the present instant. It may have ended when this returns. */
  abstract start(): void;

  /** SIGINT and SIGTERM let it say its last words; SIGKILL does not. */
  stop(signal: Signal = 'SIGINT'): void {
    if (this.exitCode !== undefined) return;
    if (signal === 'SIGKILL') this.exit(137);
    else this.interrupt(signal);
  }

  /** Die of the signal, as programs do that do not care. */
  protected interrupt(signal: Signal): void {
    this.exit(signal === 'SIGINT' ? 130 : 143);
  }

  /** Close sockets, cancel timers. */
  protected abstract release(): void;

  protected print(line: string): void {
    this.onLine(line, 'stdout');
  }

  protected complain(line: string): void {
    this.onLine(line, 'stderr');
  }

  protected exit(code: number): void {
    if (this.exitCode !== undefined) return;
    this.exitCode = code;
    this.release();
    this.onExit(code);
  }

  /** The address of a dotted or other name. */
  protected resolve(name: string): Ipv4Address | undefined {
    return Ipv4.parse(name) ?? this.context.resolve(name);
  }
}
