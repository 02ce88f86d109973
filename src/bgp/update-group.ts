/**
 * Adj-RIB-Out (RFC 4271 §3.2) of all peers that are told the same: an update group. A reflector has a thousand clients
 * and tells them one thing, but for this: nobody is told of a route that it brought.
 *
 *     table ── advance ──> steps: of each net that changed, what was told and what is to be
 *                            │
 *                            ├── the UPDATEs of whoever brought none of these routes: made once
 *                            └── those of a peer that did: without its own
 *
 * A peer that joins is told everything; one that comes from another group, what differs.
 */
import type { Nlri } from '../wire/bgp/update.ts';
import { Advertisement, batch, type Encoding } from './advertisement.ts';
import type { LocRib } from './loc-rib.ts';
import { type Batch, MessageLog } from './message-log.ts';
import type { Net } from './net.ts';
import { byPrefix, type Protocol, prefixOf, type Route, type RouteSource } from './route.ts';
import { Stats } from './stats.ts';

/** What becomes of a route on its way to the group's peers: attributes, or why there is nothing to tell. */
export type Offer = Advertisement['attributes'] | 'refused' | 'filtered';

/** Judges a route for a peer of the group; it need not ask who brought it. */
export type Judge = (route: Route) => Offer;

type Told = readonly Advertisement[];

interface Step {
  readonly was: Told;
  readonly is: Told;
  /** Routes that could be told, and how many of them the filter keeps back. */
  readonly candidates: number;
  readonly filtered: number;
}

const NOTHING: Told = [];
const NO_ROUTES: readonly Route[] = [];

export class UpdateGroup {
  readonly #encoding: Encoding;
  readonly #globalId: (source: RouteSource) => number;
  /** Peers whose state is this group's. */
  readonly #members = new Set<Protocol>();
  /** By key of the net: what is told of it to all but who brought it. */
  readonly #told: (Told | undefined)[] = [];
  /** By key of the net, where it keeps back any: how many routes the filter does. */
  readonly #filtered = new Map<number, number>();
  /** Of this instant. */
  readonly #steps = new Map<number, Step>();
  /** Who brought the routes that the steps are about. */
  readonly #bringers = new Set<Protocol>();
  /** What the steps count for all others. */
  #counted = new Stats();
  readonly #log = new MessageLog();
  /** What all others are sent; `null` until it was made. */
  #common: Batch | undefined | null = null;

  /** `globalId`: see `Sources`. */
  constructor(encoding: Encoding, globalId: (source: RouteSource) => number) {
    this.#encoding = encoding;
    this.#globalId = globalId;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  leave(peer: Protocol): void {
    this.#members.delete(peer);
  }

  /** What `peer` has been told of the net of that key and not been taken back. */
  toldTo(peer: Protocol, key: number): Told {
    return without(peer, this.#told[key] ?? NOTHING);
  }

  /** Destinations that `peer` believes we reach. */
  countFor(peer: Protocol): number {
    let count = 0;
    for (const told of this.#told) for (const { from } of told ?? NOTHING) if (from !== peer) count++;
    return count;
  }

  /** The nets of these keys may have changed: bring the group in line with the table. Once an instant. */
  advance(keys: Iterable<number>, table: LocRib, judge: Judge): void {
    for (const key of keys) {
      const step = this.#step(key, table.net(key), judge);
      this.#steps.set(key, step);
      count(this.#counted, undefined, step);
      for (const { from } of step.was) this.#bringers.add(from);
      for (const { from } of step.is) this.#bringers.add(from);
    }
  }

  #step(key: number, net: Net | undefined, judge: Judge): Step {
    const { addPath } = this.#encoding;
    const was = this.#told[key] ?? NOTHING;
    const routes = net?.routes ?? NO_ROUTES;
    const candidates = this.#candidates(net);
    const is: Advertisement[] = [];
    let filtered = 0;
    for (let i = 0; i < candidates; i++) {
      const route = routes[i]!;
      const offer = judge(route);
      if (offer === 'filtered') filtered++;
      if (offer === 'filtered' || offer === 'refused') continue;
      const { protocol } = route.source;
      const pathId = addPath ? this.#globalId(route.source) : 0;
      const same = was.find(told => told.from === protocol && told.nlri.pathId === pathId);
      is.push(
        same?.attributes === offer
          ? same
          : new Advertisement({ prefix: route.prefix, pathId }, offer, protocol),
      );
    }
    this.#told[key] = is.length === 0 ? undefined : is;
    if (filtered > 0) this.#filtered.set(key, filtered);
    else if (this.#filtered.size > 0) this.#filtered.delete(key);
    return { was, is, candidates, filtered };
  }

  /** Routes of `net` that a peer could be told: the best, or with ADD-PATH all. */
  #candidates(net: Net | undefined): number {
    const routes = net?.routes.length ?? 0;
    return this.#encoding.addPath ? routes : Math.min(1, routes);
  }

  /** The instant is over. */
  settled(): void {
    this.#steps.clear();
    this.#bringers.clear();
    this.#counted = new Stats();
    this.#common = null;
  }

  /** What `peer`, a member, is to be sent of the steps; with `again` it has asked for everything. */
  news(peer: Protocol, stats: Stats, again: boolean): Batch | undefined {
    if (this.#bringers.has(peer)) {
      for (const step of this.#steps.values()) count(stats, peer, step);
      return this.#newsFor(peer, again);
    }
    stats.addExports(this.#counted);
    if (again) return this.#newsFor(peer, true);
    if (this.#common === null) this.#common = this.#newsFor(peer, false);
    return this.#common;
  }

  #newsFor(peer: Protocol, again: boolean): Batch | undefined {
    return this.#difference(peer, this.#steps.keys(), key => this.#steps.get(key)!.was, again);
  }

  /** `peer` joins, and was told nothing so far: what it is to be sent. */
  join(peer: Protocol, table: LocRib, stats: Stats): Batch | undefined {
    this.#members.add(peer);
    const advertised: Advertisement[] = [];
    for (const net of table.list()) {
      const told = this.#told[net.key] ?? NOTHING;
      const candidates = this.#candidates(net);
      count(stats, peer, { was: NOTHING, is: told, candidates, filtered: this.#filtered.get(net.key) ?? 0 });
      for (const one of told) if (one.from !== peer) advertised.push(one);
    }
    return batch([], advertised, this.#encoding, this.#log);
  }

  /** `peer` comes from another group of the same encoding, whose state it has: what differs, or with `again` everything. */
  takeOver(
    peer: Protocol,
    former: UpdateGroup,
    table: LocRib,
    stats: Stats,
    again: boolean,
  ): Batch | undefined {
    former.leave(peer);
    this.#members.add(peer);
    const keys = new Set(table.list().map(net => net.key));
    for (const key of former.#steps.keys()) keys.add(key);
    for (const key of former.#told.keys()) if (former.#told[key] !== undefined) keys.add(key);
    const before = (key: number): Told => former.#steps.get(key)?.was ?? former.#told[key] ?? NOTHING;
    for (const key of keys) {
      const candidates = this.#candidates(table.net(key));
      const is = this.#told[key] ?? NOTHING;
      count(stats, peer, { was: before(key), is, candidates, filtered: this.#filtered.get(key) ?? 0 });
    }
    return this.#difference(peer, keys, before, again);
  }

  /**
   * What `peer` is to be sent of these nets when it was told `before` of each; `again`: all that it is told of any net, behind
   * what it is no longer.
   */
  #difference(
    peer: Protocol,
    keys: Iterable<number>,
    before: (key: number) => Told,
    again: boolean,
  ): Batch | undefined {
    const withdrawn: Nlri[] = [];
    const news: Advertisement[] = [];
    for (const key of keys) {
      const was = without(peer, before(key));
      const is = this.toldTo(peer, key);
      for (const one of is) if (!was.some(other => isSame(one, other))) news.push(one);
      withdrawn.push(...gone(was, is));
    }
    return batch(withdrawn, again ? this.#all(peer) : news, this.#encoding, this.#log);
  }

  /** All that `peer` is told. */
  #all(peer: Protocol): Advertisement[] {
    const all = this.#told.flatMap(told => without(peer, told ?? NOTHING));
    return all.sort((a, b) => byPrefix(prefixOf(a.key), prefixOf(b.key)));
  }
}

const isSame = (a: Advertisement, b: Advertisement): boolean =>
  a === b || (a.nlri.pathId === b.nlri.pathId && a.attributes === b.attributes);

/** Nobody is told of a route that it brought. */
function without(peer: Protocol | undefined, told: Told): Told {
  for (const { from } of told) if (from === peer) return told.filter(one => one.from !== peer);
  return told;
}

/** Destinations that were told and are not any more. */
function gone(was: Told, is: Told): Nlri[] {
  const out: Nlri[] = [];
  for (const { nlri } of was) if (!is.some(one => one.nlri.pathId === nlri.pathId)) out.push(nlri);
  return out;
}

/** As BIRD counts: a route is offered, and refused, filtered or accepted. */
function count(stats: Stats, peer: Protocol | undefined, { was, is, candidates, filtered }: Step): void {
  const accepted = without(peer, is);
  stats.exportUpdates += candidates;
  stats.exportFiltered += filtered;
  stats.exportAccepted += accepted.length;
  stats.exportRejected += candidates - filtered - accepted.length;
  if (candidates === 0) stats.exportWithdraws++;
  if (was.length > 0) stats.exportWithdrawsAccepted += gone(without(peer, was), accepted).length;
}
