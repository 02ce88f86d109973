/**
 * BIRD on a Kubernetes node, and confd beside it: the datastore's resources become the speaker's configuration a moment
 * after they have changed.
 *
 *   watch ──> confd (renders, checks, sends SIGHUP: tens of milliseconds) ──> Speaker.configure ──> kernel, peers
 */
import * as Prefix from '../addr/prefix.ts';
import { type CalicoPool, calicoExportToBgpPeers, calicoKernelProgramming } from '../bgp/calico-filters.ts';
import type { PeerConfig, SpeakerConfig } from '../bgp/config.ts';
import type { SpeakerPorts } from '../bgp/ports.ts';
import { Speaker } from '../bgp/speaker.ts';
import { type BgpInputs, type BirdConfig, type BirdPeer, birdConfig } from '../calico/bgp-config.ts';
import { speakersOf } from '../calico/bgp-peers.ts';
import { renderBirdFiles } from '../calico/bird-cfg.ts';
import type { Kind, Resource } from '../calico/resources/kinds.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Random } from '../sim/random.ts';
import { MILLISECOND, SECOND, type Timer } from '../sim/time.ts';
import { filterRules } from './bgp-filter.ts';
import type { ResourceCache } from './resource-cache.ts';

/** How long confd takes from an event to `sv hup bird`. */
const CONFD_LEAST = 20 * MILLISECOND;
const CONFD_MOST = 120 * MILLISECOND;
const RUNSV_DELAY = SECOND;
/** What confd's templates are made from. */
const WATCHED: readonly Kind[] = [
  'Node',
  'IPPool',
  'BlockAffinity',
  'BGPConfiguration',
  'BGPPeer',
  'BGPFilter',
];

export class BirdDaemon {
  speaker: Speaker | undefined;
  readonly #node: string;
  readonly #cache: ResourceCache;
  readonly #ports: SpeakerPorts;
  readonly #random: Random;
  readonly #confd: Timer;
  readonly #event: (text: string) => void;
  #config: BirdConfig | undefined;
  /** What the running configuration was made from; the same text again is no reconfiguration. */
  #rendered = '';
  /** And the listings that the text was made from. */
  #inputs: BgpInputs | undefined;
  #isDown = false;
  readonly #runsv: Timer;

  /** `event` takes lines for those who trace events. */
  constructor(
    node: string,
    cache: ResourceCache,
    ports: SpeakerPorts,
    random: Random,
    event: (text: string) => void,
  ) {
    this.#event = event;
    this.#node = node;
    this.#cache = cache;
    this.#ports = ports;
    this.#random = random;
    this.#confd = ports.clock.timer(() => this.#render());
    this.#runsv = ports.clock.timer(() => this.#up());
  }

  static watches({ kind }: Resource): boolean {
    return WATCHED.includes(kind);
  }

  /** The datastore has changed. */
  changed(): void {
    if (this.#confd.armed) return;
    const delay = CONFD_LEAST + this.#random.below(CONFD_MOST - CONFD_LEAST);
    this.#confd.arm(this.#ports.clock.now + delay);
  }

  /** Devices or routes of the node have changed (netlink). */
  netlink(): void {
    this.speaker?.netlink();
  }

  /** True while confd has not yet told BIRD of the latest change. */
  get pending(): boolean {
    return this.#confd.armed;
  }

  /** What `sv` does to the service: BIRD ends and stays down, ends and is started again, or is started. */
  control(action: 'down' | 'up' | 'restart' | 'kill'): void {
    if (action === 'up') this.#up();
    else {
      this.#end(action === 'kill' ? 'kill' : 'shutdown');
      this.#isDown = true;
      this.#event(`BIRD: sv ${action}`);
      // runsv starts what has ended a second later, unless it is to be down.
      if (action !== 'down') this.#runsv.arm(this.#ports.clock.now + RUNSV_DELAY);
    }
  }

  /** The container is killed, and all in it. */
  kill(): void {
    this.#confd.cancel();
    this.#runsv.cancel();
    this.#end('kill');
  }

  #up(): void {
    this.#runsv.cancel();
    this.#isDown = false;
    this.changed();
  }

  #end(how: 'shutdown' | 'kill'): void {
    this.#runsv.cancel();
    this.speaker?.stop(how);
    this.speaker = undefined;
    this.#rendered = '';
    this.#inputs = undefined;
  }

  /** What confd has written, by file name; nothing before it has. */
  get files(): Readonly<Record<string, string>> {
    return this.#config === undefined ? {} : renderBirdFiles(this.#config);
  }

  #render(): void {
    if (this.#isDown) return;
    const inputs: BgpInputs = {
      node: this.#node,
      nodes: speakersOf(this.#cache.list('Node')),
      pools: this.#cache.list('IPPool'),
      affinities: this.#cache.list('BlockAffinity'),
      configurations: this.#cache.list('BGPConfiguration'),
      peers: this.#cache.list('BGPPeer'),
      filters: this.#cache.list('BGPFilter'),
    };
    if (this.#inputs !== undefined && areSame(inputs, this.#inputs)) return;
    const config = birdConfig(inputs);
    if (config === undefined) return;
    this.#inputs = inputs;
    const rendered = JSON.stringify(config);
    if (rendered === this.#rendered) return;
    this.#rendered = rendered;
    this.#config = config;
    const speakerConfig = speakerConfigOf(config, this.#cache.list('IPPool').map(calicoPool));
    if (this.speaker !== undefined) {
      this.#event('confd: configuration changed, BIRD reloads it');
      this.speaker.configure(speakerConfig);
    } else {
      this.#event('confd: configuration written, BIRD starts');
      this.speaker = new Speaker(speakerConfig, this.#ports);
      this.speaker.start();
    }
  }
}

/** The very same listings: most of what confd wakes up for says nothing to BIRD. */
const areSame = (a: BgpInputs, b: BgpInputs): boolean =>
  a.nodes === b.nodes &&
  a.pools === b.pools &&
  a.affinities === b.affinities &&
  a.configurations === b.configurations &&
  a.peers === b.peers &&
  a.filters === b.filters;

const calicoPool = (pool: IPPool): CalicoPool => ({
  cidr: Prefix.from(pool.spec.cidr),
  ipipMode: pool.spec.ipipMode ?? 'Never',
  vxlanMode: pool.spec.vxlanMode ?? 'Never',
  disableBGPExport: pool.spec.disableBGPExport ?? false,
});

/** The speaker's configuration, filters included, as the templates of v3.28 render it. */
export function speakerConfigOf(config: BirdConfig, pools: readonly CalicoPool[]): SpeakerConfig {
  return {
    routerId: config.routerId,
    localAs: config.asNumber,
    listenPort: config.listenPort,
    listenAddress: config.listenAddress,
    gracefulRestartRecovery: true,
    kernel: {
      scanTimeSec: config.scanTimeSec,
      learn: true,
      persist: true,
      mergePaths: true,
      exportFilter: calicoKernelProgramming({ pools, localSubnet: config.localSubnet }),
    },
    staticBlackholes: config.staticRoutes.flatMap(r => (r.kind === 'blackhole' ? [r.prefix] : [])),
    staticRoutes: config.staticRoutes.flatMap(r =>
      r.kind === 'via' ? [{ prefix: r.prefix, via: r.gateway }] : [],
    ),
    directInterfaces: [...config.directExcluded.map(pattern => `-${pattern}`), '*'],
    peers: config.peers.map(peer => peerConfigOf(peer, config, pools)),
  };
}

function peerConfigOf(peer: BirdPeer, config: BirdConfig, pools: readonly CalicoPool[]): PeerConfig {
  const exported = calicoExportToBgpPeers({
    pools,
    ownBlocks: config.blocks,
    internalPeer: peer.internal,
    communities: config.communities.map(rule => ({ cidr: rule.prefix, ...communities(rule.communities) })),
  });
  return {
    name: peer.name,
    description: 'Connection to BGP peer',
    remoteAddress: peer.address,
    remotePort: peer.port,
    remoteAs: peer.asNumber,
    localAs: peer.localAsNumber,
    // 0: the kernel's choice, for each peer (`sourceAddress: None`).
    sourceAddress: peer.sourceAddress ?? 0,
    passive: peer.passive,
    rrClient: peer.rrClient,
    rrClusterId: config.clusterId === undefined ? undefined : Number(clusterNumber(config.clusterId)),
    nextHopSelf: peer.nextHop === 'self',
    nextHopKeep: peer.nextHop === 'keep',
    allowLocalAs: peer.allowLocalAs,
    gracefulRestartTimeSec: peer.gracefulRestartSec,
    keepaliveTimeSec: peer.keepaliveSec,
    connectDelaySec: config.connectDelaySec,
    connectRetrySec: config.connectRetrySec,
    errorWaitMinSec: config.errorWaitSec[0],
    errorWaitMaxSec: config.errorWaitSec[1],
    holdTimeSec: config.holdTimeSec,
    importFilter: filterRules(peer.importRules, undefined),
    exportFilter: filterRules(peer.exportRules, exported),
  };
}

const clusterNumber = (text: string): number =>
  text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

/** `65001:100` is a community, `65001:100:3` a large one. */
function communities(values: readonly string[]): {
  communities: number[];
  largeCommunities: (readonly [number, number, number])[];
} {
  const parts = values.map(value => value.split(':').map(Number));
  return {
    communities: parts.filter(p => p.length === 2).map(([a, b]) => a! * 65536 + b!),
    largeCommunities: parts.filter(p => p.length === 3).map(([a, b, c]) => [a!, b!, c!] as const),
  };
}
