/**
 * A node's copy of the datastore, kept by its watch: what Felix, confd and the kubelet of the node know.
 *
 * All nodes hear the same news in the same order, sooner or later. So what a node knows of a kind after some piece of
 * news is what every other knows after it: the first to hear it makes the state, the others on the thread take it.
 *
 *     store      ── news 1 ── news 2 ── news 3 ──>
 *     states     S0 ─────S1 ───────S2 ───────S3
 *     node A, B           A                   B
 *
 * What a node has written itself it may know before the news of it has come: that is laid over its state until then.
 */
import { Revision } from '../api/revision.ts';
import type { WatchEvent } from '../api/store.ts';
import type { Kind, Resource, ResourceByKind } from '../calico/resources/kinds.ts';

type State = Revision<Resource>;

const keyOf = (resource: Resource): string =>
  `${resource.metadata.namespace ?? ''}/${resource.metadata.name}`;

const NOTHING: State = Revision.empty();
/** By what a listing brought: the states that it begins with. */
const begun = new WeakMap<readonly Resource[], ReadonlyMap<Kind, State>>();
/** By a piece of news: the state of its kind behind it. */
const behind = new WeakMap<WatchEvent, State>();

function beginning(objects: readonly Resource[]): ReadonlyMap<Kind, State> {
  let states = begun.get(objects);
  if (states === undefined) {
    const kinds = new Set(objects.map(object => object.kind));
    const entries = (kind: Kind) =>
      objects.filter(object => object.kind === kind).map(object => [keyOf(object), object] as const);
    states = new Map([...kinds].map(kind => [kind, Revision.of(entries(kind))]));
    begun.set(objects, states);
  }
  return states;
}

export class ResourceCache {
  readonly #heard = new Map<Kind, State>();
  /** Own writes that are not yet news, by kind and key. */
  readonly #ahead = new Map<Kind, Map<string, Resource>>();
  /** States with the own writes laid over them. */
  readonly #known = new Map<Kind, State>();

  /** Everything there is, at the beginning. */
  fill(objects: readonly Resource[]): void {
    for (const [kind, state] of beginning(objects)) {
      if (this.#heard.has(kind)) throw new Error(`${kind} was listed twice`);
      this.#heard.set(kind, state);
    }
  }

  /** News. */
  apply(event: WatchEvent): void {
    const { object } = event;
    const { kind } = object;
    let state = behind.get(event);
    if (state === undefined) {
      const key = keyOf(object);
      const before = this.#heard.get(kind) ?? NOTHING;
      state = event.type === 'DELETED' ? before.without(key) : before.with(key, object);
      behind.set(event, state);
    }
    this.#heard.set(kind, state);
    if (this.#known.size > 0) this.#known.delete(kind);
    if (this.#ahead.size > 0) this.#caughtUp(object);
  }

  /** What was written of `object` is news now. */
  #caughtUp(object: Resource): void {
    const { kind } = object;
    const ahead = this.#ahead.get(kind);
    if (ahead?.delete(keyOf(object)) && ahead.size === 0) this.#ahead.delete(kind);
  }

  /** The node has written `object`, and knows that it was stored. */
  wrote(object: Resource): void {
    const { kind } = object;
    let ahead = this.#ahead.get(kind);
    if (ahead === undefined) {
      ahead = new Map();
      this.#ahead.set(kind, ahead);
    }
    ahead.set(keyOf(object), object);
    this.#known.delete(kind);
  }

  /** By namespace and name; the same array until one of the kind changes. */
  list<K extends Kind>(kind: K): readonly ResourceByKind[K][] {
    return this.#state(kind).objects as readonly ResourceByKind[K][];
  }

  find<K extends Kind>(kind: K, name: string, namespace = ''): ResourceByKind[K] | undefined {
    return this.#state(kind).get(`${namespace}/${name}`) as ResourceByKind[K] | undefined;
  }

  #state(kind: Kind): State {
    const heard = this.#heard.get(kind) ?? NOTHING;
    const ahead = this.#ahead.get(kind);
    if (ahead === undefined) return heard;
    let known = this.#known.get(kind);
    if (known === undefined) {
      known = heard;
      for (const [key, object] of ahead) known = known.with(key, object);
      this.#known.set(kind, known);
    }
    return known;
  }
}
