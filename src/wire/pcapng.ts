/**
 * pcapng blocks (draft-ietf-opsawg-pcapng): a capture of many devices in one file, with nanoseconds and a comment on
 * a packet. Each function returns one block; a file is one section header, then interfaces (numbered in
 * order, from 0), then packets, and an interface may also come later, before its first packet.
 *
 *    | type | total length | body … padded to 4 | options | total length |
 *
 * Little-endian. Reading is in capture-reader.ts.
 */
import { type CaptureTime, toHalves } from './capture-time.ts';
import { DEFAULT_SNAP_LENGTH } from './pcap.ts';

export const BLOCK_SECTION_HEADER = 0x0a0d_0d0a;
export const BLOCK_INTERFACE_DESCRIPTION = 1;
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_ENHANCED_PACKET = 6;
export const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;

export const OPTION_END = 0;
export const OPTION_COMMENT = 1;
export const OPTION_SECTION_USER_APPLICATION = 4;
export const OPTION_INTERFACE_NAME = 2;
export const OPTION_INTERFACE_DESCRIPTION = 3;
export const OPTION_INTERFACE_TIME_RESOLUTION = 9;
export const OPTION_PACKET_FLAGS = 2;

/** `if_tsresol`: timestamps are in units of 10^-9 s. */
const NANOSECONDS = 9;

export const DIRECTION_IN = 1;
export const DIRECTION_OUT = 2;

export interface InterfaceDescription {
  /** As the device is called, or with its node in front (`k8s-w1/tunl0`) where many nodes share a file. */
  readonly name: string;
  readonly description?: string;
  readonly linkType: number;
  readonly snapLength?: number;
}

export interface EnhancedPacket {
  readonly interfaceId: number;
  readonly time: CaptureTime;
  /** The first octets of the packet. */
  readonly captured: Uint8Array;
  /** What was on the wire. */
  readonly originalLength: number;
  readonly comment?: string;
  readonly direction?: typeof DIRECTION_IN | typeof DIRECTION_OUT;
}

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const padded = (length: number): number => (length + 3) & ~3;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A block with `bodyLength` octets of body, to be written at offset 8, and `options` behind them. */
function block(type: number, bodyLength: number, options: readonly Option[]): Uint8Array {
  let optionsLength = options.length === 0 ? 0 : 4;
  for (const option of options) optionsLength += 4 + padded(option.value.length);
  const total = 12 + padded(bodyLength) + optionsLength;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  let at = 8 + padded(bodyLength);
  for (const option of options) {
    view.setUint16(at, option.code, true);
    view.setUint16(at + 2, option.value.length, true);
    bytes.set(option.value, at + 4);
    at += 4 + padded(option.value.length);
  }
  view.setUint32(total - 4, total, true);
  return bytes;
}

/** Opens a file. `application` names the writer. */
export function sectionHeader(application?: string): Uint8Array {
  const options: Option[] = [];
  if (application !== undefined)
    options.push({ code: OPTION_SECTION_USER_APPLICATION, value: text(application) });
  const bytes = block(BLOCK_SECTION_HEADER, 16, options);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, BYTE_ORDER_MAGIC, true);
  view.setUint16(12, 1, true);
  view.setUint32(16, 0xffff_ffff, true); // section length: unknown, the file ends it
  view.setUint32(20, 0xffff_ffff, true);
  return bytes;
}

/** Declares the next interface. */
export function interfaceDescription(device: InterfaceDescription): Uint8Array {
  const options: Option[] = [{ code: OPTION_INTERFACE_NAME, value: text(device.name) }];
  if (device.description !== undefined)
    options.push({ code: OPTION_INTERFACE_DESCRIPTION, value: text(device.description) });
  options.push({ code: OPTION_INTERFACE_TIME_RESOLUTION, value: Uint8Array.of(NANOSECONDS) });
  const bytes = block(BLOCK_INTERFACE_DESCRIPTION, 8, options);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, device.linkType, true);
  view.setUint32(12, device.snapLength ?? DEFAULT_SNAP_LENGTH, true);
  return bytes;
}

/** One packet. */
export function enhancedPacket(packet: EnhancedPacket): Uint8Array {
  const options: Option[] = [];
  if (packet.comment !== undefined) options.push({ code: OPTION_COMMENT, value: text(packet.comment) });
  if (packet.direction !== undefined)
    options.push({ code: OPTION_PACKET_FLAGS, value: Uint8Array.of(packet.direction, 0, 0, 0) });
  const bytes = block(BLOCK_ENHANCED_PACKET, 20 + packet.captured.length, options);
  const view = new DataView(bytes.buffer);
  const time = toHalves(packet.time);
  view.setUint32(8, packet.interfaceId, true);
  view.setUint32(12, time.high, true);
  view.setUint32(16, time.low, true);
  view.setUint32(20, packet.captured.length, true);
  view.setUint32(24, packet.originalLength, true);
  bytes.set(packet.captured, 28);
  return bytes;
}
