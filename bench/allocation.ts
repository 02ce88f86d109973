/**
 * How much the packet path allocates: octets of heap for each packet-hop, over a million of them, in a heap whose young
 * generation is so large that nothing is collected meanwhile. Run by `engine.test.ts`:
 *
 *   node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 build/bench/allocation.js CASE
 *
 * The addresses are Calico's usual ones, above 2^31: numbers that V8 boxes wherever one is handed on unsigned.
 */
import { MILLISECOND } from '../src/sim/time.ts';
import { Chain } from './chain.ts';
import { podToPod } from './encap.ts';

const HOPS = 1_000_000;

/** Each carries on for a while and says how many hops that made. */
const cases: Readonly<Record<string, () => () => number>> = {
  chain: () => {
    const chain = new Chain({ routers: 4, octets: 64 });
    chain.settle();
    return () => chain.run(MILLISECOND);
  },
  ...Object.fromEntries(
    (['direct', 'ipip', 'vxlan'] as const).map(tunnel => [
      tunnel,
      () => {
        const run = podToPod(tunnel, 'calico');
        return () => run(MILLISECOND);
      },
    ]),
  ),
};

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');
const start = cases[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`one of ${Object.keys(cases).join(', ')}`);

const carryOn = start();
// The optimising compiler works beside us and comes when it can: on a busy machine later. So the leanest of a few rounds
// counts, the first of which is warm-up.
const ROUNDS = 6;
let best = { hops: 0, allocatedPerHop: Number.POSITIVE_INFINITY, keptPerHop: Number.POSITIVE_INFINITY };
for (let round = 0; round <= ROUNDS && best.allocatedPerHop >= 1; round++) {
  collect();
  const before = process.memoryUsage().heapUsed;
  let hops = 0;
  while (hops < HOPS) hops += carryOn();
  const allocated = process.memoryUsage().heapUsed - before;
  collect();
  const kept = process.memoryUsage().heapUsed - before;
  if (round > 0 && allocated / hops < best.allocatedPerHop) {
    best = { hops, allocatedPerHop: allocated / hops, keptPerHop: kept / hops };
  }
}
console.log(JSON.stringify(best));
