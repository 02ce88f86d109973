/** The BGP exercise of the reference lab: Direct, and peerings with the router in three stages. */
import { assert, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/kans-router-log', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans-router.yaml');
  await context.typist.run(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"Never"}}'`);
});
t.after(({ typist }) => typist.leave());

const peer = (name: string, where: string, address: string): string =>
  `cat <<EOF | calicoctl apply -f -
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: ${name}
spec:
${where === '' ? '' : `  ${where}\n`}  peerIP: ${address}
  asNumber: 64512
EOF`;

t('before: the router has no route, w1 has one by way of it', async ({ typist }) => {
  assert.match(
    await typist.run('ssh k8s-w1 ip route show 172.16.34.0/24'),
    '172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird',
  );
  assert.is(await typist.run('ssh k8s-rtr "ip route | grep 172.16" || true'), '');
  assert.match(await typist.type('kubectl exec pod1 -- ping -c 2 -W 1 172.16.34.1'), '100% packet loss');
});

t('stage 1: one global peer', async ({ typist }) => {
  assert.is(
    await typist.run(peer('bgppeer', '', '192.168.10.254')),
    "Successfully applied 1 'BGPPeer' resource(s)\n",
  );
  assert.is(
    await typist.run('calicoctl get bgppeer'),
    'NAME      PEERIP           NODE       ASN     \nbgppeer   192.168.10.254   (global)   64512   \n\n',
  );
  await typist.run('run 10s');
  const status = settled(await typist.run('calicoctl node status'));
  assert.match(status, '| 192.168.10.254 | global            | up    | CLOCK | Established |\n');
  assert.is(status.match(/node-to-node mesh \| up/g)?.length, 3);
});

t('the router has the blocks, nodes have what it originates', async ({ typist }) => {
  assert.is(
    await typist.run('ssh k8s-rtr "ip route | grep 172.16"'),
    `172.16.34.0/24 via 192.168.20.100 dev eth2 proto bgp metric 20 
172.16.116.0/24 via 192.168.10.10 dev eth1 proto bgp metric 20 
172.16.158.0/24 via 192.168.10.101 dev eth1 proto bgp metric 20 
172.16.184.0/24 via 192.168.10.102 dev eth1 proto bgp metric 20 
`,
  );
  assert.is(
    await typist.run('ssh k8s-w1 ip route | grep ^10.1'),
    '10.1.1.0/24 via 192.168.10.254 dev eth0 proto bird \n10.1.2.0/24 via 192.168.10.254 dev eth0 proto bird \n',
  );
  // Two nodes and the router forward it: nothing is in a tunnel.
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.34.1'), 'ttl=61');
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 10.1.1.254'), '1 received');
  assert.match(await typist.run('ssh k8s-rtr ping -c 1 172.16.158.1'), '1 received');
});

t('stage 2: a peer per node', async ({ typist }) => {
  for (const name of ['m', 'w1', 'w2'])
    await typist.run(peer(`bgppeer-${name}`, `node: k8s-${name}`, '192.168.10.254'));
  await typist.run(peer('bgppeer-w0', 'node: k8s-w0', '192.168.20.254'));
  assert.is(
    await typist.run('calicoctl delete bgppeer bgppeer'),
    "Successfully deleted 1 'BGPPeer' resource(s)\n",
  );
  assert.is(
    await typist.run('calicoctl get bgppeer'),
    `NAME         PEERIP           NODE     ASN     
bgppeer-m    192.168.10.254   k8s-m    64512   
bgppeer-w0   192.168.20.254   k8s-w0   64512   
bgppeer-w1   192.168.10.254   k8s-w1   64512   
bgppeer-w2   192.168.10.254   k8s-w2   64512   

`,
  );
  await typist.run('run 20s');
  assert.match(
    settled(await typist.run('calicoctl node status')),
    '| 192.168.10.254 | node specific     | up    | CLOCK | Established |\n',
  );
  assert.is(
    await typist.run('ssh k8s-w0 ip route | grep ^10.1'),
    '10.1.1.0/24 via 192.168.20.254 dev eth0 proto bird \n10.1.2.0/24 via 192.168.20.254 dev eth0 proto bird \n',
  );
});

t('stage 3: labels and selectors', async ({ typist }) => {
  for (const name of ['m', 'w1', 'w2'])
    assert.is(
      await typist.run(`calicoctl label nodes k8s-${name} rack=rack1`),
      `Successfully set label rack on nodes k8s-${name}\n`,
    );
  assert.is(
    await typist.run('calicoctl label nodes k8s-w0 rack=rack2'),
    'Successfully set label rack on nodes k8s-w0\n',
  );
  await typist.run(peer('rack1-tor', `nodeSelector: rack == 'rack1'`, '192.168.10.254'));
  await typist.run(peer('rack2-tor', `nodeSelector: rack == 'rack2'`, '192.168.20.254'));
  await typist.run('calicoctl delete bgppeer bgppeer-m bgppeer-w0 bgppeer-w1 bgppeer-w2');
  assert.is(
    await typist.run('calicoctl get bgppeer'),
    `NAME        PEERIP           NODE              ASN     
rack1-tor   192.168.10.254   rack == 'rack1'   64512   
rack2-tor   192.168.20.254   rack == 'rack2'   64512   

`,
  );
  await typist.run('run 20s');
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.34.1'), 'ttl=61');
});

t('the mesh off: the router is no reflector, the nodes lose the routes to each other', async ({ typist }) => {
  await typist.run(`cat <<EOF | calicoctl apply -f -
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
spec:
  nodeToNodeMeshEnabled: false
  asNumber: 64512
EOF`);
  assert.is(
    await typist.run('calicoctl get bgpconfig'),
    'NAME      LOGSEVERITY   MESHENABLED   ASNUMBER   \ndefault   -             false         64512      \n\n',
  );
  await typist.run('run 10s');
  const status = settled(await typist.run('calicoctl node status'));
  assert.not.match(status, 'mesh');
  assert.match(status, '192.168.10.254');
  assert.is(
    await typist.run('ssh k8s-w1 "ip route | grep bird | grep 172.16 | grep -v blackhole" || true'),
    '',
  );
  // What still arrives goes by the default route, for here that is the router's.
  assert.match(await typist.run('ssh k8s-w1 ip route get 172.16.184.1'), 'via 192.168.10.254 dev eth0');
});

t.run();
