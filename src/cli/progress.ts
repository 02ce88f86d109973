/** One line of progress on stderr, rewritten in place; on terminals only, and never more than ten times a second. */
import type { Output } from './io.ts';

const INTERVAL_MS = 100;

export class Progress {
  readonly #output: Output;
  readonly #now: () => number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #visible = false;

  /** `now` in milliseconds; tests bring their own. */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  /** Show `text`, cut to the terminal. Too soon after the last one it is left out. */
  update(text: string): void {
    const now = this.#now();
    if (!this.#output.isTerminal || now - this.#drawnAt < INTERVAL_MS) return;
    this.#drawnAt = now;
    this.#visible = true;
    const room = this.#output.columns - 1;
    this.#output.write(`\r\u001b[2K${text.length > room ? `${text.slice(0, room - 1)}…` : text}`);
  }

  /** Take the line away. To be called before anything else is printed, and at the end. */
  clear(): void {
    if (!this.#visible) return;
    this.#visible = false;
    this.#output.write('\r\u001b[2K');
  }
}
