/**
 * The shape of an object as data, and a strict decoder: what Go's JSON decoder does with a Calico resource, and with its
 * words. A Calico kind refuses unknown fields; a Kubernetes kind keeps them untouched.
 */
import type { FieldPath } from './meta.ts';

export type Shape =
  | { readonly is: 'string' | 'bool' | 'int' | 'asNumber' | 'any' }
  | { readonly is: 'list'; readonly of: Shape }
  | { readonly is: 'map'; readonly of: Shape }
  | { readonly is: 'object'; readonly go: string; readonly open: boolean; readonly fields: Fields };

export type Fields = { readonly [name: string]: Shape };

export const string: Shape = { is: 'string' };
export const bool: Shape = { is: 'bool' };
export const int: Shape = { is: 'int' };
/** A number, or text: `65001` or dotted `1.10`. Decoded to a number. */
export const asNumber: Shape = { is: 'asNumber' };
export const any: Shape = { is: 'any' };
export const list = (of: Shape): Shape => ({ is: 'list', of });
export const map = (of: Shape): Shape => ({ is: 'map', of });
/** A struct called `go` in Go; unknown fields are refused. */
export const object = (go: string, fields: Fields): Shape => ({ is: 'object', go, open: false, fields });
/** A struct whose other fields are kept as they are. */
export const open = (go: string, fields: Fields): Shape => ({ is: 'object', go, open: true, fields });

/** The object cannot be read at all; `message` is Go's. */
export class DecodeError extends Error {
  readonly code = 'UNDECODABLE';
  readonly path: FieldPath;

  constructor(reason: string, path: FieldPath) {
    super(`error unmarshaling JSON: while decoding JSON: ${reason}`);
    this.name = 'DecodeError';
    this.path = path;
  }
}

const GO_TYPES: Record<Shape['is'], string> = {
  string: 'string',
  bool: 'bool',
  int: 'int',
  asNumber: 'numorstring.ASNumber',
  any: 'interface {}',
  list: '[]string',
  map: 'map[string]string',
  object: 'struct',
};

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' && !Number.isInteger(value) ? `number ${value}` : typeof value;
}

function mismatch(shape: Shape, value: unknown, path: FieldPath, struct: string): DecodeError {
  const field = path.filter(p => typeof p === 'string').join('.');
  const type = shape.is === 'object' ? `v3.${shape.go}` : GO_TYPES[shape.is];
  const where = field === '' ? 'Go value' : `Go struct field ${struct}.${field}`;
  return new DecodeError(`json: cannot unmarshal ${jsonType(value)} into ${where} of type ${type}`, path);
}

/** `65001`, `"65001"` or `"1.10"` as a number below 2^32; `undefined` when it is none of these. */
export function parseAsNumber(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : undefined;
  }
  if (typeof value !== 'string') return undefined;
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(value);
  if (dotted !== null) {
    const [high, low] = [Number(dotted[1]), Number(dotted[2])];
    return high < 65536 && low < 65536 ? high * 65536 + low : undefined;
  }
  return /^\d{1,10}$/.test(value) ? parseAsNumber(Number(value)) : undefined;
}

/** `value` as `shape` says; null fields count as absent. Throws `DecodeError` at the first that does not fit. */
export function decode(shape: Shape, value: unknown, path: FieldPath = [], struct = ''): unknown {
  switch (shape.is) {
    case 'any':
      return value;
    case 'string':
      if (typeof value !== 'string') throw mismatch(shape, value, path, struct);
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(shape, value, path, struct);
      return value;
    case 'int':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(shape, value, path, struct);
      return value;
    case 'asNumber': {
      const number = parseAsNumber(value);
      if (number === undefined) throw new DecodeError(`invalid AS Number format (${String(value)})`, path);
      return number;
    }
    case 'list':
      if (!Array.isArray(value)) throw mismatch(shape, value, path, struct);
      return value.map((item, i) => decode(shape.of, item, [...path, i], struct));
    case 'map':
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw mismatch(shape, value, path, struct);
      }
      return decodeFields(shape, value as Record<string, unknown>, path);
  }
}

function decodeFields(
  shape: Shape & { readonly is: 'map' | 'object' },
  value: Record<string, unknown>,
  path: FieldPath,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const inner =
      shape.is === 'map' ? shape.of : Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (inner === undefined) {
      if (shape.is === 'object' && !shape.open) {
        throw new DecodeError(`json: unknown field "${name}"`, [...path, name]);
      }
      result[name] = item;
    } else if (item !== null && item !== undefined) {
      result[name] = decode(inner, item, [...path, name], shape.is === 'object' ? shape.go : '');
    }
  }
  return result;
}
