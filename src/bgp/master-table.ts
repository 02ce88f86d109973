/**
 * BIRD's table `master` as protocols use it: routes go in by source, recursive next hops are resolved on the way and
 * again when the table under them moves.
 */
import type * as Prefix from '../addr/prefix.ts';
import type { Clock } from '../sim/time.ts';
import { BgpRoute, type ImportedPath, NO_NEXT_HOP } from './bgp-route.ts';
import { LocRib, type NetListener } from './loc-rib.ts';
import { NextHops, UNRESOLVED } from './next-hop.ts';
import { keyOf, type Protocol, type Route, type RouteSource } from './route.ts';
import { type ProtocolSources, Sources } from './sources.ts';

/** A route as its protocol makes it: the table adds when, and for recursive ones where. */
export type NewRoute = Omit<Route, 'since'>;

export class MasterTable {
  readonly rib: LocRib;
  readonly #clock: Clock;
  readonly #nextHops: NextHops;
  readonly #sources = new Sources();
  /** Prefixes whose best route changed since `settle`. */
  #moved: Prefix.Prefix[] = [];

  constructor(clock: Clock, changed: NetListener) {
    this.#clock = clock;
    this.rib = new LocRib((net, removed, added, was) => {
      if (was !== net.routes[0]) this.#moved.push(net.prefix);
      changed(net, removed, added, was);
    });
    this.#nextHops = new NextHops(this.rib);
  }

  sources(protocol: Protocol): ProtocolSources {
    return this.#sources.of(protocol);
  }

  /** The main source of a protocol. */
  source(protocol: Protocol): RouteSource {
    return this.#sources.of(protocol).get(0);
  }

  /** A protocol is gone, after all its routes. */
  release(protocol: Protocol): void {
    this.#sources.release(protocol);
  }

  /** Enter a route that is not BGP's. */
  enter(route: NewRoute): void {
    this.rib.replace(route.prefix, route.source, { ...route, since: this.#clock.now });
  }

  /** Enter a path that BGP brought. Returns the route in the table: the one that was there, if nothing has changed. */
  enterPath(path: ImportedPath, source: RouteSource, was: Route | undefined): Route {
    const { nextHopKey } = path;
    const resolution = nextHopKey === NO_NEXT_HOP ? UNRESOLVED : this.#nextHops.use(nextHopKey);
    this.#release(was);
    const route = new BgpRoute(path, source, resolution, this.#clock.now);
    return this.rib.enter(path.key, route);
  }

  /** Remove what the source has for a prefix, if anything. */
  remove(prefix: Prefix.Prefix, source: RouteSource): void {
    this.#release(this.rib.find(keyOf(prefix), source));
    this.rib.replace(prefix, source, undefined);
  }

  /** One path less uses the next hop of `route`. */
  #release(route: Route | undefined): void {
    if (!(route instanceof BgpRoute)) return;
    const { nextHopKey } = route.path;
    if (nextHopKey !== NO_NEXT_HOP) this.#nextHops.release(nextHopKey);
  }

  /** Look up again every next hop below a prefix that moved. A BGP route resolves no other, so this ends soon. */
  settle(): void {
    while (this.#moved.length > 0) {
      const prefixes = this.#moved;
      this.#moved = [];
      const moved = this.#nextHops.refresh(prefixes);
      if (moved.size === 0) continue;
      const affected: BgpRoute[] = [];
      for (const { routes } of this.rib.list())
        for (const route of routes)
          if (route instanceof BgpRoute && moved.has(route.path.nextHopKey)) affected.push(route);
      for (const route of affected) this.enterPath(route.path, route.source, route);
    }
  }
}
