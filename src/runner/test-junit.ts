/**
 * JUnit XML: a suite for each scenario, a case for each expectation. Times are virtual, so that two runs print the same
 * bytes.
 */
import { formatProblem } from '../scenario/problem.ts';
import type { TestCase, TestResult } from './test-case.ts';
import { failureLines } from './test-text.ts';

export function testJunit(results: readonly TestResult[]): string {
  const suites = results.map(suite).join('');
  const total = `${attributes(results.flatMap(casesAndFaults))} time="${seconds(sumOf(results))}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="tunlab" ${total}>\n${suites}</testsuites>\n`;
}

interface Row {
  readonly name: string;
  readonly time: number;
  readonly line: number | undefined;
  readonly failed:
    | { readonly kind: 'failure' | 'error'; readonly message: string; readonly text: string }
    | undefined;
}

function casesAndFaults(result: TestResult): Row[] {
  const { file, problems, fault } = result;
  const error = (name: string, message: string, text: string, line?: number): Row => ({
    name,
    time: 0,
    line,
    failed: { kind: 'error', message, text },
  });
  return [
    ...result.cases.map(each => caseRow(result, each)),
    ...problems.map(p => error('the scenario can be used', p.message, formatProblem(p), p.line)),
    ...(fault === undefined ? [] : [error('the run comes to its end', fault, `${file}: ${fault}`)]),
  ];
}

function caseRow({ file, lines }: TestResult, { step, text, time, failure }: TestCase): Row {
  const name = step === text ? step : `${step} › ${text}`;
  if (failure === undefined) return { name, time, line: undefined, failed: undefined };
  const message = `expected ${failure.expected}; received ${failure.received}`;
  const body = failureLines(file, lines, failure).join('\n');
  // An error in JUnit is a test that came to no verdict.
  const kind = failure.inconclusive ? 'error' : 'failure';
  return { name, time, line: failure.line, failed: { kind, message, text: body } };
}

function suite(result: TestResult): string {
  const rows = casesAndFaults(result);
  const head = `name="${escaped(result.file)}" ${attributes(rows)} time="${seconds(result.virtualTime)}"`;
  return `  <testsuite ${head}>\n${rows.map(row => testCase(result.file, row)).join('')}  </testsuite>\n`;
}

function testCase(file: string, { name, time, line, failed }: Row): string {
  const place = `file="${escaped(file)}"${line === undefined ? '' : ` line="${line}"`}`;
  const head = `name="${escaped(name)}" classname="${escaped(file)}" ${place} time="${seconds(time)}"`;
  if (failed === undefined) return `    <testcase ${head}/>\n`;
  const { kind, message, text } = failed;
  const body = `      <${kind} message="${escaped(message)}">${escaped(text, '\n')}</${kind}>\n`;
  return `    <testcase ${head}>\n${body}    </testcase>\n`;
}

function attributes(rows: readonly Row[]): string {
  const of = (kind: string): number => rows.filter(row => row.failed?.kind === kind).length;
  return `tests="${rows.length}" failures="${of('failure')}" errors="${of('error')}"`;
}

const sumOf = (results: readonly TestResult[]): number => results.reduce((sum, r) => sum + r.virtualTime, 0);

const seconds = (nanoseconds: number): string => (nanoseconds / 1e9).toFixed(3);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** XML 1.0 has no way at all to write most control characters; `keep` may stand as it is, in the text of an element. */
function escaped(text: string, keep = ''): string {
  return text.replace(/[&<>"\p{Cc}\p{Cs}\ufffe\uffff]/gu, character => {
    if (keep.includes(character)) return character;
    if (character === '\n' || character === '\t') return `&#${character.charCodeAt(0)};`;
    return ENTITIES[character] ?? '\ufffd';
  });
}
