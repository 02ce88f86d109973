/** From a received path to a route of the master table: loop checks, defaults, import filter (RFC 4271 §9.1.2, RFC 4456 §8). */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { ReceivedPath } from './adj-rib-in.ts';
import { applied, Community } from './advertise.ts';
import { intern } from './attribute-table.ts';
import type { PeerConfig } from './config.ts';
import type { Filter } from './filter.ts';
import { type PeerIdentity, PREFERENCE, type Route, type RouteSource } from './route.ts';

/** The side of a peering that imports. */
export interface Importer {
  readonly identity: PeerIdentity;
  readonly config: PeerConfig;
  readonly importFilter: Filter;
}

const DEFAULT_LOCAL_PREF = 100;

/** Why the path is not for us, or `undefined`. */
export function loop(
  attributes: PathAttributes,
  { identity, config }: Importer,
  routerId: Ipv4Address,
): string | undefined {
  const occurrences = (attributes.asPath ?? [])
    .flatMap(segment => segment.ases)
    .filter(as => as === identity.localAs).length;
  if (occurrences > (config.allowLocalAs ?? 0)) return 'AS path loop';
  if (!identity.internal) return undefined;
  if (attributes.originatorId === routerId) return 'ORIGINATOR_ID loop';
  if (identity.rrClient && attributes.clusterList?.includes(identity.clusterId)) return 'CLUSTER_LIST loop';
  return undefined;
}

/**
 * The route that enters the table, its next hop not yet resolved; or 'filtered', or the loop that was found.
 * A path without LOCAL_PREF gets the default, as every external one (BIRD).
 */
export function importedRoute(
  path: ReceivedPath,
  source: RouteSource,
  from: Importer,
  routerId: Ipv4Address,
): Omit<Route, 'since'> | string {
  const looped = loop(path.attributes, from, routerId);
  if (looped !== undefined) return looped;
  const { localPref } = path.attributes;
  const attributes =
    localPref === undefined
      ? intern({ ...path.attributes, localPref: from.config.defaultLocalPref ?? DEFAULT_LOCAL_PREF })
      : path.attributes;
  const route: Omit<Route, 'since'> = {
    prefix: path.prefix,
    source,
    preference: PREFERENCE.bgp,
    destination: 'unreachable',
    attributes,
    stale: attributes.communities?.includes(Community.LlgrStale) ?? false,
  };
  const { accept, changes } = from.importFilter(
    { ...route, since: 0 },
    { direction: 'import', protocol: source.protocol.name, peer: from.identity },
  );
  if (!accept) return 'filtered';
  if (changes === undefined) return route;
  return {
    ...route,
    preference: changes.preference ?? route.preference,
    attributes: intern(applied(attributes, changes)),
  };
}
