/**
 * Changing an object by a patch: JSON merge patch (RFC 7386), JSON patch (RFC 6902), and Kubernetes' strategic merge
 * patch, which merges some lists by a key. Objects are JSON values; the original is never changed.
 */

import { equalData } from '../calico/resources/meta.ts';

export type PatchType = 'strategic' | 'merge' | 'json';

/** The patch does not fit: what is wrong, and in which operation or field. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
  readonly code = 'BAD_PATCH';
}

type Json = unknown;
type JsonObject = { [key: string]: Json };

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists of Kubernetes objects that merge by key; every other list is replaced, as all of Calico's are. */
const MERGE_KEYS: { readonly [field: string]: string } = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
};

function setField(target: JsonObject, key: string, value: Json): void {
  // A key `__proto__` of an input must be a field like any other.
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** RFC 7386; with `mergeKeys` the lists named there merge instead of being replaced. */
function merge(target: Json, patch: Json, mergeKeys: { readonly [field: string]: string }): Json {
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'replace') {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[key];
    } else if (Array.isArray(value) && Object.hasOwn(mergeKeys, key)) {
      setField(result, key, mergeList(result[key], value, mergeKeys[key]!, mergeKeys));
    } else {
      setField(result, key, merge(Object.hasOwn(result, key) ? result[key] : undefined, value, mergeKeys));
    }
  }
  return result;
}

function mergeList(
  target: Json,
  patch: readonly Json[],
  key: string,
  mergeKeys: { readonly [field: string]: string },
): Json[] {
  let result: Json[] = Array.isArray(target) ? [...target] : [];
  for (const item of patch) {
    if (!isObject(item) || item[key] === undefined) {
      throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const at = result.findIndex(r => isObject(r) && r[key] === item[key]);
    if (item['$patch'] === 'delete') result = result.filter((_, i) => i !== at);
    else if (at < 0) result.push(merge(undefined, item, mergeKeys));
    else result[at] = merge(result[at], item, mergeKeys);
  }
  return result;
}

/** RFC 6901: `/spec/a~1b` as `['spec', 'a/b']`. */
function pointer(text: Json): string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/'))) {
    throw new PatchError(`not a JSON pointer: ${JSON.stringify(text)}`);
  }
  return text
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function index(list: readonly Json[], part: string, inserting: boolean): number {
  if (part === '-' && inserting) return list.length;
  const at = /^(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  if (!(at < list.length + (inserting ? 1 : 0))) throw new PatchError(`no element ${part} in the list`);
  return at;
}

function lookup(value: Json, path: readonly string[]): Json {
  let at = value;
  for (const part of path) {
    if (Array.isArray(at)) at = at[index(at, part, false)];
    else if (isObject(at) && Object.hasOwn(at, part)) at = at[part];
    else throw new PatchError(`nothing at /${path.join('/')}`);
  }
  return at;
}

/** A copy of `value` in which the parent of `path`'s last part is changed by `change`. */
function edit(value: Json, path: readonly string[], change: (parent: Json, part: string) => Json): Json {
  const [part, ...rest] = path;
  if (part === undefined) throw new PatchError('the whole object cannot be removed');
  if (rest.length === 0) return change(value, part);
  const inner = edit(lookup(value, [part]), rest, change);
  if (Array.isArray(value)) return value.with(index(value, part, false), inner);
  const copy = { ...(value as JsonObject) };
  setField(copy, part, inner);
  return copy;
}

function add(value: Json, path: readonly string[], added: Json): Json {
  if (path.length === 0) return added;
  return edit(value, path, (parent, part) => {
    if (Array.isArray(parent)) return parent.toSpliced(index(parent, part, true), 0, added);
    if (!isObject(parent)) throw new PatchError(`nothing can be added below /${path.slice(0, -1).join('/')}`);
    const copy = { ...parent };
    setField(copy, part, added);
    return copy;
  });
}

function drop(value: Json, path: readonly string[]): Json {
  lookup(value, path);
  return edit(value, path, (parent, part) => {
    if (Array.isArray(parent)) return parent.toSpliced(index(parent, part, false), 1);
    const { [part]: _, ...rest } = parent as JsonObject;
    return rest;
  });
}

function operate(value: Json, operation: Json): Json {
  if (!isObject(operation)) throw new PatchError('an operation of a JSON patch is an object');
  const path = pointer(operation['path']);
  switch (operation['op']) {
    case 'add':
      return add(value, path, operation['value']);
    case 'remove':
      return drop(value, path);
    case 'replace':
      lookup(value, path);
      return path.length === 0 ? operation['value'] : add(drop(value, path), path, operation['value']);
    case 'move': {
      const from = pointer(operation['from']);
      return add(drop(value, from), path, lookup(value, from));
    }
    case 'copy':
      return add(value, path, lookup(value, pointer(operation['from'])));
    case 'test':
      if (equalData(lookup(value, path), operation['value'])) return value;
      throw new PatchError(`testing path /${path.join('/')} value failed`);
    default:
      throw new PatchError(`Unexpected kind: ${String(operation['op'])}`);
  }
}

/** `target` changed by `patch`. Throws PatchError. */
export function applyPatch(target: unknown, patch: unknown, type: PatchType): unknown {
  if (type === 'json') {
    if (!Array.isArray(patch)) throw new PatchError('a JSON patch is a list of operations');
    return patch.reduce(operate, target);
  }
  if (!isObject(patch)) throw new PatchError('a merge patch of an object is an object');
  return merge(target, patch, type === 'strategic' ? MERGE_KEYS : {});
}
