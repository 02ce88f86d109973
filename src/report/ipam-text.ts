/** What calicoctl says about addresses: how full pools and blocks are, who borrows, whether all is accounted for. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { WorkloadEndpoint } from '../calico/resources/core.ts';
import type { AllocationAttribute, IPAMBlock, IPAMHandle } from '../calico/resources/ipam.ts';
import type { Node } from '../calico/resources/node.ts';
import type { IPPool } from '../calico/resources/pool.ts';

/** Go's `%.5g` of a whole number: five digits, then an exponent. */
export function fiveDigits(value: number): string {
  if (value < 100_000) return String(value);
  const [mantissa, exponent] = value.toExponential(4).split('e+');
  return `${mantissa!.replace(/\.?0+$/, '')}e+${exponent!.padStart(2, '0')}`;
}

/** Go's `%.f`: half to even. */
function percent(part: number, whole: number): string {
  const exact = (100 * part) / whole;
  const floor = Math.floor(exact);
  const half = exact - floor === 0.5;
  const rounded = half ? floor + (floor % 2) : Math.floor(exact + 0.5);
  return `${fiveDigits(part)} (${rounded}%)`;
}

const inUse = ({ spec }: IPAMBlock): number => spec.allocations.filter(a => a !== null).length;

/** GROUPING, CIDR, IPS TOTAL, IPS IN USE, IPS FREE: each pool, and behind it its blocks. */
export function usageRows(
  pools: readonly IPPool[],
  blocks: readonly IPAMBlock[],
  withBlocks: boolean,
): string[][] {
  const row = (grouping: string, cidr: string, used: number): string[] => {
    const total = Prefix.size(Prefix.from(cidr).length);
    return [grouping, cidr, fiveDigits(total), percent(used, total), percent(total - used, total)];
  };
  return pools.flatMap(pool => {
    const within = blocksOf(pool, blocks);
    const used = within.reduce((sum, block) => sum + inUse(block), 0);
    const own = withBlocks ? within.map(block => row('Block', block.spec.cidr, inUse(block))) : [];
    return [row('IP Pool', pool.spec.cidr, used), ...own];
  });
}

const blocksOf = (pool: IPPool, blocks: readonly IPAMBlock[]): IPAMBlock[] =>
  blocks.filter(block => Prefix.covers(Prefix.from(pool.spec.cidr), Prefix.from(block.spec.cidr)));

/** Who holds `address` in `block`; undefined when nobody does. */
export function holderOf({ spec }: IPAMBlock, address: Ipv4.Ipv4Address): AllocationAttribute | undefined {
  const index = spec.allocations[address - Prefix.from(spec.cidr).address];
  return index === null || index === undefined ? undefined : spec.attributes[index];
}

/** Every address in use, with its holder, in order of address. */
function allocations(block: IPAMBlock): { address: string; holder: AllocationAttribute }[] {
  const first = Prefix.from(block.spec.cidr).address;
  return block.spec.allocations.flatMap((index, ordinal) => {
    const holder = index === null ? undefined : block.spec.attributes[index];
    return holder === undefined ? [] : [{ address: Ipv4.format(first + ordinal), holder }];
  });
}

const hostOf = ({ spec }: IPAMBlock): string => spec.affinity?.replace(/^host:/, '') ?? '';

/** IP, BORROWING-NODE, BLOCK, BLOCK OWNER, TYPE, ALLOCATED-TO of addresses used by another node than the block's. */
export function borrowed(blocks: readonly IPAMBlock[]): string[][] {
  return blocks.flatMap(block => {
    const owner = hostOf(block);
    return allocations(block).flatMap(({ address, holder: { secondary = {} } }) => {
      const { node = '', pod, namespace, type } = secondary;
      if (node === '' || node === owner) return [];
      const to = pod === undefined ? (type ?? '') : `${namespace}/${pod}`;
      return [[address, node, block.spec.cidr, owner, pod === undefined ? (type ?? '') : 'pod', to]];
    });
  });
}

export interface IpamState {
  readonly blocks: readonly IPAMBlock[];
  readonly pools: readonly IPPool[];
  readonly nodes: readonly Node[];
  readonly endpoints: readonly WorkloadEndpoint[];
  readonly handles: readonly IPAMHandle[];
}

const TOP = 20;

/** `calicoctl ipam check`. */
export function checkText({ blocks, pools, nodes, endpoints, handles }: IpamState): string {
  const held = blocks.flatMap(allocations);
  const tunnels = nodes.flatMap(({ spec }) =>
    [spec.bgp?.ipv4IPIPTunnelAddr, spec.ipv4VXLANTunnelAddr].filter(a => a !== undefined),
  );
  const workloads = endpoints.flatMap(e => e.spec.ipNetworks.map(n => n.replace(/\/32$/, '')));
  const used = new Set([...tunnels, ...workloads]);
  const known = new Set(held.map(({ address }) => address));
  const leaked = held.filter(({ address }) => !used.has(address));
  const inPool = (address: string): boolean =>
    pools.some(pool => Prefix.contains(Prefix.from(pool.spec.cidr), Ipv4.from(address)));
  const lost = [...used].filter(address => !known.has(address));
  const outside = lost.filter(address => !inPool(address));
  const mentioned = new Set(held.map(({ holder }) => holder.handle_id?.toLowerCase()));
  const matched = handles.filter(h => mentioned.has(h.spec.handleID.toLowerCase())).length;
  const idle = handles.length - matched;
  const problems = leaked.length + lost.length + idle;
  const active = pools.filter(pool => pool.spec.disabled !== true);
  const lines = [
    'Checking IPAM for inconsistencies...',
    '',
    'Loading all IPAM blocks...',
    `Found ${blocks.length} IPAM blocks.`,
    ...blocks.map(block => ` IPAM block ${block.spec.cidr} affinity=${block.spec.affinity ?? '<none>'}:`),
    `IPAM blocks record ${held.length} allocations.`,
    '',
    'Loading all IPAM pools...',
    ...active.map(pool => `  ${pool.spec.cidr}`),
    `Found ${active.length} active IP pools.`,
    '',
    'Loading all nodes.',
    `Found ${tunnels.length} node tunnel IPs.`,
    '',
    'Loading all workload endpoints.',
    `Found ${workloads.length} workload IPs.`,
    `Workloads and nodes are using ${used.size} IPs.`,
    '',
    'Loading all handles',
    ...topNodes(blocks),
    '',
    'Scanning for IPs that are allocated but not actually in use...',
    `Found ${leaked.length} IPs that are allocated in IPAM but not actually in use.`,
    'Scanning for IPs that are in use by a workload or node but not allocated in IPAM...',
    `Found ${outside.length} in-use IPs that are not in active IP pools.`,
    `Found ${lost.length - outside.length} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.`,
    '',
    'Scanning for IPAM handles with no matching IPs...',
    `Found ${idle} handles with no matching IPs (and ${matched} handles with matches).`,
    'Scanning for IPs with missing handle...',
    'Found 0 handles mentioned in blocks with no matching handle resource.',
    `Check complete; found ${problems} problems.`,
  ];
  return `${lines.join('\n')}\n`;
}

function topNodes(blocks: readonly IPAMBlock[]): string[] {
  const counts = new Map<string, number>();
  for (const block of blocks) {
    for (const { holder } of allocations(block)) {
      const node = holder.secondary?.['node'] ?? hostOf(block);
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  const ordered = [...counts].sort((a, b) => b[1] - a[1]);
  if (ordered.length === 0) return [];
  const median = ordered[Math.floor(ordered.length / 2)]![1];
  return [
    `Looking for top (up to ${TOP}) nodes by allocations...`,
    ...ordered.slice(0, TOP).map(([node, count]) => `  ${node} has ${count} allocations`),
    `Node with most allocations has ${ordered[0]![1]}; median is ${median}`,
  ];
}
