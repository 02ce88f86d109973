/**
 * Reads pcap and pcapng files, both byte orders, micro- or nanoseconds: for recordings of real nodes, for
 * `tcpdump -r` and for tests of our own writers.
 */
import { type CaptureTime, fromHalves } from './capture-time.ts';
import * as Pcap from './pcap.ts';
import * as Pcapng from './pcapng.ts';

export interface CaptureInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name?: string;
  readonly description?: string;
  /** Timestamp units in a second. */
  readonly unitsPerSecond: number;
}

export interface CapturedPacket {
  readonly time: CaptureTime;
  readonly interface: CaptureInterface;
  readonly captured: Uint8Array;
  readonly originalLength: number;
  readonly comment?: string;
  readonly direction?: number;
}

/** The file is not a capture, or is cut. `at` is 0-based, in octets. */
export class CaptureError extends Error {
  readonly code: 'CAPTURE_NOT_A_CAPTURE' | 'CAPTURE_TRUNCATED' | 'CAPTURE_BAD_BLOCK';
  readonly at: number;

  constructor(code: CaptureError['code'], at: number) {
    super(`${code} at octet ${at}`);
    this.code = code;
    this.at = at;
  }
}

/** All packets of a file, in file order. Throws `CaptureError`. */
export function read(file: Uint8Array): CapturedPacket[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 12) throw new CaptureError('CAPTURE_NOT_A_CAPTURE', 0);
  if (view.getUint32(0) === Pcapng.BLOCK_SECTION_HEADER) return readPcapng(file, view);
  return readPcap(file, view);
}

function readPcap(file: Uint8Array, view: DataView): CapturedPacket[] {
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little);
    if (magic === Pcap.MAGIC_MICROSECONDS) return readRecords(file, view, little, 1_000_000);
    if (magic === Pcap.MAGIC_NANOSECONDS) return readRecords(file, view, little, 1_000_000_000);
  }
  throw new CaptureError('CAPTURE_NOT_A_CAPTURE', 0);
}

function readRecords(
  file: Uint8Array,
  view: DataView,
  little: boolean,
  unitsPerSecond: number,
): CapturedPacket[] {
  if (file.length < 24) throw new CaptureError('CAPTURE_TRUNCATED', 0);
  const device: CaptureInterface = {
    linkType: view.getUint32(20, little) & 0xffff,
    snapLength: view.getUint32(16, little),
    unitsPerSecond,
  };
  const packets: CapturedPacket[] = [];
  for (let at = 24; at < file.length; ) {
    if (at + 16 > file.length) throw new CaptureError('CAPTURE_TRUNCATED', at);
    const length = view.getUint32(at + 8, little);
    if (at + 16 + length > file.length) throw new CaptureError('CAPTURE_TRUNCATED', at);
    packets.push({
      time: {
        seconds: view.getUint32(at, little),
        nanoseconds: view.getUint32(at + 4, little) * (1_000_000_000 / unitsPerSecond),
      },
      interface: device,
      captured: file.subarray(at + 16, at + 16 + length),
      originalLength: view.getUint32(at + 12, little),
    });
    at += 16 + length;
  }
  return packets;
}

function readPcapng(file: Uint8Array, view: DataView): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  let devices: CaptureInterface[] = [];
  let little = true;
  for (let at = 0; at < file.length; ) {
    if (at + 12 > file.length) throw new CaptureError('CAPTURE_TRUNCATED', at);
    if (view.getUint32(at) === Pcapng.BLOCK_SECTION_HEADER) {
      little = view.getUint32(at + 8, true) === Pcapng.BYTE_ORDER_MAGIC;
      if (!little && view.getUint32(at + 8) !== Pcapng.BYTE_ORDER_MAGIC)
        throw new CaptureError('CAPTURE_BAD_BLOCK', at);
      devices = [];
    }
    const total = view.getUint32(at + 4, little);
    if (total < 12 || (total & 3) !== 0) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
    if (at + total > file.length) throw new CaptureError('CAPTURE_TRUNCATED', at);
    const type = view.getUint32(at, little);
    const body = new DataView(file.buffer, file.byteOffset + at + 8, total - 12);
    if (type === Pcapng.BLOCK_INTERFACE_DESCRIPTION) devices.push(readInterface(body, little, at));
    else if (type === Pcapng.BLOCK_ENHANCED_PACKET) packets.push(readEnhanced(body, little, devices, at));
    else if (type === Pcapng.BLOCK_SIMPLE_PACKET) packets.push(readSimple(body, little, devices, at));
    at += total;
  }
  return packets;
}

/** Calls `visit` for each option between `from` and the end of the body. */
function eachOption(
  body: DataView,
  from: number,
  little: boolean,
  visit: (code: number, value: Uint8Array) => void,
): void {
  for (let i = from; i + 4 <= body.byteLength; ) {
    const code = body.getUint16(i, little);
    const length = body.getUint16(i + 2, little);
    if (code === Pcapng.OPTION_END || i + 4 + length > body.byteLength) return;
    visit(code, new Uint8Array(body.buffer, body.byteOffset + i + 4, length));
    i += 4 + ((length + 3) & ~3);
  }
}

const text = (value: Uint8Array): string => new TextDecoder().decode(value);

function readInterface(body: DataView, little: boolean, at: number): CaptureInterface {
  if (body.byteLength < 8) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
  let unitsPerSecond = 1_000_000;
  const names: { name?: string; description?: string } = {};
  eachOption(body, 8, little, (code, value) => {
    if (code === Pcapng.OPTION_INTERFACE_NAME) names.name = text(value);
    if (code === Pcapng.OPTION_INTERFACE_DESCRIPTION) names.description = text(value);
    if (code === Pcapng.OPTION_INTERFACE_TIME_RESOLUTION) {
      const exponent = value[0] ?? 6;
      unitsPerSecond = exponent & 0x80 ? 2 ** (exponent & 0x7f) : 10 ** exponent;
    }
  });
  if (unitsPerSecond > 1_000_000_000) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
  return {
    linkType: body.getUint16(0, little),
    snapLength: body.getUint32(4, little),
    unitsPerSecond,
    ...names,
  };
}

function readEnhanced(
  body: DataView,
  little: boolean,
  devices: readonly CaptureInterface[],
  at: number,
): CapturedPacket {
  const device = body.byteLength < 20 ? undefined : devices[body.getUint32(0, little)];
  if (device === undefined) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
  const length = body.getUint32(12, little);
  if (20 + length > body.byteLength) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
  const notes: { comment?: string; direction?: number } = {};
  eachOption(body, 20 + ((length + 3) & ~3), little, (code, value) => {
    if (code === Pcapng.OPTION_COMMENT) notes.comment = text(value);
    if (code === Pcapng.OPTION_PACKET_FLAGS && value.length === 4)
      notes.direction = value[little ? 0 : 3]! & 3;
  });
  return {
    time: fromHalves(body.getUint32(4, little), body.getUint32(8, little), device.unitsPerSecond),
    interface: device,
    captured: new Uint8Array(body.buffer, body.byteOffset + 20, length),
    originalLength: body.getUint32(16, little),
    ...notes,
  };
}

/** A simple packet has no time and belongs to the first interface. */
function readSimple(
  body: DataView,
  little: boolean,
  devices: readonly CaptureInterface[],
  at: number,
): CapturedPacket {
  const device = devices[0];
  if (device === undefined || body.byteLength < 4) throw new CaptureError('CAPTURE_BAD_BLOCK', at);
  const originalLength = body.getUint32(0, little);
  const snapLength = device.snapLength === 0 ? originalLength : device.snapLength;
  const length = Math.min(originalLength, snapLength, body.byteLength - 4);
  return {
    time: { seconds: 0, nanoseconds: 0 },
    interface: device,
    captured: new Uint8Array(body.buffer, body.byteOffset + 4, length),
    originalLength,
  };
}
