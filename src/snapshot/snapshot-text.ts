/**
 * A snapshot as a file: a line of what it is, then sections.
 *
 *     # tunlab snapshot: `noChange` compares with it, `tunlab test --update` writes it anew
 *     [fib k8s-w1]
 *     default via 192.168.10.254 dev eth0 proto static
 *
 *     [reachability]
 *     pod1 -> pod3 tunl0
 */
import { SNAPSHOT_PARTS, type SnapshotPart } from '../scenario/types.ts';
import type { LabState } from './lab-state.ts';

const HEADING = '# tunlab snapshot: `noChange` compares with it, `tunlab test --update` writes it anew';

export function formatSnapshot(state: LabState): string {
  const blocks: string[] = [];
  for (const [part, sections] of state) {
    for (const [place, lines] of sections)
      blocks.push([`[${part}${place === '' ? '' : ` ${place}`}]`, ...lines].join('\n'));
    // A part without any place was looked at, too.
    if (sections.size === 0) blocks.push(`[${part}]`);
  }
  return `${HEADING}\n${blocks.join('\n\n')}\n`;
}

/** Throws `Error` with the line at which `text` is no snapshot. */
export function parseSnapshot(text: string): LabState {
  const state = new Map<SnapshotPart, Map<string, string[]>>();
  let lines: string[] | undefined;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const heading = /^\[(\w+)(?: ([\w./-]+))?\]$/.exec(line);
    const part = SNAPSHOT_PARTS.find(each => each === heading?.[1]);
    if (part !== undefined) {
      const sections = state.get(part) ?? new Map<string, string[]>();
      state.set(part, sections);
      lines = [];
      sections.set(heading?.[2] ?? '', lines);
    } else if (lines === undefined || heading !== null) {
      throw new Error(`line ${i + 1} is not of a snapshot: ${JSON.stringify(line.slice(0, 60))}`);
    } else lines.push(line);
  }
  return state;
}
