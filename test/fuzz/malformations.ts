/**
 * Ways in which a BGP message can be wrong, and what the RFCs say must come of each: RFC 7606 for UPDATEs, RFC 4271 §6
 * for the rest. The expectations are written here by hand, from the RFCs; no code of ours says what they are. Not a
 * test file.
 */
import type { Random } from '../../src/sim/random.ts';
import { joined } from '../../src/wire/octets.ts';

export type Treatment =
  | 'accepted'
  | 'treat-as-withdraw'
  | 'attribute-discard'
  /** A NOTIFICATION of this code and subcode. */
  | `${number}/${number}`;

export interface Malformation {
  readonly name: string;
  /** Towards an internal peer, and towards an external one. */
  readonly internal: Treatment;
  readonly external: Treatment;
  /** A whole message about the prefix whose NLRI is `nlri`. */
  make(random: Random, nlri: Uint8Array, external: boolean): Uint8Array;
}

const OPEN = 1;
const UPDATE = 2;
const KEEPALIVE = 4;
const ROUTE_REFRESH = 5;

/** Attribute types. */
const [ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, ATOMIC, AGGREGATOR, COMMUNITIES, ORIGINATOR, CLUSTERS] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const;
const LARGE = 32;
const WELL_KNOWN = 0x40;
const OPTIONAL = 0x80;
const TRANSITIVE = 0xc0;

const octets = (random: Random, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.below(256));

/** Any length up to 40 for which `isWrong` holds. */
function wrongLength(random: Random, isWrong: (length: number) => boolean): number {
  for (;;) {
    const length = random.below(41);
    if (isWrong(length)) return length;
  }
}

export function message(type: number, body: Uint8Array): Uint8Array {
  const length = 19 + body.length;
  return joined([new Uint8Array(16).fill(0xff), Uint8Array.of(length >> 8, length & 255, type), body]);
}

export const attribute = (flags: number, type: number, value: Uint8Array): Uint8Array =>
  value.length > 255
    ? joined([Uint8Array.of(flags | 0x10, type, value.length >> 8, value.length & 255), value])
    : joined([Uint8Array.of(flags, type, value.length), value]);

const update = (attributes: readonly Uint8Array[], nlri: Uint8Array): Uint8Array => {
  const all = joined(attributes);
  return message(UPDATE, joined([Uint8Array.of(0, 0, all.length >> 8, all.length & 255), all, nlri]));
};

type Mandatory = Record<'origin' | 'asPath' | 'nextHop', Uint8Array | undefined>;

/** A sound UPDATE but for what `change` changes, and with `more` behind. */
function valid(
  external: boolean,
  nlri: Uint8Array,
  more: readonly Uint8Array[] = [],
  change: Partial<Mandatory> = {},
): Uint8Array {
  const path = external ? Uint8Array.of(2, 1, 0, 0, 0xfd, 0xe9) : new Uint8Array(0);
  const mandatory: Mandatory = {
    origin: attribute(WELL_KNOWN, ORIGIN, Uint8Array.of(0)),
    asPath: attribute(WELL_KNOWN, AS_PATH, path),
    nextHop: attribute(WELL_KNOWN, NEXT_HOP, Uint8Array.of(192, 168, 10, 254)),
    ...change,
  };
  const { origin, asPath, nextHop } = mandatory;
  return update(
    [origin, asPath, nextHop, ...more].filter(a => a !== undefined),
    nlri,
  );
}

/** An UPDATE with something in place of a mandatory attribute, or an attribute more. */
const replaced = (
  name: string,
  field: keyof Mandatory,
  value: (random: Random) => Uint8Array | undefined,
): Malformation => ({
  name,
  internal: 'treat-as-withdraw',
  external: 'treat-as-withdraw',
  make: (random, nlri, external) => valid(external, nlri, [], { [field]: value(random) }),
});
const added = (
  name: string,
  internal: Treatment,
  external: Treatment,
  value: (random: Random) => Uint8Array,
): Malformation => ({
  name,
  internal,
  external,
  make: (random, nlri, outside) => valid(outside, nlri, [value(random)]),
});
/** Something that ends the session, whoever the peer is. */
const fatal = (
  name: string,
  treatment: Treatment,
  make: (random: Random, nlri: Uint8Array, external: boolean) => Uint8Array,
): Malformation => ({ name, internal: treatment, external: treatment, make });

const sized = (flags: number, type: number, isWrong: (length: number) => boolean) => (random: Random) =>
  attribute(flags, type, octets(random, wrongLength(random, isWrong)));

/** One attribute of `length` octets whose Optional or Transitive bit is wrong. */
const flagged =
  (type: number, right: number, value: Uint8Array) =>
  (random: Random): Uint8Array =>
    attribute(right ^ [0x80, 0x40, 0xc0][random.below(3)]!, type, value);

const WITHDRAW = 'treat-as-withdraw';
const DISCARD = 'attribute-discard';
const four = Uint8Array.of(10, 0, 0, 1);

export const MALFORMATIONS: readonly Malformation[] = [
  // RFC 7606 §7.1 to §7.3, and §3 (c), (d) and (j).
  replaced(
    'ORIGIN of a wrong length',
    'origin',
    sized(WELL_KNOWN, ORIGIN, n => n !== 1),
  ),
  replaced('ORIGIN of an undefined value', 'origin', r =>
    attribute(WELL_KNOWN, ORIGIN, Uint8Array.of(3 + r.below(253))),
  ),
  replaced('ORIGIN with wrong flags', 'origin', flagged(ORIGIN, WELL_KNOWN, Uint8Array.of(0))),
  replaced('no ORIGIN', 'origin', () => undefined),
  replaced('AS_PATH with an unknown segment type', 'asPath', r =>
    attribute(WELL_KNOWN, AS_PATH, Uint8Array.of(5 + r.below(250), 1, 0, 0, 0xfd, 0xe9)),
  ),
  replaced('AS_PATH with an empty segment', 'asPath', r =>
    attribute(WELL_KNOWN, AS_PATH, Uint8Array.of(1 + r.below(2), 0)),
  ),
  replaced('AS_PATH whose segment overruns it', 'asPath', r =>
    attribute(WELL_KNOWN, AS_PATH, Uint8Array.of(2, 2 + r.below(254), 0, 0, 0xfd, 0xe9)),
  ),
  replaced('AS_PATH with one octet left over', 'asPath', r =>
    attribute(WELL_KNOWN, AS_PATH, Uint8Array.of(2, 1, 0, 0, 0xfd, 0xe9, r.below(256))),
  ),
  replaced('AS_PATH with wrong flags', 'asPath', flagged(AS_PATH, WELL_KNOWN, new Uint8Array(0))),
  replaced('no AS_PATH', 'asPath', () => undefined),
  replaced(
    'NEXT_HOP of a wrong length',
    'nextHop',
    sized(WELL_KNOWN, NEXT_HOP, n => n !== 4),
  ),
  replaced('NEXT_HOP with wrong flags', 'nextHop', flagged(NEXT_HOP, WELL_KNOWN, four)),
  replaced('no NEXT_HOP', 'nextHop', () => undefined),
  // §7.4 to §7.10; RFC 8092 §4 for LARGE_COMMUNITY. What only internal peers may say is discarded from others.
  added(
    'MULTI_EXIT_DISC of a wrong length',
    WITHDRAW,
    WITHDRAW,
    sized(OPTIONAL, MED, n => n !== 4),
  ),
  added('MULTI_EXIT_DISC with wrong flags', WITHDRAW, WITHDRAW, flagged(MED, OPTIONAL, four)),
  added(
    'LOCAL_PREF of a wrong length',
    WITHDRAW,
    DISCARD,
    sized(WELL_KNOWN, LOCAL_PREF, n => n !== 4),
  ),
  added(
    'ATOMIC_AGGREGATE with a value',
    DISCARD,
    DISCARD,
    sized(WELL_KNOWN, ATOMIC, n => n !== 0),
  ),
  added(
    'ATOMIC_AGGREGATE with wrong flags',
    WITHDRAW,
    WITHDRAW,
    flagged(ATOMIC, WELL_KNOWN, new Uint8Array(0)),
  ),
  added(
    'AGGREGATOR of a wrong length',
    DISCARD,
    DISCARD,
    sized(TRANSITIVE, AGGREGATOR, n => n !== 8),
  ),
  added(
    'AGGREGATOR with wrong flags',
    WITHDRAW,
    WITHDRAW,
    flagged(AGGREGATOR, TRANSITIVE, new Uint8Array(8)),
  ),
  added(
    'COMMUNITIES of a wrong length',
    WITHDRAW,
    WITHDRAW,
    sized(TRANSITIVE, COMMUNITIES, n => n === 0 || n % 4 !== 0),
  ),
  added(
    'ORIGINATOR_ID of a wrong length',
    WITHDRAW,
    DISCARD,
    sized(OPTIONAL, ORIGINATOR, n => n !== 4),
  ),
  added(
    'CLUSTER_LIST of a wrong length',
    WITHDRAW,
    DISCARD,
    sized(OPTIONAL, CLUSTERS, n => n === 0 || n % 4 !== 0),
  ),
  added(
    'LARGE_COMMUNITY of a wrong length',
    WITHDRAW,
    WITHDRAW,
    sized(TRANSITIVE, LARGE, n => n === 0 || n % 12 !== 0),
  ),
  // §4: an attribute that overruns the list, whose own length is right.
  added('an attribute that overruns the list', WITHDRAW, WITHDRAW, r =>
    Uint8Array.of(OPTIONAL, MED, 5 + r.below(250), 0, 0, 0, 0),
  ),
  added('an attribute that ends within its header', WITHDRAW, WITHDRAW, () => Uint8Array.of(OPTIONAL, MED)),
  // §3 (g): the first of several counts. RFC 4271 §5: what is optional and unknown is no error.
  added('a second ORIGIN', 'accepted', 'accepted', r => attribute(WELL_KNOWN, ORIGIN, octets(r, r.below(4)))),
  added('an unknown optional attribute', 'accepted', 'accepted', r =>
    attribute(OPTIONAL | (r.below(2) << 6), 200 + r.below(50), octets(r, r.below(300))),
  ),
  // What still ends the session.
  fatal('an unknown well-known attribute', '3/2', (r, nlri, external) =>
    valid(external, nlri, [attribute(WELL_KNOWN, 200 + r.below(50), octets(r, r.below(20)))]),
  ),
  fatal('a prefix longer than 32 bits', '3/10', (r, nlri, external) =>
    valid(external, joined([nlri, Uint8Array.of(33 + r.below(223), 10, 0, 0, 0, 0)])),
  ),
  fatal('a prefix that is cut short', '3/10', (r, nlri, external) =>
    valid(external, joined([nlri, Uint8Array.of(17 + r.below(16), 10, 0)])),
  ),
  fatal('withdrawn routes that overrun the message', '3/1', r =>
    message(UPDATE, joined([Uint8Array.of(1 + r.below(15), r.below(256)), octets(r, 2 + r.below(100))])),
  ),
  fatal('attributes that overrun the message', '3/1', r =>
    message(UPDATE, Uint8Array.of(0, 0, 1 + r.below(15), r.below(256), ...octets(r, r.below(100)))),
  ),
  fatal('a marker that is not all ones', '1/1', (r, nlri, external) => {
    const wire = valid(external, nlri).slice();
    wire[r.below(16)]! ^= 1 << r.below(8);
    return wire;
  }),
  fatal('a length below 19', '1/2', r => {
    const wire = message(KEEPALIVE, new Uint8Array(0));
    wire[17] = r.below(19);
    return wire;
  }),
  fatal('a length above 4096', '1/2', r => {
    const wire = message(UPDATE, octets(r, 30));
    wire[16] = 0x11 + r.below(0xee);
    return wire;
  }),
  fatal('an unknown message type', '1/3', r => message(6 + r.below(250), octets(r, r.below(40)))),
  fatal('a KEEPALIVE with a body', '1/2', r => message(KEEPALIVE, octets(r, 1 + r.below(40)))),
  fatal('an OPEN while Established', '5/3', () =>
    message(OPEN, Uint8Array.of(4, 0xfd, 0xe9, 0, 240, 192, 168, 10, 254, 0)),
  ),
  fatal('a ROUTE-REFRESH of a wrong length', '7/1', r => message(ROUTE_REFRESH, octets(r, 5 + r.below(20)))),
];
