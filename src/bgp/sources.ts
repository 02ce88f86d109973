/** Route sources and their global ids: the path ids this daemon advertises (BIRD's `rte_src`, lowest free id first). */
import type { Protocol, RouteSource } from './route.ts';

export class Sources {
  readonly #byProtocol = new Map<Protocol, Map<number, RouteSource>>();
  readonly #taken = new Set<number>();
  /** No id below this one is free; 0 is never given away. */
  #lowest = 1;

  /** The source of a protocol's routes that came with this path id; 0 is its main source. */
  get(protocol: Protocol, pathId = 0): RouteSource {
    let sources = this.#byProtocol.get(protocol);
    if (sources === undefined) {
      sources = new Map();
      this.#byProtocol.set(protocol, sources);
    }
    let source = sources.get(pathId);
    if (source === undefined) {
      while (this.#taken.has(this.#lowest)) this.#lowest++;
      const globalId = this.#lowest;
      this.#taken.add(globalId);
      source = { protocol, pathId, globalId };
      sources.set(pathId, source);
    }
    return source;
  }

  /** The protocol is gone, and no route of it is left. */
  release(protocol: Protocol): void {
    for (const { globalId } of this.#byProtocol.get(protocol)?.values() ?? []) {
      this.#taken.delete(globalId);
      this.#lowest = Math.min(this.#lowest, globalId);
    }
    this.#byProtocol.delete(protocol);
  }
}
