/**
 * ICMPv4 header codec (RFC 792; next-hop MTU: RFC 1191 §4). All messages share eight octets; what the last four mean
 * depends on the type, so they are one 32-bit field here (`rest`) with an accessor for each reading.
 *
 *    |     Type      |     Code      |          Checksum             |
 *    |   rest: identifier, sequence  /  unused, MTU  /  gateway      |
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Checksum from './checksum.ts';
import { Fault } from './fault.ts';

export { Fault };

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const IDENTIFIER = 4;
const SEQUENCE = 6;
const MTU = 6;
export const HEADER_LENGTH = 8;

/** Types. */
export const ECHO_REPLY = 0;
export const DESTINATION_UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO_REQUEST = 8;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;

/** Codes of Destination Unreachable (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). */
export const NET_UNREACHABLE = 0;
export const HOST_UNREACHABLE = 1;
export const PROTOCOL_UNREACHABLE = 2;
export const PORT_UNREACHABLE = 3;
export const FRAGMENTATION_NEEDED = 4;
export const SOURCE_ROUTE_FAILED = 5;
export const NET_UNKNOWN = 6;
export const HOST_UNKNOWN = 7;
export const NET_PROHIBITED = 9;
export const HOST_PROHIBITED = 10;
export const COMMUNICATION_PROHIBITED = 13;

/** Codes of Time Exceeded. */
export const TTL_EXCEEDED = 0;
export const REASSEMBLY_EXCEEDED = 1;

/** Codes of Redirect. */
export const REDIRECT_NET = 0;
export const REDIRECT_HOST = 1;

export interface Icmpv4Header {
  readonly type: number;
  readonly code: number;
  /** As on the wire; 0 while it is not computed. */
  readonly checksum: number;
  /** Octets 4 to 7: see `echoRest`, `mtuRest`, or a gateway address as it is. */
  readonly rest: number;
}

export const type = (view: DataView, at: number): number => view.getUint8(at + TYPE);
export const code = (view: DataView, at: number): number => view.getUint8(at + CODE);
export const rest = (view: DataView, at: number): number => view.getUint32(at + REST);
/** Echo: which ping. */
export const identifier = (view: DataView, at: number): number => view.getUint16(at + IDENTIFIER);
/** Echo: which packet of it. */
export const sequence = (view: DataView, at: number): number => view.getUint16(at + SEQUENCE);
/** Fragmentation Needed: next-hop MTU in octets, 0 from a router older than RFC 1191. */
export const nextHopMtu = (view: DataView, at: number): number => view.getUint16(at + MTU);
/** Redirect: the better next hop. */
export const gateway = (view: DataView, at: number): Ipv4Address => view.getUint32(at + REST);

export const echoRest = (identifier: number, sequence: number): number =>
  ((identifier << 16) | sequence) >>> 0;
export const mtuRest = (nextHopMtu: number): number => nextHopMtu;

/** An error may never be answered by an error (RFC 1122 §3.2.2). */
export const isError = (type: number): boolean =>
  type === DESTINATION_UNREACHABLE ||
  type === SOURCE_QUENCH ||
  type === REDIRECT ||
  type === TIME_EXCEEDED ||
  type === PARAMETER_PROBLEM;

/** Accessors are safe on `[at, end)` once this returns `Fault.None`. The checksum needs the payload: `isValid`. */
export const check = (_view: DataView, at: number, end: number): Fault =>
  end - at < HEADER_LENGTH ? Fault.Truncated : Fault.None;

/**
 * The checksum of a message whose octets `[at, realEnd)` are real (header first) and whose remainder has `payloadSum`,
 * summed as if it began at an even offset. What the checksum field holds does not matter.
 */
export function checksum(view: DataView, at: number, realEnd: number, payloadSum = 0): number {
  const aligned = ((realEnd - at) & 1) === 1 ? Checksum.swap(payloadSum) : payloadSum;
  const head = Checksum.sum(view, at, at + CHECKSUM, aligned);
  return Checksum.complement(Checksum.sum(view, at + REST, realEnd, head));
}

export const setChecksum = (view: DataView, at: number, value: number): void =>
  view.setUint16(at + CHECKSUM, value);

/** Is the checksum field right? Parameters as of `checksum`. */
export const isValid = (view: DataView, at: number, realEnd: number, payloadSum = 0): boolean =>
  checksum(view, at, realEnd, payloadSum) === view.getUint16(at + CHECKSUM);

/** Change an echo's identifier and patch the checksum: what NAT does to a ping. */
export function setIdentifier(view: DataView, at: number, value: number): void {
  const before = identifier(view, at);
  view.setUint16(at + IDENTIFIER, value);
  view.setUint16(at + CHECKSUM, Checksum.update(view.getUint16(at + CHECKSUM), before, value));
}

export const parse = (view: DataView, at: number): Icmpv4Header => ({
  type: type(view, at),
  code: code(view, at),
  checksum: view.getUint16(at + CHECKSUM),
  rest: rest(view, at),
});

/** Write an 8-byte header at `at`; the checksum is the header's, since it covers the payload too. */
export function emit(view: DataView, at: number, header: Icmpv4Header): void {
  view.setUint8(at + TYPE, header.type);
  view.setUint8(at + CODE, header.code);
  view.setUint16(at + CHECKSUM, header.checksum);
  view.setUint32(at + REST, header.rest);
}
