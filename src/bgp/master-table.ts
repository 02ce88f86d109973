/**
 * BIRD's table `master` as protocols use it: routes go in by source, recursive next hops are resolved on the way and
 * again when the table under them moves.
 */
import type * as Prefix from '../addr/prefix.ts';
import type { Clock } from '../sim/time.ts';
import { BgpRoute, bgpRoute, type ImportedPath, NO_NEXT_HOP } from './bgp-route.ts';
import { LocRib, type NetListener } from './loc-rib.ts';
import { NextHops, UNRESOLVED } from './next-hop.ts';
import type { Numbering } from './numbering.ts';
import { keyOf, type Protocol, type Route, type RouteSource } from './route.ts';
import { Sources } from './sources.ts';

/** A route as its protocol makes it: the table adds when, and for recursive ones where. */
export type NewRoute = Omit<Route, 'since'>;

export class MasterTable {
  readonly rib: LocRib;
  readonly sources = new Sources();
  readonly #clock: Clock;
  readonly #nextHops: NextHops;
  /** Prefixes whose best route changed since `settle`. */
  #moved: Prefix.Prefix[] = [];

  constructor(clock: Clock, numbers: Numbering, changed: NetListener) {
    this.#clock = clock;
    this.rib = new LocRib((net, removed, added, was) => {
      if (was !== net.routes[0]) this.#moved.push(net.prefix);
      changed(net, removed, added, was);
    }, numbers);
    this.#nextHops = new NextHops(this.rib);
  }

  /** Enter a route that is not BGP's. */
  enter(route: NewRoute): void {
    this.rib.enter(keyOf(route.prefix), { ...route, since: this.#clock.now });
  }

  /** Enter a path that BGP brought. False if the table says so already. */
  enterPath(path: ImportedPath, protocol: Protocol): boolean {
    const { key, nextHopKey } = path;
    const resolution = nextHopKey === NO_NEXT_HOP ? UNRESOLVED : this.#nextHops.of(nextHopKey);
    return this.rib.enter(key, bgpRoute(path, protocol, resolution));
  }

  /** Remove what the source has for a prefix, if anything. */
  remove(prefix: Prefix.Prefix, source: RouteSource): void {
    this.rib.remove(keyOf(prefix), source);
  }

  /**
   * Look up again every next hop below a prefix that moved, and enter the routes that lead another way now; returns what
   * they were before. A BGP route resolves no other, so this ends soon.
   */
  settle(): readonly BgpRoute[] {
    const all: BgpRoute[] = [];
    while (this.#moved.length > 0) {
      const prefixes = this.#moved;
      this.#moved = [];
      const moved = this.#nextHops.refresh(prefixes);
      if (moved.size === 0) continue;
      const affected: BgpRoute[] = [];
      for (const { routes } of this.rib.list())
        for (const route of routes)
          if (route instanceof BgpRoute && moved.has(route.path.nextHopKey)) affected.push(route);
      for (const { path, source } of affected) this.enterPath(path, source.protocol);
      all.push(...affected);
    }
    return all;
  }
}
