/**
 * Lookups in the trie alone: random addresses below the prefixes of tables of several sizes; and updates, of the trie and
 * of the FIB that keeps the routes beside it. More than 45 octets a route at a million of them, or fewer than 100 000
 * updates a second, would be a surprise.
 */
import * as Prefix from '../src/addr/prefix.ts';
import { Fib } from '../src/netstack/fib.ts';
import { FibTrie, NO_LEAF } from '../src/netstack/fib-trie.ts';
import type { Route } from '../src/netstack/route.ts';
import { Random } from '../src/sim/random.ts';
import { perCpuSecond, type Sampling } from './sampling.ts';

const QUERIES = 1 << 14;

/** Prefixes as a routing table has them: few short ones, many /24, neighbours next to each other. */
function prefixes(count: number): Prefix.Prefix[] {
  const random = new Random(1, 'prefixes');
  const lengths = [16, 19, 20, 22, 22, 23, 24, 24, 24, 24, 24, 24];
  const blocks = Math.ceil(count / 256);
  return Array.from({ length: count }, (_, i) => {
    const block = Math.imul(i % blocks, 0x9e3779b1) & 0xffff_0000;
    return Prefix.network((block | (random.next() & 0xffff)) >>> 0, lengths[random.below(lengths.length)]!);
  });
}

function lookups(count: number, sampling: Sampling) {
  const trie = new FibTrie();
  const table = prefixes(count);
  for (const [i, { address, length }] of table.entries()) trie.insert(address, length, i);
  const random = new Random(2, 'queries');
  const queries = new Uint32Array(QUERIES).map(
    () => (table[random.below(count)]!.address | random.below(256)) >>> 0,
  );
  let sink = 0;
  const { rate, spread } = perCpuSecond(() => {
    for (let i = 0; i < QUERIES; i++) sink ^= trie.lookup(queries[i]!);
    return QUERIES;
  }, sampling);
  const nsPerLookup = Math.round(1e10 / rate) / 10;
  return { nsPerLookup, octetsPerRoute: Math.round(trie.octets / count), spread, sink };
}

/** What a routing daemon does to a table of `count` prefixes: one goes, comes back, gets another value. */
function updates(count: number, sampling: Sampling) {
  const trie = new FibTrie();
  const table = [...new Map(prefixes(count).map(one => [`${one.address}/${one.length}`, one])).values()];
  for (const [i, { address, length }] of table.entries()) trie.insert(address, length, i);
  const random = new Random(2, 'updates');
  let sink = 0;
  const { rate, spread } = perCpuSecond(() => {
    for (let i = 0; i < QUERIES; i += 3) {
      const which = random.below(table.length);
      const { address, length } = table[which]!;
      trie.remove(address, length, NO_LEAF, 0);
      trie.insert(address, length, which);
      trie.insert(address, length, which ^ 1);
      sink ^= trie.lookup(address);
    }
    return QUERIES;
  }, sampling);
  const octetsPerRoute = Math.round((10 * trie.octets) / table.length) / 10;
  return { updatesPerCpuSecond: rate, octetsPerRoute, routes: table.length, spread, sink };
}

/** The same for a namespace's FIB, with all that `ip route` shows of its routes. */
function ribUpdates(count: number, sampling: Sampling) {
  const fib = new Fib();
  const table = prefixes(count);
  const route = (prefix: Prefix.Prefix, protocol: string): Route => {
    const fixed = { nextHops: [], scope: 'global', metric: 0, source: 0, mtu: 0, table: 'main' } as const;
    return { prefix, type: 'blackhole', protocol, ...fixed };
  };
  for (const prefix of table) fib.replace(route(prefix, 'bird'));
  const random = new Random(2, 'updates');
  const { rate, spread } = perCpuSecond(() => {
    for (let i = 0; i < QUERIES; i += 3) {
      const prefix = table[random.below(count)]!;
      fib.remove({ prefix });
      fib.add(route(prefix, 'bird'));
      fib.replace(route(prefix, 'static'));
    }
    return QUERIES;
  }, sampling);
  return { updatesPerCpuSecond: rate, octetsPerRoute: Math.round((10 * fib.octets) / count) / 10, spread };
}

export const cases = [
  ...[100, 10_000, 1_000_000].map(count => ({
    name: `lookup-${count}`,
    run: (sampling: Sampling) => lookups(count, sampling),
  })),
  { name: 'updates-1000000', run: (sampling: Sampling) => updates(1_000_000, sampling) },
  {
    name: 'rib-updates-1000000',
    heavy: true,
    run: (sampling: Sampling) => ribUpdates(1_000_000, sampling),
  },
];
