/**
 * Payload descriptors. Bulk payload is never stored: it is a pattern, an offset into it and a length, and any slice of
 * it (a fragment, a retransmission, the quote of an ICMP error, a captured packet) is another descriptor.
 *
 *   ZERO   every octet is 0                               what `iperf3 --zerocopy` style senders send
 *   RAMP   octet i of the stream is i mod 256             what `ping` fills its packets with
 *   REAL   the octets of a Uint8Array                     BGP, HTTP, the datastore: bytes that mean something
 *
 * The ones'-complement sum (RFC 1071) of a ZERO or RAMP slice takes constant time, at odd offsets too.
 */
export const ZERO = 0;
export const RAMP = 1;
export const REAL = 2;
export type Pattern = typeof ZERO | typeof RAMP | typeof REAL;

/** Folded 16-bit ones'-complement sum of a slice, as if it began on a 16-bit boundary. */
export function sum(pattern: number, offset: number, length: number, bytes: Uint8Array | null): number {
  if (pattern === ZERO || length === 0) return 0;
  if (pattern === RAMP) {
    return fold(
      256 * everySecond(offset & 255, (length + 1) >> 1) + everySecond((offset + 1) & 255, length >> 1),
    );
  }
  let total = 0;
  const end = offset + length;
  let i = offset;
  for (; i + 1 < end; i += 2) total += bytes![i]! * 256 + bytes![i + 1]!;
  if (i < end) total += bytes![i]! * 256;
  return fold(total);
}

/** Sum of `count` ramp octets `first, first+2, first+4, …`, each mod 256: whole turns of 128, then the rest. */
function everySecond(first: number, count: number): number {
  const odd = first & 1;
  const turn = 128 * 127 + 128 * odd;
  const rest = count & 127;
  const beforeWrap = Math.min(rest, (257 - first) >> 1);
  const afterWrap = rest - beforeWrap;
  return (
    (count >> 7) * turn +
    beforeWrap * (first + beforeWrap - 1) +
    afterWrap * (odd + (afterWrap > 0 ? afterWrap - 1 : 0))
  );
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** Fewer octets than this are copied faster one by one than by a view of them. */
const SHORT = 128;

/** Write the octets of a slice into `target` at `at`. */
export function write(
  target: Uint8Array,
  at: number,
  pattern: number,
  offset: number,
  length: number,
  bytes: Uint8Array | null,
): void {
  if (pattern === REAL && length < SHORT)
    for (let i = 0; i < length; i++) target[at + i] = bytes![offset + i]!;
  else if (pattern === REAL) target.set(bytes!.subarray(offset, offset + length), at);
  else if (pattern === ZERO) target.fill(0, at, at + length);
  else for (let i = 0; i < length; i++) target[at + i] = (offset + i) & 255;
}
