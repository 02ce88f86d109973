/**
 * Command lines of three posts about Calico, by topic, with this lab's names and addresses: they run as they were
 * published, or say in one line that something is not emulated. Only the facts of what they show are taken from them.
 */
import { assert, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ ipip: Typist; vxlan: Typist }>('shell/posts', undefined, 30_000);

t.before(async context => {
  context.ipip = await sitDown('scenarios/kans.yaml');
});
t.before(async context => {
  context.vxlan = await sitDown('scenarios/modes/vxlan-always.yaml');
});
t.after(async ({ ipip, vxlan }) => {
  await ipip.leave();
  await vxlan.leave();
});

t('ipipMode Always against Never: the spec by jq, both tables by route -n', async ({ ipip }) => {
  const spec = await ipip.run('calicoctl get ipPool default-ipv4-ippool -o json| jq -r .spec');
  assert.match(spec, '"ipipMode": "Always"');
  assert.match(spec, '"blockSize": 24');
  const always = await ipip.run('route -n');
  assert.match(always, /^172\.16\.34\.0 +192\.168\.20\.100 +255\.255\.255\.0 +UG +0 +0 +0 tunl0$/m);
  // The node's own block has no gateway, and a star for its device.
  assert.match(always, /^172\.16\.116\.0 +0\.0\.0\.0 +255\.255\.255\.0 +U +0 +0 +0 \*$/m);
  await ipip.run(
    'calicoctl get ippool default-ipv4-ippool -o yaml --export | sed "s/Always/Never/" > ipPool-Never.yaml',
  );
  assert.is(
    await ipip.run('calicoctl apply -f ipPool-Never.yaml'),
    "Successfully applied 1 'IPPool' resource(s)\n",
  );
  assert.match(
    await ipip.run('calicoctl get ipPool default-ipv4-ippool -o json| jq -r .spec.ipipMode'),
    /^Never$/m,
  );
  assert.match(
    await ipip.run('route -n'),
    /^172\.16\.184\.0 +192\.168\.10\.102 +255\.255\.255\.0 +UG +0 +0 +0 ens5$/m,
  );
  assert.match(await ipip.run('cat ipPool-Never.yaml'), /^kind: IPPool$/m);
});

t('the way of a packet through VXLAN: routes, fdb, neighbours, a capture', async ({ vxlan }) => {
  await vxlan.run('ssh k8s-w1');
  assert.match(await vxlan.run('ip link show vxlan.calico'), /mtu 1450 qdisc noqueue state UNKNOWN/);
  assert.match(
    await vxlan.run('ip addr show vxlan.calico'),
    'inet 172.16.158.0/32 scope global vxlan.calico',
  );
  assert.match(
    await vxlan.run('ip -d link show vxlan.calico'),
    /vxlan id 4096 local 192\.168\.10\.101 dev eth0 .*dstport 4789 nolearning/,
  );
  assert.match(
    await vxlan.run('ip route show 172.16.34.0/24'),
    /^172\.16\.34\.0\/24 via 172\.16\.34\.0 dev vxlan\.calico onlink $/m,
  );
  assert.is(
    await vxlan.run('bridge fdb show dev vxlan.calico | grep 66:8d:da:b4:58:1a'),
    '66:8d:da:b4:58:1a dst 192.168.20.100 self permanent\n',
  );
  assert.match(
    await vxlan.run('ip neigh show dev vxlan.calico'),
    /^172\.16\.34\.0 lladdr 66:8d:da:b4:58:1a PERMANENT $/m,
  );
  await vxlan.run('exit');
  await vxlan.run('root@k8s-w1:~# sudo tcpdump -i eth0 -n udp port 4789 -c 2 &');
  const seen = settled(await vxlan.run('kubectl exec -it pod1 -- ping -c 1 172.16.34.1'));
  assert.match(
    seen,
    /IP 192\.168\.10\.101\.\d+ > 192\.168\.20\.100\.4789: VXLAN, flags \[I\] \(0x08\), vni 4096\n/,
  );
  assert.match(seen, 'IP 172.16.158.1 > 172.16.34.1: ICMP echo request');
});

t('a pod with too large an MTU: tracepath finds the tunnel', async ({ vxlan }) => {
  await vxlan.run('kubectl exec pod2 -- ip link set eth0 mtu 1500');
  await vxlan.run('ssh k8s-w2 ip link set calibd2348b4f67 mtu 1500');
  const path = await vxlan.run('kubectl exec pod2 -- tracepath -n 172.16.34.1');
  assert.match(path, / 1\?: \[LOCALHOST\] {22}pmtu 1500\n/);
  assert.match(path, /\d: {2}192\.168\.10\.102 .*ms pmtu 1450\n/);
  assert.match(path, / {5}Resume: pmtu 1450 hops \d back \d \n$/);
});

t(
  'a runbook for BGP that does not advertise: from the symptom down to BIRD and the kernel',
  async ({ ipip }) => {
    assert.is(
      await ipip.type('kubectl run rr-test-server --image=nginx --restart=Never'),
      'kubectl run: not emulated in this lab\n',
    );
    assert.is(ipip.exitCode, 2);
    await ipip.run("SERVER_IP=$(kubectl get pod pod2 -o jsonpath='{.status.podIP}')");
    await ipip.run("SERVER_NODE=$(kubectl get pod pod2 -o jsonpath='{.spec.nodeName}')");
    assert.is(
      await ipip.run('echo "Server on: $SERVER_NODE ($SERVER_IP)"'),
      'Server on: k8s-w2 (172.16.184.4)\n',
    );
    assert.match(await ipip.run('kubectl exec pod1 -- ping -c 1 $SERVER_IP'), '1 received');
    assert.not.match(await ipip.run('calicoctl node status 2>&1 | grep -v "Established"'), 'Active');
    assert.match(await ipip.run('birdcl show protocols | grep -c BGP'), /^3$/m);
    const detail = await ipip.run('birdcl show protocols all Mesh_192_168_10_101');
    for (const part of ['BGP state:          Established', 'Neighbor address: 192.168.10.101', 'Hold timer:'])
      assert.match(detail, part);
    assert.match(await ipip.run('birdcl show route protocol Mesh_192_168_10_101'), '172.16.158.0/24');
    assert.match(await ipip.run('ip route show | grep "proto bird"'), 'blackhole 172.16.116.0/24 proto bird');
    assert.match(
      await ipip.run('calicoctl get bgpconfig default -o yaml 2>&1 || true'),
      'resource does not exist',
    );
    assert.match(await ipip.run('ss -tn | grep :179'), /^ESTAB/m);
  },
);

t.run();
