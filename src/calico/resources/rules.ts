/** Checks that several kinds share, with the words of Calico's field validator (libcalico-go/lib/validator/v3). */
import * as Ipv4 from '../../addr/ipv4.ts';
import { compile, SelectorError, usesGlobal } from '../selector.ts';
import type { FieldPath, ObjectMeta, Problem } from './meta.ts';

/** A value that a tagged field validator refuses; the blank before the closing bracket is Calico's. */
export const quoted = (field: string, value: unknown, tag: string, path: FieldPath): Problem => ({
  field,
  value,
  reason: `Reason: failed to validate Field: ${field} because of Tag: ${tag} `,
  path,
});

export function oneOf(
  field: string,
  tag: string,
  value: string | undefined,
  allowed: readonly string[],
  path: FieldPath,
): Problem[] {
  return value === undefined || value === '' || allowed.includes(value)
    ? []
    : [quoted(field, value, tag, path)];
}

/** A selector that does not parse, or one with `global()` where `place` has no namespaces. */
export function checkSelector(
  field: string,
  text: string | undefined,
  path: FieldPath,
  place?: string,
): Problem[] {
  if (text === undefined || text === '') return [];
  try {
    compile(text);
  } catch (error) {
    if (error instanceof SelectorError) return [quoted(field, text, 'selector', path)];
    throw error;
  }
  if (place !== undefined && usesGlobal(text)) {
    return [{ field, value: text, reason: `global() selector is not valid for ${place}`, path }];
  }
  return [];
}

/** An address with an optional port, `192.168.1.1` or `192.168.1.1:1179`. */
export function parsePeerAddress(text: string): { address: Ipv4.Ipv4Address; port: number } | undefined {
  const [host, port, ...rest] = text.split(':');
  const address = Ipv4.parse(host!);
  if (address === undefined || rest.length > 0) return undefined;
  if (port === undefined) return { address, port: 0 };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return number >= 1 && number <= 65535 ? { address, port: number } : undefined;
}

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const NAME = new RegExp(`^${SUBDOMAIN}$`);
const MAX_NAME_LENGTH = 253;

/** Names are DNS-1123 subdomains. */
export function validateName(meta: ObjectMeta): Problem[] {
  const path = ['metadata', 'name'];
  const field = 'Metadata.Name';
  const value = meta.name;
  if (value.length > MAX_NAME_LENGTH) {
    return [{ field, value, reason: `name is too long by ${value.length - MAX_NAME_LENGTH} bytes`, path }];
  }
  if (NAME.test(value)) return [];
  const reason = `name must consist of lower case alphanumeric characters, '-' or '.' (regex: ${SUBDOMAIN})`;
  return [{ field, value, reason, path }];
}
