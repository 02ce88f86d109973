/** Which worker each process lives on. It changes nothing but the speed. */
import type { LabSpec } from './lab-spec.ts';

/**
 * The worker (0 to `workers` - 1) of each process, by position in `lab.processes`. With one worker a process there is
 * nothing to choose; with fewer, neighbours stay together: a walk through the links, leaves first, is cut into pieces
 * of equal weight, the weight of a process being the work its links bring.
 */
export function place(lab: LabSpec, workers: number): number[] {
  const { processes } = lab;
  if (workers >= processes.length) return processes.map((_, i) => i);
  const position = new Map(processes.map(({ id }, i) => [id, i]));
  const neighbours: number[][] = processes.map(() => []);
  for (const { from, to } of lab.links) {
    neighbours[position.get(from.process)!]!.push(position.get(to.process)!);
    neighbours[position.get(to.process)!]!.push(position.get(from.process)!);
  }
  const order = walk(neighbours);
  const weight = (process: number): number =>
    1 + (processes[process]!.workPerLink ?? 1) * neighbours[process]!.length;
  let left = order.reduce((sum, process) => sum + weight(process), 0);
  const placement = new Array<number>(processes.length).fill(0);
  let worker = 0;
  let room = left / workers;
  let used = 0;
  for (const [at, process] of order.entries()) {
    const mustLeaveOne = order.length - at === workers - worker - 1;
    if (used > 0 && worker < workers - 1 && (used + weight(process) / 2 > room || mustLeaveOne)) {
      worker++;
      room = left / (workers - worker);
      used = 0;
    }
    placement[process] = worker;
    used += weight(process);
    left -= weight(process);
  }
  return placement;
}

/**
 * Depth first from each process not yet seen; neighbours with fewer links come first. Of equal ones those in even places
 * do: where a hub's leaves are cut apart, two that are written one after the other, as reflectors are, go to different
 * workers.
 */
function walk(neighbours: readonly number[][]): number[] {
  const seen = new Set<number>();
  const order: number[] = [];
  for (const root of neighbours.keys()) {
    const stack = [root];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      order.push(at);
      const all = [...new Set(neighbours[at])].sort((a, b) => a - b);
      const dealt = [...all.filter((_, i) => i % 2 === 0), ...all.filter((_, i) => i % 2 === 1)];
      const next = dealt.filter(other => !seen.has(other));
      next.sort((a, b) => neighbours[a]!.length - neighbours[b]!.length); // stable
      stack.push(...next.reverse()); // the last one pushed is visited first
    }
  }
  return order;
}

/** Shared threads are dealt out in turn once each process cannot have its own. */
export const dealOut = (processes: number, workers: number): number[] =>
  Array.from({ length: processes }, (_, i) => i % workers);
