import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { calicoKernelProgramming } from '../../src/bgp/calico-filters.ts';
import type { PeerConfig, SpeakerConfig } from '../../src/bgp/config.ts';
import { ACCEPT, BGP_ONLY, filter } from '../../src/bgp/filter.ts';
import type { KernelRoute, SpeakerEvent } from '../../src/bgp/ports.ts';
import * as Show from '../../src/bgp/show.ts';
import { Speaker } from '../../src/bgp/speaker.ts';
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';
import { at, configOf, kernelOf, Lab, type Mode, node, poolOf, recorded } from './lab.ts';
import { FakeKernel, portsOf } from './net.ts';

const t = suite('bgp/speaker');

const ip = Ipv4.from;
const net = Prefix.from;
const W0_BLOCK = net('172.16.34.0/26');
const W1_BLOCK = net('172.16.158.0/26');

const lines = (mode: Mode, name: string): string[] =>
  recorded(mode, name, 'route')
    .trimEnd()
    .split('\n')
    .map(line => line.trimEnd());
const without = (list: readonly string[], text: string): string[] => list.filter(l => !l.startsWith(text));
const started = (mode: Mode, change?: (c: SpeakerConfig) => SpeakerConfig): Lab => {
  const lab = new Lab(mode, change).start();
  lab.net.pass(8);
  assert.ok(lab.converged());
  return lab;
};
const route = (prefix: string, more: Partial<KernelRoute> = {}): KernelRoute => ({
  prefix: net(prefix),
  type: 'unicast',
  nextHops: [{ via: ip('192.168.10.254'), device: 'eth0' }],
  protocol: 'static',
  metric: 0,
  ...more,
});

// Sessions that end.

t('a daemon that is stopped: peers lose its routes at once, its own kernel keeps all (recorded)', () => {
  const lab = started('ipip-always');
  lab.at('k8s-w0').speaker.stop('shutdown');
  lab.net.pass(1);
  assert.equal(lab.at('k8s-w1').kernel.list(), without(lines('ipip-always', 'k8s-w1'), '172.16.34.0/26'));
  assert.equal(lab.at('k8s-w0').kernel.list(), lines('ipip-always', 'k8s-w0'));
  assert.match(
    Show.protocols(lab.at('k8s-w1').speaker),
    /Mesh_192_168_20_100 BGP {6}master {3}start {2}\S+ {4}Passive {7}Received: Administrative shutdown/,
  );
});

t('a node that falls silent is noticed when the hold time is over, not before', () => {
  const lab = started('ipip-always');
  for (const name of ['k8s-m', 'k8s-w1', 'k8s-w2']) lab.net.cut(at(name), at('k8s-w0'));
  lab.net.pass(110);
  assert.equal(lab.at('k8s-w1').kernel.list(), lines('ipip-always', 'k8s-w1'));
  lab.net.pass(130);
  assert.equal(lab.at('k8s-w1').kernel.list(), without(lines('ipip-always', 'k8s-w1'), '172.16.34.0/26'));
  lab.net.heal(at('k8s-w1'), at('k8s-w0'));
  lab.net.pass(60);
  assert.equal(lab.at('k8s-w1').kernel.list(), lines('ipip-always', 'k8s-w1'));
});

t('a daemon that crashes and restarts with -R: no kernel route moves anywhere', () => {
  const lab = started('ipip-crosssubnet');
  const w0 = lab.at('k8s-w0');
  for (const n of lab.nodes.values()) n.events.length = 0;
  w0.speaker.stop('kill');
  lab.net.pass(20);
  const again = new Speaker(
    configOf(w0.spec, 'ipip-crosssubnet'),
    portsOf(lab.net, at('k8s-w0'), w0.kernel, w0.events),
  );
  again.start();
  lab.net.pass(20);
  assert.ok(again.converged());
  for (const n of lab.nodes.values())
    assert.equal(
      n.events.filter(e => e.kind === 'kernel'),
      [],
      n.spec.name,
    );
});

t('a daemon that crashes and comes back with another router id: what it left is its own still', () => {
  const lab = started('ipip-always');
  const w0 = lab.at('k8s-w0');
  const w1 = lab.at('k8s-w1');
  w0.speaker.stop('kill');
  lab.net.pass(20);
  w1.events.length = 0;
  const routerId = ip('192.168.20.99');
  new Speaker(
    { ...configOf(w0.spec, 'ipip-always'), routerId },
    portsOf(lab.net, at('k8s-w0'), w0.kernel, w0.events),
  ).start();
  lab.net.pass(20);
  const [route, ...others] = w1.speaker.table.get(W0_BLOCK)!.routes;
  assert.is(route!.source.protocol.peer!.routerId, routerId);
  assert.equal(others, []);
  assert.equal(
    w1.events.filter(e => e.kind === 'kernel'),
    [],
  );
});

t('a daemon that crashes for good: its routes go when the restart time is over', () => {
  const lab = started('ipip-always');
  lab.at('k8s-w0').speaker.stop('kill');
  lab.net.pass(89);
  assert.equal(lab.at('k8s-w1').kernel.list(), lines('ipip-always', 'k8s-w1'));
  assert.match(
    Show.protocols(lab.at('k8s-w1').speaker, { all: true, fits: name => name === 'Mesh_192_168_20_100' }),
    /Neighbor graceful restart active/,
  );
  lab.net.pass(32);
  assert.equal(lab.at('k8s-w1').kernel.list(), without(lines('ipip-always', 'k8s-w1'), '172.16.34.0/26'));
});

t('after -R the kernel is left alone until every peer has come, or for 240 s', () => {
  const lab = new Lab('ipip-always');
  for (const name of ['k8s-m', 'k8s-w1', 'k8s-w2']) lab.at(name).speaker.start();
  lab.net.pass(230);
  const { speaker, kernel } = lab.at('k8s-w1');
  assert.equal(
    kernel.list().filter(l => l.includes('proto bird')),
    [],
  );
  assert.match(
    Show.status(speaker),
    /Router ID is 192\.168\.10\.101[\s\S]*recovery in progress\n {2}Waiting for 1 protocols to recover\n {2}Wait timer is 10\/240/,
  );
  lab.net.pass(15);
  assert.equal(kernel.list(), without(lines('ipip-always', 'k8s-w1'), '172.16.34.0/26'));
  assert.not.match(Show.status(speaker), /recovery/);
});

// The kernel.

t('a route that somebody deleted is back at the next scan; a stray one of ours is removed', () => {
  const lab = started('ipip-always');
  const { kernel } = lab.at('k8s-w1');
  const mine = kernel.routes().find(r => Prefix.equal(r.prefix, W0_BLOCK))!;
  kernel.remove(mine);
  kernel.replace(route('10.0.0.0/24', { protocol: 'bird' }));
  lab.net.pass(2);
  assert.equal(kernel.list(), lines('ipip-always', 'k8s-w1'));
});

t(
  'a foreign route is learned at the next scan, or at once by netlink, and told where the filter lets it',
  () => {
    const lab = started('direct-nopeer');
    const w1 = lab.at('k8s-w1');
    w1.kernel.replace(
      route('172.16.200.7/32', { protocol: 'boot', nextHops: [{ device: 'calice0906292e2' }] }),
    );
    w1.speaker.netlink();
    lab.net.pass(0.1);
    assert.match(
      Show.routes(lab.at('k8s-m').speaker, { for: ip('172.16.200.7') }),
      /172\.16\.200\.7\/32 {4}via 192\.168\.10\.101 on eth0/,
    );
    w1.kernel.remove(route('172.16.200.7/32', { protocol: 'boot' }));
    lab.net.pass(2.1);
    assert.is(lab.at('k8s-m').speaker.table.get(net('172.16.200.7/32')), undefined);
  },
);

t('a scan of a kernel that nobody else has touched reads no routes', () => {
  const lab = started('ipip-always');
  const { kernel } = lab.at('k8s-w1');
  const routes = kernel.routes.bind(kernel);
  let reads = 0;
  kernel.routes = isWanted => {
    reads++;
    return routes(isWanted);
  };
  lab.net.pass(10);
  assert.is(reads, 0);
  kernel.replace(route('10.0.0.0/24', { protocol: 'boot' }));
  lab.net.pass(2.1);
  assert.ok(reads > 0);
});

t('a route that the kernel refused is tried again at the next scan', () => {
  const lab = new Lab('ipip-always');
  const { kernel } = lab.at('k8s-w1');
  const replace = kernel.replace.bind(kernel);
  let refusing = true;
  kernel.replace = wanted => !refusing && replace(wanted);
  lab.start().net.pass(8);
  assert.not.ok(kernel.routes().some(r => Prefix.equal(r.prefix, W0_BLOCK)));
  refusing = false;
  lab.net.pass(2.1);
  assert.equal(kernel.list(), lines('ipip-always', 'k8s-w1'));
});

t('a foreign route in the way: BIRD shows "!" and tries again at the scan', () => {
  const lab = started('ipip-always');
  const { kernel, speaker } = lab.at('k8s-w1');
  const mine = kernel.routes().find(r => Prefix.equal(r.prefix, W0_BLOCK))!;
  const felix = route('172.16.34.0/26', { protocol: '80' });
  kernel.remove(mine);
  kernel.replace(felix);
  lab.net.pass(2.5);
  assert.match(Show.routes(speaker, { prefix: W0_BLOCK }), /from 192\.168\.20\.100\] ! \(100\/\?\) \[i\]/);
  kernel.remove(felix);
  lab.net.pass(2);
  assert.equal(kernel.list(), lines('ipip-always', 'k8s-w1'));
  assert.match(Show.routes(speaker, { prefix: W0_BLOCK }), /\] \* \(100\/\?\) \[i\]/);
});

t('without tunl0 the route is written to its gateway', () => {
  const lab = new Lab('ipip-always');
  const { kernel } = lab.at('k8s-w1');
  kernel.setDevices(kernel.devices().filter(d => d.name !== 'tunl0'));
  lab.start().net.pass(8);
  assert.ok(kernel.list().includes('172.16.34.0/26 via 192.168.10.254 dev eth0 proto bird'));
});

t('without a default route the far next hop is unreachable, and so is the route', () => {
  const lab = started('direct-nopeer');
  const { kernel, speaker } = lab.at('k8s-w1');
  const standard = kernel.routes().find(r => r.prefix.length === 0)!;
  kernel.remove(standard);
  lab.net.pass(2.1);
  assert.ok(kernel.list().includes('unreachable 172.16.34.0/26 proto bird'));
  assert.match(
    Show.routes(speaker, { prefix: W0_BLOCK }),
    /172\.16\.34\.0\/26 {5}unreachable \[\S+ \S+ from 192\.168\.20\.100\] \* \(100\/-\) \[i\]/,
  );
  kernel.replace(standard);
  lab.net.pass(2.1);
  assert.equal(kernel.list(), lines('direct-nopeer', 'k8s-w1'));
});

t('a device that goes down takes its connected route along, and brings it back', () => {
  const lab = started('direct-nopeer');
  const { kernel, speaker } = lab.at('k8s-w1');
  const devices = kernel.devices();
  kernel.setDevices(devices.map(d => (d.name === 'eth0' ? { ...d, up: false } : d)));
  speaker.netlink();
  lab.net.pass(0.1);
  assert.is(speaker.table.get(net('192.168.10.0/24')), undefined);
  assert.ok(kernel.list().includes('172.16.184.0/26 via 192.168.10.254 dev eth0 proto bird'));
  kernel.setDevices(devices);
  lab.net.pass(2.1);
  assert.equal(kernel.list(), lines('direct-nopeer', 'k8s-w1'));
});

// Reconfiguration.

const sessionEvents = (events: readonly SpeakerEvent[]): SpeakerEvent[] =>
  events.filter(e => e.kind === 'session');

t(
  'the pool changes from IPIP Always to CrossSubnet: routes change in the same instant, sessions do not',
  () => {
    const lab = started('ipip-always');
    for (const n of lab.nodes.values()) {
      n.events.length = 0;
      n.speaker.configure(configOf(n.spec, 'ipip-crosssubnet'));
    }
    lab.net.pass(0.01);
    for (const [name, n] of lab.nodes) {
      assert.equal(n.kernel.list(), lines('ipip-crosssubnet', name));
      assert.equal(sessionEvents(n.events), []);
    }
  },
);

t('an equal configuration changes nothing at all', () => {
  const lab = started('ipip-always');
  const sent = lab.net.wire.length;
  for (const n of lab.nodes.values()) {
    n.events.length = 0;
    n.speaker.configure(configOf(n.spec, 'ipip-always'));
  }
  lab.net.pass(5);
  for (const n of lab.nodes.values()) assert.equal(n.events, []);
  assert.is(lab.net.wire.length, sent);
});

t('a peer that is removed, and one that comes back', () => {
  const lab = started('ipip-always');
  const w1 = lab.at('k8s-w1');
  const config = configOf(w1.spec, 'ipip-always');
  w1.speaker.configure({ ...config, peers: config.peers.filter(p => p.name !== 'Mesh_192_168_20_100') });
  assert.equal([...w1.speaker.peerings.keys()], ['Mesh_192_168_10_10', 'Mesh_192_168_10_102']);
  lab.net.pass(1);
  assert.equal(w1.kernel.list(), without(lines('ipip-always', 'k8s-w1'), '172.16.34.0/26'));
  assert.match(
    Show.protocols(lab.at('k8s-w0').speaker),
    /Mesh_192_168_10_101 .* Active {8}Received: Peer de-configured/,
  );
  w1.speaker.configure({ ...config, peers: [...config.peers].reverse() });
  lab.net.pass(10);
  assert.equal(w1.kernel.list(), lines('ipip-always', 'k8s-w1'));
  assert.is([...w1.speaker.peerings.keys()][0], 'Mesh_192_168_20_100');
});

t('a changed import filter asks the peer for its routes again (ROUTE-REFRESH), in both directions', () => {
  const lab = started('ipip-always');
  const w1 = lab.at('k8s-w1');
  const config = configOf(w1.spec, 'ipip-always');
  const none = filter('none', () => ({ accept: false, because: 'test' }));
  const sent = lab.net.wire.length;
  w1.speaker.configure({ ...config, peers: config.peers.map(p => ({ ...p, importFilter: none })) });
  lab.net.pass(0.1);
  const types = lab.net.wire.slice(sent).map(w => w.bytes[18]);
  assert.is(types.filter(type => type === 5).length, 9); // three requests, three begins, three ends
  assert.is(w1.speaker.table.get(W0_BLOCK), undefined);
  w1.speaker.configure(config);
  lab.net.pass(0.1);
  assert.equal(w1.kernel.list(), lines('ipip-always', 'k8s-w1'));
});

t('a new block is told at once, an old one is taken back', () => {
  const lab = started('direct-nopeer');
  const w1 = lab.at('k8s-w1');
  w1.speaker.configure({ ...w1.speaker.config, staticBlackholes: [net('172.16.99.0/26')], peers: [] });
  w1.speaker.configure({ ...configOf(w1.spec, 'direct-nopeer'), staticBlackholes: [net('172.16.99.0/26')] });
  lab.net.pass(10);
  const m = lab.at('k8s-m');
  assert.is(m.speaker.table.get(W1_BLOCK), undefined);
  assert.ok(m.kernel.list().includes('172.16.99.0/26 via 192.168.10.101 dev eth0 proto bird'));
});

// Topologies.

t('one reflector, three clients: the kernel routes of the mesh', () => {
  const lab = started('ipip-crosssubnet', config => {
    const isReflector = config.routerId === at('k8s-m');
    const peers = config.peers
      .filter(p => isReflector || p.remoteAddress === at('k8s-m'))
      .map(p => (isReflector ? { ...p, rrClient: true, rrClusterId: ip('244.0.0.1') } : p));
    return { ...config, peers };
  });
  for (const [name, n] of lab.nodes) assert.equal(n.kernel.list(), lines('ipip-crosssubnet', name), name);
  const w1 = lab.at('k8s-w1').speaker;
  assert.match(
    Show.routes(w1, { prefix: W0_BLOCK, all: true }),
    /BGP\.originator_id: 192\.168\.20\.100\n\tBGP\.cluster_list: 244\.0\.0\.1\n/,
  );
  assert.match(
    Show.protocols(lab.at('k8s-m').speaker, { all: true, fits: name => name === 'Mesh_192_168_20_100' }),
    /Session: {10}internal multihop route-reflector AS4 add-path-rx add-path-tx/,
  );
  lab.at('k8s-w0').speaker.stop('shutdown');
  lab.net.pass(1);
  assert.is(w1.table.get(W0_BLOCK), undefined);
});

t('two reflectors with one cluster id: no loop, every route once', () => {
  const reflectors = [at('k8s-m'), at('k8s-w2')];
  const lab = started('ipip-always', config => {
    const isReflector = reflectors.includes(config.routerId);
    const peers = config.peers
      .filter(p => isReflector || reflectors.includes(p.remoteAddress))
      .map(p =>
        isReflector && !reflectors.includes(p.remoteAddress)
          ? { ...p, rrClient: true, rrClusterId: ip('244.0.0.1') }
          : p,
      );
    return { ...config, peers };
  });
  for (const [name, n] of lab.nodes) assert.equal(n.kernel.list(), lines('ipip-always', name), name);
  const sent = lab.net.wire.length;
  lab.net.pass(30);
  assert.is(lab.net.wire.length, sent);
});

const ROUTER = ip('192.168.10.254');
const ROUTER_AS = 65000;

interface Router {
  readonly speaker: Speaker;
  readonly kernel: FakeKernel;
}

/** A router with a leg in both subnets that speaks FRR's way, and takes its peers as they come. */
function router(lab: Lab, remoteAs: 'internal' | 'external', more: Partial<SpeakerConfig> = {}): Router {
  const kernel = new FakeKernel(
    [
      { name: 'eth1', index: 2, up: true, addresses: [{ address: ROUTER, length: 24 }] },
      { name: 'eth2', index: 3, up: true, addresses: [{ address: ip('192.168.20.254'), length: 24 }] },
    ],
    [],
  );
  const template = { sourceAddress: 0, addPaths: false, gracefulRestart: false, exportFilter: ACCEPT };
  const speaker = new Speaker(
    {
      routerId: ROUTER,
      localAs: remoteAs === 'internal' ? 64512 : ROUTER_AS,
      kernel: { protocolName: 'bgp', metric: 20, exportFilter: BGP_ONLY, mergePaths: true },
      directInterfaces: ['*'],
      peers: [],
      networks: [net('192.168.20.0/24')],
      maximumPaths: 1,
      dynamicNeighbours: [{ range: net('192.168.0.0/16'), remoteAs, template }],
      ...more,
    },
    portsOf(lab.net, ROUTER, kernel, []),
  );
  return { speaker, kernel };
}

const torPeer = (config: SpeakerConfig, more: Partial<PeerConfig> = {}): PeerConfig => ({
  ...config.peers[0]!,
  name: 'Global_192_168_10_254',
  remoteAddress: ROUTER,
  remoteAs: ROUTER_AS,
  passive: false,
  ...more,
});

const withTor = (more: Partial<PeerConfig> = {}): ((c: SpeakerConfig) => SpeakerConfig) => {
  return config => ({ ...config, peers: [...config.peers, torPeer(config, more)] });
};

function torLab(peer: Partial<PeerConfig>, more: Partial<SpeakerConfig> = {}): { lab: Lab; tor: Router } {
  const lab = new Lab('direct-nopeer', withTor(peer));
  const tor = router(lab, 'external', more);
  tor.speaker.start();
  lab.start().net.pass(15);
  assert.ok(lab.converged());
  assert.ok(tor.speaker.converged());
  return { lab, tor };
}

t(
  'mesh and an external router: every node tells every block as its own way, and the router takes a detour',
  () => {
    const { lab, tor } = torLab({});
    const paths = tor.speaker.table.get(W0_BLOCK)!.routes;
    assert.is(paths.length, 4);
    assert.ok(paths.every(r => r.attributes!.asPath!.length === 1));
    // All paths are alike until the router id, and k8s-m has the lowest.
    assert.ok(tor.kernel.list().includes('172.16.34.0/26 via 192.168.10.10 dev eth1 proto bgp metric 20'));
    // What comes back has the nodes' own AS in its path.
    assert.is(lab.at('k8s-w1').speaker.table.get(W0_BLOCK)!.routes.length, 1);
    assert.match(
      Show.routes(lab.at('k8s-w1').speaker, { prefix: net('192.168.20.0/24'), all: true }),
      /via 192\.168\.10\.254 on eth0 \[Global_192_168_10_254 \S+\] \* \(100\/0\) \[AS65000i\][\s\S]*BGP\.as_path: 65000\n/,
    );
  },
);

t('the same router with several paths spreads over all four', () => {
  const { tor } = torLab({}, { maximumPaths: 8 });
  assert.is(
    tor.kernel.list().find(l => l.startsWith('172.16.34.0/26')),
    '172.16.34.0/26 proto bgp metric 20 nexthop via 192.168.10.10 dev eth1 weight 1 ' +
      'nexthop via 192.168.10.101 dev eth1 weight 1 nexthop via 192.168.10.102 dev eth1 weight 1 ' +
      'nexthop via 192.168.20.100 dev eth2 weight 1',
  );
});

t('next hop keep: the router goes straight', () => {
  const { tor } = torLab({ nextHopKeep: true });
  assert.ok(tor.kernel.list().includes('172.16.34.0/26 via 192.168.20.100 dev eth2 proto bgp metric 20'));
  assert.ok(tor.kernel.list().includes('172.16.158.0/26 via 192.168.10.101 dev eth1 proto bgp metric 20'));
});

t('the router as internal reflector: its clients need no mesh', () => {
  const lab = new Lab('direct-nopeer', config => ({
    ...config,
    peers: [torPeer(config, { remoteAs: 64512 })],
  }));
  const tor = router(lab, 'internal', {
    dynamicNeighbours: [
      {
        range: net('192.168.0.0/16'),
        remoteAs: 'internal',
        template: { sourceAddress: ROUTER, addPaths: false, rrClient: true, exportFilter: ACCEPT },
      },
    ],
  });
  tor.speaker.start();
  lab.start().net.pass(15);
  // 192.168.20.0/24 is told too, but the next hop of w0's block would resolve by that BGP route: it is refused as
  // recursive, so the block is unreachable on the nodes of the other subnet.
  assert.match(
    Show.routes(lab.at('k8s-w1').speaker, { prefix: W0_BLOCK }),
    /unreachable \[Global_192_168_10_254 \S+ from 192\.168\.10\.254\] \* \(100\/-\)/,
  );
  assert.ok(
    lab.at('k8s-w1').kernel.list().includes('172.16.184.0/26 via 192.168.10.102 dev eth0 proto bird'),
  );
  tor.speaker.configure({ ...tor.speaker.config, networks: [] });
  lab.net.pass(1);
  assert.equal(lab.at('k8s-w1').kernel.list(), lines('direct-nopeer', 'k8s-w1'));
});

t('an internal router that reflects nothing: the nodes stay strangers', () => {
  const lab = new Lab('direct-nopeer', config => ({
    ...config,
    peers: [torPeer(config, { remoteAs: 64512 })],
  }));
  const tor = router(lab, 'internal');
  tor.speaker.start();
  lab.start().net.pass(15);
  assert.is(lab.at('k8s-w1').speaker.table.get(net('172.16.184.0/26')), undefined);
  assert.ok(tor.kernel.list().includes('172.16.184.0/26 via 192.168.10.102 dev eth1 proto bgp metric 20'));
});

t('same AS behind an external router, no mesh: refused as a loop, unless the own AS is allowed', () => {
  for (const [allowLocalAs, found] of [
    [0, false],
    [1, true],
  ] as const) {
    const lab = new Lab('direct-nopeer', config => ({
      ...config,
      peers: [torPeer(config, { allowLocalAs })],
    }));
    const tor = router(lab, 'external');
    tor.speaker.start();
    lab.start().net.pass(15);
    const list = lab.at('k8s-w1').kernel.list();
    assert.is(list.includes('172.16.34.0/26 via 192.168.10.254 dev eth0 proto bird'), found);
  }
});

t('equal paths become one kernel route with several next hops, without tunnel', () => {
  const anycast = net('172.16.250.0/26');
  const pools = [poolOf('ipip-always')];
  const lab = started('ipip-always', config => ({
    ...config,
    staticBlackholes: [
      ...config.staticBlackholes!,
      ...(config.routerId === at('k8s-w1') || config.routerId === at('k8s-w2') ? [anycast] : []),
    ],
    kernel: {
      ...config.kernel,
      exportFilter: calicoKernelProgramming({ pools, localSubnet: net('192.168.10.0/24') }),
    },
  }));
  assert.ok(
    lab
      .at('k8s-m')
      .kernel.list()
      .includes(
        '172.16.250.0/26 proto bird nexthop via 192.168.10.101 dev eth0 weight 1 nexthop via 192.168.10.102 dev eth0 weight 1',
      ),
  );
  lab.at('k8s-w1').speaker.stop('shutdown');
  lab.net.pass(1);
  assert.ok(
    lab.at('k8s-m').kernel.list().includes('172.16.250.0/26 via 192.168.10.102 dev tunl0 proto bird onlink'),
  );
});

// The whole.

t('the same world twice is the same world', () => {
  const run = (): string => {
    const lab = started('vxlan-always');
    lab.net.reset(at('k8s-m'), at('k8s-w0'));
    lab.net.pass(400);
    const events = [...lab.nodes.values()].flatMap(n =>
      n.events.map(e => (e.kind === 'session' ? [e.name, e.from, e.to, e.because] : [e.kind])),
    );
    return JSON.stringify([
      lab.net.wire.map(w => [w.from, w.to, Buffer.from(w.bytes).toString('hex')]),
      events,
    ]);
  };
  assert.is(run(), run());
});

t('best-route events carry the step that decided', () => {
  const lab = started('vxlan-always');
  const best = lab
    .at('k8s-w1')
    .events.filter(e => e.kind === 'best' && Prefix.equal(e.prefix, W0_BLOCK))
    .map(e => e.kind === 'best' && [e.is?.source.protocol.kind, e.because]);
  assert.equal(best, [
    ['kernel', 'only route'],
    ['bgp', 'preference'],
  ]);
});

t('garbage on a session ends it with a NOTIFICATION, and it comes back', () => {
  const lab = new Lab('ipip-always');
  const spec = node('k8s-w1');
  const events: SpeakerEvent[] = [];
  const ports = portsOf(lab.net, ip(spec.address), kernelOf(spec, 'ipip-always'), events);
  const seen: string[] = [];
  const speaker = new Speaker(configOf(spec, 'ipip-always'), ports);
  speaker.start();
  ports.streams.connect(
    { remoteAddress: at('k8s-m'), remotePort: 179 },
    {
      established: () => undefined,
      received: (stream, bytes) => {
        seen.push(Buffer.from(bytes).toString('hex', 18, 21));
        stream.write(new Uint8Array(19));
      },
      closed: (_stream, reason) => seen.push(`closed ${reason}`),
    },
  );
  lab.at('k8s-m').speaker.start();
  lab.net.pass(1);
  assert.equal(seen, ['0104fc', '030101', 'closed ']);
  lab.net.pass(60);
  assert.ok(lab.at('k8s-m').speaker.peerings.get('Mesh_192_168_10_101')!.session.established);
});

t('messages may be broken off anywhere: in the marker, in the length, in the body', () => {
  const random = new Random(3, 'pieces');
  const lab = started('ipip-always');
  const wires = lab.net.wire.filter(w => w.to === at('k8s-w1') && w.bytes[18] === 2).map(w => w.bytes);
  const all = Buffer.concat(wires);
  const count = (): number => {
    let messages = 0;
    for (let i = 0; i < all.length; i += all.readUInt16BE(i + 16)) messages++;
    return messages;
  };
  const connection = lab.at('k8s-w1').speaker.peerings.get('Mesh_192_168_10_10')!.session.current!;
  const stream = lab.net.streamOf(at('k8s-w1'), at('k8s-m'))!;
  for (const longest of [1, 7, 20, 80, 400]) {
    const before = connection.messagesReceived;
    for (let from = 0; from < all.length; ) {
      const length = 1 + random.below(longest);
      connection.received(stream, all.subarray(from, from + length));
      from += length;
    }
    assert.is(connection.messagesReceived - before, count());
    assert.is(connection.state, 'Established');
  }
});

t('an established session survives no mutation with anything but a NOTIFICATION or a withdrawal', () => {
  const random = new Random(7, 'mutations');
  const lab = started('ipip-always');
  const wires = lab.net.wire.filter(w => w.to === at('k8s-w1')).map(w => w.bytes);
  for (let round = 0; round < 60; round++) {
    const peering = lab.at('k8s-w1').speaker.peerings.get('Mesh_192_168_10_10')!;
    if (!peering.session.established) lab.net.pass(45);
    const connection = peering.session.current!;
    const stream = lab.net.streamOf(at('k8s-w1'), at('k8s-m'))!;
    const bytes = wires[random.below(wires.length)]!.slice();
    for (let i = 0; i < 3; i++) bytes[16 + random.below(bytes.length - 16)] = random.below(256);
    connection.received(stream, bytes);
    lab.net.pass(1);
  }
  lab.net.pass(500);
  assert.ok(lab.converged());
});

t.run();
