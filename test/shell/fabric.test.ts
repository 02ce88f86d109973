/** `fabric`: what is let through and kept out while the lab runs. */
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('shell/fabric', undefined, 20_000);

interface Context {
  lab: Lab;
}
const plain = suite<Context>('shell/fabric commands', {} as Context, 20_000);
plain.before(async context => {
  context.lab = await Lab.load(fromRoot('scenarios/drops/firewall.yaml'), { workers: 0 });
  await context.lab.converge();
});
plain.after(({ lab }) => lab.close());

for (const [line, message] of [
  ['fabric', 'usage: fabric allow|block'],
  ['fabric allow', 'usage: '],
  ['fabric allow ipx', 'usage: '],
  ['fabric allow tcp/99999', 'usage: '],
  ['fabric drop ipip', 'usage: '],
  ['fabric allow ipip node-9', 'fabric: there is no node node-9'],
  ['fabric source-dest-check off', 'only cloud aws-vpc has this'],
  ['fabric address-pair 10.0.0.0/8', 'only cloud port-security has this'],
] as const)
  plain(`refuses "${line}"`, async ({ lab }) => {
    const { exitCode, stderr } = await lab.exec(line);
    assert.is(exitCode, 2);
    assert.match(stderr, message);
  });

plain('lets through and keeps out, at all nodes or at one, one way or both', async ({ lab }) => {
  const answers = async (from: string, to: string): Promise<boolean> =>
    (await lab.ping(from, to)).result.answered;
  assert.not(await answers('client', 'near'));
  await lab.exec('fabric allow ipip');
  assert.ok(await answers('client', 'near'));
  await lab.exec('fabric block icmp in node-2');
  const { result, died } = await lab.ping('node-1', 'node-2');
  assert.equal([result.answered, died?.reason, died?.device], [false, 'FABRIC_FILTERED', 'node-2/eth0']);
  assert.ok(await answers('node-1', 'node-3'));
  await lab.exec('fabric allow icmp in node-2');
  assert.ok(await answers('node-1', 'node-2'));
});

t('a check of the cloud is lifted at one node, and has to be at both', async () => {
  const lab = await Lab.load(fromRoot('scenarios/drops/aws.yaml'), { workers: 0 });
  try {
    await lab.converge();
    await lab.exec('fabric source-dest-check off node-1');
    const { died } = await lab.ping('client', 'near');
    assert.equal([died?.reason, died?.device], ['FABRIC_SRC_DST_CHECK', 'node-2/eth0']);
    await lab.exec('fabric source-dest-check off node-2');
    assert.ok((await lab.ping('client', 'near')).result.answered);
  } finally {
    await lab.close();
  }
});

plain.run();
t.run();
