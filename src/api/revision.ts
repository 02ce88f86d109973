/**
 * One state of a collection: objects in the order of their keys. It never changes; what comes next is another state. So
 * thousands of nodes that know the same can hold the same one, and what is derived of its listing is derived once.
 */
import { position } from './sorted-keys.ts';

export class Revision<T extends object> {
  /** In order of the keys. */
  readonly objects: readonly T[];
  readonly #keys: readonly string[];

  private constructor(keys: readonly string[], objects: readonly T[]) {
    this.#keys = keys;
    this.objects = objects;
  }

  static empty<T extends object>(): Revision<T> {
    return new Revision<T>([], []);
  }

  /** Of several with one key the last one counts. */
  static of<T extends object>(entries: Iterable<readonly [string, T]>): Revision<T> {
    const sorted = [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Revision(
      sorted.map(([key]) => key),
      sorted.map(([, object]) => object),
    );
  }

  get(key: string): T | undefined {
    const at = position(this.#keys, key);
    return this.#keys[at] === key ? this.objects[at] : undefined;
  }

  with(key: string, object: T): Revision<T> {
    const at = position(this.#keys, key);
    if (this.#keys[at] === key) return new Revision(this.#keys, this.objects.with(at, object));
    return new Revision(this.#keys.toSpliced(at, 0, key), this.objects.toSpliced(at, 0, object));
  }

  without(key: string): Revision<T> {
    const at = position(this.#keys, key);
    if (this.#keys[at] !== key) return this;
    return new Revision(this.#keys.toSpliced(at, 1), this.objects.toSpliced(at, 1));
  }
}
