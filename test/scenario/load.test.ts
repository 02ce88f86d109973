/** What comes out of a sound scenario, the pieces it is read with, and the JSON Schema that ships. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { codeFrame } from '../../src/scenario/code-frame.ts';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts';
import { loadScenario, parseScenario } from '../../src/scenario/load.ts';
import { didYouMean, editDistance, nearest } from '../../src/scenario/nearest.ts';
import { parseDuration, parseHostPart, parseRate, parseSize } from '../../src/scenario/quantity.ts';
import type { Expectation, RouteExpectation, Scenario } from '../../src/scenario/types.ts';
import { assert, fixture, fromRoot, suite } from '../kit.ts';

const t = suite('scenario/load');

const FILE = fromRoot('test/fixtures/scenario/good.yaml');
const good = loadScenario(FILE);
const ip = Ipv4.from;

const nodeOf = (scenario: Scenario, name: string) => scenario.fabric.nodes.find(node => node.name === name)!;
const expectations = good.steps.flatMap(step => step.expect);
const expectation = <K extends Expectation['kind']>(kind: K) =>
  expectations.find(each => each.kind === kind) as Extract<Expectation, { kind: K }>;
const isRoute = (each: Expectation): each is RouteExpectation => /^route|^noRoute/.test(each.kind);
const routes = expectations.filter(isRoute);

t('reads the head', () => {
  assert.is(good.name, 'good');
  assert.is(good.seed, 7);
  assert.is(good.calicoVersion, 'v3.28.1');
  assert.is(good.startMs, Date.parse('2024-09-22T09:00:00Z'));
  assert.equal(good.sysctls, { 'net.ipv4.conf.all.rp_filter': 1 });
  assert.is(good.annotations['tunlab/about'], 'A scenario that uses every part of the form');
});

t('fills in what is not said', () => {
  const text =
    'apiVersion: tunlab.dev/v1alpha1\nkind: Scenario\nmetadata: { name: x }\n' +
    'spec: { fabric: { subnets: { a: { cidr: 10.0.0.0/24 } }, nodes: { n: a .1 } } }\n';
  const scenario = parseScenario(text, { file: 'x.yaml' });
  assert.equal(
    { ...scenario, directory: '', fabric: undefined },
    {
      file: 'x.yaml',
      directory: '',
      name: 'x',
      annotations: {},
      calicoVersion: 'v3.28.1',
      seed: 1,
      startMs: Date.parse('2024-09-22'),
      hooks: 'calico',
      sysctls: {},
      hostModel: undefined,
      fabric: undefined,
      resources: [],
      pods: [],
      steps: [],
      bench: undefined,
      files: {},
    },
  );
  const [subnet] = scenario.fabric.subnets;
  assert.is(subnet!.rateBps, 10e9);
  assert.is(subnet!.delayNs, 50_000);
  assert.is(subnet!.mtu, 1500);
  assert.is(subnet!.gateway, undefined);
  assert.is(nodeOf(scenario, 'n').defaultRoute, undefined);
});

t('resolves nodes in the short and in the long form', () => {
  const master = nodeOf(good, 'k8s-m');
  assert.equal(master, {
    name: 'k8s-m',
    subnet: 'a',
    address: ip('192.168.10.10'),
    prefixLength: 24,
    labels: {},
    interface: 'eth0',
    altname: undefined,
    mtu: 9001,
    defaultRoute: ip('192.168.10.1'),
    asNumber: undefined,
    sourceDestCheck: false,
    blocks: [],
    bgpAddress: { address: ip('192.168.10.10'), length: 24 },
    position: { line: 33, column: 14 },
  });
  const first = nodeOf(good, 'k8s-w1');
  assert.is(first.interface, 'ens5');
  assert.is(first.altname, 'enp0s5');
  assert.is(first.bgpAddress.length, 32);
  assert.equal(first.labels, { rack: 'rack1' });
  assert.is(nodeOf(good, 'k8s-w2').sourceDestCheck, true);
  assert.is(nodeOf(good, 'k8s-w2').mtu, 1500);
});

t("adds the VPC's router to subnets without a gateway of their own, silent as AWS's is", () => {
  const vpc = good.fabric.routers.find(router => router.name === 'vpc')!;
  assert.equal(vpc.interfaces, [{ subnet: 'a', address: ip('192.168.10.1') }]);
  assert.is(vpc.implied, true);
  assert.is(vpc.silent, true);
  assert.is(vpc.answersPing, false);
  assert.equal(good.fabric.subnets[1]!.gateway, { router: 'k8s-rtr', address: ip('192.168.20.254') });
  assert.is(good.fabric.subnets[1]!.queueBytes, 1024 * 1024);
});

t('resolves the static routes of a router', () => {
  const text = fixture('scenario/good.yaml').toString();
  const routes = '        routes: [{ to: 172.16.34.0/24, via: 192.168.20.100 }]\n';
  const more = text.replace('        loopbacks:', () => `${routes}        loopbacks:`);
  const { fabric } = parseScenario(more, { file: fromRoot('test/fixtures/scenario/good.yaml') });
  const router = fabric.routers.find(each => each.name === 'k8s-rtr')!;
  assert.equal(router.routes, [{ prefix: Prefix.from('172.16.34.0/24'), via: ip('192.168.20.100') }]);
  assert.equal(good.fabric.routers.find(each => each.name === 'k8s-rtr')!.routes, []);
});

t('resolves a router that speaks BGP', () => {
  const router = good.fabric.routers.find(each => each.name === 'k8s-rtr')!;
  assert.equal(router.interfaces, [
    { subnet: 'a', address: ip('192.168.10.254') },
    { subnet: 'b', address: ip('192.168.20.254') },
  ]);
  assert.is(router.defaultRoute, ip('192.168.10.1'));
  assert.equal(router.loopbacks, [{ address: ip('10.1.1.254'), length: 24 }]);
  assert.equal(router.bgp, {
    as: 64513,
    routerId: undefined,
    networks: [Prefix.from('10.1.1.0/24')],
    neighbors: [
      { address: ip('192.168.10.10'), as: 64513 },
      { address: ip('192.168.10.101'), as: 64512 },
    ],
    listenRange: { prefix: Prefix.from('192.168.0.0/16'), as: 64513 },
    routeReflectorClient: false,
    clusterId: undefined,
    nextHopSelf: false,
    maximumPaths: 1,
    gracefulRestart: false,
  });
});

t('resolves hosts and links', () => {
  const [dns, client] = good.fabric.hosts;
  assert.equal(dns!.attachment, { kind: 'router', router: 'vpc' });
  assert.equal(client!.attachment, { kind: 'subnet', subnet: 'a', defaultRoute: ip('192.168.10.1') });
  const [link] = good.fabric.links;
  assert.is(`${link!.owner}/${link!.device}`, 'k8s-w1/ens5', 'eth0 is another name of ens5');
  assert.is(link!.rateBps, 1e9);
  assert.is(link!.loss, 0.01);
});

t('keeps resources with the place of each field', () => {
  const [pool, pod] = good.resources;
  assert.is(pool!.kind, 'IPPool');
  assert.is(pool!.namespace, undefined);
  assert.is(pool!.file, fromRoot('test/fixtures/scenario/calico/ippool.yaml'));
  assert.equal(pool!.fields['spec.ipipMode'], { line: 8, column: 13 });
  assert.equal(pool!.object['spec'], { cidr: '172.16.0.0/16', blockSize: 24, ipipMode: 'Always' });
  assert.is(pod!.namespace, 'default');
  assert.equal(good.resources[2]!.position, { line: 6, column: 1 });
  assert.equal(
    good.pods.map(({ position, ...each }) => each),
    [{ namespace: 'kube-system', name: 'coredns-1', node: 'k8s-w1', labels: {} }],
  );
});

t('resolves steps in order, with the place and the words of each part', () => {
  assert.equal(
    good.steps.map(step => step.name),
    [
      'converged: true, within: 10s',
      'who talks',
      'calicoctl get ippool -o wide',
      'unreachable: pod1 -> pod3, at: k8s-w1, reason: LINK_DOWN',
      'stop k8s-w2',
      'route: 172.16.34.0/24, on: k8s-w1, via: 192.168.20.100, dev: tunl0, proto: bird, onlink: true',
    ],
  );
  const [, , command, link] = good.steps;
  assert.equal(command!.run, [{ text: 'calicoctl get ippool -o wide', position: { line: 54, column: 12 } }]);
  assert.equal(link!.link, { state: 'down', owner: 'k8s-w1', device: 'ens5' });
  assert.is(link!.waitNs, 5e9);
});

t('resolves every kind of expectation', () => {
  assert.is(expectation('converged').withinNs, 10e9);
  const [both, tcp] = expectations.filter(each => each.kind === 'reachable');
  assert.is(both!.symmetric, true);
  assert.is(both!.via, 'tunl0');
  assert.is(both!.proto, 'icmp');
  assert.equal(tcp!.to, { kind: 'host', name: 'dns' });
  assert.equal([tcp!.proto, tcp!.port, tcp!.sizeBytes, tcp!.df], ['tcp', 53, 1400, true]);
  assert.is(expectation('unreachable').place, 'k8s-w1');
  assert.is(expectation('unreachable').reason, 'LINK_DOWN');
  const [route, absent] = routes;
  assert.equal(route!.prefix, Prefix.from('172.16.34.0/24'));
  assert.equal(route!.on, { kind: 'node', name: 'k8s-w1' });
  assert.equal(
    [route!.via, route!.dev, route!.proto, route!.onlink],
    [ip('192.168.20.100'), 'tunl0', 'bird', true],
  );
  assert.equal(absent!.prefix, { address: 0, length: 0 });
  const bgp = expectation('bgp');
  assert.is(bgp.peer, ip('192.168.10.254'), 'the side of the router that the node is on');
  assert.is(bgp.forNs, 60e9);
  assert.equal(expectation('mtu').on, { kind: 'pod', namespace: 'default', name: 'pod1' });
  assert.is(expectation('mtu').dev, 'eth0');
  assert.is(expectation('ipam').address, ip('172.16.158.3'));
  assert.equal(expectation('output').contains, ['default-ipv4-ippool']);
});

t('leaves names alone that a command may bring about', () => {
  const text = fixture('scenario/good.yaml').toString().replace('pod1 <-> pod3', 'pod1 <-> later');
  const made = text.replace('calicoctl get ippool -o wide', 'kubectl apply -f later.yaml');
  const scenario = parseScenario(made, { file: FILE });
  assert.equal((scenario.steps[1]!.expect[0] as { to: object }).to, {
    kind: 'pod',
    namespace: 'default',
    name: 'later',
  });
});

t('reads CRLF, a byte order mark and anchors like anything else', () => {
  const text = fixture('scenario/good.yaml').toString();
  const crlf = parseScenario(text.replaceAll('\n', '\r\n'), { file: FILE });
  assert.equal(crlf, good);
  const anchored = text
    .replace('rate: 10Gbit', 'rate: &rate 10Gbit')
    .replace('queue: 1MiB', 'queue: 1MiB, rate: *rate');
  assert.is(parseScenario(anchored, { file: FILE }).fabric.subnets[1]!.rateBps, 10e9);
});

t('reads a file that claims YAML 1.1 as data all the same', () => {
  const text = `%YAML 1.1\n---\n${fixture('scenario/good.yaml')}`.replace(
    'name: who talks',
    'name: 2001-12-14',
  );
  const old = text
    .replace('sourceDestCheck: off', 'sourceDestCheck: "off"')
    .replace('sourceDestCheck: on', 'sourceDestCheck: "on"');
  const scenario = parseScenario(
    old.replace('reason: LINK_DOWN', 'reason: "LINK_DOWN"').replaceAll(' on: ', ' "on": '),
    { file: FILE },
  );
  assert.is(scenario.steps[1]!.name, '2001-12-14');
});

t("leaves out a cloud's router that nobody uses", () => {
  const text =
    'apiVersion: tunlab.dev/v1alpha1\nkind: Scenario\nmetadata: { name: x }\nspec:\n  fabric:\n' +
    '    cloud: azure-vnet\n    routers: { r: {} }\n' +
    '    subnets: { a: { cidr: 10.0.0.0/24, gateway: r .254 } }\n    nodes: { n: a .1 }\n';
  const routers = (source: string) =>
    parseScenario(source, { file: 'x.yaml' }).fabric.routers.map(each => each.name);
  assert.equal(routers(text), ['r']);
  assert.equal(routers(`${text}    hosts: { h: { address: 8.8.8.8, behind: vnet } }\n`), ['r', 'vnet']);
});

t('holds nothing but data', () => assert.equal(structuredClone(good), good));

t('loads 5000 nodes in reasonable time', () => {
  const nodes = Array.from(
    { length: 5000 },
    (_, i) => `      n${i}: a .${1 + (i >> 7)}.${1 + (i & 127)}\n`,
  ).join('');
  const text =
    'apiVersion: tunlab.dev/v1alpha1\nkind: Scenario\nmetadata: { name: x }\n' +
    `spec:\n  fabric:\n    subnets: { a: { cidr: 10.0.0.0/16 } }\n    nodes:\n${nodes}`;
  assert.is(parseScenario(text, { file: 'x.yaml' }).fabric.nodes.length, 5000);
});

// The JSON Schema.

t('ships the schema that it checks with', () => {
  const shipped = readFileSync(fromRoot('scenarios/scenario.schema.json'), 'utf8');
  assert.ok(shipped === scenarioJsonSchema(), 'stale: npx tunlab schema > scenarios/scenario.schema.json');
});

t('describes every field of the schema', () => {
  const bare: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, field] of Object.entries((schema['properties'] ?? {}) as Record<string, never>)) {
      if (typeof field['description'] !== 'string') bare.push(`${path}.${key}`);
      walk(field, `${path}.${key}`);
    }
    for (const branch of (schema['anyOf'] ?? []) as never[]) walk(branch, `${path}|`);
    for (const inner of ['items', 'additionalProperties'] as const) {
      if (typeof schema[inner] === 'object') walk(schema[inner] as never, `${path}[]`);
    }
  };
  walk(JSON.parse(scenarioJsonSchema()), '');
  assert.equal(bare, []);
});

// Quantities.

for (const [text, ns] of [
  ['50us', 50_000],
  ['50µs', 50_000],
  ['1.5s', 1_500_000_000],
  ['0.1ms', 100_000],
  ['1 m', 60_000_000_000],
  ['2h', 7_200_000_000_000],
  ['0s', 0],
  ['7ns', 7],
  ['0.5ns', undefined],
  ['5', undefined],
  ['5 seconds', undefined],
  ['-5s', undefined],
  ['1e3s', undefined],
] as const) {
  t(`duration ${text}`, () => assert.is(parseDuration(text), ns));
}

for (const [text, bps] of [
  ['10Gbit', 10e9],
  ['10G', 10e9],
  ['9.7Gbit/s', 9.7e9],
  ['100Mbps', 100e6],
  ['64kbit', 64_000],
  ['1000', 1000],
  ['1.5', undefined],
  ['fast', undefined],
] as const) {
  t(`rate ${text}`, () => assert.is(parseRate(text), bps));
}

for (const [text, octets] of [
  ['1400', 1400],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['1MB', 1_000_000],
  ['1GB', undefined],
] as const) {
  t(`size ${text}`, () => assert.is(parseSize(text), octets));
}

for (const [text, cidr, address] of [
  ['.10', '192.168.10.0/24', '192.168.10.10'],
  ['.1.10', '10.2.0.0/16', '10.2.1.10'],
  ['.3', '10.2.0.0/16', '10.2.0.3'],
  ['192.168.20.7', '192.168.10.0/24', '192.168.20.7'],
  ['.1.2.3.4', '10.2.0.0/16', undefined],
  ['.256', '10.2.0.0/16', undefined],
] as const) {
  t(`host part ${text} in ${cidr}`, () => {
    const parsed = parseHostPart(text, Prefix.from(cidr));
    assert.is(parsed === undefined ? undefined : Ipv4.format(parsed), address);
  });
}

// Did you mean.

t('edit distance is symmetric, 0 only for equals, and one edit is 1', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
  void fc.assert(
    fc.property(word, word, (a, b) => {
      assert.is(editDistance(a, b, 10), editDistance(b, a, 10));
      assert.is(editDistance(a, b, 10) === 0, a === b);
    }),
  );
  void fc.assert(
    fc.property(word, fc.nat(8), fc.constantFrom('x', 'y'), (a, at, letter) => {
      assert.is(editDistance(a, a.slice(0, at) + letter + a.slice(at), 10), 1);
    }),
  );
  assert.is(editDistance('via', 'iva', 3), 1, 'a swap is one edit');
  assert.is(editDistance('abc', 'xyz', 1), 2, 'past the limit it stops counting');
});

t('means the nearest candidate, or nobody', () => {
  assert.is(nearest('gatway', ['gateway', 'rate']), 'gateway');
  assert.is(nearest('CIDR', ['cidr']), 'cidr');
  assert.is(nearest('xyzzy', ['cidr', 'rate']), undefined);
  assert.is(didYouMean('sede', ['seed']), ', did you mean "seed"?');
  assert.is(didYouMean('quux', ['seed']), '');
});

// Code frames.

t('frames the first line without one before it, and pads line numbers', () => {
  assert.equal(codeFrame(['abc', 'def'], { line: 1, column: 2 }), [' > 1 | abc', '     |  ^']);
  const ten = Array.from({ length: 10 }, (_, i) => `l${i + 1}`);
  assert.equal(codeFrame(ten, { line: 10, column: 1 }), ['    9 | l9', ' > 10 | l10', '      | ^']);
});

t('cuts long lines on both sides and keeps the caret under its column', () => {
  const line = `${'x'.repeat(300)}Y${'z'.repeat(300)}`;
  const [shown, caret] = codeFrame([line], { line: 1, column: 301 });
  assert.is(shown![caret!.indexOf('^')], 'Y');
  assert.ok(shown!.length <= 100);
  assert.is(shown!.at(-1), '…');
});

t('shows nothing of a file that has no such line, and no control characters', () => {
  assert.equal(codeFrame([], { line: 1, column: 1 }), []);
  assert.equal(codeFrame(['a'], { line: 9, column: 1 }), []);
  assert.equal(codeFrame(['a\u001b[31mb\tc'], { line: 1, column: 1 }), [' > 1 | a�[31mb c', '     | ^']);
});

t.run();
