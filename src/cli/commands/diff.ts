/**
 * `tunlab diff A B`: two scenarios, or two folders of resources on one fabric. Exit codes are those of `kubectl diff`:
 * 0 without a difference, 1 with one, above that an error.
 */
import { diffJson } from '../../diff/diff-json.ts';
import { diffMarkdown } from '../../diff/diff-markdown.ts';
import { diffText } from '../../diff/diff-text.ts';
import { isSame } from '../../diff/diff-words.ts';
import { diffLabs } from '../../diff/lab-diff.ts';
import { scenarioChanges } from '../../diff/scenario-changes.ts';
import { isFolder } from '../../scenario/files.ts';
import { loadScenario } from '../../scenario/load.ts';
import { validateResources } from '../../scenario/resource-validator.ts';
import type { Scenario } from '../../scenario/types.ts';
import { type DiffOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { Progress } from '../progress.ts';
import { version } from '../version.ts';

export async function diff(options: DiffOptions, io: Io): Promise<number> {
  const { before, after, steps, seed, format } = options;
  const [a, b] = [open(before, after, options), open(after, before, options)];
  const progress = new Progress(io.stderr);
  progress.update('running the lab, and what becomes of it');
  try {
    const found = await diffLabs({
      before: a,
      after: b,
      fabric: scenarioChanges(a.file, b.file),
      seed,
      prepare: lab => lab.runFirst(steps),
      signal: io.signal,
    });
    progress.clear();
    const names = [before, after] as const;
    if (format === 'json') io.stdout.write(`${JSON.stringify(diffJson(found, names, version()), null, 2)}\n`);
    else if (format === 'markdown') io.stdout.write(diffMarkdown(found, names));
    else io.stdout.write(diffText(found, names, io.stdout.colour));
    return isSame(found) ? ExitCode.Held : ExitCode.Failed;
  } finally {
    progress.clear();
  }
}

/** A folder stands on the fabric that is named, or on the other scenario's. Throws `ScenarioError`, `UsageError`. */
function open(path: string, other: string, { fabric }: DiffOptions): Scenario {
  const validate = validateResources;
  if (!isFolder(path)) return loadScenario(path, { validate });
  const ground = fabric ?? (isFolder(other) ? undefined : other);
  if (ground === undefined)
    throw new UsageError('two folders of resources: --fabric names the scenario that they are for', 'diff');
  return loadScenario(ground, { validate, resources: path });
}
