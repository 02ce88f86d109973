import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { fnv1, GoRand } from '../../src/calico/go-rand.ts';
import { blockCount, blocksFrom, startIndex } from '../../src/calico/ipam/walk.ts';
import { caliName, vxlanMac } from '../../src/calico/names.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import { assert, suite } from '../kit.ts';

const t = suite('calico/names');

for (const [pod, name] of [
  ['pod1', 'calice0906292e2'],
  ['pod2', 'calibd2348b4f67'],
  ['pod3', 'cali49778cadcf1'],
] as const) {
  t(`the veth of default/${pod} is ${name}`, () => assert.is(caliName('default', pod), name));
}

for (const [node, mac] of [
  ['k8s-m', '66:04:03:49:b1:1e'],
  ['k8s-w0', '66:8d:da:b4:58:1a'],
  ['k8s-w1', '66:74:91:32:7c:04'],
  ['k8s-w2', '66:55:c4:6b:81:ed'],
] as const) {
  t(`vxlan.calico of ${node} has ${mac}`, () => assert.is(Mac.format(vxlanMac(node)), mac));
}

t('Go rand, seeded with k8s-m, draws what Go draws', () => {
  const rand = new GoRand(fnv1('k8s-m'));
  const drawn = Array.from({ length: 6 }, () => rand.uint32());
  assert.equal(drawn, [1699469428, 2685483820, 126962728, 2268100322, 1374307552, 1439310877]);
});

t('seed 0 is replaced as Go does, and does not get stuck', () => {
  const rand = new GoRand(0);
  const other = new GoRand(2 ** 31 - 1);
  assert.is(rand.uint32(), other.uint32());
  assert.is.not(rand.uint32(), rand.uint32());
});

t('below() covers the range and stays in it', () => {
  const rand = new GoRand(42);
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) seen.add(rand.below(5));
  assert.equal([...seen].sort(), [0, 1, 2, 3, 4]);
  assert.is(new GoRand(7).below(1), 0);
  assert.ok(new GoRand(7).below(2 ** 40) < 2 ** 40);
});

const pool = (cidr: string, blockSize: number): IPPool => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name: 'p' },
  spec: { cidr, blockSize },
});

const POOLS = [
  pool('172.16.0.0/16', 24),
  pool('172.16.0.0/16', 26),
  pool('192.168.0.0/16', 26),
  pool('10.65.0.0/16', 29),
];

for (const [host, hash, ...starts] of [
  [
    'k8s-m',
    1299569549,
    [116, '172.16.116.0/24'],
    [116, '172.16.29.0/26'],
    [116, '192.168.29.0/26'],
    [6260, '10.65.195.160/29'],
  ],
  [
    'k8s-w0',
    2273881733,
    [34, '172.16.34.0/24'],
    [34, '172.16.8.128/26'],
    [34, '192.168.8.128/26'],
    [6640, '10.65.207.128/29'],
  ],
  [
    'k8s-w1',
    2273881732,
    [158, '172.16.158.0/24'],
    [913, '172.16.228.64/26'],
    [913, '192.168.228.64/26'],
    [5862, '10.65.183.48/29'],
  ],
  [
    'k8s-w2',
    2273881735,
    [184, '172.16.184.0/24'],
    [184, '172.16.46.0/26'],
    [184, '192.168.46.0/26'],
    [4280, '10.65.133.192/29'],
  ],
  [
    'kind-control-plane',
    2016776422,
    [232, '172.16.232.0/24'],
    [328, '172.16.82.0/26'],
    [328, '192.168.82.0/26'],
    [7400, '10.65.231.64/29'],
  ],
  [
    'kind-worker',
    801257890,
    [138, '172.16.138.0/24'],
    [650, '172.16.162.128/26'],
    [650, '192.168.162.128/26'],
    [650, '10.65.20.80/29'],
  ],
  [
    'minikube',
    2218975071,
    [156, '172.16.156.0/24'],
    [481, '172.16.120.64/26'],
    [481, '192.168.120.64/26'],
    [7426, '10.65.232.16/29'],
  ],
] as const) {
  t(`FNV-1 of ${host}`, () => assert.is(fnv1(host), hash));
  starts.forEach(([index, block], i) => {
    t(`${host} starts at block ${block} of ${POOLS[i]!.spec.cidr}`, () => {
      assert.is(startIndex(POOLS[i]!, host, 0), index);
      assert.is(Prefix.format(blocksFrom(POOLS[i]!, host, 0).next().value as Prefix.Prefix), block);
    });
  });
}

t('the walk visits every block once and wraps', () => {
  const p = pool('10.65.0.0/16', 29);
  const blocks = [...blocksFrom(p, 'minikube', 0)].map(Prefix.format);
  assert.is(blocks.length, blockCount(p));
  assert.is(new Set(blocks).size, blocks.length);
  assert.is(blocks[8192 - 7426], '10.65.0.0/29');
});

t('with blocks of one address, the time decides where to start', () => {
  const p = pool('10.0.0.0/24', 32);
  const starts = new Set([1, 2, 3, 4, 5, 6].map(now => startIndex(p, 'n', now)));
  assert.ok(starts.size > 1);
});

t.run();
