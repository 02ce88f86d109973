/** What a thread of `tunlab test` does: one whole scenario, from its file to plain data. */
import { Lab } from '../lab.ts';
import { SimulationFault } from '../parallel/fault.ts';
import { runJson, runOk } from '../runner/run-json.ts';
import type { StepResult } from '../runner/steps.ts';
import { casesOf, type TestOutcome, type TestResult } from '../runner/test-case.ts';
import { readText } from '../scenario/files.ts';
import { loadScenario } from '../scenario/load.ts';
import { ScenarioError } from '../scenario/problem.ts';
import { validateResources } from '../scenario/resource-validator.ts';
import type { Scenario } from '../scenario/types.ts';
import { version } from './version.ts';

export interface TestTask {
  readonly file: string;
  /** File URL of the module that builds the processes; the lab's own unless told. For our own tests. */
  readonly builder?: string | undefined;
  /** Write the snapshots beside the scenario anew. */
  readonly update?: boolean;
}

export default async function testScenario(task: TestTask): Promise<TestResult> {
  const { file } = task;
  try {
    return await runScenario(loadScenario(file, { validate: validateResources }), task);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return unusable(file, error);
  }
}

async function runScenario(
  scenario: Scenario,
  { file, builder, update = false }: TestTask,
): Promise<TestResult> {
  const options = { workers: 0, updateSnapshots: update } as const;
  const lab = await Lab.of(scenario, { ...options, ...(builder !== undefined && { builder }) });
  const steps: StepResult[] = [];
  lab.on('step', step => steps.push(step));
  try {
    let fault: SimulationFault | undefined;
    let fingerprint: string | undefined;
    try {
      await lab.steps();
      fingerprint = await lab.fingerprint();
    } catch (error) {
      if (!(error instanceof SimulationFault)) throw error;
      fault = error;
    }
    const counters = fault === undefined ? await lab.counters() : undefined;
    const virtualTime = fault?.virtualTime ?? lab.now;
    const end = fault && { kind: fault.kind, message: fault.message, process: fault.process };
    const outcome = { scenario, seed: lab.seed, virtualTime, fingerprint, steps, counters, fault: end };
    const read = readText(file);
    return {
      file,
      outcome: fault !== undefined ? 'broken' : runOk(outcome) ? 'held' : conclusive(steps),
      cases: casesOf(file, steps),
      virtualTime,
      lines: read.ok ? read.text.split(/\r?\n/) : [],
      problems: [],
      fault: fault && `${fault.process ?? 'the lab'}: ${fault.message}`,
      written: lab.snapshots.written,
      document: runJson(outcome, version()),
    };
  } finally {
    await lab.close();
  }
}

const conclusive = (steps: readonly StepResult[]): TestOutcome =>
  steps.some(step => !step.ok && !step.inconclusive) ? 'failed' : 'inconclusive';

function unusable(file: string, { problems }: ScenarioError): TestResult {
  const shown = problems.map(({ file, line, column, code, path, message }) => ({
    file,
    line,
    column,
    code,
    path,
    message,
  }));
  const document = {
    schemaVersion: 1,
    tunlab: version(),
    scenario: file,
    seed: null,
    virtualTimeNs: 0,
    fingerprint: null,
    ok: false,
    steps: [],
    counters: null,
    problems: shown,
  };
  return {
    file,
    outcome: 'unusable',
    cases: [],
    virtualTime: 0,
    lines: [],
    problems,
    fault: undefined,
    written: [],
    document,
  };
}
