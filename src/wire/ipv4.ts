/**
 * IPv4 header codec (RFC 791 §3.1). Integers in host order; addresses are u32; lengths and offsets in octets.
 *
 *    0                   1                   2                   3
 *    |Version|  IHL  |   DSCP    |ECN|          Total Length         |
 *    |         Identification        |R D M|    Fragment Offset      |
 *    |  Time to Live |    Protocol   |         Header Checksum       |
 *    |                         Source Address                        |
 *    |                      Destination Address                      |
 *
 * Setters patch the checksum incrementally (RFC 1624), as Linux does, so a corrupted header stays corrupted. Options
 * are accepted on input (`headerLength` counts them) and never written.
 */
import type { AddressWord } from '../addr/address-word.ts';
import * as AddressWords from '../addr/address-word.ts';
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Sums from './checksum.ts';
import * as Faults from './fault.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Checksum = { ...Sums };
const { toWord } = AddressWords;
export const { Fault } = Faults;
export type Fault = Faults.Fault;

const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS_FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;
export const MIN_HEADER_LENGTH = 20;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_IPIP = 4;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

/** ECN field (RFC 3168 §5): the low two bits of the TOS octet. */
export const ECN_NOT_ECT = 0;
export const ECN_ECT1 = 1;
export const ECN_ECT0 = 2;
export const ECN_CE = 3;
const ECN_MASK = 3;

/** Flags as they lie in the 16-bit word they share with the fragment offset (Linux `IP_DF`, `IP_MF`). */
export const FLAG_RESERVED = 0x8000;
export const FLAG_DF = 0x4000;
export const FLAG_MF = 0x2000;
const FLAGS_MASK = 0xe000;
const OFFSET_MASK = 0x1fff;
/** Any of these: a piece of a packet. */
const IS_FRAGMENT = FLAG_MF | OFFSET_MASK;

/** The first word of a header without options, all else 0: version 4, five words. */
const PLAIN = 0x4500_0000;

export interface Ipv4Header {
  /** DSCP and ECN. */
  readonly tos: number;
  /** Header and payload. */
  readonly totalLength: number;
  readonly identification: number;
  /** A union of `FLAG_…`. */
  readonly flags: number;
  /** In octets: a multiple of 8. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
}

export const version = (view: DataView, at: number): number => view.getUint8(at + VERSION_IHL) >>> 4;
export const headerLength = (view: DataView, at: number): number =>
  (view.getUint8(at + VERSION_IHL) & 15) << 2;
export const tos = (view: DataView, at: number): number => view.getUint8(at + TOS);
export const ecn = (view: DataView, at: number): number => view.getUint8(at + TOS) & ECN_MASK;
export const totalLength = (view: DataView, at: number): number => view.getUint16(at + TOTAL_LENGTH);
export const identification = (view: DataView, at: number): number => view.getUint16(at + IDENTIFICATION);
export const flags = (view: DataView, at: number): number => view.getUint16(at + FLAGS_FRAGMENT) & FLAGS_MASK;
export const fragmentOffset = (view: DataView, at: number): number =>
  (view.getUint16(at + FLAGS_FRAGMENT) & OFFSET_MASK) << 3;
export const dontFragment = (view: DataView, at: number): boolean =>
  (view.getUint16(at + FLAGS_FRAGMENT) & FLAG_DF) !== 0;
export const moreFragments = (view: DataView, at: number): boolean =>
  (view.getUint16(at + FLAGS_FRAGMENT) & FLAG_MF) !== 0;
/** True for every piece of a fragmented packet, the first and the last included (Linux `ip_is_fragment`). */
export const isFragment = (view: DataView, at: number): boolean =>
  (view.getUint16(at + FLAGS_FRAGMENT) & IS_FRAGMENT) !== 0;
export const ttl = (view: DataView, at: number): number => view.getUint8(at + TTL);
export const protocol = (view: DataView, at: number): number => view.getUint8(at + PROTOCOL);
export const checksum = (view: DataView, at: number): number => view.getUint16(at + CHECKSUM);
export const source = (view: DataView, at: number): Ipv4Address => view.getUint32(at + SOURCE);
export const destination = (view: DataView, at: number): Ipv4Address => view.getUint32(at + DESTINATION);
/** The addresses as the packet path hands them on. */
export const sourceWord = (view: DataView, at: number): AddressWord =>
  view.getInt32(at + SOURCE) as AddressWord;
export const destinationWord = (view: DataView, at: number): AddressWord =>
  view.getInt32(at + DESTINATION) as AddressWord;

/** A 32-bit word as its two halves, added: what it counts for in a sum, before that is folded. */
const halves = (word: number): number => (word >>> 16) + (word & 0xffff);

/** Sum of a header of five words: one without options, as nearly all are. */
const wordSum = (first: number, second: number, third: number, source: number, destination: number): number =>
  Checksum.fold(halves(first) + halves(second) + halves(third) + halves(source) + halves(destination));

/** Sum of a header of `length` octets. */
function headerSum(view: DataView, at: number, length: number): number {
  if (length !== MIN_HEADER_LENGTH) return Checksum.sum(view, at, at + length);
  const first = view.getInt32(at);
  const second = view.getInt32(at + 4);
  const third = view.getInt32(at + 8);
  return wordSum(first, second, third, view.getInt32(at + SOURCE), view.getInt32(at + DESTINATION));
}

/**
 * Is this, as five words, the sound header of a whole packet of `length` octets, without options? What is not, may still
 * be a header that `check` has no objection to.
 */
export const isPlain = (
  first: number,
  second: number,
  third: number,
  source: AddressWord,
  destination: AddressWord,
  length: number,
): boolean =>
  (first & 0xff00_ffff) === (PLAIN | length) &&
  (second & IS_FRAGMENT) === 0 &&
  wordSum(first, second, third, source, destination) === 0xffff;

/**
 * Accessors are safe on `[at, end)` once this returns `Fault.None`. `end` bounds the real bytes, which must hold the
 * whole header; `available` is how many octets of packet there are from `at` on, the virtual payload included.
 * The order of tests is that of Linux `ip_rcv_core`: a bad checksum is reported before a total length that the
 * packet does not fill.
 */
export function check(view: DataView, at: number, end: number, available = end - at): Fault {
  if (end - at < MIN_HEADER_LENGTH) return Fault.Truncated;
  const versionAndLength = view.getUint8(at + VERSION_IHL);
  if (versionAndLength >>> 4 !== 4) return Fault.BadVersion;
  const header = (versionAndLength & 15) << 2;
  if (header < MIN_HEADER_LENGTH) return Fault.BadLength;
  if (end - at < header) return Fault.Truncated;
  if (headerSum(view, at, header) !== 0xffff) return Fault.BadChecksum;
  const total = totalLength(view, at);
  if (total > available || total < header) return Fault.BadLength;
  return Fault.None;
}

function set16(view: DataView, at: number, offset: number, value: number): void {
  const before = view.getUint16(at + offset);
  view.setUint16(at + offset, value);
  view.setUint16(at + CHECKSUM, Checksum.update(view.getUint16(at + CHECKSUM), before, value));
}

function set32(view: DataView, at: number, offset: number, value: number): void {
  const before = view.getUint32(at + offset);
  view.setUint32(at + offset, value);
  view.setUint16(at + CHECKSUM, Checksum.update32(view.getUint16(at + CHECKSUM), before, value));
}

export const setTos = (view: DataView, at: number, value: number): void =>
  set16(view, at, VERSION_IHL, (view.getUint8(at + VERSION_IHL) << 8) | value);
export const setEcn = (view: DataView, at: number, value: number): void =>
  setTos(view, at, (tos(view, at) & ~ECN_MASK) | value);
export const setTotalLength = (view: DataView, at: number, value: number): void =>
  set16(view, at, TOTAL_LENGTH, value);
export const setIdentification = (view: DataView, at: number, value: number): void =>
  set16(view, at, IDENTIFICATION, value);
/** `flags` is a union of `FLAG_…`, `offset` is in octets. */
export const setFragment = (view: DataView, at: number, flags: number, offset: number): void =>
  set16(view, at, FLAGS_FRAGMENT, flags | (offset >>> 3));
export const setTtl = (view: DataView, at: number, value: number): void =>
  set16(view, at, TTL, (value << 8) | protocol(view, at));
export const setSource = (view: DataView, at: number, address: Ipv4Address): void =>
  set32(view, at, SOURCE, address);
export const setDestination = (view: DataView, at: number, address: Ipv4Address): void =>
  set32(view, at, DESTINATION, address);

/** Lower the TTL (which must not be 0) by one. */
export const decrementTtl = (view: DataView, at: number): void =>
  setThirdWord(view, at, oneHopLess(thirdWord(view, at)));

/** The third word of a header: TTL, protocol and checksum. */
export const thirdWord = (view: DataView, at: number): number => view.getInt32(at + TTL);
export const setThirdWord = (view: DataView, at: number, third: number): void =>
  view.setInt32(at + TTL, third);
export const ttlOf = (third: number): number => third >>> 24;
export const protocolOf = (third: number): number => (third >>> 16) & 0xff;

/** The third word of a header whose TTL is one less. */
export function oneHopLess(third: number): number {
  // The half that holds the TTL is 0x100 less, so the checksum is 0x100 more, with end-around carry (RFC 1141).
  const checksum = (third & 0xffff) + 0x100;
  const carried = checksum >= 0xffff ? checksum + 1 : checksum;
  return ((third & 0xffff_0000) - 0x100_0000) | (carried & 0xffff);
}

/** Compute the header checksum anew. */
export function refreshChecksum(view: DataView, at: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, Checksum.complement(headerSum(view, at, headerLength(view, at))));
}

export const parse = (view: DataView, at: number): Ipv4Header => ({
  tos: tos(view, at),
  totalLength: totalLength(view, at),
  identification: identification(view, at),
  flags: flags(view, at),
  fragmentOffset: fragmentOffset(view, at),
  ttl: ttl(view, at),
  protocol: protocol(view, at),
  source: source(view, at),
  destination: destination(view, at),
});

/** Write a 20-byte header at `at`, checksum included. */
export function emit(view: DataView, at: number, header: Ipv4Header): void {
  const { source, destination } = header;
  const fragment = header.flags | (header.fragmentOffset >>> 3);
  writeWords(
    view,
    at,
    (header.tos << 16) | header.totalLength,
    (header.identification << 16) | fragment,
    (header.ttl << 24) | (header.protocol << 16),
    toWord(source),
    toWord(destination),
  );
}

/** `emit`, word by word: the first three are TOS and total length; identification, flags and offset; TTL and protocol. */
export function writeWords(
  view: DataView,
  at: number,
  size: number,
  fragment: number,
  rest: number,
  source: AddressWord,
  destination: AddressWord,
): void {
  const first = PLAIN | size;
  view.setInt32(at, first);
  view.setInt32(at + 4, fragment);
  const sum = wordSum(first, fragment, rest, source, destination);
  view.setInt32(at + 8, rest | Checksum.complement(sum));
  view.setInt32(at + SOURCE, source);
  view.setInt32(at + DESTINATION, destination);
}
