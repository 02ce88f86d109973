/** One object for all that say the same, held weakly: nothing but memory depends on what is in such a table. */
export class Shared<T extends object> {
  readonly #known = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>(text => {
    if (this.#known.get(text)?.deref() === undefined) this.#known.delete(text);
  });

  /** What `text` stands for: the object that others have, or one that is made. */
  of(text: string, make: () => T): T {
    const known = this.#known.get(text)?.deref();
    if (known !== undefined) return known;
    const one = make();
    this.#known.set(text, new WeakRef(one));
    this.#gone.register(one, text);
    return one;
  }
}
