/**
 * A route that BGP brought, in three parts. What was said and how far it is to the next hop are the same for many routes,
 * and for the daemons of a whole thread; only who said it to whom, and when, is a route's own.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { Destination, Route, RouteSource } from './route.ts';

export const NO_NEXT_HOP = -1;

/** A path behind the import filter. */
export interface ImportedPath {
  readonly prefix: Prefix;
  /** `keyOf(prefix)`. */
  readonly key: number;
  readonly preference: number;
  /** Interned. */
  readonly attributes: PathAttributes;
  /** `hostKey` of the next hop, or `NO_NEXT_HOP`. */
  readonly nextHopKey: number;
  /** See `Route.stale`. */
  readonly stale: boolean;
}

/** Where packets to a next hop go. */
export interface Resolution {
  readonly destination: Destination;
  readonly gateway?: Ipv4Address | undefined;
  readonly device?: string | undefined;
  /** 0 on a connected network, unknown behind a gateway. */
  readonly igpMetric: number;
}

export class BgpRoute implements Route {
  readonly path: ImportedPath;
  readonly source: RouteSource;
  readonly since: VirtualTime;
  readonly #resolution: Resolution;

  constructor(path: ImportedPath, source: RouteSource, resolution: Resolution, since: VirtualTime) {
    this.path = path;
    this.source = source;
    this.#resolution = resolution;
    this.since = since;
  }

  get prefix(): Prefix {
    return this.path.prefix;
  }
  get preference(): number {
    return this.path.preference;
  }
  get attributes(): PathAttributes {
    return this.path.attributes;
  }
  get stale(): boolean {
    return this.path.stale;
  }
  get destination(): Destination {
    return this.#resolution.destination;
  }
  get gateway(): Ipv4Address | undefined {
    return this.#resolution.gateway;
  }
  get device(): string | undefined {
    return this.#resolution.device;
  }
  get igpMetric(): number {
    return this.#resolution.igpMetric;
  }
  /** It was not learned from the kernel. */
  get kernel(): undefined {
    return undefined;
  }
}
