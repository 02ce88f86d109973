/**
 * The reachability matrix: a row per sender, a column per receiver, the way each probe was seen to take.
 *
 *            pod1     pod2     pod3
 *     pod1    ·       direct   ✗
 *     pod2   direct    ·       ✗         ✗ vpc (192.168.10.1) has no route to 172.16.34.1, …
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import type { TrailDrop } from '../controller/trails.ts';
import { dropReasons } from '../trace/drop-reason.ts';

export interface MatrixText {
  /** One line per row, header first. */
  readonly lines: readonly string[];
  /** Why pairs fail, a sentence each, most frequent first. */
  readonly causes: readonly string[];
  readonly talking: number;
  readonly pairs: number;
}

const CELL = 9;

export function matrixText(names: readonly string[], outcomes: readonly ProbeOutcome[]): MatrixText {
  const first = Math.max(...names.map(n => n.length)) + 2;
  const cellOf = (from: string, to: string): string => {
    if (from === to) return ' ·';
    const outcome = outcomes.find(o => o.from.name === from && o.to.name === to);
    if (outcome === undefined) return '?';
    return outcome.result.answered ? shown(outcome) : '✗';
  };
  const line = (head: string, cells: readonly string[]): string =>
    (head.padEnd(first) + cells.map(c => c.padEnd(CELL)).join('')).trimEnd();
  return {
    lines: [
      line('', names),
      ...names.map(from =>
        line(
          from,
          names.map(to => cellOf(from, to)),
        ),
      ),
    ],
    causes: causesOf(outcomes),
    talking: outcomes.filter(o => o.result.answered).length,
    pairs: outcomes.length,
  };
}

const shown = (outcome: ProbeOutcome): string =>
  outcome.way === 'vxlan.calico' ? 'vxlan' : (outcome.way ?? '?');

/** Distinct causes; where both directions of a pair die in the same way, the one of the request speaks. */
function causesOf(outcomes: readonly ProbeOutcome[]): string[] {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) {
    if (outcome.result.answered) continue;
    const cause = causeOf(outcome);
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([cause]) => cause);
}

/** One sentence: where it died, of what, and what the sender sees of it. */
export function causeOf(outcome: ProbeOutcome): string {
  const { died, result, to } = outcome;
  if (died === undefined) {
    if (typeof result.error === 'string') return `${outcome.from.machine} refuses to send: ${result.error}`;
    return 'no answer, and no packet was seen to be dropped';
  }
  const heard = result.error === undefined ? ', and the sender hears nothing of it: silence' : '';
  return `${sentenceOf(died, Ipv4.format(to.address))}${heard}`;
}

function sentenceOf(died: TrailDrop, destination: string): string {
  if (died.reason === 'NO_ROUTE') return `${died.machine} has no route to ${destination} (NO_ROUTE)`;
  const { sentence } = dropReasons[died.reason];
  return `${died.machine}: ${sentence.replace(/\.$/, '')} (${died.reason})`;
}
