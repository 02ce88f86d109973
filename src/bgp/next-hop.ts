/**
 * Recursive next hops (BIRD's host cache): where a BGP NEXT_HOP leads is read off the master table, from whatever route
 * covers it, the default route too. All routes with the same next hop share one entry.
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

/** Next hops are noted by their first 16 bits: most prefixes that move are far from all of them. */
const NETWORK_BITS = 16;
const networkOf = (address: Ipv4Address): number => address >>> (32 - NETWORK_BITS);

const NONE: ReadonlySet<number> = new Set();

/** Next hops are told apart by their `hostKey`. One that was used once is kept: there are no more than machines. */
export class NextHops {
  readonly #table: LocRib;
  /** By key: where each leads. */
  readonly #resolutions: (Resolution | undefined)[] = [];
  /** Those in which there are any. */
  readonly #networks = new Set<number>();

  constructor(table: LocRib) {
    this.#table = table;
  }

  /** Where the next hop of that key leads. */
  of(key: number): Resolution {
    return this.#resolutions[key] ?? this.#resolve(key);
  }

  #resolve(key: number): Resolution {
    const nextHop = hostOf(key);
    const resolution = resolve(this.#table, nextHop);
    put(this.#resolutions, key, resolution);
    this.#networks.add(networkOf(nextHop));
    return resolution;
  }

  /** The table changed at `prefixes`: look the next hops below them up again. Returns those that moved. */
  refresh(prefixes: readonly Prefix.Prefix[]): ReadonlySet<number> {
    const near = prefixes.filter(p => p.length < NETWORK_BITS || this.#networks.has(networkOf(p.address)));
    if (near.length === 0) return NONE;
    const moved = new Set<number>();
    for (const [key, was] of this.#resolutions.entries()) {
      if (was === undefined || !near.some(p => Prefix.contains(p, hostOf(key)))) continue;
      if (this.#resolve(key) !== was) moved.add(key);
    }
    return moved;
  }
}
