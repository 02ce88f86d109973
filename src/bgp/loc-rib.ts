/**
 * The master table: every route that a protocol brought and its import filter let through, by prefix, the best first.
 *
 * Listings come in the order of BIRD 1.6's hash table, and routes of one prefix in the order its insertion rule
 * leaves them in: both are visible in `birdcl show route`, and the second decides between equals.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { decide } from './decision.ts';
import { after, type Net, vacant } from './net.ts';
import { Numbering, UNKNOWN } from './numbering.ts';
import { keyOf, knownKey, prefixOf, put, type Route, type RouteSource, sameRoute } from './route.ts';

/**
 * Hears what happens to a net, which may be without routes now: one came, went or took another's place, and the best one,
 * which `was` before, may be another.
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
  /** The best route before. */
  readonly was: Route | undefined;
  /** As of this change. */
  readonly #net: Net;

  constructor(net: Net, was: Route | undefined) {
    this.#net = net;
    this.was = was;
  }

  get prefix(): Prefix.Prefix {
    return this.#net.prefix;
  }

  /** The best route now. */
  get is(): Route | undefined {
    return this.#net.routes[0];
  }

  /** The step of the decision that put `is` before the runner-up. */
  get because(): string {
    const [best, next] = this.#net.routes;
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

/** Where the route of `source` is among `routes`, or -1. */
function placeOf({ protocol, pathId }: RouteSource, routes: readonly Route[]): number {
  for (let i = 0; i < routes.length; i++) {
    const { source } = routes[i]!;
    if (source.pathId === pathId && source.protocol === protocol) return i;
  }
  return -1;
}

const HASHES = 1 << 16;

/** Keys of all prefixes that any table of the thread has had, by hash. */
const byHash: (number[] | undefined)[] = [];

/** Those whose nets share the places of a hash value with the net of that key, itself among them. */
function rivals(key: number): readonly number[] {
  const h = hash(prefixOf(key).address);
  let keys = byHash[h];
  if (keys === undefined) {
    keys = [key];
    put(byHash, h, keys);
  } else if (!keys.includes(key)) keys.push(key);
  return keys;
}

export class LocRib {
  readonly #numbers: Numbering;
  /** By number; one that has lost its routes is vacant. */
  readonly #nets: (Net | undefined)[] = [];
  size = 0;
  /** By key: the place of a net among those of its hash, where it is not the first. */
  readonly #behind = new Map<number, number>();
  /** Numbers of all nets in the order of listings, until a net comes or goes. */
  #listed: readonly number[] | undefined;
  /** How many nets there are of each prefix length. */
  readonly #lengths = new Uint32Array(33);
  /** Those of which there are any, the longest first. */
  #used: readonly number[] = [];
  readonly #changed: NetListener;

  constructor(changed: NetListener, numbers = new Numbering()) {
    this.#changed = changed;
    this.#numbers = numbers;
  }

  get(prefix: Prefix.Prefix): Net | undefined {
    return this.net(keyOf(prefix));
  }

  /** By `keyOf(prefix)`. */
  net(key: number): Net | undefined {
    const net = this.#netOf(key);
    return net === undefined || net.routes.length === 0 ? undefined : net;
  }

  best(prefix: Prefix.Prefix): Route | undefined {
    return this.get(prefix)?.routes[0];
  }

  /** The longest prefix that covers `address`. */
  lookup(address: Ipv4Address): Net | undefined {
    for (const length of this.#used) {
      const key = knownKey((address & Prefix.mask(length)) >>> 0, length);
      const net = key === undefined ? undefined : this.net(key);
      if (net !== undefined) return net;
    }
    return undefined;
  }

  /** All nets in the order of `birdcl show route`, which is the one in which BIRD goes through its table. */
  list(): Net[] {
    this.#listed ??= this.#inOrder();
    return this.#listed.map(number => this.#nets[number]!);
  }

  /** Enter `route` under the key of its prefix, instead of what its source had there. False if that says the same. */
  enter(key: number, route: Route): boolean {
    const net = this.#netOf(key) ?? vacant(key);
    const { routes } = net;
    const at = placeOf(route.source, routes);
    const removed = routes[at];
    if (removed !== undefined && sameRoute(removed, route)) return false;
    if (routes.length === 0) this.#create(key);
    this.#step(net, at, route);
    return true;
  }

  /** Remove what `source` has there, if anything. */
  remove(key: number, source: RouteSource): void {
    const net = this.#netOf(key);
    const at = net === undefined ? -1 : placeOf(source, net.routes);
    if (net === undefined || at < 0) return;
    if (net.routes.length === 1) this.#drop(key);
    this.#step(net, at, undefined);
  }

  #netOf(key: number): Net | undefined {
    const number = this.#numbers.known(key);
    return number === UNKNOWN ? undefined : this.#nets[number];
  }

  #step(from: Net, at: number, added: Route | undefined): void {
    const to = after(from, at, added);
    put(this.#nets, this.#numbers.of(from.key), to);
    this.#changed(to, from.routes[at], added, from.routes[0]);
  }

  #create(key: number): void {
    const alike = rivals(key);
    if (alike.length > 1) this.#findPlace(key, alike);
    this.size++;
    this.#count(prefixOf(key).length, 1);
    this.#listed = undefined;
  }

  #drop(key: number): void {
    if (this.#behind.size > 0) this.#behind.delete(key);
    this.size--;
    this.#count(prefixOf(key).length, -1);
    this.#listed = undefined;
  }

  /** The net of that key, which is not there yet, gets the first place that its rivals leave. */
  #findPlace(key: number, alike: readonly number[]): void {
    const present = alike.filter(other => this.net(other) !== undefined);
    const taken = present.map(other => this.#behind.get(other) ?? 0);
    let place = 0;
    while (taken.includes(place)) place++;
    if (place > 0) this.#behind.set(key, place);
  }

  #count(length: number, difference: number): void {
    const was = this.#lengths[length]!;
    this.#lengths[length] = was + difference;
    if (was > 0 && was + difference > 0) return;
    this.#used = [...this.#lengths.keys()].filter(each => this.#lengths[each]! > 0).reverse();
  }

  /** By hash, then age. */
  #inOrder(): number[] {
    const numbers: number[] = [];
    const orders = new Float64Array(this.#nets.length);
    for (const [number, net] of this.#nets.entries()) {
      if (net === undefined || net.routes.length === 0) continue;
      numbers.push(number);
      orders[number] = hash(net.prefix.address) * HASHES + (this.#behind.get(net.key) ?? 0);
    }
    return numbers.sort((a, b) => orders[a]! - orders[b]!);
  }
}
