/** A speaker's configuration: plain data and filter functions. What is left out has the value Calico's template gives it. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import { type Filter, isSame } from './filter.ts';

export interface PeerConfig {
  /** The protocol's name: `Mesh_192_168_10_101`. Unique. */
  readonly name: string;
  readonly description?: string | undefined;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort?: number | undefined;
  /** A number, or "any of my own" and "any but my own" for a router's peer groups. */
  readonly remoteAs: number | 'internal' | 'external';
  /** Instead of the speaker's own number, on this session. */
  readonly localAs?: number | undefined;
  /** Our end of the connection, and the NEXT_HOP of our own routes; 0 leaves it to the connection. */
  readonly sourceAddress: Ipv4Address;
  /** Wait for the peer to connect. */
  readonly passive?: boolean | undefined;
  /** Default: true (Calico's template, and BIRD for internal peers). */
  readonly multihop?: boolean | undefined;
  readonly rrClient?: boolean | undefined;
  /** Default: the router id. */
  readonly rrClusterId?: Ipv4Address | undefined;
  readonly nextHopSelf?: boolean | undefined;
  readonly nextHopKeep?: boolean | undefined;
  /** How often our own AS may be in a received path; default 0. */
  readonly allowLocalAs?: number | undefined;
  /** Offer additional paths both ways; default true. */
  readonly addPaths?: boolean | undefined;
  /** Default true. */
  readonly gracefulRestart?: boolean | undefined;
  readonly gracefulRestartTimeSec?: number | undefined;
  readonly holdTimeSec?: number | undefined;
  readonly keepaliveTimeSec?: number | undefined;
  readonly connectDelaySec?: number | undefined;
  readonly connectRetrySec?: number | undefined;
  readonly errorWaitMinSec?: number | undefined;
  readonly errorWaitMaxSec?: number | undefined;
  readonly defaultLocalPref?: number | undefined;
  readonly importFilter?: Filter | undefined;
  readonly exportFilter?: Filter | undefined;
}

export interface KernelConfig {
  readonly scanTimeSec?: number | undefined;
  /** Import routes that others put into the kernel. */
  readonly learn?: boolean | undefined;
  /** Leave our routes there when the daemon stops. */
  readonly persist?: boolean | undefined;
  /** The `proto` our routes carry: 'bird', or 'bgp' for a router. */
  readonly protocolName?: string | undefined;
  /** Metric of our routes where the filter sets none: 0 for BIRD 1.6, 20 for FRR. */
  readonly metric?: number | undefined;
  /** Default: nothing is exported (BIRD). */
  readonly exportFilter?: Filter | undefined;
  /** Equal paths become one route with several next hops. */
  readonly mergePaths?: boolean | undefined;
}

/** FRR's `bgp listen range`: who connects from inside `range` becomes a peer made from `template`. */
export interface DynamicNeighbours {
  readonly range: Prefix;
  readonly remoteAs: number | 'internal' | 'external';
  readonly template: Omit<PeerConfig, 'name' | 'remoteAddress' | 'remoteAs' | 'passive'>;
}

export interface SpeakerConfig {
  readonly routerId: Ipv4Address;
  readonly localAs: number;
  /** Default 179. */
  readonly listenPort?: number | undefined;
  /** `listen bgp address`: connections to another address of the machine are refused. Default: any. */
  readonly listenAddress?: Ipv4Address | undefined;
  /** What `birdcl` calls the program; default Calico's fork. */
  readonly version?: string | undefined;
  /** Start as `bird -R`: the kernel is left alone until every peer has said End-of-RIB, or for 240 s. */
  readonly gracefulRestartRecovery?: boolean | undefined;
  readonly kernel: KernelConfig;
  /** Static blackhole routes: this node's blocks, service addresses. */
  readonly staticBlackholes?: readonly Prefix[] | undefined;
  /** Static routes by gateway (`reachableBy`). */
  readonly staticRoutes?: readonly { readonly prefix: Prefix; readonly via: Ipv4Address }[] | undefined;
  /**
   * Interface patterns of the direct protocol, the first match counts: a leading `-` excludes, `*` is any text.
   * Default: `-cali*`, `-kube-ipvs*`, `*`.
   */
  readonly directInterfaces?: readonly string[] | undefined;
  readonly peers: readonly PeerConfig[];
  /** A router's `network` statements: of the routes that are not BGP's, only these are advertised. */
  readonly networks?: readonly Prefix[] | undefined;
  /** How many equal paths a merged route may have; default 16. */
  readonly maximumPaths?: number | undefined;
  readonly dynamicNeighbours?: readonly DynamicNeighbours[] | undefined;
}

/** The two configurations put the same routes into the kernel. */
export function sameKernelExport(a: SpeakerConfig, b: SpeakerConfig): boolean {
  const bare = ({ kernel: { exportFilter: _, ...rest }, maximumPaths }: SpeakerConfig): string =>
    JSON.stringify([rest, maximumPaths]);
  return isSame(a.kernel.exportFilter, b.kernel.exportFilter) && bare(a) === bare(b);
}

/** What can change without a new session. */
const APART: readonly string[] = ['importFilter', 'exportFilter', 'description'];

/** The two configurations make the same session; filters and description may differ. */
export function sameSession(a: PeerConfig, b: PeerConfig): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof PeerConfig>;
  for (const key of keys) if (!APART.includes(key) && a[key] !== b[key]) return false;
  return true;
}
