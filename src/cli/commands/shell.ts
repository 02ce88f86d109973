/** `tunlab shell FILE -c LINE`: boot the lab, let it converge, run the line as the lab's shell would. */
import { converge } from '../../controller/convergence.ts';
import { Lab } from '../../lab.ts';
import { SECOND } from '../../sim/time.ts';
import { type ShellOptions, UsageError } from '../command-table.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';

const PATIENCE = 60 * SECOND;

export async function shell(options: ShellOptions, io: Io): Promise<number> {
  const { command, workers, seed } = options;
  if (command === undefined)
    throw new UsageError('the interactive shell is not built yet: use -c LINE', 'shell');
  const lab = await Lab.of(await openScenario(options.path, io), {
    workers,
    signal: io.signal,
    ...(seed !== undefined && { seed }),
  });
  try {
    const { converged, missing } = await converge(lab.controller, lab.now + PATIENCE, io.signal);
    if (!converged)
      io.stderr.write(`tunlab: not converged after 60 s of virtual time: ${missing.join('; ')}\n`);
    const steps = options.steps === 'all' ? lab.scenario.steps.length : options.steps;
    for (const [index, step] of lab.scenario.steps.slice(0, steps).entries()) await lab.step(step, index);
    const { stdout, stderr, exitCode } = await lab.exec(command);
    io.stdout.write(stdout);
    io.stderr.write(stderr);
    return exitCode;
  } finally {
    await lab.close();
  }
}
