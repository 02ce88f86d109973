/**
 * What confd makes of the datastore for one node's BIRD: plain data, from which the speaker is configured and `bird.cfg`
 * is printed (facts: calico-bgp §2–§6). Version profile A (v3.28).
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { type BgpSettings, type BirdPeer, bgpSettings, birdPeers, speakersOf } from './bgp-peers.ts';
import { type BGPConfiguration, type BGPFilter, type BGPPeer, DEFAULT_BGP_PORT } from './resources/bgp.ts';
import type { BlockAffinity } from './resources/ipam.ts';
import { bgpNetwork, type Node, nodeNamed } from './resources/node.ts';
import type { IPPool } from './resources/pool.ts';

export type { BirdPeer } from './bgp-peers.ts';

export interface BgpInputs {
  /** The node whose BIRD this is. */
  readonly node: string;
  readonly nodes: readonly Node[];
  readonly pools: readonly IPPool[];
  readonly affinities: readonly BlockAffinity[];
  readonly configurations: readonly BGPConfiguration[];
  readonly peers: readonly BGPPeer[];
  readonly filters: readonly BGPFilter[];
}

/** A pool in the filter `calico_kernel_programming`: which device BIRD puts a route inside it on. */
export interface KernelPool {
  readonly prefix: Prefix.Prefix;
  /**
   * `none`: the route as it is. `tunl0`: always by the tunnel. `tunl0-unless-local`: by the tunnel unless the BGP next hop
   * is in `localSubnet`. `reject`: Felix programs it (VXLAN).
   */
  readonly program: 'none' | 'tunl0' | 'tunl0-unless-local' | 'reject';
}

export type StaticRoute =
  | { readonly prefix: Prefix.Prefix; readonly kind: 'blackhole' }
  | { readonly prefix: Prefix.Prefix; readonly kind: 'via'; readonly gateway: Ipv4Address };

export interface CommunityRule {
  readonly prefix: Prefix.Prefix;
  /** `aa:nn` or `aa:nn:mm`, names resolved. */
  readonly communities: readonly string[];
}

export interface BirdConfig {
  readonly node: string;
  readonly routerId: Ipv4Address;
  readonly asNumber: number;
  readonly listenPort: number;
  /** Listen on this address only. */
  readonly listenAddress?: Ipv4Address;
  /** Set on a route reflector. */
  readonly clusterId?: string;
  /** The subnet of the node's own BGP address: what CrossSubnet calls local. */
  readonly localSubnet: Prefix.Prefix;
  readonly connectDelaySec: number;
  readonly connectRetrySec: number;
  readonly errorWaitSec: readonly [number, number];
  readonly holdTimeSec: number;
  /** Kernel and device scan. */
  readonly scanTimeSec: number;
  /** Glob patterns that `protocol direct` leaves out. */
  readonly directExcluded: readonly string[];
  /** Own blocks as blackholes, then gateways of peers that need one. */
  readonly staticRoutes: readonly StaticRoute[];
  /** Own confirmed blocks: exported themselves, what is inside them is not. */
  readonly blocks: readonly Prefix.Prefix[];
  /** Pools with disableBGPExport: nothing inside them is exported. */
  readonly unexportedPools: readonly Prefix.Prefix[];
  readonly exportedPools: readonly Prefix.Prefix[];
  readonly kernelPools: readonly KernelPool[];
  readonly communities: readonly CommunityRule[];
  readonly peers: readonly BirdPeer[];
}

const CONNECT_DELAY_SEC = 2;
const CONNECT_RETRY_SEC = 5;
const ERROR_WAIT_SEC = [5, 30] as const;
const HOLD_TIME_SEC = 240;
const SCAN_TIME_SEC = 2;
const ALWAYS_EXCLUDED = ['cali*', 'kube-ipvs*'];

const isOn = (mode: string | undefined): boolean => mode === 'Always' || mode === 'CrossSubnet';

function kernelPool(pool: IPPool): KernelPool {
  const prefix = Prefix.from(pool.spec.cidr);
  if (isOn(pool.spec.vxlanMode)) return { prefix, program: 'reject' };
  if (pool.spec.ipipMode === 'Always') return { prefix, program: 'tunl0' };
  return { prefix, program: pool.spec.ipipMode === 'CrossSubnet' ? 'tunl0-unless-local' : 'none' };
}

function communityRules(settings: BgpSettings, node: string): CommunityRule[] {
  const own = settings.perNode.get(node);
  const source = own?.prefixAdvertisements ? own : settings.global;
  const named = new Map((source.communities ?? []).map(c => [c.name, c.value]));
  return (source.prefixAdvertisements ?? []).map(a => ({
    prefix: Prefix.from(a.cidr),
    communities: a.communities.map(c => named.get(c) ?? c),
  }));
}

/** The node's own confirmed blocks, in numeric order. */
export const ownBlocks = (node: string, affinities: readonly BlockAffinity[]): Prefix.Prefix[] =>
  affinities
    .filter(a => a.spec.node === node && a.spec.state === 'confirmed')
    .map(a => Prefix.from(a.spec.cidr))
    .sort(Prefix.compare);

/** The configuration of the node's BIRD; `undefined` for a node without a BGP address, where BIRD has no IPv4 at all. */
export function birdConfig(inputs: BgpInputs): BirdConfig | undefined {
  const own = nodeNamed(speakersOf(inputs.nodes), inputs.node);
  const network = own === undefined ? undefined : bgpNetwork(own);
  if (own === undefined || network === undefined) return undefined;
  const settings = bgpSettings(inputs.configurations);
  const perNode = settings.perNode.get(inputs.node) ?? {};
  const peers = birdPeers(inputs.node, inputs.nodes, inputs.peers, inputs.filters, settings);
  const blocks = ownBlocks(inputs.node, inputs.affinities);
  const gateways = new Map(
    peers.flatMap(p => (p.reachableBy === undefined ? [] : [[p.address, p.reachableBy] as const])),
  );
  const pools = [...inputs.pools].sort((a, b) =>
    Prefix.compare(Prefix.from(a.spec.cidr), Prefix.from(b.spec.cidr)),
  );
  const clusterId = own.spec.bgp?.routeReflectorClusterID;
  const bindMode = perNode.bindMode ?? settings.global.bindMode;
  const ignored = perNode.ignoredInterfaces ?? settings.global.ignoredInterfaces ?? [];
  const cidrs = (disabled: boolean) =>
    pools.filter(p => (p.spec.disableBGPExport ?? false) === disabled).map(p => Prefix.from(p.spec.cidr));
  return {
    node: inputs.node,
    routerId: network.address,
    asNumber: own.spec.bgp?.asNumber ?? settings.asNumber,
    listenPort: perNode.listenPort ?? settings.global.listenPort ?? DEFAULT_BGP_PORT,
    ...(bindMode === 'NodeIP' && { listenAddress: network.address }),
    ...(clusterId !== undefined && { clusterId }),
    localSubnet: network.subnet,
    connectDelaySec: CONNECT_DELAY_SEC,
    connectRetrySec: CONNECT_RETRY_SEC,
    errorWaitSec: ERROR_WAIT_SEC,
    holdTimeSec: HOLD_TIME_SEC,
    scanTimeSec: SCAN_TIME_SEC,
    directExcluded: [...ignored, ...ALWAYS_EXCLUDED],
    staticRoutes: [
      ...blocks.map(prefix => ({ prefix, kind: 'blackhole' }) as const),
      ...[...gateways].map(
        ([address, gateway]) => ({ prefix: { address, length: 32 }, kind: 'via', gateway }) as const,
      ),
    ],
    blocks,
    unexportedPools: cidrs(true),
    exportedPools: cidrs(false),
    kernelPools: pools.map(kernelPool),
    communities: communityRules(settings, inputs.node),
    peers,
  };
}
