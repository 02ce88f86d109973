/**
 * Recursive next hops (BIRD's host cache): where a BGP NEXT_HOP leads is read off the master table, from whatever route
 * covers it, the default route too. Every route with the same next hop shares one entry.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Resolution } from './bgp-route.ts';
import type { LocRib } from './loc-rib.ts';
import { hostKey, hostOf, IGP_METRIC_UNKNOWN, put } from './route.ts';
import { Shared } from './shared.ts';

export const UNRESOLVED: Resolution = { destination: 'unreachable', igpMetric: IGP_METRIC_UNKNOWN };

/** Resolutions on connected networks, of all daemons of a thread: by device, then by key of the next hop. */
const onLinks = new Map<string, (Resolution | undefined)[]>();
/** And those by another route. */
const throughOthers = new Shared<Resolution>();

function onLink(device: string, nextHop: Ipv4Address): Resolution {
  let byKey = onLinks.get(device);
  if (byKey === undefined) {
    byKey = [];
    onLinks.set(device, byKey);
  }
  const key = hostKey(nextHop);
  const known = byKey[key];
  if (known !== undefined) return known;
  const resolution: Resolution = { destination: 'router', gateway: nextHop, device, igpMetric: 0 };
  put(byKey, key, resolution);
  return resolution;
}

/** Look `nextHop` up in the table. A route that is itself recursive does not resolve another (RFC 4271 §5.1.3, BIRD). */
export function resolve(table: LocRib, nextHop: Ipv4Address): Resolution {
  const route = table.lookup(nextHop)?.routes[0];
  if (route === undefined || route.igpMetric !== undefined) return UNRESOLVED;
  const { destination, gateway, device } = route;
  if (destination === 'device') return onLink(device!, nextHop);
  return throughOthers.of(`${destination} ${gateway} ${device}`, () => ({
    destination,
    gateway,
    device,
    igpMetric: IGP_METRIC_UNKNOWN,
  }));
}

/** Next hops are counted by their first 16 bits: most prefixes that move are far from all of them. */
const NETWORK_BITS = 16;
const networkOf = (address: Ipv4Address): number => address >>> (32 - NETWORK_BITS);

const NONE: ReadonlySet<number> = new Set();

/** Next hops are told apart by their `hostKey`. */
export class NextHops {
  readonly #table: LocRib;
  /** By key, of those in use: where each leads, and how many paths use it. */
  readonly #resolutions: (Resolution | undefined)[] = [];
  readonly #users: (number | undefined)[] = [];
  /** How many there are in each network. */
  readonly #networks = new Map<number, number>();

  constructor(table: LocRib) {
    this.#table = table;
  }

  /** One more path uses the next hop. Returns where it leads. */
  use(key: number): Resolution {
    let resolution = this.#resolutions[key];
    if (resolution === undefined) {
      const nextHop = hostOf(key);
      resolution = resolve(this.#table, nextHop);
      put(this.#resolutions, key, resolution);
      put(this.#users, key, 0);
      this.#count(nextHop, 1);
    }
    this.#users[key]!++;
    return resolution;
  }

  release(key: number): void {
    if (this.#resolutions[key] === undefined || --this.#users[key]! > 0) return;
    this.#resolutions[key] = undefined;
    this.#count(hostOf(key), -1);
  }

  /** The table changed at `prefixes`: look the next hops below them up again. Returns those that moved. */
  refresh(prefixes: readonly Prefix.Prefix[]): ReadonlySet<number> {
    const near = prefixes.filter(p => p.length < NETWORK_BITS || this.#networks.has(networkOf(p.address)));
    if (near.length === 0) return NONE;
    const moved = new Set<number>();
    for (const [key, was] of this.#resolutions.entries()) {
      if (was === undefined) continue;
      const nextHop = hostOf(key);
      if (!near.some(p => Prefix.contains(p, nextHop))) continue;
      const now = resolve(this.#table, nextHop);
      if (now === was) continue;
      this.#resolutions[key] = now;
      moved.add(key);
    }
    return moved;
  }

  #count(nextHop: Ipv4Address, difference: number): void {
    const network = networkOf(nextHop);
    const entries = (this.#networks.get(network) ?? 0) + difference;
    if (entries === 0) this.#networks.delete(network);
    else this.#networks.set(network, entries);
  }
}
