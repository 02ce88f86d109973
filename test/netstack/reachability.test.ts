import { assert, suite } from '../kit.ts';
import { Lab, type Mode } from './lab.ts';

const t = suite('netstack/reachability');

for (const [mode, to, ttl] of [
  ['ipip-always', '172.16.34.1', 62],
  ['ipip-always', '172.16.184.4', 62],
  ['ipip-crosssubnet', '172.16.34.1', 62],
  ['ipip-crosssubnet', '172.16.184.4', 62],
  ['vxlan-always', '172.16.34.1', 62],
  ['vxlan-always', '172.16.184.4', 62],
  ['direct-nopeer', '172.16.184.4', 62],
] as const) {
  t(`${mode}: pod1 reaches ${to} with the first ping, which arrives with TTL ${ttl}`, () => {
    const lab = new Lab(mode as Mode);
    const { sent, reply } = lab.ping('pod1', to);
    assert.is(sent, '');
    assert.is(reply?.ttl, ttl);
    assert.is(reply?.length, 64);
    assert.is(lab.imbalance(), 0);
  });
}

t.run();
