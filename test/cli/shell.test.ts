/** `tunlab shell` from outside: lines of -c and of standard input, exit codes, a session saved and run again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { settled } from '../shell/typist.ts';
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

const PASTED = `root@k8s-m:~# calicoctl get ippool default-ipv4-ippool -o yaml | sed -e "s/ipipMode: Always/ipipMode: Never/" | calicoctl apply -f -
root@k8s-m:~# ip route | grep bird
(⎈|HomeLab:N/A) root@k8s-m:~# calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'
(⎈|HomeLab:N/A) root@k8s-m:~# calicoctl get ippool -o wide
(⎈|HomeLab:N/A) root@k8s-m:~# cat node3-pod3.yaml
(⎈|HomeLab:N/A) root@k8s-m:~# k apply -f node3-pod3.yaml
root@k8s-m:~# k get pods -o wide
root@k8s-w1:~# tcpdump -i tunl0 -n &
root@k8s-m:~# k exec -it pod1 -- ping -c 1 172.16.34.1
root@k8s-w1:~# ip route | grep tunl0
`;

t('the walkthrough pasted as a whole, with its prompts, prints what the post shows', async () => {
  const { out: stdout, err: stderr, code } = await typed([], PASTED);
  assert.is(code, 0);
  const manifest = readFileSync(fromRoot('scenarios/kans/node3-pod3.yaml'), 'utf8');
  // What tcpdump prints comes whenever the shell looks at its jobs.
  const lines = settled(stdout).replace(/ +$/gm, '').split('\n');
  assert.equal(
    lines.filter(line => line.startsWith('TIME')),
    [
      'TIME IP 172.16.158.3 > 172.16.34.1: ICMP echo request, id N, seq 1, length 64',
      'TIME IP 172.16.34.1 > 172.16.158.3: ICMP echo reply, id N, seq 1, length 64',
    ],
  );
  assert.is(
    lines.filter(line => !line.startsWith('TIME')).join('\n'),
    `Successfully applied 1 'IPPool' resource(s)
172.16.34.0/24 via 192.168.10.1 dev ens5 proto bird
blackhole 172.16.116.0/24 proto bird
172.16.158.0/24 via 192.168.10.101 dev ens5 proto bird
172.16.184.0/24 via 192.168.10.102 dev ens5 proto bird
Successfully patched 1 'IPPool' resource
NAME                  CIDR            NAT    IPIPMODE      VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR
default-ipv4-ippool   172.16.0.0/16   true   CrossSubnet   Never       false      false              all()

${manifest}pod/pod1 unchanged
pod/pod2 unchanged
pod/pod3 unchanged
NAME   READY   STATUS    RESTARTS   AGE   IP             NODE     NOMINATED NODE   READINESS GATES
pod1   1/1     Running   0          AGE   172.16.158.3   k8s-w1   <none>           <none>
pod2   1/1     Running   0          AGE   172.16.184.4   k8s-w2   <none>           <none>
pod3   1/1     Running   0          AGE   172.16.34.1    k8s-w0   <none>           <none>
PING 172.16.34.1 (172.16.34.1) 56(84) bytes of data.
64 bytes from 172.16.34.1: icmp_seq=1 ttl=62 time=T ms

--- 172.16.34.1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time T
rtt min/avg/max/mdev = T ms
172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink
`,
  );
  assert.match(stderr, '2 packets captured');
});

t('a session as asciinema plays it: letter by letter, in the time of the lab', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tunlab-'));
  try {
    const file = join(folder, 'session.cast');
    const { out, code } = await tunlab(
      ['shell', KANS, '-c', 'hostname', '-c', 'ping -c 2 192.168.10.101', '--asciicast', file],
      {},
    );
    assert.is(code, 0);
    const [head, ...events] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal([head.version, head.title, head.width], [2, 'kans', 100]);
    const shown = events.map(([, , text]: [number, string, string]) => text).join('');
    assert.is(
      shown.replaceAll('\r\n', '\n'),
      `root@k8s-m:~# hostname\nk8s-m\nroot@k8s-m:~# ping -c 2 192.168.10.101\n${out.slice('k8s-m\n'.length)}`,
    );
    const times = events.map(([at]: [number]) => at);
    assert.equal(
      [...times].sort((a, b) => a - b),
      times,
    );
    // Five seconds until the second line was typed, one from request to request.
    const last = times.at(-1) ?? 0;
    assert.ok(last > 6 && last < 7, `${last}`);
    const nowhere = join(folder, 'no', 'such', 'folder');
    assert.is((await tunlab(['shell', KANS, '-c', 'true', '--asciicast', nowhere], {})).code, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

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
