/** IPIP, always and across subnets only. */
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const suites = (
  [
    ['ipip-always', 'tunl0'],
    ['ipip-crosssubnet', 'direct'],
  ] as const
).map(([mode, sameSubnet]) => {
  const t = suite<{ lab: Lab }>(`routing/${mode}`, undefined, 30_000);

  t.before(async context => {
    context.lab = await Lab.load(fromRoot(`scenarios/modes/${mode}.yaml`), { workers: 0 });
    await context.lab.converge();
  });
  t.after(({ lab }) => lab.close());

  t('everybody reaches everybody, by the way the mode says', async ({ lab }) => {
    const outcomes = await lab.matrix(['pod1', 'pod2', 'pod3']);
    const ways = outcomes.map(o => `${o.from.name}${o.to.name}:${o.result.answered ? o.way : 'lost'}`);
    assert.equal(ways, [
      `pod1pod2:${sameSubnet}`,
      'pod1pod3:tunl0',
      `pod2pod1:${sameSubnet}`,
      'pod2pod3:tunl0',
      'pod3pod1:tunl0',
      'pod3pod2:tunl0',
    ]);
  });

  t('the outer packet goes from node to node, the inner one keeps its addresses', async ({ lab }) => {
    const lines = await lab.watchPing({ on: 'k8s-w1', device: 'eth0', from: 'pod1', to: 'pod3', packets: 2 });
    assert.match(
      lines[0]!,
      /IP 192\.168\.10\.101 > 192\.168\.20\.100: IP 172\.16\.158\.1 > 172\.16\.34\.1: ICMP echo request/,
    );
  });

  t('a packet of the tunnel MTU passes, one octet more is refused at the sender', async ({ lab }) => {
    const fits = await lab.ping('pod1', 'pod3', { size: 1452, df: true });
    const tooBig = await lab.ping('pod1', 'pod3', { size: 1453, df: true });
    assert.ok(fits.result.answered);
    assert.is(tooBig.result.error, 'EMSGSIZE');
  });

  return t;
});

for (const t of suites) t.run();
