/** What every object in the datastore has in common (Kubernetes object conventions). */

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  /** Opaque to clients; a compare-and-swap token. */
  resourceVersion?: string;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface ResourceBase<K extends string> {
  apiVersion: string;
  kind: K;
  metadata: ObjectMeta;
}

export const CALICO_API = 'projectcalico.org/v3';

/** A place in an object, for a loader that points into YAML: `['spec', 'filters', 0]`. */
export type FieldPath = readonly (string | number)[];

/** One refused field, as Calico's `ErroredField`; `field` is Go's name for it. */
export interface Problem {
  readonly field: string;
  /** Printed by Go's `%v`; `undefined` when Calico prints no value. */
  readonly value: unknown;
  readonly reason: string;
  readonly path: FieldPath;
}

/** Equal as JSON data, whatever the order of the keys; an undefined field counts as absent. */
export function equalData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalData(item, b[i]));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const present = Object.keys(left).filter(k => left[k] !== undefined);
  if (present.length !== Object.keys(right).filter(k => right[k] !== undefined).length) return false;
  return present.every(k => Object.hasOwn(right, k) && equalData(left[k], right[k]));
}

/** `value` and all in it, frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/**
 * `derive`, computed once for each object. Objects of the datastore never change, and thousands of them are looked at
 * again whenever one of them is replaced.
 */
export function once<T extends object, V>(derive: (object: T) => V): (object: T) => V {
  const known = new WeakMap<T, { readonly value: V }>();
  return object => {
    let entry = known.get(object);
    if (entry === undefined) {
      entry = { value: derive(object) };
      known.set(object, entry);
    }
    return entry.value;
  };
}

/**
 * `derive`, computed once for listings that are alike: as long, and with the same `essence` of each object. Nodes are told
 * of one change after another, so the listing that is asked for next is the last one but for some of its objects.
 */
export function onceAlike<T extends object, V>(
  essence: (object: T) => string | number | undefined,
  derive: (listing: readonly T[]) => V,
): (listing: readonly T[]) => V {
  let last: { readonly listing: readonly T[]; readonly value: V } | undefined;
  return once(listing => {
    const before = last?.listing;
    const isAlike =
      before?.length === listing.length &&
      listing.every((object, i) => object === before[i] || essence(object) === essence(before[i]!));
    const value = isAlike ? last!.value : derive(listing);
    last = { listing, value };
    return value;
  });
}

/** `fmt.Sprintf("%v", value)` for what can stand in a resource. */
export function goValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (value === null) return '<nil>';
  if (typeof value === 'object') {
    const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([k, v]) => `${k}:${goValue(v)}`).join(' ')}]`;
  }
  return String(value);
}

function problemText(problem: Problem): string {
  const value = problem.value === undefined ? '' : ` = '${goValue(problem.value)}'`;
  return `${problem.field}${value}${problem.reason === '' ? '' : ` (${problem.reason})`}`;
}

/** What calicoctl prints for refused fields (libcalico-go/lib/errors). */
export function validationText(problems: readonly Problem[]): string {
  if (problems.length === 1) return `error with field ${problemText(problems[0]!)}`;
  return `error with the following fields:\n${problems.map(p => `-  ${problemText(p)}\n`).join('')}`;
}

/** Refused by Calico's checks: the object decodes, its contents do not hold. */
export class ValidationError extends Error {
  readonly code = 'INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(validationText(problems));
    this.name = 'ValidationError';
    this.problems = problems;
  }
}
