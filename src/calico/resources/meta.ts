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
