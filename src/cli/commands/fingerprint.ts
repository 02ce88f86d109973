/** `tunlab fingerprint FILE`: run all steps, print 64 hex digits over everything that happened. */
import { Lab } from '../../lab.ts';
import type { FingerprintOptions } from '../command-table.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';

export async function fingerprint(options: FingerprintOptions, io: Io): Promise<number> {
  const { workers, seed } = options;
  const lab = await Lab.of(await openScenario(options.path, io), {
    workers,
    signal: io.signal,
    ...(seed !== undefined && { seed }),
  });
  try {
    await lab.steps();
    io.stdout.write(`${await lab.fingerprint()}\n`);
    return 0;
  } finally {
    await lab.close();
  }
}
