/** `vtysh` of a router, beside what a real FRR said of the same two nodes. */
import { readFileSync } from 'node:fs';
import { uptime } from '../../src/bgp/frr-show.ts';
import { SECOND } from '../../src/sim/time.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/vtysh', undefined, 30_000);

const RECORDED = new Map(
  readFileSync(fromRoot('test/fixtures/shell/recorded/frr.txt'), 'utf8')
    .split(/^>>> /m)
    .slice(1)
    .map(part => {
      const [line = '', ...rest] = part.split('\n');
      return [line, rest.join('\n').replace(/\[\d+\]\n?$/, '')] as const;
    }),
);

t.before(async context => {
  context.typist = await sitDown('test/fixtures/shell/frr.yaml');
  await context.typist.run('run 20s');
});
t.after(({ typist }) => typist.leave());

/** Without times and numbers of messages. */
const timeless = (text: string): string =>
  text.replace(/\d\d:\d\d:\d\d/g, 'HH:MM:SS').replace(/^(\*[\d.]+ +4 +64512) +\d+ +\d+/gm, '$1 N N');

for (const line of [
  'show ip bgp',
  'show ip bgp summary',
  'show ip route',
  'show ip route bgp',
  'show ip bgp neighbors 192.168.10.101 routes',
] as const)
  t(line, async ({ typist }) => {
    const printed = await typist.run(`root@k8s-rtr:~# vtysh -c '${line}'`);
    assert.is(timeless(printed), timeless(RECORDED.get(line)!));
  });

t('what is unknown, cut short, not emulated, not there', async ({ typist }) => {
  assert.is(await typist.type('ssh k8s-rtr "vtysh -c \'show frob\'"'), RECORDED.get('show frob')!);
  assert.is(typist.exitCode, 1);
  assert.is(
    await typist.run('ssh k8s-rtr "vtysh -c \'sh ip b summ\'" | head -4'),
    await typist.run('ssh k8s-rtr "vtysh -c \'show bgp summary\'" | head -4'),
  );
  assert.is(
    await typist.type('ssh k8s-rtr "vtysh -c \'show running-config\'"'),
    'vtysh: show running-config: not emulated in this lab\n',
  );
  assert.is(typist.exitCode, 2);
  assert.is(await typist.type("vtysh -c 'show ip bgp'"), 'bash: vtysh: command not found\n');
});

t('a session that is lost says so', async ({ typist }) => {
  await typist.run('link down k8s-w1/eth0');
  await typist.run('run 5m');
  const text = await typist.run('ssh k8s-rtr "vtysh -c \'show ip bgp summary\'"');
  assert.match(text, /^Total number of neighbors 1$/m);
});

for (const [seconds, text] of [
  [8, '00:00:08'],
  [86_399, '23:59:59'],
  [86_400 + 2 * 3600 + 180, '1d02h03m'],
  [17 * 86_400 + 4 * 3600, '2w3d04h'],
] as const)
  t(`an uptime of ${seconds} s is ${text}`, () => assert.is(uptime(seconds * SECOND), text));

t.run();
