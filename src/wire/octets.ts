/** Octet strings put together. */

const NOTHING = new Uint8Array(0);

/** All octets of `parts`, one behind the other; a single part is not copied. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length < 2) return parts[0] ?? NOTHING;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `a` and `b` as one view, if there is something in `a` and `b` lies right behind it. */
export function spanned(a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  if (a.length === 0 || a.byteOffset + a.length !== b.byteOffset || a.buffer !== b.buffer) return undefined;
  return new Uint8Array(a.buffer, a.byteOffset, a.length + b.length);
}
