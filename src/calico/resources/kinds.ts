/** Every kind there is: its API group, its names on a command line, how it decodes, what it refuses. */
import {
  BGPCONFIGURATION_SPEC,
  type BGPConfiguration,
  BGPFILTER_SPEC,
  type BGPFilter,
  BGPPEER_SPEC,
  type BGPPeer,
  STRING_MAP,
  validateBGPConfiguration,
  validateBGPFilter,
  validateBGPPeer,
} from './bgp.ts';
import {
  type Deployment,
  type Namespace,
  OPAQUE_SPEC,
  POD_SPEC,
  type Pod,
  type ServiceAccount,
  validatePod,
  type WorkloadEndpoint,
} from './core.ts';
import { FELIXCONFIGURATION_SPEC, type FelixConfiguration, validateFelixConfiguration } from './felix.ts';
import {
  BLOCKAFFINITY_SPEC,
  type BlockAffinity,
  IPAMBLOCK_SPEC,
  type IPAMBlock,
  IPAMHANDLE_SPEC,
  type IPAMHandle,
  validateBlockAffinity,
  validateIPAMBlock,
} from './ipam.ts';
import { CALICO_API, type Problem } from './meta.ts';
import {
  fromKubernetesNode,
  KUBERNETES_NODE_SPEC,
  KUBERNETES_NODE_STATUS,
  type KubernetesNodeObject,
  NODE_SPEC,
  type Node,
  validateNode,
} from './node.ts';
import {
  defaultIPPool,
  IPAMCONFIG_SPEC,
  type IPAMConfiguration,
  IPPOOL_SPEC,
  type IPPool,
  IPRESERVATION_SPEC,
  type IPReservation,
  validateIPAMConfiguration,
  validateIPPool,
  validateIPReservation,
} from './pool.ts';
import { any, DecodeError, decode, object, open, type Shape, string } from './shape.ts';

export interface ResourceByKind {
  IPPool: IPPool;
  IPReservation: IPReservation;
  IPAMConfiguration: IPAMConfiguration;
  BGPConfiguration: BGPConfiguration;
  BGPPeer: BGPPeer;
  BGPFilter: BGPFilter;
  Node: Node;
  FelixConfiguration: FelixConfiguration;
  BlockAffinity: BlockAffinity;
  IPAMBlock: IPAMBlock;
  IPAMHandle: IPAMHandle;
  WorkloadEndpoint: WorkloadEndpoint;
  Pod: Pod;
  Namespace: Namespace;
  Deployment: Deployment;
  ServiceAccount: ServiceAccount;
}

export type Kind = keyof ResourceByKind;
export type Resource = ResourceByKind[Kind];
/** Kinds that are stored; a WorkloadEndpoint is a view of a Pod. */
export type StoredKind = Exclude<Kind, 'WorkloadEndpoint'>;

export interface KindInfo<K extends Kind = Kind> {
  readonly kind: K;
  readonly apiVersions: readonly string[];
  /** `ippools.crd.projectcalico.org`, as in "… not found". */
  readonly resource: string;
  readonly plural: string;
  readonly aliases: readonly string[];
  readonly namespaced: boolean;
  /** Shown and edited by calicoctl; otherwise by kubectl. */
  readonly calico: boolean;
  readonly spec: Shape;
  /** Decoded strictly: unknown fields are refused. */
  readonly strict: boolean;
}

function calico<K extends Kind>(kind: K, plural: string, aliases: string, spec: Shape): KindInfo<K> {
  const resource = `${plural}.crd.projectcalico.org`;
  const apiVersions = [CALICO_API, 'crd.projectcalico.org/v1'];
  return {
    kind,
    apiVersions,
    resource,
    plural,
    aliases: aliases === '' ? [] : aliases.split(' '),
    namespaced: kind === 'WorkloadEndpoint',
    calico: true,
    spec,
    strict: true,
  };
}

function core<K extends Kind>(
  kind: K,
  apiVersion: string,
  plural: string,
  aliases: string,
  spec: Shape,
): KindInfo<K> {
  return {
    kind,
    apiVersions: [apiVersion],
    resource: apiVersion === 'v1' ? plural : `${plural}.${apiVersion.split('/')[0]}`,
    plural,
    aliases: aliases === '' ? [] : aliases.split(' '),
    namespaced: kind !== 'Namespace',
    calico: false,
    spec,
    strict: false,
  };
}

/** Aliases are calicoctl's and kubectl's, without the plural and the lower-cased kind, which always work. */
export const KINDS: { readonly [K in Kind]: KindInfo<K> } = {
  IPPool: calico('IPPool', 'ippools', 'ipp ipps pool pools', IPPOOL_SPEC),
  IPReservation: calico(
    'IPReservation',
    'ipreservations',
    'ipres reservation reservations',
    IPRESERVATION_SPEC,
  ),
  IPAMConfiguration: calico(
    'IPAMConfiguration',
    'ipamconfigs',
    'ipamconfig ipamconfigurations ipamconf',
    IPAMCONFIG_SPEC,
  ),
  BGPConfiguration: calico(
    'BGPConfiguration',
    'bgpconfigurations',
    'bgpconfig bgpconfigs',
    BGPCONFIGURATION_SPEC,
  ),
  BGPPeer: calico('BGPPeer', 'bgppeers', 'bgpp bgpps bp bps', BGPPEER_SPEC),
  BGPFilter: calico('BGPFilter', 'bgpfilters', 'bgpf bgpfs', BGPFILTER_SPEC),
  Node: {
    ...calico('Node', 'nodes', 'no nos', NODE_SPEC),
    apiVersions: [CALICO_API, 'v1'],
    resource: 'nodes',
  },
  FelixConfiguration: calico(
    'FelixConfiguration',
    'felixconfigurations',
    'felixconfig felixconfigs fc fcs',
    FELIXCONFIGURATION_SPEC,
  ),
  BlockAffinity: calico('BlockAffinity', 'blockaffinities', 'affinity affinities', BLOCKAFFINITY_SPEC),
  IPAMBlock: calico('IPAMBlock', 'ipamblocks', '', IPAMBLOCK_SPEC),
  IPAMHandle: calico('IPAMHandle', 'ipamhandles', '', IPAMHANDLE_SPEC),
  WorkloadEndpoint: calico('WorkloadEndpoint', 'workloadendpoints', 'wep weps', any),
  Pod: core('Pod', 'v1', 'pods', 'po', POD_SPEC),
  Namespace: core('Namespace', 'v1', 'namespaces', 'ns', OPAQUE_SPEC),
  Deployment: core('Deployment', 'apps/v1', 'deployments', 'deploy', OPAQUE_SPEC),
  ServiceAccount: core('ServiceAccount', 'v1', 'serviceaccounts', 'sa', OPAQUE_SPEC),
};

export const STORED_KINDS = (Object.keys(KINDS) as Kind[]).filter(
  (kind): kind is StoredKind => kind !== 'WorkloadEndpoint',
);

const BY_NAME = new Map<string, KindInfo>(
  Object.values(KINDS).flatMap(info =>
    [info.kind.toLowerCase(), info.plural, ...info.aliases].map((name): [string, KindInfo] => [name, info]),
  ),
);

/** The kind that a command line calls `name`, in any case; `undefined` when there is none. */
export const kindNamed = (name: string): KindInfo | undefined => BY_NAME.get(name.toLowerCase());

/** `IPPool(foo)`, `Pod(default/pod1)`: how errors name an object. */
export function identifier(kind: string, name: string, namespace?: string): string {
  return `${kind}(${namespace === undefined ? name : `${namespace}/${name}`})`;
}

const METADATA = open('ObjectMeta', {
  name: string,
  namespace: string,
  uid: string,
  resourceVersion: string,
  creationTimestamp: string,
  labels: STRING_MAP,
  annotations: STRING_MAP,
});

const STRICT_TOP = (info: KindInfo): Shape =>
  object(info.kind, {
    apiVersion: string,
    kind: string,
    metadata: METADATA,
    spec: info.spec,
    status: any,
    ...(info.kind === 'Node' && { kubernetes: any }),
  });

const KUBERNETES_NODE = open('Node', {
  apiVersion: string,
  kind: string,
  metadata: METADATA,
  spec: KUBERNETES_NODE_SPEC,
  status: KUBERNETES_NODE_STATUS,
});

const TOPS = new Map<string, Shape>(
  Object.values(KINDS).map(info => [info.kind, info.strict ? STRICT_TOP(info) : kubernetesShape(info.kind)]),
);

/** A whole object of `kind` as the Kubernetes API has it, where a Node is not Calico's. */
export function kubernetesShape(kind: Kind): Shape {
  if (kind === 'Node') return KUBERNETES_NODE;
  const info = KINDS[kind];
  const fields = { apiVersion: string, kind: string, metadata: METADATA, spec: info.spec };
  return info.strict ? object(kind, fields) : open(kind, fields);
}

/** Read an object of any known kind from parsed YAML or JSON. Throws `DecodeError` with Go's words and a path. */
export function parse(value: unknown): Resource {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError('json: cannot unmarshal value into a resource', []);
  }
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    throw new DecodeError(`unknown resource type (${String(apiVersion)}, Kind=${String(kind)})`, ['kind']);
  }
  const info = KINDS[kind as Kind];
  if (typeof apiVersion !== 'string' || !info.apiVersions.includes(apiVersion)) {
    throw new DecodeError(`unknown resource type (${String(apiVersion)}, Kind=${kind})`, ['apiVersion']);
  }
  const isKubernetesNode = kind === 'Node' && apiVersion === 'v1';
  const read = decode(isKubernetesNode ? KUBERNETES_NODE : TOPS.get(kind)!, value);
  const decoded = read as Resource & { spec?: unknown };
  if (typeof decoded.metadata?.name !== 'string' || decoded.metadata.name === '') {
    throw new DecodeError('metadata.name is required', ['metadata']);
  }
  if (isKubernetesNode) return fromKubernetesNode(read as KubernetesNodeObject);
  const metadata = { ...decoded.metadata };
  if (info.namespaced) metadata.namespace ??= 'default';
  else delete metadata.namespace;
  return { ...decoded, metadata, apiVersion: info.apiVersions[0]!, spec: decoded.spec ?? {} } as Resource;
}

/** Fill in what the client fills in before it writes. */
export function applyDefaults<R extends Resource>(resource: R): R {
  return resource.kind === 'IPPool' ? (defaultIPPool(resource) as R) : resource;
}

/** What else the datastore holds, as far as a check looks at it. */
export interface Surroundings {
  readonly pools: () => readonly IPPool[];
  readonly blockCidrs: () => readonly string[];
}

/** The problems of `resource` by itself and, for a pool, beside the others; `old` is the stored one to be replaced. */
export function validate(resource: Resource, old: Resource | undefined, around: Surroundings): Problem[] {
  switch (resource.kind) {
    case 'IPPool': {
      const context = { pools: around.pools(), blockCidrs: old === undefined ? around.blockCidrs() : [] };
      return validateIPPool(resource, old as IPPool | undefined, context);
    }
    case 'IPReservation':
      return validateIPReservation(resource);
    case 'IPAMConfiguration':
      return validateIPAMConfiguration(resource);
    case 'BGPConfiguration':
      return validateBGPConfiguration(resource);
    case 'BGPPeer':
      return validateBGPPeer(resource);
    case 'BGPFilter':
      return validateBGPFilter(resource);
    case 'BlockAffinity':
      return validateBlockAffinity(resource);
    case 'IPAMBlock':
      return validateIPAMBlock(resource);
    case 'Node':
      return validateNode(resource);
    case 'FelixConfiguration':
      return validateFelixConfiguration(resource);
    case 'Pod':
      return validatePod(resource);
    default:
      return [];
  }
}
