/** Direct mode: inside a subnet it works, across the router it dies, silently. */
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite<{ lab: Lab }>('routing/direct', undefined, 30_000);

t.before(async context => {
  context.lab = await Lab.load(fromRoot('scenarios/modes/direct.yaml'), { workers: 0 });
  await context.lab.converge();
});
t.after(({ lab }) => lab.close());

t('pods of one subnet talk without a tunnel', async ({ lab }) => {
  const { result, way } = await lab.ping('pod1', 'pod2');
  assert.ok(result.answered);
  assert.is(way, 'direct');
  assert.is(result.ttl, 62);
});

t('across subnets the router has no route, and nobody hears of it', async ({ lab }) => {
  const { result, died } = await lab.ping('pod1', 'pod3');
  assert.not.ok(result.answered);
  assert.is(result.error, undefined);
  assert.is(died?.machine, 'k8s-rtr');
  assert.is(died?.reason, 'NO_ROUTE');
});

t('the next hop behind the router is resolved to the router', async ({ lab }) => {
  const routes = (await lab.routes('k8s-w1')).map(route => route.text.trim());
  assert.ok(routes.includes('172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird'));
});

t.run();
