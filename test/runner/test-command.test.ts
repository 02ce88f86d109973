/** `tunlab test`: what came of several scenarios, in every form, and the exit codes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findScenarios } from '../../src/cli/scenario-files.ts';
import { affected } from '../../src/cli/watched-files.ts';
import { tunlab as commandLine, type Ran } from '../cli/command-line.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('runner/test', undefined, 120_000);

const folder = mkdtempSync(join(tmpdir(), 'tunlab-test-'));
const at = (name: string): string => join(folder, name);

const scenario = (name: string, steps: string): string => `apiVersion: tunlab.dev/v1alpha1
kind: Scenario
metadata: { name: ${name} }
spec:
  calico: { version: v3.28.1 }
  fabric:
    routers: { k8s-rtr: { default: none } }
    subnets:
      a: { cidr: 192.168.10.0/24, gateway: k8s-rtr .254 }
      b: { cidr: 192.168.20.0/24, gateway: k8s-rtr .254 }
    nodes: { k8s-w1: a .101, k8s-w0: b .100 }
  steps:
${steps}
`;

const HELD = `    - expect: { reachable: k8s-w1 -> k8s-w0 }`;
const FAILED = `    - name: ask <the> "nodes"
      expect:
        - { reachable: k8s-w1 -> k8s-w0 }
        - { reachable: k8s-w1 -> 172.16.34.1 }
    - expect: { mtu: 1400, on: k8s-w1 }
    - run: ssh k8s-w1 false`;

mkdirSync(at('mixed/calico'), { recursive: true });
mkdirSync(at('mixed/node_modules'), { recursive: true });
mkdirSync(at('typo'));
mkdirSync(at('open'));
writeFileSync(at('mixed/b-held.yaml'), scenario('held', HELD));
writeFileSync(at('mixed/a-failed.yaml'), scenario('failed', FAILED));
writeFileSync(at('mixed/calico/pool.yaml'), 'apiVersion: projectcalico.org/v3\nkind: IPPool\n');
writeFileSync(at('mixed/node_modules/hidden.yaml'), scenario('hidden', HELD));
writeFileSync(at('typo/typo.yaml'), scenario('typo', HELD).replace('subnets:', 'subnet:'));
writeFileSync(at('open/open.yaml'), scenario('open', `    - expect: { converged: true, within: 1s }`));

const tunlab = (...argv: string[]): Promise<Ran> => commandLine(['test', ...argv]);

t('finds scenarios below folders, sorted, and not what lies beside them', () => {
  const names = ['mixed/a-failed.yaml', 'mixed/b-held.yaml'];
  assert.equal(findScenarios([at('mixed'), at('mixed/a-failed.yaml')]), names.map(at));
  assert.ok(findScenarios([fromRoot('scenarios')]).includes(fromRoot('scenarios/modes/direct.yaml')));
});

t('all reporters tell the same failures', async () => {
  const [json, junit, github] = [at('r.json'), at('r.xml'), at('r.txt')];
  const reporters = [`json=${json}`, `junit=${junit}`, `github=${github}`];
  const ran = await tunlab(at('mixed'), ...reporters.flatMap(name => ['--reporter', name]));
  assert.is(ran.code, 1);
  const file = at('mixed/a-failed.yaml');
  const [summary] = ran.out.split('\n');
  assert.match(summary!, /^✓ 1 of 2 scenarios, 2 expectations {6}✗ 3 {6}modelled .* in .* s$/);
  assert.ok(
    ran.out.includes(`✗ ${file} › ask <the> "nodes" › reachable: k8s-w1 -> 172.16.34.1
  expected  k8s-w1 -> 172.16.34.1 answers
  received  no answer: NO_ROUTE at k8s-rtr
     15 |         - { reachable: k8s-w1 -> k8s-w0 }
   > 16 |         - { reachable: k8s-w1 -> 172.16.34.1 }
        |           ^ ${file}:16:11
  because   k8s-rtr: No route covers the destination.
  more      npx tunlab `),
    ran.out,
  );
  assert.match(ran.out, /received {2}MTU 1500\n/);
  assert.match(ran.out, /received {2}exit code 1\n/);
  const documents = JSON.parse(readFileSync(json, 'utf8'));
  assert.equal(
    documents.map((d: { scenario: string; ok: boolean }) => [d.scenario, d.ok]),
    [
      [file, false],
      [at('mixed/b-held.yaml'), true],
    ],
  );
  const xml = readFileSync(junit, 'utf8');
  assert.match(xml, '<testsuites name="tunlab" tests="5" failures="3" errors="0"');
  assert.match(xml, 'name="ask &lt;the&gt; &quot;nodes&quot; › reachable: k8s-w1 -&gt; 172.16.34.1"');
  assert.match(xml, 'NO_ROUTE at k8s-rtr');
  const annotations = readFileSync(github, 'utf8');
  const title = `title=${file} › ask <the> "nodes"::`;
  assert.match(annotations, `::error file=${file},line=16,col=11,${title}expected  k8s-w1`);
  assert.match(annotations, '%0Areceived  no answer: NO_ROUTE at k8s-rtr%0A');
  assert.match(
    annotations,
    /\n2 scenarios: 2 expectations held, 3 failed, 0 without verdict, 0 scenarios could/,
  );
  // Side by side and again: the same bytes.
  await tunlab(at('mixed'), '--reporter', `json=${json}.2`, '--reporter', `junit=${junit}.2`);
  assert.is(readFileSync(`${json}.2`, 'utf8'), readFileSync(json, 'utf8'));
  assert.is(readFileSync(`${junit}.2`, 'utf8'), xml);
});

t('a file that cannot be used is told with its place: exit code 2', async () => {
  const ran = await tunlab(at('typo'), at('mixed/b-held.yaml'), at('none.yaml'));
  assert.is(ran.code, 2);
  assert.match(ran.out, '1 of 3 scenarios');
  assert.match(ran.out, `${at('typo/typo.yaml')}:8:5  fabric: unknown key "subnet", did you mean "subnets"?`);
  assert.match(ran.out, `${at('none.yaml')}:1:1  no such file`);
});

t('no verdict is exit code 3', async () => {
  const ran = await tunlab(at('open'));
  assert.is(ran.code, 3);
  assert.match(ran.out, '1 without verdict');
  assert.match(ran.out, '? ');
});

t('only what --filter finds is run', async () => {
  const ran = await tunlab(at('mixed'), '--filter', 'b-held\\.yaml$');
  assert.is(ran.code, 0);
  assert.match(ran.out, /^✓ 1 scenario, 1 expectation {6}modelled [^\n]*\n$/);
  assert.is((await tunlab(at('mixed'), '--filter', 'nothing')).code, 2);
});

t('--update writes the snapshots that noChange compares with', async () => {
  mkdirSync(at('kept'));
  const file = at('kept/lab.yaml');
  writeFileSync(file, scenario('kept', '    - expect: { noChange: start, of: [fib, reachability] }'));
  assert.is((await tunlab(file)).code, 3);
  const path = at('kept/lab.snapshots/start.txt');
  const written = await tunlab(file, '--update');
  assert.equal([written.code, written.out.includes(`written   ${path}`)], [0, true]);
  assert.match(
    readFileSync(path, 'utf8'),
    /^# tunlab snapshot: .*\n\[fib k8s-w0\]\ndefault via 192\.168\.20\.254 /,
  );
  assert.is((await tunlab(file)).code, 0);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll('192.168.20.254', '192.168.20.1'));
  const changed = await tunlab(file);
  assert.is(changed.code, 1);
  for (const line of [
    'received  4 lines differ',
    '          fib k8s-w0  - default via 192.168.20.1 dev eth0 proto static',
    '          fib k8s-w0  + default via 192.168.20.254 dev eth0 proto static',
    `more      npx tunlab test ${file} --update`,
  ])
    assert.ok(changed.out.split('\n').includes(`  ${line}`), `${line}\n${changed.out}`);
});

t('--watch runs again what a changed file is about, and ends with Ctrl-C', async () => {
  mkdirSync(at('watched/calico'), { recursive: true });
  const [one, two] = [at('watched/one.yaml'), at('watched/two.yaml')];
  writeFileSync(one, scenario('one', HELD));
  writeFileSync(two, scenario('two', HELD));
  const changes = [
    () => writeFileSync(one, scenario('one', FAILED)),
    () => writeFileSync(at('watched/three.yaml'), scenario('three', HELD)),
    () => writeFileSync(at('watched/calico/pool.yaml'), 'kind: IPPool\n'),
  ];
  const ran = await commandLine(['test', at('watched'), '--watch'], {
    heard: (_, interrupt) => {
      const change = changes.shift();
      if (change === undefined) interrupt();
      else change();
    },
  });
  assert.is(ran.code, 130);
  const summaries = ran.out.split('\n').filter(line => /^✓/.test(line));
  assert.equal(
    summaries.map(line => line.split('      ').slice(0, -1).join(' ')),
    [
      '✓ 2 scenarios, 2 expectations',
      '✓ 1 of 2 scenarios, 2 expectations ✗ 3',
      '✓ 2 of 3 scenarios, 3 expectations ✗ 3',
      '✓ 2 of 3 scenarios, 3 expectations ✗ 3',
    ],
  );
  assert.match(ran.err, `changed: ${one}\n`);
});

t('what a changed file is about', () => {
  const all = ['lab/a.yaml', 'lab/b.yaml', 'other/c.yaml'];
  for (const [changed, expected] of [
    [['lab/a.yaml'], ['lab/a.yaml']],
    [['lab/calico/pool.yaml'], ['lab/a.yaml', 'lab/b.yaml']],
    [['lab/b.snapshots/x.txt'], ['lab/b.yaml']],
    [['elsewhere/pool.yaml'], []],
  ] as const)
    assert.equal(affected(all, changed), [...expected]);
});

for (const [argv, message] of [
  [['--filter', '('], '--filter: Invalid regular expression'],
  [['--reporter', 'tap'], '--reporter: expected text, json, junit, github, got "tap"'],
  [['--reporter', 'json', '--reporter', 'text'], '--reporter: only one can write to standard output'],
  [['--reporter', 'junit='], '--reporter: junit= wants a file'],
] as const) {
  t(`refuses ${argv.join(' ')}`, async () => {
    const ran = await tunlab(...argv, at('mixed'));
    assert.is(ran.code, 2);
    assert.match(ran.err, message);
  });
}

t.after(() => rmSync(folder, { recursive: true }));

t.run();
