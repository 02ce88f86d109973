/** Shell commands that need more than the cluster: `step` runs the scenario's next one, `save` writes the session down. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Lab } from '../lab.ts';
import { stepLines } from '../runner/step-text.ts';
import { type Command, failed, printed } from '../shell/command.ts';
import { sessionScenario } from '../shell/session-scenario.ts';
import type { LabShell, TypedLine } from '../shell/shell.ts';

export interface LabVerbs {
  readonly commands: Readonly<Record<string, Command>>;
  /** The shell whose history `save` writes. */
  attach(shell: LabShell): void;
}

const PLAIN = { held: mark('✓'), failed: mark('✗'), open: mark('?'), strong: same, faint: same };

function mark(glyph: string): (text: string) => string {
  return text => `${glyph} ${text}`;
}

function same(text: string): string {
  return text;
}

export function labVerbs(lab: Lab, path: string): LabVerbs {
  let next = 0;
  let shell: LabShell | undefined;
  const step: Command = async () => {
    const { steps, file } = lab.scenario;
    const found = steps[next];
    if (found === undefined)
      return failed(`step: the scenario has ${steps.length} steps, and all have been run\n`);
    const result = await lab.step(found, next);
    next++;
    return printed(`${stepLines(result, file, PLAIN).join('\n')}\n`, result.ok ? 0 : 1);
  };
  const save: Command = async ([file, ...more]) => {
    if (file === undefined || more.length > 0 || !/\.ya?ml$/.test(file))
      return failed('usage: save FILE.yaml\n', 2);
    if (shell === undefined) return failed('save: there is no session\n', 2);
    try {
      saveSession(lab, path, file, shell.transcript);
    } catch (error) {
      return failed(`save: ${(error as Error).message}\n`);
    }
    return printed(`saved as ${file}: tunlab run ${file}\n`);
  };
  return {
    commands: { step, save },
    attach: attached => {
      shell = attached;
    },
  };
}

/** A scenario reads resources only from below its own folder: they are copied into one of the new file's name. */
function saveSession(lab: Lab, original: string, file: string, lines: readonly TypedLine[]): void {
  const folder = basename(file).replace(/\.ya?ml$/, '');
  const text = sessionScenario(readFileSync(original, 'utf8'), lines, name => `${folder}/${basename(name)}`);
  writeFileSync(file, text, { flag: 'wx' });
  const resources = Object.entries(lab.scenario.files);
  if (resources.length > 0) mkdirSync(join(dirname(file), folder), { recursive: true });
  for (const [name, content] of resources) writeFileSync(join(dirname(file), folder, name), content);
}
