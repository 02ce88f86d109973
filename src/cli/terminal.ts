/**
 * A person at the shell: prompt, history, completion; Ctrl-C stops the command, Ctrl-D leaves. Lines that are pasted
 * while one runs wait for their turn.
 */
import { createInterface, type Interface } from 'node:readline';
import type { Lab } from '../lab.ts';
import { complete } from '../shell/completion.ts';
import { isWhole, withoutPrompt } from '../shell/line.ts';
import type { LabShell } from '../shell/shell.ts';

const CONTINUED = '> ';

export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Until `exit` or Ctrl-D; the exit code of the last line. */
export async function talk(shell: LabShell, lab: Lab, { input, output }: Terminal): Promise<number> {
  const { nodes, subnets } = lab.scenario.fabric;
  output.write(
    `lab ${lab.scenario.name}: ${nodes.length} nodes in ${subnets.length} subnets, Calico ${lab.scenario.calicoVersion}. ` +
      'Time passes while commands run, 5 s from line to line, and by `run 10s`.\n',
  );
  const reader = createInterface({
    input,
    output,
    terminal: true,
    historySize: 1000,
    completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
      void complete(shell, lab.cluster, line).then(result => done(null, result));
    },
  });
  return new Typist(reader, shell, output).run();
}

class Typist {
  readonly #reader: Interface;
  readonly #shell: LabShell;
  readonly #output: NodeJS.WritableStream;
  readonly #waiting: string[] = [];
  #open = '';
  #closed = false;
  #arrived = (): void => {};
  #running = false;

  constructor(reader: Interface, shell: LabShell, output: NodeJS.WritableStream) {
    this.#reader = reader;
    this.#shell = shell;
    this.#output = output;
    reader.on('line', line => {
      this.#waiting.push(line);
      this.#arrived();
    });
    reader.on('close', () => {
      this.#closed = true;
      shell.interrupt();
      this.#arrived();
    });
    reader.on('SIGINT', () => this.#interrupt());
  }

  async run(): Promise<number> {
    while (!this.#closed && !this.#shell.ended) {
      this.#prompt();
      const line = await this.#next();
      if (line === undefined) break;
      this.#open = this.#open === '' ? line : `${this.#open}\n${line}`;
      if (!isWhole(withoutPrompt(this.#open).text)) continue;
      const whole = this.#open;
      this.#open = '';
      this.#running = true;
      await this.#shell.exec(whole);
      this.#running = false;
    }
    if (this.#closed) this.#output.write('\n');
    await this.#shell.close();
    this.#reader.close();
    return this.#shell.status;
  }

  #prompt(): void {
    if (this.#waiting.length > 0) return;
    this.#reader.setPrompt(this.#open === '' ? this.#shell.prompt : CONTINUED);
    this.#reader.prompt();
  }

  async #next(): Promise<string | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) {
      await new Promise<void>(resolve => {
        this.#arrived = resolve;
      });
    }
    return this.#waiting.shift();
  }

  #interrupt(): void {
    this.#output.write('^C\n');
    this.#waiting.length = 0;
    if (this.#running) {
      this.#shell.interrupt();
      return;
    }
    this.#open = '';
    this.#reader.setPrompt(this.#shell.prompt);
    // What stands on the line is given up; readline shows the prompt anew when it takes it away.
    this.#reader.write(null, { ctrl: true, name: 'e' });
    this.#reader.write(null, { ctrl: true, name: 'u' });
  }
}
