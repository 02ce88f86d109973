/**
 * Nonsense at the shell: whatever is typed, there is an answer, an exit code of a byte, and the lab goes on. `npm run fuzz`
 * types ten thousand lines of it, the unit test some hundred.
 */
import * as fc from 'fast-check';
import { assert } from '../kit.ts';
import type { Typist } from '../shell/typist.ts';

const COMMANDS = (
  'calicoctl kubectl k ip route arp bridge ping traceroute tcpdump birdcl ss sysctl ssh hostname date uname watch sudo ' +
  'matrix link node run clock iperf3 jobs kill fg wait alias unalias history systemctl iptables nosuch cat echo grep sed ' +
  'cd exit logout timeout time netstat sleep printf bridge sv'
).split(' ');
const WORDS = (
  'get apply create replace patch delete label node status ipam show check configure version describe exec logs ' +
  'ippool ippools nodes node bgppeer bgpconfig felixconfig wep pods pod pod/pod1 po ns namespaces deploy svc all ' +
  'default-ipv4-ippool pod1 pod2 pod3 k8s-m k8s-w0 k8s-w1 kube-system default missing ' +
  'route addr link neigh rule netns get show add del replace flush cache set up down mtu dev via proto metric table main ' +
  'fdb protocols all for primary tunl0 ens5 eth0 lo any 172.16.158.3 172.16.34.1 8.8.8.8 172.16.34.0/24 10.0.0.0/8 ' +
  '192.168.10.1 default 0 1 3 999999 -1 sh zsh ip hostname icmp tcp port 53 host proto 4 rack=a rack- a=b count export stats where add-path lladdr 02:00:00:00:00:01 10.5.0.1/24 brd + state established dst sport = :179 udp /proc/sys/net/ipv4/ip_forward /etc/hosts patch annotate wait net.ipv4.ip_forward ' +
  'net.ipv4.ip_forward=1 %1 %9 k8s-w0/ens5 k8s-w9/eth0 1s 500ms start-over'
).split(' ');
const FLAGS = (
  '-o wide yaml json name jsonpath={.items[*].metadata.name} jsonpath={ custom-columns=NAME -f - node3-pod3.yaml missing.yaml ' +
  '-n -A -l -w -p -c -i -e -v -vv -nn -s -d -br -j -4 -6 -t -W -q -I -M -it -- --show-blocks --ip= --ip=172.16.34.1 --overwrite ' +
  '--remove --force --type=merge --for=condition=Ready --timeout=2s --sort-by=.metadata.name custom-columns=A:.metadata.name,B:.x -u -b 1M -J -R -P 2 -ee -nv -tan --all --help -h --nope -z {"spec":{"ipipMode":"Never"}} {"metadata":{"labels":{"a":"b"}}} {} [ " \' $? $( `'
).split(' ');
const GLUE = [' ', ' ', ' ', ' ', ' ', ' | ', ' ; ', ' && ', ' || ', ' > out ', ' < out ', ' & ', '\n'];

const word = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 3, arbitrary: fc.constantFrom(...FLAGS) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
);
const command = fc
  .tuple(fc.constantFrom(...COMMANDS), fc.array(word, { maxLength: 6 }))
  .map(([name, words]) => [name, ...words].join(' '));
const line = fc
  .array(fc.tuple(command, fc.constantFrom(...GLUE)), { minLength: 1, maxLength: 3 })
  .map(parts => parts.map(([text, glue], i) => (i + 1 < parts.length ? text + glue : text)).join(''));
const prompted = fc.oneof(
  { weight: 4, arbitrary: line },
  { weight: 1, arbitrary: line.map(text => `root@k8s-w1:~# ${text}`) },
  { weight: 1, arbitrary: line.map(text => `${text} &`) },
  { weight: 1, arbitrary: fc.string() },
);

/** Type `runs` lines of the stream of `seed`. Throws at the first that does harm; what they ended with, counted. */
export async function fuzzShell(
  { shell, lab }: Typist,
  seed: number,
  runs: number,
  tally: Map<string, number> = new Map(),
): Promise<ReadonlyMap<string, number>> {
  for (const [index, text] of fc.sample(prompted, { numRuns: runs, seed }).entries()) {
    // What never ends must not pile up.
    if (index % 25 === 24) await shell.close();
    const before = lab.now;
    const { exitCode, stdout, stderr } = await shell.exec(text);
    const what = JSON.stringify(text);
    const isByte = Number.isInteger(exitCode) && exitCode >= 0 && exitCode < 256;
    assert.ok(isByte, `${what}: exit code ${exitCode}`);
    assert.type(stdout, 'string', what);
    assert.not.match(
      stderr,
      /internal error|TypeError|\bundefined\b(?! label)|\[object/,
      `${what}: ${stderr}`,
    );
    assert.ok(lab.now - before < 36_000e9, `${what}: ten hours of virtual time`);
    const ended = `exit ${exitCode}`;
    tally.set(ended, (tally.get(ended) ?? 0) + 1);
    shell.ended = false;
  }
  await shell.close();
  assert.is(await shell.exec('root@k8s-m:~# hostname').then(result => result.exitCode), 0);
  return tally;
}
