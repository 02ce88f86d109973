/** Resources as text: YAML and JSON documents in, and out the way the Go tools write them. */
import { parseAllDocuments, stringify } from 'yaml';
import type { Resource } from '../calico/resources/kinds.ts';
import { parse } from '../calico/resources/kinds.ts';
import { DecodeError } from '../calico/resources/shape.ts';

/** The objects of a file. Throws `DecodeError` with what the tool would say. */
export function readDocuments(text: string): Resource[] {
  const objects: unknown[] = [];
  for (const document of parseAllDocuments(text, { prettyErrors: false })) {
    const first = 'errors' in document ? document.errors[0] : undefined;
    if (first !== undefined)
      throw new DecodeError(`error converting YAML to JSON: yaml: ${first.message}`, []);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    const items = (value as { items?: unknown }).items;
    if (Array.isArray(items) && String((value as { kind?: unknown }).kind).endsWith('List'))
      objects.push(...items);
    else objects.push(value);
  }
  return objects.map(parse);
}

/** Their values are data, not fields: an empty one is not left out. */
const MAPS = new Set(['labels', 'annotations']);

/** Keys in alphabetical order, empty and false fields left out: what Go's `omitempty` and encoder give. */
function tidy(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map(item => tidy(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined && (isMap || !isEmpty(v)))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, v]) => [key, tidy(v, MAPS.has(key))]));
}

const isEmpty = (value: unknown): boolean =>
  value === '' || value === false || (Array.isArray(value) && value.length === 0);

/** One resource, or several as a list, as `-o yaml` prints them. */
export function toYaml(object: unknown): string {
  // YAML 1.1 rules quote timestamps and numbers that are text, as Go's encoder does.
  return stringify(tidy(object), { indentSeq: false, lineWidth: 0, version: '1.1' });
}

export const toJson = (object: unknown, indent = 2): string => JSON.stringify(tidy(object), null, indent);
