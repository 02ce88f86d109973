/** Quantities with units as text: durations, rates, sizes, and addresses given by their host part. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import { MICROSECOND, MILLISECOND, NANOSECOND, SECOND } from '../sim/time.ts';

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: NANOSECOND,
  us: MICROSECOND,
  µs: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
};

/** `50us`, `10ms`, `1.5s`, `1m` in nanoseconds; `undefined` when it is not one or not a whole number of them. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,9})?) ?(ns|us|µs|ms|s|m|h)$/.exec(text);
  return match === null ? undefined : scaled(match[1]!, DURATION_UNITS[match[2]!]!);
}

const RATE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** `10Gbit`, `1G`, `100Mbit/s`, `9.7Gbps` in bit/s (decimal units, as `tc` has them). */
export function parseRate(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([kKMGT]?)(?:bit(?:\/s)?|bps)?$/.exec(text);
  return match === null ? undefined : scaled(match[1]!, RATE_UNITS[match[2]!]!);
}

/** `1.5%` as 0.015. */
export function parseShare(text: string): number | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,6})?) ?%$/.exec(text);
  return match === null ? undefined : Number(match[1]) / 100;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  KiB: 1024,
  MiB: 1024 ** 2,
};

/** `1500`, `64KiB`, `1MB` in octets. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?(B|kB|KB|MB|KiB|MiB)?$/.exec(text);
  return match === null ? undefined : scaled(match[1]!, SIZE_UNITS[match[2] ?? '']!);
}

/** Digits and units multiplied in whole numbers, because 0.1 * 3 in floats is not; `undefined` below one unit. */
function scaled(digits: string, unit: number): number | undefined {
  const [whole = '0', fraction = ''] = digits.split('.');
  const divisor = 10 ** fraction.length;
  const numerator = Number(whole + fraction) * unit;
  if (!Number.isSafeInteger(numerator)) return undefined;
  return numerator % divisor === 0 ? numerator / divisor : undefined;
}

/**
 * An address inside `cidr`, in full or by its last octets: `.10` and `192.168.10.10` are the same in 192.168.10.0/24,
 * `.1.10` gives two octets. It may still lie outside of `cidr`: that is for the caller to say.
 */
export function parseHostPart(text: string, cidr: Prefix): Ipv4.Ipv4Address | undefined {
  if (!text.startsWith('.')) return Ipv4.parse(text);
  const given = text.slice(1).split('.').length;
  if (given > 3) return undefined;
  return Ipv4.parse(
    Ipv4.format(cidr.address)
      .split('.')
      .slice(0, 4 - given)
      .join('.') + text,
  );
}
