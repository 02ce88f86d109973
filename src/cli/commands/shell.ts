/**
 * `tunlab shell [FILE]`: boot the lab, let it converge, and type: lines of `-c`, lines of standard input, or a person at
 * a terminal. Several lines are typed into one shell, in order, also after one has failed; the exit code is the last's.
 */
import { fileURLToPath } from 'node:url';
import { converge } from '../../controller/convergence.ts';
import { Lab } from '../../lab.ts';
import { commandLines } from '../../shell/line.ts';
import type { LabShell } from '../../shell/shell.ts';
import { SECOND } from '../../sim/time.ts';
import { Asciicast } from '../asciicast.ts';
import type { ShellOptions } from '../command-table.ts';
import type { Io } from '../io.ts';
import { labVerbs } from '../lab-verbs.ts';
import { openScenario } from '../open-scenario.ts';
import { talk } from '../terminal.ts';

const DEFAULT_SCENARIO = new URL('../../../scenarios/kans.yaml', import.meta.url);
const PATIENCE = 60 * SECOND;
/** What passes in the lab from one line to the next: as long as it takes to read an answer and type on. */
const TYPING = 5 * SECOND;
const INPUT_LIMIT_BYTES = 4 * 2 ** 20;

export async function shell(options: ShellOptions, io: Io): Promise<number> {
  const { commands, path = fileURLToPath(DEFAULT_SCENARIO), workers, seed } = options;
  const interactive = commands.length === 0 && process.stdin.isTTY === true && path !== '-';
  const controller = new AbortController();
  const signal = interactive ? controller.signal : io.signal;
  const cast = options.asciicast === undefined ? undefined : new Asciicast(options.asciicast);
  const lab = await Lab.of(await openScenario(path, io), {
    workers,
    signal,
    ...(seed !== undefined && { seed }),
  });
  try {
    await settle(lab, options, io);
    cast?.begin(lab.scenario.name, lab.scenario.startMs, lab.now);
    const output = (text: string, stream: 'stdout' | 'stderr'): void => {
      io[stream].write(text);
      cast?.output(lab.now, text);
    };
    const onLine = (prompt: string, text: string): void => cast?.typed(lab.now, prompt, text);
    const verbs = labVerbs(lab, path);
    if (interactive) {
      const labShell = await lab.shell({
        output,
        onLine,
        typing: TYPING,
        pace: wait,
        extras: verbs.commands,
      });
      verbs.attach(labShell);
      return await talk(labShell, lab, { input: process.stdin, output: process.stdout });
    }
    const labShell = await lab.shell({ output, onLine, typing: TYPING, extras: verbs.commands });
    verbs.attach(labShell);
    const lines = commands.length > 0 ? commands : commandLines(await input(io));
    return await type(labShell, lines, io);
  } finally {
    cast?.close();
    await lab.close();
  }
}

async function settle(lab: Lab, options: ShellOptions, io: Io): Promise<void> {
  const { converged, missing } = await converge(lab.controller, lab.now + PATIENCE, io.signal);
  if (!converged && !io.signal.aborted)
    io.stderr.write(`tunlab: not converged after 60 s of virtual time: ${missing.join('; ')}\n`);
  const steps = options.steps === 'all' ? lab.scenario.steps.length : options.steps;
  for (const [index, step] of lab.scenario.steps.slice(0, steps).entries()) await lab.step(step, index);
}

const input = async (io: Io): Promise<string> => new TextDecoder().decode(await io.input(INPUT_LIMIT_BYTES));

async function type(labShell: LabShell, lines: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  for (const line of lines) {
    if (io.signal.aborted || labShell.ended) break;
    ({ exitCode } = await labShell.exec(line));
  }
  await labShell.close();
  return exitCode;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, milliseconds));
