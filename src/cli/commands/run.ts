/**
 * `tunlab run FILE…`: run scenarios, say which expectations held. Whatever ends a run, what was measured until then is
 * shown and written.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Lab, type LabOptions } from '../../lab.ts';
import { SimulationFault } from '../../parallel/fault.ts';
import { type RunOutcome, runJson, runOk } from '../../runner/run-json.ts';
import { encodeRecord } from '../../runner/run-record.ts';
import { stepLines } from '../../runner/step-text.ts';
import type { StepResult } from '../../runner/steps.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { Scenario } from '../../scenario/types.ts';
import { CaptureFile } from '../capture-file.ts';
import { type RunOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import { faultText, isRunFault, type RunFault } from '../fault-text.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';
import { OutputFile } from '../output-file.ts';
import { placementLine } from '../placement.ts';
import { Progress } from '../progress.ts';
import { parseTrace, traceLine } from '../trace.ts';
import { version } from '../version.ts';

/** `more`: for tests, which bring processes that break. */
export async function run(
  options: RunOptions,
  io: Io,
  more: Pick<LabOptions, 'builder'> = {},
): Promise<number> {
  const scenarios = await openAll(options, io);
  const documents: unknown[] = [];
  let worst: number = ExitCode.Held;
  for (const [index, scenario] of scenarios.entries()) {
    if (io.signal.aborted) break;
    const taken = scenarios.slice(0, index).filter(other => other.name === scenario.name).length;
    const name = taken === 0 ? scenario.name : `${scenario.name}-${taken + 1}`;
    const { document, code } = await new Run(scenario, name, options, io).go(more);
    documents.push(document);
    worst = worse(worst, code);
  }
  if (options.json)
    io.stdout.write(`${JSON.stringify(scenarios.length === 1 ? documents[0] : documents, null, 2)}\n`);
  return worst;
}

/** All scenarios are read before the first is run: a mistake in the last one is told at once. */
async function openAll(options: RunOptions, io: Io): Promise<Scenario[]> {
  const files = options.paths.flatMap(scenarioFiles);
  if (files.length === 0) throw new UsageError(`no scenario below ${options.paths.join(', ')}`, 'run');
  if (files.filter(file => file === '-').length > 1)
    throw new UsageError('standard input can be read only once', 'run');
  if (options.record !== undefined && files.length > 1)
    throw new UsageError(`--record: a record is of one scenario, and these are ${files.length}`, 'run');
  const scenarios: Scenario[] = [];
  for (const file of files) {
    const scenario = await openScenario(file, io);
    if (options.trace !== undefined) parseTrace(options.trace, scenario);
    scenarios.push(scenario);
  }
  return scenarios;
}

/** A file, every scenario directly in a folder, or `-` for standard input. */
function scenarioFiles(path: string): string[] {
  if (path === '-' || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .filter(name => /\.ya?ml$/.test(name))
    .sort()
    .map(name => join(path, name));
}

/** One scenario from boot to its last line. */
class Run {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #io: Io;
  readonly #progress: Progress;
  readonly #trace: ReturnType<typeof parseTrace> | undefined;
  readonly #capture: CaptureFile | undefined;
  readonly #record: OutputFile | undefined;
  readonly #steps: StepResult[] = [];
  #fault: RunFault | undefined;
  #journal: Lab['journal'];

  /** Opens the files that it will write. `name` is the scenario's among those of this command line. */
  constructor(scenario: Scenario, name: string, options: RunOptions, io: Io) {
    this.#scenario = scenario;
    this.#options = options;
    this.#io = io;
    this.#progress = new Progress(io.stderr);
    this.#trace = options.trace === undefined ? undefined : parseTrace(options.trace, scenario);
    const { pcap, record } = options;
    this.#record = record === undefined ? undefined : new OutputFile(record, '--record');
    this.#capture = pcap === undefined ? undefined : CaptureFile.inFolder(pcap, name, scenario);
  }

  async go(more: Pick<LabOptions, 'builder'>): Promise<{ document: unknown; code: number }> {
    const lab = await this.#boot(more).catch((error: unknown) => {
      this.#capture?.close();
      throw error;
    });
    const ticking = setInterval(() => this.#tick(lab), 100);
    try {
      if (!this.#options.json) this.#print(`${heading(lab)}\n`);
      this.#listen(lab);
      await this.#faultless(async () => void (await lab.steps()));
      if (this.#fault === undefined) await this.#checkAborted(lab);
      const outcome = await this.#outcome(lab);
      await this.#write(lab, outcome);
      const document = runJson({ ...outcome, fault: this.#end() }, version());
      if (this.#fault !== undefined) this.#say(faultText(this.#fault, this.#io.stderr.colour.failed));
      return { document, code: this.#code(outcome) };
    } finally {
      clearInterval(ticking);
      this.#progress.clear();
      await lab.close();
    }
  }

  #boot(more: Pick<LabOptions, 'builder'>): Promise<Lab> {
    const { workers, seed, reverse, record } = this.#options;
    return Lab.of(this.#scenario, {
      ...more,
      workers,
      signal: this.#io.signal,
      reversed: reverse,
      capture: this.#capture !== undefined,
      record: record !== undefined,
      ...(this.#trace !== undefined && { trace: this.#trace }),
      ...(seed !== undefined && { seed }),
    });
  }

  #listen(lab: Lab): void {
    lab.on('step', result => {
      this.#steps.push(result);
      if (this.#options.json) return;
      this.#print(`${stepLines(result, this.#scenario.file, this.#io.stdout.colour).join('\n')}\n`);
    });
    const capture = this.#capture;
    if (capture !== undefined) lab.on('packet', observed => capture.packet(observed));
    const trace = this.#trace;
    if (trace === undefined) return;
    lab.on('record', observed => {
      const line = traceLine(trace, observed);
      if (line !== undefined) this.#say(`${line}\n`);
    });
  }

  /** Ctrl-C between two steps breaks nothing, but the run has not come to its end. */
  async #checkAborted(lab: Lab): Promise<void> {
    if (!this.#io.signal.aborted) return;
    const where = { worker: 0, virtualTime: lab.now };
    this.#fault = new SimulationFault('aborted', where, 'ended from outside');
  }

  async #outcome(lab: Lab): Promise<RunOutcome> {
    let fingerprint: string | undefined;
    let counters: RunOutcome['counters'];
    // Fingerprint and journal first: to ask for counters is a command, and commands are part of both.
    if (this.#fault === undefined)
      await this.#faultless(async () => {
        fingerprint = await lab.fingerprint();
      });
    this.#journal = lab.journal;
    const broken = this.#fault instanceof SimulationFault && this.#fault.kind !== 'aborted';
    if (!broken)
      await this.#faultless(async () => {
        counters = await lab.counters();
      });
    return {
      scenario: this.#scenario,
      seed: lab.seed,
      virtualTime: this.#fault instanceof SimulationFault ? this.#fault.virtualTime : lab.now,
      fingerprint,
      steps: this.#steps,
      counters,
      fault: this.#end(),
    };
  }

  /** Tables, summary, files. */
  async #write(lab: Lab, outcome: RunOutcome): Promise<void> {
    if (!this.#options.json) {
      if (this.#fault === undefined)
        for (const table of this.#options.show) this.#print(await showTable(lab, table));
      this.#print(summary(outcome, this.#io));
    }
    await this.#faultless(async () => this.#capture?.close());
    await this.#faultless(async () => {
      if (this.#record === undefined || this.#journal === undefined) return;
      const results = runJson({ ...outcome, fault: this.#end() }, version());
      const { lab: processes } = lab.controller.plan;
      const scenario = this.#scenario.file;
      const record = { tunlab: version(), scenario, lab: processes, journal: this.#journal, results };
      this.#record.write(encodeRecord(record));
      this.#record.close();
    });
  }

  /** Do `action`; what breaks the run is kept and not thrown. The first fault is the one that is told. */
  async #faultless(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!isRunFault(error)) throw error;
      this.#fault ??= error;
    }
  }

  #end(): RunOutcome['fault'] {
    const fault = this.#fault;
    if (fault === undefined) return undefined;
    if (!(fault instanceof SimulationFault))
      return { kind: 'output', message: fault.message, process: undefined };
    return { kind: fault.kind, message: fault.message, process: fault.process };
  }

  #code(outcome: RunOutcome): number {
    if (this.#fault !== undefined) return this.#io.signal.aborted ? ExitCode.Interrupted : ExitCode.Internal;
    if (runOk(outcome)) return ExitCode.Held;
    const conclusive = outcome.steps.some(step => !step.ok && !step.inconclusive);
    return conclusive ? ExitCode.Failed : ExitCode.Inconclusive;
  }

  #tick(lab: Lab): void {
    const { steps, name } = this.#scenario;
    const done = this.#steps.length;
    const step = steps[done];
    const doing = step === undefined ? '' : `, step ${done + 1} of ${steps.length}: ${step.name}`;
    this.#progress.update(`${name}: ${formatTime(lab.now)} of virtual time${doing}`);
  }

  #print(text: string): void {
    this.#progress.clear();
    this.#io.stdout.write(text);
  }

  #say(text: string): void {
    this.#progress.clear();
    this.#io.stderr.write(text);
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
  const text = `${expectations.length - failed} of ${expectations.length} expectations held`;
  const verdict = runOk(outcome) ? io.stdout.colour.held(text) : io.stdout.colour.failed(text);
  const { counters } = outcome;
  if (counters === undefined) return `${verdict}; modelled ${formatTime(outcome.virtualTime)}\n`;
  const dropped = Object.entries(counters.dropped).map(([reason, count]) => `${count} ${reason}`);
  const { originated, delivered } = counters;
  const packets = `${originated} frames originated, ${delivered} delivered${dropped.length > 0 ? `, dropped: ${dropped.join(', ')}` : ''}`;
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

/** An interruption outweighs an internal error, that a failure, that a run without verdict, that success. */
const WEIGHTS: readonly number[] = [
  ExitCode.Held,
  ExitCode.Inconclusive,
  ExitCode.Failed,
  ExitCode.Internal,
  ExitCode.Interrupted,
];
const worse = (a: number, b: number): number => (WEIGHTS.indexOf(a) > WEIGHTS.indexOf(b) ? a : b);
