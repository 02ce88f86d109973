/** Resources as kubectl writes them out: nodes as `v1`, Calico's kinds under the group of their custom resources. */
import { KINDS, type Resource } from '../calico/resources/kinds.ts';
import { kubernetesAnnotations, type Node } from '../calico/resources/node.ts';

export function kubernetesView(resource: Resource): Readonly<Record<string, unknown>> {
  if (resource.kind === 'Node') return nodeView(resource);
  if (resource.kind === 'Pod') return podView(resource);
  if (KINDS[resource.kind].calico) return { ...resource, apiVersion: 'crd.projectcalico.org/v1' };
  return { ...resource };
}

function nodeView(node: Node): Readonly<Record<string, unknown>> {
  const { kubernetes = {}, metadata, spec } = node;
  const { name, labels } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...metadata,
      ...(labels && { labels }),
      annotations: { ...metadata.annotations, ...kubernetesAnnotations(node) },
    },
    spec: {
      ...(kubernetes.podCIDR && { podCIDR: kubernetes.podCIDR, podCIDRs: [kubernetes.podCIDR] }),
      ...(kubernetes.taints && { taints: kubernetes.taints }),
      ...(kubernetes.unschedulable && { unschedulable: true }),
    },
    status: {
      addresses: [
        ...(spec.addresses ?? []).filter(a => a.type === 'InternalIP' || a.type === 'ExternalIP'),
        { address: name, type: 'Hostname' },
      ],
      conditions: [
        { type: 'NetworkUnavailable', status: 'False', reason: 'CalicoIsUp' },
        { type: 'Ready', status: kubernetes.ready === false ? 'Unknown' : 'True', reason: 'KubeletReady' },
      ],
      nodeInfo: {
        architecture: 'amd64',
        containerRuntimeVersion: kubernetes.containerRuntimeVersion,
        kernelVersion: kubernetes.kernelVersion,
        kubeletVersion: kubernetes.kubeletVersion,
        operatingSystem: 'linux',
        osImage: kubernetes.osImage,
      },
    },
  };
}

function podView(pod: Resource & { kind: 'Pod' }): Readonly<Record<string, unknown>> {
  const { spec } = pod;
  const { notReady, ...status } = pod.status ?? {};
  const running = status.phase === 'Running';
  const ready = running && notReady === undefined;
  const since = status.startTime;
  const condition = (type: string, holds: boolean): object => ({
    ...(since !== undefined && { lastTransitionTime: since }),
    status: holds ? 'True' : 'False',
    type,
  });
  const scheduled = spec.nodeName !== undefined;
  return {
    ...pod,
    status: {
      ...status,
      conditions: [
        ...(scheduled
          ? [condition('PodReadyToStartContainers', running), condition('Initialized', true)]
          : []),
        ...(scheduled ? [condition('Ready', ready), condition('ContainersReady', ready)] : []),
        condition('PodScheduled', scheduled),
      ],
      ...(scheduled && {
        containerStatuses: spec.containers.map(({ name, image }) => ({
          image: image ?? '',
          name,
          ready,
          restartCount: 0,
          started: running,
          state: running ? { running: { startedAt: since } } : { waiting: { reason: 'ContainerCreating' } },
        })),
      }),
      ...(status.podIP !== undefined && { podIPs: [{ ip: status.podIP }] }),
      ...(status.hostIP !== undefined && { hostIPs: [{ ip: status.hostIP }] }),
      qosClass: 'BestEffort',
    },
  };
}
