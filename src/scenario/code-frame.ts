/**
 * The lines of a file around a fault: the line before it, the line itself, and a caret under the column.
 *
 *        13 |     a:
 *      > 14 |       gatway: k8s-rtr .254
 *           |       ^
 */
import type { Position } from './types.ts';

/** Nothing of a report is wider than this. */
const WIDTH = 100;
/** Columns to keep before the caret when a long line is cut on the left. */
const KEEP = 40;

/** At most three lines; none when `lines` has no such line (an unreadable file has none). */
export function codeFrame(lines: readonly string[], { line, column }: Position): string[] {
  const faulty = lines[line - 1];
  if (faulty === undefined) return [];
  const digits = String(line).length;
  const room = WIDTH - digits - 6;
  const cut = faulty.length > room && column > room - 10 ? column - 1 - KEEP : 0;
  const show = (source: string): string => {
    const shown = cut > 0 ? `…${source.slice(cut + 1)}` : source;
    return clean(shown.length > room ? `${shown.slice(0, room - 1)}…` : shown);
  };
  const row = (mark: string, number: string, source: string): string =>
    ` ${mark} ${number.padStart(digits)} | ${source}`.trimEnd();
  const frame: string[] = [];
  const before = lines[line - 2];
  if (before !== undefined) frame.push(row(' ', String(line - 1), show(before)));
  frame.push(row('>', String(line), show(faulty)));
  frame.push(row(' ', '', `${' '.repeat(Math.max(0, column - 1 - cut))}^`));
  return frame;
}

/** One column for each UTF-16 unit, so that the caret stays under its column, and nothing that moves a terminal. */
const clean = (source: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking control characters out is the point
  source.replace(/\t/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '�');
