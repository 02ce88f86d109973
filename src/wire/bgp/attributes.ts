/**
 * Path attributes (RFC 4271 §4.3 and §5): AS_PATH with four-octet numbers (RFC 6793), communities (RFC 1997),
 * large communities (RFC 8092), route reflection (RFC 4456). What is wrong with one follows RFC 7606: most faults
 * make the UPDATE a withdrawal, some lose the attribute, few end the session.
 *
 *     flags | type | length (1 octet, or 2 with the extended-length flag) | value
 */
import type { Ipv4Address } from '../../addr/ipv4.ts';
import { Reader, Writer } from './cursor.ts';
import { ErrorCode, type Reach, UpdateError, WireError } from './error.ts';
import { AS_TRANS } from './open.ts';

export const Origin = { Igp: 0, Egp: 1, Incomplete: 2 } as const;
export const SegmentType = { Set: 1, Sequence: 2 } as const;

export interface AsSegment {
  readonly type: number;
  readonly ases: readonly number[];
}

export interface Aggregator {
  readonly as: number;
  readonly address: Ipv4Address;
}

/** An attribute this codec does not interpret. */
export interface UnknownAttribute {
  readonly flags: number;
  readonly type: number;
  readonly value: Uint8Array;
}

export interface PathAttributes {
  readonly origin?: number;
  readonly asPath?: readonly AsSegment[];
  readonly nextHop?: Ipv4Address;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: Aggregator;
  /** Each a u32, high half the AS. */
  readonly communities?: readonly number[];
  readonly originatorId?: Ipv4Address;
  readonly clusterList?: readonly Ipv4Address[];
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
  readonly unknown?: readonly UnknownAttribute[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the session's capabilities mean for the encoding. */
export interface AttributeContext {
  /** Both sides speak four-octet AS numbers. */
  readonly as4: boolean;
  /** From an external peer LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are discarded (RFC 7606 §7). */
  readonly external: boolean;
}

const OPTIONAL = 0x80;
const TRANSITIVE = 0x40;
const PARTIAL = 0x20;
const EXTENDED_LENGTH = 0x10;

const ORIGIN = 1;
const AS_PATH = 2;
const NEXT_HOP = 3;
const MULTI_EXIT_DISC = 4;
const LOCAL_PREF = 5;
const ATOMIC_AGGREGATE = 6;
const AGGREGATOR = 7;
const COMMUNITIES = 8;
const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;
const AS4_PATH = 17;
const AS4_AGGREGATOR = 18;
const LARGE_COMMUNITIES = 32;

/** The optional and transitive bits each known type must have. */
const FLAGS: Readonly<Record<number, number>> = {
  [ORIGIN]: TRANSITIVE,
  [AS_PATH]: TRANSITIVE,
  [NEXT_HOP]: TRANSITIVE,
  [MULTI_EXIT_DISC]: OPTIONAL,
  [LOCAL_PREF]: TRANSITIVE,
  [ATOMIC_AGGREGATE]: TRANSITIVE,
  [AGGREGATOR]: OPTIONAL | TRANSITIVE,
  [COMMUNITIES]: OPTIONAL | TRANSITIVE,
  [ORIGINATOR_ID]: OPTIONAL,
  [CLUSTER_LIST]: OPTIONAL,
  [AS4_PATH]: OPTIONAL | TRANSITIVE,
  [AS4_AGGREGATOR]: OPTIONAL | TRANSITIVE,
  [LARGE_COMMUNITIES]: OPTIONAL | TRANSITIVE,
};

const updateError = (subcode: number, at: number, data: Uint8Array, reach: Reach): WireError =>
  new WireError(ErrorCode.UpdateMessage, subcode, at, data, reach);

interface As4 {
  path?: readonly AsSegment[];
  aggregator?: Aggregator;
}

/**
 * Decode the attributes in `[at, end)`. Faults that RFC 7606 lets the session survive are pushed to `faults` and the
 * attribute is left out; others are thrown.
 */
export function decode(
  bytes: Uint8Array,
  at: number,
  end: number,
  context: AttributeContext,
  faults: WireError[],
): PathAttributes {
  const attributes: Mutable<PathAttributes> = {};
  const as4: As4 = {};
  const seen = new Set<number>();
  let from = at;
  while (from < end) {
    const flags = bytes[from]!;
    const headerLength = (flags & EXTENDED_LENGTH) === 0 ? 3 : 4;
    const type = bytes[from + 1]!;
    const high = bytes[from + 2]!;
    const length = headerLength === 3 ? high : high * 256 + bytes[from + 3]!;
    const next = from + headerLength + length;
    if (end - from < headerLength || next > end) {
      // RFC 7606 §4: the NLRI can still be found through the total length, so this is a withdrawal.
      faults.push(
        updateError(UpdateError.AttributeLength, from, bytes.slice(from, end), 'treat-as-withdraw'),
      );
      break;
    }
    if (!seen.has(type)) {
      seen.add(type); // RFC 7606 §3 (g): the first of several counts
      try {
        decodeOne(bytes, from, type, flags, from + headerLength, next, context, attributes, as4);
      } catch (fault) {
        if (!(fault instanceof WireError) || fault.reach === 'session-reset') throw fault;
        faults.push(fault);
      }
    }
    from = next;
  }
  if (!context.as4) mergeAs4(attributes, as4);
  return attributes;
}

function decodeOne(
  bytes: Uint8Array,
  from: number,
  type: number,
  flags: number,
  at: number,
  end: number,
  context: AttributeContext,
  into: Mutable<PathAttributes>,
  as4: As4,
): void {
  const whole = bytes.slice(from, end);
  const length = end - at;
  const expected = FLAGS[type];
  if (expected === undefined) {
    if ((flags & OPTIONAL) === 0)
      throw updateError(UpdateError.UnrecognizedWellKnownAttribute, from, whole, 'session-reset');
    // RFC 4271 §5: an unrecognized non-transitive attribute is quietly ignored.
    if ((flags & TRANSITIVE) !== 0)
      into.unknown = [
        ...(into.unknown ?? []),
        { flags: flags & ~EXTENDED_LENGTH, type, value: bytes.slice(at, end) },
      ];
    return;
  }
  const discards =
    type === ATOMIC_AGGREGATE || type === AGGREGATOR || type === AS4_PATH || type === AS4_AGGREGATOR;
  const reach: Reach = discards ? 'attribute-discard' : 'treat-as-withdraw';
  const internalOnly = type === LOCAL_PREF || type === ORIGINATOR_ID || type === CLUSTER_LIST;
  if (internalOnly && context.external)
    throw updateError(UpdateError.OptionalAttribute, from, whole, 'attribute-discard');
  // RFC 7606 §3 (c): wrong flags are a withdrawal also where a wrong length only costs the attribute; RFC 6793 §6 has
  // a rule of its own for the attributes of old speakers.
  if ((flags & (OPTIONAL | TRANSITIVE)) !== expected) {
    const old = type === AS4_PATH || type === AS4_AGGREGATOR;
    throw updateError(
      UpdateError.AttributeFlags,
      from,
      whole,
      old ? 'attribute-discard' : 'treat-as-withdraw',
    );
  }
  const badLength = (): WireError => updateError(UpdateError.AttributeLength, from, whole, reach);
  const r = new Reader(bytes, at, end, badLength);
  const exactly = (...octets: number[]): void => {
    if (!octets.includes(length)) throw badLength();
  };
  const multipleOf = (octets: number): void => {
    if (length === 0 || length % octets !== 0) throw badLength();
  };
  switch (type) {
    case ORIGIN: {
      exactly(1);
      const origin = r.u8();
      if (origin > Origin.Incomplete) throw updateError(UpdateError.InvalidOrigin, from, whole, reach);
      into.origin = origin;
      return;
    }
    case AS_PATH:
      into.asPath = decodeAsPath(r, context.as4, () =>
        updateError(UpdateError.MalformedAsPath, from, whole, reach),
      );
      return;
    case NEXT_HOP:
      exactly(4);
      into.nextHop = r.u32();
      return;
    case MULTI_EXIT_DISC:
      exactly(4);
      into.med = r.u32();
      return;
    case LOCAL_PREF:
      exactly(4);
      into.localPref = r.u32();
      return;
    case ATOMIC_AGGREGATE:
      exactly(0);
      into.atomicAggregate = true;
      return;
    case AGGREGATOR:
      exactly(context.as4 ? 8 : 6);
      into.aggregator = { as: context.as4 ? r.u32() : r.u16(), address: r.u32() };
      return;
    case COMMUNITIES:
      multipleOf(4);
      into.communities = u32s(r);
      return;
    case ORIGINATOR_ID:
      exactly(4);
      into.originatorId = r.u32();
      return;
    case CLUSTER_LIST:
      multipleOf(4);
      into.clusterList = u32s(r);
      return;
    case AS4_PATH:
      // RFC 6793 §6: a speaker of four octets must not send it, and ours discards it.
      if (!context.as4) as4.path = decodeAsPath(r, true, badLength);
      return;
    case AS4_AGGREGATOR:
      exactly(8);
      if (!context.as4) as4.aggregator = { as: r.u32(), address: r.u32() };
      return;
    case LARGE_COMMUNITIES: {
      multipleOf(12);
      const communities: [number, number, number][] = [];
      while (r.left > 0) communities.push([r.u32(), r.u32(), r.u32()]);
      into.largeCommunities = communities;
    }
  }
}

function u32s(r: Reader): number[] {
  const values: number[] = [];
  while (r.left > 0) values.push(r.u32());
  return values;
}

function decodeAsPath(r: Reader, as4: boolean, malformed: () => WireError): AsSegment[] {
  const segments: AsSegment[] = [];
  while (r.left > 0) {
    if (r.left < 2) throw malformed();
    const type = r.u8();
    const count = r.u8();
    const known = type === SegmentType.Set || type === SegmentType.Sequence;
    if (!known || count === 0 || r.left < count * (as4 ? 4 : 2)) throw malformed();
    const ases: number[] = [];
    for (let i = 0; i < count; i++) ases.push(as4 ? r.u32() : r.u16());
    segments.push({ type, ases });
  }
  return segments;
}

/** RFC 6793 §4.2.3: the tail of AS_PATH is replaced by AS4_PATH, unless the aggregators say it was rewritten. */
function mergeAs4(attributes: Mutable<PathAttributes>, as4: As4): void {
  const { aggregator, asPath } = attributes;
  if (aggregator !== undefined && as4.aggregator !== undefined) {
    if (aggregator.as !== AS_TRANS) return;
    attributes.aggregator = as4.aggregator;
  }
  if (as4.path === undefined || asPath === undefined) return;
  const surplus = pathLength(asPath) - pathLength(as4.path);
  if (surplus < 0) return;
  const head: AsSegment[] = [];
  let left = surplus;
  for (const segment of asPath) {
    if (left === 0) break;
    const counts = segment.type === SegmentType.Set ? 1 : segment.ases.length;
    const keep = Math.min(left, counts);
    head.push(segment.type === SegmentType.Set ? segment : { ...segment, ases: segment.ases.slice(0, keep) });
    left -= keep;
  }
  attributes.asPath = joined([...head, ...as4.path]);
}

/** Neighbouring sequences become one. */
function joined(segments: readonly AsSegment[]): AsSegment[] {
  const out: AsSegment[] = [];
  for (const segment of segments) {
    const last = out.at(-1);
    const both = last?.type === SegmentType.Sequence && segment.type === SegmentType.Sequence;
    if (last && both && last.ases.length + segment.ases.length <= 255)
      out[out.length - 1] = { type: SegmentType.Sequence, ases: [...last.ases, ...segment.ases] };
    else out.push(segment);
  }
  return out;
}

/** Number of ASes in a path; a set counts as one (RFC 4271 §9.1.2.2 a). */
export const pathLength = (path: readonly AsSegment[]): number =>
  path.reduce((sum, s) => sum + (s.type === SegmentType.Set ? 1 : s.ases.length), 0);

/** `as` put in front of the path (RFC 4271 §5.1.2 b). */
export const prepend = (path: readonly AsSegment[], as: number): AsSegment[] =>
  joined([{ type: SegmentType.Sequence, ases: [as] }, ...path]);

/** Octets (with ASes of four) of attribute sets that cannot change any more: one set goes to thousands of peers. */
const encoded = new WeakMap<PathAttributes, Uint8Array>();

/** Attributes in the order of their types, as BIRD writes them. The octets may be shared. */
export function encode(attributes: PathAttributes, as4: boolean): Uint8Array {
  if (!as4 || !Object.isFrozen(attributes)) return written(attributes, as4);
  let octets = encoded.get(attributes);
  if (octets === undefined) {
    octets = written(attributes, as4);
    encoded.set(attributes, octets);
  }
  return octets;
}

function written(attributes: PathAttributes, as4: boolean): Uint8Array {
  const w = new Writer();
  const put = (type: number, value: Uint8Array, flags = FLAGS[type]!): void => {
    if (value.length > 255)
      w.u8(flags | EXTENDED_LENGTH)
        .u8(type)
        .u16(value.length);
    else w.u8(flags).u8(type).u8(value.length);
    w.put(value);
  };
  const u32 = (...values: readonly number[]): Uint8Array => {
    const inner = new Writer();
    for (const value of values) inner.u32(value);
    return inner.done();
  };
  const { asPath, aggregator } = attributes;
  if (attributes.origin !== undefined) put(ORIGIN, Uint8Array.of(attributes.origin));
  if (asPath !== undefined) put(AS_PATH, encodeAsPath(asPath, as4));
  if (attributes.nextHop !== undefined) put(NEXT_HOP, u32(attributes.nextHop));
  if (attributes.med !== undefined) put(MULTI_EXIT_DISC, u32(attributes.med));
  if (attributes.localPref !== undefined) put(LOCAL_PREF, u32(attributes.localPref));
  if (attributes.atomicAggregate) put(ATOMIC_AGGREGATE, new Uint8Array(0));
  if (aggregator !== undefined)
    put(AGGREGATOR, as4 ? u32(aggregator.as, aggregator.address) : encodeOldAggregator(aggregator));
  if (attributes.communities !== undefined) put(COMMUNITIES, u32(...attributes.communities));
  if (attributes.originatorId !== undefined) put(ORIGINATOR_ID, u32(attributes.originatorId));
  if (attributes.clusterList !== undefined) put(CLUSTER_LIST, u32(...attributes.clusterList));
  const late = [...(attributes.unknown ?? [])].sort((a, b) => a.type - b.type);
  const unknownUpTo = (type: number): void => {
    while (late.length > 0 && late[0]!.type < type) {
      const { type: code, value, flags } = late.shift()!;
      put(code, value, flags);
    }
  };
  unknownUpTo(AS4_PATH);
  if (!as4 && asPath?.some(s => s.ases.some(as => as > 0xffff))) put(AS4_PATH, encodeAsPath(asPath, true));
  if (!as4 && aggregator !== undefined && aggregator.as > 0xffff)
    put(AS4_AGGREGATOR, u32(aggregator.as, aggregator.address));
  unknownUpTo(LARGE_COMMUNITIES);
  if (attributes.largeCommunities !== undefined)
    put(LARGE_COMMUNITIES, u32(...attributes.largeCommunities.flat()));
  unknownUpTo(256);
  return w.done();
}

const twoOctets = (as: number): number => (as > 0xffff ? AS_TRANS : as);

function encodeAsPath(path: readonly AsSegment[], as4: boolean): Uint8Array {
  const w = new Writer();
  for (const { type, ases } of path) {
    w.u8(type).u8(ases.length);
    for (const as of ases) {
      if (as4) w.u32(as);
      else w.u16(twoOctets(as));
    }
  }
  return w.done();
}

const encodeOldAggregator = ({ as, address }: Aggregator): Uint8Array =>
  new Writer().u16(twoOctets(as)).u32(address).done();

/** Unknown transitive attributes as they leave a speaker that did not understand them (RFC 4271 §5: Partial). */
export const asPartial = (unknown: readonly UnknownAttribute[]): UnknownAttribute[] =>
  unknown.map(a => ({ ...a, flags: a.flags | PARTIAL }));
