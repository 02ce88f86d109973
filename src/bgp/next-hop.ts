/**
 * Recursive next hops (BIRD's host cache): where a BGP NEXT_HOP leads is read off the master table, from whatever route
 * covers it, the default route too. Every route with the same next hop shares one entry.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { LocRib } from './loc-rib.ts';
import { type Destination, IGP_METRIC_UNKNOWN } from './route.ts';

/** Where packets to a next hop go. */
export interface Resolution {
  readonly destination: Destination;
  readonly gateway?: Ipv4Address | undefined;
  readonly device?: string | undefined;
  /** 0 on a connected network, unknown behind a gateway. */
  readonly igpMetric: number;
}

const UNRESOLVED: Resolution = { destination: 'unreachable', igpMetric: IGP_METRIC_UNKNOWN };

/** Look `nextHop` up in the table. A route that is itself recursive does not resolve another (RFC 4271 §5.1.3, BIRD). */
export function resolve(table: LocRib, nextHop: Ipv4Address): Resolution {
  const route = table.lookup(nextHop)?.routes[0];
  if (route === undefined || route.igpMetric !== undefined) return UNRESOLVED;
  if (route.destination === 'device')
    return { destination: 'router', gateway: nextHop, device: route.device, igpMetric: 0 };
  return {
    destination: route.destination,
    gateway: route.gateway,
    device: route.device,
    igpMetric: IGP_METRIC_UNKNOWN,
  };
}

const same = (a: Resolution, b: Resolution): boolean =>
  a.destination === b.destination &&
  a.gateway === b.gateway &&
  a.device === b.device &&
  a.igpMetric === b.igpMetric;

interface Entry {
  resolution: Resolution;
  /** Paths that use it. */
  users: number;
}

export class NextHops {
  readonly #table: LocRib;
  readonly #entries = new Map<Ipv4Address, Entry>();

  constructor(table: LocRib) {
    this.#table = table;
  }

  /** One more path uses `nextHop`. */
  use(nextHop: Ipv4Address): void {
    let entry = this.#entries.get(nextHop);
    if (entry === undefined) {
      entry = { resolution: resolve(this.#table, nextHop), users: 0 };
      this.#entries.set(nextHop, entry);
    }
    entry.users++;
  }

  release(nextHop: Ipv4Address): void {
    const entry = this.#entries.get(nextHop);
    if (entry !== undefined && --entry.users === 0) this.#entries.delete(nextHop);
  }

  resolution(nextHop: Ipv4Address): Resolution {
    return this.#entries.get(nextHop)?.resolution ?? resolve(this.#table, nextHop);
  }

  /** The table changed at `prefixes`: look the next hops below them up again. Returns those that moved. */
  refresh(prefixes: readonly Prefix.Prefix[]): ReadonlySet<Ipv4Address> {
    const moved = new Set<Ipv4Address>();
    for (const [nextHop, entry] of this.#entries) {
      if (!prefixes.some(p => Prefix.contains(p, nextHop))) continue;
      const now = resolve(this.#table, nextHop);
      if (same(now, entry.resolution)) continue;
      entry.resolution = now;
      moved.add(nextHop);
    }
    return moved;
  }
}
