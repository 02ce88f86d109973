/**
 * The datastore's storage: typed objects by kind, namespace and name; versions, compare-and-swap, admission, watches.
 * Synchronous and without time of its own: who drives it says what time it is.
 *
 * Stored objects are frozen and handed out by reference; a write stores a new object.
 */
import {
  alreadyExists,
  DatastoreError,
  invalid,
  notFound,
  notFoundResult,
  type Op,
  type OpResult,
  updateConflict,
} from '../calico/datastore.ts';
import { validatePodUpdate, workloadEndpoint } from '../calico/resources/core.ts';
import {
  applyDefaults,
  KINDS,
  type Kind,
  parse,
  type Resource,
  type ResourceByKind,
  type StoredKind,
  type Surroundings,
  validate,
} from '../calico/resources/kinds.ts';
import { deepFreeze, equalData, type ObjectMeta } from '../calico/resources/meta.ts';
import { validateName } from '../calico/resources/rules.ts';
import { Collection } from './collection.ts';
import { applyPatch, PatchError, type PatchType } from './store-patch.ts';
import { formatTimestamp } from './store-time.ts';
import { uidOf } from './store-uid.ts';

export type WatchEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Resource;
};
export type Watcher = (event: WatchEvent) => void;

export type ApplyOutcome = 'created' | 'configured' | 'unchanged';

/** Every Kubernetes cluster is born with these. */
const BUILT_IN_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const key = (name: string, namespace: string | undefined): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

export class Store {
  readonly #kinds = new Map<Kind, Collection<Resource>>();
  readonly #watchers = new Set<Watcher>();
  readonly #wallClock: () => number;
  readonly #seed: string;
  #version = 0;

  /**
   * `wallClockMs`: virtual wall clock, milliseconds since 1970. `seed` goes into the uids, so that two clusters do not
   * share them.
   */
  constructor(wallClockMs: () => number, seed = '') {
    this.#wallClock = wallClockMs;
    this.#seed = seed;
  }

  /** The version of the last write. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  /** Call `watcher` after each write, in order of the writes, until the returned function is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  find<K extends Kind>(kind: K, name: string, namespace?: string): ResourceByKind[K] | undefined {
    if (kind === 'WorkloadEndpoint') {
      return this.list(kind, namespace).find(w => w.metadata.name === name);
    }
    return this.#of(kind).get(key(name, this.#namespace(kind, namespace))) as ResourceByKind[K] | undefined;
  }

  /** Throws NOT_FOUND. */
  get<K extends Kind>(kind: K, name: string, namespace?: string): ResourceByKind[K] {
    const object = this.find(kind, name, namespace);
    if (object === undefined) throw notFound(kind, name, this.#namespace(kind, namespace));
    return object;
  }

  /** All of a kind (in one namespace) by namespace and name, as the API server's listing order. */
  list<K extends Kind>(kind: K, namespace?: string): ResourceByKind[K][] {
    if (kind === 'WorkloadEndpoint') {
      const views = this.list('Pod', namespace).map(workloadEndpoint);
      return views.filter(view => view !== undefined) as ResourceByKind[K][];
    }
    const objects = this.#of(kind).list() as ResourceByKind[K][];
    return namespace === undefined ? objects : objects.filter(o => o.metadata.namespace === namespace);
  }

  /** Every stored object of these kinds. */
  everything(kinds: readonly StoredKind[]): Resource[] {
    return kinds.flatMap(kind => this.#of(kind).list());
  }

  /** Throws ALREADY_EXISTS, INVALID. Returns the stored object. */
  create<R extends Resource>(object: R): R {
    const { kind } = object;
    const { name, resourceVersion } = object.metadata;
    if (resourceVersion !== undefined) {
      const reason = 'field must not be set for a Create request';
      const path = ['metadata', 'resourceVersion'];
      throw invalid(kind, name, [
        { field: 'Metadata.ResourceVersion', value: resourceVersion, reason, path },
      ]);
    }
    const namespace = this.#namespace(kind, object.metadata.namespace);
    const admitted = this.#admit(object, undefined);
    if (this.find(kind, name, namespace) !== undefined) throw alreadyExists(kind, name, namespace);
    if (namespace !== undefined && !this.#isNamespace(namespace)) {
      throw new DatastoreError('NOT_FOUND', `namespaces "${namespace}" not found`);
    }
    const version = this.#nextVersion();
    const metadata: ObjectMeta = {
      ...admitted.metadata,
      ...(namespace !== undefined && { namespace }),
      uid: uidOf(`${this.#seed}/${version}/${kind}/${key(name, namespace)}`),
      creationTimestamp: admitted.metadata.creationTimestamp ?? formatTimestamp(this.#wallClock()),
      resourceVersion: version,
    };
    return this.#put({ ...admitted, metadata }, 'ADDED');
  }

  /**
   * Replace an object. With a resourceVersion in `object` only if that is still the stored one (CONFLICT).
   * Throws NOT_FOUND, CONFLICT, INVALID. A write that changes nothing is no event and no new version.
   */
  update<R extends Resource>(object: R): R {
    const { kind } = object;
    const { name, resourceVersion } = object.metadata;
    const namespace = this.#namespace(kind, object.metadata.namespace);
    const old = this.get(kind, name, namespace);
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw updateConflict(kind, name, namespace);
    }
    const admitted = this.#admit(object, old as Resource);
    const { uid, creationTimestamp } = old.metadata;
    const metadata: ObjectMeta = {
      ...admitted.metadata,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      resourceVersion: old.metadata.resourceVersion!,
    };
    const replaced = { ...admitted, metadata };
    if (equalData(replaced, old)) return old as Resource as R;
    return this.#put(
      { ...replaced, metadata: { ...metadata, resourceVersion: this.#nextVersion() } },
      'MODIFIED',
    );
  }

  /** Create it, or replace what is there of it: `calicoctl apply` and `kubectl apply`. */
  apply<R extends Resource>(object: R): { object: R; outcome: ApplyOutcome } {
    const old = this.find(object.kind, object.metadata.name, object.metadata.namespace);
    const { resourceVersion: _, ...metadata } = object.metadata;
    if (old === undefined) return { object: this.create({ ...object, metadata } as R), outcome: 'created' };
    const merged = this.#overlay(object, old as Resource as R);
    const stored = this.update(merged);
    const unchanged = stored.metadata.resourceVersion === old.metadata.resourceVersion;
    return { object: stored, outcome: unchanged ? 'unchanged' : 'configured' };
  }

  /**
   * Change an object by a patch. Throws NOT_FOUND, INVALID, PatchError when the patch does not fit, DecodeError when
   * what comes out is no such object.
   */
  patch<K extends StoredKind>(
    kind: K,
    name: string,
    patch: unknown,
    type: PatchType = 'strategic',
    namespace?: string,
  ): ResourceByKind[K] {
    const old = this.get(kind, name, namespace);
    const patched = parse(applyPatch(old, patch, type));
    if (patched.metadata.name !== name || patched.kind !== kind) {
      throw new PatchError('the name and kind of an object cannot be changed');
    }
    return this.update(patched) as ResourceByKind[K];
  }

  /** Throws NOT_FOUND; CONFLICT when `resourceVersion` is given and is not the stored one. Returns what was deleted. */
  delete<K extends StoredKind>(
    kind: K,
    name: string,
    namespace?: string,
    resourceVersion?: string,
  ): ResourceByKind[K] {
    const object = this.get(kind, name, namespace);
    if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
      throw updateConflict(kind, name, this.#namespace(kind, namespace));
    }
    this.#of(kind).delete(key(name, this.#namespace(kind, namespace)));
    this.#nextVersion();
    this.#notify({ type: 'DELETED', object: object as Resource });
    return object;
  }

  /** Serve one request of a client's generator. `wait` is the driver's business. */
  execute(op: Op): OpResult {
    try {
      return this.#perform(op);
    } catch (error) {
      if (!(error instanceof DatastoreError)) throw error;
      const { code, message, problems } = error;
      return { ok: false, code, message, ...(problems.length > 0 && { problems }) };
    }
  }

  #perform(op: Op): OpResult {
    switch (op.verb) {
      case 'get': {
        const object = this.find(op.kind, op.name, op.namespace);
        if (object !== undefined) return { ok: true, object };
        return notFoundResult(op.kind, op.name, this.#namespace(op.kind, op.namespace));
      }
      case 'list': {
        if (op.kind !== 'BlockAffinity') return { ok: true, items: this.list(op.kind, op.namespace) };
        return { ok: true, items: op.node === undefined ? this.list(op.kind) : this.#affinitiesOf(op.node) };
      }
      case 'create':
        return { ok: true, object: this.create(op.object) };
      case 'update':
        return { ok: true, object: this.update(op.object) };
      case 'delete':
        return {
          ok: true,
          object: this.delete(op.kind as StoredKind, op.name, op.namespace, op.resourceVersion),
        };
      case 'wait':
        throw new Error('a store cannot wait: the driver of the generator does');
    }
  }

  /** Affinities are named after their nodes; `k8s-w1` and `k8s-w1-b` begin alike. */
  #affinitiesOf(node: string): Resource[] {
    const candidates = this.#of('BlockAffinity').startingWith(`${node}-`);
    return candidates.filter(a => a.kind === 'BlockAffinity' && a.spec.node === node);
  }

  #of(kind: Kind): Collection<Resource> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Collection();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }

  #namespace(kind: Kind, namespace: string | undefined): string | undefined {
    return KINDS[kind].namespaced ? (namespace ?? 'default') : undefined;
  }

  #isNamespace(name: string): boolean {
    return BUILT_IN_NAMESPACES.includes(name) || this.find('Namespace', name) !== undefined;
  }

  #nextVersion(): string {
    return String(++this.#version);
  }

  /** Defaults and checks. Throws INVALID. */
  #admit<R extends Resource>(object: R, old: Resource | undefined): R {
    const around: Surroundings = {
      pools: () => this.list('IPPool'),
      blockCidrs: () => this.list('IPAMBlock').map(b => b.spec.cidr),
    };
    const problems = [...validateName(object.metadata), ...validate(object, old, around)];
    if (object.kind === 'Pod' && old?.kind === 'Pod') problems.push(...validatePodUpdate(object, old));
    if (problems.length > 0) throw invalid(object.kind, object.metadata.name, problems);
    return applyDefaults(object);
  }

  /**
   * What an `apply` leaves of the stored object: its status, and for Kubernetes' kinds (a Node is one) the labels and
   * annotations that others wrote; of a Pod the node that the scheduler chose.
   */
  #overlay<R extends Resource>(object: R, old: R): R {
    if (KINDS[object.kind].calico && object.kind !== 'Node') return object;
    const metadata: ObjectMeta = {
      ...object.metadata,
      ...((object.metadata.labels || old.metadata.labels) && {
        labels: { ...old.metadata.labels, ...object.metadata.labels },
      }),
      ...((object.metadata.annotations || old.metadata.annotations) && {
        annotations: { ...old.metadata.annotations, ...object.metadata.annotations },
      }),
    };
    if (object.kind === 'Pod' && old.kind === 'Pod') {
      return { ...old, ...object, metadata, spec: { ...old.spec, ...object.spec } };
    }
    return { ...old, ...object, metadata };
  }

  #put<R extends Resource>(object: R, type: 'ADDED' | 'MODIFIED'): R {
    const stored = deepFreeze(object);
    this.#of(stored.kind).set(
      key(stored.metadata.name, this.#namespace(stored.kind, stored.metadata.namespace)),
      stored,
    );
    this.#notify({ type, object: stored });
    return stored;
  }

  #notify(event: WatchEvent): void {
    for (const watcher of [...this.#watchers]) watcher(event);
  }
}
