/**
 * The master table: every route that a protocol brought and its import filter let through, by prefix, the best first.
 *
 * Listings come in the order of BIRD 1.6's hash table, and routes of one prefix in the order its insertion rule
 * leaves them in: both are visible in `birdcl show route`, and the second decides between equals.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { decide } from './decision.ts';
import { keyOf, knownKey, type Route, type RouteSource, sameRoute } from './route.ts';

/** One prefix with its routes. */
export interface Net {
  readonly prefix: Prefix.Prefix;
  /** `keyOf(prefix)`. */
  readonly key: number;
  /** The best first; never empty while the net is in the table. Another array after every change. */
  routes: readonly Route[];
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

const isOf = (source: RouteSource, route: Route): boolean =>
  route.source === source ||
  (route.source.protocol === source.protocol && route.source.pathId === source.pathId);

/** Where the route of `source` is among `routes`, or -1. */
function placeOf(source: RouteSource, routes: readonly Route[]): number {
  for (let i = 0; i < routes.length; i++) if (isOf(source, routes[i]!)) return i;
  return -1;
}

/** Most hash values have one net. */
const FIRST: readonly number[] = [0];

export class LocRib {
  /** By `keyOf(prefix)`. */
  readonly #nets = new Map<number, Net>();
  /** Per hash value the places that are taken, ascending. */
  readonly #places = new Map<number, readonly number[]>();
  /** How many nets there are of each prefix length. */
  readonly #lengths = new Uint32Array(33);
  readonly #changed: (change: NetChange) => void;

  constructor(changed: (change: NetChange) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#nets.size;
  }

  get(prefix: Prefix.Prefix): Net | undefined {
    return this.net(keyOf(prefix));
  }

  /** By `keyOf(prefix)`. */
  net(key: number): Net | undefined {
    return this.#nets.get(key);
  }

  best(prefix: Prefix.Prefix): Route | undefined {
    return this.get(prefix)?.routes[0];
  }

  /** What `source` has brought to the prefix of that key. */
  find(key: number, source: RouteSource): Route | undefined {
    const routes = this.#nets.get(key)?.routes;
    return routes?.[placeOf(source, routes)];
  }

  /** The longest prefix that covers `address`. */
  lookup(address: Ipv4Address): Net | undefined {
    for (let length = 32; length >= 0; length--) {
      if (this.#lengths[length] === 0) continue;
      const key = knownKey((address & Prefix.mask(length)) >>> 0, length);
      const net = key === undefined ? undefined : this.#nets.get(key);
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
    const key = keyOf(prefix);
    if (route !== undefined) this.enter(key, route);
    else this.#remove(this.#nets.get(key), source);
  }

  /** Enter `route` under the key of its prefix. Returns what stays: the former one, if that says the same. */
  enter(key: number, route: Route): Route {
    const net = this.#nets.get(key);
    if (net === undefined) {
      this.#create(key, route);
      return route;
    }
    const at = placeOf(route.source, net.routes);
    const removed = net.routes[at];
    if (removed !== undefined && sameRoute(removed, route)) return removed;
    const was = net.routes[0];
    const others = at < 0 ? net.routes : net.routes.toSpliced(at, 1);
    net.routes = inserted(others, route, removed === was);
    const is = net.routes[0];
    this.#changed({ net, removed, added: route, was, is, because: reason(net.routes) });
    return route;
  }

  #remove(net: Net | undefined, source: RouteSource): void {
    const at = net === undefined ? -1 : placeOf(source, net.routes);
    if (net === undefined || at < 0) return;
    const removed = net.routes[at]!;
    const was = net.routes[0];
    const others = net.routes.toSpliced(at, 1);
    net.routes = at === 0 ? bestFirst(others) : others;
    const is = net.routes[0];
    if (is === undefined) this.#drop(net);
    this.#changed({ net, removed, added: undefined, was, is, because: reason(net.routes) });
  }

  #create(key: number, route: Route): void {
    const { prefix } = route;
    const h = hash(prefix.address);
    const taken = this.#places.get(h);
    let place = 0;
    while (taken?.[place] === place) place++;
    this.#places.set(h, taken === undefined ? FIRST : taken.toSpliced(place, 0, place));
    const net: Net = { prefix, key, routes: [route], order: orderOf(h, place) };
    this.#nets.set(key, net);
    this.#lengths[prefix.length]!++;
    this.#changed({
      net,
      removed: undefined,
      added: route,
      was: undefined,
      is: route,
      because: 'only route',
    });
  }

  #drop({ prefix, key, order }: Net): void {
    this.#nets.delete(key);
    this.#lengths[prefix.length]!--;
    const h = hash(prefix.address);
    const taken = this.#places.get(h)!;
    if (taken.length === 1) this.#places.delete(h);
    else this.#places.set(h, taken.toSpliced(taken.indexOf(order - orderOf(h, 0)), 1));
  }
}

/** Signed, so that it stays a small integer of the engine. */
const orderOf = (h: number, place: number): number => h * 65536 + place - 2 ** 31;

const reason = (routes: readonly Route[]): string => {
  if (routes.length === 0) return 'no route left';
  return routes.length > 1 ? decide(routes[0]!, routes[1]!).because : 'only route';
};

/**
 * BIRD's three cases. A route better than the best goes first; when the best itself went, the new route is put first
 * and all are compared; otherwise it goes behind the best, before those that were there.
 */
function inserted(others: readonly Route[], route: Route, bestWent: boolean): readonly Route[] {
  const best = others[0];
  if (best === undefined) return [route];
  if (bestWent) return bestFirst([route, ...others]);
  return decide(route, best).order < 0 ? [route, ...others] : [best, route, ...others.slice(1)];
}

function bestFirst(routes: readonly Route[]): readonly Route[] {
  let first = 0;
  for (let i = 1; i < routes.length; i++) if (decide(routes[i]!, routes[first]!).order < 0) first = i;
  return first === 0 ? routes : [routes[first]!, ...routes.toSpliced(first, 1)];
}
