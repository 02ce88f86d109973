/** `tunlab bench --wide`: what else was measured in each cell, and what the difference to Direct is made of. */
import type { CellResult } from '../bench/cell.ts';
import { columns, gigabits, groups, megapackets, milliseconds } from './bench-text.ts';

/** What makes a cell slower than Direct between the same pods, bit/s; together the whole difference. */
export interface Difference {
  readonly total: number;
  /** Outer headers. */
  readonly headers: number;
  /** Pods that leave room for a tunnel that is not used. */
  readonly mtu: number;
  /** Processors, windows, losses: what is left. */
  readonly rest: number;
}

/**
 * Where the difference of `cell` to `direct` comes from: first what the wire takes of Direct's goodput, then the rest.
 * Undefined when one of them carries nothing.
 */
export function difference(cell: CellResult, direct: CellResult): Difference | undefined {
  if (cell.goodputBps === null || direct.goodputBps === null) return undefined;
  const total = direct.goodputBps - cell.goodputBps;
  const wire = Math.max(0, direct.goodputBps - cell.wireGoodputBps);
  // A tunnel that is used takes its room from the payload; one that is not makes packets smaller than they need be.
  const tunnelled = cell.encapsulation !== 'none';
  return { total, headers: tunnelled ? wire : 0, mtu: tunnelled ? 0 : wire, rest: total - wire };
}

const CELLS = [
  'MODE',
  'PAIR',
  'RETRANS',
  'RTT LOADED',
  'RR P50',
  'P99',
  'CRR',
  'WIRE/PAYLOAD',
  'UDP 512 B',
  'LOST',
];
const CAUSES = ['MODE', 'PAIR', 'BELOW DIRECT', 'HEADERS', 'MTU', 'CPU AND OTHERS'];

export function wideTables(results: readonly CellResult[]): string {
  return groups(results)
    .map(group => `${columns([CELLS, ...group.map(cellRow)])}\n${columns([CAUSES, ...causeRows(group)])}`)
    .join('\n');
}

const pair = ({ from, to }: CellResult): string => `${from}-${to}`;

function cellRow(cell: CellResult): string[] {
  const { mode, tcp, rr, crr, udp } = cell;
  const medium = udp?.[1];
  return [
    mode,
    pair(cell),
    tcp === null ? '–' : String(tcp.retransmits),
    tcp === null ? '–' : `${milliseconds(tcp.rttNs)} ms`,
    rr === null ? '–' : `${milliseconds(rr.p50)} ms`,
    rr === null ? '–' : milliseconds(rr.p99),
    crr === null ? '–' : milliseconds(crr.mean),
    tcp === null ? '–' : tcp.wirePerPayload.toFixed(4),
    medium === undefined ? '–' : megapackets(medium.datagramsPerSecond),
    medium === undefined ? '–' : `${(medium.lost * 100).toFixed(1)} %`,
  ];
}

function causeRows(group: readonly CellResult[]): string[][] {
  return group.flatMap(cell => {
    const direct = group.find(each => each.mode === 'direct' && each.sameSubnet === cell.sameSubnet);
    const causes = direct === undefined || direct === cell ? undefined : difference(cell, direct);
    if (causes === undefined) return [];
    const { total, headers, mtu, rest } = causes;
    return [[cell.mode, pair(cell), ...[total, headers, mtu, rest].map(bps => signed(bps))]];
  });
}

/** Below half a megabit it is nothing. */
const signed = (bps: number): string => (Math.abs(bps) < 0.5e6 ? '0' : `${gigabits(bps)} Gbit/s`);
