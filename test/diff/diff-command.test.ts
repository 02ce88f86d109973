/** `tunlab diff`: what differs, what is lost and because of what, in every form; the exit codes of `kubectl diff`. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tunlab as commandLine, type Ran } from '../cli/command-line.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('diff/command', undefined, 60_000);

const diff = (...argv: string[]): Promise<Ran> => commandLine(['diff', ...argv]);
const mode = (name: string): string => fromRoot(`scenarios/modes/${name}.yaml`);

const folder = mkdtempSync(join(tmpdir(), 'tunlab-diff-'));
const at = (name: string): string => join(folder, name);
t.after(() => rmSync(folder, { recursive: true }));

/** A folder with the pool of a mode; `edit` changes its text. */
function resources(name: string, pool: string, edit = (text: string) => text): string {
  mkdirSync(at(name));
  writeFileSync(
    at(`${name}/ippool.yaml`),
    edit(readFileSync(fromRoot(`scenarios/modes/calico/ippool-${pool}.yaml`), 'utf8')),
  );
  return at(name);
}

const hasLines = (text: string, ...lines: string[]): void => {
  for (const line of lines) assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
};

interface Document {
  readonly same: boolean;
  readonly live: boolean;
  readonly convergedInNs: number | null;
  readonly scenario: readonly { readonly path: string; readonly place: string }[];
  readonly resources: readonly {
    readonly name: string;
    readonly change: string;
    readonly refused: string | null;
    readonly fields: readonly { readonly path: string; readonly was: unknown; readonly is: unknown }[];
  }[];
  readonly talking: {
    readonly before: number;
    readonly pairsBefore: number;
    readonly after: number;
    readonly pairsAfter: number;
  };
  readonly outages: readonly { readonly pair: string; readonly lengthNs: number; readonly end: string }[];
  readonly lost: readonly {
    readonly pair: string;
    readonly because: {
      readonly resource: string;
      readonly fields: readonly { readonly path: string }[];
    } | null;
  }[];
}

async function document(...argv: string[]): Promise<Document> {
  const ran = await diff(...argv, '--json');
  assert.ok(ran.code < 2, ran.err);
  return JSON.parse(ran.out) as Document;
}

t(
  'IPIP to Direct: who is cut off and because of which field, tables, paths, outage; exit code 1',
  async () => {
    const [a, b] = [mode('ipip-always'), mode('direct')];
    const { code, out } = await diff(a, b);
    assert.is(code, 1);
    const place = `${fromRoot('scenarios/modes/calico/ippool-direct.yaml')}:8:13`;
    hasLines(
      out,
      '✗ 4 pairs are cut off: pod1 -> pod3, pod2 -> pod3, pod3 -> pod1, pod3 -> pod2',
      '  ✗ NO_ROUTE at k8s-rtr: No route covers the destination.',
      `    IPPool default-ipv4-ippool spec.ipipMode: Always -> Never (${place})`,
      '  ~ IPPool default-ipv4-ippool',
      `      spec.ipipMode: Always -> Never   ${place}`,
      'fib k8s-w1',
      '  - 172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
      '  + 172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird',
      '  - 172.16.158.0/32 dev tunl0 [direct1] * (240)',
      '  - 172.16.158.0 ipipTunnelAddress on k8s-w1',
      'reachability   6 of 6 pairs talk -> 2',
      '  pod1 -> pod2   tunl0 -> direct',
      '  pod1 -> pod2   tunl0, 118 octets, k8s-w1 k8s-w2 -> direct, 98 octets, k8s-w1 k8s-w2',
    );
    assert.match(out, /applied to the running lab, converged in [\d.]+ s\n/);
    assert.match(out, /\n {2}pod1 -> pod3 {3}for good, [\d.]+ ms after the change: NO_ROUTE at k8s-rtr\n/);
  },
);

t('the same again prints the same bytes', async () => {
  const argv = [mode('ipip-always'), mode('vxlan-always'), '--json'];
  assert.is((await diff(...argv)).out, (await diff(...argv)).out);
});

t('an outage that ends is measured; octets of VXLAN', async () => {
  const { talking, outages, lost } = await document(mode('ipip-always'), mode('vxlan-always'));
  assert.equal([talking, lost], [{ before: 6, pairsBefore: 6, after: 6, pairsAfter: 6 }, []]);
  assert.is(outages.length, 6);
  for (const { lengthNs, end } of outages) assert.ok(end === 'seen' && lengthNs > 0 && lengthNs < 5e9);
  const { out } = await diff(mode('ipip-always'), mode('vxlan-always'));
  hasLines(
    out,
    '  pod1 -> pod2   tunl0, 118 octets, k8s-w1 k8s-w2 -> vxlan.calico, 148 octets, k8s-w1 k8s-w2',
  );
});

t('no difference: one line and exit code 0', async () => {
  const { code, out } = await diff(mode('direct'), mode('direct'));
  assert.equal([code, out], [0, `${mode('direct')} -> ${mode('direct')}   no difference\n`]);
});

t('a folder takes the place of Calico resources; pods stay', async () => {
  const {
    resources: changes,
    talking,
    live,
  } = await document(mode('ipip-always'), resources('direct', 'direct'));
  assert.equal([live, talking], [true, { before: 6, pairsBefore: 6, after: 2, pairsAfter: 6 }]);
  assert.equal(
    changes.map(({ name, change, fields }) => [
      name,
      change,
      fields.map(({ path, was, is }) => [path, was, is]),
    ]),
    [['default-ipv4-ippool', 'changed', [['spec.ipipMode', 'Always', 'Never']]]],
  );
});

t('two folders need a fabric; of several changes the one that cut is named', async () => {
  const before = resources('before', 'ipip-always');
  const after = resources('after', 'ipip-always', text =>
    text.replace('ipipMode: Always', 'ipipMode: Never').replace('natOutgoing: true', 'natOutgoing: false'),
  );
  const refused = await diff(before, after);
  assert.is(refused.code, 2);
  assert.match(refused.err, /^tunlab diff: two folders of resources: --fabric names the scenario/);
  const { resources: changes, lost } = await document(before, after, '--fabric', mode('direct'));
  assert.equal(
    changes[0]!.fields.map(field => field.path),
    ['spec.ipipMode', 'spec.natOutgoing'],
  );
  assert.equal(
    lost.map(({ pair, because }) => [pair, because?.fields.map(field => field.path)]),
    ['pod1 -> pod3', 'pod2 -> pod3', 'pod3 -> pod1', 'pod3 -> pod2'].map(pair => [pair, ['spec.ipipMode']]),
  );
});

t('a resource that goes is deleted, and named as the cause', async () => {
  const all = at('peered');
  mkdirSync(all);
  for (const name of ['ippool-direct', 'no-mesh', 'bgppeer-router'])
    cpSync(fromRoot(`scenarios/modes/calico/${name}.yaml`), join(all, `${name}.yaml`));
  cpSync(all, at('unpeered'), { recursive: true });
  rmSync(at('unpeered/bgppeer-router.yaml'));
  const fabric = ['--fabric', mode('direct-router-rr')];
  const { resources: changes, talking, lost } = await document(all, at('unpeered'), ...fabric);
  assert.equal(
    changes.map(({ change }) => change),
    ['removed'],
  );
  assert.equal(talking, { before: 6, pairsBefore: 6, after: 0, pairsAfter: 6 });
  for (const { because } of lost) assert.match(because!.resource, /^BGPPeer /);
  const back = await document(at('unpeered'), all, ...fabric);
  assert.equal(
    [back.talking, back.lost, back.resources[0]!.change],
    [{ before: 0, pairsBefore: 6, after: 6, pairsAfter: 6 }, [], 'added'],
  );
});

t('a pod that moves, a pod that comes, a node that leaves the mesh', async () => {
  const folder = resources('moving', 'ipip-always');
  const pods = readFileSync(fromRoot('scenarios/modes/calico/node3-pod3.yaml'), 'utf8');
  const more = `---
apiVersion: v1
kind: Pod
metadata: { name: pod4 }
spec: { nodeName: k8s-w0, containers: [{ name: c, image: x }] }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: k8s-w1 }
spec: { bgp: { routeReflectorClusterID: 1.0.0.1 } }
`;
  writeFileSync(at('moving/pods.yaml'), pods.replace('nodeName: k8s-w0', 'nodeName: k8s-w2') + more);
  const { out } = await diff(mode('ipip-always'), folder);
  hasLines(
    out,
    '✗ 4 pairs are cut off: pod1 -> pod2, pod1 -> pod3, pod2 -> pod1, pod3 -> pod1',
    `    Node k8s-w1 spec.bgp.routeReflectorClusterID: (none) -> 1.0.0.1 (${at('moving/pods.yaml')}:48:41)`,
    '  ~ Pod pod3',
    'reachability   6 of 6 pairs talk -> 6 of 12',
    '  pod2 -> pod3   tunl0 -> local',
    '  pod2 -> pod4   not there -> tunl0',
  );
});

t('what the API server refuses is told, and changes nothing', async () => {
  const moved = resources('moved', 'ipip-always', text => text.replace('172.16.0.0/16', '10.99.0.0/16'));
  const { out, code } = await diff(mode('ipip-always'), moved);
  assert.is(code, 1);
  assert.match(out, /✗ refused: .*IPPool CIDR cannot be modified/);
  const { talking, resources: changes } = await document(mode('ipip-always'), moved);
  assert.equal(talking, { before: 6, pairsBefore: 6, after: 6, pairsAfter: 6 });
  assert.match(changes[0]!.refused!, 'CIDR cannot be modified');
});

t('other fabrics: two labs, the scenario field by field', async () => {
  const file = at('slow.yaml');
  const text = readFileSync(mode('direct'), 'utf8').replaceAll('10Gbit', '1Gbit');
  cpSync(fromRoot('scenarios/modes/calico'), at('calico'), { recursive: true });
  writeFileSync(file, text);
  const { live, scenario, outages, convergedInNs } = await document(mode('direct'), file);
  assert.equal([live, outages, convergedInNs], [false, [], null]);
  assert.equal(
    scenario.map(({ path, place }) => [path, place]),
    [
      ['fabric.subnets.a.rate', `${file}:14:64`],
      ['fabric.subnets.b.rate', `${file}:15:64`],
    ],
  );
  const { out } = await diff(mode('direct'), file);
  assert.match(out, 'two labs, for their fabrics differ');
  hasLines(out, `  fabric.subnets.a.rate: 10Gbit -> 1Gbit   ${file}:14:64`);
});

t('markdown: the loss first, tables folded away', async () => {
  const { code, out } = await diff(mode('ipip-always'), mode('direct'), '--format', 'markdown');
  assert.is(code, 1);
  hasLines(
    out,
    `### \`${mode('ipip-always')}\` → \`${mode('direct')}\``,
    '- :x: **4 pairs are cut off: pod1 -> pod3, pod2 -> pod3, pod3 -> pod1, pod3 -> pod2**: NO_ROUTE at k8s-rtr: No route covers the destination.',
    '| Pair | Before | After |',
    '| pod1 -> pod2 | tunl0, 118 octets, k8s-w1 k8s-w2 | direct, 98 octets, k8s-w1 k8s-w2 |',
    '```diff',
    '@@ fib k8s-w1 @@',
    '-172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
    '</details>',
  );
  assert.match(
    (await diff(mode('direct'), mode('direct'), '--format', 'markdown')).out,
    /\n\nNo difference\.\n$/,
  );
});

for (const [argv, message] of [
  [[mode('direct')], 'A B is missing'],
  [[mode('direct'), mode('none')], 'no such file'],
  [[mode('direct'), mode('direct'), '--format', 'xml'], '--format: expected text, markdown, json, got "xml"'],
  [[mode('direct'), mode('direct'), '--json', '--format', 'text'], '--json and --format text are two forms'],
  [[mode('direct'), fromRoot('test/golden/scenarios')], 'is already defined at'],
  [[mode('direct'), fromRoot('test/fixtures/scenario/none')], 'no such file'],
] as const) {
  t(`refuses ${argv.map(word => word.replace(fromRoot(''), '')).join(' ')}: exit code 2`, async () => {
    const ran = await diff(...argv);
    assert.is(ran.code, 2);
    assert.ok(`${ran.out}${ran.err}`.includes(message), ran.err);
  });
}

t.run();
