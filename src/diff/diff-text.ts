/**
 * A diff for people at a terminal:
 *
 *     a.yaml -> b.yaml   applied to the running lab, converged in 0.31 s
 *
 *     ✗ pod1 -> pod3 is cut off
 *       ✗ NO_ROUTE at k8s-rtr: No route covers the destination.
 *       because of this change; taken back, they answer again:
 *         IPPool default-ipv4-ippool spec.ipipMode: Always -> Never (calico/ippool-direct.yaml:8:13)
 *
 *     resources
 *       ~ IPPool default-ipv4-ippool
 *           spec.ipipMode: Always -> Never                      calico/ippool-direct.yaml:8:13
 *     fib k8s-w1
 *       - 172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink
 *       + 172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird
 *     reachability   6 of 6 pairs talk -> 2
 *       pod1 -> pod3   tunl0 -> ✗ NO_ROUTE at k8s-rtr
 */
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
  sizeText,
  talkText,
} from './diff-words.ts';
import type { LabDiff, PairChange } from './lab-diff.ts';
import type { PairView } from './observation.ts';

export interface DiffPaint {
  added(text: string): string;
  removed(text: string): string;
  failed(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

/** `names`: what the user called the two. Without a difference it is one line. */
export function diffText(diff: LabDiff, names: readonly [string, string], paint: DiffPaint): string {
  const head = `${names[0]} -> ${names[1]}   ${paint.faint(convergenceText(diff))}`;
  if (isSame(diff)) return `${names[0]} -> ${names[1]}   no difference\n`;
  const blocks = [
    [head],
    ...losses(diff.lost).map(loss => [
      paint.failed(lossTitle(loss)),
      `  ${loss.fate}`,
      ...(loss.causes.length === 0 ? [] : [`  ${BECAUSE}`, ...loss.causes.map(cause => `    ${cause}`)]),
    ]),
    section(paint.strong('scenario'), fieldRows(diff.fabric, paint)),
    section(paint.strong('resources'), resourceRows(diff, paint)),
    ...diff.tables.map(change => [
      paint.strong(placeOf(change)),
      ...change.gone.map(line => `  ${paint.removed(line)}`),
      ...change.come.map(line => `  ${paint.added(line)}`),
    ]),
    section(`${paint.strong('reachability')}   ${talkText(diff)}`, reachabilityRows(diff)),
    section(paint.strong('path and octets on the wire'), pathRows(diff)),
    section(
      paint.strong('outage during the change'),
      diff.outages.map(outage => [`  ${outage.pair}`, outageText(outage)]),
    ),
  ];
  return `${blocks
    .filter(block => block.length > 0)
    .map(block => block.join('\n'))
    .join('\n\n')}\n`;
}

type Row = readonly [left: string, right: string];

/** A title and its rows in two columns; nothing without rows. */
function section(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.min(60, Math.max(...rows.map(([left, right]) => (right === '' ? 0 : [...left].length))));
  return [title, ...rows.map(([left, right]) => (right === '' ? left : `${left.padEnd(width)}   ${right}`))];
}

const fieldRows = (fields: LabDiff['fabric'], paint: DiffPaint, indent = '  '): Row[] =>
  fields.map(field => [`${indent}${fieldText(field)}`, paint.faint(field.place ?? '')]);

function resourceRows({ resources, refusals }: LabDiff, paint: DiffPaint): Row[] {
  return resources.flatMap((change): Row[] => {
    const name = resourceName(change);
    const refused = refusals.find(refusal => refusal.change === change);
    const no: Row[] =
      refused === undefined ? [] : [[`      ${paint.failed(`refused: ${refused.message}`)}`, '']];
    if (change.change === 'added')
      return [[`  ${paint.added(name)}`, paint.faint(change.place ?? '')], ...no];
    if (change.change === 'removed')
      return [[`  ${paint.removed(name)}`, paint.faint(change.place ?? '')], ...no];
    return [[`  ~ ${name}`, ''], ...fieldRows(change.fields, paint, '      '), ...no];
  });
}

const reachabilityRows = ({ pairs }: LabDiff): Row[] =>
  thinned(pairs.filter(fateChanged), ({ before, after }) => `${fateText(before)} -> ${fateText(after)}`);

const fateText = (view: PairView | undefined): string => view?.fate ?? 'not there';

const pathRows = ({ pairs }: LabDiff): Row[] =>
  thinned(
    pairs,
    ({ before, after }) => `${pathText(before)} -> ${pathText(after)}`,
    ({ before, after }) => `${sizeText(before)} -> ${sizeText(after)}`,
  );

/** Of pairs that fare alike so many are shown; the rest is counted. */
const ALIKE = 8;

/** `alike`: what pairs have in common that fare alike; what is said of each unless told. */
function thinned(
  pairs: readonly PairChange[],
  said: (pair: PairChange) => string,
  alike: (pair: PairChange) => string = said,
): Row[] {
  const groups = new Map<string, PairChange[]>();
  for (const pair of pairs) groups.set(alike(pair), [...(groups.get(alike(pair)) ?? []), pair]);
  return [...groups].flatMap(([common, group]): Row[] => {
    const rows = group.map((pair): Row => [`  ${pair.pair}`, said(pair)]);
    if (rows.length <= ALIKE) return rows;
    return [...rows.slice(0, ALIKE - 1), [`  … and ${rows.length - ALIKE + 1} more`, common]];
  });
}
