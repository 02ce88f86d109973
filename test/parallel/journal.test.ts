import * as Journal from '../../src/parallel/journal.ts';
import { CommandError, createSimulation } from '../../src/parallel/simulation.ts';
import { MILLISECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { ballLab } from './model.ts';

const t = suite('parallel/journal');
const LAB = ballLab({ processes: 4 });

/** A run with commands, one of them refused; its journal and fingerprint. */
async function recorded() {
  const recorder = new Journal.Recorder(await createSimulation(LAB, { workers: 0 }));
  await recorder.command(0, { do: 'send', jack: 1, octets: 40 });
  for (let step = 1; step < 6; step++) {
    await recorder.runUntil(step * 77_777);
    const command = { do: 'send', jack: 0, octets: step * 10 };
    await recorder.commands([
      { process: step % 4, command },
      { process: 3, command: { do: 'read' } },
    ]);
    command.octets = 0; // what was written down is not what the caller does with it later
  }
  const refused = await recorder.command(2, { do: 'refuse' }).then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(refused, CommandError);
  await recorder.runUntil(MILLISECOND);
  const { journal } = recorder;
  const fingerprint = await recorder.fingerprint();
  await recorder.close();
  return { journal, fingerprint };
}

t('entries have time, sequence, process and command', async () => {
  const { journal } = await recorded();
  assert.is(journal.entries.length, 12);
  assert.equal(journal.entries[3], {
    at: 2 * 77_777,
    sequence: 3,
    process: 2,
    command: { do: 'send', jack: 0, octets: 20 },
  });
  assert.is(journal.outcomes.length, 12);
  assert.is(journal.end, MILLISECOND);
});

t('a replay from a file comes to the same outcomes and the same fingerprint, with workers too', async () => {
  const { journal, fingerprint } = await recorded();
  const file = Journal.decode(Journal.encode(journal));
  assert.equal(file, journal);
  for (const workers of [0, 2]) {
    const simulation = await createSimulation(LAB, { workers });
    const outcomes = await Journal.replay(file, simulation);
    // The slots in use are those of the worker.
    const comparable = (list: typeof outcomes): string =>
      JSON.stringify(list, (key, value: unknown) => (key === 'inUse' ? undefined : value));
    assert.is(comparable(outcomes), comparable(journal.outcomes as typeof outcomes));
    assert.is(await simulation.fingerprint(), fingerprint);
    await simulation.close();
  }
});

t('a replay can end earlier: with the commands of that instant', async () => {
  const { journal } = await recorded();
  const simulation = await createSimulation(LAB, { workers: 0 });
  const outcomes = await Journal.replay(journal, simulation, 2 * 77_777);
  assert.is(simulation.now, 2 * 77_777);
  assert.is(outcomes.length, 5);
  await simulation.close();
});

t('the command that broke the run is in the journal', async () => {
  const recorder = new Journal.Recorder(await createSimulation(LAB, { workers: 0 }));
  await recorder.runUntil(5);
  await recorder.command(1, { do: 'die', how: 'throw' }).then(
    () => assert.unreachable(),
    () => {},
  );
  assert.is(recorder.journal.entries.length, 1);
  assert.is(recorder.journal.outcomes.length, 0);
  await recorder.close();
});

for (const [what, octets] of [
  ['nothing', new Uint8Array(0)],
  ['a text', new TextEncoder().encode('apiVersion: tunlab.dev/v1alpha1')],
  ['half a journal', Journal.encode({ entries: [], outcomes: [], end: 0 }).subarray(0, 20)],
  ['another map', Journal.encode({ entries: 3, outcomes: [], end: 0 } as never)],
] as const)
  t(`${what} is no journal`, () => {
    try {
      Journal.decode(octets);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, Journal.JournalError);
    }
  });

t.run();
