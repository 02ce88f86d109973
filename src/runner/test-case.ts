/**
 * A run as test cases: one for each expectation, and one for each command that failed without anybody looking at what
 * it printed. All that a report says of a failure is found here, so that the reporters differ only in form.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Problem } from '../scenario/problem.ts';
import type {
  Command,
  Endpoint,
  Expectation,
  PathExpectation,
  Position,
  ReachableExpectation,
  UnreachableExpectation,
} from '../scenario/types.ts';
import type { VirtualTime } from '../sim/time.ts';
import { type DropReason, dropReasons } from '../trace/drop-reason.ts';
import type { ExpectationResult, StepResult } from './steps.ts';

export interface Failure extends Position {
  readonly expected: string;
  readonly received: string;
  /** More of what was received, a line each. */
  readonly detail: readonly string[];
  /** The cause in a sentence, where it is known. */
  readonly because: string | undefined;
  /** A command line that shows more. */
  readonly more: string;
  /** No verdict was reached. */
  readonly inconclusive: boolean;
}

export interface TestCase {
  readonly step: string;
  /** The expectation, or the command, as written. */
  readonly text: string;
  /** Of virtual time, from the step's beginning to its end. */
  readonly time: VirtualTime;
  readonly failure: Failure | undefined;
}

/** What came of a scenario. `unusable`: its files are wrong; `broken`: the run did not come to its end. */
export type TestOutcome = 'held' | 'failed' | 'inconclusive' | 'unusable' | 'broken';

/** One scenario of `tunlab test`: plain data, it comes from another thread. */
export interface TestResult {
  readonly file: string;
  readonly outcome: TestOutcome;
  readonly cases: readonly TestCase[];
  readonly virtualTime: VirtualTime;
  /** The lines of the scenario's file, for code frames. */
  readonly lines: readonly string[];
  /** Why it is unusable. */
  readonly problems: readonly Problem[];
  /** Why it is broken. */
  readonly fault: string | undefined;
  /** Snapshots that `--update` wrote. */
  readonly written: readonly string[];
  /** The document of `run --json`. */
  readonly document: unknown;
}

export function casesOf(file: string, results: readonly StepResult[]): TestCase[] {
  return results.flatMap(result => [
    ...failedCommands(file, result),
    ...result.expectations.map(each => expectationCase(file, result, each)),
  ]);
}

function failedCommands(file: string, result: StepResult): TestCase[] {
  const { step, at, end, index } = result;
  if (step.expect.some(e => e.kind === 'output' || e.kind === 'drops')) return [];
  const failed = result.commands.filter(c => c.exitCode !== 0);
  return failed.map(({ command, exitCode, stdout, stderr }) => ({
    step: step.name,
    text: command.text,
    time: end - at,
    failure: {
      ...command.position,
      expected: 'exit code 0',
      received: `exit code ${exitCode}`,
      detail: [],
      because: lastLine(stderr) ?? lastLine(stdout),
      more: shellLine(file, index, command),
      inconclusive: false,
    },
  }));
}

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1) || undefined;

const shellLine = (file: string, steps: number, { text }: Pick<Command, 'text'>): string =>
  `npx tunlab shell ${word(file)} --steps ${steps} -c ${word(text)}`;

/** `text` as one word of a shell. */
const word = (text: string): string =>
  /^[\w./:@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

function expectationCase(file: string, result: StepResult, each: ExpectationResult): TestCase {
  const { expectation, verdict } = each;
  const { step, at, end } = result;
  const text = expectation.text;
  if (verdict.ok) return { step: step.name, text, time: end - at, failure: undefined };
  const { expected, received, detail = [], reason, inconclusive = false } = verdict;
  const because =
    reason === undefined ? verdict.because : `${verdict.at}: ${dropReasons[reason as DropReason].sentence}`;
  const more = moreAbout(file, result.index + 1, expectation);
  const failure = { ...expectation.position, expected, received, detail, because, more, inconclusive };
  return { step: step.name, text, time: end - at, failure };
}

/** The command that shows more of what `expectation` is about, after the first `steps` steps. */
function moreAbout(file: string, steps: number, expectation: Expectation): string {
  const shell = (text: string): string => shellLine(file, steps, { text });
  switch (expectation.kind) {
    case 'reachable':
    case 'unreachable':
    case 'path':
      return `npx tunlab explain ${word(file)} ${pairWords(expectation)} --steps ${steps}`;
    case 'outage':
      return `npx tunlab explain ${word(file)} ${nameOf(expectation.from)} ${nameOf(expectation.to)} --steps ${steps}`;
    case 'route':
    case 'noRoute':
      return shell(on(expectation.on, 'ip route'));
    case 'mtu':
      return shell(on(expectation.on, 'ip link'));
    case 'bgp':
      return shell(`ssh ${expectation.on} birdcl show protocols all`);
    case 'ipam':
      return shell('calicoctl ipam show --show-blocks');
    case 'drops':
      return `npx tunlab run ${word(file)} --trace packets${expectation.on === undefined ? '' : `@${expectation.on}`}`;
    case 'converged':
      return shell('calicoctl node status');
    case 'neigh':
      return shell(on(expectation.on, 'ip neigh'));
    case 'fdb':
      return shell(on(expectation.on, `bridge fdb show dev ${expectation.dev}`));
    case 'capture':
      return `npx tunlab run ${word(file)} --pcap captures`;
    case 'throughput':
      return `npx tunlab explain ${word(file)} ${nameOf(expectation.from)} ${nameOf(expectation.to)} --proto tcp --port 5201 --steps ${steps}`;
    case 'noChange':
      return `npx tunlab test ${word(file)} --update`;
    case 'invariant':
      return shell('matrix');
    case 'output':
      return `npx tunlab shell ${word(file)} --steps ${steps}`;
  }
}

/** `command` typed where `place` is. */
function on(place: Endpoint, command: string): string {
  switch (place.kind) {
    case 'pod': {
      const namespace = place.namespace === 'default' ? '' : ` -n ${place.namespace}`;
      return `kubectl exec${namespace} ${place.name} -- ${command}`;
    }
    case 'address':
      return `ssh ${Ipv4.format(place.address)} ${command}`;
    default:
      return `ssh ${place.name} ${command}`;
  }
}

/** Both ends, and what was sent, as `tunlab explain` takes them. */
function pairWords(expectation: ReachableExpectation | UnreachableExpectation | PathExpectation): string {
  const { from, to, proto, port, sizeBytes, df } = expectation;
  const words = [
    nameOf(from),
    nameOf(to),
    ...(proto === 'icmp' ? [] : ['--proto', proto]),
    ...(port === undefined ? [] : ['--port', String(port)]),
    ...(sizeBytes === undefined ? [] : ['--size', String(sizeBytes)]),
    ...(df ? ['--df'] : []),
  ];
  return words.join(' ');
}

function nameOf(place: Endpoint): string {
  if (place.kind === 'address') return Ipv4.format(place.address);
  if (place.kind !== 'pod' || place.namespace === 'default') return place.name;
  return `${place.namespace}/${place.name}`;
}
