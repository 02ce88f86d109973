/**
 * Lookups in the trie alone: random addresses below the prefixes of tables of several sizes. 4, 14 and 21 ns a lookup
 * and 440, 93 and 43 octets a route were measured for dense tables of 100, 10 k and 1 M.
 */
import * as Prefix from '../src/addr/prefix.ts';
import { FibTrie } from '../src/netstack/fib-trie.ts';
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

export const cases = [100, 10_000, 1_000_000].map(count => ({
  name: `lookup-${count}`,
  run: (sampling: Sampling) => lookups(count, sampling),
}));
