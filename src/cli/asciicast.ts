/**
 * A session as a recording that asciinema plays (asciicast v2: a line of JSON about it, then one for each piece of output).
 * Time in it is the lab's, and what was typed appears letter by letter.
 */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { OutputFile } from './output-file.ts';

const WIDTH = 100;
const HEIGHT = 30;
/** A quick typist: twenty-five letters a second. */
const KEY: VirtualTime = 0.04 * SECOND;

export class Asciicast {
  readonly #file: OutputFile;
  #beganAt: VirtualTime = 0;
  /** Nothing may be shown before what was shown already. */
  #last: VirtualTime = 0;

  /** Throws `UsageError` when there can be no such file. */
  constructor(path: string) {
    this.#file = new OutputFile(path, '--asciicast', 'shell');
  }

  /** The session begins at virtual time `beganAt`; `epochMs` is the time of day at 0. */
  begin(title: string, epochMs: number, beganAt: VirtualTime): void {
    this.#beganAt = beganAt;
    const timestamp = Math.floor((epochMs + beganAt / 1e6) / 1000);
    const env = { SHELL: '/bin/bash', TERM: 'xterm-256color' };
    this.#line({ version: 2, width: WIDTH, height: HEIGHT, timestamp, title, env });
  }

  /** What appeared on the screen at `now`. */
  output(now: VirtualTime, text: string): void {
    const at = Math.max(this.#last, now - this.#beganAt);
    this.#last = at;
    this.#line([Number((at / SECOND).toFixed(6)), 'o', text.replace(/\r?\n/g, '\r\n')]);
  }

  /** Somebody begins to type `text` behind `prompt` at `now`. */
  typed(now: VirtualTime, prompt: string, text: string): void {
    this.output(now, prompt);
    for (const [i, key] of [...text].entries()) this.output(now + (i + 1) * KEY, key);
    this.output(now, '\n');
  }

  close(): void {
    this.#file.close();
  }

  #line(value: unknown): void {
    this.#file.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  }
}
