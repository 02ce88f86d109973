/** One line that says which process of a lab runs on which worker thread. */
import type { Placement } from '../parallel/simulation.ts';
import { WIDTH } from './io.ts';

export function placementLine(placement: readonly Placement[]): string {
  const threads = new Set(placement.map(p => p.worker)).size;
  if (
    placement.every(p => p.worker === 0) &&
    new Set(placement.map(p => p.threadId)).size === 1 &&
    threads === 1
  ) {
    if (placement[0]?.threadId === 0) return `${placement.length} nodes on the main thread`;
  }
  const list = placement.map(p => `${p.process}→${p.worker + 1}`);
  const head = `${placement.length} nodes on ${threads} worker thread${threads === 1 ? '' : 's'}:`;
  const all = `${head} ${list.join(' ')}`;
  if (all.length <= WIDTH) return all;
  const shown: string[] = [];
  while (list.length > 0 && `${head} ${[...shown, list[0]].join(' ')} …`.length <= WIDTH)
    shown.push(list.shift()!);
  return `${head} ${shown.join(' ')} …`;
}
