/**
 * Random edits of shipped scenarios, one at a time: a mode, a selector, a mask, a peer, an AS number, a check that is
 * switched on, a cable that is cut. Each says by which words an explanation names it.
 */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { LoadedResource, Node, Router, Scenario, Step } from '../../src/scenario/types.ts';
import { SECOND } from '../../src/sim/time.ts';

/** Scenarios whose pods all talk once they have converged. */
export const BASES: readonly string[] = [
  'modes/ipip-always',
  'modes/ipip-crosssubnet',
  'modes/vxlan-always',
  'modes/vxlan-crosssubnet',
  'modes/direct-router-mesh',
  'modes/direct-router-rr',
  'modes/direct-static-routes',
  'bgp/as-per-rack',
  'bgp/dual-tor',
  'aws/source-dest-check-off',
  'nat/nat-outgoing',
];

export interface Edit {
  /** What was done, for people. */
  readonly text: string;
  /** Its steps are those that bring the loss about. */
  readonly scenario: Scenario;
  /** An explanation names the edit when it says this. */
  readonly named: RegExp;
}

/** A whole number below `bound`, out of the numbers of the case. */
export type Draw = (bound: number) => number;

/** One kind of edit; undefined where it does not fit the scenario. */
type Maker = (scenario: Scenario, pick: Draw) => Edit | undefined;

const one = <T>(list: readonly T[], pick: Draw): T | undefined => list[pick(Math.max(1, list.length))];

/** `object` with `value` at `path`; undefined takes the field away. */
function withField(object: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  const copy = { ...(object as Record<string, unknown>) };
  const next = rest.length === 0 ? value : withField(copy[key!] ?? {}, rest, value);
  if (next === undefined) delete copy[key!];
  else copy[key!] = next;
  return copy;
}

const specField = (resource: LoadedResource, field: string): unknown =>
  (resource.object['spec'] as Record<string, unknown> | undefined)?.[field];

function editResource(
  scenario: Scenario,
  kind: string,
  pick: Draw,
  fields: Readonly<Record<string, unknown>>,
): Edit | undefined {
  const found = one(
    scenario.resources.filter(resource => resource.kind === kind),
    pick,
  );
  if (found === undefined) return undefined;
  const entries = Object.entries(fields).filter(([field, value]) => specField(found, field) !== value);
  if (entries.length === 0) return undefined;
  const object = entries.reduce<unknown>(
    (object, [field, value]) => withField(object, ['spec', field], value),
    found.object,
  ) as LoadedResource['object'];
  const changed = entries.map(([field, value]) => `${field}: ${JSON.stringify(value) ?? 'gone'}`).join(', ');
  return {
    text: `${kind} ${found.name} ${changed}`,
    scenario: { ...scenario, resources: scenario.resources.map(r => (r === found ? { ...r, object } : r)) },
    named: new RegExp(`${kind} ${found.name}\\b.*\\b(${entries.map(([field]) => field).join('|')})\\b`),
  };
}

function addResource(scenario: Scenario, kind: string, name: string, spec: object): Edit {
  const object = { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec };
  const { apiVersion } = object;
  const added: LoadedResource = {
    file: 'edit',
    position: HERE,
    apiVersion,
    kind,
    name,
    namespace: undefined,
    object,
    fields: {},
  };
  const named = new RegExp(`${kind} ${name}\\b`);
  const text = `new ${kind} ${name} ${JSON.stringify(spec)}`;
  return { text, scenario: { ...scenario, resources: [...scenario.resources, added] }, named };
}

function editNode(
  scenario: Scenario,
  pick: Draw,
  change: (node: Node) => Partial<Node>,
  word: string,
): Edit | undefined {
  const { fabric } = scenario;
  const node = one(fabric.nodes, pick);
  if (node === undefined) return undefined;
  const fields = change(node);
  const nodes = fabric.nodes.map(each => (each === node ? { ...each, ...fields } : each));
  return {
    text: `node ${node.name} ${JSON.stringify(fields)}`,
    scenario: { ...scenario, fabric: { ...fabric, nodes } },
    named: new RegExp(`\\b${node.name}\\b.*${word}|${word}.*\\b${node.name}\\b`),
  };
}

function editRouter(
  scenario: Scenario,
  pick: Draw,
  change: (router: Router) => Partial<Router> | undefined,
  word: string,
): Edit | undefined {
  const { fabric } = scenario;
  const router = one(
    fabric.routers.filter(each => change(each) !== undefined),
    pick,
  );
  if (router === undefined) return undefined;
  const fields = change(router)!;
  const routers = fabric.routers.map(each => (each === router ? { ...each, ...fields } : each));
  return {
    text: `router ${router.name} ${JSON.stringify(fields, (_, value) => value ?? 'gone').slice(0, 60)}`,
    scenario: { ...scenario, fabric: { ...fabric, routers } },
    named: new RegExp(`\\b${router.name}\\b.*${word}`),
  };
}

const MODES = ['Never', 'CrossSubnet', 'Always'] as const;
const SELECTORS = ["rack == 'nowhere'", "kubernetes.io/hostname == 'k8s-w1'", '!all()', 'has(rack)'] as const;

const mode: Maker = (scenario, pick) =>
  editResource(scenario, 'IPPool', pick, { ipipMode: MODES[pick(3)]!, vxlanMode: MODES[pick(3)]! });

const poolSelector: Maker = (scenario, pick) =>
  editResource(scenario, 'IPPool', pick, { nodeSelector: one(SELECTORS, pick) });

const poolSwitch: Maker = (scenario, pick) =>
  editResource(
    scenario,
    'IPPool',
    pick,
    one([{ disabled: true }, { natOutgoing: false }, { blockSize: 28 }], pick)!,
  );

const disableExport: Maker = (scenario, pick) =>
  editResource(scenario, 'IPPool', pick, { disableBGPExport: true });

const nodeMask: Maker = (scenario, pick) => {
  const length = [32, 30, 16, 8][pick(4)]!;
  return editNode(scenario, pick, node => ({ bgpAddress: { ...node.bgpAddress, length } }), 'ipv4Address');
};

const nodeAs: Maker = (scenario, pick) =>
  editNode(scenario, pick, () => ({ asNumber: 65_100 + pick(3) }), '(AS|asNumber)');

const mesh: Maker = (scenario, pick) => {
  const fields = one([{ nodeToNodeMeshEnabled: false }, { asNumber: 65_200 }], pick)!;
  return (
    editResource(scenario, 'BGPConfiguration', pick, fields) ??
    addResource(scenario, 'BGPConfiguration', 'default', fields)
  );
};

const peer: Maker = (scenario, pick) => {
  const fields = [
    { asNumber: 65_300 },
    { peerIP: Ipv4.format(one(scenario.fabric.nodes, pick)!.address) },
    { peerIP: '192.168.10.77' },
    { nodeSelector: SELECTORS[pick(SELECTORS.length)] },
  ];
  return editResource(scenario, 'BGPPeer', pick, one(fields, pick)!);
};

const noPeer: Maker = (scenario, pick) => {
  const found = one(
    scenario.resources.filter(resource => resource.kind === 'BGPPeer'),
    pick,
  );
  if (found === undefined) return undefined;
  return {
    text: `no BGPPeer ${found.name}`,
    scenario: { ...scenario, resources: scenario.resources.filter(resource => resource !== found) },
    named: /BGPPeer|no (BGP )?session|not a peer/,
  };
};

const newPeer: Maker = (scenario, pick) => {
  const { nodes, routers } = scenario.fabric;
  const addresses = [...nodes.map(n => n.address), ...routers.flatMap(r => r.interfaces.map(i => i.address))];
  const peerIP = Ipv4.format(one(addresses, pick)!);
  return addResource(scenario, 'BGPPeer', 'another', { peerIP, asNumber: [64_512, 65_001][pick(2)]! });
};

const routerAs: Maker = (scenario, pick) =>
  editRouter(
    scenario,
    pick,
    ({ bgp }) => (bgp === undefined ? undefined : { bgp: { ...bgp, as: 65_400 } }),
    '(AS|as)\\b',
  );

const routerSilence: Maker = (scenario, pick) =>
  editRouter(scenario, pick, ({ bgp }) => (bgp === undefined ? undefined : { bgp: undefined }), 'BGP');

const routerRoutes: Maker = (scenario, pick) =>
  editRouter(
    scenario,
    pick,
    ({ routes }) => (routes.length === 0 ? undefined : { routes: routes.slice(1) }),
    '(route|knows)',
  );

const HERE = { line: 1, column: 1 };

/** As a step of the file, once the lab has converged. */
function disturbed(scenario: Scenario, what: Partial<Pick<Step, 'link' | 'node'>>): Scenario {
  const step = {
    name: 'disturb',
    link: undefined,
    node: undefined,
    run: [],
    expect: [],
    snapshot: undefined,
    position: HERE,
    ...what,
  };
  return { ...scenario, steps: [...scenario.steps, { ...step, waitNs: 5 * SECOND }] };
}

const cable: Maker = (scenario, pick) => {
  const { nodes, routers } = scenario.fabric;
  const nics = [
    ...nodes.map(node => ({ owner: node.name, device: node.interface })),
    ...routers.flatMap(router =>
      router.interfaces.map((_, i) => ({ owner: router.name, device: `eth${i + 1}` })),
    ),
  ];
  const { owner, device } = one(nics, pick)!;
  return {
    text: `cable of ${owner}/${device} cut`,
    scenario: disturbed(scenario, { link: { state: 'down', owner, device } }),
    named: both(`\\b${owner}\\b`, 'cable|carrier|LINK_DOWN|linkdown|NEIGH_FAILED'),
  };
};

const power: Maker = (scenario, pick) => {
  const { name } = one(scenario.fabric.nodes, pick)!;
  return {
    text: `${name} switched off`,
    scenario: disturbed(scenario, { node: { action: 'stop', name } }),
    named: both(`\\b${name}\\b`, 'off|power|stopped|LINK_DOWN|NODE_STOPPED|NEIGH_FAILED'),
  };
};

const loss: Maker = (scenario, pick) => {
  const { name, interface: device } = one(scenario.fabric.nodes, pick)!;
  const link = {
    owner: name,
    device,
    rateBps: undefined,
    delayNs: undefined,
    queueBytes: undefined,
    loss: 1,
  };
  const { fabric } = scenario;
  const links = [...fabric.links, { ...link, position: HERE }] as typeof fabric.links;
  return {
    text: `link ${name}/${device} loses everything`,
    scenario: { ...scenario, fabric: { ...fabric, links } },
    named: new RegExp(`${name}|loss|LOSS`),
  };
};

const cloud: Maker = (scenario, pick) => {
  const { fabric } = scenario;
  if (fabric.cloud === 'aws-vpc')
    return editNode(
      scenario,
      pick,
      () => ({ sourceDestCheck: true }),
      '(ource/destination|FABRIC_SRC_DST_CHECK)',
    );
  const which = (['azure-vnet', 'port-security'] as const)[pick(2)]!;
  return {
    text: `cloud: ${which}`,
    scenario: { ...scenario, fabric: { ...fabric, cloud: which } },
    named: which === 'azure-vnet' ? /FABRIC_PROTO4_BLOCKED/ : /FABRIC_PORT_SECURITY/,
  };
};

const strict: Maker = (scenario, pick) => {
  const name = ['net.ipv4.conf.all.rp_filter', 'net.ipv4.ip_forward'][pick(2)]!;
  const value = name.endsWith('rp_filter') ? 1 : 0;
  return {
    text: `sysctl ${name}=${value}`,
    scenario: { ...scenario, sysctls: { ...scenario.sysctls, [name]: value } },
    named: name.endsWith('rp_filter') ? /rp_filter|RPF_STRICT/ : /ip_forward|NOT_FORWARDING/,
  };
};

const hooks: Maker = (scenario, pick) => ({
  text: 'other hooks',
  scenario: { ...scenario, hooks: (['none', 'masquerade'] as const)[pick(2)]! },
  named: /TUNNEL_PEER_UNKNOWN|SPOOFED|hooks/,
});

/** Both words, in whatever order. */
const both = (a: string, b: string): RegExp => new RegExp(`(${a}).*(${b})|(${b}).*(${a})`);

/** All kinds, each as likely. */
export const MAKERS: Readonly<Record<string, Maker>> = {
  mode,
  poolSelector,
  poolSwitch,
  disableExport,
  nodeMask,
  nodeAs,
  mesh,
  peer,
  noPeer,
  newPeer,
  routerAs,
  routerSilence,
  routerRoutes,
  cable,
  power,
  loss,
  cloud,
  strict,
  hooks,
};
