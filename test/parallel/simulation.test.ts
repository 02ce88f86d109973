import { threadId } from 'node:worker_threads';
import { chain } from '../../bench/parallel-model.ts';
import type { LabSpec } from '../../src/parallel/lab-spec.ts';
import { place } from '../../src/parallel/placement.ts';
import {
  CommandError,
  createSimulation,
  type Simulation,
  type SimulationOptions,
  workerCount,
} from '../../src/parallel/simulation.ts';
import type { Report } from '../../src/sim/partition.ts';
import { Random } from '../../src/sim/random.ts';
import { MICROSECOND, MILLISECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { ballLab, bothLab, type Command, relayLab } from './model.ts';

const t = suite('parallel/simulation');

interface Result {
  readonly fingerprint: string;
  readonly reports: readonly Report[];
}

/** Runs `lab`, after `use` had its way with it, and ends at `until`. */
async function run(
  lab: LabSpec,
  options: SimulationOptions,
  until: number,
  use: (simulation: Simulation) => unknown = () => {},
): Promise<Result> {
  const simulation = await createSimulation(lab, options);
  try {
    const reports: Report[] = [];
    simulation.onReports = some => reports.push(...some);
    await use(simulation);
    assert.is(await simulation.runUntil(until), until);
    return { fingerprint: await simulation.fingerprint(), reports };
  } finally {
    await simulation.close();
  }
}

const LAB = bothLab(9, 7);
const UNTIL = 700 * MICROSECOND + 7;

let expected: Result;
t.before(async () => {
  expected = await run(LAB, { workers: 0 }, UNTIL);
  const from = (kind: number): number =>
    expected.reports.filter(({ process }) => process < 9 === (kind === 0)).length;
  assert.ok(from(0) > 60, `${from(0)} reports of balls`);
  assert.ok(from(1) > 150, `${from(1)} reports of relays`);
});

/** Runs to `UNTIL` in steps of any length, most of them inside a window. */
async function inSteps(simulation: Simulation): Promise<void> {
  const random = new Random(1, 'steps');
  for (let at = 0; at < UNTIL; at += 1 + random.below(30 * MICROSECOND)) await simulation.runUntil(at);
}

const ways: [string, SimulationOptions, ((simulation: Simulation) => unknown)?][] = [
  ['no worker, last to first', { workers: 0, reversed: true }],
  ['no worker, in steps', { workers: 0 }, inSteps],
  ['one worker', { workers: 1 }],
  ['two workers and tiny rings', { workers: 2, ringOctets: 1024 }],
  ['three workers, last to first, in steps', { workers: 3, reversed: true }, inSteps],
  ['five workers', { workers: 5 }],
  ['a worker for each of 16, and tiny rings', { workers: 'per-node', ringOctets: 1024 }],
];
for (const [name, options, use] of ways) {
  t(`the same results with ${name}`, async () => {
    assert.equal(await run(LAB, options, UNTIL, use), expected);
  });
}

/** Full links: all are busy in every window, so that with workers they come in epochs. */
const BUSY_LAB = chain(7, 9, 10 * MICROSECOND);
const TURN = MILLISECOND + 7;

t('busy links: the same with any workers, at any stop, and in time to be stopped', async () => {
  const results = [];
  for (const workers of [0, 3, 7]) {
    for (const step of [TURN, 333_001]) {
      const stops: number[] = [];
      const { fingerprint } = await run(BUSY_LAB, { workers }, TURN, async simulation => {
        for (let at = step; at < TURN; at += step) await simulation.runUntil(at);
        const hops = Array.from({ length: 7 }, (_, process) => ({ process, command: 'hops' }));
        stops.push(...((await simulation.commands(hops)) as number[]));
      });
      results.push(step === TURN ? fingerprint : `${fingerprint} ${stops}`);
    }
  }
  assert.equal(new Set(results).size, 2);
});

t('another seed, another fingerprint', async () => {
  const other = await run({ ...LAB, seed: 2 }, { workers: 0 }, UNTIL);
  assert.is.not(other.fingerprint, expected.fingerprint);
});

t('reports come in the order of (time, process)', () => {
  const { reports } = expected;
  const sorted = [...reports].sort((a, b) => a.time - b.time || a.process - b.process);
  assert.equal(reports, sorted);
});

t('each process of its own worker has its own thread', async () => {
  const simulation = await createSimulation(ballLab({ processes: 4 }), { workers: 'per-node' });
  const { placement } = simulation;
  await simulation.close();
  assert.equal(
    placement.map(({ process, worker }) => `${process}→${worker}`),
    ['ball-0→0', 'ball-1→1', 'ball-2→2', 'ball-3→3'],
  );
  const threads = new Set(placement.map(where => where.threadId));
  assert.is(threads.size, 4);
  assert.not(threads.has(threadId));
});

/** Commands of all kinds between windows that are cut anywhere; what they answered. */
async function converse(simulation: Simulation): Promise<unknown[]> {
  const answers: unknown[] = [];
  const say = (process: number, command: Command): { process: number; command: Command } => ({
    process,
    command,
  });
  for (let step = 1; step <= 12; step++) {
    await simulation.runUntil(step * 37_001);
    const all = Array.from({ length: 5 }, (_, process) => say(process, { do: 'read' }));
    // A frame of 20,000 octets is longer than a tiny ring.
    all.splice(step % 5, 0, say(step % 5, { do: 'send', jack: step % 4, octets: step * 1700 }));
    answers.push(...(await simulation.commands(all)));
    answers.push(await simulation.command(step % 5, { do: 'read' }));
  }
  return answers;
}

t('commands: the same answers and consequences with and without workers', async () => {
  const lab = ballLab({ processes: 5 });
  const results: unknown[] = [];
  for (const options of [{ workers: 0 }, { workers: 2 }, { workers: 5, ringOctets: 1024 }]) {
    let answers: unknown[] = [];
    const result = await run(lab, options, MILLISECOND, async simulation => {
      answers = await converse(simulation);
    });
    // Frames in use are those of the worker, not of the process.
    for (const answer of answers) if (typeof answer === 'object') delete (answer as { inUse?: number }).inUse;
    results.push({ ...result, answers });
  }
  assert.equal(results[1], results[0]);
  assert.equal(results[2], results[0]);
});

t('a frame of one batch of commands is not forgotten by the next at the same instant', async () => {
  // Nothing else wakes the receiver, so it hears of the frame only if the second batch still announces it.
  await run(ballLab({ processes: 2, ball: { balls: 0 } }), { workers: 2 }, MILLISECOND, async simulation => {
    await simulation.runUntil(50_000);
    await simulation.command(0, { do: 'send', jack: 0, octets: 100 });
    await simulation.command(0, { do: 'read' });
    await simulation.runUntil(65_000);
    const { received } = (await simulation.command(1, { do: 'read' })) as { received: number };
    assert.is(received, 1);
  });
});

for (const workers of [0, 2]) {
  t(`a refusal has code, message and details, and the rest is carried out (${workers} workers)`, async () => {
    await run(ballLab({ processes: 3 }), { workers }, MILLISECOND, async simulation => {
      await simulation.runUntil(50_000);
      const error = await simulation
        .commands([
          { process: 0, command: { do: 'refuse' } },
          { process: 1, command: { do: 'attention', afterNs: 10 } },
        ])
        .then(
          () => undefined,
          (e: unknown) => e,
        );
      assert.instance(error, CommandError);
      const { code, message, details } = error as CommandError;
      assert.equal(
        { code, message, details },
        { code: 'MODEL_REFUSED', message: 'the model refuses', details: { position: { line: 3 } } },
      );
      // The other one heard: 10 ns later somebody wants attention, and 10 ms is the next point of the grid.
      assert.is(await simulation.runUntil(MILLISECOND * 30, { stopOnAttention: true }), 10 * MILLISECOND);
      await simulation.runUntil(MILLISECOND * 10);
    }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /it is 10000000/),
    );
  });

  for (const balls of [0, 3])
    t(
      `attention stops at the grid, once, and only who asked for it (${workers} workers, ${balls} balls)`,
      async () => {
        const lab = ballLab({ processes: 3, ball: { balls } });
        await run(lab, { workers }, 100 * MILLISECOND, async simulation => {
          const stops: number[] = [];
          const go = async (until: number): Promise<void> => {
            stops.push((await simulation.runUntil(until, { stopOnAttention: true })) / MILLISECOND);
          };
          const ask = (process: number, afterNs: number): Promise<unknown> =>
            simulation.command(process, { do: 'attention', afterNs });
          await ask(0, 3 * MILLISECOND);
          await ask(2, 4 * MILLISECOND);
          await go(50 * MILLISECOND);
          await go(50 * MILLISECOND);
          await ask(1, 10 * MILLISECOND - 1); // in the last window before 60 ms
          await go(70 * MILLISECOND);
          await ask(1, 3 * MILLISECOND);
          await go(65 * MILLISECOND); // the limit is earlier than the grid
          await go(75 * MILLISECOND);
          await ask(1, 1);
          assert.is(await simulation.runUntil(80 * MILLISECOND), 80 * MILLISECOND);
          assert.equal(stops, [10, 50, 60, 65, 75]);
        });
      },
    );

  t(`many reports of a long run come in portions, in order (${workers} workers)`, async () => {
    const lab = relayLab(4);
    const portions: number[] = [];
    const times: number[] = [];
    const simulation = await createSimulation(lab, { workers });
    simulation.onReports = reports => {
      portions.push(reports.length);
      times.push(...reports.map(({ time }) => time));
    };
    await simulation.command(1, { do: 'chatter', everyNs: 200 });
    await simulation.command(2, { do: 'chatter', everyNs: 300 });
    await simulation.runUntil(4 * MILLISECOND);
    await simulation.close();
    assert.ok(times.length > 33_000, `${times.length} reports`);
    assert.ok(portions.length > 3 && Math.max(...portions) < 12_000, portions.join());
    assert.equal(
      times,
      [...times].sort((a, b) => a - b),
    );
  });

  t(`calls must not overlap, nor come after the end (${workers} workers)`, async () => {
    const simulation = await createSimulation(ballLab({ processes: 2, ball: { balls: 0 } }), { workers });
    const first = simulation.runUntil(10);
    const second = await simulation.runUntil(20).then(String, String);
    assert.match(second, /must not overlap/);
    assert.is(await first, 10);
    assert.match(await simulation.command(99, { do: 'read' }).then(String, String), /no process 99/);
    assert.match(await simulation.runUntil(Number.NaN).then(String, String), /cannot run to NaN/);
    await simulation.close();
    await simulation.close();
    assert.match(await simulation.runUntil(30).then(String, String), /closed/);
  });
}

for (const [what, lab, message] of [
  ['no delay', { links: [{ ...LAB.links[0]!, delay: 0 }] }, /a delay of 0 ns/],
  ['a link to nobody', { links: [{ ...LAB.links[0]!, to: { process: 77, jack: 0 } }] }, /no process 77/],
  [
    'one jack with two links',
    { links: [LAB.links[0]!, { ...LAB.links[0]!, id: 999 }] },
    /has a link already/,
  ],
  ['one link twice', { links: [LAB.links[0]!, LAB.links[0]!] }, /link 0: not unique/],
  ['one name twice', { processes: [LAB.processes[0]!, { ...LAB.processes[0]!, id: 5 }] }, /name is taken/],
] as const)
  t(`a lab is refused for ${what}`, async () => {
    const refused = await createSimulation({ ...LAB, ...lab }, { workers: 0 }).then(String, String);
    assert.match(refused, message);
  });

t('how many workers: one a process at most, 64 for per-node', () => {
  assert.equal([workerCount('per-node', 7), workerCount('per-node', 5000)], [7, 64]);
  assert.equal(
    [workerCount(16, 5), workerCount(3, 5), workerCount(0, 5), workerCount('auto', 1)],
    [5, 3, 0, 1],
  );
});

t('placement keeps neighbours together and the shares even', () => {
  const placement = place(relayLab(24), 4);
  const sizes = [0, 1, 2, 3].map(worker => placement.filter(w => w === worker).length);
  assert.equal(sizes, [6, 6, 6, 6]);
  for (const workers of [1, 2, 5, 23, 24, 40]) {
    const used = new Set(place(relayLab(24), workers));
    assert.is(used.size, Math.min(workers, 24), `${workers} workers`);
  }
});

t.run();
