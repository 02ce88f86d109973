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

/**
 * Hears what happens to a net: a route came, went or took another's place, and the best one, which `was` before, may be
 * another.
 */
export type NetListener = (
  net: Net,
  removed: Route | undefined,
  added: Route | undefined,
  was: Route | undefined,
) => void;

/** The best route of a net is another one. */
export class BestChange {
  readonly kind = 'best';
  readonly prefix: Prefix.Prefix;
  /** The best route before. */
  readonly was: Route | undefined;
  /** All routes, as of this change. */
  readonly #routes: readonly Route[];

  constructor({ prefix, routes }: Net, was: Route | undefined) {
    this.prefix = prefix;
    this.was = was;
    this.#routes = routes;
  }

  /** The best route now. */
  get is(): Route | undefined {
    return this.#routes[0];
  }

  /** The step of the decision that put `is` before the runner-up. */
  get because(): string {
    const [best, next] = this.#routes;
    if (best === undefined) return 'no route left';
    return next === undefined ? 'only route' : decide(best, next).because;
  }
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

/** Most hash values that are in use have one net, in the first place. */
const FIRST: readonly number[] = [0];
const NONE: readonly number[] = [];
const HASHES = 1 << 16;

export class LocRib {
  /** By `keyOf(prefix)`. */
  readonly #nets: (Net | undefined)[] = [];
  size = 0;
  /** A bit for each hash value of which the first place is taken and no other. */
  readonly #first = new Int32Array(HASHES >> 5);
  /** The places that are taken of all other hash values in use, ascending. */
  readonly #places = new Map<number, readonly number[]>();
  /** How many nets there are of each prefix length. */
  readonly #lengths = new Uint32Array(33);
  /** Those of which there are any, the longest first. */
  #used: readonly number[] = [];
  readonly #changed: NetListener;

  constructor(changed: NetListener) {
    this.#changed = changed;
  }

  get(prefix: Prefix.Prefix): Net | undefined {
    return this.net(keyOf(prefix));
  }

  /** By `keyOf(prefix)`. */
  net(key: number): Net | undefined {
    return this.#nets[key];
  }

  best(prefix: Prefix.Prefix): Route | undefined {
    return this.get(prefix)?.routes[0];
  }

  /** What `source` has brought to the prefix of that key. */
  find(key: number, source: RouteSource): Route | undefined {
    const routes = this.#nets[key]?.routes;
    return routes?.[placeOf(source, routes)];
  }

  /** The longest prefix that covers `address`. */
  lookup(address: Ipv4Address): Net | undefined {
    for (const length of this.#used) {
      const key = knownKey((address & Prefix.mask(length)) >>> 0, length);
      const net = key === undefined ? undefined : this.#nets[key];
      if (net !== undefined) return net;
    }
    return undefined;
  }

  /** All nets in the order of `birdcl show route`, which is the one in which BIRD goes through its table. */
  list(): Net[] {
    return this.#nets.filter(net => net !== undefined).sort((a, b) => a.order - b.order);
  }

  /** Enter `route` instead of what the same source had for the prefix; without a route, remove that. */
  replace(prefix: Prefix.Prefix, source: RouteSource, route: Route | undefined): void {
    const key = keyOf(prefix);
    if (route !== undefined) this.enter(key, route);
    else this.#remove(this.#nets[key], source);
  }

  /** Enter `route` under the key of its prefix. Returns what stays: the former one, if that says the same. */
  enter(key: number, route: Route): Route {
    const net = this.#nets[key];
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
    this.#changed(net, removed, route, was);
    return route;
  }

  #remove(net: Net | undefined, source: RouteSource): void {
    const at = net === undefined ? -1 : placeOf(source, net.routes);
    if (net === undefined || at < 0) return;
    const removed = net.routes[at]!;
    const was = net.routes[0];
    const others = net.routes.toSpliced(at, 1);
    net.routes = at === 0 ? bestFirst(others) : others;
    if (net.routes.length === 0) this.#drop(net);
    this.#changed(net, removed, undefined, was);
  }

  #create(key: number, route: Route): void {
    const { prefix } = route;
    const h = hash(prefix.address);
    const taken = this.#taken(h);
    let place = 0;
    while (taken[place] === place) place++;
    this.#take(h, taken.length === 0 ? FIRST : taken.toSpliced(place, 0, place));
    const net: Net = { prefix, key, routes: [route], order: orderOf(h, place) };
    this.#nets[key] = net;
    this.size++;
    this.#count(prefix.length, 1);
    this.#changed(net, undefined, route, undefined);
  }

  #drop({ prefix, key, order }: Net): void {
    this.#nets[key] = undefined;
    this.size--;
    this.#count(prefix.length, -1);
    const h = hash(prefix.address);
    const taken = this.#taken(h);
    this.#take(h, taken.toSpliced(taken.indexOf(order - orderOf(h, 0)), 1));
  }

  #count(length: number, difference: number): void {
    const was = this.#lengths[length]!;
    this.#lengths[length] = was + difference;
    if (was > 0 && was + difference > 0) return;
    this.#used = [...this.#lengths.keys()].filter(each => this.#lengths[each]! > 0).reverse();
  }

  /** The places that are taken of a hash value, ascending. */
  #taken(h: number): readonly number[] {
    if ((this.#first[h >> 5]! & (1 << (h & 31))) !== 0) return FIRST;
    return this.#places.get(h) ?? NONE;
  }

  #take(h: number, places: readonly number[]): void {
    const isFirst = places.length === 1 && places[0] === 0;
    if (isFirst) this.#first[h >> 5]! |= 1 << (h & 31);
    else this.#first[h >> 5]! &= ~(1 << (h & 31));
    if (isFirst || places.length === 0) this.#places.delete(h);
    else this.#places.set(h, places);
  }
}

/** Signed, so that it stays a small integer of the engine. */
const orderOf = (h: number, place: number): number => h * 65536 + place - 2 ** 31;

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
