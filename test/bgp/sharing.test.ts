import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { AdjRibIn, type ReceivedPath, receivedPath } from '../../src/bgp/adj-rib-in.ts';
import { intern } from '../../src/bgp/attribute-table.ts';
import { hash, LocRib } from '../../src/bgp/loc-rib.ts';
import { MessageLog } from '../../src/bgp/message-log.ts';
import { Numbering, UNKNOWN } from '../../src/bgp/numbering.ts';
import { keyOf, type Protocol, type Route } from '../../src/bgp/route.ts';
import { spanned } from '../../src/wire/octets.ts';
import { assert, suite } from '../kit.ts';
import { Lab } from './lab.ts';

const t = suite('bgp/sharing');

t('daemons that hear the same of one peer have one net, one route and one kernel route', () => {
  const lab = new Lab('ipip-always').start();
  lab.net.pass(15);
  assert.ok(lab.converged());
  const block = Prefix.from('172.16.34.0/26');
  const [w1, w2] = ['k8s-w1', 'k8s-w2'].map(name => lab.at(name));
  const net = w1!.speaker.table.get(block);
  assert.ok(net);
  assert.is(w2!.speaker.table.get(block), net);
  const [written, other] = [w1!, w2!].map(({ kernel }) =>
    kernel.routes().find(route => Prefix.equal(route.prefix, block)),
  );
  assert.ok(written);
  assert.is(other, written);
  // When it came is each daemon's own.
  assert.type(w1!.speaker.since(net!.routes[0]!), 'number');
});

const NET = Prefix.from('172.16.34.0/26');
const KEY = keyOf(NET);

/** A route of each of five peers in three versions, made anew for each world. */
function world(): Route[][] {
  return [1, 2, 3, 4, 5].map(peer => {
    const protocol: Protocol = {
      kind: 'bgp',
      name: `peer${peer}`,
      peer: {
        internal: peer < 4,
        remoteAddress: peer,
        remoteAs: 64512,
        localAs: 64512,
        routerId: peer,
        rrClient: false,
        clusterId: 0,
      },
    };
    return [0, 1, 2].map(med => ({
      prefix: NET,
      source: { protocol, pathId: 0 },
      preference: 100,
      destination: 'router',
      gateway: Ipv4.from('192.168.10.10'),
      device: 'eth0',
      igpMetric: 0,
      attributes: { origin: 0, asPath: [{ type: 2, ases: [peer % 2] }], localPref: 100, med },
      stale: false,
    }));
  });
}

t('a table whose steps another has taken before is the table that takes them for the first time', () => {
  const step = fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
      const shared = world();
      const own = world();
      const seen: (readonly (number | undefined)[])[][] = [shared, shared, own].map(routes => {
        const rib = new LocRib(() => undefined);
        return steps.map(([peer, version]) => {
          const route = routes[peer]![version];
          if (route === undefined) rib.remove(KEY, routes[peer]![0]!.source);
          else rib.enter(KEY, route);
          const known = routes.flat();
          return (rib.net(KEY)?.routes ?? []).map(each => known.indexOf(each));
        });
      });
      assert.equal(seen[1], seen[0]);
      assert.equal(seen[2], seen[0]);
    }),
    { seed: 1, numRuns: 300 },
  );
});

t('nets of one hash are listed by place, and a place that became free is taken by the next', () => {
  const prefixes = [24, 25, 26, 27, 32].flatMap(length => [
    { address: Ipv4.from('172.16.116.0'), length },
    { address: Ipv4.from('172.16.34.0'), length },
  ]);
  const step = fc.tuple(fc.nat({ max: prefixes.length - 1 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
      const rib = new LocRib(() => undefined);
      const [route] = world()[0]!;
      /** By hash: who has each place. */
      const places = new Map<number, (Prefix.Prefix | undefined)[]>();
      for (const [which, isNew] of steps) {
        const prefix = prefixes[which]!;
        const row = places.get(hash(prefix.address)) ?? [];
        places.set(hash(prefix.address), row);
        if (isNew) {
          rib.enter(keyOf(prefix), { ...route!, prefix });
          const free = row.indexOf(undefined);
          if (!row.includes(prefix)) row[free < 0 ? row.length : free] = prefix;
        } else {
          rib.remove(keyOf(prefix), route!.source);
          if (row.includes(prefix)) row[row.indexOf(prefix)] = undefined;
        }
        const expected = [...places.entries()]
          .sort(([a], [b]) => a - b)
          .flatMap(([, each]) => each.filter(one => one !== undefined));
        assert.equal(
          rib.list().map(net => Prefix.format(net.prefix)),
          expected.map(Prefix.format),
        );
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

t('an Adj-RIB-In knows of each path when it last changed the table, and whether it was said again', () => {
  const attributes = intern({ origin: 0, asPath: [], nextHop: 1 });
  const paths = [0, 1, 70, 71].flatMap(net =>
    [0, 1, 2].map(pathId =>
      receivedPath({ prefix: { address: 0x0a00_0000 + net * 256, length: 24 }, pathId }, attributes),
    ),
  );
  const step = fc.tuple(fc.constantFrom('say', 'touch', 'take', 'mark'), fc.nat({ max: paths.length - 1 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), steps => {
      const rib = new AdjRibIn();
      const since = new Map<ReceivedPath, number>();
      let stale = new Set<ReceivedPath>();
      for (const [now, [what, which]] of steps.entries()) {
        const path = paths[which]!;
        const was = since.has(path) ? path : undefined;
        if (what === 'say' || (what === 'touch' && was === undefined)) {
          assert.is(rib.replace(path), was);
          stale.delete(path);
          if (was === undefined) {
            rib.touch(path, now);
            since.set(path, now);
          }
        } else if (what === 'touch') {
          rib.touch(path, now);
          since.set(path, now);
        } else if (what === 'take') {
          assert.is(rib.remove(path), was);
          since.delete(path);
          stale.delete(path);
        } else {
          rib.markStale();
          stale = new Set(since.keys());
        }
        assert.is(rib.size, since.size);
        for (const [known, at] of since) assert.is(rib.since(known), at);
        assert.equal(new Set(rib.paths()), new Set(since.keys()));
        assert.equal(new Set(rib.stalePaths()), stale);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

t('prefixes are numbered in the order in which they are met, and nobody else gets a number', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 400 }), fc.boolean()), { maxLength: 200, size: 'max' }),
      asked => {
        const numbers = new Numbering();
        const model = new Map<number, number>();
        for (const [key, isNew] of asked) {
          if (isNew && !model.has(key)) model.set(key, model.size);
          assert.is(isNew ? numbers.of(key) : numbers.known(key), model.get(key) ?? UNKNOWN);
        }
      },
    ),
    { seed: 1 },
  );
});

t('batches lie one behind the other until a piece is full, and do not change any more', () => {
  const batch = fc.array(fc.integer({ min: 19, max: 4096 }), { minLength: 1, maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 12 }), batches => {
      const log = new MessageLog();
      assert.is(log.add([]), undefined);
      let last: ReturnType<MessageLog['add']>;
      const made = batches.map((lengths, n) => {
        const messages = lengths.map((length, i) => new Uint8Array(length).fill(7 * n + i));
        const now = log.add(messages)!;
        const total = lengths.reduce((sum, length) => sum + length, 0);
        assert.is(now.to - now.from, total);
        assert.is(now.behindFirst - now.from, lengths[0]);
        assert.is(now.count, lengths.length);
        if (last !== undefined && last.to + total <= last.octets.length) {
          assert.is(now.octets, last.octets);
          assert.is(now.from, last.to);
        }
        last = now;
        return { messages, now };
      });
      for (const { messages, now } of made)
        assert.equal(
          [...now.octets.subarray(now.from, now.to)],
          messages.flatMap(message => [...message]),
        );
    }),
    { seed: 1, numRuns: 50 },
  );
});

t('two views are one where the second lies right behind the first', () => {
  const octets = Uint8Array.from({ length: 20 }, (_, i) => i);
  const whole = spanned(octets.subarray(3, 7), octets.subarray(7, 11));
  assert.equal([...whole!], [3, 4, 5, 6, 7, 8, 9, 10]);
  assert.is(spanned(octets.subarray(3, 7), octets.subarray(8, 11)), undefined);
  assert.is(spanned(octets.subarray(7, 7), octets.subarray(7, 11)), undefined);
  assert.is(spanned(octets.subarray(3, 7), octets.slice().subarray(7, 11)), undefined);
});

t.run();
