/** The reference lab (four nodes, two subnets) in its forms, as tests vary it: built from data, without a file of its own. */
import { Lab } from '../../src/lab.ts';
import { parseScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import type { LoadedResource } from '../../src/scenario/types.ts';
import { fromRoot } from '../kit.ts';

export type Mode = 'ipip-always' | 'ipip-crosssubnet' | 'direct' | 'vxlan-always' | 'vxlan-crosssubnet';

export const MODES: readonly Mode[] = [
  'ipip-always',
  'ipip-crosssubnet',
  'direct',
  'vxlan-always',
  'vxlan-crosssubnet',
];

/** `ipipMode` and `vxlanMode` of a pool in that mode. */
export function encapsulation(mode: Mode): { ipipMode: string; vxlanMode: string } {
  const how = mode.endsWith('crosssubnet') ? 'CrossSubnet' : 'Always';
  return {
    ipipMode: mode.startsWith('ipip') ? how : 'Never',
    vxlanMode: mode.startsWith('vxlan') ? how : 'Never',
  };
}

/** Routers of the lab with a router machine, and what AWS puts in their place. */
export const DUMB_ROUTER = { routers: { 'k8s-rtr': { default: 'none' } } };
export const BGP_ROUTER = {
  routers: {
    'k8s-rtr': {
      bgp: { as: 64512, listenRange: '192.168.0.0/16', networks: ['10.1.1.0/24', '10.1.2.0/24'] },
    },
  },
};

const NODES = { 'k8s-m': 'a .10', 'k8s-w1': 'a .101', 'k8s-w2': 'a .102', 'k8s-w0': 'b .100' };
const PODS = { pod0: 'k8s-m', pod1: 'k8s-w1', pod2: 'k8s-w2', pod3: 'k8s-w0' };

const subnets = (gateway: string, mtu: number): unknown => ({
  a: { cidr: '192.168.10.0/24', gateway, mtu },
  b: { cidr: '192.168.20.0/24', gateway, mtu },
});

/** Form with a router machine; MTU 1500. */
export const routerForm = (router: object): object => ({
  ...router,
  subnets: subnets('k8s-rtr .254', 1500),
  nodes: NODES,
});

/** Form on AWS; MTU 9001. */
export const awsForm = (sourceDestCheck: 'on' | 'off'): object => ({
  cloud: 'aws-vpc',
  sourceDestCheck,
  subnets: subnets('vpc .1', 9001),
  nodes: NODES,
});

export interface LabPlan {
  readonly fabric: object;
  readonly pods?: Readonly<Record<string, string>>;
  /** Calico and Kubernetes resources, as in files. */
  readonly resources: readonly object[];
  readonly seed?: number;
  readonly steps?: readonly object[];
  /** Default: processors cost nothing. */
  readonly hostModel?: string;
}

/** A pool as the reference lab's manifest makes it, in another mode or otherwise different. */
export const pool = (mode: Mode, spec: object = {}, name = 'default-ipv4-ippool'): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name },
  spec: {
    cidr: '172.16.0.0/16',
    blockSize: 24,
    natOutgoing: true,
    nodeSelector: 'all()',
    ...encapsulation(mode),
    ...spec,
  },
});

export const calico = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata: { name },
  spec,
});

/** Boots on the main thread. */
export function bootLab({
  fabric,
  pods = PODS,
  resources,
  seed = 1,
  steps = [],
  hostModel,
}: LabPlan): Promise<Lab> {
  const document = {
    apiVersion: 'tunlab.dev/v1alpha1',
    kind: 'Scenario',
    metadata: { name: 'test' },
    spec: { seed, fabric, pods, steps, hostModel },
  };
  const file = fromRoot('scenarios/test.yaml');
  const scenario = parseScenario(JSON.stringify(document), { file, validate: validateResources });
  const loaded = resources.map((object, i) => loadedResource(object as Readonly<Record<string, unknown>>, i));
  return Lab.of({ ...scenario, resources: loaded }, { workers: 0 });
}

function loadedResource(object: Readonly<Record<string, unknown>>, index: number): LoadedResource {
  const metadata = object['metadata'] as { name: string; namespace?: string };
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const position = { line: index + 1, column: 1 };
  const { name, namespace } = metadata;
  return { file: 'test', position, apiVersion, kind, name, namespace, object, fields: {} };
}

/** `pod1` to `pod3` both ways: the way that was seen, or where and why it died: `k8s-rtr NO_ROUTE`, `k8s-w1/eth0 …` at a port. */
export async function waysBetween(lab: Lab, names: readonly string[]): Promise<Record<string, string>> {
  const outcomes = await lab.matrix(names);
  return Object.fromEntries(
    outcomes.map(({ from, to, result, way, died }) => {
      const at = died?.device.includes('/') ? died.device : died?.machine;
      const place = died === undefined ? 'lost' : `${at} ${died.reason}`;
      return [`${from.name} ${to.name}`, result.answered ? way! : place];
    }),
  );
}

/** The lines of `ip route`, without the blanks at their ends. */
export const routeLines = async (lab: Lab, place: string): Promise<string[]> =>
  (await lab.routes(place)).map(route => route.text.trimEnd());
