/**
 * Our TCP beside the Linux that the test runs on: the same programs, the same packets lost, doubled or held up by their
 * number, and both sides' segments compared in kind and order.
 *
 * What is set so that there is nothing to explain (tcp-patterns.ts says each time why): one segment a buffer, a receive
 * buffer of fixed size, no compressed SACKs, SYNs repeated as RFC 6298 wants it.
 *
 * Linux's timers count jiffies, so where two things are due at almost the same time two runs of Linux differ; the wire
 * may be late on a busy machine, and what takes Linux no time here may take it half a millisecond there. A pattern is
 * therefore played up to eight times, and one run has to be ours.
 *
 * With RECORD=1 the runs are written to test/fixtures/tcp/linux-patterns.txt, which the unit tests read.
 */
import { writeFileSync } from 'node:fs';
import { fromRoot, suite } from '../kit.ts';
import { runEmulated } from './tcp-emulated.ts';
import { type LinuxRun, runLinux, segmentsOf } from './tcp-linux.ts';
import { differences, type Pattern } from './tcp-pattern.ts';
import { patterns } from './tcp-patterns.ts';
import { writeRecordings } from './tcp-recordings.ts';

const t = suite('interop/tcp', undefined, 120_000);

/** What differed is played again this often. */
const RETRIES = 7;
/** Run side by side at first: mostly they wait. What is played again has the machine to itself. */
const LANES = 4;

const verdicts = new Map<string, string[]>();
const runs = new Map<string, LinuxRun>();

async function compare(pattern: Pattern): Promise<void> {
  const run = await runLinux(pattern);
  const lines = differences(segmentsOf(run), runEmulated(pattern).segments);
  runs.set(pattern.name, run);
  verdicts.set(pattern.name, lines.length === 0 ? [] : [`wire up to ${run.lateMs} ms late`, ...lines]);
}

t.before(async () => {
  const waiting = [...patterns];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await compare(next);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (let i = 0; i < RETRIES; i++)
    for (const pattern of patterns) if (verdicts.get(pattern.name)!.length > 0) await compare(pattern);
  if (process.env['RECORD'] === undefined) return;
  const path = fromRoot('test/fixtures/tcp/linux-patterns.txt');
  writeFileSync(path, writeRecordings(patterns.map(({ name }) => [name, runs.get(name)!])));
});

for (const { name } of patterns)
  t(name, () => {
    const lines = verdicts.get(name)!;
    if (lines.length > 0) throw new Error(`Linux | ours\n${lines.join('\n')}`);
  });

t.run();
