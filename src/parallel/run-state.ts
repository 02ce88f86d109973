/**
 * What every controller keeps, with or without workers: the time reached, whether a call is under way, what ended the
 * run. Calls do not overlap: virtual time is one line, and what two commands at once would mean depends on the clock
 * of the wall.
 */
import { createHash } from 'node:crypto';
import type { VirtualTime } from '../sim/time.ts';
import type { SimulationFault } from './fault.ts';

export class RunState {
  now: VirtualTime = 0;
  /** What every later call is rejected with. */
  fault: SimulationFault | undefined;
  #busy = false;
  #closed = false;

  /** Run `action` alone. Throws at once when the run has ended or another call is under way. */
  async exclusively<T>(action: () => Promise<T>): Promise<T> {
    if (this.fault !== undefined) throw this.fault;
    if (this.#closed) throw new Error('the simulation is closed');
    if (this.#busy) throw new Error('the simulation is busy: calls must not overlap');
    this.#busy = true;
    try {
      return await action();
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    this.#closed = true;
  }

  checkUntil(until: VirtualTime): void {
    if (!(Number.isSafeInteger(until) && until >= this.now))
      throw new Error(`cannot run to ${until}: it is ${this.now}`);
  }
}

/** What one process contributes to the fingerprint. */
export interface Print {
  readonly name: string;
  readonly count: number;
  readonly digest: string;
}

export function sha256(prints: readonly Print[]): string {
  const hash = createHash('sha256');
  const sorted = [...prints].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, count, digest } of sorted) hash.update(`${name} ${count} ${digest}\n`);
  return hash.digest('hex');
}
