/**
 * Classic capture files (draft-ietf-opsawg-pcap): what `tcpdump -w` writes. One link type for the whole file.
 *
 *    file:   | magic | 2.4 | 0 | 0 | snap length | link type |     24 octets
 *    packet: | seconds | micro- or nanoseconds | captured | original | bytes …
 *
 * Little-endian, microseconds, like tcpdump on a PC.
 */
import type { CaptureTime } from './capture-time.ts';

export const MAGIC_MICROSECONDS = 0xa1b2_c3d4;
export const MAGIC_NANOSECONDS = 0xa1b2_3c4d;

/** Link types (the tcpdump.org registry). */
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LINUX_SLL2 = 276;

/** tcpdump's own default of `-s`. */
export const DEFAULT_SNAP_LENGTH = 262144;

/** The 24 octets that open a file. */
export function fileHeader(linkType: number, snapLength = DEFAULT_SNAP_LENGTH): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snapLength, true);
  view.setUint32(20, linkType, true);
  return bytes;
}

/** One packet: `captured` are its first octets, `originalLength` is what was on the wire. */
export function packetRecord(time: CaptureTime, captured: Uint8Array, originalLength: number): Uint8Array {
  const bytes = new Uint8Array(16 + captured.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, time.seconds, true);
  view.setUint32(4, Math.floor(time.nanoseconds / 1000), true);
  view.setUint32(8, captured.length, true);
  view.setUint32(12, originalLength, true);
  bytes.set(captured, 16);
  return bytes;
}
