/** Which cells a benchmark has: every combination of what is asked for, in that order. */
import type { Scenario } from '../scenario/types.ts';
import type { Cell } from './cell.ts';
import type { Mode } from './modes.ts';
import { pairsOf } from './pairs.ts';

export interface Axes {
  readonly modes: readonly Mode[];
  readonly mtus: readonly number[];
  readonly rates: readonly number[];
  readonly streams: readonly number[];
  readonly hostModels: readonly string[];
}

/** Empty when the scenario has no two pods on different nodes. */
export function cellsOf(scenario: Scenario, axes: Axes): Cell[] {
  const pairs = pairsOf(scenario);
  const cells: Cell[] = [];
  for (const hostModel of axes.hostModels)
    for (const rate of axes.rates)
      for (const mtu of axes.mtus)
        for (const streams of axes.streams)
          for (const mode of axes.modes)
            for (const pair of pairs) cells.push({ mode, mtu, rate, streams, hostModel, ...pair });
  return cells;
}
