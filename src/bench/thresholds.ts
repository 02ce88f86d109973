/** Thresholds of a scenario's `bench:` block against what was measured. */
import type { BenchExpectation } from '../scenario/types.ts';
import type { CellResult } from './cell.ts';

export interface Missed {
  readonly expectation: BenchExpectation;
  readonly cell: CellResult;
  /** What was measured instead, in words. */
  readonly received: string;
}

/** Of every cell that an expectation is about, those that miss it. */
export function missed(
  expectations: readonly BenchExpectation[],
  results: readonly CellResult[],
): readonly Missed[] {
  return expectations.flatMap(expectation => {
    const { mode, sameSubnet } = expectation;
    const cells = results.filter(
      cell => cell.mode === mode && (sameSubnet === undefined || cell.sameSubnet === sameSubnet),
    );
    return cells.flatMap(cell => {
      const received = complaint(expectation, cell, results);
      return received === undefined ? [] : [{ expectation, cell, received }];
    });
  });
}

/** What is wrong with the cell; `undefined` when nothing is. */
function complaint(
  { limit, atLeast, within, of }: BenchExpectation,
  cell: CellResult,
  results: readonly CellResult[],
): string | undefined {
  if (limit !== undefined && cell.limit !== limit) return `limit ${cell.limit}`;
  if (atLeast === undefined && within === undefined) return undefined;
  const { goodputBps } = cell;
  if (goodputBps === null) return cell.dead === null ? 'not measured' : `dead: ${cell.dead}`;
  const carried = `${gigabits(goodputBps)} Gbit/s`;
  if (atLeast !== undefined && goodputBps < atLeast) return carried;
  if (within === undefined) return undefined;
  const base = results.find(other => other.mode === of && alike(other, cell))?.goodputBps ?? null;
  if (base === null) return `${carried}, and ${of} carries nothing to compare with`;
  if (goodputBps >= base * (1 - within)) return undefined;
  const below = (100 * (1 - goodputBps / base)).toFixed(2);
  return `${carried}, ${below} % below ${gigabits(base)} Gbit/s of ${of}`;
}

const gigabits = (bps: number): string => (bps / 1e9).toPrecision(4);

const alike = (a: CellResult, b: CellResult): boolean =>
  a.sameSubnet === b.sameSubnet &&
  a.mtu === b.mtu &&
  a.rate === b.rate &&
  a.streams === b.streams &&
  a.hostModel === b.hostModel;
