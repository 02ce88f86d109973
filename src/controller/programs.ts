/**
 * Programs that run inside the lab, seen from outside: started by a journal command, heard through reports, ended by
 * themselves or by a signal. A caller that waits for one drives virtual time.
 */
import type { ProgramSpec } from '../node/command.ts';
import type { ExitRecord, OutputRecord } from '../trace/record.ts';

export interface ProgramListener {
  output?(text: string, stream: 'stdout' | 'stderr'): void;
}

export interface Exit {
  readonly code: number;
  readonly result: unknown;
}

/** One started program. */
export class Program {
  readonly id: number;
  readonly process: number;
  readonly what: ProgramSpec;
  /** Set when it has ended. */
  exit: Exit | undefined;
  readonly #listener: ProgramListener;

  constructor(id: number, process: number, what: ProgramSpec, listener: ProgramListener) {
    this.id = id;
    this.process = process;
    this.what = what;
    this.#listener = listener;
  }

  output(record: OutputRecord): void {
    this.#listener.output?.(record.text, record.stream);
  }

  ended(record: ExitRecord): void {
    this.exit = { code: record.code, result: record.result };
  }
}

/** All programs of a lab, by number. */
export class ProgramTable {
  readonly #programs = new Map<number, Program>();
  #nextId = 1;

  add(process: number, what: ProgramSpec, listener: ProgramListener): Program {
    const program = new Program(this.#nextId++, process, what, listener);
    this.#programs.set(program.id, program);
    return program;
  }

  /** A program of that number was started by somebody else. */
  taken(id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  output(record: OutputRecord): void {
    this.#programs.get(record.program)?.output(record);
  }

  ended(record: ExitRecord): void {
    this.#programs.get(record.program)?.ended(record);
    this.#programs.delete(record.program);
  }

  /** Forget a program whose machine is gone. */
  remove(id: number): void {
    this.#programs.delete(id);
  }
}
