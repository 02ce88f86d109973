/** From a received path to a route of the master table: loop checks, defaults, import filter (RFC 4271 §9.1.2, RFC 4456 §8). */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { ReceivedPath } from './adj-rib-in.ts';
import { applied, Community } from './advertise.ts';
import { intern } from './attribute-table.ts';
import { BgpRoute, type ImportedPath, NO_NEXT_HOP } from './bgp-route.ts';
import type { PeerConfig } from './config.ts';
import { ACCEPT, type Filter } from './filter.ts';
import { UNRESOLVED } from './next-hop.ts';
import { hostKey, type PeerIdentity, PREFERENCE, type Protocol } from './route.ts';

/** The side of a peering that imports. */
export interface Importer {
  readonly protocol: Protocol;
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
  let occurrences = 0;
  for (const { ases } of attributes.asPath ?? [])
    for (const as of ases) if (as === identity.localAs) occurrences++;
  if (occurrences > (config.allowLocalAs ?? 0)) return 'AS path loop';
  if (!identity.internal) return undefined;
  if (attributes.originatorId === routerId) return 'ORIGINATOR_ID loop';
  if (identity.rrClient && attributes.clusterList?.includes(identity.clusterId)) return 'CLUSTER_LIST loop';
  return undefined;
}

const nextHopKey = ({ nextHop }: PathAttributes): number =>
  nextHop === undefined ? NO_NEXT_HOP : hostKey(nextHop);

const NO_ROUTES: readonly BgpRoute[] = [];

const imported = (
  { prefix, key, pathId }: ReceivedPath,
  preference: number,
  attributes: PathAttributes,
): ImportedPath => ({
  prefix,
  key,
  pathId,
  preference,
  attributes,
  nextHopKey: nextHopKey(attributes),
  stale: attributes.communities?.includes(Community.LlgrStale) ?? false,
  routes: NO_ROUTES,
});

/** A path without LOCAL_PREF gets the default, as every external one (BIRD). */
function withLocalPref(path: ReceivedPath, { config }: Importer): ImportedPath {
  const { attributes } = path;
  if (attributes.localPref === undefined) {
    const localPref = config.defaultLocalPref ?? DEFAULT_LOCAL_PREF;
    return imported(path, PREFERENCE.bgp, intern({ ...attributes, localPref }));
  }
  path.unchanged ??= imported(path, PREFERENCE.bgp, attributes);
  return path.unchanged;
}

/** The path as it enters the table, its next hop not yet resolved; or 'filtered', or the loop that was found. */
export function importedPath(
  path: ReceivedPath,
  from: Importer,
  routerId: Ipv4Address,
): ImportedPath | string {
  const looped = loop(path.attributes, from, routerId);
  if (looped !== undefined) return looped;
  const plain = withLocalPref(path, from);
  if (from.importFilter === ACCEPT) return plain;
  const { accept, changes } = from.importFilter(new BgpRoute(plain, from.protocol, UNRESOLVED), {
    direction: 'import',
    protocol: from.protocol.name,
    peer: from.identity,
  });
  if (!accept) return 'filtered';
  if (changes === undefined) return plain;
  const attributes = intern(applied(plain.attributes, changes));
  const preference = changes.preference ?? plain.preference;
  return { ...plain, preference, attributes, nextHopKey: nextHopKey(attributes), routes: NO_ROUTES };
}
