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
  const before = heapAfterCollection();
  const { frames } = chain.partition;
  const slots = frames.start.length;
  chain.send(25_000, 64);
  assert.is(chain.received, 29_080);
  const growth = heapAfterCollection() - before;
  // Less than an octet a packet: what the compiler itself keeps.
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
