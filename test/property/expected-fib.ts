/**
 * What the tables of a lab should be, worked out from the datastore alone: no BGP, no Felix, one pass over blocks and
 * nodes. Version profile A (facts: calico-dataplane §2).
 *
 *   own block    blackhole, proto bird (BIRD) or 80 (Felix)
 *   own pod      /32 on its cali device
 *   other block  to its node: by tunnel, or plain on the wire; plain across a router means to the router
 *   borrowed     an address that lives elsewhere than its block has a /32, at the block's owner too
 */
import { createHash } from 'node:crypto';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type { Mode } from '../routing/reference-lab.ts';

export interface NodeFact {
  readonly name: string;
  /** Number of its rack: its subnet is 10.RACK.0.0/24, the router .254. */
  readonly rack: number;
  readonly address: string;
  readonly tunnel: string;
}

export interface Facts {
  readonly mode: Mode;
  readonly nodes: readonly NodeFact[];
  /** CIDR and owner. */
  readonly blocks: readonly { readonly cidr: string; readonly node: string }[];
  readonly pods: readonly { readonly name: string; readonly node: string; readonly address: string }[];
  /** The router has a session with each node. */
  readonly routerBgp: boolean;
  readonly racks: number;
}

const cali = (pod: string): string =>
  `cali${createHash('sha1').update(`default.${pod}`).digest('hex').slice(0, 11)}`;

interface Loan {
  readonly address: string;
  readonly node: string;
  /** Of a tunnel, not of a pod. */
  readonly tunnel: boolean;
}

/** Addresses that live on another node than the owner of their block. */
function loans({ nodes, pods, blocks }: Facts): Loan[] {
  const held: Loan[] = [
    ...pods.map(({ address, node }) => ({ address, node, tunnel: false })),
    ...nodes.flatMap(({ name, tunnel }) =>
      tunnel === '' ? [] : [{ address: tunnel, node: name, tunnel: true }],
    ),
  ];
  return held.filter(({ address, node }) => {
    const block = blocks.find(({ cidr }) => Prefix.contains(Prefix.from(cidr), Ipv4.from(address)));
    return block?.node !== node;
  });
}

/** `destination` is a block, or an address on loan. */
function toNode(facts: Facts, from: NodeFact, to: NodeFact, destination: string): string {
  const [kind, cross] = facts.mode.split('-');
  const plain = kind === 'direct' || (cross === 'crosssubnet' && from.rack === to.rack);
  if (kind === 'vxlan') {
    if (plain) return `${destination} via ${to.address} dev eth0 proto 80 onlink`;
    // The far end of the tunnel itself is on its link.
    if (destination === to.tunnel) return `${destination} dev vxlan.calico scope link`;
    return `${destination} via ${to.tunnel} dev vxlan.calico onlink`;
  }
  if (!plain) return `${destination} via ${to.address} dev tunl0 proto bird onlink`;
  const gateway = from.rack === to.rack ? to.address : `10.${from.rack}.0.254`;
  return `${destination} via ${gateway} dev eth0 proto bird`;
}

/** Lines of `ip route` on one node, sorted as text. */
export function nodeRoutes(facts: Facts, node: NodeFact): string[] {
  const owners = new Map(facts.nodes.map(each => [each.name, each]));
  const felix = facts.mode.startsWith('vxlan');
  return [
    `default via 10.${node.rack}.0.254 dev eth0 proto static`,
    `10.${node.rack}.0.0/24 dev eth0 proto kernel scope link src ${node.address}`,
    ...facts.pods
      .filter(pod => pod.node === node.name)
      .map(pod => `${pod.address} dev ${cali(pod.name)} scope link`),
    ...facts.blocks.map(({ cidr, node: owner }) =>
      owner === node.name
        ? `blackhole ${cidr} proto ${felix ? '80' : 'bird'}`
        : toNode(facts, node, owners.get(owner)!, cidr),
    ),
    ...loans(facts)
      .filter(loan => loan.node !== node.name)
      .map(loan => toNode(facts, node, owners.get(loan.node)!, loan.address)),
  ].sort();
}

export function routerRoutes(facts: Facts): string[] {
  const owners = new Map(facts.nodes.map(each => [each.name, each]));
  const connected = Array.from(
    { length: facts.racks },
    (_, rack) => `10.${rack}.0.0/24 dev eth${rack + 1} proto kernel scope link src 10.${rack}.0.254`,
  );
  // Routes of vxlan.calico, its own address too, are not told to peers of the same AS.
  const told = loans(facts).filter(loan => !(loan.tunnel && facts.mode.startsWith('vxlan')));
  const learnt = [
    ...facts.blocks.map(({ cidr, node }) => ({ destination: cidr, node })),
    ...told.map(({ address, node }) => ({ destination: address, node })),
  ].map(({ destination, node }) => {
    const { address, rack } = owners.get(node)!;
    return `${destination} via ${address} dev eth${rack + 1} proto bgp metric 20`;
  });
  return [...connected, ...(facts.routerBgp ? learnt : [])].sort();
}

/** Where VXLAN leads: tunnel address, node address. Empty in the other modes. */
export function vteps(facts: Facts, node: NodeFact): string[] {
  if (!facts.mode.startsWith('vxlan')) return [];
  return facts.nodes
    .filter(other => other !== node)
    .map(other => `${other.tunnel} ${other.address}`)
    .sort();
}
