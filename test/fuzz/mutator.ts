/** Seeded damage to octets, as a bad cable or a bad program does it. Not a test file. */
import type { Random } from '../../src/sim/random.ts';
import { joined } from '../../src/wire/octets.ts';

const INTERESTING = [0, 1, 2, 4, 15, 16, 18, 19, 20, 32, 33, 64, 69, 70, 127, 128, 255];

/** A damaged copy of `octets`, from one to four times, with pieces of `other` among it. */
export function mutated(random: Random, octets: Uint8Array, other: Uint8Array): Uint8Array {
  let out: Uint8Array = octets.slice();
  for (let times = 1 + random.below(4); times > 0; times--) out = once(random, out, other);
  return out;
}

function once(random: Random, octets: Uint8Array, other: Uint8Array): Uint8Array {
  if (octets.length === 0) return octets;
  const at = random.below(octets.length);
  switch (random.below(8)) {
    case 0:
      octets[at]! ^= 1 << random.below(8);
      return octets;
    case 1:
      octets[at] = random.below(256);
      return octets;
    case 2:
      octets[at] = INTERESTING[random.below(INTERESTING.length)]!;
      return octets;
    case 3:
      octets[at] = (octets[at]! + (random.below(2) === 0 ? 1 : 255)) & 255;
      return octets;
    case 4:
      return octets.slice(0, at + 1);
    case 5: {
      const length = 1 + random.below(8);
      return joined([octets.subarray(0, at), octets.subarray(Math.min(octets.length, at + length))]);
    }
    case 6: {
      const from = random.below(Math.max(1, other.length));
      const piece = other.subarray(from, from + 1 + random.below(16));
      return joined([octets.subarray(0, at), piece, octets.subarray(at)]);
    }
    default: {
      const from = random.below(Math.max(1, other.length));
      octets.set(other.subarray(from, from + Math.min(8, octets.length - at)), at);
      return octets;
    }
  }
}
