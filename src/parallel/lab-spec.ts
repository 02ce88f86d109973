/**
 * What the engine is given: logical processes, links and the module that builds a process from its plain data.
 * It is sent to every worker as it is, so nothing in it may be a function or an instance.
 */
import type { Habitat, LogicalProcess } from '../sim/logical-process.ts';
import type { VirtualTime } from '../sim/time.ts';
import { GRID } from './grid.ts';

export interface ProcessSpec {
  /** Unique, 0 to 2^20 - 1. The lower goes first where two frames arrive at one instant. */
  readonly id: number;
  /** Unique: the fingerprint is sorted by it. */
  readonly name: string;
  readonly kind: string;
  /** The work that each of its links brings, for placement: 1 for a machine, and unless told. */
  readonly workPerLink?: number;
  /** Plain data for the builder. */
  readonly spec: unknown;
}

/** One direction of a link. */
export interface LinkSpec {
  /** Unique, 0 to 2^20 - 1. */
  readonly id: number;
  readonly from: { readonly process: number; readonly jack: number };
  readonly to: { readonly process: number; readonly jack: number };
  /** Bits per second. */
  readonly rateBps: number;
  /** Propagation delay, at least 1 ns; the smallest of all is the engine's window. */
  readonly delay: VirtualTime;
  readonly queueOctets: number;
  /** Share of frames lost, 0 to 1; none unless told. */
  readonly loss?: number;
}

export interface LabSpec {
  readonly seed: number;
  readonly processes: readonly ProcessSpec[];
  readonly links: readonly LinkSpec[];
  /** File URL of a module that exports `makers`, or `build` for all kinds. */
  readonly builder: string;
}

/** Makes the logical process of `spec`; its links are put in place afterwards, then `boot()` is called. */
export type Build = (spec: ProcessSpec, lab: LabSpec, habitat: Habitat) => LogicalProcess;

/** By kind of process: load what makes it. A worker calls those that it has processes of. */
export type Makers = Readonly<Record<string, () => Promise<Build>>>;

const ID_LIMIT = 2 ** 20;

/** The smallest delay of any link: no process can influence another sooner. A lab without links takes the grid. */
export function lookahead(lab: LabSpec): VirtualTime {
  let smallest: VirtualTime = GRID;
  for (const link of lab.links) smallest = Math.min(smallest, link.delay);
  return smallest;
}

/** Throws a plain `Error` that names what is wrong: a lab is made by our own code, so this is our mistake. */
export function check(lab: LabSpec): void {
  const ids = new Set<number>();
  const names = new Set<string>();
  for (const { id, name } of lab.processes) {
    if (!isId(id) || ids.has(id)) throw new Error(`process ${name}: id ${id} is not unique or not in range`);
    if (names.has(name)) throw new Error(`process ${name}: the name is taken`);
    ids.add(id);
    names.add(name);
  }
  const links = new Set<number>();
  const outputs = new Set<string>();
  for (const link of lab.links) {
    if (!isId(link.id) || links.has(link.id)) throw new Error(`link ${link.id}: not unique or not in range`);
    links.add(link.id);
    for (const end of [link.from, link.to])
      if (!ids.has(end.process)) throw new Error(`link ${link.id}: there is no process ${end.process}`);
    const output = `${link.from.process}/${link.from.jack}`;
    if (outputs.has(output)) throw new Error(`link ${link.id}: jack ${output} has a link already`);
    outputs.add(output);
    if (!(Number.isSafeInteger(link.delay) && link.delay >= 1))
      throw new Error(`link ${link.id}: a delay of ${link.delay} ns; it must be a whole number, at least 1`);
    if (!(link.rateBps > 0)) throw new Error(`link ${link.id}: a rate of ${link.rateBps} bit/s`);
  }
}

const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < ID_LIMIT;
