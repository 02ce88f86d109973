/** `tunlab shell` from outside: lines of -c and of standard input, exit codes, a session saved and run again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { type Ran, tunlab } from './command-line.ts';

const t = suite('cli/shell', undefined, 20_000);
const KANS = fromRoot('scenarios/kans.yaml');

const typed = (lines: readonly string[], input = ''): Promise<Ran> =>
  tunlab(['shell', KANS, ...lines.flatMap(line => ['-c', line])], { input });

t('several -c: one shell, in order, all of them, the code of the last', async () => {
  const { out, err, code } = await typed(['cd /tmp', 'nosuch', 'X=5', 'pwd; echo $X; exit 3']);
  assert.is(out, '/tmp\n5\n');
  assert.is(err, 'bash: nosuch: command not found\n');
  assert.is(code, 3);
});

t(
  'standard input: pasted prompts, a here-document, a node entered and left, nothing behind exit',
  async () => {
    const pasted =
      'root@k8s-m:~# hostname\nssh k8s-w1\nhostname\nexit\ncat <<EOF\nk8s-x\nEOF\n\n# a comment\nfalse\nexit\nhostname\n';
    const { out, code } = await typed([], pasted);
    assert.is(out, 'k8s-m\nk8s-w1\nlogout\nConnection to k8s-w1 closed.\nk8s-x\n');
    assert.is(code, 1);
  },
);

t('jobs end with the session, and say their last words', async () => {
  const { out, err } = await typed(['tcpdump -ni tunl0 &', 'ping -c 1 172.16.158.3']);
  assert.match(out, 'IP 172.16.116.0 > 172.16.158.3: ICMP echo request');
  assert.match(err, '2 packets captured');
});

t('a session is saved as a scenario, which runs and expects what it saw', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tunlab-'));
  try {
    const file = join(folder, 'saved.yaml');
    const { out, code } = await typed([
      `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'`,
      'ssh k8s-w1 ip route | grep tunl0',
      'false',
      'kubectl get pod nope',
      'mac() { ip -br link show $1 | grep -c : ; }; D=ens5',
      'mac $D',
      `save ${file}`,
    ]);
    assert.is(code, 0);
    assert.match(out, `saved as ${file}`);
    const saved = readFileSync(file, 'utf8');
    assert.match(saved, 'run: ssh k8s-w1 ip route | grep tunl0');
    assert.match(saved, 'exitCode: 1');
    assert.match(saved, 'Error from server (NotFound): pods "nope" not found');
    assert.is((await typed([`save ${file}`])).code, 1);
    const lab = await Lab.load(file, { workers: 0 });
    const results = await lab.steps();
    await lab.close();
    assert.ok(results.length >= 7);
    assert.equal(
      results.map(r => r.ok),
      results.map(() => true),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

t.run();
