/** Objects by key, kept in the order of their keys: a listing must not cost a sort. */
export class Collection<T> {
  readonly #objects = new Map<string, T>();
  readonly #keys: string[] = [];
  #listed: readonly T[] | undefined;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  set(key: string, object: T): void {
    if (!this.#objects.has(key)) this.#keys.splice(this.#position(key), 0, key);
    this.#objects.set(key, object);
    this.#listed = undefined;
  }

  delete(key: string): void {
    if (!this.#objects.delete(key)) return;
    this.#keys.splice(this.#position(key), 1);
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
    for (let i = this.#position(prefix); this.#keys[i]?.startsWith(prefix); i++) {
      found.push(this.#objects.get(this.#keys[i]!)!);
    }
    return found;
  }

  /** Where `key` is, or would be inserted. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
