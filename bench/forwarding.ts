/**
 * Packets through chains of routers, the whole IP path: Ethernet, header checks, hooks, FIB, TTL, neighbour, link.
 * Below 8 million hops a CPU-second on a machine of its own would be a surprise.
 */
import { MICROSECOND } from '../src/sim/time.ts';
import { Chain, type ChainOptions } from './chain.ts';
import { perCpuSecond, type Sampling } from './sampling.ts';

function forwarding(options: ChainOptions, sampling: Sampling) {
  const chain = new Chain(options);
  chain.settle();
  const { rate, spread } = perCpuSecond(() => chain.run(500 * MICROSECOND), sampling);
  return { hopsPerCpuSecond: rate, spread };
}

interface Case {
  readonly name: string;
  readonly options: ChainOptions;
  readonly heavy?: boolean;
}

const CASES: readonly Case[] = [
  ...[1, 4, 16].flatMap(routers =>
    [64, 1400].map(octets => ({ name: `chain-${routers}-${octets}`, options: { routers, octets } })),
  ),
  { name: 'chain-4-64-100-routes', options: { routers: 4, octets: 64, routes: 100 } },
  { name: 'chain-4-1400-10k-routes', options: { routers: 4, octets: 1400, routes: 10_000 } },
  { name: 'chain-4-64-100k-routes', options: { routers: 4, octets: 64, routes: 100_000 } },
  // Each route is there with all that `ip route` shows: half a gigabyte a router.
  { name: 'chain-1-64-1m-routes', options: { routers: 1, octets: 64, routes: 1_000_000 }, heavy: true },
];

export const cases = CASES.map(({ name, options, heavy = false }) => ({
  name,
  heavy,
  run: (sampling: Sampling) => forwarding(options, sampling),
}));
