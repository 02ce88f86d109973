import { createSimulation, SimulationFault, type SimulationOptions } from '../../src/parallel/simulation.ts';
import type { Report } from '../../src/sim/partition.ts';
import { MICROSECOND, MILLISECOND, SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { ballLab, type Command } from './model.ts';

const t = suite('parallel/fault');

const LAB = ballLab({ processes: 3 });

/** A tenth of it on an idle machine; the machines that run tests are busy. */
const SOON_MS = 2_500;

/** The fault that `action` is rejected with. */
async function faultOf(action: Promise<unknown>): Promise<SimulationFault> {
  const fault = await action.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(fault, SimulationFault);
  return fault as SimulationFault;
}

/** Has ball-1 die 100 µs from now, and returns the fault, after which nothing works but `close`. */
async function death(
  options: SimulationOptions,
  how: 'throw' | 'exit' | 'loop' | 'memory',
): Promise<SimulationFault> {
  const simulation = await createSimulation(LAB, options);
  try {
    await simulation.runUntil(50 * MICROSECOND);
    await simulation.command(1, { do: 'die', how, afterNs: 100 * MICROSECOND } satisfies Command);
    const began = performance.now();
    const fault = await faultOf(simulation.runUntil(SECOND));
    const took = performance.now() - began;
    // Filling the memory takes its time; noticing that it is full does not.
    if (how !== 'memory') assert.ok(took < SOON_MS, `${how} noticed after ${took} ms`);
    assert.is(await faultOf(simulation.runUntil(2 * SECOND)), fault);
    assert.is(await faultOf(simulation.command(0, { do: 'read' })), fault);
    return fault;
  } finally {
    const began = performance.now();
    await simulation.close();
    assert.ok(performance.now() - began < SOON_MS, 'closed soon');
  }
}

for (const [name, options] of [
  ['no worker', { workers: 0 }],
  ['two workers', { workers: 2 }],
  ['tiny rings', { workers: 3, ringOctets: 1024 }],
] as const) {
  t(`a process that throws is named, with the time and the stack (${name})`, async () => {
    const fault = await death(options, 'throw');
    assert.is(fault.kind, 'throw');
    assert.is(fault.process, 'ball-1');
    assert.is(fault.virtualTime, 150 * MICROSECOND);
    assert.match(fault.message, /^ball-1 \(worker \d\): the model threw, at 150000 ns of virtual time$/);
    assert.match(fault.stack!, /model\.(ts|js):\d+/);
  });
}

for (const [how, kind, options, message] of [
  ['exit', 'exit', {}, /exited with code: 3/],
  ['memory', 'out-of-memory', { workerHeapMb: 24 }, /out of memory/],
  ['loop', 'watchdog', { watchdogMs: 200 }, /no progress for 200 ms/],
] as const) {
  t(`a thread that dies of "${how}" ends the run, and its processes are named`, async () => {
    const fault = await death({ workers: 3, ringOctets: 1024, ...options }, how);
    assert.is(fault.kind, kind);
    assert.is(fault.process, 'ball-1');
    assert.is(fault.worker, 1);
    assert.match(fault.message, message);
    assert.ok(fault.virtualTime > 130 * MICROSECOND && fault.virtualTime <= 150 * MICROSECOND);
  });
}

for (const workers of [0, 2]) {
  t(`a command that breaks its process is a fault (${workers} workers)`, async () => {
    const simulation = await createSimulation(LAB, { workers });
    await simulation.runUntil(7);
    const fault = await faultOf(simulation.command(2, { do: 'die', how: 'throw' }));
    assert.equal([fault.kind, fault.process, fault.virtualTime], ['throw', 'ball-2', 7]);
    await simulation.close();
  });

  t(`a process that cannot be built is a fault (${workers} workers)`, async () => {
    const processes = LAB.processes.map(spec => (spec.id === 1 ? { ...spec, kind: 'ghost' } : spec));
    const fault = await faultOf(createSimulation({ ...LAB, processes }, { workers }));
    assert.match(fault.message, /the model has no ghost/);
  });

  t(`a builder that is not there is told (${workers} workers)`, async () => {
    const gone = createSimulation({ ...LAB, builder: 'file:///nowhere.js' }, { workers });
    assert.match(await gone.then(String, String), /nowhere\.js/);
  });

  t(
    `a run that is aborted ends at once, and what was measured is readable (${workers} workers)`,
    async () => {
      const controller = new AbortController();
      const simulation = await createSimulation(LAB, { workers, signal: controller.signal });
      try {
        const reports: Report[] = [];
        simulation.onReports = some => reports.push(...some);
        const late = abortIn(100, controller);
        const fault = await faultOf(simulation.runUntil(3600 * SECOND));
        assert.ok(late() < SOON_MS, `${late()} ms after the signal`);
        assert.is(fault.kind, 'aborted');
        assert.is(fault.virtualTime, simulation.now);
        assert.ok(simulation.now > 100 * MICROSECOND, `${simulation.now}`);
        assert.ok(reports.length > 5, `${reports.length}`);
        assert.ok(reports.at(-1)!.time < simulation.now);
        assert.match(await simulation.fingerprint(), /^[0-9a-f]{64}$/);
        assert.is(((await simulation.command(0, { do: 'read' })) as { now: number }).now, simulation.now);
        assert.is((await faultOf(simulation.runUntil(3600 * SECOND))).kind, 'aborted');
      } finally {
        await simulation.close();
      }
    },
  );
}

/** Aborts in `ms`; the function that is returned tells how many milliseconds ago that was. */
function abortIn(ms: number, controller: AbortController): () => number {
  let at = Number.NaN;
  setTimeout(() => {
    at = performance.now();
    controller.abort();
  }, ms);
  return () => performance.now() - at;
}

for (const workers of [0, 2]) {
  t(`an interrupted run returns where it is, and another goes on (${workers} workers)`, async () => {
    const simulation = await createSimulation(LAB, { workers });
    try {
      setTimeout(() => simulation.interrupt(), 30);
      const reached = await simulation.runUntil(3600 * SECOND);
      assert.ok(reached > 0 && reached < 3600 * SECOND, `${reached}`);
      assert.is(simulation.now, reached);
      assert.is(await simulation.runUntil(reached + MILLISECOND), reached + MILLISECOND);
      simulation.interrupt(); // nothing is under way: nothing happens
      assert.is(await simulation.runUntil(reached + 2 * MILLISECOND), reached + 2 * MILLISECOND);
    } finally {
      await simulation.close();
    }
  });
}

t('a run that is aborted while a worker hangs ends all the same', async () => {
  const controller = new AbortController();
  const simulation = await createSimulation(LAB, { workers: 2, signal: controller.signal });
  await simulation.command(0, { do: 'die', how: 'loop', afterNs: 1000 });
  const late = abortIn(50, controller);
  const fault = await faultOf(simulation.runUntil(SECOND));
  assert.ok(late() < SOON_MS, `${late()} ms after the signal`);
  assert.is(fault.kind, 'aborted');
  await simulation.close();
});

t.run();
