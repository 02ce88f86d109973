/** A diff for programs. No wall times, so that equal runs print equal bytes. */
import { isSame, resourceName } from './diff-words.ts';
import type { LabDiff } from './lab-diff.ts';
import type { FieldChange } from './resource-changes.ts';

export const DIFF_SCHEMA_VERSION = 1;

export function diffJson(diff: LabDiff, names: readonly [string, string], version: string): unknown {
  const { live, resources, refusals, talking, tables, pairs, outages, lost, convergence } = diff;
  return {
    schemaVersion: DIFF_SCHEMA_VERSION,
    tunlab: version,
    before: names[0],
    after: names[1],
    same: isSame(diff),
    live,
    unsettled: diff.unsettled,
    convergedInNs: convergence.convergedInNs ?? null,
    missing: convergence.missing,
    scenario: diff.fabric.map(fieldJson),
    resources: resources.map(change => {
      const { kind, name, fields } = change;
      const refused = refusals.find(refusal => refusal.change === change)?.message ?? null;
      const where = { namespace: change.namespace ?? null, place: change.place ?? null };
      return { kind, name, ...where, change: change.change, refused, fields: fields.map(fieldJson) };
    }),
    tables,
    talking,
    pairs: pairs.map(({ pair, before, after }) => ({ pair, before: before ?? null, after: after ?? null })),
    outages: outages.map(outage => ({ ...outage, reason: outage.reason ?? null, at: outage.at ?? null })),
    lost: lost.map(({ pair, fate, sentence, because }) => ({
      pair,
      fate,
      sentence: sentence ?? null,
      because:
        because === undefined
          ? null
          : { resource: resourceName(because.change), fields: because.fields.map(fieldJson) },
    })),
  };
}

const fieldJson = ({ path, was, is, place }: FieldChange): unknown => ({
  path: path.join('.'),
  was: was ?? null,
  is: is ?? null,
  place: place ?? null,
});
