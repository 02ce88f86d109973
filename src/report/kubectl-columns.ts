/** The columns of `kubectl get`, per kind (facts: calico-cli-formats §5). First row = header. */
import type { Pod } from '../calico/resources/core.ts';
import type { Kind, Resource } from '../calico/resources/kinds.ts';
import { internalIp, type Node, roles } from '../calico/resources/node.ts';

export interface ColumnOptions {
  readonly wide: boolean;
  readonly withNamespace: boolean;
  /** Virtual wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}

/** kubectl's AGE: `39s`, `5m6s`, `34m`, `3h12m`, `18h`, `5d3h`, `21d` (apimachinery's HumanDuration). */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  return `${days}d`;
}

type Row = (resource: Resource, options: ColumnOptions) => string[];

const since = (resource: Resource, { nowMs }: ColumnOptions): string =>
  resource.metadata.creationTimestamp === undefined
    ? '<unknown>'
    : age(nowMs - Date.parse(resource.metadata.creationTimestamp));

const podRow: Row = (resource, options) => {
  const { spec, status, metadata } = resource as Pod;
  const count = spec.containers.length;
  const ready = status?.phase === 'Running' && status.notReady === undefined;
  const state = status?.reason ?? status?.phase ?? 'Pending';
  const row = [metadata.name, `${ready ? count : 0}/${count}`, state, '0', since(resource, options)];
  if (!options.wide) return row;
  return [...row, status?.podIP ?? '<none>', spec.nodeName ?? '<none>', '<none>', '<none>'];
};

const nodeRow: Row = (resource, options) => {
  const node = resource as Node;
  const { kubernetes } = node;
  const ready = kubernetes?.ready === false ? 'NotReady' : 'Ready';
  const row = [
    node.metadata.name,
    ready,
    roles(node.metadata),
    since(resource, options),
    kubernetes?.kubeletVersion ?? '',
  ];
  if (!options.wide) return row;
  return [
    ...row,
    internalIp(node) ?? '<none>',
    '<none>',
    kubernetes?.osImage ?? '<unknown>',
    kubernetes?.kernelVersion ?? '<unknown>',
    kubernetes?.containerRuntimeVersion ?? '<unknown>',
  ];
};

const NAMESPACE = ['NAME', 'STATUS', 'AGE'];
const namespaceRow: Row = (resource, options) => [resource.metadata.name, 'Active', since(resource, options)];

const POD = ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'];
const POD_WIDE = [...POD, 'IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES'];
const NODE = ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'];
const NODE_WIDE = [...NODE, 'INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME'];

export function kubectlColumns(kind: Kind, objects: readonly Resource[], options: ColumnOptions): string[][] {
  const [header, row] = columnsOf(kind, options.wide);
  const rows = objects.map(object => row(object, options));
  if (!options.withNamespace || objects.every(o => o.metadata.namespace === undefined))
    return [header, ...rows];
  return [
    ['NAMESPACE', ...header],
    ...rows.map((cells, i) => [objects[i]!.metadata.namespace ?? '', ...cells]),
  ];
}

function columnsOf(kind: Kind, wide: boolean): [string[], Row] {
  if (kind === 'Pod') return [wide ? POD_WIDE : POD, podRow];
  if (kind === 'Node') return [wide ? NODE_WIDE : NODE, nodeRow];
  if (kind === 'Namespace') return [NAMESPACE, namespaceRow];
  return [['NAME', 'AGE'], (resource, options) => [resource.metadata.name, since(resource, options)]];
}
