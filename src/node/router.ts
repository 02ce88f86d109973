/**
 * A router of the fabric, or a plain host: one namespace, static routes and, if the scenario says so, BGP in the manner
 * of FRR (routes `proto bgp metric 20`, several paths at once).
 */
import * as Ipv4Address from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { PeerConfig, SpeakerConfig } from '../bgp/config.ts';
import { ACCEPT, BGP_ONLY } from '../bgp/filter.ts';
import { Speaker } from '../bgp/speaker.ts';
import type { Loopback } from '../netstack/loopback.ts';
import type { Habitat } from '../sim/logical-process.ts';
import { birdcl, wallClock } from './birdcl.ts';
import type { MachineStatus } from './command.ts';
import { KernelPort } from './kernel-port.ts';
import { Machine } from './machine.ts';
import { sessionViews } from './sessions.ts';
import type { RouterBgpSpec, RouterSpec } from './spec.ts';

const FRR_METRIC = 20;
/** FRR's default; BIRD would say 240. */
const FRR_HOLD_TIME_SEC = 180;

export class Router extends Machine {
  readonly #speaker: Speaker | undefined;

  constructor(id: number, name: string, habitat: Habitat, spec: RouterSpec) {
    super(id, name, habitat, spec.observe);
    this.plugIn(spec.nics, spec.routes, 0);
    this.applySysctls(spec.sysctls);
    this.root.sysctl.ipForward = spec.forwards;
    this.root.sysctl.icmpEchoIgnoreAll = !spec.answersPing;
    this.root.silent = spec.silent;
    for (const { address, length } of spec.loopbacks) this.root.addAddress(this.#loopback(), address, length);
    this.#speaker = spec.bgp === undefined ? undefined : this.#makeSpeaker(spec, spec.bgp);
  }

  /** Dummy devices of the real router: addresses that are up whatever happens outside. */
  #loopback(): Loopback {
    return this.root.loopback;
  }

  boot(): void {
    this.#speaker?.start();
  }

  #makeSpeaker(spec: RouterSpec, bgp: RouterBgpSpec): Speaker {
    return new Speaker(speakerConfigOf(spec, bgp), {
      clock: this,
      random: this.random('bgp'),
      streams: this.daemonStreams,
      kernel: new KernelPort(this.root),
      report: event => this.heard(event),
    });
  }

  protected override get speaker(): Speaker | undefined {
    return this.#speaker;
  }

  protected override status(): MachineStatus {
    const speaker = this.#speaker;
    const sessions = speaker === undefined ? [] : sessionViews(speaker);
    const lastChange = Math.max(this.lastChange, speaker?.lastChange ?? 0);
    return { lastChange, missing: [], sessions, powered: true, addresses: this.addresses };
  }

  protected override routingDaemon(words: readonly string[]): string {
    if (this.#speaker === undefined)
      return 'Unable to connect to server control socket: No such file or directory\n';
    return birdcl(this.#speaker, words, wallClock(0));
  }
}

function speakerConfigOf(spec: RouterSpec, bgp: RouterBgpSpec): SpeakerConfig {
  const own = spec.nics.map(nic => nic.address);
  const routerId = bgp.routerId ?? Math.max(...own, ...spec.loopbacks.map(l => l.address));
  const common = {
    multihop: true,
    rrClient: bgp.routeReflectorClient,
    rrClusterId: bgp.clusterId,
    nextHopSelf: bgp.nextHopSelf,
    addPaths: false,
    gracefulRestart: bgp.gracefulRestart,
    holdTimeSec: FRR_HOLD_TIME_SEC,
    importFilter: ACCEPT,
    exportFilter: ACCEPT,
  } as const;
  const source = (peer: number): number =>
    spec.nics.find(nic => Prefix.contains(Prefix.network(nic.address, nic.length), peer))?.address ?? own[0]!;
  const peers = bgp.neighbors.map(
    (neighbor): PeerConfig => ({
      ...common,
      name: `peer_${Ipv4Address.format(neighbor.address).replaceAll('.', '_')}`,
      remoteAddress: neighbor.address,
      remoteAs: neighbor.as,
      sourceAddress: source(neighbor.address),
    }),
  );
  const { listenRange } = bgp;
  return {
    routerId,
    localAs: bgp.as,
    kernel: {
      learn: false,
      persist: true,
      protocolName: 'bgp',
      metric: FRR_METRIC,
      mergePaths: bgp.maximumPaths > 1,
      exportFilter: BGP_ONLY,
    },
    directInterfaces: ['*'],
    networks: bgp.networks,
    maximumPaths: bgp.maximumPaths,
    peers,
    ...(listenRange !== undefined && {
      dynamicNeighbours: [
        { range: listenRange.prefix, remoteAs: listenRange.as, template: { ...common, sourceAddress: 0 } },
      ],
    }),
  };
}
