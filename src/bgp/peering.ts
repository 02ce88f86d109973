/**
 * Everything the daemon keeps for one peer beside the session itself: what the peer said, what it was told, and which
 * prefixes have changed since.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import { RefreshSubtype } from '../wire/bgp/refresh.ts';
import { AdjRibIn } from './adj-rib-in.ts';
import { AdjRibOut } from './adj-rib-out.ts';
import { attributesFor, type Recipient, refusal } from './advertise.ts';
import { intern } from './attribute-table.ts';
import type { PeerConfig } from './config.ts';
import { ACCEPT, type Filter, type FilterChanges, REJECT } from './filter.ts';
import type { Net } from './loc-rib.ts';
import type { KernelDevice } from './ports.ts';
import { keyOf, type PeerIdentity, type Protocol, type Route } from './route.ts';
import type { Session } from './session.ts';
import { Stats } from './stats.ts';

/** What a route was last told with, and to which kind of peer. */
const lastTold = new WeakMap<Route, { readonly audience: string; readonly attributes: PathAttributes }>();

/** Peers of the same text are told the same of the same route (see `attributesFor`). */
const audience = ({ identity, config, sourceAddress, device }: Recipient): string => {
  const { internal, rrClient, clusterId, localAs } = identity;
  const { nextHopSelf, nextHopKeep, defaultLocalPref } = config;
  return JSON.stringify([
    internal,
    rrClient,
    clusterId,
    localAs,
    nextHopSelf,
    nextHopKeep,
    defaultLocalPref,
    sourceAddress,
    device,
  ]);
};

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
  /** Nothing is sent until our own restart is over (RFC 4724 §4.1). */
  deferred = false;

  /** As of this session. */
  #audience: string | undefined;
  /** How many narrow changes the counters know of; see `count`. */
  #narrowCounted = 0;

  constructor(session: Session, dynamic: boolean) {
    this.session = session;
    this.dynamic = dynamic;
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
  beginFeed(nets: Iterable<Net>, narrowChanges: number, devices: readonly KernelDevice[]): void {
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
    const candidates = net === undefined ? [] : addPath ? net.routes : net.routes.slice(0, 1);
    const wanted = new Set<number>();
    for (const route of candidates) {
      this.stats.exportUpdates++;
      if (refusal(route, this) !== undefined || !mayOriginate(route)) {
        this.stats.exportRejected++;
        continue;
      }
      const verdict = this.exportFilter(route, {
        direction: 'export',
        protocol: this.protocol.name,
        peer: this.identity,
      });
      if (!verdict.accept) {
        this.stats.exportFiltered++;
        continue;
      }
      this.stats.exportAccepted++;
      const pathId = addPath ? route.source.globalId : 0;
      wanted.add(pathId);
      this.told.advertise({ prefix: route.prefix, pathId }, this.#attributesFor(route, verdict.changes));
    }
    if (net === undefined) this.stats.exportWithdraws++;
    for (const { nlri } of this.told.told(key)) {
      if (wanted.has(nlri.pathId)) continue;
      this.stats.exportWithdrawsAccepted++;
      this.told.withdraw(nlri);
    }
  }

  /** A reflector tells a thousand clients the same. */
  #attributesFor(route: Route, changes: FilterChanges | undefined): PathAttributes {
    if (changes !== undefined) return intern(attributesFor(route, this, changes));
    this.#audience ??= audience(this);
    const last = lastTold.get(route);
    if (last?.audience === this.#audience) return last.attributes;
    const attributes = intern(attributesFor(route, this, undefined));
    lastTold.set(route, { audience: this.#audience, attributes });
    return attributes;
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

  markAll(nets: Iterable<Net>): void {
    for (const net of nets) this.dirty.add(keyOf(net.prefix));
  }
}
