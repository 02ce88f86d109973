import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { type BgpInputs, type BirdConfig, birdConfig, ownBlocks } from '../../src/calico/bgp-config.ts';
import { durationSec } from '../../src/calico/bgp-peers.ts';
import { prefixRange, renderBirdCfg } from '../../src/calico/bird-cfg.ts';
import type { BGPConfiguration, BGPFilter, BGPPeer } from '../../src/calico/resources/bgp.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import { assert, suite } from '../kit.ts';
import { laboratory } from './lab.ts';
import { MODES, NODES, recorded } from './recorded.ts';

const t = suite('calico/bgp-config');
const API = 'projectcalico.org/v3';

const config = (spec: BGPConfiguration['spec'], name = 'default'): BGPConfiguration => ({
  apiVersion: API,
  kind: 'BGPConfiguration',
  metadata: { name },
  spec,
});
const peer = (name: string, spec: BGPPeer['spec']): BGPPeer => ({
  apiVersion: API,
  kind: 'BGPPeer',
  metadata: { name },
  spec,
});

interface Cluster {
  nodes?: Record<string, { address: string; labels?: Record<string, string>; as?: number; cluster?: string }>;
  peers?: BGPPeer[];
  configurations?: BGPConfiguration[];
  filters?: BGPFilter[];
  pool?: Partial<IPPool['spec']>;
}

/** confd's own test cluster: three nodes in 10.192.0.0/16. */
const KUBE = {
  'kube-master': { address: '10.192.0.2/16' },
  'kube-node-1': { address: '10.192.0.3/16' },
  'kube-node-2': { address: '10.192.0.4/16' },
};

function inputs(node: string, cluster: Cluster): BgpInputs {
  const lab = laboratory(cluster.pool ?? { ipipMode: 'Always' });
  const nodes = cluster.nodes === undefined ? lab.nodes : [];
  for (const [name, n] of Object.entries(cluster.nodes ?? {})) {
    const bgp = {
      ipv4Address: n.address,
      ...(n.as !== undefined && { asNumber: n.as }),
      ...(n.cluster !== undefined && { routeReflectorClusterID: n.cluster }),
    };
    nodes.push({ apiVersion: API, kind: 'Node', metadata: { name, labels: n.labels ?? {} }, spec: { bgp } });
  }
  const { peers = [], configurations = [], filters = [] } = cluster;
  return { node, nodes, pools: lab.pools, affinities: lab.affinities, configurations, peers, filters };
}

const bird = (node: string, cluster: Cluster = {}): BirdConfig => birdConfig(inputs(node, cluster))!;

/** A session in one line: name, AS numbers, and what is out of the ordinary. */
function sessions(c: BirdConfig): string[] {
  return c.peers.map(p => {
    const notes = [
      `as ${p.asNumber}`,
      p.localAsNumber === c.asNumber ? '' : `local as ${p.localAsNumber}`,
      p.port === 179 ? '' : `port ${p.port}`,
      p.passive ? 'passive' : '',
      p.rrClient ? 'rr client' : '',
      p.nextHop === 'auto' ? '' : `next hop ${p.nextHop}`,
      p.sourceAddress === undefined ? 'any source' : '',
    ];
    return [p.name, ...notes.filter(n => n !== '')].join(', ');
  });
}

const MESH_OFF = config({ nodeToNodeMeshEnabled: false });

/** The lines from the start up to the router id, and of the mesh: what confd makes of the datastore. */
const functions = (lines: readonly string[]): string[] =>
  lines.slice(
    0,
    lines.findIndex(l => l.startsWith('log ') || l.startsWith('router id')),
  );
const strip = (text: string): string[] =>
  text
    .split('\n')
    .map(l => l.replace(/#.*/, '').trim())
    .filter(l => l !== '');
/**
 * `protocol bgp …` blocks with the lines that say whom to meet and how, sorted: the recorded files list the peers by
 * address, confd by node name (as a real `calicoctl node status` shows).
 */
const meetings = (lines: readonly string[]): string[] =>
  lines
    .slice(lines.findIndex(l => l.startsWith('protocol bgp')))
    .filter(l => /^(protocol|neighbor|source|passive)/.test(l))
    .join(' ')
    .split(/ (?=protocol bgp)/)
    .sort();

for (const mode of MODES) {
  const spec = {
    'ipip-always': { ipipMode: 'Always' },
    'ipip-crosssubnet': { ipipMode: 'CrossSubnet' },
    'direct-nopeer': {},
    'vxlan-always': { vxlanMode: 'Always' },
  } as const;
  for (const node of NODES) {
    t(`bird.cfg of ${node} in ${mode} is the recorded one`, () => {
      const c = bird(node, { pool: spec[mode] });
      const affinities = ownBlocks(node, inputs(node, {}).affinities);
      assert.equal(c.blocks, affinities);
      const ours = strip(renderBirdCfg(c));
      const theirs = recorded(mode, node, 'bird');
      assert.equal(functions(ours), functions(theirs));
      assert.equal(meetings(ours), meetings(theirs));
      for (const line of [
        'gateway recursive;',
        'add paths on;',
        'graceful restart;',
        'connect retry time 5;',
        'error wait time 5,30;',
      ]) {
        assert.ok(ours.includes(line) && theirs.includes(line), line);
      }
    });
  }
}

t('the mesh: the text of the addresses decides who waits', () => {
  const nodes = { a: { address: '192.168.10.9/24' }, b: { address: '192.168.10.101/24' } };
  assert.equal(sessions(bird('b', { nodes })), ['Mesh_192_168_10_9, as 64512, passive']);
  assert.equal(sessions(bird('a', { nodes })), ['Mesh_192_168_10_101, as 64512']);
});

t('the mesh is in the order of the node names', () => {
  assert.equal(sessions(bird('k8s-m')), [
    'Mesh_192_168_20_100, as 64512, passive',
    'Mesh_192_168_10_101, as 64512, passive',
    'Mesh_192_168_10_102, as 64512, passive',
  ]);
});

t('defaults of the speaker', () => {
  const c = bird('k8s-w1');
  assert.equal(
    [
      c.asNumber,
      c.listenPort,
      c.holdTimeSec,
      c.connectDelaySec,
      c.connectRetrySec,
      Prefix.format(c.localSubnet),
    ],
    [64512, 179, 240, 2, 5, '192.168.10.0/24'],
  );
  assert.is(c.listenAddress, undefined);
  assert.ok(c.peers.every(p => p.gracefulRestartSec === 120 && p.internal && p.exportRules.length === 0));
});

t('AS number, port and address to listen on; node.NAME goes first', () => {
  const configurations = [
    config({ asNumber: 65000, listenPort: 1179, bindMode: 'NodeIP', ignoredInterfaces: ['docker*'] }),
    config({ listenPort: 500 }, 'node.kube-node-1'),
  ];
  const one = bird('kube-node-1', { nodes: KUBE, configurations });
  assert.equal([one.asNumber, one.listenPort, one.listenAddress], [65000, 500, Ipv4.from('10.192.0.3')]);
  assert.equal(one.directExcluded, ['docker*', 'cali*', 'kube-ipvs*']);
  assert.equal(sessions(bird('kube-master', { nodes: KUBE, configurations })), [
    'Mesh_10_192_0_3, as 65000, port 500, passive',
    'Mesh_10_192_0_4, as 65000, port 1179, passive',
  ]);
});

t('a node of another AS is met in the mesh by its own number', () => {
  const nodes = { ...KUBE, 'kube-node-1': { address: '10.192.0.3/16', as: 65001 } };
  const c = bird('kube-master', { nodes });
  assert.equal(sessions(c)[0], 'Mesh_10_192_0_3, as 65001, passive');
  assert.ok(c.peers[0]!.internal);
  assert.is(bird('kube-node-1', { nodes }).asNumber, 65001);
});

t('a route reflector is left out of the mesh, on both sides', () => {
  const nodes = { ...KUBE, 'kube-master': { address: '10.192.0.2/16', cluster: '10.0.0.1' } };
  assert.equal(sessions(bird('kube-master', { nodes })), []);
  assert.equal(sessions(bird('kube-node-1', { nodes })), ['Mesh_10_192_0_4, as 64512, passive']);
});

t('a global peer outside the cluster, mesh on and off', () => {
  const peers = [peer('bgppeer', { peerIP: '192.168.10.254', asNumber: 64512 })];
  assert.equal(sessions(bird('k8s-w0', { peers, configurations: [MESH_OFF] })), [
    'Global_192_168_10_254, as 64512',
  ]);
  assert.is(sessions(bird('k8s-w0', { peers })).length, 4);
});

t('peers per node, and per rack by label', () => {
  const racks = (address: string, rack: string) => ({ address, labels: { rack } });
  const nodes = { w1: racks('192.168.10.101/24', 'rack1'), w0: racks('192.168.20.100/24', 'rack2') };
  const byName = [peer('bgppeer-w1', { node: 'w1', peerIP: '192.168.10.254', asNumber: 64512 })];
  const byRack = [
    peer('rack1-tor', { nodeSelector: "rack == 'rack1'", peerIP: '192.168.10.254', asNumber: 64512 }),
    peer('rack2-tor', { nodeSelector: "rack == 'rack2'", peerIP: '192.168.20.254', asNumber: 64512 }),
  ];
  const configurations = [MESH_OFF];
  assert.equal(sessions(bird('w1', { nodes, peers: byName, configurations })), [
    'Node_192_168_10_254, as 64512',
  ]);
  assert.equal(sessions(bird('w0', { nodes, peers: byName, configurations })), []);
  assert.equal(sessions(bird('w1', { nodes, peers: byRack, configurations })), [
    'Node_192_168_10_254, as 64512',
  ]);
  assert.equal(sessions(bird('w0', { nodes, peers: byRack, configurations })), [
    'Node_192_168_20_254, as 64512',
  ]);
});

// confd's fixture explicit_peering/selectors, written anew.
const GROUPS = {
  'kube-master': { address: '10.192.0.2/16', labels: { group: 'one' } },
  'kube-node-1': { address: '10.192.0.3/16', labels: { group: 'two' } },
  'kube-node-2': { address: '10.192.0.4/16', labels: { group: 'two' } },
};
const SELECTORS = {
  nodes: GROUPS,
  peers: [peer('bgppeer-1', { nodeSelector: "group=='one'", peerSelector: "group=='two'" })],
  configurations: [MESH_OFF, config({ listenPort: 500 }, 'node.kube-node-1')],
};

t('node and peer selectors, and the way back', () => {
  assert.equal(sessions(bird('kube-master', SELECTORS)), [
    'Node_10_192_0_3_port_500, as 64512, port 500',
    'Node_10_192_0_4, as 64512',
  ]);
  assert.equal(sessions(bird('kube-node-1', SELECTORS)), ['Node_10_192_0_2, as 64512']);
  assert.equal(sessions(bird('kube-node-2', SELECTORS)), ['Node_10_192_0_2, as 64512']);
});

t('no way back when it is Manual', () => {
  const peers = [peer('p', { ...SELECTORS.peers[0]!.spec, reversePeering: 'Manual' })];
  assert.equal(sessions(bird('kube-node-1', { ...SELECTORS, peers })), []);
});

// confd's fixture explicit_peering/route_reflector, written anew.
const REFLECTOR: Cluster = {
  nodes: {
    ...KUBE,
    'kube-master': { address: '10.192.0.2/16', cluster: '10.0.0.1', labels: { routeReflector: 'true' } },
  } as NonNullable<Cluster['nodes']>,
  configurations: [config({ asNumber: 64532, nodeToNodeMeshEnabled: false })],
  peers: [
    peer('bgppeer-1', { peerIP: '172.19.4.87', asNumber: 64533, nodeSelector: 'has(routeReflector)' }),
    peer('bgppeer-other-nodes', {
      nodeSelector: 'has(routeReflector)',
      peerSelector: '!has(routeReflector)',
    }),
  ],
};

t('a route reflector serves its clients, not the router of another AS', () => {
  const c = bird('kube-master', REFLECTOR);
  assert.is(c.clusterId, '10.0.0.1');
  assert.equal(sessions(c), [
    'Node_10_192_0_3, as 64532, rr client',
    'Node_10_192_0_4, as 64532, rr client',
    'Node_172_19_4_87, as 64533',
  ]);
  assert.equal(
    c.peers.map(p => p.internal),
    [true, true, false],
  );
  assert.equal(sessions(bird('kube-node-1', REFLECTOR)), ['Node_10_192_0_2, as 64532']);
});

t('reflectors of one cluster are no clients of each other', () => {
  const rr = (address: string) => ({ address, cluster: '10.0.0.1', labels: { rr: '' } });
  const nodes = { a: rr('10.0.0.1/8'), b: rr('10.0.0.2/8'), c: { address: '10.0.0.3/8' } };
  const peers = [peer('rr', { nodeSelector: 'all()', peerSelector: 'has(rr)' })];
  assert.equal(sessions(bird('a', { nodes, peers, configurations: [MESH_OFF] })), [
    'Node_10_0_0_2, as 64512',
    'Node_10_0_0_3, as 64512, rr client',
  ]);
  assert.equal(sessions(bird('c', { nodes, peers, configurations: [MESH_OFF] })), [
    'Node_10_0_0_1, as 64512',
    'Node_10_0_0_2, as 64512',
  ]);
});

t('a global peer that is a node: its port, who waits, nobody peers with himself', () => {
  const peers = [peer('p', { peerIP: '10.192.0.3', asNumber: 64512 })];
  const configurations = [MESH_OFF, config({ listenPort: 500 }, 'node.kube-node-1')];
  const cluster = { nodes: KUBE, peers, configurations };
  assert.equal(sessions(bird('kube-master', cluster)), [
    'Global_10_192_0_3_port_500, as 64512, port 500, passive',
  ]);
  assert.equal(sessions(bird('kube-node-2', cluster)), ['Global_10_192_0_3_port_500, as 64512, port 500']);
  assert.equal(sessions(bird('kube-node-1', cluster)), [
    'Node_10_192_0_2, as 64512',
    'Node_10_192_0_4, as 64512',
  ]);
});

t('global goes over node-specific for one address, the first name over the second', () => {
  const peers = [
    peer('c', { node: 'kube-master', peerIP: '1.1.1.1', asNumber: 3 }),
    peer('b', { peerIP: '1.1.1.1', asNumber: 2 }),
    peer('a', { peerIP: '1.1.1.1', asNumber: 1 }),
    peer('d', { node: 'kube-master', peerIP: '1.1.1.1:180', asNumber: 4 }),
  ];
  assert.equal(sessions(bird('kube-master', { nodes: KUBE, peers, configurations: [MESH_OFF] })), [
    'Global_1_1_1_1, as 1',
    'Node_1_1_1_1_port_180, as 4, port 180',
  ]);
});

for (const [what, spec, line] of [
  [
    'keepOriginalNextHop with eBGP',
    { asNumber: 65001, keepOriginalNextHop: true },
    'as 65001, next hop keep',
  ],
  ['keepOriginalNextHop with iBGP does nothing', { asNumber: 64512, keepOriginalNextHop: true }, 'as 64512'],
  ['nextHopMode Self', { asNumber: 64512, nextHopMode: 'Self' }, 'as 64512, next hop self'],
  ['nextHopMode Keep', { asNumber: 64512, nextHopMode: 'Keep' }, 'as 64512, next hop keep'],
  ['a local AS number', { asNumber: 65001, localASNumber: 65002 }, 'as 65001, local as 65002'],
  ['no source address', { asNumber: 65001, sourceAddress: 'None' }, 'as 65001, any source'],
] as const) {
  t(`a peer: ${what}`, () => {
    const peers = [peer('p', { peerIP: '1.1.1.1', ...spec })];
    const c = bird('kube-master', { nodes: KUBE, peers, configurations: [MESH_OFF] });
    assert.equal(sessions(c), [`Global_1_1_1_1, ${line}`]);
  });
}

t('a peer: all the rest', () => {
  const peers = [
    peer('p', {
      peerIP: '1.1.1.1',
      asNumber: 65001,
      maxRestartTime: '1m30s',
      keepaliveTime: '20s',
      numAllowedLocalASNumbers: 2,
      ttlSecurity: 1,
      reachableBy: '10.192.0.254',
      password: { secretKeyRef: { name: 's', key: 'k' } },
    }),
  ];
  const c = bird('kube-master', { nodes: KUBE, peers, configurations: [MESH_OFF] });
  const p = c.peers[0]!;
  assert.equal(
    [p.gracefulRestartSec, p.keepaliveSec, p.allowLocalAs, p.ttlSecurityHops, p.passwordSecret],
    [90, 20, 2, 1, { name: 's', key: 'k' }],
  );
  assert.equal(c.staticRoutes.at(-1), {
    prefix: Prefix.from('1.1.1.1/32'),
    kind: 'via',
    gateway: Ipv4.from('10.192.0.254'),
  });
  const text = renderBirdCfg(c);
  for (const line of [
    'route 1.1.1.1/32 via 10.192.0.254;',
    'ttl security on;',
    'multihop 1;',
    'graceful restart time 90;',
    'allow local as 2;',
    'calico_export_to_bgp_peers(false);',
  ]) {
    assert.ok(text.includes(line), line);
  }
});

t('filters in the order in which the peer names them; missing ones are skipped', () => {
  const filter = (name: string, spec: BGPFilter['spec']): BGPFilter => ({
    apiVersion: API,
    kind: 'BGPFilter',
    metadata: { name },
    spec,
  });
  const filters = [
    filter('a', { exportV4: [{ source: 'RemotePeers', action: 'Reject' }] }),
    filter('b', {
      importV4: [{ cidr: '10.0.0.0/8', matchOperator: 'In', prefixLength: { max: 24 }, action: 'Reject' }],
      exportV4: [{ interface: 'eth*', action: 'Accept' }],
    }),
  ];
  const peers = [peer('p', { peerIP: '1.1.1.1', asNumber: 65001, filters: ['b', 'nope', 'a'] })];
  const c = bird('kube-master', { nodes: KUBE, peers, filters, configurations: [MESH_OFF] });
  assert.equal(
    c.peers[0]!.exportRules.map(r => r.action),
    ['Accept', 'Reject'],
  );
  const text = renderBirdCfg(c);
  for (const line of [
    'if ((net ~ [ 10.0.0.0/8{8,24} ])) then { reject; }',
    'if (((defined(ifname))&&(ifname ~ "eth*"))) then { accept; }',
    'if (((defined(source))&&(source ~ [ RTS_BGP ]))) then { reject; }',
  ]) {
    assert.ok(text.includes(line), line);
  }
});

for (const [rule, range] of [
  [{ cidr: '10.0.0.0/8' }, [8, 32]],
  [{ cidr: '10.0.0.0/8', prefixLength: { min: 4 } }, [8, 32]],
  [{ cidr: '10.0.0.0/8', prefixLength: { min: 16, max: 24 } }, [16, 24]],
] as const) {
  t(`prefix lengths of ${JSON.stringify(rule)}`, () =>
    assert.equal(prefixRange({ ...rule, matchOperator: 'In', action: 'Accept' }), range),
  );
}

t('pools that are not exported', () => {
  const c = bird('k8s-w1', { pool: { disableBGPExport: true } });
  assert.equal([c.unexportedPools.map(Prefix.format), c.exportedPools], [['172.16.0.0/16'], []]);
});

t('communities: names resolved, the node’s own list instead of the cluster’s', () => {
  const configurations = [
    config({
      communities: [{ name: 'big', value: '1:2:3' }],
      prefixAdvertisements: [{ cidr: '172.16.0.0/16', communities: ['big', '64512:7'] }],
    }),
    config({ prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['1:1'] }] }, 'node.k8s-m'),
  ];
  assert.equal(bird('k8s-w1', { configurations }).communities[0]!.communities, ['1:2:3', '64512:7']);
  assert.equal(
    bird('k8s-m', { configurations }).communities.map(c => Prefix.format(c.prefix)),
    ['10.0.0.0/8'],
  );
  assert.match(renderBirdCfg(bird('k8s-w1', { configurations })), /bgp_large_community\.add\(\(1, 2, 3\)\);/);
});

t('only confirmed blocks', () => {
  const given = inputs('k8s-w1', {});
  const affinities = given.affinities.map(a => ({ ...a, spec: { ...a.spec, state: 'pending' as const } }));
  assert.equal(birdConfig({ ...given, affinities })!.blocks, []);
});

t('a node without BGP address has no BIRD to configure', () => {
  const given = inputs('k8s-w1', {});
  const nodes = given.nodes.map(n => (n.metadata.name === 'k8s-w1' ? { ...n, spec: {} } : n));
  assert.is(birdConfig({ ...given, nodes }), undefined);
  assert.is(birdConfig({ ...given, node: 'nobody' }), undefined);
  assert.is(birdConfig({ ...given, nodes, node: 'k8s-m' })!.peers.length, 2);
});

for (const [text, seconds] of [
  ['30s', 30],
  ['1m30s', 90],
  ['2h', 7200],
  ['1500ms', 1],
  ['1.5m', 90],
] as const) {
  t(`${text} is ${seconds} s`, () => assert.is(durationSec(text), seconds));
}

t('a listing that differs in one node, in whatever BGP reads of it, makes another configuration', () => {
  const by = peer('by-label', { nodeSelector: 'all()', peerSelector: 'has(reflects)' });
  const known = (change: Partial<NonNullable<Cluster['nodes']>[string]>): string[] => {
    const nodes = { ...KUBE, 'kube-node-2': { ...KUBE['kube-node-2'], ...change } };
    return sessions(bird('kube-node-1', { nodes, peers: [by] }));
  };
  const plain = known({});
  assert.equal(known({ as: 65001 }), [plain[0]!, 'Mesh_10_192_0_4, as 65001, passive']);
  assert.equal(known({ address: '10.192.0.9/16' }), [plain[0]!, 'Mesh_10_192_0_9, as 64512, passive']);
  assert.equal(known({ cluster: '244.0.0.1' }), [plain[0]!]);
  assert.equal(known({ labels: { reflects: '' } }), [...plain, 'Node_10_192_0_4, as 64512']);
  assert.equal(known({}), plain);
});

t.run();
