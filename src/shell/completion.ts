/** What Tab offers: commands, verbs, kinds, names of objects, machines, devices and files. */
import { KINDS, kindNamed, type Resource } from '../calico/resources/kinds.ts';
import type { Cluster } from '../controller/cluster.ts';
import { commandsAt } from './command-set.ts';
import { NOT_EMULATED } from './commands/not-emulated.ts';
import type { LabShell } from './shell.ts';

const VERBS: Readonly<Record<string, readonly string[]>> = {
  calicoctl: 'get apply create replace patch delete label node ipam version'.split(' '),
  kubectl:
    'annotate apply create delete describe exec explain get label logs patch replace version wait'.split(' '),
  ip: 'address link neighbour netns route rule tunnel'.split(' '),
  ipset: ['list', 'save', 'test'],
  route: ['add', 'del'],
  birdcl: ['show'],
  bridge: ['fdb'],
  node: ['stop', 'start'],
  link: ['down', 'up'],
  fabric: ['allow', 'block', 'source-dest-check', 'address-pair'],
};
const TRAFFIC = ['ipip', 'vxlan', 'bgp', 'icmp'];
const SECOND: Readonly<Record<string, readonly string[]>> = {
  'calicoctl node': ['status'],
  'calicoctl ipam': ['show', 'check', 'configure'],
  'ip route': 'show get add append replace change del flush'.split(' '),
  'ip link': ['show', 'set'],
  'ip address': 'show add del replace flush'.split(' '),
  'ip neighbour': 'show add del replace flush'.split(' '),
  'ip tunnel': ['show'],
  'birdcl show': ['status', 'protocols', 'route'],
  'bridge fdb': ['show'],
  'fabric allow': TRAFFIC,
  'fabric block': TRAFFIC,
  'fabric source-dest-check': ['on', 'off'],
};
const SHELL_WORDS = 'alias bg cd exit fg history jobs kill unalias wait'.split(' ');
const TEXT_TOOLS = 'awk cat column cut diff echo egrep grep head jq ls sed sort tail tee uniq wc xargs'.split(
  ' ',
);
const HIDDEN = new Set(Object.keys(NOT_EMULATED).flatMap(names => names.split(' ')));

/** Candidates for the last word of `line`, and that word. */
export async function complete(shell: LabShell, cluster: Cluster, line: string): Promise<[string[], string]> {
  const words = line
    .slice(line.lastIndexOf('|') + 1)
    .trimStart()
    .split(/\s+/);
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1).map(word => (word === 'k' ? 'kubectl' : word));
  const candidates = await candidatesAfter(before, shell, cluster);
  const fitting = candidates.filter(candidate => candidate.startsWith(last)).sort();
  return [[...new Set(fitting)].map(each => `${each} `), last];
}

async function candidatesAfter(
  before: readonly string[],
  shell: LabShell,
  cluster: Cluster,
): Promise<readonly string[]> {
  const [command, verb, word] = before;
  if (command === undefined) {
    const known = Object.keys(commandsAt(cluster, shell.place)).filter(name => !HIDDEN.has(name));
    return [...known, ...SHELL_WORDS, ...TEXT_TOOLS];
  }
  const previous = before.at(-1)!;
  if (previous === '-f' || ['cat', 'less', 'head', 'tail'].includes(command)) return shell.fileNames();
  if (previous === '-i' || previous === 'dev' || command === 'ethtool')
    return (await cluster.devices(shell.place)).map(device => device.name);
  if (command === 'ssh' || command === 'node')
    return before.length > 1 || command === 'ssh' ? machines(cluster) : VERBS['node']!;
  if (command === 'matrix' || command === 'ping')
    return [...machines(cluster), ...(await names('Pod', cluster))];
  if (command === 'link' && before.length > 1) return nics(cluster);
  if (before.length === 1) return VERBS[command] ?? [];
  if (before.length === 2 && SECOND[`${command} ${verb}`] !== undefined) return SECOND[`${command} ${verb}`]!;
  if (command !== 'kubectl' && command !== 'calicoctl') return [];
  if (verb === 'exec' || verb === 'logs') return names('Pod', cluster);
  if (before.length === 2)
    return Object.values(KINDS)
      .filter(info => info.calico || command === 'kubectl')
      .map(info => info.plural);
  if (verb === 'explain') return [];
  const kind = kindNamed(word!);
  return kind === undefined ? [] : names(kind.kind, cluster);
}

async function names(kind: keyof typeof KINDS, cluster: Cluster): Promise<string[]> {
  const namespace = KINDS[kind].namespaced ? 'default' : undefined;
  const objects: readonly Resource[] = await cluster.list(kind, namespace);
  return objects.map(object => object.metadata.name);
}

function machines({ scenario: { fabric } }: Cluster): string[] {
  return [...fabric.nodes, ...fabric.routers, ...fabric.hosts].map(machine => machine.name);
}

function nics(cluster: Cluster): string[] {
  const { nodes, routers } = cluster.scenario.fabric;
  return [
    ...nodes.map(node => `${node.name}/${node.interface}`),
    ...routers.flatMap(router => router.interfaces.map((_, i) => `${router.name}/eth${i + 1}`)),
  ];
}
