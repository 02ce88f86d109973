/**
 * What `tunlab test` says to people: the counts first, then each failure with its place in the YAML, what was expected
 * and what came, why, and where to look next.
 *
 *     ✓ 28 scenarios, 187 expectations      ✗ 1      modelled 1 h 12 min in 21 s
 *
 *     ✗ direct.yaml › Direct
 *       expected  pod1 -> pod3 answers
 *       received  no answer: NO_ROUTE at k8s-rtr
 *           34 |     - run: …
 *         > 35 |     - expect: { reachable: pod1 -> pod3 }
 *              |               ^ direct.yaml:35:15
 *       because   k8s-rtr: No route covers the destination.
 *       more      npx tunlab …
 */
import { codeFrame } from '../scenario/code-frame.ts';
import { formatProblem } from '../scenario/problem.ts';
import type { Paint } from './step-text.ts';
import type { Failure, TestCase, TestResult } from './test-case.ts';

/** `wallMs`: how long the whole took. */
export function testText(results: readonly TestResult[], wallMs: number, paint: Paint): string {
  const written = results.flatMap(result => result.written).map(file => `written   ${file}`);
  const failures = results.flatMap(result => blocksOf(result, paint));
  const blocks = written.length === 0 ? failures : [written.join('\n'), ...failures];
  return `${[summaryLine(results, wallMs, paint), ...blocks].join('\n\n')}\n`;
}

export interface Counts {
  readonly scenarios: number;
  readonly held: number;
  readonly failed: number;
  readonly inconclusive: number;
  /** Scenarios that could not be read, or whose run broke. */
  readonly broken: number;
}

export function countsOf(results: readonly TestResult[]): Counts {
  const cases = results.flatMap(result => result.cases);
  const open = cases.filter(c => c.failure?.inconclusive === true).length;
  const held = cases.filter(c => c.failure === undefined).length;
  return {
    scenarios: results.length,
    held,
    inconclusive: open,
    failed: cases.length - held - open,
    broken: results.filter(r => r.outcome === 'unusable' || r.outcome === 'broken').length,
  };
}

export function summaryLine(results: readonly TestResult[], wallMs: number, paint: Paint): string {
  const { scenarios, held, failed, inconclusive, broken } = countsOf(results);
  const good = results.filter(r => r.outcome === 'held').length;
  const modelled = results.reduce((sum, r) => sum + r.virtualTime, 0);
  const parts = [
    paint.held(
      `${good === scenarios ? '' : `${good} of `}${count(scenarios, 'scenario')}, ${count(held, 'expectation')}`,
    ),
    ...(failed > 0 ? [paint.failed(String(failed))] : []),
    ...(inconclusive > 0 ? [paint.open(`${inconclusive} without verdict`)] : []),
    ...(broken > 0 ? [paint.failed(`${count(broken, 'scenario')} could not be run`)] : []),
    `modelled ${span(modelled / 1e9)} in ${span(wallMs / 1e3)}`,
  ];
  return parts.join('      ');
}

/** `1 scenario`, `2 scenarios`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** `1 h 12 min`, `3 min 20 s`, `21 s`. */
function span(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole < 10 ? seconds.toFixed(1) : whole} s`;
}

function blocksOf(result: TestResult, paint: Paint): string[] {
  const { file, problems, fault } = result;
  const blocks = problems.map(problem => `${paint.failed(formatProblem(problem))}`);
  if (fault !== undefined)
    blocks.push(`${paint.failed(`${file}: the run did not come to its end`)}\n  ${fault}`);
  return [...blocks, ...result.cases.flatMap(each => failureBlock(result, each, paint))];
}

function failureBlock(
  { file, lines }: TestResult,
  { step, text, failure }: TestCase,
  paint: Paint,
): string[] {
  if (failure === undefined) return [];
  const title = `${file} › ${step === text ? step : `${step} › ${text}`}`;
  const mark = failure.inconclusive ? paint.open(title) : paint.failed(title);
  return [[mark, ...failureLines(file, lines, failure).map(line => `  ${line}`)].join('\n')];
}

/** Everything but the title, not indented. */
export function failureLines(file: string, lines: readonly string[], failure: Failure): string[] {
  const { expected, received, detail, because, more, line, column } = failure;
  const frame = codeFrame(lines, failure);
  const where = `${file}:${line}:${column}`;
  return [
    `expected  ${expected}`,
    `received  ${received}`,
    ...shortened(detail).map(line => `          ${line}`),
    ...(frame.length === 0 ? [`at        ${where}`] : [...frame.slice(0, -1), `${frame.at(-1)} ${where}`]),
    ...(because === undefined ? [] : [`because   ${because}`]),
    `more      ${more}`,
  ];
}

/** Lines of detail that are shown; the rest is counted. */
const DETAIL = 12;

/** So many lines, and how many more there are. */
export const shortened = (detail: readonly string[]): readonly string[] =>
  detail.length <= DETAIL
    ? detail
    : [...detail.slice(0, DETAIL), `… and ${count(detail.length - DETAIL, 'more line')}`];
