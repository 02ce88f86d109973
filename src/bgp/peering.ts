/**
 * Everything the daemon keeps for one peer beside the session itself: what the peer said, what it was told, and which
 * prefixes have changed since.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { RefreshSubtype } from '../wire/bgp/refresh.ts';
import { AdjRibIn } from './adj-rib-in.ts';
import { AdjRibOut, Advertisement } from './adj-rib-out.ts';
import { attributesFor, type Recipient, refusal } from './advertise.ts';
import { intern } from './attribute-table.ts';
import type { PeerConfig } from './config.ts';
import { ACCEPT, type Filter, REJECT } from './filter.ts';
import type { Net } from './loc-rib.ts';
import type { KernelDevice } from './ports.ts';
import type { PeerIdentity, Protocol, Route, RouteSource } from './route.ts';
import type { Session } from './session.ts';
import { Stats } from './stats.ts';

/** Peers that are told the same of the same route; one object for each of them. */
export type Audience = object;

const NO_ROUTES: readonly Route[] = [];

/** The audiences of one daemon, by what makes them (see `attributesFor`). */
export type Audiences = Map<string, Audience>;

/** What became of a route on its way to an audience. */
type Offer = Advertisement | 'refused' | 'filtered';

/** What was last made of a route, and for whom. */
const lastOffer = new WeakMap<
  Route,
  { readonly audience: Audience; readonly pathId: number; readonly offer: Offer }
>();

function audienceOf({ identity, config, sourceAddress, device }: Recipient, all: Audiences): Audience {
  const { internal, rrClient, clusterId, localAs } = identity;
  const { nextHopSelf, nextHopKeep, defaultLocalPref, exportFilter } = config;
  // A filter without text is like no other.
  if (exportFilter !== undefined && exportFilter.text === undefined) return config;
  const text = JSON.stringify([
    internal,
    rrClient,
    clusterId,
    localAs,
    nextHopSelf,
    nextHopKeep,
    defaultLocalPref,
    sourceAddress,
    device,
    exportFilter?.text,
  ]);
  let audience = all.get(text);
  if (audience === undefined) {
    audience = {};
    all.set(text, audience);
  }
  return audience;
}

export class Peering implements Recipient {
  readonly session: Session;
  /** Made from a listen range, not from a peer statement. */
  readonly dynamic: boolean;
  received = new AdjRibIn();
  told = new AdjRibOut();
  readonly stats = new Stats();
  /** Keys of prefixes to look at again. */
  readonly dirty = new Set<number>();
  /** End-of-RIB is owed after the next flush. */
  feeding = false;
  /** The peer asked for everything again. */
  repeating = false;
  device: string | undefined;
  /** Of paths without an identifier. */
  readonly source: RouteSource;
  /** Nothing is sent until our own restart is over (RFC 4724 §4.1). */
  deferred = false;

  readonly #audiences: Audiences;
  /** As of this session and of `#audienceConfig`. */
  #audience: Audience | undefined;
  #audienceConfig: PeerConfig | undefined;
  /** How many narrow changes the counters know of; see `count`. */
  #narrowCounted = 0;

  constructor(session: Session, source: RouteSource, dynamic: boolean, audiences: Audiences) {
    this.session = session;
    this.source = source;
    this.dynamic = dynamic;
    this.#audiences = audiences;
  }

  get protocol(): Protocol {
    return this.session.protocol;
  }

  get identity(): PeerIdentity {
    return this.session.identity;
  }

  get config(): PeerConfig {
    return this.session.config;
  }

  get sourceAddress(): Ipv4Address {
    return this.session.sourceAddress;
  }

  get importFilter(): Filter {
    return this.config.importFilter ?? ACCEPT;
  }

  get exportFilter(): Filter {
    return this.config.exportFilter ?? REJECT;
  }

  /** External routes, or reflected ones, may go to this peer: it must hear of changes others need not. */
  get isWide(): boolean {
    return !this.identity.internal || this.identity.rrClient;
  }

  /** The session is up: everything in the table is new to the peer. */
  beginFeed(nets: readonly Net[], narrowChanges: number, devices: readonly KernelDevice[]): void {
    const { multihop, remoteAddress } = this.config;
    const connected = devices.find(d => d.up && d.addresses.some(a => Prefix.contains(a, remoteAddress)));
    this.device = multihop === false ? connected?.name : undefined;
    this.#audience = undefined;
    this.feeding = true;
    this.#narrowCounted = narrowChanges;
    this.markAll(nets);
  }

  /**
   * Changes that cannot concern this peer are not offered to it one by one; BIRD counts them as offered and rejected.
   * `narrowChanges`: how many there were in all.
   */
  count(narrowChanges: number): void {
    if (this.session.established && !this.isWide) {
      this.stats.exportUpdates += narrowChanges - this.#narrowCounted;
      this.stats.exportRejected += narrowChanges - this.#narrowCounted;
    }
    this.#narrowCounted = narrowChanges;
  }

  /** Bring the Adj-RIB-Out in line with the table for one prefix. `mayOriginate` judges routes that are not BGP's. */
  advertise(key: number, net: Net | undefined, mayOriginate: (route: Route) => boolean): void {
    const addPath = this.session.negotiated!.addPathSend;
    const routes = net?.routes ?? NO_ROUTES;
    const candidates = addPath ? routes.length : Math.min(1, routes.length);
    const told = this.told.told(key);
    const offered: number[] = [];
    for (let i = 0; i < candidates; i++) {
      const route = routes[i]!;
      const pathId = addPath ? route.source.globalId : 0;
      const offer = this.#offer(route, pathId, mayOriginate);
      if (offer === undefined) continue;
      if (told.length > 0) offered.push(pathId);
      this.told.advertise(offer);
    }
    if (net === undefined) this.stats.exportWithdraws++;
    for (const { nlri } of told) {
      if (offered.includes(nlri.pathId)) continue;
      this.stats.exportWithdrawsAccepted++;
      this.told.withdraw(nlri);
    }
  }

  /** What the peer is to hear of a route, if anything. */
  #offer(route: Route, pathId: number, mayOriginate: (route: Route) => boolean): Advertisement | undefined {
    const { stats } = this;
    stats.exportUpdates++;
    const offer =
      route.source.protocol === this.protocol || !mayOriginate(route) ? 'refused' : this.#made(route, pathId);
    if (offer === 'refused') {
      stats.exportRejected++;
      return undefined;
    }
    if (offer === 'filtered') {
      stats.exportFiltered++;
      return undefined;
    }
    stats.exportAccepted++;
    return offer;
  }

  /** Filter and attributes. A reflector tells a thousand clients the same. */
  #made(route: Route, pathId: number): Offer {
    if (this.#audience === undefined || this.#audienceConfig !== this.config) {
      this.#audience = audienceOf(this, this.#audiences);
      this.#audienceConfig = this.config;
    }
    const last = lastOffer.get(route);
    if (last !== undefined && last.audience === this.#audience && last.pathId === pathId) return last.offer;
    const offer = this.#make(route, pathId);
    lastOffer.set(route, { audience: this.#audience, pathId, offer });
    return offer;
  }

  #make(route: Route, pathId: number): Offer {
    if (refusal(route, this) !== undefined) return 'refused';
    const { accept, changes } = this.exportFilter(route, {
      direction: 'export',
      protocol: this.protocol.name,
      peer: this.identity,
    });
    if (!accept) return 'filtered';
    return new Advertisement({ prefix: route.prefix, pathId }, intern(attributesFor(route, this, changes)));
  }

  /** Send what is pending, with the marks that belong around and behind it. */
  flush(): void {
    if (this.repeating) {
      this.told.repeat();
      this.session.sendRefreshMark(RefreshSubtype.Begin);
    }
    if (this.told.isPending) this.session.send(this.told.flush(this.session.current!.sending));
    if (this.repeating) this.session.sendRefreshMark(RefreshSubtype.End);
    if (this.feeding && (this.config.gracefulRestart ?? true)) this.session.sendEndOfRib();
    this.repeating = false;
    this.feeding = false;
  }

  /** The session is over: what was told is forgotten. */
  reset(): void {
    this.told = new AdjRibOut();
    this.dirty.clear();
    this.feeding = false;
    this.repeating = false;
    this.deferred = false;
  }

  markAll(nets: readonly Net[]): void {
    for (const { key } of nets) this.dirty.add(key);
  }
}
