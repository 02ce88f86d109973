import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { calculate, type Dataplane, type FelixInputs, type FelixRoute } from '../../src/calico/felix/calc.ts';
import { DeltaTracker } from '../../src/calico/felix/delta-tracker.ts';
import { IP_SETS } from '../../src/calico/felix/hooks.ts';
import { hostMtu, mtus } from '../../src/calico/felix/mtu.ts';
import type { FelixConfiguration, FelixConfigurationSpec } from '../../src/calico/resources/felix.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import { assert, suite } from '../kit.ts';
import { type Laboratory, laboratory, lend } from './lab.ts';
import { NODES, recorded } from './recorded.ts';

const t = suite('calico/felix');

const felixConfig = (spec: FelixConfigurationSpec, name = 'default'): FelixConfiguration => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'FelixConfiguration',
  metadata: { name },
  spec,
});

const inputs = (lab: Laboratory, node: string, configurations: FelixConfiguration[] = []): FelixInputs => ({
  ...lab,
  node,
  ownNode: lab.nodes.find(n => n.metadata.name === node),
  configurations,
  nic: 'eth0',
  hostMtu: 1500,
});

const on = (
  node: string,
  spec: Partial<IPPool['spec']>,
  ...configurations: FelixConfiguration[]
): Dataplane => calculate(inputs(laboratory(spec), node, configurations));

/** As `ip route` prints it. */
function text(r: FelixRoute): string {
  const words = [r.type === 'blackhole' ? 'blackhole' : ''];
  words.push(r.prefix.length === 32 ? Ipv4.format(r.prefix.address) : Prefix.format(r.prefix));
  if (r.gateway !== undefined) words.push(`via ${Ipv4.format(r.gateway)}`);
  if (r.device !== undefined) words.push(`dev ${r.device}`);
  if (r.protocol !== 3) words.push(`proto ${r.protocol}`);
  if (r.scope === 'link') words.push('scope link');
  if (r.source !== undefined) words.push(`src ${Ipv4.format(r.source)}`);
  if (r.onlink) words.push('onlink');
  return words.filter(w => w !== '').join(' ');
}

const routes = (d: Dataplane): string[] => d.routes.map(text);

for (const node of NODES) {
  t(`VXLAN on ${node}: routes, neighbours and fdb as recorded`, () => {
    const dataplane = on(node, { vxlanMode: 'Always' });
    const others = /^default|proto kernel/;
    assert.equal(
      routes(dataplane),
      recorded('vxlan-always', node, 'route').filter(l => !others.test(l)),
    );
    const neighbours = dataplane.neighbours.map(
      n => `${Ipv4.format(n.address)} dev ${n.device} lladdr ${Mac.format(n.mac)} PERMANENT`,
    );
    assert.equal(neighbours.sort(), recorded('vxlan-always', node, 'neigh').sort());
    const fdb = dataplane.fdb.map(
      f => `${Mac.format(f.mac)} dev ${f.device} dst ${Ipv4.format(f.remote)} self permanent`,
    );
    assert.equal(fdb.sort(), recorded('vxlan-always', node, 'fdb').sort());
  });
  for (const [mode, spec] of [
    ['ipip-always', { ipipMode: 'Always' }],
    ['ipip-crosssubnet', { ipipMode: 'CrossSubnet' }],
    ['direct-nopeer', {}],
  ] as const) {
    t(`${mode} on ${node}: Felix has the pods, the rest is BIRD's`, () => {
      const dataplane = on(node, spec);
      const others = /^default|proto kernel|proto bird/;
      assert.equal(
        routes(dataplane),
        recorded(mode, node, 'route').filter(l => !others.test(l)),
      );
      assert.equal([dataplane.neighbours, dataplane.fdb, dataplane.vxlan], [[], [], undefined]);
    });
  }
}

t('VXLAN CrossSubnet: the own subnet goes by the NIC, neighbours and fdb stay complete', () => {
  const dataplane = on('k8s-w1', { vxlanMode: 'CrossSubnet' });
  assert.equal(routes(dataplane), [
    '172.16.34.0/26 via 172.16.34.0 dev vxlan.calico onlink',
    '172.16.116.0/26 via 192.168.10.10 dev eth0 proto 80 onlink',
    'blackhole 172.16.158.0/26 proto 80',
    '172.16.158.3 dev calice0906292e2 scope link',
    '172.16.184.0/26 via 192.168.10.102 dev eth0 proto 80 onlink',
  ]);
  assert.is(dataplane.neighbours.length, 3);
  assert.is(dataplane.fdb.length, 3);
});

t('a node address without mask shares its subnet with nobody', () => {
  const lab = laboratory({ vxlanMode: 'CrossSubnet' });
  const w1 = lab.nodes.find(n => n.metadata.name === 'k8s-w1')!;
  w1.spec.bgp!.ipv4Address = '192.168.10.101';
  const via = routes(calculate(inputs(lab, 'k8s-w1'))).filter(r => r.includes('eth0'));
  assert.equal(via, []);
});

t('vxlan.calico as the recording has it', () => {
  assert.equal(on('k8s-w1', { vxlanMode: 'Always' }).vxlan, {
    mac: Mac.parse('66:74:91:32:7c:04'),
    vni: 4096,
    port: 4789,
    local: Ipv4.from('192.168.10.101'),
    parent: 'eth0',
    mtu: 1450,
    address: Ipv4.from('172.16.158.0'),
  });
});

t('without a tunnel address of its own, or of the other, there is no VXLAN route', () => {
  const lab = laboratory({ vxlanMode: 'Always' });
  delete lab.nodes.find(n => n.metadata.name === 'k8s-w1')!.spec.ipv4VXLANTunnelAddr;
  const own = calculate(inputs(lab, 'k8s-w1'));
  assert.is(own.vxlan, undefined);
  assert.equal(routes(own), [
    'blackhole 172.16.158.0/26 proto 80',
    '172.16.158.3 dev calice0906292e2 scope link',
  ]);
  const other = calculate(inputs(lab, 'k8s-m'));
  assert.not(routes(other).some(r => r.startsWith('172.16.158.0/26')));
  assert.is(other.neighbours.length, 2);
});

t('a MAC of one’s own choice', () => {
  const lab = laboratory({ vxlanMode: 'Always' });
  lab.nodes.find(n => n.metadata.name === 'k8s-w1')!.spec.vxlanTunnelMACAddr = '66:00:00:00:00:01';
  assert.is(calculate(inputs(lab, 'k8s-w1')).vxlan!.mac, 0x6600_0000_0001);
  assert.ok(calculate(inputs(lab, 'k8s-m')).fdb.some(f => f.mac === 0x6600_0000_0001));
});

t('a borrowed address has its own route, also on the owner of the block', () => {
  const lab = laboratory({ vxlanMode: 'Always' });
  lend(lab, '172.16.158.9', 'k8s-w0');
  const line = '172.16.158.9 via 172.16.34.0 dev vxlan.calico onlink';
  for (const node of ['k8s-m', 'k8s-w1']) assert.ok(routes(calculate(inputs(lab, node))).includes(line));
  assert.not(routes(calculate(inputs(lab, 'k8s-w0'))).some(r => r.startsWith('172.16.158.9')));
});

t('a borrowed tunnel address is on the link', () => {
  const lab = laboratory({ vxlanMode: 'Always' });
  lab.nodes.find(n => n.metadata.name === 'k8s-w0')!.spec.ipv4VXLANTunnelAddr = '172.16.158.9';
  lend(lab, '172.16.158.9', 'k8s-w0');
  const lines = routes(calculate(inputs(lab, 'k8s-m')));
  assert.ok(lines.includes('172.16.158.9 dev vxlan.calico scope link'));
  assert.ok(lines.includes('172.16.34.0/26 via 172.16.158.9 dev vxlan.calico onlink'));
});

t('a block without owner has routes for its addresses only', () => {
  const lab = laboratory({ vxlanMode: 'Always' });
  lend(lab, '172.16.34.1', 'k8s-w0');
  delete lab.blocks.find(b => b.spec.cidr === '172.16.34.0/26')!.spec.affinity;
  const lines = routes(calculate(inputs(lab, 'k8s-m')));
  assert.ok(lines.includes('172.16.34.1 via 172.16.34.0 dev vxlan.calico onlink'));
  assert.not(lines.some(r => r.startsWith('172.16.34.0/26')));
});

t('a block of one address: the pod wins over its own blackhole', () => {
  const lab = laboratory({ vxlanMode: 'Always' }, 32);
  lab.endpoints.find(e => e.spec.node === 'k8s-w1')!.spec.ipNetworks = ['172.16.158.0/32'];
  assert.ok(routes(calculate(inputs(lab, 'k8s-w1'))).includes('172.16.158.0 dev calice0906292e2 scope link'));
});

t('a route protocol and source of one’s own', () => {
  const config = felixConfig({ deviceRouteProtocol: 13, deviceRouteSourceAddress: '192.168.10.101' });
  assert.equal(routes(on('k8s-w1', { vxlanMode: 'CrossSubnet' }, config)), [
    '172.16.34.0/26 via 172.16.34.0 dev vxlan.calico proto 13 onlink',
    '172.16.116.0/26 via 192.168.10.10 dev eth0 proto 13 onlink',
    'blackhole 172.16.158.0/26 proto 13',
    '172.16.158.3 dev calice0906292e2 proto 13 scope link src 192.168.10.101',
    '172.16.184.0/26 via 192.168.10.102 dev eth0 proto 13 onlink',
  ]);
});

// tunl0 and MTU.

for (const [what, spec, config, tunl0] of [
  [
    'Always',
    { ipipMode: 'Always' },
    {},
    { state: 'configured', mtu: 1480, address: Ipv4.from('172.16.158.0') },
  ],
  ['Never', {}, {}, { state: 'cleaned' }],
  ['Never, and ipipEnabled false', {}, { ipipEnabled: false }, { state: 'untouched' }],
  ['ipipEnabled without a pool', {}, { ipipEnabled: true }, { state: 'configured', mtu: 1480 }],
  [
    'a disabled pool',
    { ipipMode: 'Always', disabled: true },
    {},
    { state: 'configured', mtu: 1480, address: Ipv4.from('172.16.158.0') },
  ],
] as const) {
  t(`tunl0: ${what}`, () => assert.equal(on('k8s-w1', spec, felixConfig(config)).tunl0, tunl0));
}

for (const [host, ipip, vxlan] of [
  [1500, 1480, 1450],
  [9001, 8981, 8951],
  [1460, 1440, 1410],
] as const) {
  t(`MTUs of a host with ${host}`, () => {
    const pod = (i: boolean, v: boolean) => mtus(host, {}, { ipip: i, vxlan: v }).pod;
    assert.equal(
      [pod(true, false), pod(false, true), pod(true, true), pod(false, false)],
      [ipip, vxlan, vxlan, host],
    );
  });
}

t('an explicit MTU wins', () => {
  const d = on('k8s-w1', { ipipMode: 'CrossSubnet' }, felixConfig({ ipipMTU: 1400 }));
  assert.equal(
    [d.mtu.pod, d.tunl0],
    [1400, { state: 'configured', mtu: 1400, address: Ipv4.from('172.16.158.0') }],
  );
});

for (const [what, devices, expected] of [
  ['eth0', [{ name: 'eth0', mtu: 1500, up: true }], 1500],
  [
    'the smaller of two',
    [
      { name: 'ens5', mtu: 9001, up: true },
      { name: 'enp0s8', mtu: 1500, up: true },
    ],
    1500,
  ],
  [
    'not one that is down',
    [
      { name: 'ens5', mtu: 9001, up: true },
      { name: 'eth1', mtu: 1500, up: false },
    ],
    9001,
  ],
  [
    'not docker0, cali or tunl0',
    [
      { name: 'docker0', mtu: 1400, up: true },
      { name: 'tunl0', mtu: 1480, up: true },
    ],
    1460,
  ],
] as const) {
  t(`host MTU: ${what}`, () => assert.is(hostMtu(devices, {}), expected));
}

// Hooks.

t('ipsets and masquerade of a pool with natOutgoing', () => {
  const { hooks } = on('k8s-w1', { ipipMode: 'Always' });
  const show = (name: keyof typeof hooks.ipSets) => hooks.ipSets[name].map(Prefix.format);
  assert.equal(show(IP_SETS.allPools), ['172.16.0.0/16']);
  assert.equal(show(IP_SETS.masqPools), ['172.16.0.0/16']);
  assert.equal(show(IP_SETS.allHosts), [
    '192.168.10.10/32',
    '192.168.10.101/32',
    '192.168.10.102/32',
    '192.168.20.100/32',
  ]);
  assert.equal(show(IP_SETS.allVxlan), []);
  assert.equal(hooks.natOutgoing, {
    sourceSet: IP_SETS.masqPools,
    exceptDestinationSets: [IP_SETS.allPools],
  });
  assert.equal(hooks.tunnelMasquerade, ['tunl0']);
});

t('no natOutgoing, no rule', () =>
  assert.is(on('k8s-w1', { natOutgoing: false }).hooks.natOutgoing, undefined),
);

t('NAT to an address, not to hosts, through one interface', () => {
  const config = felixConfig({
    natOutgoingAddress: '192.168.10.200',
    natOutgoingExclusions: 'IPPoolsAndHostIPs',
    iptablesNATOutgoingInterfaceFilter: 'eth0',
  });
  assert.equal(on('k8s-w1', {}, config).hooks.natOutgoing, {
    sourceSet: IP_SETS.masqPools,
    exceptDestinationSets: [IP_SETS.allPools, IP_SETS.allHosts],
    toAddress: Ipv4.from('192.168.10.200'),
    outInterface: 'eth0',
  });
});

t('INPUT: IPIP from nodes only, and only while IPIP is in use', () => {
  assert.equal(on('k8s-w1', { ipipMode: 'Always' }).hooks.input, [
    { protocol: 'ipip', sourceSet: IP_SETS.allHosts, destinationLocal: true, verdict: 'ACCEPT' },
    { protocol: 'ipip', destinationLocal: false, verdict: 'DROP' },
  ]);
  assert.equal(on('k8s-w1', {}).hooks.input, []);
});

t('INPUT: VXLAN from other nodes and the external list', () => {
  const { hooks } = on(
    'k8s-w1',
    { vxlanMode: 'Always' },
    felixConfig({ externalNodesList: ['10.0.0.1', '10.1.0.0/24'] }),
  );
  const vxlan = { protocol: 'udp', destinationPort: 4789, destinationLocal: true };
  assert.equal(hooks.input, [
    { ...vxlan, sourceSet: IP_SETS.allVxlan, verdict: 'ACCEPT' },
    { ...vxlan, verdict: 'DROP' },
  ]);
  assert.equal(hooks.ipSets[IP_SETS.allVxlan].map(Prefix.format), [
    '10.0.0.1/32',
    '10.1.0.0/24',
    '192.168.10.10/32',
    '192.168.10.102/32',
    '192.168.20.100/32',
  ]);
});

t('node.NAME goes over default', () => {
  const d = on(
    'k8s-w1',
    {},
    felixConfig({ defaultEndpointToHostAction: 'ACCEPT' }),
    felixConfig({ workloadSourceSpoofing: 'Any' }, 'node.k8s-w1'),
    felixConfig({ defaultEndpointToHostAction: 'Drop' }, 'node.k8s-m'),
  );
  assert.is(d.hooks.workloadToHost, 'ACCEPT');
  assert.not(d.hooks.workloadRpfStrict);
});

// Restarts.

const key = (spec: Partial<IPPool['spec']>, change: (lab: Laboratory) => void = () => {}): string => {
  const lab = laboratory(spec);
  change(lab);
  return calculate(inputs(lab, 'k8s-w1')).restartKey;
};
const own = (lab: Laboratory) => lab.nodes.find(n => n.metadata.name === 'k8s-w1')!;

for (const [what, a, b, restarts] of [
  ['Always to CrossSubnet', key({ ipipMode: 'Always' }), key({ ipipMode: 'CrossSubnet' }), false],
  [
    'Always to Never',
    key({ ipipMode: 'Always' }),
    key({}, l => {
      own(l).spec.bgp!.ipv4IPIPTunnelAddr = '172.16.158.0';
    }),
    true,
  ],
  [
    'a new own tunnel address',
    key({ ipipMode: 'Always' }),
    key({ ipipMode: 'Always' }, l => {
      own(l).spec.bgp!.ipv4IPIPTunnelAddr = '172.16.158.9';
    }),
    true,
  ],
  [
    'another node’s tunnel address',
    key({ ipipMode: 'Always' }),
    key({ ipipMode: 'Always' }, l => {
      l.nodes[0]!.spec.bgp!.ipv4IPIPTunnelAddr = '172.16.158.9';
    }),
    false,
  ],
  ['IPIP to VXLAN', key({ ipipMode: 'Always' }), key({ vxlanMode: 'Always' }), true],
] as const) {
  t(`${what}: Felix ${restarts ? 'restarts' : 'does not restart'}`, () => assert.is(a !== b, restarts));
}

t('the order of the inputs does not matter', () => {
  const reversed = <T>(list: readonly T[]): T[] => [...list].reverse();
  for (const spec of [{ ipipMode: 'Always' }, { vxlanMode: 'CrossSubnet' }] as const) {
    const lab = laboratory(spec);
    lend(lab, '172.16.158.9', 'k8s-w0');
    const other: Laboratory = {
      nodes: reversed(lab.nodes),
      pools: lab.pools,
      blocks: reversed(lab.blocks),
      affinities: lab.affinities,
      endpoints: reversed(lab.endpoints),
    };
    assert.equal(calculate(inputs(other, 'k8s-m')), calculate(inputs(lab, 'k8s-m')));
  }
});

t('a node that is not there is our mistake', () => assert.throws(() => on('k8s-x', {}), /Felix on k8s-x/));

// DeltaTracker.

t('the delta tracker brings any actual state to any desired one', () => {
  const table = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat({ max: 2 }));
  fc.assert(
    fc.property(table, table, table, (desired, actual, later) => {
      const tracker = new DeltaTracker<{ v: number }>();
      const world = new Map(Object.entries(actual));
      const box = (o: Record<string, number>) => Object.entries(o).map(([k, v]) => [k, { v }] as const);
      tracker.replaceActual(box(actual));
      for (const goal of [desired, later]) {
        tracker.replaceDesired(box(goal));
        tracker.apply(
          k => world.delete(k),
          (k, { v }) => {
            world.set(k, v);
            return true;
          },
        );
        assert.ok(tracker.inSync);
        assert.equal(Object.fromEntries(world), { ...goal });
      }
    }),
    { seed: 1 },
  );
});

t('what is refused stays pending; what is foreign is removed', () => {
  const tracker = new DeltaTracker<number>();
  tracker.setDesired('a', 1);
  tracker.setActual('x', 9);
  const removed: [string, number][] = [];
  tracker.apply(
    (k, v) => removed.push([k, v]) > 0,
    () => false,
  );
  assert.equal(removed, [['x', 9]]);
  assert.equal(tracker.pendingUpdates(), [['a', 1]]);
  tracker.setActual('a', 1);
  assert.ok(tracker.inSync);
  tracker.setDesired('a', undefined);
  assert.equal(tracker.pendingDeletions(), ['a']);
  tracker.setActual('a', undefined);
  assert.ok(tracker.inSync);
  assert.is(tracker.desired('a'), undefined);
  assert.is(tracker.actual('a'), undefined);
});

t.run();
