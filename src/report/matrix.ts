/**
 * The reachability matrix: a row per sender, a column per receiver, the way each probe was seen to take.
 *
 *            pod1     pod2     pod3
 *     pod1    ·       direct   ✗
 *     pod2   direct    ·       ✗         ✗ vpc (192.168.10.1) has no route to 172.16.34.1, …
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
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

/** A sentence for each place and reason of death, most pairs first. */
function causesOf(outcomes: readonly ProbeOutcome[]): string[] {
  const groups = new Map<string, ProbeOutcome[]>();
  for (const outcome of outcomes) {
    if (outcome.result.answered) continue;
    const { died, result } = outcome;
    const key =
      died === undefined ? `${outcome.from.machine} ${result.error}` : `${died.machine} ${died.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length).map(causeOf);
}

/** Where they died, of what, and what the senders hear of it. */
function causeOf(outcomes: readonly ProbeOutcome[]): string {
  const [{ died, result, from }] = outcomes as [ProbeOutcome, ...ProbeOutcome[]];
  if (died === undefined) {
    if (typeof result.error === 'string') return `${from.machine} refuses to send: ${result.error}`;
    return 'no answer, and no packet was seen to be dropped';
  }
  const silent = outcomes.every(o => o.result.error === undefined);
  const heard = silent ? ', and says nothing: the ping is silent' : '';
  if (died.reason !== 'NO_ROUTE') {
    return `${died.machine}: ${dropReasons[died.reason].sentence.replace(/\.$/, '')} (${died.reason})${heard}`;
  }
  const destinations = [...new Set(outcomes.map(o => Ipv4.format(o.to.address)))];
  return `${died.machine} has no route to ${destinations.join(', ')} (NO_ROUTE)${heard}`;
}
