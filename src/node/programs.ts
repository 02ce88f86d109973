/** The programs that run on a machine, by the number the outside gave them. */
import type { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { ExitRecord, OutputRecord } from '../trace/record.ts';
import { Probe } from '../traffic/probe.ts';
import type { Program } from '../traffic/program.ts';
import type { ProgramSpec } from './command.ts';

export class ProgramTable {
  readonly #host: NetHost;
  readonly #report: (record: OutputRecord | ExitRecord) => void;
  readonly #running = new Map<number, Program>();

  constructor(host: NetHost, report: (record: OutputRecord | ExitRecord) => void) {
    this.#host = host;
    this.#report = report;
  }

  start(id: number, namespace: Namespace, what: ProgramSpec): void {
    const program = this.#make(id, namespace, what);
    this.#running.set(id, program);
    program.start();
  }

  /** Ctrl-C. A program that has ended does not mind. */
  signal(id: number): void {
    this.#running.get(id)?.stop();
  }

  #make(id: number, namespace: Namespace, what: ProgramSpec): Program {
    const exit = (code: number, result?: unknown): void => {
      this.#running.delete(id);
      this.#report({ type: 'exit', program: id, code, result });
    };
    switch (what.program) {
      case 'probe':
        return new Probe(namespace, what, result => exit(result.answered ? 0 : 1, result));
      default:
        throw new Error(`${this.#host.name} has no program ${what.program}`);
    }
  }
}
