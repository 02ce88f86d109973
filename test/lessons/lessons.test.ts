/** `tunlab lessons`: what is in the files, what a symptom finds, what is printed. */
import { readdirSync } from 'node:fs';
import { lessons as command } from '../../src/cli/commands/lessons.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { output } from '../../src/cli/io.ts';
import { findScenarios } from '../../src/cli/scenario-files.ts';
import { type Lesson, readLesson, readPlanned } from '../../src/lessons/lesson.ts';
import { search, wordsOf } from '../../src/lessons/search.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('lessons');

const FOLDER = fromRoot('scenarios/lessons');
const files = findScenarios([FOLDER]);
const all = files.flatMap((file): Lesson[] => {
  const lesson = readLesson(file);
  return lesson === undefined ? [] : [lesson];
});
const planned = readPlanned(`${FOLDER}/planned.yaml`);

t('every scenario of the folder is a lesson, and there are enough of them', () => {
  assert.is(all.length, files.length);
  assert.ok(all.length >= 22, `${all.length} lessons`);
  const others = readdirSync(FOLDER).filter(name => name.endsWith('.yaml') && name !== 'planned.yaml');
  assert.is(others.length, files.length);
});

t('a story is either shown or planned, under one name', () => {
  const names = [...all, ...planned].map(({ name }) => name);
  assert.equal([...new Set(names)].sort(), [...names].sort());
  for (const { name, missing, symptom } of planned) assert.ok(missing !== '' && symptom !== '', name);
});

for (const { name, file, question, issues } of all) {
  t(`${name}: is called as its file, names its sources, asks about what is there`, () => {
    assert.ok(file.endsWith(`/${name}.yaml`));
    assert.ok(
      issues.length > 0 && issues.every(issue => /^([\w-]+\/[\w-]+)?#\d+$/.test(issue)),
      issues.join(' '),
    );
    const { steps } = loadScenario(file);
    if (question !== undefined) assert.ok(question.steps >= 1 && question.steps <= steps.length);
    assert.match(steps.map(step => step.name).join('\n'), 'symptom');
    assert.match(steps.map(step => step.name).join('\n'), 'cure');
  });

  t(`${name}: its own symptom finds it first, so does each of its issues`, () => {
    const lesson = all.find(each => each.name === name)!;
    assert.is(search(all, lesson.symptom)[0]?.lesson.name, name);
    for (const issue of issues)
      assert.ok(
        search(all, issue).some(found => found.lesson.name === name),
        issue,
      );
  });
}

for (const [symptom, name] of [
  ['BGP is established but pods on other nodes do not answer, we are on Azure', 'ipip-proto4-blocked'],
  ['is direct mode only for one segment?', 'direct-cross-subnet'],
  ['vxlan cross subnet does not work on aws', 'aws-src-dst-check'],
  ['CrossSubnet still tunnels everything', 'crosssubnet-slash32'],
  ['curl hangs with large responses, ping is fine', 'mtu-blackhole'],
  ['Idle  Received: Bad peer AS', 'bad-peer-as'],
  ['BIRD is not ready: BGP not established with 10.0.0.7', 'bird-not-ready'],
  ['all my peers are Passive', 'passive-connect'],
  ['strange blackhole route comes back after deleting', 'what-is-this-blackhole'],
  ['pod got an IP ending with .0', 'dot-zero-address'],
  ['why is the gateway 169.254.1.1', 'gateway-169-254-1-1'],
  ['pods can not reach the Internet', 'nat-outgoing-off'],
  ['somebody removed a node label and now pods are cut off', 'rr-selector-drift'],
  ['ContainerCreating, No more free affine blocks', 'strict-affinity'],
  ['how do I migrate from ipip to vxlan without downtime', 'ipip-to-vxlan-live'],
  ['upgrade of calico-node: outage from outside', 'graceful-restart'],
  ['NSX on vSphere drops vxlan', 'vxlan-port-reserved'],
  ['packets dropped with rp_filter', 'rp-filter'],
  ['migrate to a new ip pool', 'pool-migration'],
  ['full mesh too many sessions for 300 nodes', 'mesh-sessions'],
] as const)
  t(`"${symptom}" finds ${name}`, () => {
    assert.is(search(all, symptom)[0]?.lesson.name, name);
  });

t('words that nobody has find nothing', () => {
  assert.equal(search(all, 'xylophone'), []);
  assert.equal(search(all, ''), []);
});

t('endings are cut, addresses are not', () => {
  assert.equal(wordsOf('Pods were dropped, dropping 169.254.1.1 on node-1'), [
    'pod',
    'wer',
    'drop',
    'drop',
    '169.254.1.1',
    'node-1',
  ]);
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function tunlab(...argv: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    stdout: output({ write: line => out.push(line) }, {}),
    stderr: output({ write: line => err.push(line) }, {}),
    input: async () => new Uint8Array(),
    signal: new AbortController().signal,
  };
  const code = await dispatch(['lessons', ...argv], io, { lessons: command });
  return { code, out: out.join(''), err: err.join('') };
}

t('lists all of them, none wider than a terminal', async () => {
  const { code, out } = await tunlab();
  assert.is(code, 0);
  for (const { name } of all) assert.ok(out.includes(`  ${name} `), name);
  assert.ok(out.split('\n').every(line => line.length <= 100));
});

t('a symptom gets its lesson, how to run it and what to ask', async () => {
  const { code, out } = await tunlab('large', 'transfers', 'hang');
  assert.is(code, 0);
  assert.match(out, /^mtu-blackhole\n/);
  assert.match(out, /run it {5}npx tunlab run \S*scenarios\/lessons\/mtu-blackhole\.yaml\n/);
  assert.match(out, /ask why {4}npx tunlab explain \S+ client far --steps 1 --size 1452 --df\n/);
});

t('a symptom that nobody knows is told so, and exits with 1', async () => {
  const { code, out } = await tunlab('xylophone');
  assert.is(code, 1);
  assert.match(out, 'no lesson knows any of these words: xylophone');
});

t('what is planned says what is missing for it', async () => {
  const { out } = await tunlab('--planned');
  for (const { name } of planned) assert.ok(out.includes(`  ${name} `), name);
  assert.is(out.match(/missing: /g)?.length, planned.length);
  assert.is((await tunlab('--planned', 'mtu')).code, 2);
});

t('as JSON', async () => {
  const list = JSON.parse((await tunlab('--json')).out);
  assert.is(list.schemaVersion, 1);
  assert.is(list.lessons.length, all.length);
  const found = JSON.parse((await tunlab('--json', 'unknown', 'blackhole', 'route')).out);
  assert.is(found.lessons[0].name, 'what-is-this-blackhole');
  assert.equal(JSON.parse((await tunlab('--json', '--planned')).out).planned, planned);
});

t.run();
