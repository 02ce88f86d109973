/**
 * The routing daemon of one node: BIRD with the protocols static, kernel, device, direct and BGP around one table.
 *
 *     static   direct   kernel (learn)   BGP peers
 *        \        |          |          /  import filters, loop checks, recursive next hops
 *         +-------+--- LocRib ---------+
 *                 |          \
 *      kernel export filter   \  export filters, reflection, NEXT_HOP rules
 *         KernelSync           UpdateGroup of the peers that are told the same
 *
 * Changes are collected during an instant and settled at its end: next hops first, then the kernel, then the peers.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { RefreshSubtype, type RouteRefreshMessage } from '../wire/bgp/refresh.ts';
import { isTreatedAsWithdraw, type Nlri, type UpdateMessage } from '../wire/bgp/update.ts';
import { AdjRibIn, announced, type ReceivedPath } from './adj-rib-in.ts';
import { BgpRoute } from './bgp-route.ts';
import { type PeerConfig, type SpeakerConfig, sameKernelExport, sameSession } from './config.ts';
import { isSame } from './filter.ts';
import { importedPath } from './import.ts';
import { type KernelExport, kernelExport } from './kernel-export.ts';
import { KernelSync, type KernelSyncOwner } from './kernel-sync.ts';
import { KeySet } from './key-set.ts';
import { BestChange, type LocRib } from './loc-rib.ts';
import { LocalProtocols } from './local-protocols.ts';
import { MasterTable } from './master-table.ts';
import type { Net } from './net.ts';
import { Numbering } from './numbering.ts';
import { Outbox } from './outbox.ts';
import { Peering } from './peering.ts';
import type { KernelRoute, SpeakerPorts, Stream, StreamEvents } from './ports.ts';
import type { Protocol, Route } from './route.ts';
import {
  AdministrativeShutdown,
  OtherConfigurationChange,
  PeerDeconfigured,
  Session,
  type SessionOwner,
} from './session.ts';

const BGP_PORT = 179;
/** BIRD's listening socket: precedence as on its connections, and the TTL that GTSM would want in its SYN-ACKs. */
const LISTENING = { tos: 0xc0, synAckTtl: 255 } as const;
/** How long a restarting daemon waits for its peers (BIRD's `graceful restart wait`). */
const RECOVERY_WAIT_SEC = 240;

export class Speaker implements SessionOwner, KernelSyncOwner {
  readonly ports: SpeakerPorts;
  config: SpeakerConfig;
  readonly peerings = new Map<string, Peering>();
  readonly local: LocalProtocols;
  running = false;
  startedAt: VirtualTime = 0;
  configuredAt: VirtualTime = 0;
  /** When a route, a session or the kernel last changed because of this daemon. */
  lastChange: VirtualTime = 0;
  recovering = false;
  /** Changes of internal routes, which plain internal peers are not asked about. */
  narrowChanges = 0;
  readonly #numbers = new Numbering();
  readonly #master: MasterTable;
  readonly #kernel: KernelSync;
  #export: KernelExport;
  readonly #settle: Timer;
  readonly #recovery: Timer;
  readonly #netlink: Timer;
  /** Sessions whose End-of-RIB the recovery still waits for. */
  readonly #awaited = new Set<Session>();
  readonly #byAddress = new Map<Ipv4.Ipv4Address, Peering>();
  readonly #outbox = new Outbox(this.peerings, source => this.#master.sources.globalId(source));
  #releaseKernel = false;
  /** Prefixes the kernel must hear of. */
  readonly #kernelDirty = new KeySet();
  #stopListening: (() => void) | undefined;

  constructor(config: SpeakerConfig, ports: SpeakerPorts) {
    this.config = config;
    this.ports = ports;
    this.#master = new MasterTable(ports.clock, this.#numbers, (net, removed, added, was) =>
      this.#changed(net, removed, added, was),
    );
    this.local = new LocalProtocols(this.#master);
    this.#export = kernelExport(config);
    this.recovering = config.gracefulRestartRecovery ?? false;
    this.#kernel = new KernelSync(config.kernel, this, this.recovering, this.#numbers);
    this.#settle = ports.clock.timer(() => this.#settleNow());
    this.#recovery = ports.clock.timer(() => this.#recovered());
    this.#netlink = ports.clock.timer(() => this.#kernel.look());
  }

  /** The master table. */
  get table(): LocRib {
    return this.#master.rib;
  }

  get routerId(): Ipv4.Ipv4Address {
    return this.config.routerId;
  }

  get localAs(): number {
    return this.config.localAs;
  }

  get awaitedPeers(): number {
    return this.#awaited.size;
  }

  /** Seconds the recovery may still take. */
  get recoveryRemainingSec(): number {
    return this.#recovery.armed ? Math.ceil((this.#recovery.deadline - this.ports.clock.now) / SECOND) : 0;
  }

  get kernelRouteCount(): number {
    return this.#kernel.desiredCount;
  }

  /** The kernel was told of a route to this prefix. */
  isInKernel(prefix: Prefix.Prefix): boolean {
    return this.#kernel.isDesired(prefix);
  }

  /** The kernel refused this prefix: a foreign route stands there. */
  isKernelRefused(prefix: Prefix.Prefix): boolean {
    return this.#kernel.isRefused(prefix);
  }

  start(): void {
    const { clock, streams } = this.ports;
    this.running = true;
    this.startedAt = clock.now;
    this.configuredAt = clock.now;
    const { listenPort = BGP_PORT, listenAddress } = this.config;
    // Where it listens is settled here: BIRD 1.6 asks for a restart when a new configuration says otherwise.
    const options = listenAddress === undefined ? LISTENING : { ...LISTENING, localAddress: listenAddress };
    this.#stopListening = streams.listen(listenPort, stream => this.#accept(stream), options);
    this.scanned();
    this.#kernel.start();
    for (const peer of this.config.peers) this.#addPeer(peer, false);
    if (!this.recovering) return;
    if (this.#awaited.size === 0) this.#recovered();
    else this.#recovery.arm(clock.now + RECOVERY_WAIT_SEC * SECOND);
  }

  /**
   * End the daemon. 'shutdown' tells the peers (SIGTERM); 'kill' tells nobody: the kernel closes its sockets.
   * With `persist` its routes stay in the kernel either way.
   */
  stop(how: 'shutdown' | 'kill'): void {
    this.running = false;
    for (const { session } of this.peerings.values()) {
      if (how === 'kill') session.kill();
      else session.shutdown(AdministrativeShutdown);
    }
    this.#kernel.stop(how === 'kill' || (this.config.kernel.persist ?? true));
    this.#settle.cancel();
    this.#recovery.cancel();
    this.#netlink.cancel();
    this.#stopListening?.();
  }

  /** Soft reconfiguration: what did not change goes on, sessions above all. */
  configure(config: SpeakerConfig): void {
    const was = this.config;
    this.config = config;
    this.configuredAt = this.ports.clock.now;
    const identityChanged = was.routerId !== config.routerId || was.localAs !== config.localAs;
    const wanted = new Map(config.peers.map(peer => [peer.name, peer]));
    for (const peering of [...this.peerings.values()]) {
      const peer = peering.dynamic ? peering.config : wanted.get(peering.config.name);
      const ranged = config.dynamicNeighbours?.some(d =>
        Prefix.contains(d.range, peering.config.remoteAddress),
      );
      if (peer === undefined || (peering.dynamic && !ranged)) this.#removePeer(peering, PeerDeconfigured);
      else if (identityChanged || !sameSession(peering.config, peer))
        this.#removePeer(peering, OtherConfigurationChange);
      else this.#refilter(peering, peer);
    }
    for (const peer of config.peers) if (!this.peerings.has(peer.name)) this.#addPeer(peer, false);
    this.#sortPeerings();
    this.#kernel.configure(config.kernel);
    this.#export = kernelExport(config);
    if (!sameKernelExport(was, config)) for (const { key } of this.table.list()) this.#kernelDirty.add(key);
    if (JSON.stringify(was.networks) !== JSON.stringify(config.networks))
      for (const { key } of this.table.list()) this.#outbox.changed(key, false);
    this.scanned();
    this.#settleSoon();
  }

  /** The kernel says that devices or routes changed (netlink): look at the end of this instant, not at the next scan. */
  netlink(): void {
    if (this.running && !this.#netlink.armed) this.#netlink.arm(this.ports.clock.now);
  }

  /** Every expected session is up, both End-of-RIBs are through, and nothing is waiting to be done. */
  converged(): boolean {
    if (!this.running || this.recovering || this.#settle.armed) return false;
    for (const { session, dynamic } of this.peerings.values()) {
      if (!session.established) {
        if (dynamic) continue;
        return false;
      }
      const heard = session.endOfRibReceived || !session.negotiated!.restartAware;
      const said = session.endOfRibSent || session.config.gracefulRestart === false;
      if (!heard || !said) return false;
    }
    return true;
  }

  /** When a route of the table last changed. */
  since(route: Route): VirtualTime {
    if (!(route instanceof BgpRoute)) return route.since ?? this.startedAt;
    return this.peerings.get(route.source.protocol.name)!.received.since(route.path);
  }

  // Sessions.

  identified(session: Session, was: Protocol): void {
    const peering = this.#peering(session);
    for (const path of peering.received.paths()) {
      this.#master.remove(path.prefix, { protocol: was, pathId: path.pathId });
      this.#import(peering, path);
    }
  }

  up(session: Session): void {
    const peering = this.#peering(session);
    const negotiated = session.negotiated!;
    const peerReady = negotiated.restartAware && !negotiated.restarting;
    // RFC 4724 §4.1: a restarting speaker defers its own advertisements, but two that restart do not wait for each other.
    if (this.recovering && !peerReady) this.#unlock(session);
    peering.deferred = this.recovering && peerReady;
    this.#outbox.open(peering);
    peering.beginFeed(this.ports.kernel.devices());
    this.#settleSoon();
  }

  updated(session: Session, update: UpdateMessage): void {
    const peering = this.#peering(session);
    for (const nlri of update.withdrawn) this.#withdrawn(peering, nlri);
    if (update.reachable.length === 0) return;
    if (isTreatedAsWithdraw(update)) {
      for (const nlri of update.reachable) this.#withdrawn(peering, nlri);
      return;
    }
    for (const path of announced(update)) {
      peering.stats.importUpdates++;
      peering.received.replace(path);
      this.#import(peering, path);
    }
  }

  endOfRib(session: Session): void {
    this.#unlock(session);
  }

  refreshed(session: Session, message: RouteRefreshMessage): void {
    const peering = this.#peering(session);
    if (message.subtype === RefreshSubtype.Begin) peering.received.markStale();
    else if (message.subtype === RefreshSubtype.End) this.sweep(session);
    else if (message.subtype === RefreshSubtype.Request) {
      peering.repeating = true;
      this.#schedule(peering);
    }
  }

  stale(session: Session): void {
    const peering = this.#peering(session);
    peering.received.markStale();
    this.#forget(peering);
  }

  sweep(session: Session): void {
    const peering = this.#peering(session);
    for (const path of peering.received.stalePaths()) this.#withdrawn(peering, path);
  }

  down(session: Session): void {
    const peering = this.#peering(session);
    this.#unlock(session);
    for (const path of peering.received.paths()) this.#withdrawn(peering, path);
    peering.received = new AdjRibIn(this.#numbers);
    this.#forget(peering);
  }

  changed(_session: Session): void {
    this.lastChange = this.ports.clock.now;
  }

  #peering(session: Session): Peering {
    return this.peerings.get(session.config.name)!;
  }

  /** Nothing more is to be told: the session is gone. */
  #forget(peering: Peering): void {
    peering.reset();
    this.#outbox.close(peering);
  }

  #schedule(peering: Peering): void {
    this.#outbox.schedule(peering);
    this.#settleSoon();
  }

  #addPeer(config: PeerConfig, dynamic: boolean): Peering {
    if (this.peerings.has(config.name)) throw new Error(`two BGP protocols named ${config.name}`);
    const session = new Session(config, this);
    const received = new AdjRibIn(this.#numbers);
    const peering = new Peering(session, this.#master.sources.of(config.name), received, dynamic);
    this.peerings.set(config.name, peering);
    this.#byAddress.set(config.remoteAddress, peering);
    if (this.recovering && (config.gracefulRestart ?? true)) this.#awaited.add(session);
    session.start();
    return peering;
  }

  #removePeer(peering: Peering, cease: number): void {
    peering.session.shutdown(cease);
    this.down(peering.session);
    this.peerings.delete(peering.config.name);
    this.#byAddress.delete(peering.config.remoteAddress);
    this.#master.sources.release(peering.config.name);
  }

  /** Listings follow the configuration; who came by a range comes behind. */
  #sortPeerings(): void {
    const all = new Map(this.peerings);
    this.peerings.clear();
    for (const { name } of this.config.peers) this.peerings.set(name, all.get(name)!);
    for (const [name, peering] of all) if (peering.dynamic) this.peerings.set(name, peering);
  }

  /** Only filters can differ: run them again, without touching the session. */
  #refilter(peering: Peering, config: PeerConfig): void {
    const { importFilter, exportFilter } = peering.config;
    peering.session.config = config;
    if (!peering.session.established) return;
    if (!isSame(exportFilter, config.exportFilter)) this.#schedule(peering);
    if (isSame(importFilter, config.importFilter) || peering.session.requestRefresh()) return;
    for (const path of peering.received.paths()) this.#import(peering, path);
  }

  #accept(stream: Stream): StreamEvents | undefined {
    const known = this.#byAddress.get(stream.remoteAddress);
    if (known !== undefined) return known.session.accept(stream);
    const range = this.config.dynamicNeighbours?.find(d => Prefix.contains(d.range, stream.remoteAddress));
    if (range === undefined) return undefined;
    const peer: PeerConfig = {
      ...range.template,
      name: `*${Ipv4.format(stream.remoteAddress)}`,
      remoteAddress: stream.remoteAddress,
      remoteAs: range.remoteAs,
      passive: true,
    };
    return this.#addPeer(peer, true).session.accept(stream);
  }

  #unlock(session: Session): void {
    if (this.#awaited.delete(session) && this.#awaited.size === 0 && this.recovering) this.#recovered();
  }

  #recovered(): void {
    this.recovering = false;
    this.#recovery.cancel();
    this.#awaited.clear();
    for (const peering of this.peerings.values()) {
      if (!peering.deferred) continue;
      peering.deferred = false;
      this.#schedule(peering);
    }
    this.#releaseKernel = true;
    this.#settleSoon();
  }

  // Routes in.

  #withdrawn(peering: Peering, nlri: Nlri): void {
    const path = peering.received.remove(nlri);
    peering.stats.importWithdraws++;
    if (path === undefined) {
      peering.stats.importWithdrawsIgnored++;
      return;
    }
    peering.stats.importWithdrawsAccepted++;
    this.#master.remove(nlri.prefix, { protocol: peering.protocol, pathId: nlri.pathId });
  }

  #import(peering: Peering, path: ReceivedPath): void {
    const { stats, protocol } = peering;
    // BIRD numbers a source when it first hears of it.
    peering.sources.globalId(path.pathId);
    const verdict = importedPath(path, peering, this.routerId);
    if (typeof verdict === 'string') {
      if (verdict === 'filtered') stats.importFiltered++;
      else stats.importRejected++;
      this.#master.remove(path.prefix, { protocol, pathId: path.pathId });
    } else if (this.#master.enterPath(verdict, protocol)) {
      stats.importAccepted++;
      peering.received.touch(path, this.ports.clock.now);
    } else stats.importIgnored++;
  }

  learned(prefix: Prefix.Prefix, route: KernelRoute | undefined): void {
    this.local.learned(prefix, route);
  }

  scanned(): void {
    this.local.update(this.config, this.ports.kernel.devices());
  }

  wrote(): void {
    this.lastChange = this.ports.clock.now;
  }

  // Routes out.

  #changed(net: Net, removed: Route | undefined, added: Route | undefined, was: Route | undefined): void {
    const { clock, report } = this.ports;
    this.lastChange = clock.now;
    const { key } = net;
    const is = net.routes[0];
    if (was !== is) report(new BestChange(net, was));
    this.#kernelDirty.add(key);
    // An internal route goes to external peers and reflection clients only: a full mesh must not be asked a thousand times.
    const narrow = staysInside(removed) && staysInside(added) && staysInside(was) && staysInside(is);
    if (narrow && added !== undefined) this.narrowChanges++;
    this.#outbox.changed(key, narrow);
    this.#settleSoon();
  }

  #settleSoon(): void {
    if (!this.#settle.armed) this.#settle.arm(this.ports.clock.now);
  }

  /** End of the instant: next hops, kernel, peers. */
  #settleNow(): void {
    for (const { path, source } of this.#master.settle())
      this.peerings.get(source.protocol.name)!.received.touch(path, this.ports.clock.now);
    for (const key of this.#kernelDirty) this.#exportToKernel(key);
    this.#kernelDirty.clear();
    if (this.#releaseKernel) this.#kernel.release();
    this.#releaseKernel = false;
    this.#outbox.settle(this.table, this.#mayOriginate, this.narrowChanges);
  }

  readonly #mayOriginate = (route: Route): boolean =>
    route.source.protocol.kind === 'bgp' ||
    (this.config.networks?.some(network => Prefix.equal(network, route.prefix)) ?? true);

  #exportToKernel(key: number): void {
    const net = this.table.net(key);
    const { stats } = this.local.kernel;
    const exported = net === undefined ? undefined : this.#export.verdict(net, this.#hasDevice);
    if (exported === undefined) stats.exportWithdraws++;
    else stats.exportUpdates++;
    if (exported === 'rejected') stats.exportRejected++;
    else if (exported === 'filtered') stats.exportFiltered++;
    else if (exported !== undefined) stats.exportAccepted++;
    this.#kernel.set(key, typeof exported === 'object' ? exported : undefined);
  }

  readonly #hasDevice = (name: string): boolean => this.ports.kernel.hasDevice(name);
}

/** Nobody but an external peer or a reflection client can care about this route. */
const staysInside = (route: Route | undefined): boolean => {
  const peer = route?.source.protocol.peer;
  return route === undefined || (peer?.internal === true && !peer.rrClient);
};
