/**
 * An hour of virtual time in the reference lab, with light traffic: a ping a second between two pods, and a connection a
 * second that asks, is answered and closes. What lives on the heap, after garbage collection, every ten minutes.
 *
 *   node --expose-gc --no-opt --always-sparkplug build/bench/memory.js [minutes] [every]
 *
 * It would surprise to see it grow after the first ten minutes: connections wait 60 s for their end, flows are tracked
 * for 120 s.
 */
import { fileURLToPath } from 'node:url';
import { getHeapSpaceStatistics } from 'node:v8';
import { Lab } from '../src/lab.ts';
import { SECOND } from '../src/sim/time.ts';

const [minutes, every] = [process.argv[2] ?? 60, process.argv[3] ?? 10].map(Number) as [number, number];
const collect = globalThis.gc;
if (collect === undefined) throw new Error('node --expose-gc build/bench/memory.js');

/** Octets of objects: without what V8 compiles, which goes on for an hour. */
const objects = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.includes('code'))
    .reduce((sum, { space_used_size: used }) => sum + used, 0);

const lab = await Lab.load(fileURLToPath(new URL('../../scenarios/kans.yaml', import.meta.url)), {
  workers: 0,
});
await lab.converge();
const [from, to] = [await lab.party('pod1'), await lab.party('pod3')];
const { controller } = lab;
const octets = { port: 7000, requestOctets: 100, responseOctets: 1000 };
await controller.start(to.machine, to.namespace, { program: 'transaction-server', ...octets });
let replies = 0;
const ping = ['-i', '1', '-c', String(60 * minutes), '172.16.34.1'];
await controller.start(
  from.machine,
  from.namespace,
  { program: 'ping', args: ping },
  { output: () => replies++ },
);

const begin = lab.now;
let answered = 0;
for (let second = 1; second <= 60 * minutes; second++) {
  const client = await controller.start(from.machine, from.namespace, {
    program: 'transaction-client',
    destination: to.address,
    ...octets,
    transactions: 1,
    connects: true,
  });
  await controller.run(begin + second * SECOND);
  answered += client.exit?.code === 0 ? 1 : 0;
  if (second % (60 * every) !== 0) continue;
  collect();
  const kilobytes = Math.round((objects() + process.memoryUsage().arrayBuffers) / 1024);
  console.log(JSON.stringify({ minute: second / 60, kilobytes, replies, answered }));
}
await lab.close();
