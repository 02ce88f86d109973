/** Addresses as they are asked for by a running lab: borrowed, refused, reserved, chosen by selectors, moved, given back. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type { Lab } from '../../src/lab.ts';
import { assert, suite } from '../kit.ts';
import {
  bootLab,
  calico,
  DUMB_ROUTER,
  type LabPlan,
  type Mode,
  pool,
  routeLines,
  routerForm,
} from './reference-lab.ts';

const t = suite('routing/ipam', undefined, 30_000);

async function boot(resources: readonly object[], pods: Record<string, string> = {}): Promise<Lab> {
  const plan: LabPlan = { fabric: routerForm(DUMB_ROUTER), resources, pods };
  const lab = await bootLab(plan);
  await settled(lab);
  return lab;
}

async function settled(lab: Lab): Promise<void> {
  const { converged, missing } = await lab.converge();
  assert.ok(converged, missing.join(', '));
}

async function makePod(lab: Lab, name: string, node: string, annotations: object = {}): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: { nodeName: node, containers: [{ name: 'c', image: 'busybox' }] },
  };
  const { stdout } = await lab.exec(`kubectl apply -f - <<'EOF'\n${JSON.stringify(pod)}\nEOF`);
  assert.is(stdout, `pod/${name} created\n`);
  await settled(lab);
}

const addressOf = async (lab: Lab, pod: string): Promise<string> =>
  Ipv4.format((await lab.party(pod)).address);

async function blockOf(lab: Lab, node: string): Promise<Prefix.Prefix> {
  const affinities = await lab.cluster.list('BlockAffinity');
  return Prefix.from(affinities.find(a => a.spec.node === node)!.spec.cidr);
}

async function refusal(lab: Lab, pod: string): Promise<string> {
  const { status } = (await lab.cluster.find('Pod', pod, 'default'))!;
  assert.equal([status?.phase, status?.reason], ['Pending', 'ContainerCreating']);
  return status!.message!.replace(/"[0-9a-f]{64}"/, 'ID');
}

const REFUSED =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox ID: ' +
  'plugin type="calico" failed (add): failed to request IPv4 addresses: ';

/** Four blocks of four addresses: one for each node. */
const TIGHT = { cidr: '172.16.0.0/28', blockSize: 30 };

const BORROWED: readonly (readonly [Mode, string])[] = [
  ['ipip-always', 'dev tunl0 proto bird onlink'],
  ['direct', 'dev eth0 proto bird'],
  ['vxlan-always', 'dev vxlan.calico onlink'],
  ['vxlan-crosssubnet', 'dev eth0 proto 80 onlink'],
];

for (const [mode, way] of BORROWED) {
  t(`${mode}: a borrowed address has a /32 of its own everywhere, at the lender's too`, async () => {
    const pods = Object.fromEntries(['k8s-m', 'k8s-w2', 'k8s-w0'].map((node, i) => [`far${i}`, node]));
    const lab = await boot([pool(mode, TIGHT)], pods);
    const own = mode === 'direct' ? 4 : 3;
    for (let i = 0; i < own; i++) await makePod(lab, `own${i}`, 'k8s-w1');
    await makePod(lab, 'guest', 'k8s-w1');
    const block = await blockOf(lab, 'k8s-w1');
    const guest = await addressOf(lab, 'guest');
    for (let i = 0; i < own; i++) {
      assert.ok(Prefix.contains(block, Ipv4.from(await addressOf(lab, `own${i}`))));
    }
    assert.not.ok(Prefix.contains(block, Ipv4.from(guest)), `${guest} is of another node's block`);
    for (const node of ['k8s-m', 'k8s-w2']) {
      const line = (await routeLines(lab, node)).find(text => text.startsWith(`${guest} `));
      assert.match(line ?? '', new RegExp(`^${guest} via [\\d.]+ ${way}$`), node);
    }
    for (const far of ['far0', 'far1']) assert.ok((await lab.ping(far, 'guest')).result.answered, far);
    if (mode !== 'direct') assert.ok((await lab.ping('guest', 'far2')).result.answered);
    // The loan ends with the pod.
    await lab.exec('kubectl delete pod guest');
    await settled(lab);
    assert.not.ok((await routeLines(lab, 'k8s-w2')).some(text => text.startsWith(`${guest} `)));
    await lab.close();
  });
}

t('strict affinity: nobody borrows, and the pod waits until somebody leaves', async () => {
  const lab = await boot(
    [
      pool('direct', TIGHT),
      calico('IPAMConfiguration', 'default', { strictAffinity: true, autoAllocateBlocks: true }),
    ],
    { far0: 'k8s-m', far1: 'k8s-w2', far2: 'k8s-w0', p0: 'k8s-w1', p1: 'k8s-w1', p2: 'k8s-w1', p3: 'k8s-w1' },
  );
  await makePod(lab, 'fifth', 'k8s-w1');
  assert.is(
    await refusal(lab, 'fifth'),
    `${REFUSED}Assigned 0 out of 1 requested IPv4 addresses; No more free affine blocks and strict affinity enabled`,
  );
  const shown = await lab.exec('kubectl get pod fifth');
  assert.match(shown.stdout, /fifth +0\/1 +ContainerCreating/);
  await lab.exec('kubectl delete pod p2');
  await lab.run({ for: '12s' });
  assert.is((await lab.cluster.find('Pod', 'fifth', 'default'))?.status?.phase, 'Running');
  assert.match((await lab.exec('kubectl get pod fifth')).stdout, /fifth +1\/1 +Running/);
  await lab.close();
});

t('a pool without a free address refuses, and says which pools it tried', async () => {
  const pods = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [`p${i}`, i < 8 ? 'k8s-w1' : 'k8s-w0']),
  );
  const lab = await boot([pool('direct', TIGHT)], pods);
  await makePod(lab, 'late', 'k8s-w2');
  assert.is(
    await refusal(lab, 'late'),
    `${REFUSED}Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [172.16.0.0/28]`,
  );
  await lab.close();
});

t('reserved addresses are passed over', async () => {
  const lab = await boot(
    [
      pool('direct'),
      calico('IPReservation', 'first', { reservedCIDRs: ['172.16.158.0/31', '172.16.158.3'] }),
    ],
    { p0: 'k8s-w1', p1: 'k8s-w1' },
  );
  const addresses = [await addressOf(lab, 'p0'), await addressOf(lab, 'p1')].sort();
  assert.equal(addresses, ['172.16.158.2', '172.16.158.4']);
  await lab.close();
});

t('a disabled pool gives nothing new; pods that have an address of it go on', async () => {
  const lab = await boot([pool('ipip-always')], { pod1: 'k8s-w1', pod3: 'k8s-w0' });
  await lab.exec(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"disabled":true}}'`);
  await makePod(lab, 'late', 'k8s-w1');
  assert.is(await refusal(lab, 'late'), `${REFUSED}no configured Calico pools`);
  // The tunnel address goes back to the pool, the tunnel stays: other nodes still encapsulate.
  assert.is((await lab.cluster.find('Node', 'k8s-w1'))?.spec.bgp?.ipv4IPIPTunnelAddr, undefined);
  assert.is((await lab.ping('pod1', 'pod3')).way, 'tunl0');
  await lab.close();
});

t('node selectors: each rack has its pool, and a pod may ask for another', async () => {
  const racks = { 'k8s-w1': 'one', 'k8s-w0': 'two' };
  const labelled = Object.entries(racks).map(([name, rack]) => ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: { name, labels: { rack } },
    spec: {},
  }));
  const lab = await boot(
    [
      ...labelled,
      pool('ipip-always', { cidr: '10.1.0.0/16', nodeSelector: "rack == 'one'" }, 'rack-one'),
      pool('ipip-always', { cidr: '10.2.0.0/16', nodeSelector: "rack == 'two'" }, 'rack-two'),
    ],
    { pod1: 'k8s-w1', pod3: 'k8s-w0' },
  );
  assert.match(await addressOf(lab, 'pod1'), /^10\.1\./);
  assert.match(await addressOf(lab, 'pod3'), /^10\.2\./);
  assert.is((await lab.ping('pod1', 'pod3')).way, 'tunl0');
  await makePod(lab, 'nowhere', 'k8s-m');
  assert.is(await refusal(lab, 'nowhere'), `${REFUSED}no configured Calico pools for node k8s-m`);
  await makePod(lab, 'guest', 'k8s-m', { 'cni.projectcalico.org/ipv4pools': '["rack-two"]' });
  assert.match(await addressOf(lab, 'guest'), /^10\.2\./);
  assert.ok((await lab.ping('guest', 'pod1')).result.answered);
  await lab.close();
});

t('pool migration: disable the old one, make the pods anew, delete it', async () => {
  const lab = await boot([pool('ipip-always')], { pod1: 'k8s-w1', pod3: 'k8s-w0' });
  const fresh = JSON.stringify(pool('ipip-always', { cidr: '10.0.0.0/16' }, 'new-pool'));
  await lab.exec(`calicoctl apply -f - <<'EOF'\n${fresh}\nEOF`);
  await lab.exec(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"disabled":true}}'`);
  await settled(lab);
  // Old pods still talk, by tunnels whose addresses are of the new pool.
  assert.is((await lab.ping('pod1', 'pod3')).way, 'tunl0');
  await lab.exec('kubectl delete pod pod1 pod3');
  await makePod(lab, 'pod1', 'k8s-w1');
  await makePod(lab, 'pod3', 'k8s-w0');
  assert.match(await addressOf(lab, 'pod1'), /^10\.0\./);
  assert.is((await lab.ping('pod1', 'pod3')).way, 'tunl0');
  const { stdout } = await lab.exec('calicoctl delete ippool default-ipv4-ippool');
  assert.is(stdout, "Successfully deleted 1 'IPPool' resource(s)\n");
  await settled(lab);
  assert.equal(
    (await lab.cluster.list('BlockAffinity')).filter(a => a.spec.cidr.startsWith('172.16.')),
    [],
  );
  assert.not.ok((await routeLines(lab, 'k8s-w1')).some(line => line.includes('172.16.')));
  assert.is((await lab.ping('pod1', 'pod3')).way, 'tunl0');
  await lab.close();
});

t('a pool deleted under its pods: their blocks have no owner, and nobody leads there', async () => {
  const lab = await boot([pool('ipip-always')], { pod1: 'k8s-w1', pod2: 'k8s-w2', other: 'k8s-w1' });
  await lab.exec('calicoctl delete ippool default-ipv4-ippool');
  assert.is((await lab.exec('calicoctl get ippool -o wide')).stdout.split('\n')[1]?.includes('true'), true);
  await settled(lab);
  assert.equal(await lab.cluster.list('BlockAffinity'), []);
  const blocks = await lab.cluster.list('IPAMBlock');
  assert.ok(blocks.length > 0 && blocks.every(block => block.spec.affinity === undefined));
  assert.not.ok((await routeLines(lab, 'k8s-w1')).some(line => line.startsWith('172.16.184.')));
  assert.not.ok((await lab.ping('pod1', 'pod2')).result.answered);
  assert.ok((await lab.ping('pod1', 'other')).result.answered, 'on one node they need no pool');
  // The last address that goes takes its block along.
  await lab.exec('kubectl delete pod pod1 pod2 other');
  await settled(lab);
  assert.equal(await lab.cluster.list('IPAMBlock'), []);
  await lab.close();
});

t('an exact address is claimed with its block, once', async () => {
  const lab = await boot([pool('direct')], { pod1: 'k8s-w1' });
  const wish = { 'cni.projectcalico.org/ipAddrs': '["172.16.200.77"]' };
  await makePod(lab, 'exact', 'k8s-w1', wish);
  assert.is(await addressOf(lab, 'exact'), '172.16.200.77');
  assert.ok((await routeLines(lab, 'k8s-w1')).includes('blackhole 172.16.200.0/24 proto bird'));
  await makePod(lab, 'twin', 'k8s-w1', wish);
  assert.match(await refusal(lab, 'twin'), /Address already assigned in block$/);
  await lab.close();
});

t.run();
