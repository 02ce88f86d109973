/** IPv4 prefixes (CIDR). A prefix is strictly masked: no host bit is set. */
import * as Ipv4 from './ipv4.ts';

export interface Prefix {
  readonly address: Ipv4.Ipv4Address;
  /** Mask length in bits, 0 to 32. */
  readonly length: number;
}

/** The netmask of `length` bits as u32. */
export const mask = (length: number): number => (length === 0 ? 0 : (-1 << (32 - length)) >>> 0);

/** Number of addresses in a prefix of `length` bits. */
export const size = (length: number): number => 2 ** (32 - length);

/** Parse `a.b.c.d/len`. Host bits may be set: see `isMasked`. `undefined` when it is not a CIDR. */
export function parse(text: string): Prefix | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const address = Ipv4.parse(match[1]!);
  const length = Number(match[2]);
  return address === undefined || length > 32 ? undefined : { address, length };
}

/** Parse, or throw: for text that a loader has already checked, and for constants. */
export function from(text: string): Prefix {
  const prefix = parse(text);
  if (prefix === undefined) throw new Error(`not an IPv4 prefix: ${text}`);
  return prefix;
}

export const format = (prefix: Prefix): string => `${Ipv4.format(prefix.address)}/${prefix.length}`;
export const isMasked = (prefix: Prefix): boolean =>
  (prefix.address & mask(prefix.length)) >>> 0 === prefix.address;

/** The network that `address` lies in. */
export const network = (address: Ipv4.Ipv4Address, length: number): Prefix => ({
  address: (address & mask(length)) >>> 0,
  length,
});

export const contains = (prefix: Prefix, address: Ipv4.Ipv4Address): boolean =>
  (address & mask(prefix.length)) >>> 0 === (prefix.address & mask(prefix.length)) >>> 0;

/** True when every address of `inner` is in `outer` (equal or more specific: BIRD's `net ~ cidr`). */
export const covers = (outer: Prefix, inner: Prefix): boolean =>
  inner.length >= outer.length && contains(outer, inner.address);

export const overlap = (a: Prefix, b: Prefix): boolean => covers(a, b) || covers(b, a);
export const equal = (a: Prefix, b: Prefix): boolean => a.address === b.address && a.length === b.length;

/** Numeric order: by address, then shorter first. The order in which `ip route` lists. */
export const compare = (a: Prefix, b: Prefix): number => a.address - b.address || a.length - b.length;
