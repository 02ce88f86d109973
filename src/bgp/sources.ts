/** Route sources and their global ids: the path ids this daemon advertises (BIRD's `rte_src`, lowest free id first). */
import type { Protocol, RouteSource } from './route.ts';

export class Sources {
  readonly #byProtocol = new Map<Protocol, Map<number, RouteSource>>();
  /** All ids from this one on are free; 0 is never given away. */
  #next = 1;
  /** Ids below `#next` that were given back, the lowest last. */
  readonly #free: number[] = [];

  /** The source of a protocol's routes that came with this path id; 0 is its main source. */
  get(protocol: Protocol, pathId = 0): RouteSource {
    let sources = this.#byProtocol.get(protocol);
    if (sources === undefined) {
      sources = new Map();
      this.#byProtocol.set(protocol, sources);
    }
    let source = sources.get(pathId);
    if (source === undefined) {
      source = { protocol, pathId, globalId: this.#free.pop() ?? this.#next++ };
      sources.set(pathId, source);
    }
    return source;
  }

  /** The protocol is gone, and no route of it is left. */
  release(protocol: Protocol): void {
    const sources = this.#byProtocol.get(protocol);
    if (sources === undefined) return;
    for (const { globalId } of sources.values()) this.#free.push(globalId);
    this.#free.sort((a, b) => b - a);
    this.#byProtocol.delete(protocol);
  }
}
