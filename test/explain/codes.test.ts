/** Every drop code that is not reserved has a scenario that raises exactly it, and a page made from that run. */

import type { ExplainOptions } from '../../src/cli/command-table.ts';
import { explainCode } from '../../src/cli/commands/explain-code.ts';
import { output } from '../../src/cli/io.ts';
import { codePage } from '../../src/explain/code-pages.ts';
import { Lab } from '../../src/lab.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import type { Scenario } from '../../src/scenario/types.ts';
import { type DropReason, dropReasonNames, dropReasons } from '../../src/trace/drop-reason.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('explain CODE', undefined, 20_000);

const expecting = (scenario: Scenario, code: DropReason): boolean =>
  scenario.steps.some(step =>
    step.expect.some(e => (e.kind === 'unreachable' || e.kind === 'drops') && e.reason === code),
  );

const files = new Set<string>();
for (const code of dropReasonNames) {
  const { reserved = false } = dropReasons[code];
  const page = codePage(code);
  if (page !== undefined) files.add(page.scenario);
  t(`${code}: ${reserved ? 'reserved, without a page' : 'the scenario of its page expects it'}`, () => {
    assert.is(page === undefined, reserved);
    if (page === undefined) return;
    const scenario = loadScenario(fromRoot(`scenarios/${page.scenario}`), { validate: validateResources });
    assert.ok(expecting(scenario, code));
  });
}

for (const file of files)
  t(`${file}: what is expected there happens`, async () => {
    const lab = await Lab.load(fromRoot(`scenarios/${file}`), { workers: 0 });
    try {
      const failed = (await lab.steps()).flatMap(step => step.expectations.filter(e => !e.verdict.ok));
      assert.equal(
        failed.map(({ expectation, verdict }) => `${expectation.text}: ${verdict.received}`),
        [],
      );
    } finally {
      await lab.close();
    }
  });

async function pageOf(code: DropReason, json = false): Promise<string> {
  const out: string[] = [];
  const io = {
    stdout: output({ write: text => out.push(text) }, {}),
    stderr: output({ write: () => {} }, {}),
    input: async () => new Uint8Array(),
    signal: new AbortController().signal,
  };
  assert.is(await explainCode(code, { json } as ExplainOptions, io), 0);
  return out.join('');
}

t('a page: meaning, what helps, the run hop by hop, how to expect it', async () => {
  const page = await pageOf('TTL_EXPIRED');
  for (const text of [
    'TTL_EXPIRED   The time to live ran out.',
    '  what helps: a loop: traceroute',
    'an example, run just now: ',
    '  ✗ client 172.16.25.0 → far 172.16.45.0 icmp   DROPPED at ',
    'expect it with   - { unreachable: client -> far, reason: TTL_EXPIRED }',
  ])
    assert.match(page, text);
});

t('a page of what kills no probe says where and how often', async () => {
  const { example } = JSON.parse(await pageOf('NEIGH_QUEUE_FULL', true));
  const [{ machine, count }] = example.sightings;
  assert.equal([machine, count, example.explanation ?? null], ['node-1', 31, null]);
});

t.run();
