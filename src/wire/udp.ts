/** UDP header codec (RFC 768). A checksum of 0 means "none"; a computed 0 is sent as 0xffff. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import * as Sums from './checksum.ts';
import * as Faults from './fault.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Checksum = { ...Sums };
export const { Fault } = Faults;
export type Fault = Faults.Fault;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;
export const HEADER_LENGTH = 8;
const PROTOCOL = 17;

export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Header and payload, in octets. */
  readonly length: number;
  /** As on the wire; 0: none. */
  readonly checksum: number;
}

export const sourcePort = (view: DataView, at: number): number => view.getUint16(at + SOURCE_PORT);
export const destinationPort = (view: DataView, at: number): number => view.getUint16(at + DESTINATION_PORT);
export const length = (view: DataView, at: number): number => view.getUint16(at + LENGTH);
export const checksumField = (view: DataView, at: number): number => view.getUint16(at + CHECKSUM);

/**
 * Accessors are safe on `[at, end)` once this returns `Fault.None`. `available`: octets of datagram from `at` on,
 * virtual payload included (IP total length minus IP header).
 */
export function check(view: DataView, at: number, end: number, available = end - at): Fault {
  if (end - at < HEADER_LENGTH) return Fault.Truncated;
  const total = length(view, at);
  return total < HEADER_LENGTH || total > available ? Fault.BadLength : Fault.None;
}

/**
 * The checksum for the header at `at`: `length` octets in all, of which the payload has `payloadSum`. Never 0. What
 * the checksum field holds does not matter.
 */
export const checksum = (
  view: DataView,
  at: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  length: number,
  payloadSum: number,
): number =>
  checksumOf(
    view.getInt32(at + SOURCE_PORT),
    view.getUint16(at + LENGTH),
    source,
    destination,
    length,
    payloadSum,
  );

/** `checksum` of a header whose first word is `ports` and whose length field is `field`. */
function checksumOf(
  ports: number,
  field: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  length: number,
  payloadSum: number,
): number {
  const pseudo = Checksum.pseudoHeader(source, destination, PROTOCOL, length);
  const sum = pseudo + (ports >>> 16) + (ports & 0xffff) + field + payloadSum;
  return Checksum.complement(Checksum.fold(sum)) || 0xffff;
}

export const setChecksum = (view: DataView, at: number, value: number): void =>
  view.setUint16(at + CHECKSUM, value);

/** Is the checksum field right, or absent? Parameters as of `checksum`. */
export function isValid(
  view: DataView,
  at: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  length: number,
  payloadSum: number,
): boolean {
  const field = checksumField(view, at);
  return field === 0 || field === checksum(view, at, source, destination, length, payloadSum);
}

function patch(view: DataView, at: number, before: number, after: number): void {
  const field = checksumField(view, at);
  if (field !== 0) view.setUint16(at + CHECKSUM, Checksum.update32(field, before, after) || 0xffff);
}

/** An address of the pseudo header changed (NAT): patch the checksum, unless there is none. */
export const addressChanged = (view: DataView, at: number, before: Ipv4Address, after: Ipv4Address): void =>
  patch(view, at, before, after);

export function setSourcePort(view: DataView, at: number, port: number): void {
  patch(view, at, sourcePort(view, at), port);
  view.setUint16(at + SOURCE_PORT, port);
}

export function setDestinationPort(view: DataView, at: number, port: number): void {
  patch(view, at, destinationPort(view, at), port);
  view.setUint16(at + DESTINATION_PORT, port);
}

export const parse = (view: DataView, at: number): UdpHeader => ({
  sourcePort: sourcePort(view, at),
  destinationPort: destinationPort(view, at),
  length: length(view, at),
  checksum: checksumField(view, at),
});

/** Write an 8-byte header at `at`; the checksum is the header's, since it covers the payload too. */
export function emit(view: DataView, at: number, header: UdpHeader): void {
  view.setInt32(at, (header.sourcePort << 16) | header.destinationPort);
  view.setInt32(at + LENGTH, (header.length << 16) | header.checksum);
}

/** Write a header for a datagram of `length` octets at `at`, checksum included. `ports`: the source's in the upper half. */
export function write(
  view: DataView,
  at: number,
  ports: number,
  length: number,
  source: Ipv4Address,
  destination: Ipv4Address,
  payloadSum: number,
): void {
  view.setInt32(at, ports);
  const sum = checksumOf(ports, length, source, destination, length, payloadSum);
  view.setInt32(at + LENGTH, (length << 16) | sum);
}
