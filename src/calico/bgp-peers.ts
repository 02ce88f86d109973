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
import { canonical } from './resources/core.ts';
import { once, onceAlike } from './resources/meta.ts';
import { bgpNetwork, type Node, nodeNamed } from './resources/node.ts';
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

/** The own node, with what the choice of peers asks again and again. */
interface Own {
  readonly address: Ipv4.Ipv4Address;
  readonly text: string;
  readonly asNumber: number;
  readonly clusterId: string;
}

/** Only of nodes that have a BGP address: others are left out at the door. */
const addressOf = (node: Node): Ipv4.Ipv4Address => bgpNetwork(node)!.address;
const asNumberOf = (node: Node, settings: BgpSettings): number =>
  node.spec.bgp?.asNumber ?? settings.asNumber;
const clusterIdOf = (node: Node): string => node.spec.bgp?.routeReflectorClusterID ?? '';

/** Where a node listens, only if that was set: 0 leaves BIRD's default, 179. */
const portOf = (node: Node, settings: BgpSettings): number =>
  settings.perNode.get(node.metadata.name)?.listenPort ?? settings.global.listenPort ?? 0;

/** A remote end before it is made a protocol of the own node. */
interface Remote {
  readonly address: Ipv4.Ipv4Address;
  readonly port: number;
  readonly asNumber: number;
  readonly clusterId: string;
}

const isSelected = (node: Node, selector: string): boolean => matches(selector, node.metadata.labels ?? {});

const byName = <T extends { metadata: { name: string } }>(list: readonly T[]): T[] =>
  [...list].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

/** What is read of a node here, as text. Tunnel addresses, which change most, are not. */
const essence = once(({ metadata: { name, labels }, spec: { bgp } }: Node): string =>
  canonical([name, labels, bgp?.ipv4Address, bgp?.asNumber, bgp?.routeReflectorClusterID]),
);

/** The nodes that do BGP, by name. Like what follows it is the same for all who know the same of the nodes. */
export const speakersOf = onceAlike(essence, (nodes): readonly Node[] =>
  byName(nodes.filter(n => bgpNetwork(n) !== undefined)),
);

/** By selector; filled when asked. */
const selections = once((_nodes: readonly Node[]) => new Map<string, readonly Node[]>());

function selectedOf(nodes: readonly Node[], selector: string): readonly Node[] {
  const known = selections(nodes);
  let selected = known.get(selector);
  if (selected === undefined) {
    selected = nodes.filter(n => isSelected(n, selector));
    known.set(selector, selected);
  }
  return selected;
}

const asRemote = (node: Node, settings: BgpSettings): Remote => ({
  address: addressOf(node),
  port: portOf(node, settings),
  asNumber: asNumberOf(node, settings),
  clusterId: clusterIdOf(node),
});

/** True when a `peerIP` with its AS number and port means this node. */
function isMeant(node: Node, spec: BGPPeer['spec'], settings: BgpSettings): boolean {
  const peer = parsePeerAddress(spec.peerIP ?? '');
  if (peer === undefined || addressOf(node) !== peer.address) return false;
  const port = portOf(node, settings);
  const samePort = peer.port === 0 || port === 0 || port === peer.port;
  return samePort && asNumberOf(node, settings) === (spec.asNumber || settings.asNumber);
}

/** The far ends that a BGPPeer names. */
function remotes(spec: BGPPeer['spec'], nodes: readonly Node[], settings: BgpSettings): Remote[] {
  const { peerSelector } = spec;
  if (peerSelector) return selectedOf(nodes, peerSelector).map(n => asRemote(n, settings));
  const peer = parsePeerAddress(spec.peerIP ?? '');
  if (peer === undefined) return [];
  // Without a port, a node of the cluster is met where it listens.
  const node = peer.port === 0 ? nodes.find(n => isMeant(n, spec, settings)) : undefined;
  const port = node === undefined ? peer.port : portOf(node, settings);
  return [{ address: peer.address, port, asNumber: spec.asNumber ?? 0, clusterId: '' }];
}

/** True when the BGPPeer puts a session on this node. */
function isNearEnd(node: Node, spec: BGPPeer['spec']): boolean {
  if (spec.nodeSelector) return isSelected(node, spec.nodeSelector);
  return !spec.node || spec.node === node.metadata.name;
}

/** True when the BGPPeer leads to this node. */
const isFarEnd = (node: Node, spec: BGPPeer['spec'], settings: BgpSettings): boolean =>
  spec.peerSelector ? isSelected(node, spec.peerSelector) : isMeant(node, spec, settings);

const keyOf = (remote: Remote): string =>
  `${Ipv4.format(remote.address)}${remote.port === 0 ? '' : `-${remote.port}`}`;

interface Emitted {
  readonly remote: Remote;
  readonly peer: BGPPeer;
}

const isGlobal = (spec: BGPPeer['spec']): boolean => !spec.node && !spec.nodeSelector;

/** The explicit sessions of `own`, keyed by address and port, in the order of their keys. */
function explicitPeers(
  own: Node,
  nodes: readonly Node[],
  peers: readonly BGPPeer[],
  settings: BgpSettings,
): { global: Map<string, Emitted>; node: Map<string, Emitted> } {
  const global = new Map<string, Emitted>();
  const node = new Map<string, Emitted>();
  const emitForNode = (remote: Remote, peer: BGPPeer): void => {
    const key = keyOf(remote);
    if (!node.has(key) && !global.has(key)) node.set(key, { remote, peer });
  };
  for (const peer of peers.filter(p => isGlobal(p.spec))) {
    for (const remote of remotes(peer.spec, nodes, settings)) {
      const key = keyOf(remote);
      if (!global.has(key)) global.set(key, { remote, peer });
    }
  }
  for (const peer of peers.filter(p => !isGlobal(p.spec) && isNearEnd(own, p.spec))) {
    for (const remote of remotes(peer.spec, nodes, settings)) emitForNode(remote, peer);
  }
  for (const peer of peers) {
    if (peer.spec.reversePeering === 'Manual' || !isFarEnd(own, peer.spec, settings)) continue;
    for (const near of nodes) {
      if (isNearEnd(near, peer.spec)) emitForNode(asRemote(near, settings), peer);
    }
  }
  const sorted = (map: Map<string, Emitted>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { global: sorted(global), node: sorted(node) };
}

const protocolName = (prefix: string, address: Ipv4.Ipv4Address, port: number): string =>
  `${prefix}_${Ipv4.format(address).replaceAll('.', '_')}${port === 0 ? '' : `_port_${port}`}`;

/** The text of the addresses decides, character by character: `192.168.10.9` is greater than `192.168.10.101`. */
const waitsFor = (own: Own, peer: Ipv4.Ipv4Address): boolean => Ipv4.format(peer) > own.text;

const DEFAULT_PORT = 179;

function meshPeer(own: Own, other: Node, settings: BgpSettings): BirdPeer {
  const address = addressOf(other);
  const { nodeMeshMaxRestartTime, nodeMeshPassword } = settings.global;
  return {
    name: protocolName('Mesh', address, 0),
    origin: 'mesh',
    address,
    port: portOf(other, settings) || DEFAULT_PORT,
    asNumber: asNumberOf(other, settings),
    localAsNumber: own.asNumber,
    sourceAddress: own.address,
    passive: waitsFor(own, address),
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
  own: Own,
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
    passive: isNode && waitsFor(own, remote.address),
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
  const speakers = speakersOf(nodes);
  const node = nodeNamed(speakers, name);
  if (node === undefined) return [];
  const address = addressOf(node);
  const own: Own = {
    address,
    text: Ipv4.format(address),
    asNumber: asNumberOf(node, settings),
    clusterId: clusterIdOf(node),
  };
  // A route reflector takes no part in the mesh, on either side.
  const inMesh = settings.mesh && own.clusterId === '';
  const others = inMesh ? speakers.filter(n => addressOf(n) !== address && clusterIdOf(n) === '') : [];
  const explicit = explicitPeers(node, speakers, byName(peers), settings);
  const filterByName = new Map(filters.map(f => [f.metadata.name, f]));
  const protocols = (origin: 'global' | 'node'): BirdPeer[] =>
    [...explicit[origin].values()]
      .filter(e => e.remote.address !== address)
      .map(e => {
        const isNode = origin === 'global' && speakers.some(n => addressOf(n) === e.remote.address);
        return explicitPeer(origin, e, own, isNode, filterByName);
      });
  return [...others.map(n => meshPeer(own, n, settings)), ...protocols('global'), ...protocols('node')];
}
