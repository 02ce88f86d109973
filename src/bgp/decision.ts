/**
 * Which of two routes to one prefix is better: a list of named steps, run until one tells (RFC 4271 §9.1.2.2, in the
 * order of BIRD 1.6's `rte_better` and `bgp_rte_better`).
 *
 * MED makes this less than an order: it is compared between routes of one neighbouring AS only, so that the best of
 * three can depend on who came first (RFC 4271 §9.1.2.2 c). BIRD without "deterministic med" lives with that; so do we.
 */
import { type AsSegment, pathLength } from '../wire/bgp/attributes.ts';
import { IGP_METRIC_UNKNOWN, isReachable, type ProtocolKind, type Route } from './route.ts';

/** Below 0: the first is better. */
type Comparison = (a: Route, b: Route) => number;

export interface Step {
  readonly name: string;
  readonly compare: Comparison;
}

/** Between protocols of equal preference BIRD asks where their descriptors are in memory: fixed, and without meaning. */
const PROTOCOL_RANK: Readonly<Record<ProtocolKind, number>> = {
  device: 0,
  direct: 1,
  static: 2,
  kernel: 3,
  bgp: 4,
};

const DEFAULT_LOCAL_PREF = 100;

const localPref = (r: Route): number => r.attributes?.localPref ?? DEFAULT_LOCAL_PREF;
const NO_PATH: readonly AsSegment[] = [];
const asPathLength = (r: Route): number => pathLength(r.attributes?.asPath ?? NO_PATH);
const origin = (r: Route): number => r.attributes?.origin ?? 0;
/** No MED counts as 0 (RFC 4271 §9.1.2.2 c, "the lowest possible value"). */
const med = (r: Route): number => r.attributes?.med ?? 0;
/** The neighbouring AS: the first of the path; a path of our own making has none. */
export const neighbourAs = (r: Route): number => r.attributes?.asPath?.[0]?.ases[0] ?? 0;
const isExternal = (r: Route): boolean => r.source.protocol.peer?.internal === false;
const igpMetric = (r: Route): number => r.igpMetric ?? IGP_METRIC_UNKNOWN;
/** A reflected route is told by who originated it (RFC 4456 §9). */
const routerId = (r: Route): number => r.attributes?.originatorId ?? r.source.protocol.peer?.routerId ?? 0;
const clusterListLength = (r: Route): number => r.attributes?.clusterList?.length ?? 0;
const peerAddress = (r: Route): number => r.source.protocol.peer?.remoteAddress ?? 0;

const isBgp = (r: Route): boolean => r.source.protocol.kind === 'bgp';
const high =
  (of: (r: Route) => number): Comparison =>
  (a, b) =>
    of(b) - of(a);
const low =
  (of: (r: Route) => number): Comparison =>
  (a, b) =>
    of(a) - of(b);

/** What any two routes are asked. */
const GENERAL: readonly Step[] = [
  { name: 'preference', compare: high(r => r.preference) },
  { name: 'protocol', compare: high(r => PROTOCOL_RANK[r.source.protocol.kind]) },
];

/** What two BGP routes of equal preference are asked until ECMP may take them for equal. */
const BGP_MERGEABLE: readonly Step[] = [
  { name: 'next-hop-resolvable', compare: low(r => (isReachable(r) ? 0 : 1)) },
  { name: 'not-stale', compare: low(r => (r.stale ? 1 : 0)) },
  { name: 'local-pref', compare: high(localPref) },
  { name: 'as-path-length', compare: low(asPathLength) },
  { name: 'origin', compare: low(origin) },
  { name: 'med', compare: (a, b) => (neighbourAs(a) === neighbourAs(b) ? med(a) - med(b) : 0) },
  { name: 'external-over-internal', compare: low(r => (isExternal(r) ? 0 : 1)) },
  { name: 'igp-metric', compare: low(igpMetric) },
];

const BGP_TIES: readonly Step[] = [
  { name: 'router-id', compare: low(routerId) },
  { name: 'cluster-list-length', compare: low(clusterListLength) },
  { name: 'peer-address', compare: low(peerAddress) },
];

const BGP_ALL: readonly Step[] = [...BGP_MERGEABLE, ...BGP_TIES];

/** All steps in order, for listings and tests. */
export const STEPS: readonly Step[] = [...GENERAL, ...BGP_ALL];

export interface Decision {
  /** Below 0: `a` is better; 0: nothing tells them apart, and the one that is best stays best. */
  readonly order: number;
  /** The step that told, or 'first-come'. */
  readonly because: string;
}

const TIE: Decision = { order: 0, because: 'first-come' };

function run(steps: readonly Step[], a: Route, b: Route): Decision {
  for (const { name, compare } of steps) {
    const order = compare(a, b);
    if (order !== 0) return { order, because: name };
  }
  return TIE;
}

/** Compare two routes to the same prefix. */
export function decide(a: Route, b: Route): Decision {
  const general = run(GENERAL, a, b);
  return general.order !== 0 || !isBgp(a) || !isBgp(b) ? general : run(BGP_ALL, a, b);
}

/** True when `b` may join `a` in one multipath route (BIRD's `merge paths`). */
export const isMergeable = (a: Route, b: Route): boolean =>
  isBgp(a) && isBgp(b) && run(GENERAL, a, b).order === 0 && run(BGP_MERGEABLE, a, b).order === 0;
