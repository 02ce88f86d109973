/** A benchmark of modes as one page: the answer, goodput by mode, what the differences are made of, time, processors. */
import type { CellResult } from '../bench/cell.ts';
import {
  byMode,
  conditions,
  gigabits,
  groups,
  HEADER,
  headline,
  MODE_TITLES,
  percent,
  tableRows,
} from './bench-text.ts';
import { difference } from './bench-wide.ts';
import * as Html from './html.ts';
import * as Svg from './svg.ts';

/** `first`: the cells that the headline compares. */
export function benchPage(
  scenario: string,
  first: readonly CellResult[],
  results: readonly CellResult[],
): string {
  const answer = headline(first).replace(/\s+/g, ' ').trim();
  const body = [`<h1>${Html.escapeHtml(answer)}</h1>`, `<p>${Html.escapeHtml(scenario)}</p>`];
  for (const group of groups(results)) body.push(section(group));
  return Html.page('tunlab bench', body.join('\n'));
}

function section(group: readonly CellResult[]): string {
  const figures = [goodput(group), causes(group), ...overTime(group), processors(group)].filter(
    each => each !== '',
  );
  const dead = group.filter(each => each.dead !== null);
  const notes = dead.map(
    each => `<p>${Html.escapeHtml(`${each.mode}, ${each.from} to ${each.to}: dead: ${each.dead}`)}</p>`,
  );
  return [
    `<h2>${Html.escapeHtml(conditions(group[0]!).replace(/^at /, ''))}</h2>`,
    `<div class="row">${figures.join('\n')}</div>`,
    Html.table(HEADER, tableRows(group)),
    ...notes,
  ].join('\n');
}

function goodput(group: readonly CellResult[]): string {
  if (group.every(each => each.goodputBps === null && each.dead === null)) return '';
  const bars = byMode(group).flatMap(({ mode, same, cross }) =>
    [
      { cell: same, colour: 'c1' },
      { cell: cross, colour: 'c2' },
    ].flatMap(({ cell, colour }, i): Svg.Bar[] => {
      if (cell === undefined) return [];
      const label = i === 0 || same === undefined ? MODE_TITLES[mode] : '';
      const value = cell.goodputBps ?? 0;
      return [{ label, parts: [{ value, colour }], number: cell.dead === null ? numberOf(cell) : 'dead' }];
    }),
  );
  const key = Html.key([
    ['c1', 'same subnet'],
    ['c2', 'across subnets'],
  ]);
  return Html.figure('TCP goodput', key + Svg.bars('TCP goodput by mode', bars, group[0]!.rate));
}

const numberOf = ({ goodputBps }: CellResult): string =>
  goodputBps === null ? '–' : `${gigabits(goodputBps)} Gbit/s`;

function causes(group: readonly CellResult[]): string {
  const modes = byMode(group);
  const direct = modes.find(({ mode }) => mode === 'direct');
  const bars = modes.flatMap(({ mode, same, cross }): Svg.Bar[] => {
    if (mode === 'direct') return [];
    const both = [...causeBar(same, direct?.same, 'same'), ...causeBar(cross, direct?.cross, 'across')];
    return both.map((bar, i) => (i === 0 ? { ...bar, label: MODE_TITLES[mode] } : bar));
  });
  if (bars.length === 0) return '';
  const key = Html.key([
    ['c1', 'header bytes'],
    ['c4', 'smaller MTU'],
    ['c5', 'CPU and others'],
  ]);
  return Html.figure('Below Direct, and why', key + Svg.bars('Difference to Direct by cause', bars, 0));
}

function causeBar(cell: CellResult | undefined, direct: CellResult | undefined, where: string): Svg.Bar[] {
  if (cell === undefined || direct === undefined) return [];
  const parts = difference(cell, direct);
  if (parts === undefined) return [];
  const share = percent(-parts.total / direct.goodputBps!);
  return [
    {
      label: '',
      parts: [
        { value: parts.headers, colour: 'c1' },
        { value: parts.mtu, colour: 'c4' },
        { value: parts.rest, colour: 'c5' },
      ],
      number: `${share} ${where}`,
    },
  ];
}

/** Two modes over time: Direct and the first tunnel. */
function overTime(group: readonly CellResult[]): string[] {
  const cells = byMode(group)
    .map(({ same, cross }) => (cross?.dead === null ? cross : same))
    .filter(cell => cell !== undefined && cell.tcp !== null) as (CellResult & { tcp: object })[];
  const shown = [cells.find(({ mode }) => mode === 'direct'), cells.find(({ mode }) => mode !== 'direct')];
  const pairs = shown.filter(cell => cell !== undefined);
  if (pairs.length === 0) return [];
  const key = Html.key(pairs.map((cell, i) => [i === 0 ? 'c1' : 'c3', MODE_TITLES[cell.mode]] as const));
  const draw = (of: (step: NonNullable<CellResult['tcp']>['steps'][number]) => number): Svg.Curve[] =>
    pairs.map((cell, i) => ({
      colour: i === 0 ? 'c1' : 'c3',
      points: cell.tcp!.steps.map(step => [step.at / 1e6, of(step)] as const),
    }));
  const ms = (value: number): string => `${Number(value.toFixed(1))} ms`;
  const octets = (value: number): string => `${Number((value / 1e6).toPrecision(3))} MB`;
  const gbps = (value: number): string => `${Number((value / 1e9).toPrecision(3))} G`;
  const whole = (title: string, curves: Svg.Curve[], unit: (value: number) => string): string =>
    Html.figure(title, key + Svg.curves(title, curves, ms, unit));
  return [
    whole(
      'Acknowledged over time, bit/s',
      draw(step => step.acknowledgedBps),
      gbps,
    ),
    whole(
      'Congestion window',
      draw(step => step.cwnd),
      octets,
    ),
    whole(
      'In flight beyond the path: the queue',
      draw(step => step.queue),
      octets,
    ),
  ];
}

function processors(group: readonly CellResult[]): string {
  const bars = byMode(group).flatMap(({ mode, same, cross }): Svg.Bar[] => {
    const cpu = (cross?.tcp ?? same?.tcp)?.cpu;
    if (cpu === undefined || cpu === null) return [];
    const bar = (label: string, value: number, colour: string): Svg.Bar => ({
      label,
      parts: [{ value, colour }],
      number: `${value.toFixed(2)} cores`,
    });
    return [bar(MODE_TITLES[mode], cpu.sender.total, 'c1'), bar('', cpu.receiver.total, 'c2')];
  });
  if (bars.length === 0) return '';
  const key = Html.key([
    ['c1', 'sender'],
    ['c2', 'receiver'],
  ]);
  return Html.figure('CPU while TCP runs', key + Svg.bars('CPU by mode', bars, 1));
}
