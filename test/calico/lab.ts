/** The reference laboratory as resources: four nodes, two subnets, a block a node, three pods. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { allocateAddress, newBlock } from '../../src/calico/ipam/block.ts';
import { type WorkloadEndpoint, workloadEndpoint } from '../../src/calico/resources/core.ts';
import { type BlockAffinity, type IPAMBlock, newAffinity } from '../../src/calico/resources/ipam.ts';
import { CALICO_API } from '../../src/calico/resources/meta.ts';
import type { Node } from '../../src/calico/resources/node.ts';
import { defaultIPPool, type IPPool } from '../../src/calico/resources/pool.ts';

export const PLACES = [
  ['k8s-m', '192.168.10.10/24', '172.16.116.0', undefined, undefined],
  ['k8s-w0', '192.168.20.100/24', '172.16.34.0', 'pod3', '172.16.34.1'],
  ['k8s-w1', '192.168.10.101/24', '172.16.158.0', 'pod1', '172.16.158.3'],
  ['k8s-w2', '192.168.10.102/24', '172.16.184.0', 'pod2', '172.16.184.4'],
] as const;

export interface Laboratory {
  nodes: Node[];
  pools: IPPool[];
  blocks: IPAMBlock[];
  affinities: BlockAffinity[];
  endpoints: WorkloadEndpoint[];
}

/** `blockSize` 26 as in the recordings, 24 as in the published lab. */
export function laboratory(spec: Partial<IPPool['spec']>, blockSize = 26): Laboratory {
  const pool: IPPool = {
    apiVersion: CALICO_API,
    kind: 'IPPool',
    metadata: { name: 'default-ipv4-ippool' },
    spec: { cidr: '172.16.0.0/16', blockSize, natOutgoing: true, ...spec },
  };
  const ipip = (spec.ipipMode ?? 'Never') !== 'Never';
  const vxlan = (spec.vxlanMode ?? 'Never') !== 'Never';
  const block = (tunnel: string) => ({ address: Ipv4.from(tunnel), length: blockSize });
  return {
    pools: [defaultIPPool(pool)],
    nodes: PLACES.map(([name, ipv4Address, tunnel]) => ({
      apiVersion: CALICO_API,
      kind: 'Node',
      metadata: { name },
      spec: {
        bgp: { ipv4Address, ...(ipip && { ipv4IPIPTunnelAddr: tunnel }) },
        ...(vxlan && { ipv4VXLANTunnelAddr: tunnel }),
      },
    })),
    blocks: PLACES.map(([name, , tunnel]) => newBlock(block(tunnel), name, 0, '')),
    affinities: PLACES.map(([name, , tunnel]) => newAffinity(name, block(tunnel), 'confirmed')),
    endpoints: PLACES.flatMap(([nodeName, , , name, podIP]) => {
      if (name === undefined) return [];
      const spec = { containers: [{ name }], nodeName };
      return (
        workloadEndpoint({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec, status: { podIP } }) ?? []
      );
    }),
  };
}

/** Give `address` of one of the lab's blocks to a pod of `node`. */
export function lend(lab: Laboratory, address: string, node: string): void {
  const at = lab.blocks.findIndex(b => Prefix.contains(Prefix.from(b.spec.cidr), Ipv4.from(address)));
  const block = lab.blocks[at]!;
  const spec = allocateAddress(block.spec, Ipv4.from(address), {
    handle: `h-${address}`,
    attributes: { node },
  })!;
  lab.blocks[at] = { ...block, spec };
}
