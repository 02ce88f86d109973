/**
 * Go's legacy `math/rand` generator, which Calico IPAM seeds with the node's name: the choice of a node's first block
 * depends on it, so the same numbers must come out (facts: calico-ipam §3).
 *
 * Additive lagged Fibonacci, length 607, tap 273, words of 64 bits; each word is kept here as two u32 halves.
 */
import { GO_RAND_COOKED } from './go-rand-cooked.ts';

const LENGTH = 607;
const TAP = 273;
const INT32_MAX = 2 ** 31 - 1;
const ZERO_SEED = 89_482_311;
const WARM_UP = 20;

const [COOKED_HIGH, COOKED_LOW] = readCooked();

function readCooked(): [Uint32Array, Uint32Array] {
  const words = GO_RAND_COOKED.trim().split(/\s+/);
  return [
    Uint32Array.from(words, w => Number.parseInt(w.slice(0, 8), 16)),
    Uint32Array.from(words, w => Number.parseInt(w.slice(8), 16)),
  ];
}

/** x[n+1] = 48271 x[n] mod (2^31 - 1), by Schrage's method. */
function lehmer(x: number): number {
  const high = Math.floor(x / 44488);
  const next = 48271 * (x - high * 44488) - 3399 * high;
  return next < 0 ? next + INT32_MAX : next;
}

/** `rand.New(rand.NewSource(seed))` for a seed in [0, 2^53). */
export class GoRand {
  readonly #high = new Uint32Array(LENGTH);
  readonly #low = new Uint32Array(LENGTH);
  #tap = 0;
  #feed = LENGTH - TAP;

  constructor(seed: number) {
    let x = seed % INT32_MAX;
    if (x === 0) x = ZERO_SEED;
    for (let i = 0; i < WARM_UP; i++) x = lehmer(x);
    for (let i = 0; i < LENGTH; i++) {
      const x1 = lehmer(x);
      const x2 = lehmer(x1);
      x = lehmer(x2);
      // u = x1 << 40 ^ x2 << 20 ^ x3 ^ cooked[i]
      this.#high[i] = (x1 << 8) ^ (x2 >>> 12) ^ COOKED_HIGH[i]!;
      this.#low[i] = (x2 << 20) ^ x ^ COOKED_LOW[i]!;
    }
  }

  /** `Rand.Uint32`: bits 31 to 62 of the next word. */
  uint32(): number {
    this.#tap = (this.#tap + LENGTH - 1) % LENGTH;
    this.#feed = (this.#feed + LENGTH - 1) % LENGTH;
    const low = this.#low[this.#feed]! + this.#low[this.#tap]!;
    const carry = low > 0xffff_ffff ? 1 : 0;
    const high = this.#high[this.#feed]! + this.#high[this.#tap]! + carry;
    this.#low[this.#feed] = low;
    this.#high[this.#feed] = high;
    return ((high << 1) | ((low >>> 0) >>> 31)) >>> 0;
  }

  /**
   * `big.Int.Rand(rnd, n)` of a 64-bit Go: a uniform integer in [0, n), 1 <= n <= 2^52.
   * A word is two draws, low half first, masked to the bit length *of n* (not of n-1), drawn again until it is below n.
   */
  below(n: number): number {
    const bits = n.toString(2).length;
    for (;;) {
      const low = this.uint32();
      const high = this.uint32();
      const value = bits <= 32 ? low % 2 ** bits : (high % 2 ** (bits - 32)) * 2 ** 32 + low;
      if (value < n) return value;
    }
  }
}

/** FNV-1, 32 bits (multiply, then xor; *not* FNV-1a) over the UTF-8 bytes of `text`. */
export function fnv1(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash;
}
