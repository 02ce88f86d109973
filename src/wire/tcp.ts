/**
 * TCP header codec (RFC 9293 §3.1; options: RFC 7323, RFC 2018). Ports, sequence numbers and windows as on the wire;
 * options in the layout that Linux writes (`tcp_options_write`), so that a capture looks like one from a node.
 *
 *    |          Source Port          |       Destination Port        |
 *    |                        Sequence Number                        |
 *    |                    Acknowledgment Number                      |
 *    |  Data | Rsrvd |C|E|U|A|P|R|S|F|            Window             |
 *    |           Checksum            |         Urgent Pointer        |
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as ChecksumCodec from './checksum.ts';
import * as Faults from './fault.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Checksum = { ...ChecksumCodec };
export const { Fault } = Faults;
export type Fault = Faults.Fault;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT_POINTER = 18;
const OPTIONS = 20;
export const MIN_HEADER_LENGTH = 20;
export const MAX_HEADER_LENGTH = 60;
const PROTOCOL = 6;
/** Octets of a header whose only option is the timestamps. */
export const TIMESTAMPED_LENGTH = OPTIONS + 12;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_MSS = 2;
export const OPTION_WINDOW_SCALE = 3;
export const OPTION_SACK_PERMITTED = 4;
export const OPTION_SACK = 5;
export const OPTION_TIMESTAMPS = 8;

/** NOP, NOP, timestamps, length 10: the word that Linux puts first in every segment of a timestamped connection. */
const ALIGNED_TIMESTAMPS = 0x0101_080a;

/** A received range: `start` is its first sequence number, `end` the one after its last. */
export interface SackBlock {
  readonly start: number;
  readonly end: number;
}

/** What an option list says; unknown options are left out. */
export interface TcpOptions {
  /** Maximum segment size in octets (RFC 9293 §3.7.1). */
  readonly mss?: number;
  /** Shift count (RFC 7323 §2). */
  readonly windowScale?: number;
  readonly sackPermitted?: true;
  readonly timestamps?: { readonly value: number; readonly echoReply: number };
  /** At most 4, or 3 beside timestamps. */
  readonly sackBlocks?: readonly SackBlock[];
}

export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** A union of `FIN` … `CWR`. */
  readonly flags: number;
  /** As on the wire: not scaled. */
  readonly window: number;
  /** As on the wire; 0 while it is not computed. */
  readonly checksum: number;
  readonly urgentPointer: number;
  readonly options: TcpOptions;
}

export const NO_OPTIONS: TcpOptions = {};

/** Sequence numbers compare modulo 2^32 (RFC 9293 §3.4): `a` is before `b` if it is less than 2^31 behind. */
export const seqLt = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const seqLeq = (a: number, b: number): boolean => ((a - b) | 0) <= 0;
export const seqGt = (a: number, b: number): boolean => ((a - b) | 0) > 0;
export const seqGeq = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
/** `a` moved on by `octets` (may be negative). */
export const seqAdd = (a: number, octets: number): number => (a + octets) >>> 0;
/** How far `a` is after `b`: signed, in [-2^31, 2^31). */
export const seqDiff = (a: number, b: number): number => (a - b) | 0;
export const seqMax = (a: number, b: number): number => (seqLt(a, b) ? b : a);
export const seqMin = (a: number, b: number): number => (seqLt(a, b) ? a : b);

export const sourcePort = (view: DataView, at: number): number => view.getUint16(at + SOURCE_PORT);
export const destinationPort = (view: DataView, at: number): number => view.getUint16(at + DESTINATION_PORT);
export const sequence = (view: DataView, at: number): number => view.getUint32(at + SEQUENCE);
export const acknowledgment = (view: DataView, at: number): number => view.getUint32(at + ACKNOWLEDGMENT);
/** The same numbers as signed words: those above 2^31 are boxed when they are handed on (address-word.ts). */
export const sequenceWord = (view: DataView, at: number): number => view.getInt32(at + SEQUENCE);
export const acknowledgmentWord = (view: DataView, at: number): number => view.getInt32(at + ACKNOWLEDGMENT);
/** Source port in the upper half, destination port in the lower: what tells connections of two hosts apart. */
export const ports = (view: DataView, at: number): number => view.getInt32(at + SOURCE_PORT);
export const portsWord = (source: number, destination: number): number => (source << 16) | destination;
export const headerLength = (view: DataView, at: number): number =>
  (view.getUint8(at + DATA_OFFSET) >>> 4) << 2;
export const flags = (view: DataView, at: number): number => view.getUint8(at + FLAGS);
export const window = (view: DataView, at: number): number => view.getUint16(at + WINDOW);
export const checksumField = (view: DataView, at: number): number => view.getUint16(at + CHECKSUM);
export const urgentPointer = (view: DataView, at: number): number => view.getUint16(at + URGENT_POINTER);

/** True when the header carries exactly the timestamps, aligned: the receiver's fast path (Linux does the same). */
export const hasAlignedTimestamps = (view: DataView, at: number): boolean =>
  headerLength(view, at) === TIMESTAMPED_LENGTH && view.getInt32(at + OPTIONS) === ALIGNED_TIMESTAMPS;
export const alignedTimestampValue = (view: DataView, at: number): number => view.getInt32(at + OPTIONS + 4);
export const alignedTimestampEcho = (view: DataView, at: number): number => view.getInt32(at + OPTIONS + 8);

/**
 * Accessors are safe on `[at, end)` once this returns `Fault.None`. `end` bounds the real bytes, which must hold the
 * header with its options.
 */
export function check(view: DataView, at: number, end: number): Fault {
  if (end - at < MIN_HEADER_LENGTH) return Fault.Truncated;
  const header = headerLength(view, at);
  if (header < MIN_HEADER_LENGTH) return Fault.BadLength;
  return end - at < header ? Fault.Truncated : Fault.None;
}

/**
 * The checksum for the header at `at`: `headerLength` real octets, `length` octets with the payload, which has
 * `payloadSum`. What the checksum field holds does not matter.
 */
export function checksum(
  view: DataView,
  at: number,
  headerLength: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  length: number,
  payloadSum: number,
): number {
  const pseudo = Checksum.pseudoHeader(source, destination, PROTOCOL, length);
  const before = Checksum.sum(view, at, at + CHECKSUM, pseudo);
  const header = Checksum.sum(view, at + URGENT_POINTER, at + headerLength, before);
  return Checksum.complement(Checksum.add(header, payloadSum));
}

export const setChecksum = (view: DataView, at: number, value: number): void =>
  view.setUint16(at + CHECKSUM, value);

/** Is the checksum field right? Parameters as of `checksum`. */
export const isValid = (
  view: DataView,
  at: number,
  headerLength: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  length: number,
  payloadSum: number,
): boolean => {
  // Octets that sum up to 0 would have it, and the protocol is never 0.
  if (checksumField(view, at) === 0xffff) return false;
  const pseudo = Checksum.pseudoHeader(source, destination, PROTOCOL, length);
  return Checksum.add(Checksum.sum(view, at, at + headerLength, pseudo), payloadSum) === 0xffff;
};

/** An address of the pseudo header changed (NAT): patch the checksum. */
export const addressChanged = (view: DataView, at: number, before: Ipv4Address, after: Ipv4Address): void =>
  view.setUint16(at + CHECKSUM, Checksum.update32(checksumField(view, at), before, after));

function set16(view: DataView, at: number, offset: number, value: number): void {
  const before = view.getUint16(at + offset);
  view.setUint16(at + offset, value);
  view.setUint16(at + CHECKSUM, Checksum.update(checksumField(view, at), before, value));
}

export const setSourcePort = (view: DataView, at: number, port: number): void =>
  set16(view, at, SOURCE_PORT, port);
export const setDestinationPort = (view: DataView, at: number, port: number): void =>
  set16(view, at, DESTINATION_PORT, port);

/**
 * The options between header and payload. Malformed ones end the list, as in Linux `tcp_parse_options`: what was read
 * before counts. Lengths that do not fit their kind are ignored.
 */
export function parseOptions(view: DataView, at: number, headerLength: number): TcpOptions {
  const options: {
    -readonly [K in keyof TcpOptions]: TcpOptions[K];
  } = {};
  const end = at + headerLength;
  let i = at + OPTIONS;
  while (i < end) {
    const kind = view.getUint8(i);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      i += 1;
      continue;
    }
    if (i + 2 > end) break;
    const size = view.getUint8(i + 1);
    if (size < 2 || i + size > end) break;
    if (kind === OPTION_MSS && size === 4) options.mss = view.getUint16(i + 2);
    else if (kind === OPTION_WINDOW_SCALE && size === 3) options.windowScale = view.getUint8(i + 2);
    else if (kind === OPTION_SACK_PERMITTED && size === 2) options.sackPermitted = true;
    else if (kind === OPTION_TIMESTAMPS && size === 10)
      options.timestamps = { value: view.getUint32(i + 2), echoReply: view.getUint32(i + 6) };
    else if (kind === OPTION_SACK && size >= 10 && (size - 2) % 8 === 0) {
      const blocks: SackBlock[] = [];
      for (let b = i + 2; b < i + size; b += 8)
        blocks.push({ start: view.getUint32(b), end: view.getUint32(b + 4) });
      options.sackBlocks = blocks;
    }
    i += size;
  }
  return options;
}

/** Octets that `emit` needs for `options`: a multiple of 4. */
export function optionsLength(options: TcpOptions): number {
  let octets = 0;
  if (options.mss !== undefined) octets += 4;
  if (options.timestamps !== undefined) octets += 12;
  else if (options.sackPermitted) octets += 4;
  if (options.windowScale !== undefined) octets += 4;
  if (options.sackBlocks !== undefined) octets += 4 + options.sackBlocks.length * 8;
  return octets;
}

/**
 * Linux' layout: MSS; SACK-permitted and timestamps in one group of 12 (two NOPs stand in for an absent
 * SACK-permitted); NOP and window scale; two NOPs and the SACK blocks.
 */
function emitOptions(view: DataView, at: number, options: TcpOptions): void {
  let i = at;
  if (options.mss !== undefined) {
    view.setUint32(i, (OPTION_MSS << 24) | (4 << 16) | options.mss);
    i += 4;
  }
  if (options.timestamps !== undefined) {
    view.setUint32(i, options.sackPermitted ? 0x0402_080a : ALIGNED_TIMESTAMPS);
    view.setUint32(i + 4, options.timestamps.value);
    view.setUint32(i + 8, options.timestamps.echoReply);
    i += 12;
  } else if (options.sackPermitted) {
    view.setUint32(i, 0x0101_0402);
    i += 4;
  }
  if (options.windowScale !== undefined) {
    view.setUint32(i, 0x0103_0300 | options.windowScale);
    i += 4;
  }
  if (options.sackBlocks !== undefined) {
    view.setUint32(i, 0x0101_0500 | (2 + options.sackBlocks.length * 8));
    i += 4;
    for (const block of options.sackBlocks) {
      view.setUint32(i, block.start);
      view.setUint32(i + 4, block.end);
      i += 8;
    }
  }
}

export const parse = (view: DataView, at: number): TcpHeader => ({
  sourcePort: sourcePort(view, at),
  destinationPort: destinationPort(view, at),
  sequence: sequence(view, at),
  acknowledgment: acknowledgment(view, at),
  flags: flags(view, at),
  window: window(view, at),
  checksum: checksumField(view, at),
  urgentPointer: urgentPointer(view, at),
  options: parseOptions(view, at, headerLength(view, at)),
});

/**
 * Write the header with its options at `at`; the checksum is the header's, since it covers the payload too.
 * Returns the header length in octets; throws when the options need more than 40.
 */
export function emit(view: DataView, at: number, header: TcpHeader): number {
  const length = MIN_HEADER_LENGTH + optionsLength(header.options);
  if (length > MAX_HEADER_LENGTH) throw new Error(`TCP options need ${length - MIN_HEADER_LENGTH} octets`);
  view.setUint16(at + SOURCE_PORT, header.sourcePort);
  view.setUint16(at + DESTINATION_PORT, header.destinationPort);
  view.setUint32(at + SEQUENCE, header.sequence);
  view.setUint32(at + ACKNOWLEDGMENT, header.acknowledgment);
  view.setUint8(at + DATA_OFFSET, (length >>> 2) << 4);
  view.setUint8(at + FLAGS, header.flags);
  view.setUint16(at + WINDOW, header.window);
  view.setUint16(at + CHECKSUM, header.checksum);
  view.setUint16(at + URGENT_POINTER, header.urgentPointer);
  emitOptions(view, at + OPTIONS, header.options);
  return length;
}

/** What a header with the timestamps alone sums up to as long as sequence numbers, flags, window and stamps are 0. */
export const timestampedSum = (pseudo: number, ports: number): number =>
  Checksum.fold(
    pseudo +
      TIMESTAMPED_LENGTH +
      Checksum.word(ports) +
      Checksum.word(ALIGNED_TIMESTAMPS) +
      (TIMESTAMPED_LENGTH << 10),
  );

/**
 * Write a header whose only option is the timestamps, checksum and all: what nearly every segment has. Everything as
 * signed words; `sum` is `timestampedSum` with the payload, its length and its octets.
 */
export function emitTimestamped(
  view: DataView,
  at: number,
  ports: number,
  sequence: number,
  acknowledgment: number,
  control: number,
  value: number,
  echoReply: number,
  sum: number,
): void {
  view.setInt32(at + SOURCE_PORT, ports);
  view.setInt32(at + SEQUENCE, sequence);
  view.setInt32(at + ACKNOWLEDGMENT, acknowledgment);
  view.setInt32(at + DATA_OFFSET, (TIMESTAMPED_LENGTH << 26) | control);
  view.setInt32(at + OPTIONS, ALIGNED_TIMESTAMPS);
  view.setInt32(at + OPTIONS + 4, value);
  view.setInt32(at + OPTIONS + 8, echoReply);
  const upper =
    (sequence >>> 16) + (acknowledgment >>> 16) + (control >>> 16) + (value >>> 16) + (echoReply >>> 16);
  const lower =
    (sequence & 0xffff) +
    (acknowledgment & 0xffff) +
    (control & 0xffff) +
    (value & 0xffff) +
    (echoReply & 0xffff);
  view.setInt32(at + CHECKSUM, Checksum.complement(Checksum.fold(sum + upper + lower)) << 16);
}

/** Flags and window as `emitTimestamped` takes them. */
export const controlWord = (flags: number, window: number): number => (flags << 16) | window;
