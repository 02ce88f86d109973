/** Command lines as text, and the small languages inside them: selectors, jsonpath, options. */
import * as fc from 'fast-check';
import { JsonPathError, jsonPath } from '../../src/shell/jsonpath.ts';
import { labelSelector } from '../../src/shell/label-selector.ts';
import {
  commandLines,
  functionsIn,
  isWhole,
  partsOf,
  quote,
  standsAlone,
  timedPipeline,
  withoutPrompt,
  withTimeAsCommand,
  wordsOf,
} from '../../src/shell/line.ts';
import { parseFlags } from '../../src/shell/options.ts';
import { assert, suite } from '../kit.ts';

const t = suite('shell/line');

for (const [line, text, host] of [
  ['root@k8s-m:~# ip route', 'ip route', 'k8s-m'],
  ['(⎈|HomeLab:N/A) root@k8s-m:~# ip route', 'ip route', 'k8s-m'],
  ['(⎈|HomeLab:default) root@k8s-m:~/manifests# k get pod', 'k get pod', 'k8s-m'],
  ['ubuntu@k8s-w1:~$ ip a', 'ip a', 'k8s-w1'],
  ['root@k8s-m:~#', '', 'k8s-m'],
  ['ip route', 'ip route', undefined],
  ['[root@k8s-w1 ~]# ip route', 'ip route', 'k8s-w1'],
  ['$ kubectl get nodes', 'kubectl get nodes', undefined],
  ['/ # ip addr', 'ip addr', undefined],
  ['bash-5.1# ip addr', 'ip addr', undefined],
  ['# a comment', '# a comment', undefined],
  ['$HOME/bin/x', '$HOME/bin/x', undefined],
  ['echo root@k8s-m:~# no prompt', 'echo root@k8s-m:~# no prompt', undefined],
] as const)
  t(`prompt off ${JSON.stringify(line)}`, () => assert.equal(withoutPrompt(line), { text, host }));

for (const [line, result] of [
  ['time x', 'time x'],
  ['a; time x', 'a; \\time x'],
  ['a && time x | time y', 'a && \\time x | \\time y'],
  ['for i in 1; do time x; done', 'for i in 1; do \\time x; done'],
  ["echo '; time x'", "echo '; time x'"],
  ['a; timeout 1 x', 'a; timeout 1 x'],
] as const)
  t(`the keyword in ${line}`, () => assert.is(withTimeAsCommand(line), result));

for (const [line, seconds, report] of [
  ['time sleep 1', 1.5, '\nreal\t0m1.500s\nuser\t0m0.000s\nsys\t0m0.000s\n'],
  ['time -p ping x | tail -1', 61, 'real 61.00\nuser 0.00\nsys 0.00\n'],
  ['time sleep 90', 90, '\nreal\t1m30.000s\nuser\t0m0.000s\nsys\t0m0.000s\n'],
] as const)
  t(`${line} takes ${seconds} s`, () => assert.is(timedPipeline(line)!.report(seconds * 1e9), report));
for (const line of ['sleep 1', 'timeout 1 x', 'time a; b', 'time', 'a | time b'])
  t(`${line} is not timed as a whole`, () => assert.is(timedPipeline(line), undefined));

for (const [line, names] of [
  ['f() { echo hi; }', ['f']],
  ['function g { echo hi; }; h() { f; }', ['g', 'h']],
  ['f() { echo hi; }; f', []],
  ['echo "f() {"', []],
  ['f() {', []],
] as const)
  t(`functions of ${line}`, () =>
    assert.equal(
      functionsIn(line).map(([name]) => name),
      names,
    ),
  );

t('the prompt of a pod is known only in that pod', () => {
  assert.is(withoutPrompt(' pod1  ~  ping 8.8.8.8', 'pod1').text, 'ping 8.8.8.8');
  assert.is(withoutPrompt('pod1:~# ping 8.8.8.8', 'pod1').text, 'ping 8.8.8.8');
  assert.is(withoutPrompt('pod1  ~  x').text, 'pod1  ~  x');
});

for (const [line, alone] of [
  ['ping -c 1 pod', true],
  ['tcpdump -ni any "icmp or (port 53)"', true],
  [`calicoctl patch ippool x -p '{"spec":{"a":1}}'`, true],
  ['ip route | grep bird', false],
  ['a; b', false],
  ['a > file', false],
  ['echo $(hostname)', false],
  ['a\nb', false],
] as const)
  t(`${JSON.stringify(line)} ${alone ? 'stands alone' : 'does not'}`, () =>
    assert.is(standsAlone(line), alone),
  );

for (const [line, background, rest] of [
  ['tcpdump -i tunl0 &', ['tcpdump -i tunl0'], ''],
  ['tcpdump &  ', ['tcpdump'], '  '],
  ['a & b & c', ['a', 'b'], ' c'],
  ['a && b', [], 'a && b'],
  ['echo "x &"', [], 'echo "x &"'],
  ['echo x \\&', [], 'echo x \\&'],
  ['a 2>&1', [], 'a 2>&1'],
  ['a 2>&1 &', ['a 2>&1'], ''],
  ['a &> out', [], 'a &> out'],
  ['for i in 1; do a & done', [], 'for i in 1; do a & done'],
  ['& a', [], '& a'],
] as const)
  t(`the parts of ${JSON.stringify(line)}`, () => assert.equal(partsOf(line), { background, rest }));

for (const [text, whole] of [
  ['ip route', true],
  ['echo "a', false],
  ["echo 'a", false],
  ['echo a \\', false],
  ['ip route |', false],
  ['a &&', false],
  ['cat <<EOF', false],
  ['cat <<EOF\nx', false],
  ['cat <<EOF\nx\nEOF', true],
  ["cat <<'EOF' | calicoctl apply -f -\nx\nEOF", true],
  ['cat <<< word', true],
  ['for i in 1 2; do', false],
  ['for i in 1 2; do echo $i; done', true],
  ['if true', false],
  ['echo )', true],
  ['', true],
] as const)
  t(`${JSON.stringify(text)} is ${whole ? 'whole' : 'open'}`, () => assert.is(isWhole(text), whole));

t('a pasted text becomes whole lines', () => {
  const text = 'root@k8s-m:~# ip route\n\ncat <<EOF |\nx\nEOF\ncat\nfor i in 1\ndo echo $i\ndone\n';
  assert.equal(commandLines(text), [
    'root@k8s-m:~# ip route',
    'cat <<EOF |\nx\nEOF\ncat',
    'for i in 1\ndo echo $i\ndone',
  ]);
});

t('words, quotes taken off', () => {
  assert.equal(wordsOf(`ssh k8s-w1 'ip route' "a \\"b\\"" c\\ d`), [
    'ssh',
    'k8s-w1',
    'ip route',
    'a "b"',
    'c d',
  ]);
});

t('a quoted word is one word again', () => {
  void fc.assert(
    fc.property(fc.string({ minLength: 1 }), word => {
      fc.pre(!word.includes('\0'));
      assert.equal(wordsOf(quote(word)), [word]);
    }),
    { numRuns: 300 },
  );
});

const FLAGS = {
  output: { short: 'o', value: true },
  watch: { short: 'w', value: false },
  all: { short: 'A', value: false },
} as const;

for (const [args, words, flags] of [
  [['get', 'pods', '-o', 'wide'], ['get', 'pods'], { output: 'wide' }],
  [['-owide', 'pods'], ['pods'], { output: 'wide' }],
  [['-o=wide'], [], { output: 'wide' }],
  [['--output=yaml', '-Aw'], [], { output: 'yaml', all: 'true', watch: 'true' }],
  [['-Aoname', '-'], ['-'], { all: 'true', output: 'name' }],
] as const)
  t(`flags of ${args.join(' ')}`, () => {
    const parsed = parseFlags(args, FLAGS);
    assert.equal(parsed.words, words);
    assert.equal(Object.fromEntries(parsed.flags), flags);
  });

t('flags: unknown ones, missing values, the end', () => {
  assert.is(parseFlags(['--nope=1'], FLAGS).unknown, '--nope');
  assert.is(parseFlags(['-Az'], FLAGS).unknown, '-z');
  assert.is(parseFlags(['-o'], FLAGS).lacking, '-o');
  assert.equal(parseFlags(['pod1', '--', 'ls', '-l'], FLAGS).rest, ['ls', '-l']);
  assert.equal(parseFlags(['-o', 'a', '-o', 'b'], FLAGS).all.get('output'), ['a', 'b']);
});

const LABELS = { app: 'web', tier: 'front', 'node-role.kubernetes.io/control-plane': '' };

for (const [selector, holds] of [
  ['app=web', true],
  ['app==web,tier!=back', true],
  ['app!=web', false],
  ['missing!=x', true],
  ['app in (web, db)', true],
  ['app notin (web)', false],
  ['missing notin (web)', true],
  ['app', true],
  ['!app', false],
  ['node-role.kubernetes.io/control-plane', true],
  ['node-role.kubernetes.io/control-plane=', true],
] as const)
  t(`selector ${selector}`, () => assert.is(labelSelector(selector)!(LABELS), holds));

t('no selector', () => assert.is(labelSelector('a b'), undefined));

const LIST = {
  items: [
    {
      metadata: { name: 'a', labels: { 'x.y/z': '1' } },
      addresses: [
        { type: 'In', address: 'A' },
        { type: 'Host', address: 'H' },
      ],
    },
    { metadata: { name: 'b' }, count: 3 },
  ],
};

for (const [template, text] of [
  ['{.items[*].metadata.name}', 'a b'],
  ['{.items[0].metadata.name}{"\\n"}', 'a\n'],
  ['.items[1].count', '3'],
  ['{.items[-1:].metadata.name}', 'b'],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.count}{"\\n"}{end}', 'a\t\nb\t3\n'],
  ['{.items[*].addresses[?(@.type=="In")].address}', 'A'],
  ['{.items[?(@.count>=3)].metadata.name}', 'b'],
  ["{.items[0].metadata.labels['x.y/z']}", '1'],
  ['{.items[0].metadata.labels.x\\.y/z}', ''],
  ['{..name}', 'a b'],
  ['name: {.items[0].metadata}', 'name: {"name":"a","labels":{"x.y/z":"1"}}'],
  ['{.nothing}', ''],
] as const)
  t(`jsonpath ${template}`, () => {
    if (template.includes('x\\.y/z'))
      assert.throws(
        () => jsonPath(template, LIST),
        (e: Error) => e instanceof JsonPathError,
      );
    else assert.is(jsonPath(template, LIST), text);
  });

t('jsonpath refuses what it cannot read', () => {
  for (const template of ['{.a', '{end}', '{range .a}', '{.a b}'])
    assert.throws(
      () => jsonPath(template, {}),
      (e: Error) => e instanceof JsonPathError,
    );
});

t.run();
