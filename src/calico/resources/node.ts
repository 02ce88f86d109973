/**
 * Node, the Calico view of it (facts: calico-resources §5). With the Kubernetes datastore a Calico Node *is* the
 * Kubernetes Node: labels are one, and Calico's fields are annotations there. Here one object holds both; what only
 * Kubernetes knows is under `kubernetes`, which calicoctl does not show.
 */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import { CALICO_API, type ObjectMeta, once, type Problem, type ResourceBase } from './meta.ts';
import { quoted } from './rules.ts';
import { any, asNumber, bool, list, object, open, parseAsNumber, string } from './shape.ts';

export interface NodeAddress {
  address: string;
  type?: 'CalicoNodeIP' | 'InternalIP' | 'ExternalIP';
}

export interface NodeBgp {
  asNumber?: number;
  /** With prefix length, as CrossSubnet needs it: `192.168.10.10/24`. */
  ipv4Address?: string;
  ipv6Address?: string;
  ipv4IPIPTunnelAddr?: string;
  routeReflectorClusterID?: string;
}

/** What the kubelet reports and kubectl prints. */
export interface KubernetesNode {
  podCIDR?: string;
  ready?: boolean;
  unschedulable?: boolean;
  kubeletVersion?: string;
  osImage?: string;
  kernelVersion?: string;
  containerRuntimeVersion?: string;
  taints?: { key: string; value?: string; effect: string }[];
}

export interface Node extends ResourceBase<'Node'> {
  spec: {
    addresses?: NodeAddress[];
    bgp?: NodeBgp;
    ipv4VXLANTunnelAddr?: string;
    vxlanTunnelMACAddr?: string;
    orchRefs?: { nodeName: string; orchestrator: string }[];
  };
  status?: { podCIDRs?: string[] };
  kubernetes?: KubernetesNode;
}

export const NODE_SPEC = object('NodeSpec', {
  addresses: list(object('NodeAddress', { address: string, type: string })),
  bgp: object('NodeBGPSpec', {
    asNumber,
    ipv4Address: string,
    ipv6Address: string,
    ipv4IPIPTunnelAddr: string,
    routeReflectorClusterID: string,
  }),
  ipv4VXLANTunnelAddr: string,
  vxlanTunnelMACAddr: string,
  orchRefs: list(object('OrchRef', { nodeName: string, orchestrator: string })),
  wireguard: any,
});

/** The `v1` Node, as far as it is read. */
export const KUBERNETES_NODE_SPEC = open('NodeSpec', {
  podCIDR: string,
  unschedulable: bool,
  taints: list(open('Taint', { key: string, value: string, effect: string })),
});
export const KUBERNETES_NODE_STATUS = open('NodeStatus', {
  addresses: list(open('NodeAddress', { address: string, type: string })),
});

/** The node's BGP address and its subnet; without a prefix length the subnet is a /32, so that nobody shares it. */
export interface NodeNetwork {
  readonly address: Ipv4.Ipv4Address;
  readonly subnet: Prefix.Prefix;
}

function parseNetwork(text: string | undefined): NodeNetwork | undefined {
  const prefix = text === undefined ? undefined : Prefix.parse(text.includes('/') ? text : `${text}/32`);
  if (prefix === undefined) return undefined;
  return { address: prefix.address, subnet: Prefix.network(prefix.address, prefix.length) };
}

/** From `spec.bgp.ipv4Address`; `undefined` for a node that does not do BGP. */
export const bgpNetwork = once((node: Node): NodeNetwork | undefined =>
  parseNetwork(node.spec.bgp?.ipv4Address),
);

/** As Felix finds it: the BGP address, else the InternalIP, else the ExternalIP of the node. */
export const nodeNetwork = once((node: Node): NodeNetwork | undefined => {
  const byType = (type: NodeAddress['type']) =>
    node.spec.addresses?.find(a => a.type === type && parseNetwork(a.address) !== undefined)?.address;
  return bgpNetwork(node) ?? parseNetwork(byType('InternalIP')) ?? parseNetwork(byType('ExternalIP'));
});

const byName = once(
  (nodes: readonly Node[]): ReadonlyMap<string, Node> => new Map(nodes.map(n => [n.metadata.name, n])),
);

/** One of a listing. */
export const nodeNamed = (nodes: readonly Node[], name: string): Node | undefined => byName(nodes).get(name);

export function validateNode(node: Node): Problem[] {
  const { bgp, vxlanTunnelMACAddr } = node.spec;
  const problems: Problem[] = [];
  if (bgp !== undefined && Object.keys(bgp).length === 0) {
    problems.push({
      field: 'BGP',
      value: undefined,
      reason: 'Spec.BGP should not be empty',
      path: ['spec', 'bgp'],
    });
  }
  if (bgp?.ipv4Address !== undefined && parseNetwork(bgp.ipv4Address) === undefined) {
    problems.push(quoted('IPv4Address', bgp.ipv4Address, 'cidrv4', ['spec', 'bgp', 'ipv4Address']));
  }
  if (bgp?.ipv4IPIPTunnelAddr !== undefined && Ipv4.parse(bgp.ipv4IPIPTunnelAddr) === undefined) {
    const path = ['spec', 'bgp', 'ipv4IPIPTunnelAddr'];
    problems.push(quoted('IPv4IPIPTunnelAddr', bgp.ipv4IPIPTunnelAddr, 'ipv4', path));
  }
  if (bgp?.routeReflectorClusterID !== undefined && Ipv4.parse(bgp.routeReflectorClusterID) === undefined) {
    const path = ['spec', 'bgp', 'routeReflectorClusterID'];
    problems.push(quoted('RouteReflectorClusterID', bgp.routeReflectorClusterID, 'ipv4', path));
  }
  if (vxlanTunnelMACAddr !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(vxlanTunnelMACAddr)) {
    problems.push(quoted('VXLANTunnelMACAddr', vxlanTunnelMACAddr, 'mac', ['spec', 'vxlanTunnelMACAddr']));
  }
  return problems;
}

/** The annotations under which Kubernetes keeps Calico's fields of a node. */
export function kubernetesAnnotations(node: Node): Record<string, string> {
  const { bgp, ipv4VXLANTunnelAddr, vxlanTunnelMACAddr } = node.spec;
  const pairs: [string, string | undefined][] = [
    ['ASNumber', bgp?.asNumber === undefined ? undefined : String(bgp.asNumber)],
    ['IPv4Address', bgp?.ipv4Address],
    ['IPv4IPIPTunnelAddr', bgp?.ipv4IPIPTunnelAddr],
    ['IPv4VXLANTunnelAddr', ipv4VXLANTunnelAddr],
    ['IPv6Address', bgp?.ipv6Address],
    ['RouteReflectorClusterID', bgp?.routeReflectorClusterID],
    ['VXLANTunnelMACAddr', vxlanTunnelMACAddr],
  ];
  const set = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [ANNOTATION + name, value]));
}

const ANNOTATION = 'projectcalico.org/';

/** The parts of a `v1` Node that are read; everything else of it says nothing about networking. */
export interface KubernetesNodeObject {
  metadata: ObjectMeta;
  spec?: { podCIDR?: string; unschedulable?: boolean; taints?: KubernetesNode['taints'] };
  status?: { addresses?: { type: string; address: string }[] };
}

/** A Kubernetes Node as one of ours: Calico's annotations become fields. */
export function fromKubernetesNode(object: KubernetesNodeObject): Node {
  const { annotations = {}, ...metadata } = object.metadata;
  const others = Object.entries(annotations).filter(([name]) => !name.startsWith(ANNOTATION));
  const read = <K extends string>(name: string, field: K): { [key in K]?: string } =>
    (annotations[ANNOTATION + name] === undefined
      ? {}
      : { [field]: annotations[ANNOTATION + name] }) as never;
  const as = parseAsNumber(annotations[`${ANNOTATION}ASNumber`]);
  const bgp: NodeBgp = {
    ...(as !== undefined && { asNumber: as }),
    ...read('IPv4Address', 'ipv4Address'),
    ...read('IPv6Address', 'ipv6Address'),
    ...read('IPv4IPIPTunnelAddr', 'ipv4IPIPTunnelAddr'),
    ...read('RouteReflectorClusterID', 'routeReflectorClusterID'),
  };
  const types = ['InternalIP', 'ExternalIP'];
  const addresses = (object.status?.addresses ?? []).filter(a => types.includes(a.type)) as NodeAddress[];
  const { podCIDR, unschedulable, taints } = object.spec ?? {};
  const kubernetes: KubernetesNode = {
    ...(podCIDR !== undefined && { podCIDR }),
    ...(unschedulable !== undefined && { unschedulable }),
    ...(taints !== undefined && { taints }),
  };
  return {
    apiVersion: CALICO_API,
    kind: 'Node',
    metadata: { ...metadata, ...(others.length > 0 && { annotations: Object.fromEntries(others) }) },
    spec: {
      ...(addresses.length > 0 && { addresses }),
      ...(Object.keys(bgp).length > 0 && { bgp }),
      ...read('IPv4VXLANTunnelAddr', 'ipv4VXLANTunnelAddr'),
      ...read('VXLANTunnelMACAddr', 'vxlanTunnelMACAddr'),
    },
    ...(Object.keys(kubernetes).length > 0 && { kubernetes }),
  };
}

/** The address kubectl prints as INTERNAL-IP. */
export const internalIp = (node: Node): string | undefined =>
  node.spec.addresses?.find(a => a.type === 'InternalIP')?.address;

/** ROLES of kubectl: the suffixes of the role labels, in order, or `<none>`. */
export function roles(meta: ObjectMeta): string {
  const prefix = 'node-role.kubernetes.io/';
  const names = Object.keys(meta.labels ?? {}).filter(l => l.startsWith(prefix));
  return names.length === 0
    ? '<none>'
    : names
        .map(l => l.slice(prefix.length))
        .sort()
        .join(',');
}
