/** What fails, and what comes back: power, cables, the pod calico-node, a node that leaves the cluster. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { Lab } from '../../src/lab.ts';
import type { MachineStatus } from '../../src/node/command.ts';
import { LabShell } from '../../src/shell/shell.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { bootLab, calico, DUMB_ROUTER, type Mode, pool, routeLines, routerForm } from './reference-lab.ts';

const t = suite('routing/failures', undefined, 30_000);

async function boot(mode: Mode, ...more: object[]): Promise<Lab> {
  const lab = await bootLab({ fabric: routerForm(DUMB_ROUTER), resources: [pool(mode), ...more] });
  const { converged, missing } = await lab.converge();
  assert.ok(converged, missing.join(', '));
  return lab;
}

async function converged(lab: Lab): Promise<void> {
  const state = await lab.converge(300 * SECOND);
  assert.ok(state.converged, state.missing.join(', '));
}

const power = (lab: Lab, machine: string, on: boolean): Promise<void> => lab.controller.setPower(machine, on);

/** The state of the session that `on` has with `peer`, an address. */
async function session(lab: Lab, on: string, peer: string): Promise<string> {
  const { sessions } = await lab.controller.ask<MachineStatus>(on, { do: 'status' });
  return sessions.find(each => Ipv4.format(each.peer) === peer)?.state ?? 'none';
}

const answers = async (lab: Lab, from: string, to: string): Promise<boolean> =>
  (await lab.ping(from, to)).result.answered;

const hasRoute = async (lab: Lab, on: string, start: string): Promise<boolean> =>
  (await routeLines(lab, on)).some(line => line.startsWith(start));

t('a node without power is silent; its peers notice when the hold time is over', async () => {
  const lab = await boot('ipip-always');
  const before = lab.now;
  await power(lab, 'k8s-w2', false);
  assert.not.ok(await answers(lab, 'pod1', 'pod2'));
  assert.is((await lab.ping('k8s-w2', 'pod1')).result.error, 'k8s-w2 is off');
  assert.equal(await lab.routes('k8s-w2'), []);
  const far = await lab.exec('ssh k8s-w2 ip route');
  assert.equal([far.exitCode, far.stderr], [255, 'ssh: connect to host k8s-w2 port 22: No route to host\n']);
  assert.is(
    (await lab.exec('kubectl exec pod2 -- ip addr')).stderr,
    'Error from server: error dialing backend: dial tcp 192.168.10.102:10250: connect: no route to host\n',
  );
  const readiness = async (): Promise<string> =>
    (await lab.exec('kubectl get nodes')).stdout
      .split('\n')
      .find(line => line.includes('k8s-w2'))!
      .split(/ +/)[1]!;
  await lab.run({ until: before + 25 * SECOND });
  assert.is(await readiness(), 'Ready');
  await lab.run({ until: before + 150 * SECOND });
  assert.is(await readiness(), 'NotReady');
  assert.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24 via'), 'the hold time is 240 s');
  await lab.run({ until: before + 250 * SECOND });
  assert.not.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24'));
  await converged(lab);
  assert.ok(await answers(lab, 'pod1', 'pod3'));
  await lab.close();
});

t('power comes back: the same block and tunnel address, new addresses for the pods', async () => {
  const lab = await boot('ipip-always');
  const address = (await lab.party('pod2')).address;
  await power(lab, 'k8s-w2', false);
  await lab.run({ for: '5s' });
  await power(lab, 'k8s-w2', true);
  await lab.run({ for: '20s' });
  await converged(lab);
  assert.is((await lab.party('pod2')).address, address + 1);
  assert.not.match((await lab.exec('kubectl get nodes')).stdout, /NotReady/);
  assert.ok(await answers(lab, 'pod1', 'pod2'));
  assert.ok(await answers(lab, 'pod2', 'pod3'));
  assert.ok(await hasRoute(lab, 'k8s-w2', 'blackhole 172.16.184.0/24 proto bird'));
  const tunl0 = (await lab.devices('k8s-w2')).find(device => device.name === 'tunl0');
  assert.is(tunl0?.addresses[0]?.address, 0xac10b800);
  await lab.close();
});

t('what waits for a core when the power goes dies with the node, and is counted', async () => {
  const lab = await bootLab({
    fabric: routerForm(DUMB_ROUTER),
    resources: [pool('ipip-always')],
    hostModel: 'daocloud',
  });
  await converged(lab);
  const shell = new LabShell(lab.cluster, { typing: 10 * MILLISECOND });
  await shell.exec('kubectl exec pod3 -- iperf3 -s &');
  const { address } = await lab.party('pod3');
  await shell.exec(`kubectl exec pod1 -- iperf3 -c ${Ipv4.format(address)} -u -b 2G &`);
  await lab.run({ for: '100ms' });
  // It sends once a millisecond; what it sent is on its way for a while.
  for (let i = 0; i < 200 && (await lab.counters()).inFlight < 100; i++) await lab.run({ for: '7us' });
  assert.ok((await lab.counters()).inFlight >= 100);
  for (const node of ['k8s-w1', 'k8s-w2']) await power(lab, node, false);
  await lab.run({ for: '5s' });
  const { inFlight, held, dropped } = await lab.counters();
  assert.equal([inFlight, held], [0, 0]);
  assert.ok(dropped.NODE_STOPPED! >= 100);
  await shell.close();
  await lab.close();
});

t('somebody who sits at a machine without power can but switch it on', async () => {
  const lab = await boot('ipip-always');
  await lab.exec('node stop k8s-m');
  const dead = await lab.exec('ip route; kubectl get nodes');
  assert.is(dead.stdout, '');
  assert.is(dead.stderr, 'k8s-m is off: node start k8s-m\n'.repeat(2));
  await lab.exec('node start k8s-m');
  await lab.run({ for: '20s' });
  await converged(lab);
  assert.is((await lab.exec('kubectl get nodes')).exitCode, 0);
  await lab.close();
});

t(
  "VXLAN routes to a node without power stay: they are Felix's, and its node is still in the cluster",
  async () => {
    const lab = await boot('vxlan-always');
    await power(lab, 'k8s-w2', false);
    await lab.run({ for: '300s' });
    assert.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24 via 172.16.184.0 dev vxlan.calico'));
    await power(lab, 'k8s-w2', true);
    await lab.run({ for: '20s' });
    await converged(lab);
    assert.ok(await answers(lab, 'pod1', 'pod2'));
    await lab.close();
  },
);

t('calico-node is deleted: BIRD restarts gracefully, no route goes, no packet is lost', async () => {
  const lab = await boot('ipip-always');
  const { stdout } = await lab.exec('kubectl get pods -n kube-system -o wide');
  const name = stdout
    .split('\n')
    .find(line => line.includes('k8s-w2'))!
    .split(' ')[0]!;
  assert.match(name, /^calico-node-[a-z0-9]{5}$/);
  const routes = await routeLines(lab, 'k8s-w1');
  const own = await routeLines(lab, 'k8s-w2');
  await lab.exec(`kubectl delete pod -n kube-system ${name}`);
  await lab.run({ for: '1s' });
  assert.match(await session(lab, 'k8s-w1', '192.168.10.102'), /^(Active|Connect|Idle|Passive)/);
  assert.equal(await routeLines(lab, 'k8s-w1'), routes);
  assert.equal(await routeLines(lab, 'k8s-w2'), own);
  assert.ok(await answers(lab, 'pod1', 'pod2'));
  await converged(lab);
  assert.is(await session(lab, 'k8s-w1', '192.168.10.102'), 'Established');
  assert.equal(await routeLines(lab, 'k8s-w1'), routes);
  assert.equal(await routeLines(lab, 'k8s-w2'), own);
  const again = await lab.exec('kubectl get pods -n kube-system -o wide');
  const replaced = again.stdout.split('\n').find(line => line.includes('k8s-w2'))!;
  assert.not.match(replaced, new RegExp(name));
  assert.match(replaced, /calico-node-.* 1\/1 +Running/);
  await lab.close();
});

t('BIRD shut down: peers are told and withdraw at once; its own kernel keeps the routes', async () => {
  const lab = await boot('ipip-always');
  const own = await routeLines(lab, 'k8s-w2');
  assert.is(await lab.controller.ask('k8s-w2', { do: 'sv-bird', action: 'down' }), true);
  await lab.run({ for: '10s' });
  assert.not.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24'));
  assert.equal(await routeLines(lab, 'k8s-w2'), own);
  assert.is.not(await session(lab, 'k8s-w1', '192.168.10.102'), 'Established');
  await lab.controller.ask('k8s-w2', { do: 'sv-bird', action: 'up' });
  await converged(lab);
  assert.ok(await answers(lab, 'pod1', 'pod2'));
  await lab.close();
});

t('BIRD killed: a graceful restart of a second, in which nothing is withdrawn', async () => {
  const lab = await boot('direct');
  const removed: string[] = [];
  lab.on('route', ({ machine, record }) => {
    if (record.action === 'removed') removed.push(`${machine} ${record.text}`);
  });
  await lab.controller.ask('k8s-w2', { do: 'sv-bird', action: 'kill' });
  await lab.run({ for: '500ms' });
  assert.is.not(await session(lab, 'k8s-w1', '192.168.10.102'), 'Established');
  await converged(lab);
  assert.equal(removed, []);
  assert.is(await session(lab, 'k8s-w1', '192.168.10.102'), 'Established');
  await lab.close();
});

for (const mode of ['vxlan-always', 'vxlan-crosssubnet'] as const) {
  t(`a new Felix in ${mode} finds what the old one left`, async () => {
    const lab = await boot(mode);
    const before = await routeLines(lab, 'k8s-w1');
    const { stdout } = await lab.exec('kubectl get pods -n kube-system -o wide');
    const name = stdout
      .split('\n')
      .find(line => line.includes('k8s-w1'))!
      .split(' ')[0]!;
    await lab.exec(`kubectl delete pod -n kube-system ${name}`);
    // While nobody is there, the pool is changed and a pod is made.
    await lab.exec(`kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata: { name: late }
spec: { nodeName: k8s-w1, containers: [{ name: c, image: busybox }] }
EOF`);
    await converged(lab);
    const after = await routeLines(lab, 'k8s-w1');
    assert.equal(
      after.filter(line => !before.includes(line)).map(line => line.replace(/cali\w+/, 'cali')),
      ['172.16.158.2 dev cali scope link'],
    );
    assert.equal(
      before.filter(line => !after.includes(line)),
      [],
    );
    assert.ok(await answers(lab, 'late', 'pod3'));
    await lab.close();
  });
}

t('a node leaves the cluster: sessions, routes, pods, blocks and addresses go', async () => {
  const lab = await boot('ipip-always');
  const { stdout } = await lab.exec('kubectl delete node k8s-w2');
  assert.is(stdout, 'node "k8s-w2" deleted\n');
  await lab.run({ for: '2s' });
  assert.is(await session(lab, 'k8s-w1', '192.168.10.102'), 'none');
  assert.not.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24'));
  assert.is((await lab.exec('kubectl get pod pod2 -o name')).stdout, 'pod/pod2\n');
  await lab.run({ for: '65s' });
  assert.is((await lab.exec('kubectl get pod pod2 -o name')).exitCode, 1);
  const blocks = await lab.cluster.list('IPAMBlock');
  assert.not.ok(blocks.some(block => block.spec.affinity === 'host:k8s-w2'));
  const handles = (await lab.cluster.list('IPAMHandle')).map(handle => handle.spec.handleID);
  assert.not.ok(handles.includes('ipip-tunnel-addr-k8s-w2'));
  // It is started again, registers, and has its old block from its name.
  await power(lab, 'k8s-w2', false);
  await lab.run({ for: '1s' });
  await power(lab, 'k8s-w2', true);
  await lab.run({ for: '20s' });
  await converged(lab);
  assert.is(await session(lab, 'k8s-w1', '192.168.10.102'), 'Established');
  assert.is((await lab.ping('k8s-w2', 'pod1')).way, 'tunl0');
  await lab.close();
});

t('VXLAN: a node that leaves takes neighbour, forwarding entry and route with it', async () => {
  const lab = await boot('vxlan-always');
  await lab.exec('kubectl delete node k8s-w2');
  await lab.run({ for: '2s' });
  const fdb = await lab.controller.ask<{ destination: number }[]>('k8s-w1', { do: 'fdb', namespace: '' });
  assert.not.ok(fdb.some(entry => entry.destination === 0xc0a80a66));
  await lab.run({ for: '70s' });
  assert.not.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24'));
  await lab.close();
});

t('a cut cable: the session lives until the hold time is over, and comes back with the cable', async () => {
  const lab = await boot('direct');
  const nic = lab.controller.plan.nic('k8s-w2', 'eth0')!;
  const before = await routeLines(lab, 'k8s-w2');
  await lab.controller.setCarrier(nic, false);
  // k8s-w1 still has the MAC address; the switch floods, and nobody of those who hear it is meant.
  const last = await lab.ping('pod1', 'pod2');
  assert.equal([last.died?.reason, last.died?.device], ['LINK_DOWN', 'k8s-w2/eth0']);
  // What has gone in a second, but still waits for ARP, dies after three.
  const early = await lab.ping('pod2', 'pod1');
  const { reason, machine, device, waitsFor } = early.died!;
  assert.equal([reason, machine, device], ['NEIGH_FAILED', 'k8s-w2', 'eth0']);
  assert.equal(waitsFor, { address: Ipv4.from('192.168.10.101'), carrier: false });
  await lab.run({ for: '58s' });
  // The kernel marks the routes of the NIC, and nobody takes them away.
  const cut = before.map(line => (line.includes('dev eth0') ? `${line} linkdown` : line));
  assert.equal(await routeLines(lab, 'k8s-w2'), cut);
  const waiting = (await lab.ping('pod1', 'pod2')).died;
  assert.equal([waiting?.machine, waiting?.reason], ['k8s-w1', 'NEIGH_FAILED']);
  assert.equal(waiting?.waitsFor, { address: Ipv4.from('192.168.10.102'), carrier: true });
  const { died } = await lab.ping('pod1', 'pod2', { timeout: 5 * SECOND });
  assert.equal([died?.machine, died?.reason, died?.waitsFor], ['k8s-w1', 'NEIGH_FAILED', undefined]);
  const back = await lab.ping('pod2', 'pod1', { timeout: 5 * SECOND });
  assert.equal([back.died?.machine, back.died?.reason], ['k8s-w2', 'NEIGH_FAILED']);
  await lab.run({ for: '250s' });
  assert.not.ok(await hasRoute(lab, 'k8s-w1', '172.16.184.0/24'));
  await lab.controller.setCarrier(nic, true);
  await converged(lab);
  assert.ok(await answers(lab, 'pod1', 'pod2'));
  await lab.close();
});

t('empty blocks go after two looks, addresses of vanished pods after a quarter of an hour', async () => {
  const small = pool('direct', { cidr: '10.1.0.0/24', blockSize: 30 }, 'small');
  const lab = await boot('direct', small);
  const held = async (): Promise<string[]> =>
    (await lab.cluster.list('IPAMBlock'))
      .filter(block => block.spec.affinity === 'host:k8s-w1')
      .map(block => `${block.spec.cidr} ${block.spec.allocations.filter(a => a !== null).length}`);
  await lab.exec(`kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata: { name: brief, annotations: { cni.projectcalico.org/ipv4pools: '["small"]' } }
spec: { nodeName: k8s-w1, containers: [{ name: c, image: busybox }] }
EOF`);
  await converged(lab);
  const [block] = (await held()).filter(text => text.startsWith('10.1.'));
  assert.match(block!, / 1$/);
  // The node is off when its pod is deleted: nobody says DEL.
  await power(lab, 'k8s-w1', false);
  await lab.exec('kubectl delete pod brief --force');
  await lab.run({ for: '600s' });
  assert.ok((await held()).includes(block!));
  await lab.run({ for: '600s' });
  assert.ok((await held()).includes(block!.replace(/1$/, '0')));
  await lab.run({ for: '700s' });
  assert.not.ok((await held()).some(text => text.startsWith('10.1.')));
  await lab.close();
});

t('the resources of a lab may change while a node is off', async () => {
  const lab = await boot('ipip-always', calico('IPReservation', 'none', { reservedCIDRs: [] }));
  await power(lab, 'k8s-w2', false);
  await lab.exec(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'`);
  await lab.run({ for: '10s' });
  await power(lab, 'k8s-w2', true);
  await lab.run({ for: '20s' });
  await converged(lab);
  assert.is((await lab.ping('pod2', 'pod1')).way, 'direct');
  assert.is((await lab.ping('pod2', 'pod3')).way, 'tunl0');
  await lab.close();
});

t('bindMode NodeIP listens on the node address alone, from the next start of BIRD on', async () => {
  const lab = await boot('ipip-always', calico('BGPConfiguration', 'default', { bindMode: 'NodeIP' }));
  const listening = async (): Promise<string[]> =>
    (await lab.exec('ss -tln')).stdout.split('\n').flatMap(line => /\S+:179\b/.exec(line) ?? []);
  assert.equal(await listening(), ['192.168.10.10:179']);
  await lab.exec(`calicoctl patch bgpconfig default -p '{"spec":{"bindMode":"None"}}'`);
  await lab.run({ until: lab.now + 5 * SECOND });
  assert.equal(await listening(), ['192.168.10.10:179']);
  await lab.exec('kubectl delete pod -n kube-system -l k8s-app=calico-node');
  await lab.run({ until: lab.now + 10 * SECOND });
  assert.equal(await listening(), ['0.0.0.0:179']);
  await lab.close();
});

t.run();
