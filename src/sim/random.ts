/**
 * Named, seeded random streams. One stream per purpose (`link/7/loss`, `k8s-w1/tcp/isn`), so that a new draw in one
 * place moves nothing elsewhere.
 *
 * The generator is xoshiro128** (Blackman and Vigna, public domain), seeded by SplitMix32 over an FNV-1a hash of
 * seed and name. 32-bit integer arithmetic only: the same numbers on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    const text = `${seed}/${name}`;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    const split = (): number => {
      hash = (hash + 0x9e3779b9) | 0;
      let z = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    };
    this.#a = split();
    this.#b = split();
    this.#c = split();
    this.#d = split() | 1; // never the all-zero state
  }

  /** A uniform integer in [0, 2^32). */
  next(): number {
    const times5 = Math.imul(this.#b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** A uniform integer in [0, bound), without modulo bias. Throws unless `bound` is whole and 1 <= bound <= 2^32. */
  below(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32))
      throw new Error(`no random number below ${bound}: a whole number from 1 to 2^32 is needed`);
    // 2^32 mod bound, by whole numbers: the remainder of a float64 takes the engine a call.
    const limit = 2 ** 32 - ((-bound >>> 0) % bound);
    let draw = this.next();
    while (draw >= limit) draw = this.next();
    return draw % bound;
  }

  /** A uniform number in [0, 1) with 32 random bits. */
  unit(): number {
    return this.next() / 2 ** 32;
  }
}
