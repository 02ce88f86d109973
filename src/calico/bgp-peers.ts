/**
 * Which BGP sessions a node has: the node-to-node mesh, and what the BGPPeer resources add (facts: calico-resources §3,
 * calico-bgp §3; confd's client.go, updatePeersV1).
 *
 * Three passes over the BGPPeers, and who comes first wins a (peer address, port):
 *
 *     1 global      neither node nor nodeSelector: a session on every node
 *     2 forward     on the nodes that node/nodeSelector name; not where a global one has the same address and port
 *     3 reverse     the other end of 1 and 2, where it is a node of the cluster, so that both sides agree
 */
import * as Ipv4 from '../addr/ipv4.ts';
import {
  type BGPConfiguration,
  type BGPFilter,
  type BGPFilterRule,
  type BGPPeer,
  DEFAULT_AS_NUMBER,
  type SecretKeyRef,
} from './resources/bgp.ts';
import { bgpNetwork, type Node } from './resources/node.ts';
import { parsePeerAddress } from './resources/rules.ts';
import { matches } from './selector.ts';

/** One `protocol bgp` of BIRD. Plain data. */
export interface BirdPeer {
  /** `Mesh_192_168_10_101`, `Global_…`, `Node_…`, with `_port_N` for an explicit peer with a port. */
  readonly name: string;
  readonly origin: 'mesh' | 'global' | 'node';
  readonly address: Ipv4.Ipv4Address;
  readonly port: number;
  readonly asNumber: number;
  readonly localAsNumber: number;
  /** Absent: whatever address the route to the peer has. */
  readonly sourceAddress?: Ipv4.Ipv4Address;
  /** Waits for the peer to connect. */
  readonly passive: boolean;
  readonly rrClient: boolean;
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** What `calico_export_to_bgp_peers` is called with: routes of tunnel devices are held back from internal peers. */
  readonly internal: boolean;
  readonly passwordSecret?: SecretKeyRef;
  readonly gracefulRestartSec: number;
  readonly keepaliveSec?: number;
  /** How often the own AS number may stand in a received path. */
  readonly allowLocalAs: number;
  readonly ttlSecurityHops?: number;
  /** Before the default of accepting everything. */
  readonly importRules: readonly BGPFilterRule[];
  /** Before `calico_export_to_bgp_peers`. */
  readonly exportRules: readonly BGPFilterRule[];
  /** A gateway through which the peer itself is reached. */
  readonly reachableBy?: Ipv4.Ipv4Address;
}

const GRACEFUL_RESTART_SEC = 120;

/** Seconds of a Go duration, `1m30s`. Fractions of a second are cut, as BIRD knows whole seconds. */
export function durationSec(text: string): number {
  const units: Record<string, number> = {
    h: 3600,
    m: 60,
    s: 1,
    ms: 0.001,
    us: 0.000001,
    µs: 0.000001,
    ns: 0.000000001,
  };
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|h|m|s)/g)) {
    sum += Number(number) * units[unit!]!;
  }
  return Math.floor(sum);
}

/** The cluster's BGP settings as one node reads them. */
export interface BgpSettings {
  readonly asNumber: number;
  readonly mesh: boolean;
  readonly global: BGPConfiguration['spec'];
  /** `node.NAME` by node name. */
  readonly perNode: ReadonlyMap<string, BGPConfiguration['spec']>;
}

export function bgpSettings(configurations: readonly BGPConfiguration[]): BgpSettings {
  const global = configurations.find(c => c.metadata.name === 'default')?.spec ?? {};
  const own = configurations.filter(c => c.metadata.name.startsWith('node.'));
  return {
    asNumber: global.asNumber ?? DEFAULT_AS_NUMBER,
    mesh: global.nodeToNodeMeshEnabled ?? true,
    global,
    perNode: new Map(own.map(c => [c.metadata.name.slice('node.'.length), c.spec])),
  };
}

/** A node that speaks BGP, as far as its peers care. */
interface Speaker {
  readonly node: Node;
  readonly address: Ipv4.Ipv4Address;
  readonly text: string;
  readonly asNumber: number;
  readonly clusterId: string;
  /** Only if it was set: 0 leaves BIRD's default, 179. */
  readonly port: number;
}

function speaker(node: Node, settings: BgpSettings): Speaker | undefined {
  const network = bgpNetwork(node);
  if (network === undefined) return undefined;
  return {
    node,
    address: network.address,
    text: Ipv4.format(network.address),
    asNumber: node.spec.bgp?.asNumber ?? settings.asNumber,
    clusterId: node.spec.bgp?.routeReflectorClusterID ?? '',
    port: settings.perNode.get(node.metadata.name)?.listenPort ?? settings.global.listenPort ?? 0,
  };
}

/** A remote end before it is made a protocol of the own node. */
interface Remote {
  readonly address: Ipv4.Ipv4Address;
  readonly port: number;
  readonly asNumber: number;
  readonly clusterId: string;
}

const selected = (speakers: readonly Speaker[], selector: string): Speaker[] =>
  speakers.filter(s => matches(selector, s.node.metadata.labels ?? {}));

const asRemote = ({ address, port, asNumber, clusterId }: Speaker): Remote => ({
  address,
  port,
  asNumber,
  clusterId,
});

/** Nodes of the cluster that a `peerIP` with this AS number and port means. */
function nodesAt(speakers: readonly Speaker[], spec: BGPPeer['spec'], settings: BgpSettings): Speaker[] {
  const peer = parsePeerAddress(spec.peerIP ?? '');
  if (peer === undefined) return [];
  const asNumber = spec.asNumber || settings.asNumber;
  return speakers.filter(
    s =>
      s.address === peer.address &&
      s.asNumber === asNumber &&
      (peer.port === 0 || s.port === 0 || s.port === peer.port),
  );
}

/** The far ends that a BGPPeer names. */
function remotes(spec: BGPPeer['spec'], speakers: readonly Speaker[], settings: BgpSettings): Remote[] {
  if (spec.peerSelector) return selected(speakers, spec.peerSelector).map(asRemote);
  const peer = parsePeerAddress(spec.peerIP ?? '');
  if (peer === undefined) return [];
  // Without a port, a node of the cluster is met where it listens.
  const port = peer.port || (nodesAt(speakers, spec, settings)[0]?.port ?? 0);
  return [{ address: peer.address, port, asNumber: spec.asNumber ?? 0, clusterId: '' }];
}

/** The near ends: nodes on which a BGPPeer that is not global puts a session. */
function nearEnds(spec: BGPPeer['spec'], speakers: readonly Speaker[]): readonly Speaker[] {
  if (spec.nodeSelector) return selected(speakers, spec.nodeSelector);
  if (spec.node) return speakers.filter(s => s.node.metadata.name === spec.node);
  return speakers;
}

const keyOf = (remote: Remote): string =>
  `${Ipv4.format(remote.address)}${remote.port === 0 ? '' : `-${remote.port}`}`;

interface Emitted {
  readonly remote: Remote;
  readonly peer: BGPPeer;
}

const isGlobal = (spec: BGPPeer['spec']): boolean => !spec.node && !spec.nodeSelector;

/** The explicit sessions of `own`, keyed by address and port, in the order of their keys. */
function explicitPeers(
  own: Speaker,
  speakers: readonly Speaker[],
  peers: readonly BGPPeer[],
  settings: BgpSettings,
): { global: Map<string, Emitted>; node: Map<string, Emitted> } {
  const global = new Map<string, Emitted>();
  const node = new Map<string, Emitted>();
  const emitForNode = (remote: Remote, peer: BGPPeer): void => {
    const key = keyOf(remote);
    if (!node.has(key) && !global.has(key)) node.set(key, { remote, peer });
  };
  const name = own.node.metadata.name;
  for (const peer of peers.filter(p => isGlobal(p.spec))) {
    for (const remote of remotes(peer.spec, speakers, settings)) {
      const key = keyOf(remote);
      if (!global.has(key)) global.set(key, { remote, peer });
    }
  }
  for (const peer of peers.filter(p => !isGlobal(p.spec))) {
    if (!nearEnds(peer.spec, speakers).some(s => s.node.metadata.name === name)) continue;
    for (const remote of remotes(peer.spec, speakers, settings)) emitForNode(remote, peer);
  }
  for (const peer of peers) {
    if (peer.spec.reversePeering === 'Manual') continue;
    const farEnds = peer.spec.peerSelector
      ? selected(speakers, peer.spec.peerSelector)
      : nodesAt(speakers, peer.spec, settings);
    if (!farEnds.some(s => s.node.metadata.name === name)) continue;
    for (const near of nearEnds(peer.spec, speakers)) emitForNode(asRemote(near), peer);
  }
  const sorted = (map: Map<string, Emitted>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { global: sorted(global), node: sorted(node) };
}

const protocolName = (prefix: string, address: Ipv4.Ipv4Address, port: number): string =>
  `${prefix}_${Ipv4.format(address).replaceAll('.', '_')}${port === 0 ? '' : `_port_${port}`}`;

/** The text of the addresses decides, character by character: `192.168.10.9` is greater than `192.168.10.101`. */
const waitsFor = (own: Speaker, peer: Ipv4.Ipv4Address): boolean => Ipv4.format(peer) > own.text;

const DEFAULT_PORT = 179;

function meshPeer(own: Speaker, other: Speaker, settings: BgpSettings): BirdPeer {
  const { nodeMeshMaxRestartTime, nodeMeshPassword } = settings.global;
  return {
    name: protocolName('Mesh', other.address, 0),
    origin: 'mesh',
    address: other.address,
    port: other.port || DEFAULT_PORT,
    asNumber: other.asNumber,
    localAsNumber: own.asNumber,
    sourceAddress: own.address,
    passive: waitsFor(own, other.address),
    rrClient: false,
    nextHop: 'auto',
    // Up to v3.31 the mesh counts as internal, whatever the AS numbers are.
    internal: true,
    ...(nodeMeshPassword?.secretKeyRef && { passwordSecret: nodeMeshPassword.secretKeyRef }),
    gracefulRestartSec: nodeMeshMaxRestartTime ? durationSec(nodeMeshMaxRestartTime) : GRACEFUL_RESTART_SEC,
    allowLocalAs: 0,
    importRules: [],
    exportRules: [],
  };
}

function nextHopMode(spec: BGPPeer['spec'], sameAs: boolean): BirdPeer['nextHop'] {
  if (spec.nextHopMode === 'Self') return 'self';
  if (spec.nextHopMode === 'Keep') return 'keep';
  return spec.nextHopMode === undefined && spec.keepOriginalNextHop === true && !sameAs ? 'keep' : 'auto';
}

function explicitPeer(
  origin: 'global' | 'node',
  { remote, peer }: Emitted,
  own: Speaker,
  isNode: boolean,
  filters: ReadonlyMap<string, BGPFilter>,
): BirdPeer {
  const { spec } = peer;
  const localAsNumber = spec.localASNumber ?? own.asNumber;
  const sameAs = remote.asNumber === localAsNumber;
  const chosen = (spec.filters ?? []).flatMap(name => filters.get(name)?.spec ?? []);
  const reachableBy = spec.reachableBy ? Ipv4.parse(spec.reachableBy) : undefined;
  return {
    name: protocolName(origin === 'global' ? 'Global' : 'Node', remote.address, remote.port),
    origin,
    address: remote.address,
    port: remote.port || DEFAULT_PORT,
    asNumber: remote.asNumber,
    localAsNumber,
    ...(spec.sourceAddress !== 'None' && { sourceAddress: own.address }),
    passive: origin === 'global' && isNode && waitsFor(own, remote.address),
    rrClient: sameAs && own.clusterId !== '' && remote.clusterId !== own.clusterId,
    nextHop: nextHopMode(spec, sameAs),
    internal: sameAs,
    ...(spec.password?.secretKeyRef && { passwordSecret: spec.password.secretKeyRef }),
    gracefulRestartSec: spec.maxRestartTime ? durationSec(spec.maxRestartTime) : GRACEFUL_RESTART_SEC,
    ...(spec.keepaliveTime && { keepaliveSec: durationSec(spec.keepaliveTime) }),
    allowLocalAs: spec.numAllowedLocalASNumbers ?? 0,
    ...(spec.ttlSecurity !== undefined && { ttlSecurityHops: spec.ttlSecurity }),
    importRules: chosen.flatMap(f => f.importV4 ?? []),
    exportRules: chosen.flatMap(f => f.exportV4 ?? []),
    ...(reachableBy !== undefined && { reachableBy }),
  };
}

/** All sessions of the node `name`: mesh by node name, then global, then node-specific by address. */
export function birdPeers(
  name: string,
  nodes: readonly Node[],
  peers: readonly BGPPeer[],
  filters: readonly BGPFilter[],
  settings: BgpSettings,
): BirdPeer[] {
  const byName = <T extends { metadata: { name: string } }>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const speakers = byName(nodes).flatMap(n => speaker(n, settings) ?? []);
  const own = speakers.find(s => s.node.metadata.name === name);
  if (own === undefined) return [];
  // A route reflector takes no part in the mesh, on either side.
  const inMesh = settings.mesh && own.clusterId === '';
  const mesh = inMesh
    ? speakers
        .filter(s => s.address !== own.address && s.clusterId === '')
        .map(other => meshPeer(own, other, settings))
    : [];
  const explicit = explicitPeers(own, speakers, byName(peers), settings);
  const addresses = new Set(speakers.map(s => s.address));
  const filterByName = new Map(filters.map(f => [f.metadata.name, f]));
  const protocols = (origin: 'global' | 'node'): BirdPeer[] =>
    [...explicit[origin].values()]
      .filter(e => e.remote.address !== own.address)
      .map(e => explicitPeer(origin, e, own, addresses.has(e.remote.address), filterByName));
  return [...mesh, ...protocols('global'), ...protocols('node')];
}
