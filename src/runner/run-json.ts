/** The `--json` document of a run: one form for programs, without wall times, so that equal runs print equal bytes. */
import type { LabCounters } from '../controller/cluster.ts';
import type { Scenario } from '../scenario/types.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { ExpectationResult, StepResult } from './steps.ts';

export const SCHEMA_VERSION = 1;

export interface RunOutcome {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly virtualTime: VirtualTime;
  /** Absent when the run did not come to its end. */
  readonly fingerprint: string | undefined;
  readonly steps: readonly StepResult[];
  /** Absent when the machines could not be asked any more. */
  readonly counters: LabCounters | undefined;
  /** What ended the run before its end. */
  readonly fault?: RunEnd | undefined;
}

export interface RunEnd {
  /** A `FaultKind`, or `output` when a file could not be written. */
  readonly kind: string;
  readonly message: string;
  /** The process that broke. */
  readonly process: string | undefined;
}

export const runOk = (outcome: RunOutcome): boolean =>
  outcome.fault === undefined && outcome.steps.every(step => step.ok);

export function runJson(outcome: RunOutcome, version: string): unknown {
  const { counters, fault } = outcome;
  return {
    schemaVersion: SCHEMA_VERSION,
    tunlab: version,
    scenario: outcome.scenario.file,
    seed: outcome.seed,
    virtualTimeNs: outcome.virtualTime,
    fingerprint: outcome.fingerprint ?? null,
    ok: runOk(outcome),
    steps: outcome.steps.map(stepJson),
    counters:
      counters === undefined
        ? null
        : {
            originated: counters.originated,
            delivered: counters.delivered,
            dropped: sorted(counters.dropped),
          },
    ...(fault !== undefined && {
      fault: { kind: fault.kind, process: fault.process ?? null, message: fault.message },
    }),
  };
}

const stepJson = (result: StepResult): unknown => ({
  name: result.step.name,
  atNs: result.at,
  ok: result.ok,
  commands: result.commands.map(({ command, exitCode, stdout, stderr }) => ({
    text: command.text,
    exitCode,
    stdout,
    stderr,
    line: command.position.line,
    column: command.position.column,
  })),
  expectations: result.expectations.map(expectationJson),
});

const expectationJson = ({ expectation, verdict }: ExpectationResult): unknown => ({
  text: expectation.text,
  ok: verdict.ok,
  expected: verdict.expected,
  received: verdict.received,
  ...(verdict.detail !== undefined && { detail: verdict.detail }),
  because: verdict.because ?? null,
  reason: verdict.reason ?? null,
  at: verdict.at ?? null,
  line: expectation.position.line,
  column: expectation.position.column,
});

const sorted = <T>(object: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
