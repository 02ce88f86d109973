/**
 * Broken scenarios: each row breaks the good one in one place and names the first line of every diagnostic.
 * The fixture's line numbers are part of the contract: a caret one column off is a failure.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { loadScenario, parseScenario } from '../../src/scenario/load.ts';
import { headline, ScenarioError } from '../../src/scenario/problem.ts';
import type { ResourceValidator } from '../../src/scenario/types.ts';
import { dropReasonNames } from '../../src/trace/drop-reason.ts';
import { assert, fixture, fromRoot, suite } from '../kit.ts';

const t = suite('scenario/broken');

const GOOD = fixture('scenario/good.yaml').toString();
const DIRECTORY = fromRoot('test/fixtures/scenario');

function faultsOf(load: () => unknown): ScenarioError {
  try {
    load();
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error('the scenario loaded');
}

/** The diagnostics of `text`, without the folder of the fixture. */
function diagnose(text: string): string[] {
  const error = faultsOf(() => parseScenario(text, { file: `${DIRECTORY}/x.yaml` }));
  return error.problems.map(problem => headline(problem).replace(`${DIRECTORY}/`, ''));
}

/** `from` must be there once, so that a row cannot silently break nothing. */
function broken(from: string, to: string): string {
  assert.is(GOOD.split(from).length, 2, `the fixture holds ${JSON.stringify(from)} once`);
  return GOOD.replace(from, () => to);
}

const STEP = '    - node: { stop: k8s-w2 }';

const ROWS: readonly (readonly [what: string, from: string, to: string, ...expected: string[]])[] = [
  // Form
  [
    'a misspelt key',
    'gateway: k8s-rtr',
    'gatway: k8s-rtr',
    'x.yaml:31:35  fabric.subnets.b: unknown key "gatway", did you mean "gateway"?',
  ],
  [
    'a misspelt key at the top',
    '  seed: 7',
    '  sede: 7',
    'x.yaml:8:3  spec: unknown key "sede", did you mean "seed"?',
  ],
  [
    'a static route to nowhere',
    'loopbacks: [10.1.1.254/24]',
    'routes: [{ to: 172.16.34.0/24, via: 10.9.9.9 }]',
    'x.yaml:23:45  fabric.routers.k8s-rtr.routes[0].via: 10.9.9.9 is in no subnet of the router',
  ],
  [
    'a static route with host bits',
    'loopbacks: [10.1.1.254/24]',
    'routes: [{ to: 172.16.34.1/24, via: 192.168.20.100 }]',
    'x.yaml:23:24  fabric.routers.k8s-rtr.routes[0].to: "172.16.34.1/24" has host bits set, did you mean "172.16.34.0/24"?',
  ],
  ['an unknown key like no other', '  seed: 7', '  quux: 7', 'x.yaml:8:3  spec: unknown key "quux"'],
  [
    'a missing key',
    'b: { cidr: 192.168.20.0/24, ',
    'b: { ',
    'x.yaml:31:7  fabric.subnets.b: missing key "cidr"',
  ],
  ['a missing section', 'metadata:\n  name: good', 'metadata:', 'x.yaml:3:1  metadata: missing key "name"'],
  [
    'another version',
    'v1alpha1',
    'v1',
    'x.yaml:1:13  apiVersion: expected tunlab.dev/v1alpha1, got "tunlab.dev/v1"',
  ],
  ['another kind', 'kind: Scenario', 'kind: Pod', 'x.yaml:2:7  kind: expected Scenario, got "Pod"'],
  ['a word for a number', 'seed: 7', 'seed: seven', 'x.yaml:8:9  seed: expected a number, got "seven"'],
  ['a fraction', 'seed: 7', 'seed: 7.5', 'x.yaml:8:9  seed: expected a whole number, got 7.5'],
  ['a negative number', 'seed: 7', 'seed: -1', 'x.yaml:8:9  seed: expected at least 0, got -1'],
  [
    'an MTU too large',
    'mtu: 9001',
    'mtu: 65535',
    'x.yaml:29:14  fabric.subnets.a.mtu: expected at most 9216, got 65535',
  ],
  [
    'a wrong word',
    'cloud: aws-vpc',
    'cloud: aws',
    'x.yaml:13:12  fabric.cloud: expected one of none, aws-vpc, azure-vnet, port-security, got "aws"',
  ],
  [
    'a word with a slip',
    'hooks: calico',
    'hooks: calcio',
    'x.yaml:10:10  hooks: expected one of calico, none, masquerade, got "calcio", did you mean "calico"?',
  ],
  [
    'a text for a map',
    'calico: { version: v3.28.1 }',
    'calico: v3.28.1',
    'x.yaml:7:11  calico: expected a map, got "v3.28.1"',
  ],
  [
    'nothing for a map',
    'calico: { version: v3.28.1 }',
    'calico:',
    'x.yaml:7:10  calico: expected a map, got nothing',
  ],
  [
    'a duration without unit',
    'wait: 5s',
    'wait: 5',
    'x.yaml:57:13  steps[3].wait: expected a duration such as 50us, 10ms or 5s, got 5',
  ],
  [
    'a duration with a wrong unit',
    'within: 10s',
    'within: 10x',
    'x.yaml:49:42  steps[0].expect.within: expected a duration such as 50us, 10ms or 5s, got "10x"',
  ],
  [
    'a link without delay',
    'delay: 50us',
    'delay: 0us',
    'x.yaml:28:16  fabric.subnets.a.delay: a link without delay cannot be emulated: give at least 1ns',
  ],
  [
    'a rate',
    'rate: 10Gbit',
    'rate: fast',
    'x.yaml:27:15  fabric.subnets.a.rate: expected a rate such as 10Gbit or 100Mbit, got "fast"',
  ],
  [
    'a prefix',
    '192.168.20.0/24',
    '192.168.20.0/33',
    'x.yaml:31:18  fabric.subnets.b.cidr: expected a prefix such as 192.168.10.0/24, got "192.168.20.0/33"',
  ],
  [
    'host bits in a prefix',
    '192.168.20.0/24',
    '192.168.20.1/24',
    'x.yaml:31:18  fabric.subnets.b.cidr: "192.168.20.1/24" has host bits set, did you mean "192.168.20.0/24"?',
  ],
  [
    'a date',
    '2024-09-22T09:00:00Z',
    'yesterday',
    'x.yaml:9:9  date: expected a time such as 2024-09-22T09:00:00Z, got "yesterday"',
  ],
  [
    'a release that is not built',
    'version: v3.28.1',
    'version: v3.33.0',
    'x.yaml:7:22  calico.version: the behaviour of v3.33.0 is not built: v3.20.0 to v3.31.x are',
  ],
  [
    'an unknown sysctl',
    'conf.all.rp_filter',
    'conf.al.rp_filter',
    'x.yaml:11:14  sysctls: unknown key "net.ipv4.conf.al.rp_filter", did you mean "net.ipv4.conf.all.rp_filter"?',
  ],
  [
    'a node name in capitals',
    '      k8s-m: a .10\n',
    '      K8S-M: a .10\n',
    'x.yaml:33:7  fabric.nodes: "K8S-M" is not a name: lower-case letters, digits, "-" and "."',
  ],
  [
    'a node in neither form',
    'k8s-w0: b .100',
    'k8s-w0: b',
    'x.yaml:41:15  fabric.nodes.k8s-w0: expected a subnet and an address such as "a .10", got "b"',
  ],
  [
    'a node as a list',
    'k8s-w0: b .100',
    'k8s-w0: [b, .100]',
    'x.yaml:41:15  fabric.nodes.k8s-w0: expected a subnet and an address such as "a .10", got a list',
  ],
  [
    'a key in the long form of a node',
    'labels: { rack: rack1 }',
    'lables: { rack: rack1 }',
    'x.yaml:37:9  fabric.nodes.k8s-w1: unknown key "lables", did you mean "labels"?',
  ],
  [
    'a loss above all',
    'loss: 0.01',
    'loss: 2',
    'x.yaml:45:48  fabric.links.k8s-w1/eth0.loss: expected at most 1, got 2',
  ],
  // YAML
  ['a tab for indentation', '  seed: 7', '\tseed: 7', 'x.yaml:8:1  Tabs are not allowed as indentation'],
  [
    'an open bracket',
    'resources: [calico/ippool.yaml, pods.yaml]',
    'resources: [calico/ippool.yaml',
    'x.yaml:47:3  Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a duplicate key',
    '  seed: 7',
    '  seed: 7\n  seed: 8',
    'x.yaml:9:3  spec: duplicate key "seed", first at 8:3',
  ],
  [
    'a duplicate node',
    'k8s-w0: b .100',
    'k8s-m: b .100',
    'x.yaml:41:7  fabric.nodes: duplicate key "k8s-m", first at 33:7',
  ],
  [
    'a key of the prototype',
    'labels: { rack: rack1 }',
    'labels: { __proto__: rack1 }',
    'x.yaml:37:19  fabric.nodes.k8s-w1.labels: key "__proto__" is not allowed',
  ],
  [
    'constructor as a key',
    'labels: { rack: rack1 }',
    'labels: { constructor: rack1 }',
    'x.yaml:37:19  fabric.nodes.k8s-w1.labels: key "constructor" is not allowed',
  ],
  [
    'an unknown tag',
    'seed: 7',
    'seed: !!js/function 7',
    'x.yaml:8:9  Unresolved tag: tag:yaml.org,2002:js/function',
  ],
  [
    'an alias without anchor',
    'seed: 7',
    'seed: *seven',
    'x.yaml:8:9  seed: alias *seven has no anchor before it',
  ],
  [
    'two documents',
    '  steps:\n',
    '  steps: []\n---\n  steps:\n',
    'x.yaml:50:3  a scenario is one document: resources belong into files of their own',
  ],
  // Names and addresses
  [
    'an unknown subnet',
    'k8s-w0: b .100',
    'k8s-w0: bb .100',
    'x.yaml:41:15  fabric.nodes.k8s-w0: unknown subnet "bb", did you mean "b"?',
  ],
  [
    'an unknown subnet in the long form',
    'subnet: a\n',
    'subnet: dmz\n',
    'x.yaml:35:17  fabric.nodes.k8s-w1.subnet: unknown subnet "dmz"',
  ],
  [
    'an unknown router',
    'gateway: k8s-rtr .254',
    'gateway: k8s-rt .254',
    'x.yaml:31:44  fabric.subnets.b.gateway: unknown router "k8s-rt", did you mean "k8s-rtr"?',
  ],
  [
    'an address outside',
    '192.168.10.102,',
    '192.168.30.102,',
    'x.yaml:40:37  fabric.nodes.k8s-w2.address: 192.168.30.102 is not in 192.168.10.0/24 (subnet a)',
  ],
  [
    'the network address',
    'k8s-m: a .10\n',
    'k8s-m: a .0\n',
    'x.yaml:33:14  fabric.nodes.k8s-m: 192.168.10.0 is the network address of 192.168.10.0/24 (subnet a)',
  ],
  [
    'the broadcast address',
    'k8s-m: a .10\n',
    'k8s-m: a .255\n',
    'x.yaml:33:14  fabric.nodes.k8s-m: 192.168.10.255 is the broadcast address of 192.168.10.0/24 (subnet a)',
  ],
  [
    'no address at all',
    'k8s-m: a .10\n',
    'k8s-m: a .300\n',
    'x.yaml:33:14  fabric.nodes.k8s-m: ".300" is not an address',
  ],
  [
    'the address of the gateway',
    'k8s-w0: b .100',
    'k8s-w0: b .254',
    'x.yaml:41:15  fabric.nodes.k8s-w0: 192.168.20.254 is already the address of k8s-rtr (line 31)',
  ],
  [
    'the address of the VPC router',
    'k8s-m: a .10\n',
    'k8s-m: a .1\n',
    'x.yaml:33:14  fabric.nodes.k8s-m: 192.168.10.1 is already the address of vpc (line 26)',
  ],
  [
    'the same address twice',
    'address: .101',
    'address: .10',
    'x.yaml:36:18  fabric.nodes.k8s-w1.address: 192.168.10.10 is already the address of k8s-m (line 33)',
  ],
  [
    'overlapping subnets',
    'b: { cidr: 192.168.20.0/24, gateway: k8s-rtr .254,',
    'b: { cidr: 192.168.0.0/19, gateway: k8s-rtr 192.168.20.254,',
    'x.yaml:31:18  fabric.subnets.b.cidr: 192.168.0.0/19 overlaps 192.168.10.0/24 of subnet a',
  ],
  [
    'a node named as a router',
    '      k8s-m: a .10\n',
    '      k8s-rtr: a .10\n',
    'x.yaml:21:23  fabric.routers.k8s-rtr.bgp.neighbors[0]: unknown node or router "k8s-m", did you mean "k8s-w1"?',
    'x.yaml:33:7  fabric.nodes.k8s-rtr: the name "k8s-rtr" is that of a router',
  ],
  [
    'a node named as the API server',
    'k8s-w0: b .100',
    'api: b .100',
    'x.yaml:41:7  fabric.nodes.api: the name "api" is that of the API server',
    'pods.yaml:14:18  spec.nodeName: unknown node "k8s-w0", did you mean "k8s-w1"?',
  ],
  [
    'a host behind nobody',
    'behind: vpc',
    'behind: vcp',
    'x.yaml:43:40  fabric.hosts.dns.behind: unknown router "vcp", did you mean "vpc"?',
  ],
  [
    'a host behind a router, yet in a subnet',
    'address: 8.8.8.8,',
    'address: 192.168.10.8,',
    'x.yaml:43:23  fabric.hosts.dns.address: 192.168.10.8 lies in subnet a: write "a 192.168.10.8"',
  ],
  [
    'a default route off the link',
    'default: 192.168.10.1',
    'default: 10.0.0.1',
    'x.yaml:17:18  fabric.routers.k8s-rtr.default: expected none or an address in a subnet of the router, got "10.0.0.1"',
  ],
  [
    'BGP on the VPC router',
    '      k8s-rtr:\n',
    '      vpc: { bgp: { as: 1 } }\n      k8s-rtr:\n',
    'x.yaml:16:14  fabric.routers.vpc.bgp: the router of aws-vpc does not speak BGP',
  ],
  [
    'a router in no subnet',
    '      k8s-rtr:\n',
    '      tor1: {}\n      k8s-rtr:\n',
    'x.yaml:16:7  fabric.routers.tor1: no subnet has this router',
  ],
  [
    'the check of another cloud',
    'cloud: aws-vpc',
    'cloud: azure-vnet',
    'x.yaml:14:5  fabric.sourceDestCheck: only cloud aws-vpc has this check',
    'x.yaml:40:64  fabric.nodes.k8s-w2.sourceDestCheck: only cloud aws-vpc has this check',
    'x.yaml:43:40  fabric.hosts.dns.behind: unknown router "vpc"',
  ],
  [
    'a link of nobody',
    'links: { k8s-w1/eth0',
    'links: { k8s-w9/eth0',
    'x.yaml:45:14  fabric.links.k8s-w9/eth0: unknown node "k8s-w9", did you mean "k8s-w1"?',
  ],
  [
    'a device that is not there',
    'links: { k8s-w1/eth0',
    'links: { k8s-w1/eth1',
    'x.yaml:45:14  fabric.links.k8s-w1/eth1: k8s-w1 has no NIC "eth1": its NIC is ens5',
  ],
  [
    'a pod on no node',
    'coredns-1: k8s-w1',
    'coredns-1: k8s-1',
    'x.yaml:47:34  pods.kube-system/coredns-1: unknown node "k8s-1", did you mean "k8s-m"?',
  ],
  // Steps
  [
    'a step that does nothing',
    STEP,
    '    - name: rest',
    'x.yaml:59:7  steps[4]: the step does nothing: give it run, expect, wait, link, node or snapshot',
  ],
  [
    'an unknown expectation',
    '{ mtu: 8981, on: pod1 }',
    '{ mut: 8981, on: pod1 }',
    'x.yaml:64:13  steps[5].expect[3]: unknown expectation "mut", did you mean "mtu"?',
  ],
  [
    'no keyword of an expectation',
    '{ mtu: 8981, on: pod1 }',
    '{ on: pod1 }',
    'x.yaml:64:11  steps[5].expect[3]: not an expectation: it needs one of converged, reachable, unreachable, path, outage, route, noRoute, bgp, mtu, ipam, drops, output, neigh, fdb, capture, throughput, noChange, invariant',
  ],
  [
    'two expectations in one',
    '{ mtu: 8981, on: pod1 }',
    '{ mtu: 8981, ipam: pod1 }',
    'x.yaml:64:11  steps[5].expect[3]: one expectation at a time: "mtu" and "ipam" are two',
  ],
  [
    'a key of another expectation',
    '{ mtu: 8981, on: pod1 }',
    '{ mtu: 8981, on: pod1, via: tunl0 }',
    'x.yaml:64:34  steps[5].expect[3]: unknown key "via"',
  ],
  [
    'an arrow',
    'pod1 <-> pod3',
    'pod1 to pod3',
    'x.yaml:52:24  steps[1].expect[0].reachable: expected two endpoints such as "pod1 -> pod3", got "pod1 to pod3"',
  ],
  [
    'an unknown pod',
    'pod1 <-> pod3',
    'pod1 <-> pod33',
    'x.yaml:52:24  steps[1].expect[0].reachable: unknown pod or node "pod33", did you mean "pod3"?',
  ],
  [
    'an unknown reason',
    'reason: LINK_DOWN',
    'reason: LINK_DWN',
    `x.yaml:58:64  steps[3].expect.reason: expected one of ${dropReasonNames.length} words, got "LINK_DWN", did you mean "LINK_DOWN"?`,
  ],
  [
    'a reason that nothing raises',
    'reason: LINK_DOWN',
    'reason: POLICY_DENY',
    'x.yaml:58:64  steps[3].expect.reason: POLICY_DENY is reserved: nothing raises it yet',
  ],
  [
    'an unknown place',
    'at: k8s-w1',
    'at: k8s-w3',
    'x.yaml:58:48  steps[3].expect.at: unknown node or router or host "k8s-w3", did you mean "k8s-w1"?',
  ],
  [
    'tcp without a port',
    'proto: tcp, port: 53',
    'proto: tcp',
    'x.yaml:53:11  steps[1].expect[1]: missing key "port": tcp needs one',
  ],
  [
    'icmp with a port',
    'proto: tcp, port: 53',
    'port: 53',
    'x.yaml:53:43  steps[1].expect[1].port: icmp has no ports: say proto tcp or udp',
  ],
  [
    'output before any command',
    'run: calicoctl get ippool -o wide\n      ',
    '',
    'x.yaml:54:15  steps[2].expect: no command has run before this expectation',
  ],
  [
    'an empty output',
    'contains: default-ipv4-ippool',
    '',
    'x.yaml:55:25  steps[2].expect.output: expected contains, equals or exitCode',
  ],
  [
    'a link both down and up',
    'down: k8s-w1/eth0',
    'down: k8s-w1/eth0, up: k8s-w1/eth0',
    'x.yaml:56:13  steps[3].link: expected either down or up',
  ],
  [
    'power on a router',
    'stop: k8s-w2',
    'stop: k8s-rtr',
    'x.yaml:59:21  steps[4].node.stop: unknown node "k8s-rtr"',
  ],
  [
    'host bits in a route',
    '172.16.34.0/24',
    '172.16.34.1/24',
    'x.yaml:61:20  steps[5].expect[0].route: 172.16.34.1/24 has host bits set, did you mean "172.16.34.0/24"?',
  ],
  [
    'an unknown peer',
    'peer: k8s-rtr,',
    'peer: k8s-rtx,',
    'x.yaml:63:49  steps[5].expect[2].peer: unknown node or router "k8s-rtx", did you mean "k8s-rtr"?',
  ],
  [
    'nothing to hold of IPAM',
    '{ ipam: pod1, address: 172.16.158.3, block: 172.16.158.0/24 }',
    '{ ipam: pod1 }',
    'x.yaml:65:11  steps[5].expect[4]: expected address or block',
  ],
  // Files
  [
    'a file that is not there',
    'pods.yaml]',
    'pod.yaml]',
    'x.yaml:46:35  resources[1]: pod.yaml is missing: no such file',
  ],
  [
    'a file listed twice',
    'pods.yaml]',
    './calico/ippool.yaml]',
    'x.yaml:46:35  resources[1]: ./calico/ippool.yaml is listed twice',
  ],
  [
    'a file above the folder',
    'pods.yaml]',
    '../kit.ts]',
    "x.yaml:46:35  resources[1]: ../kit.ts leads out of the scenario's folder",
  ],
  [
    'an absolute path',
    'pods.yaml]',
    '/etc/passwd]',
    "x.yaml:46:35  resources[1]: /etc/passwd leads out of the scenario's folder",
  ],
  ['a folder', 'pods.yaml]', 'calico]', 'x.yaml:46:35  resources[1]: calico is a folder, not a file'],
];

for (const [what, from, to, ...expected] of ROWS) {
  t(`refuses ${what}`, () => assert.equal(diagnose(broken(from, to)), expected));
}

t('prints a diagnostic as the manual shows it, line by line', () => {
  const text = [
    'apiVersion: tunlab.dev/v1alpha1',
    'kind: Scenario',
    'metadata: { name: typo }',
    'spec:',
    '  fabric:',
    '    # One router, one subnet.',
    '    routers:',
    '      k8s-rtr:',
    '        default: none',
    '    nodes:',
    '      k8s-m: a .10',
    '    subnets:',
    '      a:',
    '        cidr: 192.168.10.0/24',
    '        gatway: k8s-rtr .254',
  ].join('\n');
  const error = faultsOf(() => parseScenario(text, { file: 'typo.yaml' }));
  assert.is(
    error.message,
    [
      'typo.yaml:15:9  fabric.subnets.a: unknown key "gatway", did you mean "gateway"?',
      '   14 |         cidr: 192.168.10.0/24',
      ' > 15 |         gatway: k8s-rtr .254',
      '      |         ^',
    ].join('\n'),
  );
  assert.is(error.problems[0]!.code, 'SCENARIO_UNKNOWN_KEY');
});

t('reports several faults at once, in the order of lines', () => {
  const text = broken('seed: 7', 'seed: x')
    .replace('hooks: calico', 'hooks: all')
    .replace('mtu: 9001', 'mtu: 1');
  assert.equal(diagnose(text), [
    'x.yaml:8:9  seed: expected a number, got "x"',
    'x.yaml:10:10  hooks: expected one of calico, none, masquerade, got "all"',
    'x.yaml:29:14  fabric.subnets.a.mtu: expected at least 576, got 1',
  ]);
});

t('says no more than twenty faults, and counts the rest', () => {
  const nodes = Array.from({ length: 25 }, (_, i) => `      n${i}: zz .${i + 1}\n`).join('');
  const text = broken('      k8s-m: a .10\n', `      k8s-m: a .10\n${nodes}`);
  const error = faultsOf(() => parseScenario(text, { file: `${DIRECTORY}/x.yaml` }));
  assert.is(error.problems.length, 25);
  assert.is(error.message.split('\n').at(-1), '… and 5 more problems');
});

t('gives the same places in a file with CRLF line ends', () => {
  const text = broken('gateway: k8s-rtr', 'gatway: k8s-rtr');
  assert.equal(diagnose(text.replaceAll('\n', '\r\n')), diagnose(text));
});

// Bounds: a hostile file costs little and is told so.

const HEAD = 'apiVersion: tunlab.dev/v1alpha1\nkind: Scenario\nmetadata: { name: x }\n';

const BOUNDS: readonly (readonly [what: string, text: string, expected: string])[] = [
  ['an empty file', '', 'x.yaml:1:1  the file is empty'],
  ['a file of comments', '# nothing\n', 'x.yaml:1:1  the file is empty'],
  ['a list', '- a\n', 'x.yaml:1:1  expected a map, got a list'],
  [
    '65 levels',
    `${HEAD}spec: ${'['.repeat(65)}${']'.repeat(65)}\n`,
    'x.yaml:4:70  nested deeper than 64 levels',
  ],
  ['5,000 levels', '['.repeat(5_000), 'x.yaml:1:65  nested deeper than 64 levels'],
  ['more than 1 MiB', `${HEAD}# ${'x'.repeat(1024 * 1024)}`, 'x.yaml:1:1  is more than 1048576 octets long'],
  [
    'an alias bomb',
    `${HEAD}spec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `  a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]\n`).join('')}`,
    'x.yaml:8:47  a3[7]: aliases expand to more than 10000 values',
  ],
  ['an alias of itself', `${HEAD}spec: &loop [*loop]\n`, 'x.yaml:4:14  [0]: nested deeper than 64 levels'],
  [
    '5001 nodes',
    `${HEAD}spec:\n  fabric:\n    subnets: { a: { cidr: 10.0.0.0/16 } }\n    nodes:\n${Array.from({ length: 5001 }, (_, i) => `      n${i}: a .${1 + (i >> 7)}.${1 + (i & 127)}\n`).join('')}`,
    'x.yaml:7:5  fabric.nodes: 5001 nodes; at most 5000 are run',
  ],
  [
    '10001 steps',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  steps:\n${'    - wait: 1s\n'.repeat(10_001)}`,
    'x.yaml:7:5  steps: expected at most 10000 items, got 10001',
  ],
  [
    '1001 expectations in a step',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  steps:\n    - expect:\n${'      - converged: true\n'.repeat(1001)}`,
    'x.yaml:8:7  steps[0].expect: expected at most 1000 items, got 1001',
  ],
  [
    'an empty list of expectations',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  steps: [{ expect: [] }]\n`,
    'x.yaml:6:21  steps[0].expect: the list of expectations is empty',
  ],
  [
    'an empty list of commands',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  steps: [{ run: [] }]\n`,
    'x.yaml:6:18  steps[0].run: expected at least 1 items, got 0',
  ],
  [
    'a map for a command',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  steps: [{ run: {} }]\n`,
    'x.yaml:6:18  steps[0].run: a map does not fit here',
  ],
  [
    '1001 resource files',
    `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/16 } }, nodes: { n: a .0.1 } }\n  resources:\n${'    - a.yaml\n'.repeat(1001)}`,
    'x.yaml:7:5  resources: expected at most 1000 items, got 1001',
  ],
];

for (const [what, text, expected] of BOUNDS)
  t(`refuses ${what}`, () => assert.equal(diagnose(text), [expected]));

// Files and resources, in a folder of their own.

/** Run `body` in a fresh folder that holds `files`. */
function inFolder<T>(files: Readonly<Record<string, string | Uint8Array>>, body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  try {
    mkdirSync(join(folder, 'lab'));
    for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content);
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const MINIMAL = (resources: string) =>
  `${HEAD}spec:\n  fabric: { subnets: { a: { cidr: 10.0.0.0/24 } }, nodes: { k8s-w1: a .1 } }\n  resources: [${resources}]\n`;

const FILES: readonly (readonly [
  what: string,
  files: Record<string, string | Uint8Array>,
  expected: string,
])[] = [
  ['a scenario that is not there', {}, 'lab/s.yaml:1:1  no such file'],
  [
    'a binary scenario',
    { 'lab/s.yaml': new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0]) },
    'lab/s.yaml:1:1  is a binary file (it holds a NUL octet), not YAML text',
  ],
  [
    'a scenario that is not UTF-8',
    { 'lab/s.yaml': new Uint8Array([0x61, 0xff, 0x62]) },
    'lab/s.yaml:1:1  is not UTF-8 text',
  ],
  [
    'a scenario of more than 1 MiB',
    { 'lab/s.yaml': '#'.repeat(1024 * 1024 + 1) },
    'lab/s.yaml:1:1  is 1048577 octets long; at most 1048576 are read',
  ],
  [
    'a binary resource',
    { 'lab/s.yaml': MINIMAL('r.yaml'), 'lab/r.yaml': new Uint8Array([0, 1]) },
    'lab/s.yaml:6:15  resources[0]: r.yaml is a binary file (it holds a NUL octet), not YAML text',
  ],
];

const loadIn = (folder: string, validate?: ResourceValidator): string[] => {
  const error = faultsOf(() => loadScenario(join(folder, 'lab/s.yaml'), { validate }));
  return error.problems.map(problem => headline(problem).replaceAll(`${folder}/`, ''));
};

for (const [what, files, expected] of FILES) {
  t(`refuses ${what}`, () => inFolder(files, folder => assert.equal(loadIn(folder), [expected])));
}

t('refuses a folder for a scenario', () => {
  const error = faultsOf(() => loadScenario(DIRECTORY));
  assert.is(headline(error.problems[0]!), `${DIRECTORY}:1:1  is a folder, not a file`);
});

t('refuses a symbolic link that leads out of the folder, and follows one that does not', () => {
  const files = { 'lab/s.yaml': MINIMAL('link.yaml'), 'secret.yaml': 'a: 1', 'lab/pool.yaml': POOL };
  inFolder(files, folder => {
    symlinkSync('../secret.yaml', join(folder, 'lab/link.yaml'));
    assert.equal(loadIn(folder), [
      "lab/s.yaml:6:15  resources[0]: link.yaml leads out of the scenario's folder",
    ]);
    rmSync(join(folder, 'lab/link.yaml'));
    symlinkSync('pool.yaml', join(folder, 'lab/link.yaml'));
    assert.is(loadScenario(join(folder, 'lab/s.yaml')).resources[0]!.name, 'pool');
  });
});

const POOL =
  'apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: { name: pool }\nspec:\n  cidr: 10.1.0.0/16\n';
const POD = (node: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { nodeName: ${node} }\n`;

const RESOURCES: readonly (readonly [what: string, text: string, ...expected: string[]])[] = [
  ['text', 'just words\n', 'lab/r.yaml:1:1  expected a resource, got "just words"'],
  ['an empty file', '', 'lab/r.yaml:1:1  there is no resource in this file'],
  ['no kind', 'apiVersion: v1\n', 'lab/r.yaml:1:1  missing key "kind"'],
  [
    'no name',
    'apiVersion: v1\nkind: Pod\nmetadata: {}\n',
    'lab/r.yaml:3:1  metadata.name: missing key "metadata.name"',
  ],
  [
    'a number for a name',
    'apiVersion: v1\nkind: Pod\nmetadata: { name: 1 }\n',
    'lab/r.yaml:3:19  metadata.name: expected a name, got 1',
  ],
  [
    'a list for a namespace',
    'apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: [] }\n',
    'lab/r.yaml:3:33  metadata.namespace: expected a name, got a list',
  ],
  [
    'a kind with a slip',
    POOL.replace('IPPool', 'IPPol'),
    'lab/r.yaml:2:7  kind: unknown kind "IPPol", did you mean "IPPool"?',
  ],
  [
    'a kind of another group',
    POOL.replace('projectcalico.org/v3', 'v1'),
    'lab/r.yaml:1:13  apiVersion: kind IPPool needs projectcalico.org/v3 or crd.projectcalico.org/v1, got "v1"',
  ],
  [
    'a kind that is not emulated',
    POOL.replace('IPPool', 'NetworkPolicy'),
    'lab/r.yaml:2:7  kind: kind NetworkPolicy is not emulated',
  ],
  [
    'the same resource twice',
    `${POOL}---\n${POOL}`,
    'lab/r.yaml:9:19  metadata.name: IPPool pool is already defined at lab/r.yaml:1',
  ],
  [
    'a pod on no node',
    POD('k8s-w2'),
    'lab/r.yaml:4:19  spec.nodeName: unknown node "k8s-w2", did you mean "k8s-w1"?',
  ],
  [
    'the second document of a file',
    `${POOL}---\n${POD('k8s-w9')}`,
    'lab/r.yaml:10:19  spec.nodeName: unknown node "k8s-w9", did you mean "k8s-w1"?',
  ],
  [
    'an item of a list',
    `apiVersion: v1\nkind: List\nitems:\n- ${POD('mars').replaceAll('\n', '\n  ')}`,
    'lab/r.yaml:7:21  items[0].spec.nodeName: unknown node "mars"',
  ],
  [
    'a Node without a machine',
    'apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: { name: k8s-w7 }\n',
    'lab/r.yaml:3:19  metadata.name: unknown node "k8s-w7", did you mean "k8s-w1"?',
  ],
  [
    'broken YAML',
    'a: [\n',
    'lab/r.yaml:2:1  Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
];

for (const [what, text, ...expected] of RESOURCES) {
  t(`refuses a resource file with ${what}`, () =>
    inFolder({ 'lab/s.yaml': MINIMAL('r.yaml'), 'lab/r.yaml': text }, folder =>
      assert.equal(loadIn(folder), expected),
    ),
  );
}

t("puts a validator's findings at the field, or at the nearest thing that is there", () => {
  const validate: ResourceValidator = ([pool]) => [
    { resource: pool!, path: ['spec', 'cidr'], message: 'too small' },
    { resource: pool!, path: ['spec', 'blockSize'], message: 'is needed' },
    { resource: pool!, path: [], message: 'no good' },
  ];
  const expected = [
    'lab/r.yaml:1:1  no good',
    'lab/r.yaml:4:1  spec.blockSize: is needed',
    'lab/r.yaml:5:9  spec.cidr: too small',
  ];
  inFolder({ 'lab/s.yaml': MINIMAL('r.yaml'), 'lab/r.yaml': POOL }, folder =>
    assert.equal(loadIn(folder, validate), expected),
  );
});

t('never throws anything but a ScenarioError, and points into the file', () => {
  const pieces = [
    '[',
    ']',
    '{',
    '}',
    ':',
    '- ',
    '*a',
    '&a ',
    '!!x ',
    '"',
    '\n',
    '\t',
    ' ',
    '#',
    '0',
    '.',
    '|',
    '?',
    '%YAML 1.1',
    '<<',
  ];
  const cut = fc.nat(GOOD.length);
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 }));
  void fc.assert(
    fc.property(cut, fc.nat(40), piece, (at, length, inserted) => {
      const text = GOOD.slice(0, at) + inserted + GOOD.slice(at + length);
      try {
        parseScenario(text, { file: `${DIRECTORY}/x.yaml` });
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error;
        const lines = text.split('\n');
        for (const { file, line, column } of error.problems) {
          if (file.endsWith('x.yaml')) assert.ok(column <= lines[line - 1]!.length + 1, `${line}:${column}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

t.run();
