import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { AdjRibIn, receivedPath } from '../../src/bgp/adj-rib-in.ts';
import { attributesFor, Community, type Recipient, refusal } from '../../src/bgp/advertise.ts';
import { intern } from '../../src/bgp/attribute-table.ts';
import {
  type CalicoPool,
  calicoExportToBgpPeers,
  calicoKernelProgramming,
} from '../../src/bgp/calico-filters.ts';
import { decide, isMergeable } from '../../src/bgp/decision.ts';
import { matchesPattern } from '../../src/bgp/direct.ts';
import { BestChange, hash, LocRib } from '../../src/bgp/loc-rib.ts';
import { NextHops, resolve } from '../../src/bgp/next-hop.ts';
import {
  hostKey,
  IGP_METRIC_UNKNOWN,
  keyOf,
  type PeerIdentity,
  PREFERENCE,
  type Protocol,
  type ProtocolKind,
  prefixOf,
  type Route,
} from '../../src/bgp/route.ts';
import type { PathAttributes } from '../../src/wire/bgp/attributes.ts';
import { assert, suite } from '../kit.ts';

const t = suite('bgp/routing');

const ip = Ipv4.from;
const net = Prefix.from;
const NET = net('172.16.34.0/26');

const peerOf = (more: Partial<PeerIdentity> = {}): PeerIdentity => ({
  internal: true,
  remoteAddress: ip('192.168.10.10'),
  remoteAs: 64512,
  localAs: 64512,
  routerId: ip('192.168.10.10'),
  rrClient: false,
  clusterId: ip('1.1.1.1'),
  ...more,
});

const bgpProtocol = (peer: PeerIdentity): Protocol => ({ kind: 'bgp', name: 'peer', peer });

interface Shape {
  readonly attributes?: PathAttributes;
  readonly peer?: Partial<PeerIdentity>;
  readonly route?: Partial<Route>;
}

const BASE: PathAttributes = {
  origin: 0,
  asPath: [],
  nextHop: ip('192.168.10.10'),
  localPref: 100,
};

function bgpRoute({ attributes, peer, route }: Shape = {}): Route {
  return {
    prefix: NET,
    source: { protocol: bgpProtocol(peerOf(peer)), pathId: 0 },
    preference: 100,
    destination: 'router',
    gateway: ip('192.168.10.10'),
    device: 'eth0',
    igpMetric: 0,
    attributes: { ...BASE, ...attributes },
    stale: false,
    since: 0,
    ...route,
  };
}

function localRoute(kind: ProtocolKind, more: Partial<Route> = {}): Route {
  return {
    prefix: NET,
    source: { protocol: { kind, name: `${kind}1` }, pathId: 0 },
    preference: PREFERENCE[kind],
    destination: 'blackhole',
    stale: false,
    since: 0,
    ...more,
  };
}

const enter = (rib: LocRib, route: Route): boolean => rib.enter(keyOf(route.prefix), route);
const remove = (rib: LocRib, { prefix, source }: Route): void => rib.remove(keyOf(prefix), source);

const path = (...ases: number[]): PathAttributes => ({ asPath: [{ type: 2, ases }] });

for (const [step, better, worse] of [
  ['preference', localRoute('static'), bgpRoute()],
  ['preference', bgpRoute(), localRoute('kernel')],
  ['protocol', bgpRoute({ route: { preference: 10 } }), localRoute('kernel')],
  [
    'next-hop-resolvable',
    bgpRoute({ attributes: { localPref: 1 } }),
    bgpRoute({ route: { destination: 'unreachable' } }),
  ],
  ['not-stale', bgpRoute({ attributes: { localPref: 1 } }), bgpRoute({ route: { stale: true } })],
  ['local-pref', bgpRoute({ attributes: { ...path(1, 2), localPref: 101 } }), bgpRoute()],
  [
    'as-path-length',
    bgpRoute({ attributes: { ...path(1), origin: 2 } }),
    bgpRoute({ attributes: path(1, 2) }),
  ],
  [
    'as-path-length',
    bgpRoute({ attributes: { asPath: [{ type: 1, ases: [1, 2, 3] }] } }),
    bgpRoute({ attributes: path(1, 2) }),
  ],
  ['origin', bgpRoute({ attributes: { med: 9 } }), bgpRoute({ attributes: { origin: 1 } })],
  [
    'med',
    bgpRoute({ attributes: { ...path(1), med: 1 } }),
    bgpRoute({ attributes: { ...path(1), med: 2 }, peer: { internal: false } }),
  ],
  [
    'external-over-internal',
    bgpRoute({ attributes: { ...path(1), med: 2 }, peer: { internal: false }, route: { igpMetric: 9 } }),
    bgpRoute({ attributes: { ...path(2), med: 1 } }),
  ],
  ['igp-metric', bgpRoute({ peer: { routerId: 9 } }), bgpRoute({ route: { igpMetric: IGP_METRIC_UNKNOWN } })],
  ['router-id', bgpRoute({ peer: { routerId: 1 } }), bgpRoute({ peer: { routerId: 2 } })],
  ['router-id', bgpRoute({ attributes: { originatorId: 1 } }), bgpRoute({ peer: { routerId: 2 } })],
  [
    'cluster-list-length',
    bgpRoute({ attributes: { clusterList: [1] }, peer: { remoteAddress: 9 } }),
    bgpRoute({ attributes: { clusterList: [1, 2] } }),
  ],
  ['peer-address', bgpRoute({ peer: { remoteAddress: 1 } }), bgpRoute({ peer: { remoteAddress: 2 } })],
] as const)
  t(`the better route wins by ${step}`, () => {
    assert.equal([Math.sign(decide(better, worse).order), decide(better, worse).because], [-1, step]);
    assert.equal([Math.sign(decide(worse, better).order), decide(worse, better).because], [1, step]);
  });

t('two paths of one peer with equal attributes: who was first stays', () => {
  assert.equal(decide(bgpRoute(), bgpRoute()), { order: 0, because: 'first-come' });
});

t('ECMP asks only up to the distance of the next hop', () => {
  const a = bgpRoute({ peer: { routerId: 1, remoteAddress: 1 } });
  assert.ok(isMergeable(a, bgpRoute({ peer: { routerId: 2, remoteAddress: 2 } })));
  assert.not.ok(isMergeable(a, bgpRoute({ route: { igpMetric: IGP_METRIC_UNKNOWN } })));
  assert.not.ok(isMergeable(a, bgpRoute({ attributes: { localPref: 50 } })));
  assert.not.ok(isMergeable(localRoute('kernel'), localRoute('kernel')));
});

t('the best route does not depend on the order of arrival and departure (MED apart)', () => {
  const shapes = fc.record({
    localPref: fc.nat({ max: 2 }),
    length: fc.nat({ max: 2 }),
    origin: fc.nat({ max: 2 }),
    routerId: fc.nat({ max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(shapes, { minLength: 1, maxLength: 6 }), fc.nat(), (all, seed) => {
      const made = all.map((s, i) =>
        bgpRoute({
          attributes: {
            localPref: s.localPref,
            origin: s.origin,
            ...(s.length === 0 ? {} : path(...Array<number>(s.length).fill(7))),
          },
          peer: { routerId: s.routerId, remoteAddress: i + 1 },
        }),
      );
      const sorted = [...made].sort((a, b) => decide(a, b).order);
      const rib = new LocRib(() => undefined);
      const shuffled = made.map((r, i) => ({ r, k: (i * 7919 + seed) % 101 })).sort((a, b) => a.k - b.k);
      for (const { r } of shuffled) enter(rib, r);
      for (const expected of sorted) {
        assert.is(rib.best(NET), expected);
        remove(rib, expected);
      }
      assert.is(rib.size, 0);
    }),
    { seed: 1, numRuns: 200 },
  );
});

t('a change says what was best, what is, and which step told', () => {
  const changes: BestChange[] = [];
  const rib = new LocRib((net, _removed, _added, was) => changes.push(new BestChange(net, was)));
  const [a, b] = [bgpRoute({ peer: { routerId: 2 } }), bgpRoute({ peer: { routerId: 1 } })];
  enter(rib, a);
  enter(rib, b);
  enter(rib, b);
  remove(rib, b);
  remove(rib, a);
  assert.equal(
    changes.map(c => [c.was === a ? 'a' : c.was && 'b', c.is === a ? 'a' : c.is && 'b', c.because]),
    [
      [undefined, 'a', 'only route'],
      ['a', 'b', 'router-id'],
      ['b', 'a', 'only route'],
      ['a', undefined, 'no route left'],
    ],
  );
});

t('listings follow BIRD’s hash, and age among equal hashes', () => {
  assert.is(hash(0), 0);
  const rib = new LocRib(() => undefined);
  const texts = [
    '172.16.34.0/26',
    '172.16.116.0/26',
    '172.16.116.0/32',
    '192.168.10.0/24',
    '172.16.184.0/26',
  ];
  for (const text of [...texts, '0.0.0.0/0']) {
    const route = localRoute('static', { prefix: net(text) });
    enter(rib, route);
  }
  const list = (): string[] => rib.list().map(n => Prefix.format(n.prefix));
  assert.equal(list(), [
    '0.0.0.0/0',
    '172.16.184.0/26',
    '192.168.10.0/24',
    '172.16.116.0/26',
    '172.16.116.0/32',
    '172.16.34.0/26',
  ]);
  // A place that became free is taken by the next.
  const route = localRoute('static', { prefix: net('172.16.116.0/26') });
  remove(rib, route);
  enter(rib, route);
  assert.is(list()[3], '172.16.116.0/26');
});

t('prefix keys are exact', () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 32 }), (address, length) => {
      const prefix = Prefix.network(address, length);
      assert.equal(prefixOf(keyOf(prefix)), prefix);
    }),
    { seed: 1 },
  );
});

const table = (...routes: Route[]): LocRib => {
  const rib = new LocRib(() => undefined);
  for (const r of routes) enter(rib, r);
  return rib;
};
const CONNECTED = localRoute('direct', {
  prefix: net('192.168.10.0/24'),
  destination: 'device',
  device: 'eth0',
});
const DEFAULT = localRoute('kernel', {
  prefix: net('0.0.0.0/0'),
  destination: 'router',
  gateway: ip('192.168.10.254'),
  device: 'eth0',
});

for (const [what, rib, nextHop, destination, gateway, igpMetric] of [
  [
    'on a connected network: itself, at distance 0',
    table(CONNECTED),
    '192.168.10.102',
    'router',
    '192.168.10.102',
    0,
  ],
  [
    'by the default route: its gateway, at an unknown distance',
    table(CONNECTED, DEFAULT),
    '192.168.20.100',
    'router',
    '192.168.10.254',
    IGP_METRIC_UNKNOWN,
  ],
  [
    'without any route: unreachable',
    table(CONNECTED),
    '192.168.20.100',
    'unreachable',
    '',
    IGP_METRIC_UNKNOWN,
  ],
  [
    'in a blackhole: a blackhole',
    table(localRoute('static', { prefix: net('192.168.20.0/24') }), DEFAULT),
    '192.168.20.100',
    'blackhole',
    '',
    IGP_METRIC_UNKNOWN,
  ],
  [
    'by another BGP route: unreachable, although a default is there',
    table(DEFAULT, bgpRoute({ route: { prefix: net('192.168.20.0/24') } })),
    '192.168.20.100',
    'unreachable',
    '',
    IGP_METRIC_UNKNOWN,
  ],
] as const)
  t(`a next hop resolves ${what}`, () => {
    const r = resolve(rib, ip(nextHop));
    assert.is(r.destination, destination);
    assert.is(r.gateway === undefined ? '' : Ipv4.format(r.gateway), gateway);
    assert.is(r.igpMetric, igpMetric);
  });

t('after a refresh every next hop in use leads where the table says', () => {
  const devices = ['eth0', 'eth1'];
  const prefix = fc.record({
    address: fc.constantFrom('10.0.0.0', '10.0.1.0', '10.1.0.0'),
    length: fc.constantFrom(8, 16, 24, 32),
  });
  const edit = fc.record({ prefix, device: fc.nat({ max: 1 }), gone: fc.boolean() });
  const hop = fc.constantFrom('10.0.0.0', '10.0.0.9', '10.0.1.1', '10.1.0.0', '192.168.0.1').map(ip);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.array(edit), hop), { maxLength: 12 }), rounds => {
      const rib = new LocRib(() => undefined);
      const nextHops = new NextHops(rib);
      const used = new Set<number>();
      for (const [edits, nextHop] of rounds) {
        used.add(nextHop);
        assert.is(nextHops.of(hostKey(nextHop)), resolve(rib, nextHop));
        const moved = edits.map(({ prefix: { address, length }, device, gone }) => {
          const where = Prefix.network(ip(address), length);
          const made = localRoute('direct', {
            prefix: where,
            destination: 'device',
            device: devices[device]!,
          });
          if (gone) remove(rib, made);
          else enter(rib, made);
          return where;
        });
        const before = new Map([...used].map(each => [each, nextHops.of(hostKey(each))]));
        const told = nextHops.refresh(moved);
        for (const each of used) {
          assert.is(nextHops.of(hostKey(each)), resolve(rib, each));
          assert.is(told.has(hostKey(each)), before.get(each) !== resolve(rib, each));
        }
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

// Advertisement.

const recipient = (
  identity: Partial<PeerIdentity> = {},
  config: Partial<Recipient['config']> = {},
): Recipient => {
  const peer = peerOf({ remoteAddress: 99, ...identity });
  return {
    protocol: bgpProtocol(peer),
    identity: peer,
    sourceAddress: ip('192.168.10.101'),
    config: {
      name: 'to',
      remoteAddress: 99,
      remoteAs: peer.remoteAs,
      sourceAddress: ip('192.168.10.101'),
      ...config,
    },
  };
};
const EXTERNAL = { internal: false, remoteAs: 65000 };

for (const [what, route, to, reason] of [
  ['an own route to anybody', localRoute('static'), recipient(), undefined],
  ['an internal route to an internal peer', bgpRoute(), recipient(), 'internal route to an internal peer'],
  ['an internal route to an external peer', bgpRoute(), recipient(EXTERNAL), undefined],
  ['an external route to an internal peer', bgpRoute({ peer: EXTERNAL }), recipient(), undefined],
  ['a client’s route to an internal peer', bgpRoute({ peer: { rrClient: true } }), recipient(), undefined],
  ['an internal route to a client', bgpRoute(), recipient({ rrClient: true }), undefined],
  [
    'a route that has been in the client’s cluster',
    bgpRoute({ attributes: { clusterList: [7] } }),
    recipient({ rrClient: true, clusterId: 7 }),
    'cluster list loop',
  ],
  [
    'NO_EXPORT to an external peer',
    bgpRoute({ attributes: { communities: [Community.NoExport] } }),
    recipient(EXTERNAL),
    'NO_EXPORT',
  ],
  [
    'NO_ADVERTISE to anybody',
    bgpRoute({ peer: EXTERNAL, attributes: { communities: [Community.NoAdvertise] } }),
    recipient(),
    'NO_ADVERTISE',
  ],
] as const)
  t(`${reason === undefined ? 'may tell' : 'must not tell'} ${what}`, () => {
    assert.is(refusal(route, to), reason);
  });

const KERNEL_LEARNED = localRoute('kernel', { destination: 'router', gateway: ip('192.168.10.254') });

for (const [what, route, to, nextHop] of [
  [
    'an own block to an internal peer: the source address',
    localRoute('static'),
    recipient(),
    '192.168.10.101',
  ],
  ['a learned route to an internal peer: its gateway', KERNEL_LEARNED, recipient(), '192.168.10.254'],
  [
    'a learned route with next hop self',
    KERNEL_LEARNED,
    recipient({}, { nextHopSelf: true }),
    '192.168.10.101',
  ],
  [
    'a learned route to an external peer: the source address',
    KERNEL_LEARNED,
    recipient(EXTERNAL),
    '192.168.10.101',
  ],
  ['an internal route to an external peer: self', bgpRoute(), recipient(EXTERNAL), '192.168.10.101'],
  [
    'an internal route to an external peer with keep',
    bgpRoute(),
    recipient(EXTERNAL, { nextHopKeep: true }),
    '192.168.10.10',
  ],
  [
    'an internal route to an external peer on the same network: kept',
    bgpRoute(),
    { ...recipient(EXTERNAL), device: 'eth0' },
    '192.168.10.10',
  ],
  [
    'an internal route to an external peer on another network: self',
    bgpRoute(),
    { ...recipient(EXTERNAL), device: 'eth1' },
    '192.168.10.101',
  ],
  ['a reflected route: kept', bgpRoute(), recipient({ rrClient: true }), '192.168.10.10'],
  ['an external route to an internal peer: kept', bgpRoute({ peer: EXTERNAL }), recipient(), '192.168.10.10'],
  [
    'an external route to an internal peer with self',
    bgpRoute({ peer: EXTERNAL }),
    recipient({}, { nextHopSelf: true }),
    '192.168.10.101',
  ],
] as const)
  t(`NEXT_HOP of ${what}`, () => {
    assert.is(Ipv4.format(attributesFor(route, to, undefined).nextHop!), nextHop);
  });

t('to an external peer: own AS in front, no LOCAL_PREF, no MED, no cluster', () => {
  const route = bgpRoute({
    attributes: { ...path(65001), med: 5, originatorId: 1, clusterList: [2], communities: [3] },
  });
  assert.equal(attributesFor(route, recipient(EXTERNAL), undefined), {
    origin: 0,
    asPath: [{ type: 2, ases: [64512, 65001] }],
    nextHop: ip('192.168.10.101'),
    communities: [3],
  });
});

t('a reflector writes who brought the route and puts its cluster in front', () => {
  const told = attributesFor(bgpRoute(), recipient({ rrClient: true, clusterId: 7 }), undefined);
  assert.is(told.originatorId, ip('192.168.10.10'));
  assert.equal(told.clusterList, [7]);
  const again = attributesFor(
    bgpRoute({ attributes: { originatorId: 42, clusterList: [8] } }),
    recipient({ rrClient: true, clusterId: 7 }),
    undefined,
  );
  assert.is(again.originatorId, 42);
  assert.equal(again.clusterList, [7, 8]);
});

t('a filter’s changes are in what is told', () => {
  const told = attributesFor(localRoute('static'), recipient(EXTERNAL), {
    med: 7,
    addCommunities: [1, 2],
    prepend: [65010, 65011],
  });
  assert.is(told.med, 7);
  assert.equal(told.communities, [1, 2]);
  assert.equal(told.asPath, [{ type: 2, ases: [64512, 65010, 65011] }]);
});

// Adj-RIBs.

t('Adj-RIB-In: an UPDATE replaces, and what is not said again after a mark is stale', () => {
  const rib = new AdjRibIn();
  const [a, b] = [1, 2].map(n => ({ prefix: { address: n * 256, length: 24 }, pathId: 0 }));
  const set = intern(BASE);
  rib.replace(receivedPath(a!, set));
  rib.replace(receivedPath(b!, set));
  rib.replace(receivedPath({ ...a!, pathId: 3 }, set));
  assert.is(rib.size, 3);
  rib.markStale();
  rib.replace(receivedPath(a!, set));
  assert.equal(
    rib.stalePaths().map(p => [p.prefix.address, p.pathId]),
    [
      [512, 0],
      [256, 3],
    ],
  );
  assert.is(rib.remove(b!)?.prefix.address, 512);
  assert.is(rib.remove(b!), undefined);
});

t('equal attribute sets are one object', () => {
  assert.is(intern({ ...BASE }), intern({ ...BASE }));
  assert.is.not(intern({ ...BASE }), intern({ ...BASE, med: 1 }));
});

// Calico's filters.

const pool = (cidr: string, more: Partial<CalicoPool> = {}): CalicoPool => ({
  cidr: net(cidr),
  ipipMode: 'Never',
  vxlanMode: 'Never',
  ...more,
});
const OWN = net('172.16.158.0/26');
const toPeers = calicoExportToBgpPeers({
  pools: [pool('172.16.0.0/16'), pool('10.9.0.0/16', { disableBGPExport: true })],
  ownBlocks: [OWN],
  internalPeer: true,
  serviceCidrs: [net('10.96.0.0/12')],
});
const OUT = { direction: 'export', protocol: 'x' } as const;

for (const [what, route, accept] of [
  ['the own block', localRoute('static', { prefix: OWN }), true],
  ['a pod beneath it', localRoute('kernel', { prefix: net('172.16.158.3/32'), device: 'cali1' }), false],
  ['a borrowed address', localRoute('kernel', { prefix: net('172.16.34.9/32'), device: 'cali1' }), true],
  ['another node’s block', bgpRoute(), true],
  ['a block in a pool that is not exported', localRoute('static', { prefix: net('10.9.1.0/26') }), false],
  ['a route through vxlan.calico', localRoute('kernel', { device: 'vxlan.calico' }), false],
  ['the node’s own network', CONNECTED, false],
  ['the default route', DEFAULT, false],
  ['a service address', localRoute('static', { prefix: net('10.96.0.10/32') }), true],
] as const)
  t(`Calico ${accept ? 'tells' : 'does not tell'} peers of ${what}`, () => {
    assert.is(toPeers(route, OUT).accept, accept);
  });

t('Calico does not tell peers of the own block either, if its pool is not exported', () => {
  const block = net('10.9.1.0/26');
  const pools = [pool('172.16.0.0/16'), pool('10.9.0.0/16', { disableBGPExport: true })];
  for (const internalPeer of [true, false]) {
    const filter = calicoExportToBgpPeers({ pools, ownBlocks: [OWN, block], internalPeer });
    assert.is(filter(localRoute('static', { prefix: block }), OUT).accept, false);
    assert.is(filter(localRoute('static', { prefix: OWN }), OUT).accept, true);
  }
});

t('a route through vxlan.calico is told to an external peer', () => {
  const filter = calicoExportToBgpPeers({
    pools: [pool('172.16.0.0/16')],
    ownBlocks: [OWN],
    internalPeer: false,
  });
  assert.ok(filter(localRoute('kernel', { device: 'vxlan.calico' }), OUT).accept);
});

t('prefixAdvertisements add their communities', () => {
  const filter = calicoExportToBgpPeers({
    pools: [pool('172.16.0.0/16')],
    ownBlocks: [OWN],
    internalPeer: true,
    communities: [
      { cidr: net('172.16.0.0/16'), communities: [0xfc00_0064], largeCommunities: [[1, 2, 3]] },
      { cidr: net('10.0.0.0/8'), communities: [1] },
    ],
  });
  assert.equal(filter(localRoute('static', { prefix: OWN }), OUT).changes, {
    addCommunities: [0xfc00_0064],
    addLargeCommunities: [[1, 2, 3]],
  });
});

const near = bgpRoute();
const far = bgpRoute({ attributes: { nextHop: ip('192.168.20.100') } });

for (const [what, pools, route, expected] of [
  ['IPIP Always', [pool('172.16.0.0/16', { ipipMode: 'Always' })], near, 'tunl0'],
  ['IPIP CrossSubnet, same subnet', [pool('172.16.0.0/16', { ipipMode: 'CrossSubnet' })], near, ''],
  ['IPIP CrossSubnet, other subnet', [pool('172.16.0.0/16', { ipipMode: 'CrossSubnet' })], far, 'tunl0'],
  [
    'IPIP CrossSubnet, own blackhole',
    [pool('172.16.0.0/16', { ipipMode: 'CrossSubnet' })],
    localRoute('static'),
    'tunl0',
  ],
  ['no encapsulation', [pool('172.16.0.0/16')], far, undefined],
  ['VXLAN', [pool('172.16.0.0/16', { vxlanMode: 'Always' })], far, 'reject'],
  ['outside of all pools', [pool('10.0.0.0/8', { vxlanMode: 'Always' })], far, undefined],
  [
    'two pools, the text that sorts first',
    [pool('172.16.34.0/24', { ipipMode: 'Always' }), pool('172.16.0.0/16')],
    far,
    undefined,
  ],
] as const)
  t(`Calico’s kernel filter: ${what}`, () => {
    const filter = calicoKernelProgramming({ pools, localSubnet: net('192.168.10.0/24') });
    const verdict = filter(route, OUT);
    if (expected === 'reject') assert.not.ok(verdict.accept);
    else assert.is(verdict.changes?.krtTunnel, expected);
  });

t('interface patterns', () => {
  assert.ok(matchesPattern('cali*', 'cali123'));
  assert.ok(matchesPattern('*', 'eth0'));
  assert.ok(matchesPattern('eth?', 'eth0'));
  assert.not.ok(matchesPattern('vxlan.calico', 'vxlanxcalico'));
});

t.run();
