/**
 * The forwarding information base of a namespace: tables `local` and `main`, as Linux's `fib_trie.c` keeps them.
 *
 *   lookup ──> FibTrie (hot, allocation-free) ──> leaf number ──> the winning route of the longest prefix
 *   updates, listings, explanations ──> routes by prefix (cold): all routes of a prefix, best first
 *
 * What a routing daemon writes is kept as it was written, by a thousand hosts the same object, until somebody asks for the
 * route: most routes of a large cluster are never taken.
 *
 * As in Linux without policy rules both tables share one trie: the longest prefix wins whatever its table; among the
 * routes of one prefix `local` comes before `main`, then the lowest metric, then the one that was there first.
 */

import { type AddressWord, toWord } from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefixes from '../addr/prefix.ts';
import { FibTrie, NO_LEAF } from './fib-trie.ts';
import { type MultipathHashPolicy, multipathHash, selectNextHop } from './multipath.ts';
import type { NetDevice } from './netdevice.ts';
import { PrefixTable } from './prefix-table.ts';
import { isNamed, type NamedRoute, type NextHop, type Route, type RouteType, resolveRoute } from './route.ts';

/** Which route to remove: the first that agrees with all that is given. */
export interface RouteSelector {
  readonly prefix: Prefixes.Prefix;
  /** Default: `local` for types local and broadcast, else `main`, as `ip route del` has it. */
  readonly table?: Route['table'];
  readonly type?: RouteType;
  readonly protocol?: string;
  readonly metric?: number;
  readonly device?: NetDevice;
  readonly via?: Ipv4Address;
}

export interface RouteChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly route: Route;
  /** What `changed` replaced. */
  readonly previous: Route | undefined;
}

/** Why a route that covers the destination was not taken. */
export type BeatenBecause = 'shorter-prefix' | 'table-order' | 'higher-metric' | 'added-later';

export interface RouteExplanation {
  /** The route that decides, also when it is a blackhole or a throw. */
  readonly winner: Route | undefined;
  readonly beaten: readonly { readonly route: Route; readonly because: BeatenBecause }[];
}

const NONE: readonly Route[] = [];

/** 127/8 is local everywhere, and not in the filter. */
const LOOPBACK_NET = 127;
/** Bits of the filter of local addresses. */
const LOCAL_BITS = 256;
const localBit = (address: AddressWord): number => Math.imul(address, 0x9e3779b1) >>> 24;

export class Fib {
  /** Grows with every real change; replacing a route by an equal one is none. */
  changed = 0;
  /** Told of every change with its routes. Only set while somebody wants them: routes are made for it. */
  watcher: ((change: RouteChange) => void) | undefined;
  readonly #hashSeed: number;
  readonly #deviceOf: (name: string) => NetDevice | undefined;
  readonly #trie = new FibTrie();
  /** Leaf number by prefix. */
  readonly #leaves = new PrefixTable();
  /** By leaf number: the best route of the prefix. */
  readonly #best: (Route | undefined)[] = [];
  /** By leaf number: the only route of the prefix, as it was written, while nobody has asked for it. */
  readonly #named: (NamedRoute | undefined)[] = [];
  /** By leaf number, where a prefix has several routes: all of them, best first. */
  readonly #several = new Map<number, Route[]>();
  readonly #freeLeaves: number[] = [];
  /** A filter (Bloom's, one hash) over the addresses that have been local: most sources are found foreign by a look at it. */
  readonly #local = new Int32Array(LOCAL_BITS >> 5);
  readonly #listeners: (() => void)[] = [];

  /** `hashSeed` stands for the kernel's random multipath hash key; `deviceOf` knows the devices of the namespace. */
  constructor(hashSeed = 0, deviceOf: (name: string) => NetDevice | undefined = () => undefined) {
    this.#hashSeed = hashSeed;
    this.#deviceOf = deviceOf;
  }

  /** The route that decides about `destination`; `undefined` when none covers it, or a `throw` route does. O(1). */
  lookup(destination: Ipv4Address | AddressWord): Route | undefined {
    const leaf = this.#trie.lookup(destination);
    if (leaf === NO_LEAF) return undefined;
    const route = this.#best[leaf] ?? this.#resolve(leaf);
    return route.type === 'throw' ? undefined : route;
  }

  /** False when `address` is certainly not one of this host's, which takes no lookup to find out. */
  mayBeLocal(address: AddressWord): boolean {
    const bit = localBit(address);
    return (this.#local[bit >> 5]! & (1 << (bit & 31))) !== 0 || address >>> 24 === LOOPBACK_NET;
  }

  /**
   * The next hop of `route` for a flow. Ports are 0 for protocols without, and for fragments; an ICMP error is hashed
   * by the flow it quotes, so that it takes that flow's way. `route` must have next hops.
   */
  select(
    route: Route,
    source: Ipv4Address,
    destination: Ipv4Address,
    sourcePort: number,
    destinationPort: number,
    protocol: number,
    policy: MultipathHashPolicy,
  ): NextHop {
    const nextHops = route.nextHops;
    if (nextHops.length === 1) return nextHops[0]!;
    return selectNextHop(
      nextHops,
      multipathHash(this.#hashSeed, source, destination, sourcePort, destinationPort, protocol, policy),
    );
  }

  /** `ip route replace`: takes the place of the route of that prefix, table and metric, or is added. */
  replace(route: Route): void {
    const routes = this.#routesOf(route.prefix);
    const at = routes.findIndex(other => sameKey(other, route));
    if (at < 0) {
      this.#insert(route, routes);
      return;
    }
    const previous = routes[at]!;
    if (sameRoute(previous, route)) return;
    this.#store(route.prefix, routes.with(at, route));
    this.#tell('changed', route, previous);
  }

  /** `ip route add`: false (EEXIST) when the prefix has a route of that table and metric. */
  add(route: Route): boolean {
    const routes = this.#routesOf(route.prefix);
    if (routes !== NONE && routes.some(other => sameKey(other, route))) return false;
    this.#insert(route, routes);
    return true;
  }

  /** The same for a route whose devices are named; all of them have to be there. */
  addNamed(route: NamedRoute): boolean {
    const { prefix, metric } = route;
    const leaf = this.#leafOf(prefix);
    if (leaf !== NO_LEAF)
      return this.#named[leaf]?.metric !== metric && this.add(resolveRoute(route, this.#deviceOf));
    this.#named[this.#addLeaf(prefix)] = route;
    this.#tell('added', route);
    return true;
  }

  /** `ip route append`: goes behind the routes of that prefix, table and metric. False when it is there already. */
  append(route: Route): boolean {
    const routes = this.#routesOf(route.prefix);
    if (routes.some(other => sameRoute(other, route))) return false;
    this.#insert(route, routes);
    return true;
  }

  /** `ip route del`. False (ESRCH) when no route agrees. */
  remove(selector: RouteSelector): boolean {
    const routes = this.#routesOf(selector.prefix);
    if (routes === NONE) return false;
    const at = routes.findIndex(route => agrees(route, selector));
    if (at < 0) return false;
    this.#removeAt(routes, at);
    return true;
  }

  /** Remove every route for which `doomed` holds; returns how many. It is not to keep the routes it is shown. */
  removeWhere(doomed: (route: Route) => boolean): number {
    const victims = this.#all(route => doomed(isNamed(route) ? resolveRoute(route, this.#deviceOf) : route));
    for (const victim of victims) {
      const route = this.#resolved(victim);
      const routes = this.#routesOf(route.prefix);
      this.#removeAt(routes, routes.indexOf(route));
    }
    return victims.length;
  }

  /** The device is gone or was set down: its routes go, and multipath routes lose the next hops that used it. */
  removeDevice(device: NetDevice): void {
    const names = [device.name, ...device.altnames].filter(name => this.#deviceOf(name) === device);
    const isDevice = (one: NetDevice | string = ''): boolean =>
      typeof one === 'string' ? names.includes(one) : one === device;
    for (const one of this.#all(({ nextHops }) => nextHops.some(hop => isDevice(hop.device)))) {
      const route = this.#resolved(one);
      const nextHops = route.nextHops.filter(hop => hop.device !== device);
      const routes = this.#routesOf(route.prefix);
      const at = routes.indexOf(route);
      if (nextHops.length === 0) {
        this.#removeAt(routes, at);
        continue;
      }
      const rest: Route = { ...route, nextHops };
      this.#store(route.prefix, routes.with(at, rest));
      this.#tell('changed', rest, route);
    }
  }

  /**
   * All routes of a table in the order of `ip route`: by address; at one address the longest prefix first; at one prefix
   * the best first. All, or those of the protocols asked for.
   */
  list(table: Route['table'], isWanted?: (protocol: string) => boolean): readonly Route[] {
    return this.listWritten(table, isWanted).map(route => this.#resolved(route));
  }

  /** The same, but what nobody has asked for yet stays as it was written. */
  listWritten(
    table: Route['table'],
    isWanted?: (protocol: string) => boolean,
  ): readonly (Route | NamedRoute)[] {
    return this.#all(
      route => tableOf(route) === table && (isWanted === undefined || isWanted(route.protocol)),
    );
  }

  /** The routes that cover `destination`: which one decides, and what beat each of the others. */
  explain(destination: Ipv4Address): RouteExplanation {
    const covering: Route[] = [];
    for (let length = 32; length >= 0; length--)
      covering.push(...this.#routesOf(Prefixes.network(destination, length)));
    const winner = covering[0];
    if (winner === undefined) return { winner, beaten: [] };
    const beaten = covering.slice(1).map(route => ({ route, because: beatenBecause(route, winner) }));
    return { winner, beaten };
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Octets of the trie, for the memory budget. */
  get octets(): number {
    return this.#trie.octets;
  }

  /** Those for which `isWanted` holds, in the order of `list`. */
  #all(isWanted: (route: Route | NamedRoute) => boolean): (Route | NamedRoute)[] {
    const wanted: (Route | NamedRoute)[] = [];
    for (const [leaf, best] of this.#best.entries()) {
      const route = best ?? this.#named[leaf];
      if (route === undefined) continue;
      const several = this.#several.get(leaf);
      if (several !== undefined) wanted.push(...several.filter(isWanted));
      else if (isWanted(route)) wanted.push(route);
    }
    // Stable: routes of one prefix stay as they are.
    return wanted.sort((a, b) => a.prefix.address - b.prefix.address || b.prefix.length - a.prefix.length);
  }

  #resolved(route: Route | NamedRoute): Route {
    return isNamed(route) ? this.#resolve(this.#leafOf(route.prefix)) : route;
  }

  /** Somebody needs the route of a leaf that has only been written so far. */
  #resolve(leaf: number): Route {
    const route = resolveRoute(this.#named[leaf]!, this.#deviceOf);
    this.#best[leaf] = route;
    this.#named[leaf] = undefined;
    return route;
  }

  #leafOf({ address, length }: Prefixes.Prefix): number {
    return this.#leaves.get(toWord(address), length);
  }

  #routesOf(prefix: Prefixes.Prefix): readonly Route[] {
    const leaf = this.#leafOf(prefix);
    return leaf === NO_LEAF ? NONE : (this.#several.get(leaf) ?? [this.#best[leaf] ?? this.#resolve(leaf)]);
  }

  /** `routes` are those that its prefix has so far. */
  #insert(route: Route, routes: readonly Route[]): void {
    this.#store(route.prefix, routes === NONE ? [route] : withRoute(routes, route));
    this.#tell('added', route);
  }

  #removeAt(routes: readonly Route[], at: number): void {
    const route = routes[at]!;
    this.#store(route.prefix, routes.toSpliced(at, 1));
    this.#tell('removed', route);
  }

  /** `prefix` has these routes from now on, best first. */
  #store(prefix: Prefixes.Prefix, routes: Route[]): void {
    if (routes[0]?.type === 'local') this.#noteLocal(prefix);
    let leaf = this.#leafOf(prefix);
    if (routes.length === 0) {
      this.#removeLeaf(prefix, leaf);
      return;
    }
    if (leaf === NO_LEAF) leaf = this.#addLeaf(prefix);
    this.#best[leaf] = routes[0]!;
    if (routes.length > 1) this.#several.set(leaf, routes);
    else if (this.#several.size > 0) this.#several.delete(leaf);
  }

  /** A leaf without routes, for a prefix that has none. */
  #addLeaf(prefix: Prefixes.Prefix): number {
    if (!Prefixes.isMasked(prefix))
      throw new Error(`host bits in the prefix of a route: ${Prefixes.format(prefix)}`);
    const { address, length } = prefix;
    const leaf = this.#freeLeaves.pop() ?? this.#best.length;
    this.#leaves.set(toWord(address), length, leaf);
    this.#trie.insert(address, length, leaf);
    this.#best[leaf] = undefined;
    this.#named[leaf] = undefined;
    return leaf;
  }

  #removeLeaf(prefix: Prefixes.Prefix, leaf: number): void {
    const { address, length } = prefix;
    this.#leaves.delete(toWord(address), length);
    const cover = this.#cover(prefix);
    this.#trie.remove(address, length, cover.leaf, cover.length);
    this.#best[leaf] = undefined;
    this.#several.delete(leaf);
    this.#freeLeaves.push(leaf);
  }

  #noteLocal({ address, length }: Prefixes.Prefix): void {
    if (address >>> 24 === LOOPBACK_NET) return;
    if (length < 32) this.#local.fill(-1);
    const bit = localBit(toWord(address));
    this.#local[bit >> 5]! |= 1 << (bit & 31);
  }

  /** The longest shorter prefix that has routes. */
  #cover(prefix: Prefixes.Prefix): { leaf: number; length: number } {
    for (let length = prefix.length - 1; length >= 0; length--) {
      const leaf = this.#leaves.get(toWord(prefix.address & Prefixes.mask(length)), length);
      if (leaf !== NO_LEAF) return { leaf, length };
    }
    return { leaf: NO_LEAF, length: 0 };
  }

  #tell(kind: RouteChange['kind'], route: Route | NamedRoute, previous?: Route): void {
    this.changed++;
    for (const listener of this.#listeners) listener();
    this.watcher?.({ kind, route: this.#resolved(route), previous });
  }
}

/** Local routes first, then by metric; a new one goes behind its equals. */
function withRoute(routes: readonly Route[], route: Route): Route[] {
  const rank = (other: Route): number => (other.table === route.table ? 0 : other.table === 'local' ? -1 : 1);
  const at = routes.findIndex(other => (rank(other) || other.metric - route.metric) > 0);
  return routes.toSpliced(at < 0 ? routes.length : at, 0, route);
}

const tableOf = (route: Route | NamedRoute): Route['table'] => (isNamed(route) ? 'main' : route.table);

const sameKey = (a: Route, b: Route): boolean => a.table === b.table && a.metric === b.metric;

function sameRoute(a: Route, b: Route): boolean {
  return (
    sameKey(a, b) &&
    a.type === b.type &&
    a.protocol === b.protocol &&
    a.scope === b.scope &&
    a.source === b.source &&
    a.mtu === b.mtu &&
    a.nextHops.length === b.nextHops.length &&
    a.nextHops.every((hop, i) => {
      const other = b.nextHops[i]!;
      return (
        hop.via === other.via &&
        hop.device === other.device &&
        hop.onlink === other.onlink &&
        hop.weight === other.weight
      );
    })
  );
}

function agrees(route: Route, selector: RouteSelector): boolean {
  const { type, protocol, metric, device, via } = selector;
  const table = selector.table ?? (type === 'local' || type === 'broadcast' ? 'local' : 'main');
  return (
    route.table === table &&
    (type === undefined || route.type === type) &&
    (protocol === undefined || route.protocol === protocol) &&
    (metric === undefined || route.metric === metric) &&
    (device === undefined || route.nextHops.some(hop => hop.device === device)) &&
    (via === undefined || route.nextHops.some(hop => hop.via === via))
  );
}

function beatenBecause(route: Route, winner: Route): BeatenBecause {
  if (route.prefix.length !== winner.prefix.length) return 'shorter-prefix';
  if (route.table !== winner.table) return 'table-order';
  return route.metric === winner.metric ? 'added-later' : 'higher-metric';
}
