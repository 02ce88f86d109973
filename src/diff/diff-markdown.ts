/** A diff as a comment of a pull request: what is lost and why first, then what a reviewer may open. */
import { placeOf } from '../snapshot/state-changes.ts';
import {
  BECAUSE,
  convergenceText,
  fateChanged,
  fieldText,
  isSame,
  losses,
  lossTitle,
  outageText,
  pathText,
  resourceName,
  talkText,
} from './diff-words.ts';
import type { LabDiff } from './lab-diff.ts';

export function diffMarkdown(diff: LabDiff, names: readonly [string, string]): string {
  const title = `### ${code(names[0])} → ${code(names[1])}`;
  if (isSame(diff)) return `${title}\n\nNo difference.\n`;
  const lines = [
    title,
    '',
    `**${talkText(diff)}**; ${escaped(convergenceText(diff))}.`,
    '',
    ...losses(diff.lost).flatMap(loss => [
      `- :x: **${escaped(lossTitle(loss))}**: ${escaped(loss.fate.replace(/^✗ /, ''))}`,
      ...(loss.causes.length === 0
        ? []
        : [`  ${BECAUSE}`, ...loss.causes.map(cause => `  - ${code(cause)}`)]),
    ]),
    ...(diff.lost.length > 0 ? [''] : []),
    ...table(
      ['Scenario', ''],
      diff.fabric.map(field => [code(fieldText(field)), field.place ?? '']),
    ),
    ...table(['Resource', 'Change', 'Where'], resourceRows(diff)),
    ...table(
      ['Pair', 'Before', 'After'],
      diff.pairs.map(({ pair, before, after }) => [escaped(pair), pathText(before), pathText(after)]),
    ),
    ...table(
      ['Outage during the change', ''],
      diff.outages.map(outage => [escaped(outage.pair), outageText(outage)]),
    ),
    ...tables(diff),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function resourceRows({ resources, refusals }: LabDiff): string[][] {
  return resources.flatMap(change => {
    const refused = refusals.find(refusal => refusal.change === change);
    const no =
      refused === undefined ? [] : [[resourceName(change), `refused: ${escaped(refused.message)}`, '']];
    if (change.change !== 'changed')
      return [[resourceName(change), change.change, change.place ?? ''], ...no];
    return [
      ...change.fields.map(field => [resourceName(change), code(fieldText(field)), field.place ?? '']),
      ...no,
    ];
  });
}

function tables({ tables: changes, pairs }: LabDiff): string[] {
  if (changes.length === 0) return [];
  const lines = changes.flatMap(change => [
    `@@ ${placeOf(change)} @@`,
    ...change.gone.map(line => `-${line}`),
    ...change.come.map(line => `+${line}`),
  ]);
  const moved = pairs.filter(fateChanged).length;
  const summary = `Tables: ${changes.length} changed, ${moved} pairs go another way`;
  return [
    '<details><summary>',
    '',
    summary,
    '',
    '</summary>',
    '',
    '```diff',
    ...lines,
    '```',
    '',
    '</details>',
  ];
}

/** Nothing without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

/** In backticks, of which the text itself must have none. */
const code = (text: string): string => `\`${text.replaceAll('`', "'")}\``;

const escaped = (text: string): string => text.replace(/[*<`]/g, '\\$&');
