/** What differs between the resources of two scenarios, field by field, each with its place in a file. */

import { applyDefaults, type Kind, type Resource } from '../calico/resources/kinds.ts';
import { equalData } from '../calico/resources/meta.ts';
import { initialResources } from '../cluster/resources.ts';
import type { LoadedResource, Scenario } from '../scenario/types.ts';

export interface FieldChange {
  /** Keys from the top of the object on: `['spec', 'ipipMode']`. A list is one value. */
  readonly path: readonly string[];
  /** Undefined: it was not there, it is no more. */
  readonly was: unknown;
  readonly is: unknown;
  /** `file:line:column` in the second scenario; in the first, when the second has no such field. */
  readonly place: string | undefined;
}

export interface ResourceChange {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly change: 'added' | 'removed' | 'changed';
  readonly fields: readonly FieldChange[];
  readonly place: string | undefined;
  /** As the datastore has them when the lab boots. */
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
}

/** Of what stands in files; in the order of the second scenario, what only the first has last. */
export function resourceChanges(a: Scenario, b: Scenario): ResourceChange[] {
  const [old, now] = [objectsOf(a), objectsOf(b)];
  const changes: ResourceChange[] = [];
  for (const [key, after] of now) {
    const before = old.get(key);
    if (before === undefined) changes.push(changeOf('added', undefined, after, b));
    else if (!equalData(before, after)) {
      const changed = changeOf('changed', before, after, b);
      const fields = fieldChanges(before, after).map(field => {
        const path = field.path.join('.');
        return { ...field, place: placeOf(b, after, path) ?? placeOf(a, before, path) };
      });
      changes.push({ ...changed, fields });
    }
  }
  for (const [key, before] of old) if (!now.has(key)) changes.push(changeOf('removed', before, undefined, a));
  const files = [...a.resources, ...b.resources];
  return changes.filter(({ before, after }) => files.some(file => isLoaded(file, (after ?? before)!)));
}

const keyOf = ({ kind, metadata }: Resource): string =>
  `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

const objectsOf = (scenario: Scenario): Map<string, Resource> =>
  new Map(initialResources(scenario).map(object => [keyOf(object), applyDefaults(object)]));

function changeOf(
  change: ResourceChange['change'],
  before: Resource | undefined,
  after: Resource | undefined,
  scenario: Scenario,
): ResourceChange {
  const object = (after ?? before)!;
  const { kind, metadata } = object;
  const { name, namespace } = metadata;
  const place = placeOf(scenario, object, '');
  return { kind: kind as Kind, name, namespace, change, fields: [], place, before, after };
}

/** Leaves that differ; what is added or removed as a whole is one change. */
export function fieldChanges(before: unknown, after: unknown, path: readonly string[] = []): FieldChange[] {
  if (equalData(before, after)) return [];
  if (!isMap(before) || !isMap(after)) return [{ path, was: before, is: after, place: undefined }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap(key => fieldChanges(before[key], after[key], [...path, key]));
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of a field; of the whole resource for ''. Undefined when it stands in no file. */
function placeOf(scenario: Scenario, object: Resource, field: string): string | undefined {
  const loaded = scenario.resources.find(resource => isLoaded(resource, object));
  if (loaded === undefined) return undefined;
  const at = field === '' ? loaded.position : loaded.fields[field];
  return at === undefined ? undefined : `${loaded.file}:${at.line}:${at.column}`;
}

const isLoaded = (resource: LoadedResource, { kind, metadata }: Resource): boolean =>
  resource.kind === kind && resource.name === metadata.name && resource.namespace === metadata.namespace;

/** `{ spec: { ipipMode: 'Never' } }`: a JSON merge patch (RFC 7396) that sets the field, or takes it away. */
export function mergePatch(path: readonly string[], value: unknown): Record<string, unknown> {
  const [first, ...rest] = path as [string, ...string[]];
  return { [first]: rest.length === 0 ? (value ?? null) : mergePatch(rest, value) };
}
