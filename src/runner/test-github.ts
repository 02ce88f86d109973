/** Annotations of GitHub Actions: workflow commands that put each failure at its line of the pull request. */
import { formatProblem } from '../scenario/problem.ts';
import type { TestCase, TestResult } from './test-case.ts';
import { count, countsOf, failureLines } from './test-text.ts';

export function testGithub(results: readonly TestResult[]): string {
  const { scenarios, held, failed, inconclusive, broken } = countsOf(results);
  const annotations = results.flatMap(result => [
    ...result.problems.map(p => annotation(result.file, p.file, p.line, p.column, formatProblem(p))),
    ...(result.fault === undefined ? [] : [annotation(result.file, result.file, 1, 1, result.fault)]),
    ...result.cases.flatMap(each => failureAnnotation(result, each)),
  ]);
  const counts = `${count(scenarios, 'scenario')}: ${count(held, 'expectation')} held, ${failed} failed`;
  const rest = `${inconclusive} without verdict, ${count(broken, 'scenario')} could not be run`;
  return `${[...annotations, `${counts}, ${rest}`].join('\n')}\n`;
}

function failureAnnotation({ file, lines }: TestResult, { step, failure }: TestCase): string[] {
  if (failure === undefined) return [];
  const text = failureLines(file, lines, failure).join('\n');
  return [annotation(`${file} › ${step}`, file, failure.line, failure.column, text)];
}

function annotation(title: string, file: string, line: number, column: number, text: string): string {
  const place = `file=${property(file)},line=${line},col=${column},title=${property(title)}`;
  return `::error ${place}::${message(text)}`;
}

const message = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const property = (text: string): string => message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
