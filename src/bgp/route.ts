/**
 * A route of the daemon's master table, whoever brought it (BIRD's `rte`), and the protocols that bring routes.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';

export type ProtocolKind = 'static' | 'kernel' | 'device' | 'direct' | 'bgp';

/** What the decision and the export rules ask about the peer a route came from. */
export interface PeerIdentity {
  readonly internal: boolean;
  readonly remoteAddress: Ipv4Address;
  readonly remoteAs: number;
  readonly localAs: number;
  /** From its OPEN; 0 until there was one. */
  readonly routerId: Ipv4Address;
  readonly rrClient: boolean;
  /** The cluster in which it is our client; 0 where it is none. */
  readonly clusterId: Ipv4Address;
}

/**
 * One protocol instance of the daemon: `static1`, `kernel1`, `Mesh_192_168_10_101`. No two of a daemon have one name. Those
 * with a peer are shared by the daemons of a thread, and never change: see `peerProtocol`.
 */
export interface Protocol {
  readonly kind: ProtocolKind;
  readonly name: string;
  readonly peer?: PeerIdentity;
}

/** Protocol and path identifier: two routes of one source replace each other (BIRD's `rte_src`). */
export interface RouteSource {
  readonly protocol: Protocol;
  /** Of the NLRI it came with; 0 for the protocol's main source. */
  readonly pathId: number;
}

/** How packets leave: BIRD's destination types, without multipath, which only the kernel's table has. */
export type Destination = 'router' | 'device' | 'blackhole' | 'unreachable' | 'prohibit';

/** The next hop resolves through a gateway route, whose distance nobody knows (shown as `?`). */
export const IGP_METRIC_UNKNOWN = 0x8000_0000;

/** Default preferences by protocol kind (BIRD). */
export const PREFERENCE: Readonly<Record<ProtocolKind, number>> = {
  direct: 240,
  device: 240,
  static: 200,
  bgp: 100,
  kernel: 10,
};

export interface Route {
  readonly prefix: Prefix;
  readonly source: RouteSource;
  readonly preference: number;
  readonly destination: Destination;
  readonly gateway?: Ipv4Address | undefined;
  readonly device?: string | undefined;
  /** Where a BGP route's next hop was found; `undefined` for routes that are not recursive. */
  readonly igpMetric?: number | undefined;
  readonly attributes?: PathAttributes | undefined;
  /** The route was learned from the kernel: its protocol there, and its metric. */
  readonly kernel?: { readonly protocol: string; readonly metric: number } | undefined;
  /** Somebody on its way marked it LLGR_STALE (RFC 9494): the last choice. Plain graceful restart does not show here. */
  readonly stale: boolean;
  /** When it last changed. Of a route that BGP brought `AdjRibIn.since` knows: the route itself is many daemons'. */
  readonly since?: VirtualTime;
}

/**
 * Keys of prefixes: small integers, which tables hold without a box. The daemons of one thread know the same prefixes,
 * so the numbers are the thread's; nothing may depend on which number a prefix has.
 */
const prefixes: Prefix[] = [];
/** By length, then by address. Signed, an address is a small integer of the engine. */
const keys: readonly Map<number, number>[] = Array.from({ length: 33 }, () => new Map<number, number>());

export function keyOf({ address, length }: Prefix): number {
  const ofLength = keys[length]!;
  let key = ofLength.get(address | 0);
  if (key === undefined) {
    key = prefixes.length;
    ofLength.set(address | 0, key);
    prefixes.push({ address, length });
  }
  return key;
}

/** The key of a prefix that has one; a prefix that nobody has a route to need not get one to be looked up. */
export const knownKey = (address: Ipv4Address, length: number): number | undefined =>
  keys[length]!.get(address | 0);

export const prefixOf = (key: number): Prefix => prefixes[key]!;

/** `column[key] = value`. A store far behind its end would make the engine take the array for a sparse one. */
export function put<T>(column: (T | undefined)[], key: number, value: T | undefined): void {
  while (column.length < key) column.push(undefined);
  column[key] = value;
}

/** Keys of single addresses, numbered by themselves: tables by prefix need no room for next hops. */
const hostKeys = new Map<number, number>();
const hosts: Ipv4Address[] = [];

export function hostKey(address: Ipv4Address): number {
  let key = hostKeys.get(address | 0);
  if (key === undefined) {
    key = hosts.length;
    hostKeys.set(address | 0, key);
    hosts.push(address);
  }
  return key;
}

export const hostOf = (key: number): Ipv4Address => hosts[key]!;

/** An order of prefixes that is the same whatever numbers they have. */
export const byPrefix = (a: Prefix, b: Prefix): number => a.address - b.address || a.length - b.length;

/** True when a packet that follows the route gets somewhere (BIRD's `rte_resolvable`). */
export const isReachable = (route: Route): boolean =>
  route.destination === 'router' || route.destination === 'device';

/** The two differ in nothing but their age. */
export function sameRoute(a: Route, b: Route): boolean {
  return (
    a.destination === b.destination &&
    a.gateway === b.gateway &&
    a.device === b.device &&
    a.preference === b.preference &&
    a.igpMetric === b.igpMetric &&
    a.stale === b.stale &&
    a.attributes === b.attributes && // interned
    a.kernel?.protocol === b.kernel?.protocol &&
    a.kernel?.metric === b.kernel?.metric
  );
}
