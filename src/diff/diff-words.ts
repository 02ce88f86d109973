/** Words that all forms of a diff share. */
import { formatTime } from '../runner/verdict.ts';
import type { LabDiff, LostPair, PairChange } from './lab-diff.ts';
import type { PairView } from './observation.ts';
import type { PairOutage } from './outages.ts';
import type { FieldChange, ResourceChange } from './resource-changes.ts';

export const isSame = ({ fabric, resources, tables, pairs }: LabDiff): boolean =>
  fabric.length + resources.length + tables.length + pairs.length === 0;

/** `IPPool default-ipv4-ippool`, `Pod web/pod1`. */
export const resourceName = ({ kind, name, namespace }: ResourceChange): string =>
  `${kind} ${namespace === undefined || namespace === 'default' ? '' : `${namespace}/`}${name}`;

/** `spec.ipipMode: Always -> Never`. */
export const fieldText = ({ path, was, is }: FieldChange): string =>
  `${path.join('.')}: ${valueText(was)} -> ${valueText(is)}`;

const LONGEST_VALUE = 60;

function valueText(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

/** `tunl0, 118 octets, k8s-w1 k8s-rtr k8s-w0`. */
export function pathText(view: PairView | undefined): string {
  if (view === undefined) return 'not there';
  return view.answered ? `${sizeText(view)}, ${view.hops.join(' ')}` : sizeText(view);
}

/** The same without the machines. */
export function sizeText(view: PairView | undefined): string {
  if (view === undefined) return 'not there';
  return view.octets === undefined ? view.fate : `${view.fate}, ${view.octets} octets`;
}

/** Did more change than the size and the way, or less? */
export const fateChanged = ({ before, after }: PairChange): boolean => before?.fate !== after?.fate;

/** `310.00 ms, 20.00 ms after the change: NO_ROUTE at k8s-rtr`, `for good, …`. */
export function outageText({ lengthNs, fromNs, end, reason, at }: PairOutage): string {
  const why = reason === undefined ? '' : `: ${reason} at ${at}`;
  const more = end === 'later' ? 'more than ' : '';
  const length = end === 'never' ? 'for good' : `${more}${formatTime(lengthNs)}`;
  return `${length}, ${formatTime(fromNs)} after the change${why}`;
}

/** Pairs that died of the same, at the same place, for the same cause. */
export interface Loss {
  readonly pairs: readonly string[];
  /** `✗ NO_ROUTE at k8s-rtr: No route covers the destination.` */
  readonly fate: string;
  /** The change that, taken back, brought them back: each field with its place, or the resource as a whole. */
  readonly causes: readonly string[];
}

export function losses(lost: readonly LostPair[]): Loss[] {
  const groups = new Map<string, { pairs: string[]; fate: string; causes: string[] }>();
  for (const each of lost) {
    const { pair, sentence } = each;
    const fate = sentence === undefined ? each.fate : `${each.fate}: ${sentence}`;
    const causes = causesOf(each);
    const key = [fate, ...causes].join('\n');
    const group = groups.get(key) ?? { pairs: [], fate, causes };
    group.pairs.push(pair);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function causesOf({ because }: LostPair): string[] {
  if (because === undefined) return [];
  const { change, fields } = because;
  const name = resourceName(change);
  const at = (place: string | undefined): string => (place === undefined ? '' : ` (${place})`);
  if (fields.length === 0) return [`${name} ${change.change}${at(change.place)}`];
  return fields.map(field => `${name} ${fieldText(field)}${at(field.place)}`);
}

/** So many are named. */
const NAMED = 6;

/** `pod1 -> pod3 is cut off`, `4 pairs are cut off: …`. */
export function lossTitle({ pairs }: Loss): string {
  if (pairs.length === 1) return `${pairs[0]} is cut off`;
  const more = pairs.length > NAMED ? ', …' : '';
  return `${pairs.length} pairs are cut off: ${pairs.slice(0, NAMED).join(', ')}${more}`;
}

/** What to say of a cause. */
export const BECAUSE = 'because of this change; taken back, they answer again:';

/** `6 of 6 pairs talk -> 2`, `2 of 2 pairs talk -> 6 of 12`. */
export function talkText({ talking: { before, pairsBefore, after, pairsAfter } }: LabDiff): string {
  const now = pairsBefore === pairsAfter ? `${after}` : `${after} of ${pairsAfter}`;
  const then = `${before} of ${pairsBefore} pairs talk`;
  return before === after && pairsBefore === pairsAfter ? then : `${then} -> ${now}`;
}

export function convergenceText(diff: LabDiff): string {
  const [open] = diff.unsettled;
  const before = open === undefined ? '' : `; it was not at rest before: ${open}`;
  return `${howText(diff)}${before}`;
}

function howText({ live, resources, convergence }: LabDiff): string {
  if (!live) return 'two labs, for their fabrics differ';
  if (resources.length === 0) return 'the same resources on the same fabric';
  const { convergedInNs, missing } = convergence;
  if (convergedInNs !== undefined)
    return `applied to the running lab, converged in ${formatTime(convergedInNs)}`;
  return `applied to the running lab, which does not come to rest: ${missing[0] ?? 'tables still change'}`;
}
