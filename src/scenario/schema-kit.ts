/** Small zod pieces that the schema is built of: text with a meaning (a prefix, a duration) that comes out as a number. */
import { z } from 'zod';
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { parseDuration, parseRate, parseSize } from './quantity.ts';

/** A value as an error shows it: `"always"`, `3`, `a list`. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 39)}…` : value);
}

/**
 * Text that `parse` gives a meaning. `what` names it with an example: "a duration such as 50us".
 * `parse` returns the value, `undefined` when the text is not `what`, or an `Error` whose message says more.
 */
export function meaning<T>(
  what: string,
  parse: (text: string) => T | undefined | Error,
  description: string,
) {
  return z
    .string({ error: issue => `expected ${what}, got ${show(issue.input)}` })
    .transform((text, context): T => {
      const value = parse(text);
      if (value !== undefined && !(value instanceof Error)) return value;
      const message = value instanceof Error ? value.message : `expected ${what}, got ${show(text)}`;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    })
    .meta({ description });
}

const DAY_NS = 86_400e9;

/** A duration that may be 0, up to a day. */
export const duration = (description: string) =>
  meaning(
    'a duration such as 50us, 10ms or 5s',
    text => {
      const ns = parseDuration(text);
      return ns !== undefined && ns > DAY_NS ? new Error(`${show(text)} is longer than a day`) : ns;
    },
    description,
  );

/** A link's delay. Zero is refused: the smallest delay is the engine's lookahead (design: window engine). */
export const delay = (description: string) =>
  meaning(
    'a duration such as 50us, 10ms or 5s',
    text => {
      const ns = parseDuration(text);
      if (ns === 0) return new Error('a link without delay cannot be emulated: give at least 1ns');
      return ns !== undefined && ns > 10e9 ? new Error(`${show(text)} is longer than 10s`) : ns;
    },
    description,
  );

export const rate = (description: string) =>
  meaning(
    'a rate such as 10Gbit or 100Mbit',
    text => {
      const bps = parseRate(text);
      if (bps === 0) return new Error('a link needs a rate above 0');
      return bps !== undefined && bps > 1e12 ? new Error(`${show(text)} is more than 1Tbit`) : bps;
    },
    description,
  );

/** A size as text (`64KiB`) or as a plain number of octets. */
export const size = (description: string) =>
  z
    .union([
      meaning('a size such as 1400 or 64KiB', parseSize, 'Octets, or with a unit: B kB KB MB KiB MiB'),
      z.int().min(0).max(1e9),
    ])
    .meta({ description });

export const address = (description: string) =>
  meaning('an IPv4 address', text => Ipv4.parse(text), description);

/** A network: no host bit set. */
export const network = (description: string) =>
  meaning(
    'a prefix such as 192.168.10.0/24',
    text => {
      const prefix = Prefix.parse(text);
      if (prefix === undefined || Prefix.isMasked(prefix)) return prefix;
      const masked = Prefix.format(Prefix.network(prefix.address, prefix.length));
      return new Error(`${show(text)} has host bits set, did you mean "${masked}"?`);
    },
    description,
  );

/** An address with a mask length, host bits and all. */
export const interfaceAddress = (description: string) =>
  meaning('an address with a mask length such as 192.168.10.101/24', text => Prefix.parse(text), description);

export const asNumber = (description: string) => z.int().min(1).max(4_294_967_295).meta({ description });

export const text = (description: string) => z.string().min(1).max(4096).meta({ description });

/** A DNS-1123 name, as Kubernetes wants node and pod names. */
export const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

export const name = (description: string) =>
  z
    .string()
    .regex(NAME, {
      error: issue => `${show(issue.input)} is not a name: lower-case letters, digits, "-" and "."`,
    })
    .meta({ description });

/** A map from names to `value`. */
export const named = <T extends z.ZodType>(value: T, description: string) =>
  z.record(name('A name'), value).meta({ description });

export const labels = (description: string) =>
  z.record(z.string().min(1).max(317), z.string().max(63)).meta({ description });
