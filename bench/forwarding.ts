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

const CASES: readonly [name: string, options: ChainOptions][] = [
  ['chain-4-64', { routers: 4, octets: 64 }],
  ['chain-4-1400', { routers: 4, octets: 1400 }],
  ['chain-16-64', { routers: 16, octets: 64 }],
  ['chain-16-1400', { routers: 16, octets: 1400 }],
  ['chain-4-1400-10k-routes', { routers: 4, octets: 1400, routes: 10_000 }],
  ['chain-4-64-100k-routes', { routers: 4, octets: 64, routes: 100_000 }],
];

export const cases = CASES.map(([name, options]) => ({
  name,
  run: (sampling: Sampling) => forwarding(options, sampling),
}));
