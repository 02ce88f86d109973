/** `tunlab run FILE…`: run scenarios, say which expectations held. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Lab } from '../../lab.ts';
import { type RunOutcome, runJson, runOk } from '../../runner/run-json.ts';
import { stepLines } from '../../runner/step-text.ts';
import type { StepResult } from '../../runner/steps.ts';
import { formatTime } from '../../runner/verdict.ts';
import { type RunOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { placementLine } from '../placement.ts';
import { version } from '../version.ts';

export async function run(options: RunOptions, io: Io): Promise<number> {
  const files = options.paths.flatMap(scenarioFiles);
  if (files.length === 0) throw new UsageError(`no scenario below ${options.paths.join(', ')}`, 'run');
  const documents: unknown[] = [];
  let worst: number = ExitCode.Held;
  for (const file of files) {
    if (io.signal.aborted) break;
    const outcome = await runFile(file, options, io);
    documents.push(runJson(outcome, version()));
    worst = worse(worst, exitCodeOf(outcome));
  }
  if (options.json) {
    const [only] = documents;
    io.stdout.write(`${JSON.stringify(files.length === 1 ? only : documents, null, 2)}\n`);
  }
  return worst;
}

/** A file, every scenario directly in a folder, or `-` for standard input. */
function scenarioFiles(path: string): string[] {
  if (path === '-' || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .filter(name => /\.ya?ml$/.test(name))
    .sort()
    .map(name => join(path, name));
}

async function runFile(file: string, options: RunOptions, io: Io): Promise<RunOutcome> {
  const { workers, seed, reverse } = options;
  const lab = await Lab.load(file, {
    workers,
    signal: io.signal,
    reversed: reverse,
    ...(seed !== undefined && { seed }),
  });
  try {
    const text = !options.json;
    if (text) io.stdout.write(`${heading(lab)}\n`);
    const steps: StepResult[] = [];
    lab.on('step', result => {
      steps.push(result);
      if (text) io.stdout.write(`${stepLines(result, lab.scenario.file, io.stdout.colour).join('\n')}\n`);
    });
    await lab.steps();
    const counters = await lab.counters();
    const outcome: RunOutcome = {
      scenario: lab.scenario,
      seed: lab.seed,
      virtualTime: lab.now,
      fingerprint: await lab.fingerprint(),
      steps,
      counters,
    };
    if (text) {
      for (const table of options.show) io.stdout.write(await showTable(lab, table));
      io.stdout.write(summary(outcome, io));
    }
    return outcome;
  } finally {
    await lab.close();
  }
}

function heading(lab: Lab): string {
  const { scenario } = lab;
  const about = scenario.annotations['tunlab/about'];
  return `${scenario.file}   ${about ?? scenario.name}   seed ${lab.seed}\n${placementLine(lab.placement)}`;
}

function summary(outcome: RunOutcome, io: Io): string {
  const expectations = outcome.steps.flatMap(step => step.expectations);
  const failed = expectations.filter(e => !e.verdict.ok).length;
  const dropped = Object.entries(outcome.counters.dropped).map(([reason, count]) => `${count} ${reason}`);
  const text = `${expectations.length - failed} of ${expectations.length} expectations held`;
  const { originated, delivered } = outcome.counters;
  const packets = `${originated} frames originated, ${delivered} delivered${dropped.length > 0 ? `, dropped: ${dropped.join(', ')}` : ''}`;
  const verdict = runOk(outcome) ? io.stdout.colour.held(text) : io.stdout.colour.failed(text);
  return `${verdict}; modelled ${formatTime(outcome.virtualTime)}; ${packets}\n`;
}

/** `--show routes`, `--show routes@k8s-w1`. */
async function showTable(lab: Lab, table: string): Promise<string> {
  const [what, place] = table.split('@');
  if (what !== 'routes') throw new UsageError(`--show: there is no table "${what}"; there is: routes`, 'run');
  const places = place === undefined ? lab.scenario.fabric.nodes.map(n => n.name) : [place];
  let text = '';
  for (const name of places) {
    text += `\n${name}# ip route\n`;
    for (const route of await lab.routes(name)) text += `${route.text}\n`;
  }
  return text;
}

function exitCodeOf(outcome: RunOutcome): number {
  if (runOk(outcome)) return ExitCode.Held;
  const conclusive = outcome.steps.some(step => !step.ok && !step.inconclusive);
  return conclusive ? ExitCode.Failed : ExitCode.Inconclusive;
}

/** A failure outweighs a run without verdict, which outweighs success. */
const worse = (a: number, b: number): number =>
  a === ExitCode.Failed || b === ExitCode.Failed ? ExitCode.Failed : Math.max(a, b);
