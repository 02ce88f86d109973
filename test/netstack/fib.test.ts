import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefixes from '../../src/addr/prefix.ts';
import { Fib } from '../../src/netstack/fib.ts';
import { FibTrie, NO_LEAF } from '../../src/netstack/fib-trie.ts';
import { multipathHash, selectNextHop } from '../../src/netstack/multipath.ts';
import { NetDevice } from '../../src/netstack/netdevice.ts';
import type { NextHop, Route } from '../../src/netstack/route.ts';
import { formatRoute } from '../../src/netstack/route-text.ts';
import { Random } from '../../src/sim/random.ts';
import { assert, fixture, suite } from '../kit.ts';

class Dummy extends NetDevice {
  readonly kind = 'ether';
  readonly needsNeighbour = true;
  readonly carrier = true;
  transmit(): void {
    throw new Error('a dummy sends nothing');
  }
}

const devices = new Map<string, NetDevice>();
function device(name: string): NetDevice {
  const known = devices.get(name) ?? new Dummy({ name: 'test' } as never, name, devices.size + 1, 1500);
  devices.set(name, known);
  return known;
}

const hop = (via: string, name: string, weight = 1, onlink = false): NextHop => ({
  via: via === '' ? 0 : Ipv4.from(via),
  device: device(name),
  onlink,
  weight,
});

const route = (prefix: string, over: Partial<Route> = {}): Route => ({
  prefix: Prefixes.from(prefix),
  type: 'unicast',
  nextHops: [hop('', 'eth0')],
  protocol: 'boot',
  scope: 'global',
  metric: 0,
  source: 0,
  mtu: 0,
  table: 'main',
  ...over,
});

/** A line of `ip -4 route show table all`. */
function parseRoute(line: string): Route {
  const words = line.trim().split(' ');
  const type = /^(local|broadcast|blackhole)$/.test(words[0]!) ? (words.shift() as Route['type']) : 'unicast';
  const text = words.shift()!.replace(/^default$/, '0.0.0.0/0');
  const onlink = words.at(-1) === 'onlink' ? words.splice(-1).length > 0 : false;
  const field = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) field.set(words[i]!, words[i + 1]!);
  const dev = field.get('dev');
  return {
    prefix: Prefixes.from(text.includes('/') ? text : `${text}/32`),
    type,
    nextHops: dev === undefined ? [] : [hop(field.get('via') ?? '', dev, 1, onlink)],
    protocol: field.get('proto') ?? 'boot',
    scope: (field.get('scope') ?? 'global') as Route['scope'],
    metric: Number(field.get('metric') ?? 0),
    source: field.has('src') ? Ipv4.from(field.get('src')!) : 0,
    mtu: Number(field.get('mtu') ?? 0),
    table: (field.get('table') ?? 'main') as Route['table'],
  };
}

const text = (found: Route | undefined): string => (found === undefined ? 'none' : formatRoute(found).trim());

const t = suite('netstack/fib');

// The recorded tables of the nodes, the router and the pods, entered in a shuffled order.
for (const section of fixture('netstack/route-tables.txt').toString().split('# ').slice(1)) {
  const end = section.indexOf('\n');
  const recorded = section.slice(end + 1);
  t(`lists the routes of ${section.slice(0, end)} as ip route did`, () => {
    const lines = recorded.split('\n').slice(0, -1);
    const routes = lines.map(parseRoute);
    const random = new Random(1, section.slice(0, end));
    const fib = new Fib();
    while (routes.length > 0) assert.ok(fib.append(routes.splice(random.below(routes.length), 1)[0]!));
    const listed = [...fib.list('main'), ...fib.list('local')];
    assert.is(listed.map(one => `${formatRoute(one, true)}\n`).join(''), recorded);
  });
}

t('prints a multipath route as iproute2 does', () => {
  const multipath = route('10.9.0.0/24', {
    protocol: 'bird',
    metric: 1024,
    nextHops: [hop('10.0.0.1', 'eth0'), hop('10.0.1.1', 'eth1', 2, true)],
  });
  assert.is(
    formatRoute(multipath),
    '10.9.0.0/24 proto bird metric 1024 \n\tnexthop via 10.0.0.1 dev eth0 weight 1 \n\tnexthop via 10.0.1.1 dev eth1 weight 2 onlink ',
  );
  const ipip = route('172.16.34.0/26', {
    protocol: '80',
    mtu: 1480,
    nextHops: [hop('192.168.20.100', 'tunl0', 1, true)],
  });
  assert.is(formatRoute(ipip), '172.16.34.0/26 via 192.168.20.100 dev tunl0 proto 80 onlink mtu 1480 ');
  assert.is(formatRoute(route('0.0.0.0/0', { type: 'unreachable', nextHops: [] })), 'unreachable default ');
});

t('a host route beats its block, and the block swallows the rest of it', () => {
  const fib = new Fib();
  fib.append(route('0.0.0.0/0', { nextHops: [hop('192.168.10.254', 'eth0')], protocol: 'static' }));
  fib.append(route('172.16.158.0/26', { type: 'blackhole', nextHops: [], protocol: 'bird' }));
  fib.append(route('172.16.158.3/32', { nextHops: [hop('', 'calice0906292e2')], scope: 'link' }));
  assert.is(text(fib.lookup(Ipv4.from('172.16.158.3'))), '172.16.158.3 dev calice0906292e2 scope link');
  assert.is(text(fib.lookup(Ipv4.from('172.16.158.4'))), 'blackhole 172.16.158.0/26 proto bird');
  assert.is(text(fib.lookup(Ipv4.from('172.16.158.64'))), 'default via 192.168.10.254 dev eth0 proto static');
});

t('the lowest metric of a prefix wins, local before main, and the next takes over', () => {
  const fib = new Fib();
  fib.append(route('10.1.0.0/16', { metric: 100, protocol: 'static' }));
  fib.append(route('10.1.0.0/16', { metric: 32, protocol: 'bird' }));
  fib.append(route('10.1.0.0/16', { metric: 32, protocol: 'bird', nextHops: [hop('', 'eth1')] }));
  fib.append(route('10.1.0.0/16', { metric: 500, table: 'local', type: 'local' }));
  const winner = (): string => text(fib.lookup(Ipv4.from('10.1.2.3')));
  assert.is(winner(), 'local 10.1.0.0/16 dev eth0 metric 500');
  const because = fib.explain(Ipv4.from('10.1.2.3')).beaten.map(one => one.because);
  assert.equal(because, ['table-order', 'table-order', 'table-order']);
  assert.ok(fib.remove({ prefix: Prefixes.from('10.1.0.0/16'), type: 'local' }));
  assert.is(winner(), '10.1.0.0/16 dev eth0 proto bird metric 32');
  assert.equal(
    fib.explain(Ipv4.from('10.1.2.3')).beaten.map(one => one.because),
    ['added-later', 'higher-metric'],
  );
  assert.ok(fib.remove({ prefix: Prefixes.from('10.1.0.0/16'), protocol: 'bird' }));
  assert.is(winner(), '10.1.0.0/16 dev eth1 proto bird metric 32');
  assert.ok(fib.remove({ prefix: Prefixes.from('10.1.0.0/16'), metric: 32 }));
  assert.is(winner(), '10.1.0.0/16 dev eth0 proto static metric 100');
  assert.not(fib.remove({ prefix: Prefixes.from('10.1.0.0/16'), metric: 32 }));
  assert.not(fib.remove({ prefix: Prefixes.from('10.0.0.0/8') }));
});

t('a throw route falls out of the table; explain names it', () => {
  const fib = new Fib();
  fib.append(route('0.0.0.0/0'));
  fib.append(route('10.0.0.0/8', { type: 'throw', nextHops: [] }));
  assert.is(fib.lookup(Ipv4.from('10.1.1.1')), undefined);
  assert.is(text(fib.explain(Ipv4.from('10.1.1.1')).winner), 'throw 10.0.0.0/8');
  assert.is(text(fib.lookup(Ipv4.from('11.1.1.1'))), 'default dev eth0');
});

t('add, append and replace are those of ip route; listeners hear of real changes only', () => {
  const fib = new Fib();
  const changes: string[] = [];
  fib.watcher = ({ kind, route }) => changes.push(`${kind} ${formatRoute(route).trim()}`);
  assert.ok(fib.add(route('10.0.0.0/8')));
  assert.not(fib.add(route('10.0.0.0/8', { protocol: 'static' })), 'EEXIST');
  assert.not(fib.append(route('10.0.0.0/8')), 'the same once more');
  fib.replace(route('10.0.0.0/8'));
  fib.replace(route('10.0.0.0/8', { nextHops: [hop('10.0.0.1', 'eth1')] }));
  fib.replace(route('10.0.0.0/8', { metric: 5 }));
  assert.is(fib.remove({ prefix: Prefixes.from('10.0.0.0/8'), via: Ipv4.from('10.0.0.1') }), true);
  assert.equal(changes, [
    'added 10.0.0.0/8 dev eth0',
    'changed 10.0.0.0/8 via 10.0.0.1 dev eth1',
    'added 10.0.0.0/8 dev eth0 metric 5',
    'removed 10.0.0.0/8 via 10.0.0.1 dev eth1',
  ]);
  assert.is(fib.changed, 4);
  assert.throws(() => fib.append({ ...route('10.0.0.0/8'), prefix: { address: 1, length: 8 } }), /host bits/);
});

t('a removed device takes its routes along, and its next hops from the others', () => {
  const fib = new Fib();
  fib.append(route('10.1.0.0/16', { nextHops: [hop('', 'eth7')] }));
  fib.append(route('10.1.0.0/16', { metric: 9 }));
  fib.append(route('10.2.0.0/16', { nextHops: [hop('10.0.0.1', 'eth0'), hop('10.0.0.2', 'eth7')] }));
  fib.append(route('10.3.0.0/16', { type: 'blackhole', nextHops: [] }));
  fib.removeDevice(device('eth7'));
  assert.equal(fib.list('main').map(text), [
    '10.1.0.0/16 dev eth0 metric 9',
    '10.2.0.0/16 via 10.0.0.1 dev eth0',
    'blackhole 10.3.0.0/16',
  ]);
  assert.is(
    fib.removeWhere(one => one.type === 'blackhole'),
    1,
  );
  assert.is(fib.lookup(Ipv4.from('10.3.0.1')), undefined);
});

t('multipath: shares follow the weights, a flow stays, and few move when a next hop leaves', () => {
  const nextHops = [hop('10.0.0.1', 'eth0', 1), hop('10.0.0.2', 'eth0', 2), hop('10.0.0.3', 'eth0', 1)];
  const random = new Random(1, 'flows');
  const count = [0, 0, 0];
  for (let i = 0; i < 40_000; i++) {
    const hash = multipathHash(7, random.next(), random.next(), 0, 0, 6, 0);
    count[nextHops.indexOf(selectNextHop(nextHops, hash))]!++;
  }
  for (const [i, share] of [0.25, 0.5, 0.25].entries())
    assert.ok(Math.abs(count[i]! / 40_000 - share) < 0.01, `share ${i}: ${count[i]}`);
  // Boundaries of fib_rebalance(): 2^31 / 4 - 1 belongs to the first, the next to the second.
  assert.is(selectNextHop(nextHops, (2 ** 29 - 1) * 2), nextHops[0]);
  assert.is(selectNextHop(nextHops, 2 ** 29 * 2), nextHops[1]);
  assert.is(selectNextHop(nextHops, 2 ** 32 - 1), nextHops[2]);
});

t('multipath: policy 0 looks at addresses only, policy 1 at the five-tuple', () => {
  const fib = new Fib(3);
  const nextHops = Array.from({ length: 8 }, (_, i) => hop(`10.0.0.${i + 1}`, 'eth0'));
  const ecmp = route('10.9.0.0/24', { nextHops });
  const seen = [new Set<NextHop>(), new Set<NextHop>()];
  for (let port = 1000; port < 1100; port++)
    for (const policy of [0, 1] as const) seen[policy]!.add(fib.select(ecmp, 1, 2, port, 80, 6, policy));
  assert.is(seen[0]!.size, 1);
  assert.is(seen[1]!.size, 8);
});

t('the trie agrees with a linear scan, whatever is inserted and removed', () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 32 }), fc.constantFrom(0, 6, 12, 18, 24, 26, 28, 32));
  // Few distinct high bits, so that prefixes nest and collide.
  const address = fc
    .tuple(fc.constantFrom(0, 10, 172, 255), fc.constantFrom(0, 1, 16, 255), fc.nat(3), fc.nat(255))
    .map(([a, b, c, d]) => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  const operation = fc.record({ address, length, add: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 60 }),
      fc.array(address, { maxLength: 20 }),
      (operations, probes) => {
        const trie = new FibTrie();
        const known: { prefix: Prefixes.Prefix; value: number }[] = [];
        const longest = (
          target: number,
          below = 33,
        ): { prefix: Prefixes.Prefix; value: number } | undefined =>
          known
            .filter(one => one.prefix.length < below && Prefixes.contains(one.prefix, target))
            .sort((a, b) => b.prefix.length - a.prefix.length)[0];
        operations.forEach((one, value) => {
          const prefix = Prefixes.network(one.address, one.length);
          const at = known.findIndex(other => Prefixes.equal(other.prefix, prefix));
          if (one.add) {
            trie.insert(prefix.address, prefix.length, value);
            if (at >= 0) known.splice(at, 1);
            known.push({ prefix, value });
          } else if (at >= 0) {
            const cover = longest(prefix.address, prefix.length);
            trie.remove(prefix.address, prefix.length, cover?.value ?? NO_LEAF, cover?.prefix.length ?? 0);
            known.splice(at, 1);
          }
        });
        for (const target of [...probes, ...operations.map(one => one.address), 0, 0xffff_ffff])
          assert.is(trie.lookup(target), longest(target)?.value ?? NO_LEAF);
      },
    ),
    { numRuns: 400, seed: 20240 },
  );
});

t('the trie takes back its nodes: a flapping table does not grow', () => {
  const trie = new FibTrie();
  const random = new Random(5, 'flap');
  let after = 0;
  for (let round = 0; round < 4; round++) {
    const prefixes = Array.from({ length: 2_000 }, () =>
      Prefixes.network(random.next(), 8 + random.below(25)),
    );
    for (const [i, one] of prefixes.entries()) trie.insert(one.address, one.length, i);
    for (const one of prefixes) trie.remove(one.address, one.length, NO_LEAF, 0);
    if (round === 0) after = trie.octets;
  }
  assert.ok(trie.octets <= after * 1.5, `${after} became ${trie.octets}`);
  assert.is(trie.lookup(Ipv4.from('10.0.0.1')), NO_LEAF);
});

t.run();
