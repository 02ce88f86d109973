import fc from 'fast-check';
import * as Mac from '../../src/addr/mac.ts';
import { ForwardingDatabase } from '../../src/netstack/tunnel/fdb.ts';
import { assert, suite } from '../kit.ts';

const t = suite('netstack/fdb');

t('agrees with a map, also where MAC addresses share their last four octets', () => {
  const mac = fc
    .tuple(fc.nat(3), fc.constantFrom(0, 1, 0xffff_ffff))
    .map(([high, low]) => high * 2 ** 32 + low);
  const change = fc.record({ mac, remote: fc.integer({ min: 1, max: 0xffff_ffff }), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change), changes => {
      const fdb = new ForwardingDatabase();
      const map = new Map<number, number>();
      for (const { mac, remote, remove } of changes) {
        if (remove) {
          fdb.delete(mac);
          map.delete(mac);
        } else {
          fdb.set(mac, remote);
          map.set(mac, remote);
        }
        assert.is(fdb.remoteOf(Mac.high16(mac), Mac.low32(mac) | 0) >>> 0, map.get(mac) ?? 0);
        const sorted = (list: Iterable<[number, number]>): [number, number][] =>
          [...list].sort(([a], [b]) => a - b);
        assert.equal(sorted(fdb), sorted(map));
        assert.equal([...fdb.keys()].sort(), [...map.keys()].sort());
      }
    }),
  );
});

t.run();
