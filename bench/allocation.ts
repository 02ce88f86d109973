/**
 * How much the packet path allocates: octets of heap for each packet-hop, over a million of them, in a heap whose young
 * generation is so large that nothing is collected meanwhile. Run by `allocation.test.ts`:
 *
 *   node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 build/bench/allocation.js
 *
 * The addresses of the chain are below 2^31: above, V8 boxes a number here and there, as its compiler's inlining falls out.
 * What is left, below an octet a hop, are a list for each window and what the compiler makes late.
 */
import { MILLISECOND } from '../src/sim/time.ts';
import { Chain } from './chain.ts';

const HOPS = 1_000_000;

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const chain = new Chain({ routers: 4, octets: 64 });
chain.settle();
// The optimising compiler works beside us and comes when it can: on a busy machine later. So the leanest of a few rounds
// counts, the first of which is warm-up.
const ROUNDS = 6;
let best = { hops: 0, allocatedPerHop: Number.POSITIVE_INFINITY, keptPerHop: Number.POSITIVE_INFINITY };
for (let round = 0; round <= ROUNDS && best.allocatedPerHop >= 1; round++) {
  collect();
  const before = process.memoryUsage().heapUsed;
  let hops = 0;
  while (hops < HOPS) hops += chain.run(MILLISECOND);
  const allocated = process.memoryUsage().heapUsed - before;
  collect();
  const kept = process.memoryUsage().heapUsed - before;
  if (round > 0 && allocated / hops < best.allocatedPerHop) {
    best = { hops, allocatedPerHop: allocated / hops, keptPerHop: kept / hops };
  }
}
console.log(JSON.stringify(best));
