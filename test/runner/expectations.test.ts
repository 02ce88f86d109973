/** `path` and `outage`: what was seen of probes, and how long a flow was cut off. */
import { Lab } from '../../src/lab.ts';
import type { StepResult } from '../../src/runner/steps.ts';
import type { Verdict } from '../../src/runner/verdict.ts';
import { parseScenario } from '../../src/scenario/load.ts';
import { ScenarioError } from '../../src/scenario/problem.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('runner/expectations', undefined, 30_000);

const parse = (steps: string) =>
  parseScenario(
    `apiVersion: tunlab.dev/v1alpha1
kind: Scenario
metadata: { name: expectations }
spec:
  calico: { version: v3.28.1 }
  fabric:
    routers: { k8s-rtr: { default: none } }
    subnets:
      a: { cidr: 192.168.10.0/24, gateway: k8s-rtr .254 }
      b: { cidr: 192.168.20.0/24, gateway: k8s-rtr .254 }
    nodes: { k8s-w1: a .101, k8s-w0: b .100 }
  resources: [calico/ippool-ipip-always.yaml]
  pods: { pod1: k8s-w1, pod3: k8s-w0 }
  steps:
${steps}`,
    { file: fromRoot('scenarios/modes/inline.yaml'), validate: validateResources },
  );

const patch = (mode: string): string =>
  `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"${mode}"}}'`;

const STEPS = `
    - expect: { converged: true, within: 60s }
    - expect:
        - { path: pod1 <-> pod3, hops: [k8s-w1, k8s-rtr, k8s-w0] }
        - { path: pod1 -> pod3, hops: [k8s-w1, k8s-w0] }
        - { outage: pod1 -> pod3, max: 0s }
    - run: ${patch('CrossSubnet')}
      expect: { outage: pod1 -> pod3, max: 0s }
    - run: ${patch('Never')}
      expect:
        - { outage: pod1 -> pod3, max: 1s }
        - { path: pod1 -> pod3, hops: [k8s-w1, k8s-rtr, k8s-w0] }
    - run: ${patch('Always')}
      expect: { outage: pod1 -> pod3, max: 10s }
    - node: { stop: k8s-w1 }
      expect: { outage: pod1 -> pod3, max: 10s }
`;

let run: Promise<StepResult[]> | undefined;

async function runAll(): Promise<StepResult[]> {
  const lab = await Lab.of(parse(STEPS), { workers: 0 });
  const results = await lab.steps();
  await lab.close();
  return results;
}

/** All tests look at one run. */
async function verdict(step: number, expectation = 0): Promise<Verdict> {
  run ??= runAll();
  return (await run)[step]!.expectations[expectation]!.verdict;
}

t('path: the machines that were seen, there and back', async () => {
  assert.is((await verdict(1, 0)).ok, true);
  assert.equal(await verdict(1, 1), {
    ok: false,
    expected: 'pod1 -> pod3 passes k8s-w1, k8s-w0',
    received: 'passed k8s-w1, k8s-rtr, k8s-w0',
  });
});

t('path: what does not arrive has none', async () => {
  const { ok, received } = await verdict(3, 1);
  assert.equal([ok, received], [false, 'no answer: NO_ROUTE at k8s-rtr']);
});

t('outage: none when nothing happens, none when the tunnel stays', async () => {
  assert.match((await verdict(1, 2)).received, /^none: \d+ probes, all answered$/);
  assert.match((await verdict(2)).received, /^none: \d+ probes, all answered$/);
  // The lab is watched until it has been quiet for 2.5 s.
  assert.ok(Number(/\d+/.exec((await verdict(2)).received)![0]) > 250);
});

t('outage: one that does not end, and why', async () => {
  const { ok, received, reason, at } = await verdict(3);
  assert.equal([ok, reason, at], [false, 'NO_ROUTE', 'k8s-rtr']);
  assert.match(received, /^\d\.\d\d s \(\d+\.\d{3} s … the end\), NO_ROUTE at k8s-rtr$/);
});

t('outage: one that ends is measured in steps of 10 ms', async () => {
  const { ok, received } = await verdict(4);
  assert.is(ok, true);
  assert.match(received, /^[\d.]+ (ms|s) \(\d+\.\d\d0 s … \d+\.\d\d0 s\), NO_ROUTE at k8s-rtr$/);
});

t('outage: without its sender there is no verdict', async () => {
  const { inconclusive, received } = await verdict(5);
  assert.equal([inconclusive, received], [true, 'the sender was gone before the end']);
});

for (const [step, message] of [
  ['{ path: pod1 -> pod3, hops: [k8s-w1, k8s-rtx] }', /hops\[1\].*unknown node or router or host "k8s-rtx"/],
  ['{ path: pod1 -> pod3 }', /hops/],
  ['{ outage: pod1 <-> pod3, max: 0s }', /an outage has one direction: say ->/],
  ['{ outage: pod1 -> pod3 }', /max/],
] as const) {
  t(`refuses ${step}`, () => {
    assert.throws(
      () => parse(`    - expect: ${step}\n`),
      (error: Error) => error instanceof ScenarioError && message.test(error.message),
    );
  });
}

t.run();
