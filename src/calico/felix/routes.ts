/**
 * The routes that Felix programs in version profile A (facts: calico-dataplane §2, §3): pods, and everything of VXLAN
 * pools. Routes of IPIP and unencapsulated pools are BIRD's.
 */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { VXLAN_CALICO } from '../names.ts';
import type { WorkloadEndpoint } from '../resources/core.ts';
import { FELIX_DEFAULTS, type FelixConfigurationSpec } from '../resources/felix.ts';
import type { IPAMBlock } from '../resources/ipam.ts';
import { once } from '../resources/meta.ts';
import { type Node, type NodeNetwork, nodeNamed, nodeNetwork } from '../resources/node.ts';
import type { IPPool } from '../resources/pool.ts';

/** `proto boot`, which `ip route` does not show, and Felix's own, which it shows as a number. */
const PROTO_BOOT = 3;
const PROTO_FELIX = 80;

export interface FelixRoute {
  readonly prefix: Prefix.Prefix;
  readonly type: 'unicast' | 'blackhole';
  readonly device?: string;
  readonly gateway?: Ipv4.Ipv4Address;
  readonly protocol: number;
  /** A route without gateway reaches its destination on the link. */
  readonly scope: 'link' | 'global';
  /** The gateway is on the link whatever the addresses say. */
  readonly onlink: boolean;
  readonly source?: Ipv4.Ipv4Address;
}

/** The other end of VXLAN: a node that has a tunnel address. */
export interface Vtep {
  readonly node: string;
  readonly tunnel: Ipv4.Ipv4Address;
  readonly underlay: Ipv4.Ipv4Address;
  readonly mac: number;
}

/** When two routes have one prefix, the lower class is programmed. */
const CLASS = { localWorkload: 0, vxlanSameSubnet: 1, vxlanTunnel: 2, blackhole: 3 } as const;

interface Candidate {
  readonly route: FelixRoute;
  readonly rank: number;
}

export interface RouteInputs {
  readonly node: string;
  readonly own: NodeNetwork;
  readonly nodes: readonly Node[];
  /** The NIC that holds the node's address. */
  readonly nic: string;
  readonly pools: readonly IPPool[];
  readonly blocks: readonly IPAMBlock[];
  readonly endpoints: readonly WorkloadEndpoint[];
  readonly config: FelixConfigurationSpec;
  /** By node name, the own node's too. */
  readonly vteps: ReadonlyMap<string, Vtep>;
}

/** A block as routing sees it. */
interface BlockView {
  readonly prefix: Prefix.Prefix;
  /** Nobody, for a block that lost its affinity. */
  readonly owner: string | undefined;
  /** Addresses that live on other nodes than the owner. */
  readonly borrowed: readonly { readonly address: Ipv4.Ipv4Address; readonly node: string }[];
}

const viewOf = once((block: IPAMBlock): BlockView => {
  const { spec } = block;
  const prefix = Prefix.from(spec.cidr);
  const owner = spec.affinity?.replace(/^host:/, '');
  const borrowed: { address: number; node: string }[] = [];
  for (const [ordinal, index] of spec.allocations.entries()) {
    const node = index === null ? undefined : spec.attributes[index]?.secondary?.['node'];
    if (node !== undefined && node !== owner) borrowed.push({ address: prefix.address + ordinal, node });
  }
  return { prefix, owner, borrowed };
});

const prefixOf = once((pool: IPPool): Prefix.Prefix => Prefix.from(pool.spec.cidr));

const poolOf = (pools: readonly IPPool[], address: Ipv4.Ipv4Address): IPPool | undefined =>
  pools.find(p => Prefix.contains(prefixOf(p), address));

const isVxlan = (pool: IPPool | undefined): boolean => (pool?.spec.vxlanMode ?? 'Never') !== 'Never';

const deviceProtocol = (config: FelixConfigurationSpec): number =>
  config.deviceRouteProtocol ?? FELIX_DEFAULTS.deviceRouteProtocol;

/** 80, unless the user has set a protocol of his own for device routes: then that. */
const felixProtocol = (config: FelixConfigurationSpec): number =>
  deviceProtocol(config) === PROTO_BOOT ? PROTO_FELIX : deviceProtocol(config);

function localWorkloads(inputs: RouteInputs): Candidate[] {
  const { config } = inputs;
  const source = config.deviceRouteSourceAddress ? Ipv4.parse(config.deviceRouteSourceAddress) : undefined;
  const local = inputs.endpoints.filter(e => e.spec.node === inputs.node);
  return local.flatMap(e =>
    e.spec.ipNetworks.map(text => ({
      rank: CLASS.localWorkload,
      route: {
        prefix: Prefix.from(text),
        type: 'unicast',
        device: e.spec.interfaceName,
        protocol: deviceProtocol(config),
        scope: 'link',
        onlink: false,
        ...(source !== undefined && { source }),
      } as const,
    })),
  );
}

/** The route to a prefix that another node serves; nothing as long as one of the two tunnel ends is unknown. */
function toNode(
  prefix: Prefix.Prefix,
  owner: string,
  pool: IPPool,
  inputs: RouteInputs,
): Candidate | undefined {
  const { own, nic, config, vteps } = inputs;
  const remote = nodeNamed(inputs.nodes, owner);
  const underlay = remote && nodeNetwork(remote)?.address;
  if (underlay === undefined) return undefined;
  const type = 'unicast';
  if (pool.spec.vxlanMode === 'CrossSubnet' && Prefix.contains(own.subnet, underlay)) {
    const protocol = felixProtocol(config);
    const route = {
      prefix,
      type,
      device: nic,
      gateway: underlay,
      protocol,
      scope: 'global',
      onlink: true,
    } as const;
    return { rank: CLASS.vxlanSameSubnet, route };
  }
  const vtep = vteps.get(owner);
  if (vtep === undefined || !vteps.has(inputs.node)) return undefined;
  const protocol = deviceProtocol(config);
  const device = VXLAN_CALICO;
  // The tunnel address itself, when it is no part of a block of its node, is on the link.
  if (prefix.length === 32 && prefix.address === vtep.tunnel) {
    const route = { prefix, type, device, protocol, scope: 'link', onlink: false } as const;
    return { rank: CLASS.vxlanTunnel, route };
  }
  const route = {
    prefix,
    type,
    device,
    gateway: vtep.tunnel,
    protocol,
    scope: 'global',
    onlink: true,
  } as const;
  return { rank: CLASS.vxlanTunnel, route };
}

function* vxlanRoutes(inputs: RouteInputs): Generator<Candidate | undefined> {
  if (!inputs.pools.some(isVxlan)) return;
  for (const block of inputs.blocks) {
    const { prefix, owner, borrowed } = viewOf(block);
    const pool = poolOf(inputs.pools, prefix.address);
    if (pool === undefined || !isVxlan(pool)) continue;
    if (owner === inputs.node) {
      const protocol = felixProtocol(inputs.config);
      const route = { prefix, type: 'blackhole', protocol, scope: 'global', onlink: false } as const;
      yield { rank: CLASS.blackhole, route };
    } else if (owner !== undefined) {
      yield toNode(prefix, owner, pool, inputs);
    }
    for (const { address, node } of borrowed) {
      if (node !== inputs.node) yield toNode({ address, length: 32 }, node, pool, inputs);
    }
  }
}

/** All routes of one node, one a prefix, in the order in which `ip route` lists. */
export function calculateRoutes(inputs: RouteInputs): FelixRoute[] {
  const best = new Map<number, Candidate>();
  const consider = (candidate: Candidate | undefined): void => {
    if (candidate === undefined) return;
    const { address, length } = candidate.route.prefix;
    const key = address * 64 + length;
    const present = best.get(key);
    if (present === undefined || candidate.rank < present.rank) best.set(key, candidate);
  };
  for (const candidate of localWorkloads(inputs)) consider(candidate);
  for (const candidate of vxlanRoutes(inputs)) consider(candidate);
  return [...best.values()].map(c => c.route).sort((a, b) => Prefix.compare(a.prefix, b.prefix));
}
