/** What came of an expectation, in the words that the report prints. */
import type { VirtualTime } from '../sim/time.ts';

export interface Verdict {
  readonly ok: boolean;
  /** No verdict was reached: a deadline came first, or something it speaks of does not exist. */
  readonly inconclusive?: boolean;
  readonly expected: string;
  readonly received: string;
  /** More of what was received, a line each. */
  readonly detail?: readonly string[];
  /** The cause in a sentence, where it is known and is not the drop code's. */
  readonly because?: string;
  /** The drop code, where a packet died. */
  readonly reason?: string;
  /** The place where it died. */
  readonly at?: string;
}

export const held = (expected: string, received: string): Verdict => ({ ok: true, expected, received });

/** `4.81 s`, `12.4 ms`: three or four digits that mean something. */
export function formatTime(time: VirtualTime): string {
  if (time >= 1e9) return `${(time / 1e9).toFixed(2)} s`;
  if (time >= 1e6) return `${(time / 1e6).toFixed(2)} ms`;
  return `${(time / 1e3).toFixed(0)} µs`;
}
