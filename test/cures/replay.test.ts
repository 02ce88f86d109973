/** A lab that was replayed out of a journal is the lab of then: cures are tried on it. */
import { Lab } from '../../src/lab.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('cures/replay', undefined, 20_000);

const scenario = loadScenario(fromRoot('scenarios/lessons/nat-second-pool.yaml'), {
  validate: validateResources,
});

t('the same fingerprint, and then the same answers', async () => {
  const lab = await Lab.of(scenario, { workers: 0, record: true });
  await lab.runFirst(3);
  const { journal, now } = lab;
  const copy = await Lab.replayed(scenario, journal!, now, { workers: 0 });
  try {
    assert.is(copy.now, now);
    assert.is(await copy.fingerprint(), await lab.fingerprint());
    for (const to of ['server', 'far']) {
      const here = await lab.ping('client', to);
      const there = await copy.ping('client', to);
      assert.equal(there.result, here.result);
      assert.equal(there.trail.hops, here.trail.hops);
    }
  } finally {
    await copy.close();
    await lab.close();
  }
});

t('power that was cut is known to be cut, and programs that run do not answer for others', async () => {
  const lab = await Lab.of(scenario, { workers: 0, record: true });
  await lab.runFirst(1);
  await lab.exec('kubectl exec client -- ping 10.9.0.9 &');
  await lab.exec('node stop node-2');
  await lab.run({ for: '100ms' });
  const copy = await Lab.replayed(scenario, lab.journal!, lab.now, { workers: 0 });
  try {
    assert.ok(copy.controller.isOff('node-2'));
    assert.not(copy.controller.isOff('node-1'));
    const { result, trail } = await copy.ping('client', 'server');
    assert.ok(result.answered);
    assert.is(trail.hops.filter(hop => hop.machine === 'server' && hop.direction === 'receive').length, 1);
  } finally {
    await copy.close();
    await lab.close();
  }
});

t.run();
