/** What came of a step, as lines for people: held expectations in one word, failures with their place in the YAML. */
import type { ExpectationResult, StepResult } from './steps.ts';
import { shortened } from './test-text.ts';
import { formatTime } from './verdict.ts';

export interface Paint {
  held(text: string): string;
  failed(text: string): string;
  open(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

export function stepLines(result: StepResult, file: string, paint: Paint): string[] {
  const { step, index, at, end } = result;
  const number = String(index + 1).padStart(2);
  const lines = [
    `${number}  ${paint.strong(step.name)}   ${paint.faint(`${formatTime(at)} to ${formatTime(end)}`)}`,
  ];
  for (const { command, stdout, stderr, exitCode } of result.commands) {
    lines.push(`      $ ${command.text}`);
    for (const line of `${stdout}${stderr}`.trimEnd().split('\n'))
      if (line !== '') lines.push(`        ${line.trimEnd()}`);
    if (exitCode !== 0) lines.push(`        ${paint.failed(`exit code ${exitCode}`)}`);
  }
  for (const expectation of result.expectations) lines.push(...expectationLines(expectation, file, paint));
  return lines;
}

function expectationLines({ expectation, verdict }: ExpectationResult, file: string, paint: Paint): string[] {
  if (verdict.ok) return [`      ${paint.held(expectation.text)}`];
  const { line, column } = expectation.position;
  const mark = verdict.inconclusive === true ? paint.open(expectation.text) : paint.failed(expectation.text);
  return [
    `      ${mark}`,
    `          expected  ${verdict.expected}`,
    `          received  ${verdict.received}`,
    ...(verdict.because === undefined ? [] : [`          because   ${verdict.because}`]),
    ...shortened(verdict.detail ?? []).map(text => `                    ${text}`),
    `          at        ${file}:${line}:${column}`,
  ];
}
