/** Objects by key, kept in the order of their keys: a listing must not cost a sort. */
import { position } from './sorted-keys.ts';

export class Collection<T> {
  readonly #objects = new Map<string, T>();
  readonly #keys: string[] = [];
  #listed: readonly T[] | undefined;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  set(key: string, object: T): void {
    if (!this.#objects.has(key)) this.#keys.splice(position(this.#keys, key), 0, key);
    this.#objects.set(key, object);
    this.#listed = undefined;
  }

  delete(key: string): void {
    if (!this.#objects.delete(key)) return;
    this.#keys.splice(position(this.#keys, key), 1);
    this.#listed = undefined;
  }

  /** In order of the keys; the same array until something changes. */
  list(): readonly T[] {
    this.#listed ??= this.#keys.map(key => this.#objects.get(key)!);
    return this.#listed;
  }

  /** Those whose keys begin with `prefix`, in order. */
  startingWith(prefix: string): T[] {
    const found: T[] = [];
    for (let i = position(this.#keys, prefix); this.#keys[i]?.startsWith(prefix); i++) {
      found.push(this.#objects.get(this.#keys[i]!)!);
    }
    return found;
  }
}
