/** `kubectl explain`: the layout and the words of kubectl 1.32, over the shapes that the lab's objects are read with. */
import { kindNamed } from '../../src/calico/resources/kinds.ts';
import { complete } from '../../src/shell/completion.ts';
import { assert, suite } from '../kit.ts';
import { sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/kubectl-explain', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

const IPPOOL = 'GROUP:      crd.projectcalico.org\nKIND:       IPPool\nVERSION:    v1\n\n';
const POD = 'KIND:       Pod\nVERSION:    v1\n\n';
const EMPTY = 'DESCRIPTION:\n    <empty>\n';
const about = (field: string, type: string): string => `FIELD: ${field} <${type}>\n\n\n${EMPTY}`;
const fields = (...list: readonly string[]): string =>
  `FIELDS:\n${list.map(each => `  ${each.replace(' ', '\t')}\n    <no description>\n\n`).join('')}\n`;
const TOP = ['apiVersion <string>', 'kind <string>', 'metadata <ObjectMeta>'];

/** What is explained, what it prints, exit code. */
const TABLE: readonly (readonly [args: string, output: string | RegExp, exitCode?: number])[] = [
  ['ippool', IPPOOL + EMPTY + fields(...TOP, 'spec <Object>')],
  ['ippools.crd.projectcalico.org', IPPOOL + EMPTY + fields(...TOP, 'spec <Object>')],
  ['ippool.spec.cidr', `${IPPOOL}${about('cidr', 'string')}\n`],
  ['ippools.crd.projectcalico.org.spec.blockSize', `${IPPOOL}${about('blockSize', 'integer')}\n`],
  ['ippool.spec.natOutgoing', `${IPPOOL}${about('natOutgoing', 'boolean')}\n`],
  ['ippool.spec.allowedUses', `${IPPOOL}${about('allowedUses', '[]string')}\n`],
  ['ippool.metadata.labels', `${IPPOOL}${about('labels', 'map[string]string')}\n`],
  [
    'ippool.spec',
    /FIELD: spec <Object>\n\n\nDESCRIPTION:\n {4}<empty>\nFIELDS:\n {2}allowedUses\t<\[\]string>\n/,
  ],
  ['bgpfilter.spec.exportV4', /^FIELD: exportV4 <\[\]Object>\n(.*\n)+ {2}action\t<string>$/m],
  ['bgppeer.spec.asNumber', /^FIELD: asNumber <integer>$/m],
  [
    'bgpconfiguration.spec.nodeMeshPassword --recursive',
    /^FIELDS:\n {2}secretKeyRef\t<Object>\n {4}key\t<string>\n {4}name\t<string>\n\n$/m,
  ],
  ['pod', POD + EMPTY + fields(...TOP, 'spec <PodSpec>')],
  [
    'pod.spec.containers',
    `${POD}${about('containers', '[]Container')}${fields('args <[]string>', 'command <[]string>', 'image <string>', 'name <string>')}`,
  ],
  ['po.spec.containers.name', `${POD}${about('name', 'string')}\n`],
  [
    'node.status',
    `KIND:       Node\nVERSION:    v1\n\n${about('status', 'NodeStatus')}${fields('addresses <[]NodeAddress>')}`,
  ],
  ['node.spec.podCIDR --api-version=v1', /^FIELD: podCIDR <string>$/m],
  ['deployment', /^GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1\n\n/],
  ['ippool.spec.x', `${IPPOOL}error: field "x" does not exist\n`, 1],
  ['ippool.x', `${IPPOOL}error: field "x" does not exist\n`, 1],
  ['ippool.spec.cidr.foo', `${IPPOOL}error: field "foo" does not exist\n`, 1],
  ['ippool.spec.allowedUses.foo', `${IPPOOL}error: field "foo" does not exist\n`, 1],
  ['ippool.spec.toString', `${IPPOOL}error: field "toString" does not exist\n`, 1],
  // What a real Pod may well have, and the lab keeps without a look at it.
  [
    'pod.spec.tolerations',
    'kubectl explain pod.spec.tolerations: tolerations is kept as it is, but not emulated in this lab\n',
    2,
  ],
  ['deployment.spec.replicas', /: replicas is kept as it is, but not emulated in this lab\n$/, 2],
  ['nope', `the server doesn't have a resource type "nope"\n`, 1],
  ['nope.spec', `the server doesn't have a resource type "nope"\n`, 1],
  ['svc', 'kubectl explain svc: this kind is not emulated in this lab\n', 2],
  ['pod node', 'error: We accept only this format: explain RESOURCE\n', 1],
  ['', /^error: You must specify the type of resource to explain\. Use "kubectl api-resources" /, 1],
  ['pod --api-version=v2', `error: couldn't find resource for "/v2, Resource=pods"\n`, 1],
  ['pod -o xml', "error: unknown shorthand flag: 'o' in -o\nSee 'kubectl explain --help' for usage.\n", 1],
];

for (const [args, output, exitCode = 0] of TABLE) {
  t(`explain ${args}`, async ({ typist }) => {
    const printed = await typist.type(`kubectl explain ${args}`);
    if (typeof output === 'string') assert.is(printed, output);
    else assert.match(printed, output);
    assert.is(typist.exitCode, exitCode);
  });
}

t('every field that the lab reads of a FelixConfiguration is there, in order', async ({ typist }) => {
  const { spec } = kindNamed('felixconfiguration')!;
  const text = await typist.run('kubectl explain felixconfiguration.spec');
  const names = [...text.matchAll(/^ {2}(\S+)\t</gm)].map(match => match[1]!);
  assert.is(spec.is, 'object');
  assert.equal(names, Object.keys(spec.is === 'object' ? spec.fields : {}).sort());
});

t('Tab offers the verb and the kinds, and no objects', async ({ typist: { shell, lab } }) => {
  assert.equal(await complete(shell, lab.cluster, 'kubectl expl'), [['explain '], 'expl']);
  assert.equal(await complete(shell, lab.cluster, 'kubectl explain ippo'), [['ippools '], 'ippo']);
  assert.equal(await complete(shell, lab.cluster, 'kubectl explain ippools d'), [[], 'd']);
});

t.run();
