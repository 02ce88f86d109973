/** A scenario by the word on the command line: a file, or `-` for standard input, whose resources lie below the cwd. */
import { FILE_LIMIT_BYTES } from '../scenario/files.ts';
import { loadScenario, parseScenario } from '../scenario/load.ts';
import { validateResources } from '../scenario/resource-validator.ts';
import type { Scenario } from '../scenario/types.ts';
import type { Io } from './io.ts';

/** Throws `ScenarioError`. */
export async function openScenario(path: string, io: Io): Promise<Scenario> {
  const options = { validate: validateResources };
  if (path !== '-') return loadScenario(path, options);
  const text = new TextDecoder('utf-8').decode(await io.input(FILE_LIMIT_BYTES + 1));
  return parseScenario(text, { ...options, file: '<stdin>' });
}
