import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { Store } from '../../src/api/store.ts';
import { formatTimestamp } from '../../src/api/store-time.ts';
import { isCode, type Op, type OpResult, runSync, type Steps } from '../../src/calico/datastore.ts';
import {
  affineBlocks,
  BlockClaimConflict,
  claimBlock,
  pendingAffinity,
  releaseAffinity,
} from '../../src/calico/ipam/affinity.ts';
import {
  type AssignRequest,
  assignAddress,
  autoAssign,
  IpamError,
  type Moment,
} from '../../src/calico/ipam/auto-assign.ts';
import {
  allocate,
  allocateAddress,
  freeCount,
  newBlock,
  ordinalsByHandle,
  ownerOf,
  releaseOrdinals,
} from '../../src/calico/ipam/block.ts';
import {
  collectEmptyBlocks,
  deletePool,
  releaseAddress,
  releaseByHandle,
  releaseNode,
} from '../../src/calico/ipam/release.ts';
import { reconcileTunnelAddresses, tunnelAddress } from '../../src/calico/ipam/tunnel-address.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import { assert, suite } from '../kit.ts';

const t = suite('calico/ipam');
const EPOCH = Date.UTC(2024, 8, 22, 1, 52, 31);
const at = (seconds: number): Moment => ({
  ns: seconds * 1e9,
  timestamp: formatTimestamp(EPOCH + seconds * 1000),
});
const NOW = at(0);
const API = 'projectcalico.org/v3';

function pool(name: string, cidr: string, spec: Partial<IPPool['spec']> = {}): IPPool {
  return { apiVersion: API, kind: 'IPPool', metadata: { name }, spec: { cidr, ...spec } };
}

function cluster(pools: IPPool[], nodes: Record<string, Record<string, string>>): Store {
  const store = new Store(() => EPOCH);
  for (const p of pools) store.create(p);
  for (const [name, labels] of Object.entries(nodes)) {
    const bgp = { ipv4Address: '192.168.10.1/24' };
    store.create({ apiVersion: API, kind: 'Node', metadata: { name, labels }, spec: { bgp } });
  }
  return store;
}

const KANS_NODES = { 'k8s-m': {}, 'k8s-w0': {}, 'k8s-w1': {}, 'k8s-w2': {} };
const kans = (spec: Partial<IPPool['spec']> = {}) =>
  cluster(
    [pool('default-ipv4-ippool', '172.16.0.0/16', { blockSize: 24, ipipMode: 'Always', ...spec })],
    KANS_NODES,
  );

const request = (node: string, handle: string, more: Partial<AssignRequest> = {}): AssignRequest => ({
  node,
  use: 'Workload',
  owner: { handle, attributes: { node, pod: handle } },
  moment: NOW,
  ...more,
});

const assign = (store: Store, node: string, handle: string, more: Partial<AssignRequest> = {}): string =>
  Ipv4.format(runSync(autoAssign(request(node, handle, more)), store));

const fails = (store: Store, node: string, message: string, more: Partial<AssignRequest> = {}): void =>
  assert.throws(
    () => assign(store, node, 'h', more),
    (e: unknown) => e instanceof IpamError && e.message === message,
  );

const tunnel = (store: Store, node: string, type: 'ipip' | 'vxlan' = 'ipip'): string =>
  tunnelAddress(runSync(reconcileTunnelAddresses(node, NOW), store), type);

const switchMode = (store: Store, spec: Partial<IPPool['spec']>): void => {
  const p = store.get('IPPool', 'default-ipv4-ippool');
  store.update({ ...p, spec: { ...p.spec, ...spec } });
};

// The block by itself.

const block = newBlock(Prefix.from('10.0.0.0/29'), 'n1', 0, NOW.timestamp).spec;
const owner = (handle: string) => ({ handle, attributes: { pod: handle } });

t('a new block gives .0 first and .7 last, then nothing', () => {
  let spec = block;
  for (let i = 0; i < 8; i++) {
    const taken = allocate(spec, owner(`h${i}`))!;
    assert.is(Ipv4.format(taken.address), `10.0.0.${i}`);
    spec = taken.spec;
  }
  assert.is(allocate(spec, owner('x')), undefined);
  assert.is(spec.attributes.length, 8);
});

t('reserved addresses are passed over and keep their place', () => {
  const reserved = [Prefix.from('10.0.0.0/31')];
  const taken = allocate(block, owner('h'), reserved)!;
  assert.is(Ipv4.format(taken.address), '10.0.0.2');
  assert.equal(taken.spec.unallocated, [0, 1, 3, 4, 5, 6, 7]);
  assert.is(freeCount(taken.spec, reserved), 5);
});

t('equal owners share one attribute, and it goes with its last address', () => {
  const one = allocate(block, owner('h'))!.spec;
  const two = allocate(one, owner('h'))!.spec;
  const three = allocate(two, owner('other'))!.spec;
  assert.is(three.attributes.length, 2);
  assert.equal(ordinalsByHandle(three, 'h'), [0, 1]);
  const less = releaseOrdinals(three, [0]);
  assert.is(less.attributes.length, 2);
  const least = releaseOrdinals(less, [1]);
  assert.equal(
    least.attributes.map(a => a.handle_id),
    ['other'],
  );
  assert.is(ownerOf(least, Ipv4.from('10.0.0.2'))?.handle_id, 'other');
  assert.is(ownerOf(least, Ipv4.from('10.0.0.1')), undefined);
});

t('a given address is taken once', () => {
  const spec = allocateAddress(block, Ipv4.from('10.0.0.5'), owner('h'))!;
  assert.is(allocateAddress(spec, Ipv4.from('10.0.0.5'), owner('g')), undefined);
  assert.equal(spec.unallocated, [0, 1, 2, 3, 4, 6, 7]);
});

/** What a block is: a queue of free ordinals. */
t('any sequence of takings and givings back equals a queue', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 15 }), { maxLength: 60 }), steps => {
      let spec = block;
      const queue = [0, 1, 2, 3, 4, 5, 6, 7];
      const held = new Set<number>();
      for (const step of steps) {
        if (step < 8) {
          const taken = allocate(spec, owner(`h${step}`));
          const expected = queue.shift();
          assert.is(taken?.address, expected === undefined ? undefined : Ipv4.from('10.0.0.0') + expected);
          if (taken === undefined) continue;
          spec = taken.spec;
          held.add(expected!);
        } else if (held.delete(step - 8)) {
          spec = releaseOrdinals(spec, [step - 8]);
          queue.push(step - 8);
        }
        assert.equal(spec.unallocated, queue);
        assert.is(spec.allocations.filter(a => a !== null).length, held.size);
        assert.ok(spec.allocations.every(a => a === null || spec.attributes[a] !== undefined));
      }
    }),
    { seed: 1 },
  );
});

// The walkthrough.

t('the lab: tunnel addresses are the .0 of the published blocks', () => {
  const store = kans();
  const addresses = Object.keys(KANS_NODES).map(n => tunnel(store, n));
  assert.equal(addresses, ['172.16.116.0', '172.16.34.0', '172.16.158.0', '172.16.184.0']);
  const states = store.list('BlockAffinity').map(a => `${a.metadata.name} ${a.spec.state}`);
  assert.equal(states, [
    'k8s-m-172-16-116-0-24 confirmed',
    'k8s-w0-172-16-34-0-24 confirmed',
    'k8s-w1-172-16-158-0-24 confirmed',
    'k8s-w2-172-16-184-0-24 confirmed',
  ]);
});

function walkthrough(): Store {
  const store = kans();
  for (const node of Object.keys(KANS_NODES)) tunnel(store, node);
  for (const pod of ['a', 'b']) assign(store, 'k8s-w1', `w1-${pod}`);
  for (const pod of ['a', 'b', 'c']) assign(store, 'k8s-w2', `w2-${pod}`);
  return store;
}

t('the walkthrough: pod1 .158.3, pod2 .184.4, pod3 .34.1', () => {
  const store = walkthrough();
  assert.is(assign(store, 'k8s-w1', 'pod1'), '172.16.158.3');
  assert.is(assign(store, 'k8s-w2', 'pod2'), '172.16.184.4');
  assert.is(assign(store, 'k8s-w0', 'pod3'), '172.16.34.1');
});

t('the walkthrough: Never frees tunl0, CrossSubnet gives k8s-w0 .34.2', () => {
  const store = walkthrough();
  for (const [node, pod] of [
    ['k8s-w1', 'pod1'],
    ['k8s-w2', 'pod2'],
    ['k8s-w0', 'pod3'],
  ] as const)
    assign(store, node, pod);
  switchMode(store, { ipipMode: 'Never' });
  assert.is(tunnel(store, 'k8s-w0'), '');
  assert.is(store.get('Node', 'k8s-w0').spec.bgp?.ipv4IPIPTunnelAddr, undefined);
  assert.is(store.find('IPAMHandle', 'ipip-tunnel-addr-k8s-w0'), undefined);
  assert.is(store.get('IPAMBlock', '172-16-34-0-24').spec.unallocated.at(-1), 0);
  switchMode(store, { ipipMode: 'CrossSubnet' });
  assert.is(tunnel(store, 'k8s-w0'), '172.16.34.2');
  switchMode(store, { ipipMode: 'Always' });
  assert.is(tunnel(store, 'k8s-w0'), '172.16.34.2');
});

t('IPIP to VXLAN frees one address and takes another', () => {
  const store = walkthrough();
  switchMode(store, { ipipMode: 'Never', vxlanMode: 'Always' });
  const node = runSync(reconcileTunnelAddresses('k8s-w0', NOW), store);
  assert.is(tunnelAddress(node, 'ipip'), '');
  assert.is(tunnelAddress(node, 'vxlan'), '172.16.34.1');
});

t('a tunnel address in a pool that went away is replaced', () => {
  const store = kans();
  tunnel(store, 'k8s-m');
  store.create(pool('other', '10.9.0.0/16', { ipipMode: 'Always' }));
  switchMode(store, { disabled: true });
  assert.match(tunnel(store, 'k8s-m'), /^10\.9\./);
  assert.is(store.get('IPAMBlock', '172-16-116-0-24').spec.unallocated.length, 256);
});

t('a tunnel address that is somebody else’s is left to him', () => {
  const store = kans();
  tunnel(store, 'k8s-m');
  const node = store.get('Node', 'k8s-m');
  assign(store, 'k8s-m', 'pod');
  store.update({ ...node, spec: { bgp: { ...node.spec.bgp!, ipv4IPIPTunnelAddr: '172.16.116.1' } } });
  assert.is(tunnel(store, 'k8s-m'), '172.16.116.2');
  assert.is(assign(store, 'k8s-m', 'pod2'), '172.16.116.3');
});

t('a pool for workloads only gives no tunnel address', () => {
  const store = kans({ allowedUses: ['Workload'] });
  assert.is(tunnel(store, 'k8s-m'), '');
});

// Steps of AutoAssign.

t('a freed address is the last to be used again', () => {
  const store = cluster([pool('p', '10.0.0.0/28', { blockSize: 29 })], { n: {} });
  const first = [0, 1, 2].map(i => assign(store, 'n', `h${i}`));
  assert.ok(runSync(releaseByHandle('h1'), store));
  assert.not(runSync(releaseByHandle('h1'), store));
  const next = Array.from({ length: 5 }, (_, i) => assign(store, 'n', `g${i}`));
  assert.not(next.includes(first[1]!));
  assert.is(assign(store, 'n', 'last'), first[1]);
});

t('handles are counted, upper case too', () => {
  const store = kans();
  assign(store, 'k8s-m', 'K8s-Pod-Network.ABC');
  assign(store, 'k8s-m', 'K8s-Pod-Network.ABC');
  assert.equal(store.get('IPAMHandle', 'k8s-pod-network.abc').spec.block, { '172.16.116.0/24': 2 });
  assert.ok(runSync(releaseByHandle('K8s-Pod-Network.ABC'), store));
  assert.is(store.list('IPAMHandle').length, 0);
});

t('pools by name, only those whose selector takes the node', () => {
  const store = cluster(
    [
      pool('b-rack1', '10.1.0.0/16', { nodeSelector: "rack == 'rack1'" }),
      pool('a-rack2', '10.2.0.0/16', { nodeSelector: "rack == 'rack2'" }),
      pool('c-all', '10.3.0.0/16'),
    ],
    { n1: { rack: 'rack1' }, n2: { rack: 'rack2' }, n3: {} },
  );
  assert.match(assign(store, 'n1', 'h1'), /^10\.1\./);
  assert.match(assign(store, 'n2', 'h2'), /^10\.2\./);
  assert.match(assign(store, 'n3', 'h3'), /^10\.3\./);
});

t('requested pools are used whatever their selectors say', () => {
  const store = cluster([pool('a', '10.1.0.0/16'), pool('b', '10.2.0.0/16', { nodeSelector: 'has(x)' })], {
    n: {},
  });
  assert.match(assign(store, 'n', 'h', { pools: ['10.2.0.0/16'] }), /^10\.2\./);
  fails(store, 'n', 'the given pool (10.7.0.0/16) does not exist, or is not enabled', {
    pools: ['10.7.0.0/16'],
  });
});

t('no pool: said in Calico’s words', () => {
  const disabled = cluster([pool('a', '10.1.0.0/16', { nodeSelector: 'has(x)' })], { n: {} });
  fails(disabled, 'n', 'no configured Calico pools for node n');
  const tunnels = cluster([pool('a', '10.1.0.0/16', { allowedUses: ['Tunnel'] })], { n: {} });
  fails(tunnels, 'n', 'cannot find a qualified ippool, no pools match the required use (Workload)');
});

t('a full pool with strict affinity, and without', () => {
  const store = cluster([pool('p', '10.0.0.0/29', { blockSize: 29 })], { n1: {}, n2: {} });
  for (let i = 0; i < 7; i++) assign(store, 'n1', `h${i}`);
  assert.is(assign(store, 'n2', 'borrowed'), '10.0.0.7');
  assert.is(store.get('IPAMBlock', '10-0-0-0-29').spec.affinity, 'host:n1');
  fails(
    store,
    'n2',
    'Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.0.0.0/29]',
  );
  store.create({
    apiVersion: API,
    kind: 'IPAMConfiguration',
    metadata: { name: 'default' },
    spec: { strictAffinity: true },
  });
  const strict = 'No more free affine blocks and strict affinity enabled';
  fails(store, 'n2', `Assigned 0 out of 1 requested IPv4 addresses; ${strict}`);
});

t('the limit of blocks a node', () => {
  const store = cluster([pool('p', '10.0.0.0/16', { blockSize: 32 })], { n: {} });
  const spec = { strictAffinity: true, maxBlocksPerHost: 2 };
  store.create({ apiVersion: API, kind: 'IPAMConfiguration', metadata: { name: 'default' }, spec });
  assign(store, 'n', 'a');
  assign(store, 'n', 'b');
  fails(store, 'n', 'Need to allocate an IPAM block but could not - limit of 2 blocks reached for this node');
});

t('the second block is the next one', () => {
  const store = cluster([pool('p', '172.16.0.0/16', { blockSize: 29 })], { 'k8s-m': {} });
  const addresses = Array.from({ length: 9 }, (_, i) => Ipv4.from(assign(store, 'k8s-m', `h${i}`)));
  assert.is(addresses[8]! - addresses[0]!, 8);
});

t('an empty block of another node is reclaimed when it is a minute old', () => {
  const store = cluster([pool('p', '10.0.0.0/29', { blockSize: 29 })], { n1: {}, n2: {} });
  assign(store, 'n1', 'h', { moment: at(0) });
  runSync(releaseByHandle('h'), store);
  // Too young: n2 borrows, and the block stays n1's.
  assign(store, 'n2', 'g', { moment: at(59) });
  assert.is(store.get('IPAMBlock', '10-0-0-0-29').spec.affinity, 'host:n1');
  runSync(releaseByHandle('g'), store);
  assign(store, 'n2', 'f', { moment: at(60) });
  assert.is(store.get('IPAMBlock', '10-0-0-0-29').spec.affinity, 'host:n2');
  assert.equal(
    store.list('BlockAffinity').map(a => a.spec.node),
    ['n2'],
  );
});

t('reservations: single addresses, and whole blocks', () => {
  const store = cluster([pool('p', '10.0.0.0/28', { blockSize: 29 })], { n: {} });
  const first = Prefix.network(Ipv4.from(assign(store, 'n', 'probe')), 29);
  runSync(releaseByHandle('probe'), store);
  const reservedCIDRs = [Prefix.format(first)];
  store.create({ apiVersion: API, kind: 'IPReservation', metadata: { name: 'r' }, spec: { reservedCIDRs } });
  assert.not(Prefix.contains(first, Ipv4.from(assign(store, 'n', 'h'))));
  runSync(assignAddress(request('n', 'exact'), first.address + 3, ''), store);
  const holder = store.list('IPAMBlock').find(b => b.spec.cidr === Prefix.format(first))!;
  assert.is(ownerOf(holder.spec, first.address + 3)?.handle_id, 'exact');
});

t('an empty block of a pool that no longer selects the node is given up', () => {
  const store = cluster([pool('a', '10.1.0.0/16'), pool('b', '10.2.0.0/16', { nodeSelector: 'has(x)' })], {
    n: {},
  });
  assign(store, 'n', 'h');
  runSync(releaseByHandle('h'), store);
  const a = store.get('IPPool', 'a');
  store.update({ ...a, spec: { ...a.spec, nodeSelector: 'has(y)' } });
  const n = store.get('Node', 'n');
  store.update({ ...n, metadata: { ...n.metadata, labels: { x: '' } } });
  assign(store, 'n', 'g');
  assert.equal(
    runSync(affineBlocks('n'), store).map(b => Prefix.format(b).slice(0, 5)),
    ['10.2.'],
  );
});

t('a given address: outside, taken, claimed, in another node’s block', () => {
  const store = kans();
  const exact = (node: string, text: string) =>
    runSync(assignAddress(request(node, text), Ipv4.from(text), text), store);
  const refuses = (node: string, text: string, message: string) =>
    assert.throws(
      () => exact(node, text),
      (e: unknown) => e instanceof IpamError && e.message === message,
    );
  refuses('k8s-m', '10.0.0.1', 'The provided IP address is not in a configured pool\n');
  exact('k8s-m', '172.16.7.77');
  assert.is(store.get('IPAMBlock', '172-16-7-0-24').spec.affinity, 'host:k8s-m');
  refuses(
    'k8s-m',
    '172.16.7.77',
    'resource already exists: 172.16.7.77 with error: Address already assigned in block',
  );
  exact('k8s-w1', '172.16.7.78');
  store.create({
    apiVersion: API,
    kind: 'IPAMConfiguration',
    metadata: { name: 'default' },
    spec: { strictAffinity: true },
  });
  refuses('k8s-w1', '172.16.7.79', 'Block host affinity does not match');
});

t('one address by itself, wherever it is', () => {
  const store = kans();
  const address = Ipv4.from(assign(store, 'k8s-m', 'h'));
  assert.ok(runSync(releaseAddress(address), store));
  assert.not(runSync(releaseAddress(address), store));
  assert.not(runSync(releaseAddress(Ipv4.from('9.9.9.9')), store));
  assert.is(store.list('IPAMHandle').length, 0);
});

t('deleting a pool: disabled, drained, blocks in use left without owner', () => {
  const store = walkthrough();
  const ops: Op[] = [];
  const steps = deletePool('default-ipv4-ippool');
  for (let next = steps.next(); !next.done; ) {
    ops.push(next.value);
    next = steps.next(next.value.verb === 'wait' ? { ok: true } : store.execute(next.value));
  }
  assert.equal(
    ops.slice(0, 3).map(o => o.verb),
    ['get', 'update', 'wait'],
  );
  assert.is(store.find('IPPool', 'default-ipv4-ippool'), undefined);
  assert.is(store.list('BlockAffinity').length, 0);
  assert.ok(store.list('IPAMBlock').every(b => b.spec.affinity === undefined));
  // The last address of an orphan takes the block with it.
  runSync(releaseByHandle('ipip-tunnel-addr-k8s-m'), store);
  assert.is(store.find('IPAMBlock', '172-16-116-0-24'), undefined);
});

t('a node that is gone leaves nothing behind', () => {
  const store = walkthrough();
  runSync(releaseNode('k8s-w2'), store);
  assert.is(store.find('IPAMBlock', '172-16-184-0-24'), undefined);
  assert.equal(
    store.list('BlockAffinity', undefined).map(a => a.spec.node),
    ['k8s-m', 'k8s-w0', 'k8s-w1'],
  );
});

t('the garbage collector takes an empty block at second sight, but never the last', () => {
  const store = cluster([pool('p', '10.0.0.0/24', { blockSize: 30 })], { n: {} });
  for (let i = 0; i < 12; i++) assign(store, 'n', `h${i}`);
  for (let i = 4; i < 12; i++) runSync(releaseByHandle(`h${i}`), store);
  assert.is(store.list('IPAMBlock').length, 3);
  const first = runSync(collectEmptyBlocks(new Set()), store);
  assert.is(first.size, 2);
  assert.is(store.list('IPAMBlock').length, 3);
  assert.is(runSync(collectEmptyBlocks(first), store).size, 0);
  assert.is(store.list('IPAMBlock').length, 1);
  for (let i = 0; i < 4; i++) runSync(releaseByHandle(`h${i}`), store);
  assert.is(runSync(collectEmptyBlocks(new Set()), store).size, 0);
});

t('an affinity that others hold is not released', () => {
  const store = walkthrough();
  assert.throws(
    () => runSync(releaseAffinity('k8s-m', Prefix.from('172.16.158.0/24'), { empty: false }), store),
    (e: unknown) => isCode(e, 'NOT_FOUND'),
  );
});

t('a block that another node was faster to claim is his alone: the late affinity goes', () => {
  const store = cluster([pool('p', '10.0.0.0/29', { blockSize: 29 })], { n1: {}, n2: {} });
  const prefix = Prefix.from('10.0.0.0/29');
  const late = runSync(pendingAffinity('n2', prefix), store);
  runSync(claimBlock(runSync(pendingAffinity('n1', prefix), store), NOW), store);
  assert.throws(
    () => runSync(claimBlock(late, NOW), store),
    (e: unknown) => e instanceof BlockClaimConflict,
  );
  assert.equal(
    store.list('BlockAffinity').map(({ spec }) => [spec.node, spec.state]),
    [['n1', 'confirmed']],
  );
});

// Races.

/** Runs clients side by side over one store, one request at a time, in the order that `schedule` deals. */
function race<T>(store: Store, clients: Steps<T>[], schedule: readonly number[]): T[] {
  const results = new Map<number, T>();
  const waiting = clients.map((c, i) => ({ i, c, next: c.next() }));
  let turn = 0;
  while (waiting.length > 0) {
    const at = (schedule[turn++ % schedule.length] ?? 0) % waiting.length;
    const client = waiting[at]!;
    if (client.next.done) {
      results.set(client.i, client.next.value);
      waiting.splice(at, 1);
    } else {
      const answer: OpResult = store.execute(client.next.value);
      client.next = client.c.next(answer);
    }
  }
  return clients.map((_, i) => results.get(i)!);
}

t('racing clients never share an address, in any order of their requests', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 29, max: 32 }),
      (schedule, blockSize) => {
        const store = cluster([pool('p', '10.0.0.0/28', { blockSize })], { n1: {}, n2: {}, n3: {} });
        const nodes = ['n1', 'n2', 'n3', 'n1', 'n2', 'n3', 'n1', 'n1'];
        const clients = nodes.map((node, i) => autoAssign(request(node, `h${i}`)));
        const addresses = race(store, clients, schedule);
        assert.is(new Set(addresses).size, addresses.length);
        const held = store.list('IPAMBlock').flatMap(b => b.spec.allocations.filter(a => a !== null));
        assert.is(held.length, addresses.length);
        const counted = store.list('IPAMHandle').flatMap(h => Object.values(h.spec.block));
        assert.is(
          counted.reduce((a, b) => a + b, 0),
          addresses.length,
        );
        for (const b of store.list('IPAMBlock')) {
          assert.is(
            b.spec.unallocated.length + b.spec.allocations.filter(a => a !== null).length,
            b.spec.allocations.length,
          );
          const affinity = store.find('BlockAffinity', `${b.spec.affinity!.slice(5)}-${b.metadata.name}`);
          assert.is(affinity?.spec.state, 'confirmed');
        }
        const owned = store.list('BlockAffinity').filter(a => a.spec.state === 'confirmed');
        assert.is(new Set(owned.map(a => a.spec.cidr)).size, owned.length, 'a block has one owner');
      },
    ),
    { numRuns: 25, seed: 1 },
  );
});

t('assigning and releasing at once conserves addresses', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 30 }), schedule => {
      const store = cluster([pool('p', '10.0.0.0/29', { blockSize: 30 })], { n1: {}, n2: {} });
      for (let i = 0; i < 4; i++) assign(store, i % 2 ? 'n1' : 'n2', `old${i}`);
      function* churn(i: number): Steps<void> {
        yield* releaseByHandle(`old${i}`);
        yield* autoAssign(request(i % 2 ? 'n2' : 'n1', `new${i}`));
      }
      race(store, [0, 1, 2, 3].map(churn), schedule);
      const handles = store.list('IPAMBlock').flatMap(b => b.spec.attributes.map(a => a.handle_id));
      assert.equal(handles.sort(), ['new0', 'new1', 'new2', 'new3']);
    }),
    { numRuns: 25, seed: 2 },
  );
});

t.run();
