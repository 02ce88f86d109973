/** Reports of several partitions in the one order that does not depend on who lived where. */
import type { Report } from '../sim/partition.ts';

/** How many one thread keeps before the run pauses (between two windows) to hand them on: memory stays bounded. */
export const REPORT_LIMIT = 4096;

/** By (time, process id, order within the process). Within one list each process's own are in order already. */
export function merged(lists: readonly (readonly Report[])[]): Report[] {
  // Array.prototype.sort is stable.
  return lists.flat().sort((a, b) => a.time - b.time || a.process - b.process);
}
