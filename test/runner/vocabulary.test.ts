/** Every kind of expectation that looks at tables, packets and laws, both ways: one that holds, one that fails, and why. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../../src/lab.ts';
import { casesOf } from '../../src/runner/test-case.ts';
import { failureLines } from '../../src/runner/test-text.ts';
import type { Verdict } from '../../src/runner/verdict.ts';
import { parseScenario } from '../../src/scenario/load.ts';
import { ScenarioError } from '../../src/scenario/problem.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import type { Scenario } from '../../src/scenario/types.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('runner/vocabulary', undefined, 120_000);

const text = (steps: string): string => `apiVersion: tunlab.dev/v1alpha1
kind: Scenario
metadata: { name: vocabulary }
spec:
  calico: { version: v3.28.1 }
  fabric:
    routers: { k8s-rtr: { default: none } }
    subnets:
      a: { cidr: 192.168.10.0/24, gateway: k8s-rtr .254, rate: 1Gbit }
      b: { cidr: 192.168.20.0/24, gateway: k8s-rtr .254, rate: 1Gbit }
    nodes: { k8s-w1: a .101, k8s-w2: a .102, k8s-w0: b .100 }
  resources: [calico/ippool-vxlan-always.yaml]
  pods: { pod1: k8s-w1, pod2: k8s-w2, pod3: k8s-w0 }
  steps:
${steps}`;

const parse = (steps: string, file = fromRoot('scenarios/modes/inline.yaml')): Scenario =>
  parseScenario(text(steps), { file, validate: validateResources });

const DIRECT = `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"vxlanMode":"Never"}}'`;

/** What is expected, does it hold, and what the report says was received. */
type Row = readonly [expectation: string, ok: boolean | 'open', received: RegExp];

/** VXLAN, converged, three pods. */
const TUNNELLED: readonly Row[] = [
  ['{ neigh: 192.168.10.254, on: k8s-w1, dev: eth0 }', true, /^192\.168\.10\.254 dev eth0 lladdr 02:00:/],
  ['{ neigh: 192.168.10.254, on: k8s-w1, lladdr: 02:00:c0:a8:0a:fe }', true, /lladdr 02:00:c0:a8:0a:fe/],
  ['{ neigh: 192.168.10.254, on: k8s-w1, lladdr: 02:00:c0:a8:0a:ff }', false, /lladdr 02:00:c0:a8:0a:fe/],
  ['{ neigh: 172.16.34.0, on: k8s-w1, dev: vxlan.calico, state: PERMANENT }', true, /PERMANENT$/],
  ['{ neigh: 172.16.34.0, on: k8s-w1, state: REACHABLE }', false, /PERMANENT$/],
  ['{ neigh: 192.168.10.7, on: k8s-w1, state: none }', true, /^no such neighbour$/],
  ['{ neigh: 192.168.10.7, on: k8s-w1 }', false, /^no such neighbour$/],
  ['{ neigh: 169.254.1.1, on: pod1, dev: eth0, lladdr: ee:ee:ee:ee:ee:ee }', true, /ee:ee:ee:ee:ee:ee/],
  ['{ fdb: 192.168.20.100, on: k8s-w1 }', true, /^66:.* dst 192\.168\.20\.100 self permanent$/],
  ['{ fdb: 192.168.20.101, on: k8s-w1 }', false, /^66:.*dst 192\.168\.20\.100 self permanent/],
  ['{ fdb: 66:00:00:00:00:01, on: k8s-w1, dst: 192.168.20.100 }', false, /dst 192\.168\.20\.100/],
  ['{ fdb: 192.168.20.100, on: k8s-w1, dev: tunl0 }', false, /^no entry of tunl0$/],
  ['{ reachable: pod1 -> pod3, for: 50ms }', true, /^answer in/],
  ['{ reachable: pod1 -> pod3, never: 0s }', false, /^after 0 µs: answer in/],
  ['{ unreachable: pod1 -> pod3, never: 100ms }', true, /^not once: answer in/],
  ['{ neigh: 192.168.10.7, on: k8s-w1, never: 1s }', true, /^not once: no such neighbour$/],
  ['{ mtu: 1400, on: pod1, within: 30ms }', false, /^MTU 1450$/],
  ['{ converged: true, for: 5s }', true, /^converged at/],
  ['{ converged: true, never: 1s }', false, /^converged at/],
  [
    '{ throughput: pod1 -> pod2, atLeast: 90%, atMost: 95% }',
    true,
    /^9\d\d\.\d Mbit\/s, 9\d\.\d % of the rate/,
  ],
  ['{ throughput: pod1 -> pod2, atLeast: 950Mbit }', false, /^9\d\d\.\d Mbit\/s$/],
  ['{ throughput: pod1 -> pod2, of: k8s-w1 -> k8s-w2, atMost: 99% }', true, /% of k8s-w1 -> k8s-w2/],
  ['{ throughput: pod1 -> pod2, of: k8s-w1 -> k8s-w2, atLeast: 99% }', false, /9\d\.\d % of k8s-w1/],
  ['{ invariant: all }', true, /^so it is$/],
  ['{ noChange: boot }', true, /^no change$/],
  ['{ noChange: boot, of: fib, never: 0s }', false, /^after 0 µs: no change$/],
];

/** The kinds that ask one table, or one probe. */
const TABLES: readonly Row[] = [
  ['{ reachable: pod1 <-> pod3, via: vxlan.calico }', true, /via vxlan\.calico$/],
  ['{ reachable: pod1 -> pod3, via: direct }', false, /via vxlan\.calico$/],
  [
    '{ unreachable: pod1 -> 172.16.9.9, reason: NO_ROUTE, at: k8s-rtr }',
    true,
    /^no answer: NO_ROUTE at k8s-rtr$/,
  ],
  ['{ unreachable: pod1 -> 172.16.9.9, reason: LINK_DOWN }', false, /^no answer: NO_ROUTE at k8s-rtr$/],
  ['{ unreachable: pod1 -> pod3 }', false, /^answer in/],
  ['{ path: pod1 -> pod3, hops: [k8s-w1, k8s-rtr, k8s-w0] }', true, /^passed k8s-w1, k8s-rtr, k8s-w0$/],
  ['{ path: pod1 -> pod2, hops: [k8s-w1, k8s-rtr, k8s-w2] }', false, /^passed k8s-w1, k8s-w2$/],
  ['{ route: 172.16.34.0/24, on: k8s-w1, dev: vxlan.calico, onlink: true }', true, /dev vxlan\.calico/],
  ['{ route: 172.16.34.0/24, on: k8s-w1, proto: bird }', false, /dev vxlan\.calico/],
  ['{ noRoute: 172.16.9.0/24, on: k8s-w1 }', true, /^no route to 172\.16\.9\.0\/24$/],
  ['{ noRoute: default, on: k8s-w1 }', false, /^default via 192\.168\.10\.254/],
  ['{ bgp: Established, on: k8s-w1, peer: k8s-w2 }', true, /^Established$/],
  ['{ bgp: Idle, on: k8s-w1, peer: k8s-w2 }', false, /^Established$/],
  ['{ bgp: none, on: k8s-w1, peer: k8s-rtr }', true, /^none$/],
  ['{ ipam: pod1, block: 172.16.158.0/24 }', true, /^172\.16\.158\.\d+$/],
  ['{ ipam: pod1, block: 172.16.34.0/24 }', false, /^172\.16\.158\.\d+$/],
  ['{ mtu: 1450, on: pod1 }', true, /^MTU 1450$/],
  ['{ output: { contains: default-ipv4-ippool } }', true, /ippool/],
  ['{ output: { contains: [172.16.0.0/16, 10.0.0.0/8] } }', false, /ippool/],
];

const counted = (count: string): string =>
  `{ capture: udp port 4789 and host k8s-w0, on: k8s-w1, dev: eth0, ${count} }`;

/** One ping from pod1 to pod3, by VXLAN. */
const CAPTURED: readonly Row[] = [
  ['{ reachable: pod1 -> pod3, via: vxlan.calico }', true, /via vxlan\.calico$/],
  [counted('count: 2'), true, /^2 since the step began$/],
  [counted('count: 1, direction: out'), true, /^1 since/],
  [counted('count: 3'), false, /^2 since/],
  [counted('atLeast: 1, atMost: 2'), true, /^2 since/],
  [counted('atMost: 1'), false, /^2 since/],
  ['{ capture: icmp and host pod3, on: pod1, atLeast: 2, within: 1s }', true, /^2 since/],
  ['{ capture: "", on: k8s-w1, dev: tunl0, count: 0, for: 1s }', true, /^0 since/],
  ['{ capture: icmp, on: k8s-w1, dev: vxlan.calico, atLeast: 1, never: 0s }', false, /2 since/],
];

/** Direct: pod1 and pod3 are cut off, at a router without routes to pods. */
const CUT: readonly Row[] = [
  ['{ converged: true, within: 60s }', true, /^converged at/],
  ['{ invariant: [noLoop, oneOwner, allCounted] }', true, /^so it is$/],
  [
    '{ invariant: noBlackHole }',
    false,
    /^noBlackHole: pod1 -> pod3: .* NO_ROUTE at k8s-rtr, but k8s-w1 -> k8s-w0/,
  ],
  ['{ noChange: boot, of: [ipam] }', false, /^\d+ lines differ$/],
  ['{ noChange: boot, of: fib }', false, /^\d+ lines differ$/],
  [
    '{ noChange: nowhere }',
    'open',
    /^there is no such snapshot yet \(ENOENT\): `tunlab test --update` writes it$/,
  ],
  ['{ throughput: pod1 -> pod3, atLeast: 1% }', false, /^no answer: NO_ROUTE at k8s-rtr$/],
  ['{ unreachable: pod1 -> pod3, for: 2s }', true, /^no answer: NO_ROUTE/],
  ['{ outage: pod1 -> pod2, max: 5s, for: 3s, within: 60s }', true, /./],
];

/** And back again, with a wait for each. */
const MENDED: readonly Row[] = [
  ['{ unreachable: pod1 -> pod3, for: 10s }', false, /^held for [\d.]+ (m?s), then: answer in/],
  ['{ noChange: boot, of: [reachability], within: 10s }', true, /^no change$/],
];

const STEPS: readonly (readonly [step: string, rows: readonly Row[]])[] = [
  ['snapshot: boot', []],
  ['wait: 0s', TUNNELLED],
  ['run: calicoctl get ippool -o wide', TABLES],
  ['wait: 0s', CAPTURED],
  [`run: ${DIRECT}`, CUT],
  [`run: ${DIRECT.replace('Never', 'Always')}`, MENDED],
];

const steps = STEPS.map(([step, rows]) => {
  const expect =
    rows.length === 0 ? '' : `\n      expect:\n${rows.map(([e]) => `        - ${e}\n`).join('')}`;
  return `    - ${step}${expect}\n`;
}).join('');

let run: Promise<{ readonly verdicts: Verdict[][]; readonly lines: string[] }> | undefined;

async function runAll() {
  const scenario = parse(`    - expect: { converged: true, within: 60s }\n${steps}`);
  const lab = await Lab.of(scenario, { workers: 0 });
  try {
    const results = await lab.steps();
    const lines = casesOf('v.yaml', results).flatMap(({ failure }) =>
      failure === undefined ? [] : failureLines('v.yaml', [], failure),
    );
    return { verdicts: results.slice(1).map(r => r.expectations.map(e => e.verdict)), lines };
  } finally {
    await lab.close();
  }
}

for (const [s, [step, rows]] of STEPS.entries()) {
  for (const [i, [expectation, ok, received]] of rows.entries()) {
    t(`${ok === true ? 'holds' : 'fails'} behind ${step}: ${expectation}`, async () => {
      run ??= runAll();
      const verdict = (await run).verdicts[s]![i]!;
      assert.ok(received.test(verdict.received), verdict.received);
      assert.equal(
        [verdict.ok, verdict.inconclusive === true],
        [ok === true, ok === 'open'],
        verdict.expected,
      );
    });
  }
}

t('a failure says what it wanted, what came line by line, and where to look', async () => {
  run ??= runAll();
  const { lines } = await run;
  for (const line of [
    'expected  2 packets that pass "udp port 4789 and host k8s-w0" on eth0'.replace('2', '3'),
    'expected  no change in fib since snapshot boot',
    'expected  k8s-w1: neighbour 172.16.34.0 REACHABLE',
    'expected  k8s-w1: fdb entry dev vxlan.calico dst 192.168.20.101',
    'expected  not now: pod1 -> pod3 answers',
    'expected  pod1: eth0 has MTU 1400 within 30.00 ms',
    'expected  pod1 -> pod2 carries at least 950.0 Mbit/s',
    'expected  noBlackHole holds',
    '          fib k8s-w1  + 172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird',
    'because   k8s-rtr: No route covers the destination.',
    "more      npx tunlab shell v.yaml --steps 3 -c 'ssh k8s-w1 ip neigh'",
    "more      npx tunlab shell v.yaml --steps 3 -c 'ssh k8s-w1 bridge fdb show dev vxlan.calico'",
    'more      npx tunlab run v.yaml --pcap captures',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
});

t('a table that is not as expected has a cause', async () => {
  const lab = await Lab.of(
    parse(`
    - expect: { converged: true, within: 60s }
    - expect:
        - { route: 172.16.34.0/24, on: k8s-w1, dev: tunl0 }
        - { route: 172.16.9.0/24, on: k8s-w1 }
        - { route: 172.16.158.0/24, on: k8s-rtr }
        - { route: 10.0.0.0/8, on: k8s-w1 }
        - { bgp: Established, on: k8s-w1, peer: k8s-rtr }
        - { bgp: Established, on: k8s-rtr, peer: k8s-w1 }
    - link: { down: k8s-w0/eth0 }
      wait: 300s
      expect:
        - { bgp: Established, on: k8s-w1, peer: k8s-w0 }
        - { route: 172.16.34.0/24, on: k8s-w1, proto: bird }
`),
    { workers: 0 },
  );
  try {
    const [, tables, cut] = await lab.steps();
    const causes = (result: typeof tables) => result!.expectations.map(({ verdict }) => verdict.because);
    const pool = fromRoot('scenarios/modes/calico/ippool-vxlan-always.yaml');
    assert.equal(causes(tables), [
      `IPPool default-ipv4-ippool: ipipMode Never, vxlanMode Always (${pool}:8:13)`,
      'IPAM has given 172.16.9.0/24 to no node',
      '172.16.158.0/24 is a block of k8s-w1, with which k8s-rtr has no BGP session',
      undefined,
      'k8s-w1 has sessions with 192.168.10.102, 192.168.20.100 only',
      'k8s-rtr has no session at all',
    ]);
    assert.match(causes(cut)[0]!, /^k8s-w1: Mesh_192_168_20_100 says /);
  } finally {
    await lab.close();
  }
});

t('noLoop: a static route to a block that nobody has sends packets back and forth', async () => {
  const lab = await Lab.load(fromRoot('scenarios/modes/direct-static-routes.yaml'), { workers: 0 });
  try {
    await lab.converge();
    const { breachesOf } = await import('../../src/runner/invariants.ts');
    assert.equal(
      (await breachesOf(lab.cluster, 'noLoop')).map(breach => breach.what),
      ['packets to 172.16.116.0 go round: k8s-m -> k8s-rtr -> k8s-m'],
    );
  } finally {
    await lab.close();
  }
});

t('oneOwner: a block and an address that two have', async () => {
  const lab = await Lab.of(parse('    - wait: 0s'), { workers: 0 });
  try {
    await lab.converge();
    const { breachesOf } = await import('../../src/runner/invariants.ts');
    const [first, second] = await lab.cluster.list('BlockAffinity');
    const pods = await lab.cluster.list('Pod', 'default');
    const { cluster } = lab;
    const list = cluster.list.bind(cluster);
    // No command can bring this about: what the datastore says is replaced.
    cluster.list = (async (kind: 'Pod') => {
      if ((kind as string) === 'BlockAffinity')
        return [first, { ...second, spec: { ...second!.spec, cidr: first!.spec.cidr } }];
      if (kind === 'Pod') return [pods[0], { ...pods[1]!, status: pods[0]!.status }];
      return list(kind);
    }) as typeof cluster.list;
    const found = (await breachesOf(cluster, 'oneOwner')).map(({ what }) => what);
    assert.is(found.length, 3, found.join('\n'));
    assert.match(found[0]!, /^172\.16\.\d+\.0\/24 of k8s-w\d and 172\.16\.\d+\.0\/24 of k8s-w\d overlap$/);
    assert.match(found[1]!, /^block .* is host:k8s-w\d, its affinity is k8s-w\d's$/);
    assert.match(found[2]!, /^172\.16\.[\d.]+ is the address of default\/pod1 and of default\/pod2$/);
  } finally {
    await lab.close();
  }
});

t('allCounted: with worker threads too; and a frame that is lost without a word is missed', async () => {
  const { breachesOf } = await import('../../src/runner/invariants.ts');
  for (const workers of [0, 2]) {
    const lab = await Lab.of(parse('    - wait: 0s'), { workers });
    try {
      await lab.converge();
      assert.equal(await breachesOf(lab.cluster, 'allCounted'), []);
      const { cluster } = lab;
      const counters = cluster.counters.bind(cluster);
      cluster.counters = async () => {
        const seen = await counters();
        return { ...seen, inFlight: seen.inFlight + 1 };
      };
      const [breach] = await breachesOf(cluster, 'allCounted');
      assert.is(breach?.what, '1 frames are neither delivered nor dropped, and 0 are on their way');
    } finally {
      await lab.close();
    }
  }
});

for (const [expectation, message] of [
  ['{ reachable: pod1 -> pod3, within: 1s, never: 1s }', 'never stands alone: leave out within'],
  ['{ bgp: Idle, on: k8s-w1, peer: k8s-w2, for: 1s, never: 1s }', 'never stands alone: leave out for'],
  ['{ neigh: 192.168.10.300, on: k8s-w1 }', 'expected an IPv4 address, got "192.168.10.300"'],
  ['{ neigh: 192.168.10.1, on: k8s-w9 }', 'unknown pod or node "k8s-w9", did you mean "k8s-w'],
  ['{ neigh: 10.0.0.1, on: k8s-w1, state: none, lladdr: 02:00:00:00:00:01 }', 'state none is no entry'],
  ['{ fdb: k8s-w0, on: k8s-w1 }', 'expected a MAC address, or the address of the machine it is behind'],
  ['{ fdb: 10.0.0.1, on: k8s-w1, dst: 10.0.0.2 }', 'cannot both be where it leads to'],
  ['{ capture: "port", on: k8s-w1, count: 1 }', "can't parse filter expression: syntax error"],
  ['{ capture: host pod9, on: k8s-w1, count: 1 }', "unknown host 'pod9'"],
  ['{ capture: icmp, on: k8s-w1 }', 'expected count, atLeast or atMost'],
  ['{ capture: icmp, on: k8s-w1, count: 1, atMost: 2 }', 'count says both atLeast and atMost'],
  ['{ capture: icmp, on: k8s-w1, atLeast: 3, atMost: 2 }', 'no number is at least 3 and at most 2'],
  ['{ throughput: pod1 -> pod2 }', 'expected atLeast or atMost'],
  ['{ throughput: pod1 <-> pod2, atLeast: 1Gbit }', 'a throughput has one direction: say ->'],
  ['{ throughput: pod1 -> pod2, of: pod1 -> pod3, atLeast: 1Gbit }', 'a rate is not a share'],
  ['{ throughput: pod1 -> pod2, atLeast: much }', 'expected a share such as 97% or a rate such as 900Mbit'],
  ['{ throughput: pod1 -> pod2, atLeast: 1%, duration: 1us }', 'expected a time from 1ms to 1h'],
  ['{ noChange: Before }', '"Before" is not the name of a snapshot'],
  ['{ noChange: later }', 'no earlier step takes the snapshot "later"'],
  ['{ noChange: x, of: fibs }', 'fibs'],
  ['{ invariant: noLoops }', 'noLoops'],
  ['{ outage: pod1 -> pod2, max: 1s, never: 1s }', 'unknown key "never"'],
] as const) {
  t(`refuses ${expectation}`, () => {
    assert.throws(
      () => parse(`    - expect: ${expectation}\n    - snapshot: later\n`),
      (error: Error) => {
        assert.ok(error instanceof ScenarioError && error.message.includes(message), error.message);
        assert.match(error.message, /inline\.yaml:15:\d+/);
        return true;
      },
    );
  });
}

t('a snapshot is a file beside the scenario: written once, compared, written anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tunlab-snapshot-'));
  try {
    const file = join(folder, 'lab.yaml');
    writeFileSync(file, '');
    const judge = async (steps: string, updateSnapshots: boolean) => {
      const scenario = parseScenario(text(steps).replace(/^ {2}resources.*\n/m, ''), { file });
      const lab = await Lab.of(scenario, { workers: 0, updateSnapshots });
      const results = await lab.steps();
      await lab.close();
      return { verdict: results.at(-1)!.expectations.at(-1)!.verdict, written: lab.snapshots.written };
    };
    const STAYS = '    - expect: { converged: true, within: 60s }\n    - expect: { noChange: quiet }\n';
    const CUT_OFF = STAYS.replace('60s }\n', '60s }\n    - { link: { down: k8s-w2/eth0 }, wait: 1s }\n');
    const path = join(folder, 'lab.snapshots', 'quiet.txt');
    assert.is((await judge(STAYS, false)).verdict.inconclusive, true);
    const first = await judge(STAYS, true);
    assert.equal([first.verdict.received, first.written], [`written to ${path}`, [path]]);
    const again = await judge(STAYS, true);
    assert.equal([again.verdict.received, again.written], ['no change', []]);
    const cut = await judge(CUT_OFF, false);
    assert.is(cut.verdict.ok, false);
    const detail = cut.verdict.detail!;
    assert.ok(
      detail.some(line => line === 'fib k8s-w2  + default via 192.168.10.254 dev eth0 proto static linkdown'),
      detail.join('\n'),
    );
    assert.equal((await judge(CUT_OFF, true)).written, [path]);
    assert.is((await judge(CUT_OFF, false)).verdict.ok, true);
    writeFileSync(path, 'by hand\n');
    assert.match(
      (await judge(STAYS, false)).verdict.received,
      /quiet\.txt: line 1 is not of a snapshot: "by hand"$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

t.run();
