/** A benchmark of modes as text: the answer in one sentence, then a table of at most eight columns and 100 characters. */
import type { CellResult } from '../bench/cell.ts';
import type { Mode } from '../bench/modes.ts';
import { wrap } from './table.ts';

const WIDTH = 100;
/** A difference that is none: another seed makes as much. */
const NOTHING = 5e-4;

export const MODE_TITLES: Readonly<Record<Mode, string>> = {
  direct: 'Direct',
  ipip: 'IPIP',
  vxlan: 'VXLAN',
  'ipip-crosssubnet': 'IPIP CrossSubnet',
  'vxlan-crosssubnet': 'VXLAN CrossSubnet',
};

const HEADER_BYTES = { none: 0, ipip: 20, vxlan: 50 } as const;

/** `9.285`: four digits, and what a reader needs to see beside them. */
export const gigabits = (bps: number): string => (bps / 1e9).toPrecision(4);
export const megapackets = (pps: number): string => (pps / 1e6).toPrecision(4);
export const milliseconds = (ns: number): string => (ns / 1e6).toFixed(ns < 1e6 ? 3 : 2);

/** `10G`, as `--rate` takes it. */
export function rateText(bps: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (bps >= size) return `${Number((bps / size).toPrecision(6))}${unit}`;
  return String(bps);
}

/** `−1.38 %`. */
export function percent(share: number): string {
  const text = `${Math.abs(share * 100).toFixed(2)} %`;
  if (text === '0.00 %') return text;
  return share < 0 ? `−${text}` : `+${text}`;
}

/** What the other mode costs against Direct, and why, in one sentence of one or two lines. */
export function headline(results: readonly CellResult[]): string {
  const [base, other] = results;
  if (base === undefined) return '';
  if (other === undefined) return `${lines(alone(base))}\n`;
  return `${lines(compared(base, other))}\n`;
}

const lines = (text: string): string => wrap(text, WIDTH).join('\n');

/** `at 10G, MTU 1500, host model ideal`. */
export const conditions = ({ rate, mtu, streams, hostModel }: CellResult): string =>
  `at ${rateText(rate)}, MTU ${mtu}${streams === 1 ? '' : `, ${streams} streams`}, host model ${hostModel}`;

function alone(only: CellResult): string {
  const title = MODE_TITLES[only.mode];
  if (only.dead !== null) return `${title} is dead ${where(only)}: ${only.dead}`;
  if (only.goodputBps === null) return notMeasured(only);
  return `${title} carries ${gigabits(only.goodputBps)} Gbit/s of TCP payload ${where(only)} (${conditions(only)}): limit ${only.limit}`;
}

const where = ({ sameSubnet }: CellResult): string => (sameSubnet ? 'within a subnet' : 'across subnets');

function compared(base: CellResult, other: CellResult): string {
  const [from, to] = [MODE_TITLES[base.mode], MODE_TITLES[other.mode]];
  if (base.dead !== null) return `${alone(base)}; ${alone(other)}`;
  if (other.dead !== null) return alone(other);
  if (base.goodputBps === null || other.goodputBps === null) return latencies(base, other);
  const share = other.goodputBps / base.goodputBps - 1;
  const numbers = `${gigabits(other.goodputBps)} vs ${gigabits(base.goodputBps)} Gbit/s ${conditions(base)}`;
  if (Math.abs(share) < NOTHING)
    return `${to} costs nothing of ${from}'s TCP goodput (${numbers}): ${reason(base, other)}`;
  const verb = share <= 0 ? 'costs' : 'gains';
  const amount = `${Math.abs(share * 100).toFixed(2)} %`;
  return `${to} ${verb} ${amount} of ${from}'s TCP goodput (${numbers}): ${reason(base, other)}`;
}

function reason(base: CellResult, other: CellResult): string {
  if (other.limit === 'wire' && base.limit === 'wire') {
    const bytes = HEADER_BYTES[other.encapsulation ?? 'none'];
    if (bytes > 0) return `${bytes} header bytes a packet`;
    return other.podMtu < base.podMtu
      ? `pods have MTU ${other.podMtu}, not ${base.podMtu}`
      : 'no tunnel on the way';
  }
  if (other.limit === base.limit) return `limit ${other.limit}`;
  return `limit ${other.limit}, not ${base.limit}`;
}

function notMeasured({ hostModel }: CellResult): string {
  return `host model ${hostModel} says nothing about TCP throughput`;
}

function latencies(base: CellResult, other: CellResult): string {
  if (base.rr === null || other.rr === null) return notMeasured(base);
  const more = (other.rr.mean - base.rr.mean) / 1000;
  const [from, to] = [MODE_TITLES[base.mode], MODE_TITLES[other.mode]];
  return `${to} adds ${more.toFixed(1)} µs to ${from}'s round trip (${milliseconds(other.rr.mean)} vs ${milliseconds(base.rr.mean)} ms ${conditions(base)})`;
}

export const HEADER = ['MODE', 'SAME SUBNET', 'CROSS SUBNET', 'VS DIRECT', 'UDP 64 B', 'RTT', 'CPU', 'LIMIT'];

/** One table for each combination of rate, MTU, streams and host model, under a line that names it. */
export function benchTable(results: readonly CellResult[]): string {
  return groups(results).map(table).join('\n');
}

/** Cells that differ in mode and pair only. */
export function groups(results: readonly CellResult[]): CellResult[][] {
  const by = new Map<string, CellResult[]>();
  for (const result of results) {
    const key = conditions(result);
    by.set(key, [...(by.get(key) ?? []), result]);
  }
  return [...by.values()];
}

/** The two pairs of a mode. */
export interface ModeResults {
  readonly mode: Mode;
  readonly same: CellResult | undefined;
  readonly cross: CellResult | undefined;
}

export function byMode(group: readonly CellResult[]): ModeResults[] {
  const modes = [...new Set(group.map(({ mode }) => mode))];
  return modes.map(mode => ({
    mode,
    same: group.find(each => each.mode === mode && each.sameSubnet),
    cross: group.find(each => each.mode === mode && !each.sameSubnet),
  }));
}

/** The cells of one table, below `HEADER`. */
export function tableRows(group: readonly CellResult[]): string[][] {
  const modes = byMode(group);
  const direct = modes.find(({ mode }) => mode === 'direct');
  const rows = modes.map(each => rowOf(each, direct));
  for (const [column, unit] of UNITS) {
    const first = rows.find(row => /^\d/.test(row[column]!));
    if (first !== undefined) first[column] += ` ${unit}`;
  }
  return rows;
}

function table(group: readonly CellResult[]): string {
  const dead = group.filter(each => each.dead !== null);
  const notes = dead.map(each => `${each.mode}, ${each.from} to ${each.to}: dead: ${each.dead}`);
  if (group.some(each => each.goodputBps !== null)) notes.push(sureness(group));
  const text = `${conditions(group[0]!).replace(/^at /, '')}\n${columns([HEADER, ...tableRows(group)])}`;
  return `${text}${notes.map(note => `${note}\n`).join('')}`;
}

const UNITS: readonly (readonly [column: number, unit: string])[] = [
  [1, 'Gbit/s'],
  [2, 'Gbit/s'],
  [4, 'Mpps'],
  [5, 'ms'],
  [6, 'cores'],
];

function rowOf({ mode, same, cross }: ModeResults, direct: ModeResults | undefined): string[] {
  const shown = cross ?? same;
  const limits = [...new Set([same?.limit, cross?.limit].filter(limit => limit !== undefined))];
  const udp = alive(cross)?.udp ?? alive(same)?.udp;
  const rr = alive(cross)?.rr ?? alive(same)?.rr;
  return [
    mode,
    goodput(same),
    goodput(cross),
    versus(shown, shown?.sameSubnet === true ? direct?.same : direct?.cross),
    udp === undefined || udp === null ? '–' : megapackets(udp[0]!.datagramsPerSecond),
    rr === undefined || rr === null ? '–' : milliseconds(rr.mean),
    processors(alive(cross) ?? alive(same)),
    limits.join('/'),
  ];
}

const alive = (result: CellResult | undefined): CellResult | undefined =>
  result?.dead === null ? result : undefined;

function goodput(result: CellResult | undefined): string {
  if (result === undefined) return '–';
  if (result.dead !== null) return 'dead';
  if (result.goodputBps === null) return '–';
  const interval = result.ci95 === null ? '' : ` ±${(result.ci95 / 1e9).toPrecision(2)}`;
  return gigabits(result.goodputBps) + interval;
}

function versus(result: CellResult | undefined, direct: CellResult | undefined): string {
  const [mine, theirs] = [result?.goodputBps, direct?.goodputBps];
  if (typeof mine !== 'number' || typeof theirs !== 'number' || result === direct) return '–';
  return percent(mine / theirs - 1);
}

/** Work of the sender's and of the receiver's processors. */
function processors(result: CellResult | undefined): string {
  const cpu = result?.tcp?.cpu;
  if (cpu === undefined || cpu === null) return '–';
  return `${cpu.sender.total.toFixed(2)}/${cpu.receiver.total.toFixed(2)}`;
}

/** How far another seed would change the numbers. */
function sureness(group: readonly CellResult[]): string {
  const uncertain = group.filter(each => each.ci95 !== null);
  if (uncertain.length > 0)
    return `± 95 % interval over ${Math.max(...uncertain.map(each => each.repeats))} seeds; without ± exact`;
  const free = group.filter(({ limit, repeats }) => repeats === 1 && !['wire', 'dead'].includes(limit));
  if (free.length === 0) return 'exact: another seed gives the same goodput';
  return 'one seed: another may give another goodput where the limit is not the wire';
}

const length = (text: string): number => [...text].length;

/** Cells to the left, two blanks between. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map(row => length(row[c]!))));
  return rows
    .map(
      row =>
        `${row
          .map((cell, c) => cell + ' '.repeat(widths[c]! - length(cell)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
