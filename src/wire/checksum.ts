/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A *sum* is a folded 16-bit ones'-complement sum; a *checksum* is its complement, the value on the wire. Sums of
 * neighbouring ranges add up, so a packet's sum is that of its real header bytes plus that of a payload that may
 * never have been bytes at all. A range that starts at an odd offset of the packet counts with its octets swapped.
 */

/** 16 bits of a sum of up to 2^16 words. */
const folded = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};
export const fold = folded;

/** Sum of the octets `[at, end)`, plus `initial`. An odd last octet is padded with zero. Ranges up to 128 KiB. */
export function sum(view: DataView, at: number, end: number, initial = 0): number {
  let total = initial;
  let i = at;
  // Most headers are whole words.
  for (; i + 4 <= end; i += 4) {
    const word = view.getInt32(i);
    total += (word >>> 16) + (word & 0xffff);
  }
  if (i + 2 <= end) {
    total += view.getUint16(i);
    i += 2;
  }
  if (i < end) total += view.getUint8(i) << 8;
  return folded(total);
}

/** Sum of two sums. */
export const add = (a: number, b: number): number => folded(a + b);

/** Sum of a range moved by one octet (RFC 1071 §2 (B)): for parts that start at an odd offset. */
export const swap = (sum: number): number => ((sum & 0xff) << 8) | (sum >>> 8);

/** The checksum that makes a packet whose other octets have `sum` add up to 0xffff. */
export const complement = (sum: number): number => ~sum & 0xffff;

/** The checksum after a 16-bit word changed (RFC 1624 §3, eqn. 3): HC' = ~(~HC + ~m + m'). */
export const update = (checksum: number, before16: number, after16: number): number =>
  ~folded((~checksum & 0xffff) + (~before16 & 0xffff) + after16) & 0xffff;

/** The same for a 32-bit word at an even offset (an address, a sequence number). */
export const update32 = (checksum: number, before: number, after: number): number =>
  update(update(checksum, before >>> 16, after >>> 16), before & 0xffff, after & 0xffff);

/** Sum of a 32-bit word. */
export const word = (value: number): number => folded((value >>> 16) + (value & 0xffff));

/** Sum of the pseudo header of UDP and TCP (RFC 9293 §3.1, RFC 768). `length` is header and payload, in octets. */
export const pseudoHeader = (source: number, destination: number, protocol: number, length: number): number =>
  folded(
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length,
  );
