import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert, suite } from '../kit.ts';
import { Chain } from './chain.ts';

const t = suite('netstack/chain');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapAfterCollection(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

t('packets through sixteen routers arrive, and every frame is accounted for', () => {
  const chain = new Chain(16);
  chain.send(80, 1480);
  chain.send(2000, 1480);
  assert.is(chain.received, 2080);
  assert.is(chain.imbalance(), 0);
  assert.is(chain.partition.frames.inUse, 0);
});

t('a hundred thousand forwards leave nothing on the heap', () => {
  const chain = new Chain(4);
  chain.send(80, 64); // few enough to wait for ARP together
  chain.send(4000, 64);
  const { frames } = chain.partition;
  const slots = frames.start.length;
  // The compiler keeps things of its own, and on a busy machine it comes late: the leanest of a few rounds counts.
  let growth = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && growth >= 150_000; round++) {
    const before = heapAfterCollection();
    chain.send(25_000, 64);
    growth = Math.min(growth, heapAfterCollection() - before);
    assert.is(chain.received, 4080 + 25_000 * (round + 1));
  }
  // Less than an octet a packet.
  assert.ok(growth < 150_000, `${growth} octets more`);
  assert.is(frames.start.length, slots);
});

t('the same, twice: the same fingerprint of every process', () => {
  const digest = (): string[] => {
    const chain = new Chain(3);
    chain.send(100, 1400);
    return chain.hosts.map(host => `${host.fingerprint.count} ${host.fingerprint.digest()}`);
  };
  assert.equal(digest(), digest());
});

t.run();
