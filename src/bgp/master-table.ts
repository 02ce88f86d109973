/**
 * BIRD's table `master` as protocols use it: routes go in by source, recursive next hops are resolved on the way and
 * again when the table under them moves.
 */
import type * as Prefix from '../addr/prefix.ts';
import type { Clock } from '../sim/time.ts';
import { LocRib, type NetChange } from './loc-rib.ts';
import { NextHops } from './next-hop.ts';
import type { Protocol, Route, RouteSource } from './route.ts';
import { Sources } from './sources.ts';

/** A route as its protocol makes it: the table adds when, and for recursive ones where. */
export type NewRoute = Omit<Route, 'since'>;

export class MasterTable {
  readonly rib: LocRib;
  readonly #clock: Clock;
  readonly #nextHops: NextHops;
  readonly #sources = new Sources();
  /** Prefixes whose best route changed since `settle`. */
  #moved: Prefix.Prefix[] = [];

  constructor(clock: Clock, changed: (change: NetChange) => void) {
    this.#clock = clock;
    this.rib = new LocRib(change => {
      if (change.was !== change.is) this.#moved.push(change.net.prefix);
      changed(change);
    });
    this.#nextHops = new NextHops(this.rib);
  }

  source(protocol: Protocol, pathId = 0): RouteSource {
    return this.#sources.get(protocol, pathId);
  }

  /** A protocol is gone, after all its routes. */
  release(protocol: Protocol): void {
    this.#sources.release(protocol);
  }

  /** Enter a route, or remove what its source had. Returns what is in the table now. */
  enter(prefix: Prefix.Prefix, source: RouteSource, route: NewRoute | undefined): Route | undefined {
    const before = this.rib.find(prefix, source)?.attributes?.nextHop;
    const after = route?.attributes?.nextHop;
    if (after !== undefined) this.#nextHops.use(after);
    if (before !== undefined) this.#nextHops.release(before);
    const since = this.#clock.now;
    const resolution = after === undefined ? {} : this.#nextHops.resolution(after);
    this.rib.replace(prefix, source, route === undefined ? undefined : { ...route, ...resolution, since });
    return this.rib.find(prefix, source);
  }

  /** Look up again every next hop below a prefix that moved. A BGP route resolves no other, so this ends soon. */
  settle(): void {
    while (this.#moved.length > 0) {
      const prefixes = this.#moved;
      this.#moved = [];
      const moved = this.#nextHops.refresh(prefixes);
      if (moved.size === 0) continue;
      const affected = [...this.rib.nets()].flatMap(net =>
        net.routes.filter(({ attributes }) => attributes !== undefined && moved.has(attributes.nextHop ?? 0)),
      );
      for (const route of affected) this.enter(route.prefix, route.source, route);
    }
  }
}
