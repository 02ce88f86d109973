/**
 * From a route of the master table to what a BGP peer is told: who may hear it at all, and with which attributes
 * (RFC 4271 §5.1, RFC 4456, RFC 1997; where they leave a choice, BIRD 1.6's with `multihop` and `gateway recursive`).
 *
 * | route                  | to an internal peer                         | to an external peer                    |
 * |------------------------|---------------------------------------------|----------------------------------------|
 * | own, or of a device    | NEXT_HOP = session's source address         | the same                               |
 * | from the kernel, by gw | NEXT_HOP = that gateway                      | NEXT_HOP = source address              |
 * | internal BGP           | only by reflection, NEXT_HOP kept           | NEXT_HOP = source address, unless keep |
 * | external BGP           | NEXT_HOP kept, unless self                  | the same; MED dropped                  |
 *
 * A single-hop external peer is told the true next hop when it is on the peer's own network (RFC 4271 §5.1.3, case 2).
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { asPartial, Origin, type PathAttributes, prepend } from '../wire/bgp/attributes.ts';
import type { PeerConfig } from './config.ts';
import type { FilterChanges } from './filter.ts';
import type { PeerIdentity, Protocol, Route } from './route.ts';

/** Well-known communities (RFC 1997, RFC 9494). */
export const Community = {
  NoExport: 0xffff_ff01,
  NoAdvertise: 0xffff_ff02,
  NoExportSubconfed: 0xffff_ff03,
  LlgrStale: 0xffff_0006,
} as const;

const DEFAULT_LOCAL_PREF = 100;

/** The receiving side of an advertisement. */
export interface Recipient {
  readonly protocol: Protocol;
  readonly identity: PeerIdentity;
  readonly config: PeerConfig;
  /** Our end of the connection. */
  readonly sourceAddress: Ipv4Address;
  /** The device that connects us to the peer, on a single-hop session. */
  readonly device?: string | undefined;
}

const NONE: readonly number[] = [];

/**
 * Why the peer must not hear of this route, whatever the filter says; `undefined` when it may. That nobody is told of what
 * he brought himself is the update group's affair.
 */
export function refusal(route: Route, to: Recipient): string | undefined {
  const from = route.source.protocol.peer;
  if (from === undefined) return undefined;
  const communities = route.attributes?.communities ?? NONE;
  if (communities.includes(Community.NoAdvertise)) return 'NO_ADVERTISE';
  const external = !to.identity.internal;
  if (external && communities.includes(Community.NoExport)) return 'NO_EXPORT';
  if (external && communities.includes(Community.NoExportSubconfed)) return 'NO_EXPORT_SUBCONFED';
  if (from.internal && to.identity.internal) {
    if (!from.rrClient && !to.identity.rrClient) return 'internal route to an internal peer';
    if (route.attributes?.clusterList?.includes(to.identity.clusterId) && to.identity.rrClient)
      return 'cluster list loop';
  }
  return undefined;
}

/** The attributes an accepted route is advertised with, after the filter's changes. */
export function attributesFor(
  route: Route,
  to: Recipient,
  changes: FilterChanges | undefined,
): PathAttributes {
  const { identity, config } = to;
  const from = route.source.protocol.peer;
  const base: PathAttributes =
    from === undefined ? originated(route, to) : applied(forwarded(route, from, to), undefined);
  const changed = applied(base, changes);
  if (identity.internal) {
    const localPref = changed.localPref ?? config.defaultLocalPref ?? DEFAULT_LOCAL_PREF;
    return { ...changed, localPref };
  }
  const { localPref: _, originatorId: __, clusterList: ___, ...external } = changed;
  return { ...external, asPath: prepend(changed.asPath ?? [], identity.localAs) };
}

function originated(route: Route, to: Recipient): PathAttributes {
  const byGateway = route.destination === 'router' && route.gateway !== undefined;
  return {
    origin: Origin.Igp,
    asPath: [],
    nextHop: byGateway && keepsNextHop(route, to) ? route.gateway : to.sourceAddress,
  };
}

function keepsNextHop(route: Route, { identity, config, device }: Recipient): boolean {
  if (config.nextHopSelf) return false;
  return identity.internal || (device !== undefined && device === route.device);
}

function forwarded(route: Route, from: PeerIdentity, to: Recipient): PathAttributes {
  const { identity, config } = to;
  const attributes = route.attributes!;
  const keep = config.nextHopKeep || keepsNextHop(route, to);
  const { med, unknown, ...rest } = attributes;
  return {
    ...rest,
    ...(keep ? {} : { nextHop: to.sourceAddress }),
    // RFC 4271 §5.1.4: a neighbour's MED is not passed on to another AS.
    ...(med !== undefined && identity.internal ? { med } : {}),
    ...(unknown === undefined ? {} : { unknown: asPartial(unknown) }),
    ...(from.internal && identity.internal ? reflected(attributes, from, identity) : {}),
  };
}

/** RFC 4456 §8: who brought it in, and through which clusters it went. */
function reflected(attributes: PathAttributes, from: PeerIdentity, to: PeerIdentity): PathAttributes {
  const clusterId = to.rrClient ? to.clusterId : from.clusterId;
  const list = [clusterId, ...(attributes.clusterList ?? [])];
  // Two clusters of ours meet in this daemon: the route passes both.
  const both = from.rrClient && to.rrClient && from.clusterId !== to.clusterId;
  return {
    originatorId: attributes.originatorId ?? from.routerId,
    clusterList: both ? [to.clusterId, from.clusterId, ...list.slice(1)] : list,
  };
}

/** `attributes` after what a filter changed. */
export function applied(attributes: PathAttributes, changes: FilterChanges | undefined): PathAttributes {
  if (changes === undefined) return attributes;
  const out: { -readonly [K in keyof PathAttributes]: PathAttributes[K] } = { ...attributes };
  if (changes.localPref !== undefined) out.localPref = changes.localPref;
  if (changes.med !== undefined) out.med = changes.med;
  if (changes.nextHop !== undefined) out.nextHop = changes.nextHop;
  const kept = (out.communities ?? []).filter(c => !changes.removeCommunities?.includes(c));
  const communities = [...kept, ...(changes.addCommunities ?? []).filter(c => !kept.includes(c))];
  if (communities.length > 0) out.communities = communities;
  else delete out.communities;
  if (changes.addLargeCommunities !== undefined)
    out.largeCommunities = [...(out.largeCommunities ?? []), ...changes.addLargeCommunities];
  for (const as of [...(changes.prepend ?? [])].reverse()) out.asPath = prepend(out.asPath ?? [], as);
  return out;
}
