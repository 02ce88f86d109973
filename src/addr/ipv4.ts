/**
 * IPv4 addresses as unsigned 32-bit numbers in host order: a map key costs nothing, and text exists only at the edges
 * (scenario files, commands, traces).
 */
export type Ipv4Address = number;

export const ANY: Ipv4Address = 0;
export const BROADCAST: Ipv4Address = 0xffff_ffff;

/** Parse dotted decimal (four octets, no leading zeros). Returns `undefined` when `text` is anything else. */
export function parse(text: string): Ipv4Address | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i]!;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits.startsWith('0'))) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

/** Dotted decimal. */
export function format(address: Ipv4Address): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Parse, or throw: for addresses that a loader has already checked, and for constants. */
export function from(text: string): Ipv4Address {
  const address = parse(text);
  if (address === undefined) throw new Error(`not an IPv4 address: ${text}`);
  return address;
}

export const isMulticast = (address: Ipv4Address): boolean => address >>> 28 === 0xe;
export const isLoopback = (address: Ipv4Address): boolean => address >>> 24 === 127;
