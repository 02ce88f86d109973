/** The part of a lab that lives in one thread: its processes, built, wired and booted. */
import { type InputQueue, type Sink, Transmitter } from '../sim/link.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import { Partition } from '../sim/partition.ts';
import { Random } from '../sim/random.ts';
import { type Build, type LabSpec, lookahead, type Makers } from './lab-spec.ts';
import type { Print } from './run-state.ts';

export class Assembly {
  readonly partition: Partition;
  /** By process id. */
  readonly processes: ReadonlyMap<number, LogicalProcess>;
  /** By position in `lab.links`: the receiving end of those that end here. */
  readonly inputs: readonly (InputQueue | undefined)[];
  /** The process that is being booted. */
  booting: LogicalProcess | undefined;
  readonly #progress: () => void;

  /**
   * Builds the processes for which `isHere` holds. A link that leaves for another thread gets its sink from `remote`,
   * with its position in `lab.links`.
   */
  constructor(
    lab: LabSpec,
    build: Build,
    options: {
      readonly reversed: boolean;
      readonly isHere: (process: number) => boolean;
      readonly remote: (link: number, partition: Partition) => Sink;
      /** Called after each process that was built or booted. */
      readonly progress?: () => void;
    },
  ) {
    const { isHere } = options;
    this.#progress = options.progress ?? (() => {});
    this.partition = new Partition({
      seed: lab.seed,
      lookahead: lookahead(lab),
      reversed: options.reversed,
    });
    const processes = new Map<number, LogicalProcess>();
    for (const spec of lab.processes) {
      if (!isHere(spec.id)) continue;
      const process = build(spec, lab, this.partition);
      processes.set(spec.id, process);
      this.partition.add(process);
      this.#progress();
    }
    const inputs: (InputQueue | undefined)[] = [];
    for (const [index, link] of lab.links.entries()) {
      const { from, to } = link;
      inputs[index] = processes.get(to.process)?.addInput(from.process, link.id, to.jack);
      const sender = processes.get(from.process);
      if (sender === undefined) continue;
      const sink = inputs[index] ?? options.remote(index, this.partition);
      const random = new Random(lab.seed, `link/${link.id}/loss`);
      const transmitter = new Transmitter(link, sender, sink, random);
      transmitter.loss = link.loss ?? 0;
      sender.outputs[from.jack] = transmitter;
    }
    this.processes = processes;
    this.inputs = inputs;
  }

  boot(): void {
    for (const process of this.processes.values()) {
      this.booting = process;
      process.start();
      this.#progress();
    }
    this.booting = undefined;
  }

  prints(): Print[] {
    return [...this.processes.values()].map(({ name, fingerprint }) => ({
      name,
      count: fingerprint.count,
      digest: fingerprint.digest(),
    }));
  }
}

/**
 * Import `lab.builder`, and of it what makes the processes for which `isHere` holds. Throws when the module exports neither
 * `makers` nor `build`, or when a kind has no maker.
 */
export async function loadBuild(lab: LabSpec, isHere: (id: number) => boolean): Promise<Build> {
  const { build, makers }: { build?: Build; makers?: Makers } = await import(lab.builder);
  if (typeof build === 'function') return build;
  if (makers === undefined) throw new Error(`${lab.builder} does not export makers or build()`);
  const builds = new Map<string, Build>();
  for (const { id, name, kind } of lab.processes) {
    if (!isHere(id) || builds.has(kind)) continue;
    const make = makers[kind];
    if (make === undefined) throw new Error(`${name}: nobody knows how to build a ${kind}`);
    builds.set(kind, await make());
  }
  return (spec, whole, habitat) => builds.get(spec.kind)!(spec, whole, habitat);
}
