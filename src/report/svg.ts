/**
 * Small pictures as SVG text: horizontal bars and lines over time. Drawn 360 units wide, so that their letters can be read
 * on a telephone as they are; a page lays several side by side. Colours are the page's classes (`c1` to `c5`).
 */
import { escapeHtml } from './html.ts';

export const WIDTH = 360;
const LINE = 17;
const BAR = 13;
/** No letter of 12 units is wider on the average, in the fonts that the page asks for. */
export const LETTER = 7;
/** Between a bar and its number. */
const GAP = 5;

export interface Part {
  readonly value: number;
  /** Class of its colour. */
  readonly colour: string;
}

export interface Bar {
  /** Above the bar; '' continues the group before. */
  readonly label: string;
  readonly parts: readonly Part[];
  /** Behind the bar. */
  readonly number: string;
}

const fixed = (value: number): string => String(Number(value.toFixed(2)));

function svg(title: string, height: number, body: readonly string[]): string {
  const box = `viewBox="0 0 ${WIDTH} ${fixed(height)}" role="img" aria-label="${escapeHtml(title)}"`;
  return `<svg ${box}>${body.join('')}</svg>`;
}

const text = (x: number, y: number, kind: string, content: string): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" class="${kind}">${escapeHtml(content)}</text>`;

/** Bars from zero to `most` (at least the longest); a mark, if there is one, is drawn through all. */
export function bars(title: string, list: readonly Bar[], most: number): string {
  const total = (bar: Bar): number => bar.parts.reduce((sum, part) => sum + Math.max(0, part.value), 0);
  const room = GAP + LETTER * Math.max(...list.map(bar => [...bar.number].length));
  const scale = (WIDTH - room) / Math.max(most, ...list.map(total), Number.MIN_VALUE);
  const body: string[] = [];
  let y = 0;
  for (const bar of list) {
    if (bar.label !== '') {
      y += y === 0 ? 0 : 6;
      body.push(text(0, y + LINE - 5, 'label', bar.label));
      y += LINE;
    }
    let x = 0;
    for (const { value, colour } of bar.parts) {
      const length = Math.max(0, value) * scale;
      if (length > 0)
        body.push(
          `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(length)}" height="${BAR}" class="${colour}"/>`,
        );
      x += length;
    }
    body.push(text(x + GAP, y + BAR - 2, 'number', bar.number));
    y += LINE;
  }
  return svg(title, y + 2, body);
}

export interface Curve {
  readonly colour: string;
  /** x and y, by x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const LEFT = 60;
const TOP = 8;
const PLOT = 120;
const BOTTOM = 22;

/** Curves from zero, with the axes' ends in the units that `x` and `y` give them. */
export function curves(
  title: string,
  list: readonly Curve[],
  x: (value: number) => string,
  y: (value: number) => string,
): string {
  const all = list.flatMap(({ points }) => points);
  const mostX = Math.max(...all.map(point => point[0]), Number.MIN_VALUE);
  const mostY = roundUp(Math.max(...all.map(point => point[1]), Number.MIN_VALUE));
  const atX = (value: number): number => LEFT + (value / mostX) * (WIDTH - LEFT - 12);
  const atY = (value: number): number => TOP + PLOT - (value / mostY) * PLOT;
  const body: string[] = [];
  for (const share of [0, 0.5, 1]) {
    const height = fixed(atY(mostY * share));
    body.push(`<line x1="${LEFT}" x2="${WIDTH - 12}" y1="${height}" y2="${height}" class="grid"/>`);
    body.push(text(LEFT - 5, atY(mostY * share) + 4, 'tick end', y(mostY * share)));
  }
  const floor = TOP + PLOT + BOTTOM - 6;
  body.push(text(LEFT, floor, 'tick', x(0)), text(WIDTH - 12, floor, 'tick end', x(mostX)));
  for (const { points, colour } of list) {
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${fixed(atX(px))} ${fixed(atY(py))}`);
    body.push(`<path d="${path.join('')}" class="curve ${colour}"/>`);
  }
  return svg(title, TOP + PLOT + BOTTOM, body);
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function roundUp(value: number): number {
  let power = 1;
  while (power * 10 <= value) power *= 10;
  while (power > value) power /= 10;
  return [1, 2, 2.5, 5, 10].map(step => step * power).find(step => step >= value)!;
}
