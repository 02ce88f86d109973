/**
 * The Kubernetes kinds that networking needs: Pod, Namespace, Deployment, ServiceAccount; and WorkloadEndpoint, Calico's
 * view of a running pod. Fields that mean nothing to an emulator of networking are kept and ignored.
 */
import * as Ipv4 from '../../addr/ipv4.ts';
import type { Random } from '../../sim/random.ts';
import { caliName } from '../names.ts';
import { CALICO_API, type FieldPath, type Problem, type ResourceBase } from './meta.ts';
import { any, bool, list, open, string } from './shape.ts';

export interface Container {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
}

export interface PodSpec {
  containers: Container[];
  /** Pins the pod to a node; set by the scheduler when the manifest has none. */
  nodeName?: string;
  hostNetwork?: boolean;
  serviceAccountName?: string;
}

export interface PodStatus {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  podIP?: string;
  hostIP?: string;
  startTime?: string;
  /** Why a pending pod is pending: `ContainerCreating`, or the CNI plugin's error. */
  reason?: string;
  message?: string;
  /** What the readiness probe last said against it. */
  notReady?: string;
}

export interface Pod extends ResourceBase<'Pod'> {
  spec: PodSpec;
  status?: PodStatus;
}

export interface Namespace extends ResourceBase<'Namespace'> {
  spec?: Record<string, unknown>;
}

export interface ServiceAccount extends ResourceBase<'ServiceAccount'> {}

export interface Deployment extends ResourceBase<'Deployment'> {
  spec: Record<string, unknown>;
}

export interface WorkloadEndpoint extends ResourceBase<'WorkloadEndpoint'> {
  spec: {
    node: string;
    orchestrator: 'k8s';
    pod: string;
    endpoint: 'eth0';
    interfaceName: string;
    ipNetworks: string[];
    containerID?: string;
    profiles: string[];
    serviceAccountName?: string;
  };
}

export const POD_SPEC = open('PodSpec', {
  containers: list(
    open('Container', { name: string, image: string, command: list(string), args: list(string) }),
  ),
  nodeName: string,
  hostNetwork: bool,
  serviceAccountName: string,
});

/** A spec that is only kept. */
export const OPAQUE_SPEC = any;

export const ANNOTATION_POOLS = 'cni.projectcalico.org/ipv4pools';
export const ANNOTATION_ADDRESSES = 'cni.projectcalico.org/ipAddrs';
export const ANNOTATION_MAC = 'cni.projectcalico.org/hwAddr';
export const ANNOTATION_POD_IP = 'cni.projectcalico.org/podIP';
export const ANNOTATION_POD_IPS = 'cni.projectcalico.org/podIPs';
export const ANNOTATION_CONTAINER_ID = 'cni.projectcalico.org/containerID';

/** A pod of the DaemonSet calico-node. */
export const isCalicoNode = (pod: Pod): boolean =>
  pod.metadata.namespace === 'kube-system' && pod.metadata.labels?.['k8s-app'] === 'calico-node';

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** `calico-node-7qwx2` on `node`, as the DaemonSet makes it; Kubernetes' names have no vowels, lest they say something. */
export function calicoNodePod(node: string, version: string, random: Random): Pod {
  const suffix = Array.from({ length: 5 }, () => SUFFIX_LETTERS[random.below(SUFFIX_LETTERS.length)]).join(
    '',
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `calico-node-${suffix}`,
      namespace: 'kube-system',
      labels: { 'k8s-app': 'calico-node' },
    },
    spec: {
      nodeName: node,
      hostNetwork: true,
      serviceAccountName: 'calico-node',
      containers: [{ name: 'calico-node', image: `docker.io/calico/node:${version}` }],
    },
  };
}

export function validatePod(pod: Pod): Problem[] {
  const problems: Problem[] = [];
  const containers: Container[] | undefined = pod.spec.containers;
  if (containers === undefined || containers.length === 0) {
    problems.push({
      field: 'spec.containers',
      value: undefined,
      reason: 'Required value',
      path: ['spec', 'containers'],
    });
  }
  return problems;
}

/** Kubernetes' words for problems of its own kinds. */
export const kubernetesInvalid = (kind: string, name: string, problems: readonly Problem[]): string => {
  const texts = problems.map(p => `${p.field}: ${p.reason}`);
  return `The ${kind} "${name}" is invalid: ${texts.length === 1 ? texts[0] : `\n* ${texts.join('\n* ')}`}`;
};

const MUTABLE_IN_POD = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** The fields of a running pod's spec are frozen, but for its images and for being scheduled. */
export function validatePodUpdate(pod: Pod, old: Pod): Problem[] {
  const comparable = (p: Pod): string => {
    const { nodeName: _, containers, ...rest } = p.spec;
    const named = containers.map(({ image: _image, ...container }) => container);
    return canonical({ ...rest, containers: named });
  };
  const moved = old.spec.nodeName !== undefined && pod.spec.nodeName !== old.spec.nodeName;
  if (!moved && comparable(pod) === comparable(old)) return [];
  const reason = `Forbidden: pod updates may not change fields other than ${MUTABLE_IN_POD}`;
  const path: FieldPath = moved ? ['spec', 'nodeName'] : ['spec'];
  return [{ field: 'spec', value: undefined, reason, path }];
}

/** JSON with sorted keys: equal text means equal data. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join()}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** The JSON list of an IPAM annotation, `["pool-a","10.0.0.0/16"]`; `undefined` when it is not such a list. */
export function annotationList(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(v => typeof v === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

const escaped = (name: string): string => name.replaceAll('-', '--');

/** Calico's view of a pod; `undefined` while it has no address, is not scheduled, or shares its node's network. */
export function workloadEndpoint(pod: Pod): WorkloadEndpoint | undefined {
  const { name, namespace = 'default' } = pod.metadata;
  const { nodeName, hostNetwork, serviceAccountName = 'default' } = pod.spec;
  const address = pod.status?.podIP ?? pod.metadata.annotations?.[ANNOTATION_POD_IP]?.replace(/\/32$/, '');
  if (nodeName === undefined || hostNetwork === true) return undefined;
  if (address === undefined || Ipv4.parse(address) === undefined) return undefined;
  const containerID = pod.metadata.annotations?.[ANNOTATION_CONTAINER_ID];
  return {
    apiVersion: CALICO_API,
    kind: 'WorkloadEndpoint',
    metadata: {
      name: `${escaped(nodeName)}-k8s-${escaped(name)}-eth0`,
      namespace,
      ...(pod.metadata.creationTimestamp && { creationTimestamp: pod.metadata.creationTimestamp }),
      ...(pod.metadata.resourceVersion && { resourceVersion: pod.metadata.resourceVersion }),
      ...(pod.metadata.uid && { uid: pod.metadata.uid }),
      labels: {
        ...pod.metadata.labels,
        'projectcalico.org/namespace': namespace,
        'projectcalico.org/orchestrator': 'k8s',
        'projectcalico.org/serviceaccount': serviceAccountName,
      },
    },
    spec: {
      node: nodeName,
      orchestrator: 'k8s',
      pod: name,
      endpoint: 'eth0',
      interfaceName: caliName(namespace, name),
      ipNetworks: [`${address}/32`],
      ...(containerID !== undefined && { containerID }),
      profiles: [`kns.${namespace}`, `ksa.${namespace}.${serviceAccountName}`],
      serviceAccountName,
    },
  };
}
