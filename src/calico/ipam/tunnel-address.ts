/**
 * The addresses of a node's tunnel devices (facts: calico-ipam §5; node/pkg/allocateip): at most one for IPIP and one for
 * VXLAN, taken from IPAM like a pod's, written into the Node. Run at start and whenever an IPPool or the own Node changes.
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { find, get, isCode, list, type Steps, update } from '../datastore.ts';
import { type AllocationAttribute, blockName } from '../resources/ipam.ts';
import type { Node, NodeBgp } from '../resources/node.ts';
import type { IPPool } from '../resources/pool.ts';
import { RETRIES, TOO_MANY_RETRIES } from './affinity.ts';
import { autoAssign, IpamError, type Moment, selectsNode } from './auto-assign.ts';
import { ownerOf } from './block.ts';
import { releaseByHandle } from './release.ts';
import { blockOf, poolPrefix } from './walk.ts';

export type TunnelType = 'ipip' | 'vxlan';

/** IPIP before VXLAN: the order of reconciliation decides who gets the lower address. */
const TYPES: readonly TunnelType[] = ['ipip', 'vxlan'];

const ATTRIBUTE_TYPE: Record<TunnelType, string> = { ipip: 'ipipTunnelAddress', vxlan: 'vxlanTunnelAddress' };

export const tunnelHandle = (type: TunnelType, node: string): string => `${type}-tunnel-addr-${node}`;

/** The tunnel address that the Node carries; '' when none. */
export const tunnelAddress = (node: Node, type: TunnelType): string =>
  (type === 'ipip' ? node.spec.bgp?.ipv4IPIPTunnelAddr : node.spec.ipv4VXLANTunnelAddr) ?? '';

function withAddress(node: Node, type: TunnelType, address: string): Node {
  const { bgp, ipv4VXLANTunnelAddr: _, ...others } = node.spec;
  if (type === 'vxlan') {
    const vxlan = address === '' ? {} : { ipv4VXLANTunnelAddr: address };
    return { ...node, spec: { ...others, ...(bgp !== undefined && { bgp }), ...vxlan } };
  }
  const { ipv4IPIPTunnelAddr: __, ...rest } = bgp ?? {};
  const changed: NodeBgp = address === '' ? rest : { ...rest, ipv4IPIPTunnelAddr: address };
  const { bgp: ___, ...unrelated } = node.spec;
  return { ...node, spec: { ...unrelated, ...(Object.keys(changed).length > 0 && { bgp: changed }) } };
}

/** Pools that can give `node` a tunnel address of this type. */
export function tunnelPools(pools: readonly IPPool[], node: Node, type: TunnelType): IPPool[] {
  return pools.filter(pool => {
    const mode = type === 'ipip' ? pool.spec.ipipMode : pool.spec.vxlanMode;
    const uses = pool.spec.allowedUses ?? ['Workload', 'Tunnel'];
    return (
      (mode ?? 'Never') !== 'Never' &&
      pool.spec.disabled !== true &&
      uses.includes('Tunnel') &&
      selectsNode(pool, node)
    );
  });
}

/** Who holds `address` in IPAM; `undefined` when nobody does. */
export function* assignmentOf(
  address: Ipv4Address,
  pools: readonly IPPool[],
): Steps<AllocationAttribute | undefined> {
  const pool = pools.find(p => Prefix.contains(poolPrefix(p), address));
  if (pool === undefined) return undefined;
  const block = yield* find('IPAMBlock', blockName(blockOf(pool, address)));
  return block === undefined ? undefined : ownerOf(block.spec, address);
}

type Verdict = 'keep' | 'replace' | 'assign';

/** `replace` releases what the handle still holds; `assign` leaves the present holder alone. */
function* judge(
  node: Node,
  type: TunnelType,
  eligible: readonly IPPool[],
  all: readonly IPPool[],
): Steps<Verdict> {
  const address = Ipv4.parse(tunnelAddress(node, type));
  if (address === undefined) return 'replace';
  const holder = yield* assignmentOf(address, all);
  if (holder === undefined) return 'replace';
  const ours =
    holder.secondary?.['type'] === ATTRIBUTE_TYPE[type] && holder.secondary['node'] === node.metadata.name;
  if (!ours) return 'assign';
  return eligible.some(p => Prefix.contains(poolPrefix(p), address)) ? 'keep' : 'replace';
}

/** The address the node should have now: kept, newly assigned, or '' after releasing it. Throws IpamError. */
function* reconcileOne(
  node: Node,
  type: TunnelType,
  pools: readonly IPPool[],
  moment: Moment,
): Steps<string> {
  const name = node.metadata.name;
  const handle = tunnelHandle(type, name);
  const eligible = tunnelPools(pools, node, type);
  const present = tunnelAddress(node, type);
  if (eligible.length === 0) {
    if (present !== '') yield* releaseByHandle(handle);
    return '';
  }
  const verdict = yield* judge(node, type, eligible, pools);
  if (verdict === 'keep') return present;
  if (verdict === 'replace') yield* releaseByHandle(handle);
  const attributes = { node: name, type: ATTRIBUTE_TYPE[type] };
  const address = yield* autoAssign({
    node: name,
    use: 'Tunnel',
    owner: { handle, attributes },
    moment,
    pools: eligible.map(p => p.spec.cidr),
  });
  return Ipv4.format(address);
}

/** Write the addresses into the Node, whatever else is written to it meanwhile. */
function* writeAddresses(name: string, addresses: ReadonlyMap<TunnelType, string>): Steps<Node> {
  for (let i = 0; i < RETRIES; i++) {
    const node = yield* get('Node', name);
    let changed = node;
    for (const [type, address] of addresses) changed = withAddress(changed, type, address);
    try {
      return yield* update(changed);
    } catch (error) {
      if (!isCode(error, 'CONFLICT')) throw error;
    }
  }
  throw new IpamError(TOO_MANY_RETRIES);
}

/**
 * Give the node the tunnel addresses that the pools call for, take away those they do not. Returns the Node as stored.
 * Throws IpamError when the pools are full, DatastoreError NOT_FOUND when there is no such Node.
 */
export function* reconcileTunnelAddresses(name: string, moment: Moment): Steps<Node> {
  const node = yield* get('Node', name);
  const pools = yield* list('IPPool');
  const addresses = new Map<TunnelType, string>();
  for (const type of TYPES) {
    const address = yield* reconcileOne(node, type, pools, moment);
    if (address !== tunnelAddress(node, type)) addresses.set(type, address);
  }
  return addresses.size === 0 ? node : yield* writeAddresses(name, addresses);
}
