/**
 * The port to the datastore. Calico's clients (IPAM, the tunnel address daemon, calicoctl) race each other through an
 * API server; here each is a generator that *yields* requests and is resumed with results, so that the same code runs
 * over a store in memory (`runSync`) and over RPC with other writers in between (a node's daemon, one request at a time).
 *
 *     function* claim(): Steps<IPAMBlock> {
 *       const block = yield* get('IPAMBlock', name);
 *       yield* update({ ...block, spec });            // throws DatastoreError CONFLICT when somebody was faster
 *     }
 *
 * Objects that come out of a datastore are shared and frozen: change a copy.
 */
import { kubernetesInvalid } from './resources/core.ts';
import type { BlockAffinity } from './resources/ipam.ts';
import { identifier, KINDS, type Kind, type Resource, type ResourceByKind } from './resources/kinds.ts';
import { type Problem, ValidationError } from './resources/meta.ts';

export type Op =
  | { readonly verb: 'get'; readonly kind: Kind; readonly name: string; readonly namespace?: string }
  /** In order of name; `node`: block affinities of that node only. */
  | { readonly verb: 'list'; readonly kind: Exclude<Kind, 'BlockAffinity'>; readonly namespace?: string }
  | { readonly verb: 'list'; readonly kind: 'BlockAffinity'; readonly node?: string }
  | { readonly verb: 'create'; readonly object: Resource }
  /** Replaces the stored object if its resourceVersion is still the one in `object`. */
  | { readonly verb: 'update'; readonly object: Resource }
  | {
      readonly verb: 'delete';
      readonly kind: Kind;
      readonly name: string;
      readonly namespace?: string;
      /** Delete only this version. */
      readonly resourceVersion?: string;
    }
  /** Let virtual time pass. */
  | { readonly verb: 'wait'; readonly delayNs: number };

export type ErrorCode = 'NOT_FOUND' | 'ALREADY_EXISTS' | 'CONFLICT' | 'INVALID' | 'UNAVAILABLE';

/** Plain data, so that it can travel. */
export type OpResult =
  | { readonly ok: true; readonly object?: Resource; readonly items?: readonly Resource[] }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly problems?: readonly Problem[];
    };

export type Steps<T> = Generator<Op, T, OpResult>;

/** Kubernetes' own kinds get the API server's words, Calico's get those of its client around them. */
function missing(kind: Kind, name: string, namespace?: string): string {
  const reason = `${KINDS[kind].resource} "${name}" not found`;
  if (!KINDS[kind].calico) return reason;
  return `resource does not exist: ${identifier(kind, name, namespace)} with error: ${reason}`;
}

/** The datastore said no; `message` is what Calico's client prints. */
export class DatastoreError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, problems: readonly Problem[] = []) {
    super(message);
    this.name = 'DatastoreError';
    this.code = code;
    this.problems = problems;
  }
}

export const notFound = (kind: Kind, name: string, namespace?: string): DatastoreError =>
  new DatastoreError('NOT_FOUND', missing(kind, name, namespace));

/** The same as a result: what is not there is asked for too often to make an exception of it. */
export const notFoundResult = (kind: Kind, name: string, namespace?: string): OpResult => ({
  ok: false,
  code: 'NOT_FOUND',
  message: missing(kind, name, namespace),
});

export function alreadyExists(kind: Kind, name: string, namespace?: string): DatastoreError {
  const reason = `${KINDS[kind].resource} "${name}" already exists`;
  if (!KINDS[kind].calico) return new DatastoreError('ALREADY_EXISTS', reason);
  const message = `resource already exists: ${identifier(kind, name, namespace)} with error: ${reason}`;
  return new DatastoreError('ALREADY_EXISTS', message);
}

export function updateConflict(kind: Kind, name: string, namespace?: string): DatastoreError {
  const message = KINDS[kind].calico
    ? `update conflict: ${identifier(kind, name, namespace)}`
    : `Operation cannot be fulfilled on ${KINDS[kind].resource} "${name}": the object has been modified; ` +
      'please apply your changes to the latest version and try again';
  return new DatastoreError('CONFLICT', message);
}

export function invalid(kind: Kind, name: string, problems: readonly Problem[]): DatastoreError {
  const message = KINDS[kind].calico
    ? new ValidationError(problems).message
    : kubernetesInvalid(kind, name, problems);
  return new DatastoreError('INVALID', message, problems);
}

export const isCode = (error: unknown, code: ErrorCode): error is DatastoreError =>
  error instanceof DatastoreError && error.code === code;

function* request(op: Op): Steps<OpResult & { ok: true }> {
  const result = yield op;
  if (result.ok) return result;
  throw new DatastoreError(result.code, result.message, result.problems);
}

/** Throws NOT_FOUND. */
export function* get<K extends Kind>(kind: K, name: string, namespace?: string): Steps<ResourceByKind[K]> {
  const result = yield* request({ verb: 'get', kind, name, ...(namespace !== undefined && { namespace }) });
  return result.object as ResourceByKind[K];
}

/** `undefined` when there is none. */
export function* find<K extends Kind>(
  kind: K,
  name: string,
  namespace?: string,
): Steps<ResourceByKind[K] | undefined> {
  const result = yield { verb: 'get', kind, name, ...(namespace !== undefined && { namespace }) };
  if (result.ok) return result.object as ResourceByKind[K];
  if (result.code === 'NOT_FOUND') return undefined;
  throw new DatastoreError(result.code, result.message, result.problems);
}

export function* list<K extends Kind>(kind: K): Steps<readonly ResourceByKind[K][]> {
  return (yield* request({ verb: 'list', kind })).items as readonly ResourceByKind[K][];
}

export function* listAffinities(node: string): Steps<readonly BlockAffinity[]> {
  return (yield* request({ verb: 'list', kind: 'BlockAffinity', node })).items as readonly BlockAffinity[];
}

/** Throws ALREADY_EXISTS, INVALID. Returns the stored object. */
export function* create<R extends Resource>(object: R): Steps<R> {
  return (yield* request({ verb: 'create', object })).object as R;
}

/** Throws CONFLICT when it was changed since it was read, NOT_FOUND, INVALID. Returns the stored object. */
export function* update<R extends Resource>(object: R): Steps<R> {
  return (yield* request({ verb: 'update', object })).object as R;
}

/** Throws NOT_FOUND, CONFLICT. Deletes the very version that was read. */
export function* remove(object: Resource): Steps<void> {
  const { name, namespace, resourceVersion } = object.metadata;
  yield* request({
    verb: 'delete',
    kind: object.kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  });
}

export function* wait(delayNs: number): Steps<void> {
  yield* request({ verb: 'wait', delayNs });
}

/** What `runSync` needs of a store. */
export interface Executor {
  execute(op: Op): OpResult;
}

/** Run to the end with nobody in between; waiting takes no time. */
export function runSync<T>(steps: Steps<T>, store: Executor): T {
  let next = steps.next();
  while (!next.done) {
    const op = next.value;
    next = steps.next(op.verb === 'wait' ? { ok: true } : store.execute(op));
  }
  return next.value;
}
