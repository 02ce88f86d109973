/** What a routing daemon writes, before and after somebody has asked for it. */
import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type { KernelNextHop, KernelRoute } from '../../src/bgp/ports.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { formatRoute } from '../../src/netstack/route-text.ts';
import { KernelPort } from '../../src/node/kernel-port.ts';
import { assert, suite } from '../kit.ts';
import { route, TestBench } from '../netstack/lab.ts';

const t = suite('node/kernel-port');

const ip = Ipv4.from;

class Node {
  readonly namespace: Namespace;
  readonly port: KernelPort;

  /** With eth0 (10.0.0.1/24, also called ens5) and eth1 (10.0.1.1/24). */
  constructor(bench = new TestBench()) {
    this.namespace = bench.host(`n${bench.partition.processes.length}`).namespace('');
    this.port = new KernelPort(this.namespace);
    for (const jack of [0, 1]) this.plug(jack);
  }

  plug(jack: number): void {
    const altnames = jack === 0 ? ['ens5'] : [];
    const device = new EthernetDevice(this.namespace, `eth${jack}`, {
      mac: jack + 1,
      mtu: 1500,
      jack,
      altnames,
    });
    this.namespace.setUp(device, true);
    this.namespace.addAddress(device, ip(`10.0.${jack}.1`), 24);
  }

  /** As they are, and nobody has asked for a route by this. */
  written(protocol = 'bird'): readonly KernelRoute[] {
    return this.port.routes(other => other === protocol);
  }

  /** `ip route`, without the connected networks. */
  list(): string[] {
    const routes = this.namespace.fib.list('main', protocol => protocol !== 'kernel');
    return routes.map(one => formatRoute(one).trim());
  }

  lookup(address: string): string {
    const found = this.namespace.fib.lookup(ip(address));
    return found === undefined ? 'none' : formatRoute(found).trim();
  }
}

const hop = (via: string, device: string, more: KernelNextHop = {}): KernelNextHop => ({
  via: ip(via),
  device,
  ...more,
});

const daemonRoute = (prefix: string, more: Partial<KernelRoute> = {}): KernelRoute =>
  Object.freeze({
    prefix: Prefix.from(prefix),
    type: 'unicast',
    nextHops: [hop('10.0.0.2', 'eth0')],
    protocol: 'bird',
    metric: 0,
    ...more,
  });

t('two hosts share what is written, and each takes its own devices', () => {
  const bench = new TestBench();
  const nodes = [new Node(bench), new Node(bench)];
  const shared = daemonRoute('172.16.1.0/26');
  for (const { port } of nodes) assert.ok(port.replace(shared));
  for (const node of nodes) {
    assert.is(node.written()[0], shared);
    const found = node.namespace.fib.lookup(ip('172.16.1.5'))!;
    assert.is(found.nextHops[0]!.device, node.namespace.device('eth0'));
    assert.is(node.namespace.fib.lookup(ip('172.16.1.6')), found);
    assert.is(node.namespace.fib.list('main', protocol => protocol === 'bird')[0], found);
    assert.is(node.namespace.fib.explain(ip('172.16.1.5')).winner, found);
  }
});

t('says what goes without saying once it is asked for', () => {
  const node = new Node();
  node.port.replace(daemonRoute('172.16.1.0/26', { nextHops: [{ device: 'eth1' }] }));
  node.port.replace(daemonRoute('172.16.2.0/26', { type: 'blackhole', nextHops: [] }));
  node.port.replace(daemonRoute('172.16.3.0/26', { source: ip('10.0.0.1'), metric: 32 }));
  node.port.replace(
    daemonRoute('172.16.4.0/26', {
      nextHops: [hop('10.0.0.2', 'ens5', { onlink: true }), hop('10.0.1.2', 'eth1')],
    }),
  );
  assert.is(node.lookup('172.16.1.1'), '172.16.1.0/26 dev eth1 proto bird scope link linkdown');
  assert.is(node.lookup('172.16.2.1'), 'blackhole 172.16.2.0/26 proto bird');
  assert.is(
    node.lookup('172.16.3.1'),
    '172.16.3.0/26 via 10.0.0.2 dev eth0 proto bird src 10.0.0.1 metric 32 linkdown',
  );
  assert.equal(node.written().at(-1)!.nextHops[1], hop('10.0.1.2', 'eth1'));
  node.lookup('172.16.4.1');
  assert.equal(node.written().at(-1)!.nextHops, [
    hop('10.0.0.2', 'eth0', { onlink: true, weight: 1 }),
    hop('10.0.1.2', 'eth1', { onlink: false, weight: 1 }),
  ]);
});

t('a route through a device that is gone, down or not named is refused, and the one before it stays', () => {
  const node = new Node();
  const { namespace, port } = node;
  assert.ok(port.replace(daemonRoute('172.16.1.0/26')));
  const { version } = port;
  assert.not(port.replace(daemonRoute('172.16.1.0/26', { nextHops: [hop('10.0.2.2', 'eth2')] })));
  assert.not(port.replace(daemonRoute('172.16.1.0/26', { nextHops: [{ via: ip('10.0.0.2') }] })));
  namespace.setUp(namespace.device('eth1')!, false);
  const after = port.version;
  assert.ok(after > version);
  assert.not(port.replace(daemonRoute('172.16.1.0/26', { nextHops: [hop('10.0.1.2', 'eth1')] })));
  assert.is(port.version, after);
  assert.equal(node.list(), ['172.16.1.0/26 via 10.0.0.2 dev eth0 proto bird linkdown']);
});

for (const name of ['eth0', 'ens5'])
  for (const how of ['goes down', 'is removed'])
    t(`a device ${how} before anybody asks for the routes through ${name}: none comes back with it`, () => {
      const node = new Node();
      const { namespace, port } = node;
      const eth0 = namespace.device('eth0')!;
      assert.ok(port.replace(daemonRoute('172.16.1.0/26', { nextHops: [hop('10.0.0.2', name)] })));
      assert.ok(port.replace(daemonRoute('172.16.2.0/26', { nextHops: [hop('10.0.1.2', 'eth1')] })));
      assert.ok(
        port.replace(
          daemonRoute('172.16.3.0/26', { nextHops: [hop('10.0.0.2', name), hop('10.0.1.2', 'eth1')] }),
        ),
      );
      if (how === 'is removed') namespace.detach(eth0);
      else namespace.setUp(eth0, false);
      assert.equal(
        node.written().map(({ prefix }) => Prefix.format(prefix)),
        ['172.16.2.0/26', '172.16.3.0/26'],
      );
      if (how === 'is removed') node.plug(0);
      else namespace.setUp(eth0, true);
      assert.is(node.lookup('172.16.1.1'), 'none');
      assert.equal(node.list(), [
        '172.16.2.0/26 via 10.0.1.2 dev eth1 proto bird linkdown',
        '172.16.3.0/26 via 10.0.1.2 dev eth1 proto bird linkdown',
      ]);
    });

t('somebody else’s route stands: EEXIST; our own gives way, also one that nobody has asked for', () => {
  const node = new Node();
  const { namespace, port } = node;
  const eth1 = namespace.device('eth1');
  assert.ok(port.replace(daemonRoute('172.16.1.0/26')));
  assert.not(namespace.fib.add(route(eth1, '172.16.1.0/26', '10.0.1.2', { protocol: '80' })));
  assert.not(port.replace(daemonRoute('172.16.1.0/26', { protocol: 'bgp' })), 'another daemon’s');
  const other = daemonRoute('172.16.1.0/26', { nextHops: [hop('10.0.0.3', 'eth0')] });
  const { version } = port;
  assert.ok(port.replace(other));
  assert.is(port.version, version + 2);
  assert.is(node.written()[0], other);
  assert.ok(port.replace(daemonRoute('172.16.1.0/26', { metric: 32 })), 'another metric');
  assert.ok(namespace.fib.add(route(eth1, '172.16.1.0/26', '10.0.1.2', { protocol: '80', metric: 1 })));
  assert.not(port.replace(daemonRoute('172.16.1.0/26', { metric: 1 })));
  assert.equal(node.list(), [
    '172.16.1.0/26 via 10.0.0.3 dev eth0 proto bird linkdown',
    '172.16.1.0/26 via 10.0.1.2 dev eth1 proto 80 metric 1 linkdown',
    '172.16.1.0/26 via 10.0.0.2 dev eth0 proto bird metric 32 linkdown',
  ]);
  for (const { metric } of [...node.written()]) port.remove(daemonRoute('172.16.1.0/26', { metric }));
  assert.equal(node.list(), ['172.16.1.0/26 via 10.0.1.2 dev eth1 proto 80 metric 1 linkdown']);
});

t('lists and explains in the order of ip route, whether or not somebody has asked before', () => {
  const node = new Node();
  const prefixes = ['172.16.9.0/26', '172.16.1.0/24', '172.16.0.0/16', '172.16.1.0/26', '10.9.0.0/16'];
  for (const prefix of prefixes) assert.ok(node.port.replace(daemonRoute(prefix)));
  node.lookup('172.16.1.200');
  const order = ['10.9.0.0/16', '172.16.0.0/16', '172.16.1.0/26', '172.16.1.0/24', '172.16.9.0/26'];
  assert.equal(
    node.written().map(({ prefix }) => Prefix.format(prefix)),
    order,
  );
  const { winner, beaten } = node.namespace.fib.explain(ip('172.16.1.1'));
  assert.equal(
    [winner!, ...beaten.map(one => one.route)].map(({ prefix }) => Prefix.format(prefix)),
    ['172.16.1.0/26', '172.16.1.0/24', '172.16.0.0/16'],
  );
  assert.equal(
    node.list().map(line => line.split(' ')[0]),
    order,
  );
});

t('an address that goes takes the routes with it that prefer it as source', () => {
  const node = new Node();
  node.port.replace(daemonRoute('172.16.1.0/26', { source: ip('10.0.1.1') }));
  node.port.replace(daemonRoute('172.16.2.0/26'));
  node.namespace.removeAddress(node.namespace.device('eth1')!, ip('10.0.1.1'));
  assert.equal(node.list(), ['172.16.2.0/26 via 10.0.0.2 dev eth0 proto bird linkdown']);
});

t('who watches is told of routes; who does not, that something changed', () => {
  const node = new Node();
  const { fib } = node.namespace;
  const seen: string[] = [];
  let changes = 0;
  fib.onChange(() => changes++);
  node.port.replace(daemonRoute('172.16.1.0/26'));
  fib.watcher = change => seen.push(`${change.kind} ${formatRoute(change.route).trim()}`);
  node.port.replace(daemonRoute('172.16.2.0/26'));
  node.port.remove(daemonRoute('172.16.1.0/26'));
  fib.watcher = undefined;
  node.port.remove(daemonRoute('172.16.2.0/26'));
  assert.is(changes, 4);
  assert.equal(seen, [
    'added 172.16.2.0/26 via 10.0.0.2 dev eth0 proto bird linkdown',
    'removed 172.16.1.0/26 via 10.0.0.2 dev eth0 proto bird linkdown',
  ]);
});

t('it makes no difference when a route is asked for', () => {
  const prefix = fc.constantFrom('172.16.1.0/26', '172.16.1.0/24', '172.16.2.0/26', '0.0.0.0/0');
  const device = fc.constantFrom('eth0', 'ens5', 'eth1', 'eth2');
  const written = fc.record({
    prefix: prefix.map(Prefix.from),
    type: fc.constant('unicast' as const),
    nextHops: fc.array(fc.record({ via: fc.constantFrom(ip('10.0.0.2'), ip('10.0.1.2')), device }), {
      minLength: 1,
      maxLength: 2,
    }),
    protocol: fc.constantFrom('bird', 'bgp'),
    metric: fc.constantFrom(0, 32),
  });
  const jack = fc.nat(1);
  type Step = (node: Node) => unknown;
  const step = fc.oneof(
    {
      arbitrary: written.map(
        (one): Step =>
          node =>
            node.port.replace(one),
      ),
      weight: 6,
    },
    {
      arbitrary: written.map(
        (one): Step =>
          node =>
            node.port.remove(one),
      ),
      weight: 2,
    },
    {
      arbitrary: fc.tuple(prefix, jack).map(
        ([to, at]): Step =>
          ({ namespace }) => {
            const found = namespace.device(`eth${at}`);
            return found?.up && namespace.fib.add(route(found, to, '10.0.0.9', { protocol: 'static' }));
          },
      ),
      weight: 2,
    },
    prefix.map(
      (to): Step =>
        node =>
          node.lookup(to.split('/')[0]!),
    ),
    fc.tuple(jack, fc.boolean()).map(
      ([at, up]): Step =>
        ({ namespace }) => {
          const found = namespace.device(`eth${at}`);
          if (found !== undefined) namespace.setUp(found, up);
        },
    ),
    jack.map(
      (at): Step =>
        ({ namespace }) => {
          const found = namespace.device(`eth${at}`);
          if (found !== undefined) namespace.detach(found);
        },
    ),
    jack.map(
      (at): Step =>
        node => {
          if (node.namespace.device(`eth${at}`) === undefined) node.plug(at);
        },
    ),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), steps => {
      const [late, early] = [new Node(), new Node()];
      for (const take of steps) {
        assert.is(take(late), take(early));
        assert.is(late.port.version, early.port.version);
        early.list();
      }
      assert.equal(late.list(), early.list());
    }),
    { numRuns: 200, seed: 11 },
  );
});

t.run();
