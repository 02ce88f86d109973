/**
 * What should be there against what is there: the one tool by which Felix brings devices, routes, neighbours and hooks
 * in line. Both sides can change at any time; the differences are kept up to date as they do.
 *
 *     desired   a b c          to be written: b (differs), c (missing)
 *     actual    a B   d        to be removed: d
 *
 * Values are compared by content and must not be changed once they were given.
 */
import { equalData } from '../resources/meta.ts';

export class DeltaTracker<V> {
  readonly #desired = new Map<string, V>();
  readonly #actual = new Map<string, V>();
  readonly #updates = new Map<string, V>();
  readonly #deletions = new Set<string>();

  /** `value` should be at `key`; `undefined`: nothing should. */
  setDesired(key: string, value: V | undefined): void {
    if (value === undefined) this.#desired.delete(key);
    else this.#desired.set(key, value);
    this.#compare(key);
  }

  /** `value` was seen at `key`, or written there; `undefined`: nothing is. */
  setActual(key: string, value: V | undefined): void {
    if (value === undefined) this.#actual.delete(key);
    else this.#actual.set(key, value);
    this.#compare(key);
  }

  /** Everything that should be, at once. */
  replaceDesired(entries: Iterable<readonly [string, V]>): void {
    this.#replace(this.#desired, entries);
  }

  /** Everything that is, at once: a resync. */
  replaceActual(entries: Iterable<readonly [string, V]>): void {
    this.#replace(this.#actual, entries);
  }

  desired(key: string): V | undefined {
    return this.#desired.get(key);
  }

  actual(key: string): V | undefined {
    return this.#actual.get(key);
  }

  get inSync(): boolean {
    return this.#updates.size === 0 && this.#deletions.size === 0;
  }

  /** Keys to be written, with their values. */
  pendingUpdates(): [string, V][] {
    return [...this.#updates];
  }

  /** Keys to be removed. */
  pendingDeletions(): string[] {
    return [...this.#deletions];
  }

  /** Remove, then write, all that differs; what a callback refuses (false) stays pending. */
  apply(remove: (key: string, actual: V) => boolean, write: (key: string, value: V) => boolean): void {
    for (const key of this.pendingDeletions()) {
      if (remove(key, this.#actual.get(key)!)) this.setActual(key, undefined);
    }
    for (const [key, value] of this.pendingUpdates()) {
      if (write(key, value)) this.setActual(key, value);
    }
  }

  #replace(side: Map<string, V>, entries: Iterable<readonly [string, V]>): void {
    const fresh = new Map(entries);
    const touched = new Set([...side.keys(), ...fresh.keys()]);
    side.clear();
    for (const [key, value] of fresh) side.set(key, value);
    for (const key of touched) this.#compare(key);
  }

  #compare(key: string): void {
    const desired = this.#desired.get(key);
    const actual = this.#actual.get(key);
    this.#updates.delete(key);
    this.#deletions.delete(key);
    if (desired === undefined) {
      if (actual !== undefined) this.#deletions.add(key);
    } else if (actual === undefined || !equalData(actual, desired)) {
      this.#updates.set(key, desired);
    }
  }
}
