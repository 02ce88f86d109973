/** `tunlab explain`: the hops that were seen, who decided at each, where it ends, and cures that were tried. */
import type { Cure } from '../../src/cures/trial.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { tunlab as commandLine, type Ran } from '../cli/command-line.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('explain', undefined, 30_000);

const tunlab = (...argv: string[]): Promise<Ran> => commandLine(['explain', ...argv]);

interface Document extends Explanation {
  readonly atNs: number;
  readonly cures: readonly Cure[];
}

async function explained(file: string, ...rest: string[]): Promise<Document> {
  const ran = await tunlab(fromRoot(`scenarios/${file}`), ...rest, '--json');
  assert.is(ran.code, 0, ran.err);
  return JSON.parse(ran.out);
}

const DIRECT = fromRoot('scenarios/modes/direct.yaml');

t('Direct across subnets: hop by hop, the field, the silence, two cures that work', async () => {
  const ran = await tunlab(DIRECT, 'pod1', 'pod3');
  assert.is(ran.code, 0);
  const lines = ran.out.split('\n').map(line => line.trim());
  for (const line of [
    '✗ pod1 172.16.158.0 → pod3 172.16.34.0 icmp   DROPPED at k8s-rtr   NO_ROUTE',
    '1 pod1    default via 169.254.1.1 dev eth0',
    '2 k8s-w1  172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird',
    'by BIRD, from Mesh_192_168_20_100; next hop 192.168.20.100 is not on-link → found',
    'beats default via 192.168.10.254 dev eth0 proto static (shorter-prefix)',
    'tunl0 not used: IPPool default-ipv4-ippool, spec.ipipMode Never',
    '3 k8s-rtr no route covers 172.16.34.0   ← ends here',
    'knows 192.168.10.0/24, 192.168.20.0/24',
    '↩ k8s-rtr has no route back to 172.16.158.0 either, so its ICMP error goes nowhere: that is the',
  ])
    assert.ok(lines.includes(line), `${line}\n${ran.out}`);
  assert.match(ran.out, /scenarios\/modes\/calico\/ippool-direct\.yaml:8:13\n/);
  assert.match(ran.out, /• ipipMode: CrossSubnet\n +6 of 6 pairs talk; converged in /);
  assert.match(ran.out, /• vxlanMode: CrossSubnet\n +6 of 6 pairs talk; converged in /);
  assert.match(ran.out, /while it was made, pod\d -> pod\d was cut off for 1\.\d\d s\n/);
  assert.match(ran.out, 'pods keep MTU 1500 until they are made anew (1450 needed)');
});

t('a tunnel: the stops see the inner packet, the router the outer one', async () => {
  const { answered, way, there, back, cures } = await explained('modes/vxlan-always.yaml', 'pod1', 'pod3');
  assert.equal([answered, way, cures], [true, 'vxlan.calico', []]);
  assert.equal(
    back.map(stop => [stop.name, stop.destination, stop.delivered]),
    [
      ['pod3', '172.16.158.1', false],
      ['k8s-w0', '172.16.158.1', false],
      ['k8s-rtr', '192.168.10.101', false],
      ['k8s-w1', '172.16.158.1', false],
      ['pod1', '172.16.158.1', true],
    ],
  );
  assert.equal(
    there.map(stop => [stop.name, stop.destination, stop.encapsulated, stop.delivered]),
    [
      ['pod1', '172.16.34.1', false, false],
      ['k8s-w1', '172.16.34.1', false, false],
      ['k8s-rtr', '192.168.20.100', true, false],
      ['k8s-w0', '172.16.34.1', false, false],
      ['pod3', '172.16.34.1', false, true],
    ],
  );
  assert.is(there[1]!.cause?.value, 'Always');
  assert.match(there[1]!.tunnel!, 'outer packet to 192.168.20.100: default via 192.168.10.254');
});

t('what a cloud drops is dropped at a port, and only a cure that works there is offered', async () => {
  const { death, there, heard, cures } = await explained(
    'azure/proto4-blocked.yaml',
    'pod1',
    'pod3',
    '--steps',
    '1',
  );
  assert.equal([death!.reason, death!.at, death!.leg], ['FABRIC_PROTO4_BLOCKED', 'k8s-w1/eth0', 'there']);
  assert.equal(there.at(-1)!.out, ['tunl0', 'eth0']);
  assert.is(heard, 'k8s-w1/eth0 drops it without a word: pod1 hears nothing');
  assert.equal(
    cures.map(cure => cure.change),
    ['ipip let through', 'vxlanMode: CrossSubnet'],
  );
});

t('CrossSubnet that tunnels everything: the Node says /32', async () => {
  const { way, there } = await explained(
    'lessons/crosssubnet-slash32.yaml',
    ...['pod1', 'pod2', '--steps', '1'],
  );
  assert.is(way, 'tunl0');
  const note = '192.168.10.102 is outside of 192.168.10.101/32 (Node k8s-w1, spec.bgp.ipv4Address)';
  assert.equal(there[1]!.notes, [note]);
});

t('other names and prefixes, the same verdict and cures', async () => {
  const { death, cures } = await explained(
    'lessons/direct-cross-subnet.yaml',
    'client',
    'far',
    '--steps',
    '2',
  );
  assert.equal([death!.reason, death!.at], ['NO_ROUTE', 'tor']);
  assert.equal(
    cures.map(cure => cure.change),
    ['ipipMode: CrossSubnet', 'vxlanMode: CrossSubnet'],
  );
});

t('inside a subnet CrossSubnet is no cure, Always is', async () => {
  const { cures } = await explained('openstack/port-security.yaml', 'pod1', 'pod2', '--steps', '1');
  assert.equal(
    cures.map(({ change, after, broken }) => [change, after.talk, broken]),
    [
      ['172.16.0.0/16 allowed at the ports', 6, []],
      ['ipipMode: Always', 6, []],
      ['vxlanMode: Always', 6, []],
    ],
  );
});

t('too large for the pod itself, and too large on the way', async () => {
  const own = await explained('mtu/underlay-too-small.yaml', 'pod1', 'pod3', '--size', '1472', '--df');
  assert.equal([own.death!.at, own.error], ['pod1', 'EMSGSIZE']);
  const sum = '1472 data + 28 headers';
  assert.equal(own.death!.limit, { device: 'eth0', mtu: 1480, octets: 1500, sum });
  const way = await explained(
    'mtu/underlay-too-small.yaml',
    ...['pod1', 'pod3', '--size', '1452', '--df', '--steps', '1'],
  );
  assert.is(way.death!.at, 'k8s-rtr');
  const outer = '1452 data + 28 headers + 20 IPIP';
  assert.equal(way.death!.limit, { device: 'eth2', mtu: 1400, octets: 1500, sum: outer });
  assert.match(way.heard!, 'the ICMP error is about the outer packet');
});

t('--at looks at the run as it was then, and tries cures from there', async () => {
  const file = 'lessons/nat-second-pool.yaml';
  const early = await explained(file, 'client', 'server', '--at', '4.79s');
  assert.equal([early.answered, early.atNs], [true, 4.79e9]);
  const late = await explained(file, 'client', 'server', '--at', '8.37s');
  assert.equal([late.answered, late.death!.at, late.death!.leg], [false, 'tor', 'back']);
  assert.match(late.there[1]!.notes.join(), 'source stays 172.16.25.1: 10.9.0.9 is in IPPool data-centre');
  assert.equal(
    late.cures.map(cure => cure.commands),
    [['calicoctl delete ippool data-centre']],
  );
  const after = await explained(file, 'client', 'server', '--at', '60s');
  assert.equal([after.answered, after.atNs], [true, 60e9]);
});

t('an error that comes back is told', async () => {
  const { heard } = await explained('modes/direct.yaml', 'pod1', '8.8.8.8');
  assert.is(heard, 'pod1 hears of it: ICMP type 3 code 0 from 192.168.10.254');
});

t('a drop code has a page', async () => {
  const ran = await tunlab('NO_ROUTE');
  assert.is(ran.code, 0);
  assert.match(
    ran.out,
    /^NO_ROUTE {3}No route covers the destination\.\n {2}Linux calls it SKB_DROP_REASON_IP_OUTNOROUTES\n/,
  );
  assert.match((await tunlab('policy_deny')).out, 'reserved: no lab raises it');
});

for (const [argv, message] of [
  [['NO_ROUT'], 'there is no drop code "NO_ROUT", did you mean "NO_ROUTE"?'],
  [[DIRECT, 'pod1'], 'explain what? FILE FROM TO, or CODE'],
  [[DIRECT, 'pod1', 'pod9'], 'there is no pod default/pod9'],
  [[DIRECT, 'pod1', 'pod3', '--at', 'noon'], '--at: expected a time such as 12s or 500ms, got "noon"'],
  [[DIRECT, 'pod1', 'pod3', '--port', '0'], '--port: expected a number from 1 to 65535, got "0"'],
  [[DIRECT, 'pod1', 'pod3', '--proto', 'sctp'], '--proto: expected icmp, udp or tcp, got "sctp"'],
] as const) {
  t(`refuses ${argv.slice(-2).join(' ').replace(fromRoot(''), '')}`, async () => {
    const ran = await tunlab(...argv);
    assert.is(ran.code, 2);
    assert.match(ran.err, message);
  });
}

t.run();
