/** VXLAN, always and across subnets only: Felix programs it, no BGP is needed for the pods. */
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const suites = (
  [
    ['vxlan-always', 'vxlan.calico'],
    ['vxlan-crosssubnet', 'direct'],
  ] as const
).map(([mode, sameSubnet]) => {
  const t = suite<{ lab: Lab }>(`routing/${mode}`, undefined, 30_000);

  t.before(async context => {
    context.lab = await Lab.load(fromRoot(`scenarios/modes/${mode}.yaml`), { workers: 0 });
    await context.lab.converge();
  });
  t.after(({ lab }) => lab.close());

  t('everybody reaches everybody, by the way the mode says', async ({ lab }) => {
    assert.is((await lab.ping('pod1', 'pod2')).way, sameSubnet);
    assert.is((await lab.ping('pod1', 'pod3')).way, 'vxlan.calico');
    assert.ok((await lab.ping('pod3', 'pod1')).result.answered);
  });

  t('the wire carries UDP to port 4789 with VNI 4096', async ({ lab }) => {
    const lines = await lab.watchPing({ on: 'k8s-w1', device: 'eth0', from: 'pod1', to: 'pod3', packets: 1 });
    assert.match(
      lines[0]!,
      /IP 192\.168\.10\.101\.\d+ > 192\.168\.20\.100\.4789: VXLAN, flags \[I\] \(0x08\), vni 4096/,
    );
  });

  t('pods have 50 octets less than the wire', async ({ lab }) => {
    const eth0 = (await lab.devices('pod1')).find(device => device.name === 'eth0');
    assert.is(eth0?.mtu, 1450);
  });

  return t;
});

for (const t of suites) t.run();
