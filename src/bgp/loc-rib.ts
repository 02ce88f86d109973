/**
 * The master table: every route that a protocol brought and its import filter let through, by prefix, the best first.
 *
 * Listings come in the order of BIRD 1.6's hash table, and routes of one prefix in the order its insertion rule
 * leaves them in: both are visible in `birdcl show route`, and the second decides between equals.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { decide } from './decision.ts';
import { keyOf, type Route, type RouteSource, sameRoute } from './route.ts';

/** One prefix with its routes. */
export interface Net {
  readonly prefix: Prefix.Prefix;
  /** The best first; never empty while the net is in the table. */
  readonly routes: Route[];
  /** Place in the listing: hash, then age. */
  readonly order: number;
}

export interface NetChange {
  readonly net: Net;
  readonly removed: Route | undefined;
  readonly added: Route | undefined;
  readonly was: Route | undefined;
  readonly is: Route | undefined;
  /** The step of the decision that put `is` before the runner-up. */
  readonly because: string;
}

/** BIRD 1.6's hash of an address, 16 bits. */
export function hash(address: Ipv4Address): number {
  let a = address;
  a ^= a >>> 16;
  a ^= a << 10;
  return a & 0xffff;
}

const sameSource = (a: RouteSource, b: RouteSource): boolean =>
  a.protocol === b.protocol && a.pathId === b.pathId;

export class LocRib {
  readonly #nets = new Map<number, Net>();
  /** Per hash value the places that are taken, ascending. */
  readonly #places = new Map<number, number[]>();
  readonly #changed: (change: NetChange) => void;

  constructor(changed: (change: NetChange) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#nets.size;
  }

  get(prefix: Prefix.Prefix): Net | undefined {
    return this.#nets.get(keyOf(prefix));
  }

  best(prefix: Prefix.Prefix): Route | undefined {
    return this.get(prefix)?.routes[0];
  }

  /** The route of this source to this prefix. */
  find(prefix: Prefix.Prefix, source: RouteSource): Route | undefined {
    return this.get(prefix)?.routes.find(r => sameSource(r.source, source));
  }

  /** The longest prefix that covers `address`. */
  lookup(address: Ipv4Address): Net | undefined {
    for (let length = 32; length >= 0; length--) {
      const net = this.#nets.get(keyOf(Prefix.network(address, length)));
      if (net !== undefined) return net;
    }
    return undefined;
  }

  /** All nets in the order of `birdcl show route`. */
  list(): Net[] {
    return [...this.#nets.values()].sort((a, b) => a.order - b.order);
  }

  /** Every net, in no order that means anything. */
  nets(): IterableIterator<Net> {
    return this.#nets.values();
  }

  /** Enter `route` instead of what the same source had for the prefix; without a route, remove that. */
  replace(prefix: Prefix.Prefix, source: RouteSource, route: Route | undefined): void {
    const net = this.#nets.get(keyOf(prefix));
    if (net === undefined) {
      if (route !== undefined) this.#create(prefix, route);
      return;
    }
    const { routes } = net;
    const at = routes.findIndex(r => sameSource(r.source, source));
    const removed = at < 0 ? undefined : routes[at]!;
    if (removed === undefined && route === undefined) return;
    if (removed !== undefined && route !== undefined && sameRoute(removed, route)) return;
    const was = routes[0];
    if (at >= 0) routes.splice(at, 1);
    insert(routes, route, removed === was);
    const is = routes[0];
    const because = routes.length > 1 ? decide(routes[0]!, routes[1]!).because : 'only route';
    if (is === undefined) this.#drop(net);
    this.#changed({
      net,
      removed,
      added: route,
      was,
      is,
      because: is === undefined ? 'no route left' : because,
    });
  }

  #create(prefix: Prefix.Prefix, route: Route): void {
    const h = hash(prefix.address);
    const taken = this.#places.get(h) ?? [];
    this.#places.set(h, taken);
    let place = 0;
    while (taken[place] === place) place++;
    taken.splice(place, 0, place);
    const net: Net = { prefix, routes: [route], order: h * 65536 + place };
    this.#nets.set(keyOf(prefix), net);
    this.#changed({
      net,
      removed: undefined,
      added: route,
      was: undefined,
      is: route,
      because: 'only route',
    });
  }

  #drop(net: Net): void {
    this.#nets.delete(keyOf(net.prefix));
    const h = Math.floor(net.order / 65536);
    const taken = this.#places.get(h)!;
    taken.splice(taken.indexOf(net.order % 65536), 1);
    if (taken.length === 0) this.#places.delete(h);
  }
}

/**
 * BIRD's three cases. A route better than the best goes first; when the best itself went, the new route is put first
 * and all are compared; otherwise it goes behind the best, before those that were there.
 */
function insert(routes: Route[], route: Route | undefined, bestWent: boolean): void {
  const best = routes[0];
  if (route !== undefined && !bestWent && best !== undefined) {
    routes.splice(decide(route, best).order < 0 ? 0 : 1, 0, route);
    return;
  }
  if (route !== undefined) routes.unshift(route);
  if (!bestWent) return;
  let first = 0;
  for (let i = 1; i < routes.length; i++) if (decide(routes[i]!, routes[first]!).order < 0) first = i;
  if (first > 0) routes.unshift(routes.splice(first, 1)[0]!);
}
