/** Route sources and their global ids: the path ids this daemon advertises (BIRD's `rte_src`, lowest free id first). */
import type { RouteSource } from './route.ts';

/** Path ids below this are looked up by place: peers number their paths from 1. */
const DENSE = 1 << 16;

export class Sources {
  readonly #byProtocol = new Map<string, ProtocolSources>();
  /** All ids from this one on are free; 0 is never given away. */
  #next = 1;
  /** Ids below `#next` that were given back, the lowest last. */
  readonly #free: number[] = [];

  /** The sources of a protocol's routes, by its name. */
  of(protocol: string): ProtocolSources {
    let sources = this.#byProtocol.get(protocol);
    if (sources === undefined) {
      sources = new ProtocolSources(() => this.#free.pop() ?? this.#next++);
      this.#byProtocol.set(protocol, sources);
    }
    return sources;
  }

  /** The path id under which this daemon advertises routes of `source` (RFC 7911 leaves the choice to the sender). */
  globalId({ protocol, pathId }: RouteSource): number {
    return this.of(protocol.name).globalId(pathId);
  }

  /** The protocol is gone, and no route of it is left. */
  release(protocol: string): void {
    const sources = this.#byProtocol.get(protocol);
    if (sources === undefined) return;
    this.#free.push(...sources.globalIds);
    this.#free.sort((a, b) => b - a);
    this.#byProtocol.delete(protocol);
  }
}

export class ProtocolSources {
  readonly #newId: () => number;
  readonly #dense: (number | undefined)[] = [];
  readonly #others = new Map<number, number>();

  constructor(newId: () => number) {
    this.#newId = newId;
  }

  get globalIds(): number[] {
    return [...this.#dense.filter(id => id !== undefined), ...this.#others.values()];
  }

  /** The id of the source of routes that came with this path id, 0 being the protocol's main source; a new one gets it now. */
  globalId(pathId: number): number {
    return (pathId < DENSE ? this.#dense[pathId] : this.#others.get(pathId)) ?? this.#add(pathId);
  }

  #add(pathId: number): number {
    const id = this.#newId();
    if (pathId < DENSE) this.#dense[pathId] = id;
    else this.#others.set(pathId, id);
    return id;
  }
}
