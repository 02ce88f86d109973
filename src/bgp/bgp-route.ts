/**
 * A route that BGP brought: what was said, who said it, and where the next hop leads. Daemons of one thread that heard the
 * same from the same peer, and reach the next hop the same way, share the route; when each of them got it is in its
 * Adj-RIB-In.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { Destination, Protocol, Route, RouteSource } from './route.ts';

export const NO_NEXT_HOP = -1;

/** A path behind the import filter. */
export interface ImportedPath {
  readonly prefix: Prefix;
  /** `keyOf(prefix)`. */
  readonly key: number;
  readonly pathId: number;
  readonly preference: number;
  /** Interned. */
  readonly attributes: PathAttributes;
  /** `hostKey` of the next hop, or `NO_NEXT_HOP`. */
  readonly nextHopKey: number;
  /** See `Route.stale`. */
  readonly stale: boolean;
  /** Routes that were made of it, for whoever needs the same. */
  routes: readonly BgpRoute[];
}

/** Where packets to a next hop go. Interned. */
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
  readonly resolution: Resolution;

  constructor(path: ImportedPath, protocol: Protocol, resolution: Resolution) {
    this.path = path;
    this.source = { protocol, pathId: path.pathId };
    this.resolution = resolution;
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
    return this.resolution.destination;
  }
  get gateway(): Ipv4Address | undefined {
    return this.resolution.gateway;
  }
  get device(): string | undefined {
    return this.resolution.device;
  }
  get igpMetric(): number {
    return this.resolution.igpMetric;
  }
  /** It was not learned from the kernel. */
  get kernel(): undefined {
    return undefined;
  }
}

/** A path keeps so many routes for others: its peer is known to a cluster by one name, on a few networks. */
const KEPT = 8;

/** The route of `path` as `protocol` brought it. */
export function bgpRoute(path: ImportedPath, protocol: Protocol, resolution: Resolution): BgpRoute {
  const { routes } = path;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    if (route.resolution === resolution && route.source.protocol === protocol) return route;
  }
  const made = new BgpRoute(path, protocol, resolution);
  if (routes.length < KEPT) path.routes = [...routes, made];
  return made;
}
