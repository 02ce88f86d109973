/** `tunlab explain CODE`: what a drop code means, made from a run of the shipped scenario that raises exactly it. */
import * as Ipv4 from '../../addr/ipv4.ts';
import { PATIENCE } from '../../controller/probes.ts';
import { codePage } from '../../explain/code-pages.ts';
import { type Explanation, explain } from '../../explain/explanation.ts';
import { explanationLines } from '../../explain/explanation-text.ts';
import { Lab } from '../../lab.ts';
import { formatTime } from '../../runner/verdict.ts';
import { loadScenario } from '../../scenario/load.ts';
import { didYouMean } from '../../scenario/nearest.ts';
import { validateResources } from '../../scenario/resource-validator.ts';
import type { DropsExpectation, Endpoint, Scenario, UnreachableExpectation } from '../../scenario/types.ts';
import type { VirtualTime } from '../../sim/time.ts';
import { type DropReason, dropReasonNames, dropReasons } from '../../trace/drop-reason.ts';
import { type ExplainOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { Progress } from '../progress.ts';
import { shipped } from '../shipped.ts';
import { version } from '../version.ts';

/** One place where frames died of the code while the step ran. */
export interface Sighting {
  readonly machine: string;
  readonly namespace: string;
  readonly device: string;
  readonly first: VirtualTime;
  readonly count: number;
}

/** What the run showed: a probe hop by hop, or frames that are nobody's probe. */
export interface CodeExample {
  readonly scenario: string;
  readonly step: number;
  readonly name: string;
  /** The expectation as it is written there. */
  readonly expectation: string;
  readonly explanation: Explanation | undefined;
  readonly sightings: readonly Sighting[];
}

export async function explainCode(written: string, { json }: ExplainOptions, io: Io): Promise<number> {
  const code = written.toUpperCase() as DropReason;
  if (!Object.hasOwn(dropReasons, code)) {
    const hint = didYouMean(code, dropReasonNames);
    throw new UsageError(`there is no drop code "${written}"${hint}`, 'explain');
  }
  const { sentence, alias, reserved = false } = dropReasons[code];
  const page = codePage(code);
  const progress = new Progress(io.stderr);
  if (page !== undefined) progress.update(`running ${page.scenario}`);
  const example = page && (await exampleOf(code, shipped(`scenarios/${page.scenario}`), io.signal));
  progress.clear();
  if (json) {
    const linux = alias === undefined ? null : `SKB_DROP_REASON_${alias}`;
    const head = { schemaVersion: 1, tunlab: version(), code, sentence, linux, reserved };
    const document = { ...head, help: page?.help ?? null, example: example ?? null };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return ExitCode.Held;
  }
  const lines = [
    `${code}   ${sentence}`,
    ...(alias === undefined ? [] : [`  Linux calls it SKB_DROP_REASON_${alias}`]),
    ...(page === undefined || example === undefined
      ? ['  reserved: no lab raises it, for what would is not emulated']
      : [`  what helps: ${page.help}`, '', ...exampleLines(example, io)]),
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return ExitCode.Held;
}

function exampleLines(example: CodeExample, { stdout }: Io): string[] {
  const { scenario, step, name, expectation, explanation, sightings } = example;
  const body =
    explanation === undefined
      ? sightings.map(({ machine, namespace, device, first, count }) => {
          const inside = [namespace, device].filter(part => part !== '').join('/');
          const more = count === 1 ? 'one frame' : `${count} frames, the first`;
          return `  ${machine}${inside === '' ? '' : `, ${inside}`}: ${more} at ${formatTime(first)}`;
        })
      : explanationLines(explanation, stdout.colour);
  return [
    `an example, run just now: ${scenario}, step ${step} (${name})`,
    ...body.map(line => `  ${line}`),
    '',
    `expect it with   - ${expectation}`,
  ];
}

type Raising = UnreachableExpectation | DropsExpectation;

/** Runs the scenario up to the expectation of `code`, and looks instead of judging. */
export async function exampleOf(
  code: DropReason,
  file: string,
  signal: AbortSignal | undefined,
): Promise<CodeExample> {
  const scenario = loadScenario(file, { validate: validateResources });
  const { index, expectation } = raisingStep(scenario, code);
  const step = scenario.steps[index]!;
  const lab = await Lab.of(scenario, { workers: 0, ...(signal !== undefined && { signal }) });
  try {
    for (const [at, before] of scenario.steps.slice(0, index).entries()) await lab.step(before, at);
    const sightings = new Map<string, Sighting>();
    const heard: Parameters<typeof lab.on<'drop'>>[1] = ({ machine, time, record }) => {
      if (record.reason !== code) return;
      const { namespace, device } = record;
      const key = `${machine} ${namespace} ${device}`;
      const { first = time, count = 0 } = sightings.get(key) ?? {};
      sightings.set(key, { machine, namespace, device, first, count: count + 1 });
    };
    lab.on('drop', heard);
    // What is expected before it happens first; the expectation itself gives way to the question.
    const earlier = step.expect.slice(0, step.expect.indexOf(expectation));
    await lab.step({ ...step, expect: earlier }, index);
    const explanation = expectation.kind === 'drops' ? undefined : await ask(lab, expectation);
    lab.off('drop', heard);
    const { text } = expectation;
    const head = { scenario: file, step: index + 1, name: step.name, expectation: `{ ${text} }` };
    return { ...head, explanation, sightings: [...sightings.values()] };
  } finally {
    await lab.close();
  }
}

function raisingStep(scenario: Scenario, code: DropReason): { index: number; expectation: Raising } {
  for (const [index, { expect }] of scenario.steps.entries()) {
    const expectation = expect.find(
      (e): e is Raising => (e.kind === 'unreachable' || e.kind === 'drops') && e.reason === code,
    );
    if (expectation !== undefined) return { index, expectation };
  }
  throw new Error(`${scenario.file}: nothing expects ${code}`);
}

/** Again and again, if the expectation grants it time, until the probe dies of what it should. */
async function ask(lab: Lab, expectation: UnreachableExpectation): Promise<Explanation> {
  const { from, to, proto, port, sizeBytes, df, withinNs = 0 } = expectation;
  const what = { proto, df, ...(port && { port }), ...(sizeBytes && { size: sizeBytes }) };
  const deadline = lab.now + withinNs;
  for (;;) {
    const outcome = await lab.ping(nameOf(from), nameOf(to), { ...what, patience: PATIENCE });
    if (outcome.died?.reason === expectation.reason || lab.now >= deadline)
      return await explain(lab.cluster, outcome, what);
  }
}

function nameOf(endpoint: Endpoint): string {
  if (endpoint.kind === 'address') return Ipv4.format(endpoint.address);
  return endpoint.kind === 'pod' ? `${endpoint.namespace}/${endpoint.name}` : endpoint.name;
}
