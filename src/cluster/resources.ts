/** What is in the datastore when a lab boots: namespaces, the fabric's nodes, then the scenario's resources in order. */
import * as Ipv4 from '../addr/ipv4.ts';
import { formatTimestamp } from '../api/store-time.ts';
import { calicoNodePod } from '../calico/resources/core.ts';
import { parse, type Resource } from '../calico/resources/kinds.ts';
import type { Node } from '../calico/resources/node.ts';
import type * as Scenario from '../scenario/types.ts';
import { Random } from '../sim/random.ts';

/** The machines joined the cluster this long before the lab's time begins. */
const CLUSTER_AGE_MS = 34 * 60 * 1000;
const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

export function initialResources(scenario: Scenario.Scenario): Resource[] {
  const namespaces = NAMESPACES.map(
    name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} }) as Resource,
  );
  const written = scenario.resources.map(resource => parse(resource.object));
  const nodes = scenario.fabric.nodes.map(node => nodeResource(scenario, node));
  // A Node of the scenario's files (labels, a route reflector's cluster id) adds to what the fabric says of it.
  const merged = nodes.map((node): Resource => {
    const other = written.find((w): w is Node => w.kind === 'Node' && w.metadata.name === node.metadata.name);
    if (other === undefined) return node;
    const labels = { ...node.metadata.labels, ...other.metadata.labels };
    const bgp = { ...node.spec.bgp, ...other.spec.bgp };
    const metadata = { ...node.metadata, ...other.metadata, labels };
    return { ...node, metadata, spec: { ...node.spec, ...other.spec, bgp } };
  });
  const others = written.filter(w => w.kind !== 'Node');
  const wanted = [...new Set(others.map(o => o.metadata.namespace))].filter(
    (name): name is string => name !== undefined && !NAMESPACES.includes(name),
  );
  const missing = wanted.filter(
    name => !others.some(o => o.kind === 'Namespace' && o.metadata.name === name),
  );
  const implied = missing.map(
    name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} }) as Resource,
  );
  const earlier = scenario.pods.map(existingPod);
  const calicoNodes = scenario.fabric.nodes.map(({ name }) =>
    calicoNodePod(name, scenario.calicoVersion, new Random(scenario.seed, `calico-node/${name}`)),
  );
  return [...namespaces, ...implied, ...merged, ...calicoNodes, ...earlier, ...others];
}

/** A pod of the scenario's `pods:`: it only has to hold an address. */
const existingPod = (pod: Scenario.ExistingPod): Resource => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: pod.name, namespace: pod.namespace, labels: { ...pod.labels } },
  spec: { nodeName: pod.node, containers: [{ name: pod.name, image: 'registry.k8s.io/pause:3.9' }] },
});

/** What the kubelet registers: names, addresses, versions (the reference lab's). */
function nodeResource(scenario: Scenario.Scenario, node: Scenario.Node): Node {
  const first = scenario.fabric.nodes[0] === node;
  const aws = scenario.fabric.cloud === 'aws-vpc';
  const address = Ipv4.format(node.address);
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: {
      name: node.name,
      creationTimestamp: formatTimestamp(scenario.startMs - CLUSTER_AGE_MS),
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        ...(first && { 'node-role.kubernetes.io/control-plane': '' }),
        ...node.labels,
      },
    },
    spec: {
      addresses: [{ address, type: 'InternalIP' }],
      bgp: {
        ipv4Address: `${Ipv4.format(node.bgpAddress.address)}/${node.bgpAddress.length}`,
        ...(node.asNumber !== undefined && { asNumber: node.asNumber }),
      },
      orchRefs: [{ nodeName: node.name, orchestrator: 'k8s' }],
    },
    kubernetes: {
      ready: true,
      kubeletVersion: 'v1.30.5',
      osImage: 'Ubuntu 22.04.5 LTS',
      kernelVersion: aws ? '6.5.0-1024-aws' : '5.15.0-119-generic',
      containerRuntimeVersion: 'containerd://1.7.22',
    },
  };
}
