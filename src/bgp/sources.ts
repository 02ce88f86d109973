/** Route sources and their global ids: the path ids this daemon advertises (BIRD's `rte_src`, lowest free id first). */
import type { Protocol, RouteSource } from './route.ts';

/** Path ids below this are looked up by place: peers number their paths from 1. */
const DENSE = 1 << 16;

export class Sources {
  readonly #byProtocol = new Map<Protocol, ProtocolSources>();
  /** All ids from this one on are free; 0 is never given away. */
  #next = 1;
  /** Ids below `#next` that were given back, the lowest last. */
  readonly #free: number[] = [];

  /** The sources of a protocol's routes. */
  of(protocol: Protocol): ProtocolSources {
    let sources = this.#byProtocol.get(protocol);
    if (sources === undefined) {
      sources = new ProtocolSources(protocol, () => this.#free.pop() ?? this.#next++);
      this.#byProtocol.set(protocol, sources);
    }
    return sources;
  }

  /** The protocol is gone, and no route of it is left. */
  release(protocol: Protocol): void {
    const sources = this.#byProtocol.get(protocol);
    if (sources === undefined) return;
    this.#free.push(...sources.globalIds);
    this.#free.sort((a, b) => b - a);
    this.#byProtocol.delete(protocol);
  }
}

export class ProtocolSources {
  readonly globalIds: number[] = [];
  readonly #protocol: Protocol;
  readonly #newId: () => number;
  readonly #dense: (RouteSource | undefined)[] = [];
  readonly #others = new Map<number, RouteSource>();

  constructor(protocol: Protocol, newId: () => number) {
    this.#protocol = protocol;
    this.#newId = newId;
  }

  /** The source of routes that came with this path id; 0 is the protocol's main source. */
  get(pathId: number): RouteSource {
    return (pathId < DENSE ? this.#dense[pathId] : this.#others.get(pathId)) ?? this.#make(pathId);
  }

  #make(pathId: number): RouteSource {
    const source = { protocol: this.#protocol, pathId, globalId: this.#newId() };
    this.globalIds.push(source.globalId);
    if (pathId < DENSE) this.#dense[pathId] = source;
    else this.#others.set(pathId, source);
    return source;
  }
}
