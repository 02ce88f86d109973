/**
 * When a packet was captured: whole seconds since 1970 and nanoseconds into the second. A wall-clock time in
 * nanoseconds needs 61 bits, more than a float64 holds, so it is never one number.
 */
export interface CaptureTime {
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

const NS_PER_SECOND = 1_000_000_000;
const TWO_32 = 2 ** 32;

/** `elapsed` nanoseconds (exact below 2^53) after the start of the second `epochSeconds`. */
export const after = (epochSeconds: number, elapsed: number): CaptureTime => ({
  seconds: epochSeconds + Math.floor(elapsed / NS_PER_SECOND),
  nanoseconds: elapsed % NS_PER_SECOND,
});

/** The time as the two halves of a 64-bit count of nanoseconds. */
export function toHalves(time: CaptureTime): { high: number; low: number } {
  // seconds * 10^9 by 16-bit halves of the seconds: each product stays below 2^47.
  const upper = Math.floor(time.seconds / 65536) * NS_PER_SECOND;
  const lower = (time.seconds % 65536) * NS_PER_SECOND + time.nanoseconds;
  const low = (upper % 65536) * 65536 + lower;
  return { high: Math.floor(upper / 65536) + Math.floor(low / TWO_32), low: low % TWO_32 };
}

/** The inverse: a 64-bit count of units, `unitsPerSecond` to the second (at most 10^9, a power of ten or two). */
export function fromHalves(high: number, low: number, unitsPerSecond: number): CaptureTime {
  // Long division in base 2^16: remainder < 10^9, so remainder * 2^16 is exact.
  let seconds = 0;
  let remainder = 0;
  for (const digit of [Math.floor(high / 65536), high % 65536, Math.floor(low / 65536), low % 65536]) {
    const part = remainder * 65536 + digit;
    seconds = seconds * 65536 + Math.floor(part / unitsPerSecond);
    remainder = part % unitsPerSecond;
  }
  return { seconds, nanoseconds: Math.floor((remainder / unitsPerSecond) * NS_PER_SECOND + 0.5) };
}
