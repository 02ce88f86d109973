/**
 * Tables of text as the tools print them: calicoctl's (Go text/tabwriter), calicoctl's boxes (tablewriter), kubectl's.
 * Widths count code points, as Go counts runes.
 */

const width = (text: string): number => [...text].length;
const padEnd = (text: string, to: number): string => text + ' '.repeat(Math.max(0, to - width(text)));
const padStart = (text: string, to: number): string => ' '.repeat(Math.max(0, to - width(text))) + text;

type Row = readonly string[];

/** Column widths of Go's tabwriter: the longest cell and the padding, but at least `minWidth`. */
function tabWidths(rows: readonly Row[], minWidth: number, padding: number): number[] {
  const columns = Math.max(...rows.map(r => r.length));
  return Array.from({ length: columns }, (_, c) =>
    Math.max(minWidth, ...rows.map(r => width(r[c] ?? '') + padding)),
  );
}

/** `calicoctl get`: every cell is padded, the last one too; a blank line follows the table. */
export function calicoctlTable(header: Row, rows: readonly Row[]): string {
  const all = [header, ...rows];
  const widths = tabWidths(all, 5, 3);
  const lines = all.map(row => row.map((cell, c) => padEnd(cell, widths[c]!)).join(''));
  return `${lines.join('\n')}\n\n`;
}

/** `kubectl get`: at least three blanks between columns, nothing after the last. */
export function kubectlTable(header: Row, rows: readonly Row[]): string {
  const all = [header, ...rows];
  const widths = tabWidths(all, 6, 3);
  const last = header.length - 1;
  const lines = all.map(row => row.map((cell, c) => (c === last ? cell : padEnd(cell, widths[c]!))).join(''));
  return `${lines.join('\n')}\n`;
}

const WRAP_AT = 30;
const TOO_LONG = 100_000;
const NUMERIC = /^-?(\d{1,3}(,\d{3})*|\d+)(\.\d+)?$/;

/**
 * Break `text` into lines of at most `limit`, so that the sum of the squares of what is left of each line but the last
 * is least. A word that is longer than the limit widens it.
 */
export function wrap(text: string, limit = WRAP_AT): string[] {
  const words = text.split(/\s+/).filter(w => w !== '');
  if (words.length === 0) return [''];
  const most = Math.max(limit, ...words.map(width));
  const lengthOf = (from: number, to: number): number =>
    words.slice(from, to).reduce((sum, w) => sum + width(w), to - from - 1);
  const cost = Array<number>(words.length + 1).fill(0);
  const next = Array<number>(words.length).fill(words.length);
  for (let from = words.length - 1; from >= 0; from--) {
    if (lengthOf(from, words.length) <= most) continue;
    cost[from] = Number.POSITIVE_INFINITY;
    for (let to = from + 1; to < words.length; to++) {
      const left = most - lengthOf(from, to);
      const c = left * left + cost[to]! + (left < 0 ? TOO_LONG : 0);
      if (c < cost[from]!) {
        cost[from] = c;
        next[from] = to;
      }
    }
  }
  const lines: string[] = [];
  for (let at = 0; at < words.length; at = next[at]!) lines.push(words.slice(at, next[at]).join(' '));
  return lines;
}

function centre(text: string, to: number): string {
  const gap = Math.max(0, to - width(text));
  return padEnd(' '.repeat(Math.floor(gap / 2)) + text, to);
}

/**
 * calicoctl's boxes up to v3.32: header in capitals, centred; cells to the left, numbers to the right, wrapped at 30
 * onto further lines.
 */
export function boxTable(header: Row, rows: readonly Row[]): string {
  const titles = header.map(h => h.toUpperCase());
  const wrapped = rows.map(row => row.map(cell => wrap(cell)));
  const widths = titles.map((title, c) =>
    Math.max(width(title), ...wrapped.flatMap(row => (row[c] ?? ['']).map(width))),
  );
  const border = `+${widths.map(w => '-'.repeat(w + 2)).join('+')}+`;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const body = wrapped.flatMap(row => {
    const height = Math.max(...row.map(cell => cell.length));
    return Array.from({ length: height }, (_, i) =>
      line(
        widths.map((w, c) => {
          const text = row[c]?.[i] ?? '';
          return NUMERIC.test(text) ? padStart(text, w) : padEnd(text, w);
        }),
      ),
    );
  });
  const lines = [border, line(titles.map((title, c) => centre(title, widths[c]!))), border, ...body, border];
  return `${lines.join('\n')}\n`;
}
