import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { Store } from '../../src/api/store.ts';
import { assignPodAddress, podNetwork, randomMac, releasePodAddress } from '../../src/calico/cni.ts';
import { runSync } from '../../src/calico/datastore.ts';
import type { Pod } from '../../src/calico/resources/core.ts';
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';

const t = suite('calico/cni');
const API = 'projectcalico.org/v3';
const NOW = { ns: 0, timestamp: '2024-09-22T01:52:31Z' };

const pod = (annotations: Record<string, string> = {}, namespace = 'default'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pod1', namespace, annotations },
  spec: { containers: [{ name: 'c' }], nodeName: 'k8s-w1' },
});

function store(): Store {
  const s = new Store(() => 0);
  s.create({
    apiVersion: API,
    kind: 'IPPool',
    metadata: { name: 'one' },
    spec: { cidr: '172.16.0.0/16', blockSize: 24 },
  });
  s.create({
    apiVersion: API,
    kind: 'IPPool',
    metadata: { name: 'two' },
    spec: { cidr: '10.2.0.0/16', nodeSelector: 'has(never)' },
  });
  s.create({
    apiVersion: API,
    kind: 'Node',
    metadata: { name: 'k8s-w1' },
    spec: { bgp: { ipv4Address: '192.168.10.101/24' } },
  });
  return s;
}

const assign = (s: Store, p: Pod, id = 'c1'): string =>
  Ipv4.format(runSync(assignPodAddress(p, 'k8s-w1', id, NOW), s));

t('what ADD makes of pod1', () => {
  const network = podNetwork(pod(), Ipv4.from('172.16.158.3'), 1480, new Random(1, 'k8s-w1/cni/mac'));
  assert.is(network.host.device, 'calice0906292e2');
  assert.is(Mac.format(network.host.mac), 'ee:ee:ee:ee:ee:ee');
  assert.is(network.mtu, 1480);
  assert.is(Prefix.format(network.pod.prefix), '172.16.158.3/32');
  assert.equal(
    network.pod.routes.map(r => Prefix.format(r.prefix)),
    ['169.254.1.1/32', '0.0.0.0/0'],
  );
  assert.is(network.pod.routes[1]!.gateway, Ipv4.from('169.254.1.1'));
  assert.is(network.host.sysctls['proxy_arp'], 1);
});

t('MACs are unicast, local, and repeat with the seed', () => {
  const a = new Random(1, 'a');
  const macs = Array.from({ length: 200 }, () => randomMac(a));
  assert.is(new Set(macs).size, 200);
  assert.ok(macs.every(m => (Math.floor(m / 2 ** 40) & 3) === 2));
  assert.is(randomMac(new Random(1, 'a')), macs[0]);
});

t('a MAC of one’s own', () => {
  const p = pod({ 'cni.projectcalico.org/hwAddr': '02:00:00:00:00:01' });
  assert.is(podNetwork(p, 1, 1500, new Random(1, 'a')).pod.mac, 0x0200_0000_0001);
  const bad = pod({ 'cni.projectcalico.org/hwAddr': 'x' });
  assert.throws(() => podNetwork(bad, 1, 1500, new Random(1, 'a')), /address x: invalid MAC address/);
});

t('an address by itself, with its attributes', () => {
  const s = store();
  assert.is(assign(s, pod()), '172.16.158.0');
  assert.equal(s.get('IPAMBlock', '172-16-158-0-24').spec.attributes, [
    {
      handle_id: 'k8s-pod-network.c1',
      secondary: {
        namespace: 'default',
        node: 'k8s-w1',
        pod: 'pod1',
        timestamp: '2024-09-22 01:52:31 +0000 UTC',
      },
    },
  ]);
  runSync(releasePodAddress(pod(), 'c1'), s);
  runSync(releasePodAddress(pod(), 'c1'), s);
  assert.is(s.list('IPAMHandle').length, 0);
});

t('pools by annotation: of the pod, before that of its namespace', () => {
  const s = store();
  s.create({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'blue', annotations: { 'cni.projectcalico.org/ipv4pools': '["10.2.0.0/16"]' } },
  });
  assert.match(assign(s, pod({}, 'blue'), 'c1'), /^10\.2\./);
  assert.match(assign(s, pod({ 'cni.projectcalico.org/ipv4pools': '["one"]' }, 'blue'), 'c2'), /^172\.16\./);
  assert.match(assign(s, pod({ 'cni.projectcalico.org/ipv4pools': '["two"]' }), 'c3'), /^10\.2\./);
});

t('an exact address', () => {
  const s = store();
  const p = pod({ 'cni.projectcalico.org/ipAddrs': '["172.16.158.77"]' });
  assert.is(assign(s, p, 'c1'), '172.16.158.77');
  assert.throws(
    () => assign(s, p, 'c2'),
    /resource already exists: 172.16.158.77 with error: Address already assigned in block/,
  );
});

for (const [annotation, value, message] of [
  ['ipv4pools', '["nope"]', /error parsing pool "nope": invalid CIDR address: nope/],
  ['ipv4pools', 'one', /failed to parse 'one' as JSON/],
  ['ipv4pools', '["10.9.0.0/16"]', /the given pool \(10.9.0.0\/16\) does not exist, or is not enabled/],
  ['ipAddrs', '["1.1.1.1"]', /The provided IP address is not in a configured pool/],
  ['ipAddrs', '["x"]', /must hold one IPv4 address/],
  ['ipAddrs', '[]', /must hold one IPv4 address/],
] as const) {
  t(`${annotation}: ${value} fails and holds nothing`, () => {
    const s = store();
    assert.throws(() => assign(s, pod({ [`cni.projectcalico.org/${annotation}`]: value })), message);
    assert.is(s.list('IPAMHandle').length, 0);
  });
}

t.run();
