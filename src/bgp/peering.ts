/**
 * Everything the daemon keeps for one peer beside the session itself: what the peer said, and by which update
 * group it is told.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { RefreshSubtype } from '../wire/bgp/refresh.ts';
import type { AdjRibIn } from './adj-rib-in.ts';
import { attributesFor, type Recipient, refusal } from './advertise.ts';
import type { Encoding } from './advertisement.ts';
import { intern } from './attribute-table.ts';
import type { PeerConfig } from './config.ts';
import { ACCEPT, type Filter, REJECT } from './filter.ts';
import type { LocRib } from './loc-rib.ts';
import type { Batch } from './message-log.ts';
import type { KernelDevice } from './ports.ts';
import type { PeerIdentity, Protocol, Route } from './route.ts';
import type { Session } from './session.ts';
import { Shared } from './shared.ts';
import type { ProtocolSources } from './sources.ts';
import { Stats } from './stats.ts';
import type { Offer, UpdateGroup } from './update-group.ts';

/** What makes peers that are told the same of the same route; one object for all of them. */
export interface Audience {
  /** All that makes it; `undefined`: it is like no other. */
  readonly text: string | undefined;
}

const audiences = new Shared<Audience>();

function audienceOf({ identity, config, sourceAddress, device }: Recipient, encoding: Encoding): Audience {
  const { internal, rrClient, clusterId, localAs } = identity;
  const { nextHopSelf, nextHopKeep, defaultLocalPref, exportFilter } = config;
  // A filter without text is like no other.
  if (exportFilter !== undefined && exportFilter.text === undefined) return { text: undefined };
  const text = JSON.stringify([
    encoding.as4,
    encoding.addPath,
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
  return audiences.of(text, () => ({ text }));
}

export class Peering implements Recipient {
  readonly session: Session;
  /** Made from a listen range, not from a peer statement. */
  readonly dynamic: boolean;
  received: AdjRibIn;
  /** Whose state it has been told; `undefined` before it was told anything. */
  group: UpdateGroup | undefined;
  readonly stats = new Stats();
  /** End-of-RIB is owed after the next flush. */
  feeding = false;
  /** The peer asked for everything again. */
  repeating = false;
  /** It is among those that the outbox tells at the end of the instant. */
  isPending = false;
  device: string | undefined;
  /** Of its routes. */
  readonly sources: ProtocolSources;
  /** Nothing is sent until our own restart is over (RFC 4724 §4.1). */
  deferred = false;

  /** As of this session and of `#audienceConfig`. */
  #audience: Audience | undefined;
  #audienceConfig: PeerConfig | undefined;
  /** How many narrow changes the counters know of; see `count`. */
  #narrowCounted = 0;

  constructor(session: Session, sources: ProtocolSources, received: AdjRibIn, dynamic: boolean) {
    this.session = session;
    this.received = received;
    this.sources = sources;
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
  beginFeed(devices: readonly KernelDevice[]): void {
    const { multihop, remoteAddress } = this.config;
    const connected = devices.find(d => d.up && d.addresses.some(a => Prefix.contains(a, remoteAddress)));
    this.device = multihop === false ? connected?.name : undefined;
    this.#audience = undefined;
    this.feeding = true;
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

  get audience(): Audience {
    if (this.#audience === undefined || this.#audienceConfig !== this.config) {
      this.#audience = audienceOf(this, this.session.current!.sending);
      this.#audienceConfig = this.config;
    }
    return this.#audience;
  }

  /** Filter and attributes: what this peer, and all of its audience, are to hear of a route that another brought. */
  judge(route: Route): Offer {
    if (refusal(route, this) !== undefined) return 'refused';
    const { accept, changes } = this.exportFilter(route, {
      direction: 'export',
      protocol: this.protocol.name,
      peer: this.identity,
    });
    return accept ? intern(attributesFor(route, this, changes)) : 'filtered';
  }

  /** Bring the peer up to date with `group`, which is in line with the table; with the marks that belong around and behind it. */
  tell(group: UpdateGroup, table: LocRib, narrowChanges: number): void {
    // Who joins has been offered the whole table.
    if (this.group === undefined) this.#narrowCounted = narrowChanges;
    const updates = this.#updates(group, table);
    this.group = group;
    if (this.repeating) this.session.sendRefreshMark(RefreshSubtype.Begin);
    if (updates !== undefined) this.session.send(updates);
    if (this.repeating) this.session.sendRefreshMark(RefreshSubtype.End);
    if (this.feeding && (this.config.gracefulRestart ?? true)) this.session.sendEndOfRib();
    this.repeating = false;
    this.feeding = false;
  }

  #updates(group: UpdateGroup, table: LocRib): Batch | undefined {
    const { protocol, stats } = this;
    if (this.group === undefined) return group.join(protocol, table, stats);
    return this.group === group
      ? group.news(protocol, stats, this.repeating)
      : group.takeOver(protocol, this.group, table, stats, this.repeating);
  }

  /** Destinations the peer believes we reach. */
  get toldCount(): number {
    return this.group?.countFor(this.protocol) ?? 0;
  }

  /** It has been told of the net of that key. */
  isTold(key: number): boolean {
    return this.group !== undefined && this.group.toldTo(this.protocol, key).length > 0;
  }

  /** The session is over: what was told is forgotten. */
  reset(): void {
    this.feeding = false;
    this.repeating = false;
    this.deferred = false;
  }
}
