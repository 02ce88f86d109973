import { setTimeout as sleep } from 'node:timers/promises';
import { Barrier, BLOCKED, BUSY } from '../../src/parallel/barrier.ts';
import { Watchdog } from '../../src/parallel/watchdog.ts';
import { assert, suite } from '../kit.ts';

const t = suite('parallel/watchdog');

const LIMIT_MS = 80;

/** Who is found stuck within four times the limit, while `work` happens every few milliseconds. */
async function found(isRun: boolean, work: (barrier: Barrier) => void): Promise<number | undefined> {
  const barrier = new Barrier({ workers: 2, lookahead: 1, targets: [[1], [0]], maySpin: false });
  let stuck: number | undefined;
  const watchdog = new Watchdog(barrier, LIMIT_MS, worker => {
    stuck ??= worker;
  });
  watchdog.start(isRun);
  for (let i = 0; i < 4 * 16 && stuck === undefined; i++) {
    work(barrier);
    await sleep(LIMIT_MS / 16);
  }
  watchdog.stop();
  return stuck;
}

t('a worker that is busy and does nothing is stuck, whoever waits for it', async () => {
  for (const isRun of [false, true]) assert.is(await found(isRun, barrier => barrier.activity(1, BUSY)), 1);
});

t('workers that all wait are stuck in a run, and have nothing to do outside of one', async () => {
  const wait = (barrier: Barrier): void => barrier.activity(1, BLOCKED);
  assert.is(await found(true, wait), 0);
  assert.is(await found(false, wait), undefined);
});

t('who goes on working is not stuck', async () => {
  const work = (barrier: Barrier): void => barrier.beat(1);
  assert.is(await found(true, work), undefined);
});

t.run();
