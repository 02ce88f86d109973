/**
 * VXLAN header codec (RFC 7348 §5): eight octets between UDP and the inner Ethernet frame.
 *
 *    |R|R|R|R|I|R|R|R|            Reserved                           |
 *    |                VXLAN Network Identifier (VNI) |   Reserved    |
 */
import * as Faults from './fault.ts';

export const { Fault } = Faults;
export type Fault = Faults.Fault;

const FLAGS = 0;
const VNI = 4;
export const HEADER_LENGTH = 8;
/** The IANA port; Linux' own default is another, Felix sets this one. */
export const PORT = 4789;
export const FLAG_VNI = 0x08;
const FLAGS_WORD = 0x0800_0000;

export const flags = (view: DataView, at: number): number => view.getUint8(at + FLAGS);
export const vni = (view: DataView, at: number): number => view.getUint32(at + VNI) >>> 8;

/**
 * Accessors are safe on `[at, end)` once this returns `Fault.None`. Like Linux (`vxlan_rcv`) it refuses a header without
 * the I flag and, unlike RFC 7348 §5, one with a reserved bit set.
 */
export function check(view: DataView, at: number, end: number): Fault {
  if (end - at < HEADER_LENGTH) return Fault.Truncated;
  if (view.getUint32(at + FLAGS) !== FLAGS_WORD || view.getUint8(at + VNI + 3) !== 0) return Fault.BadFlags;
  return Fault.None;
}

export interface VxlanHeader {
  /** 24 bits. */
  readonly vni: number;
}

export const parse = (view: DataView, at: number): VxlanHeader => ({ vni: vni(view, at) });

/** Write an 8-byte header at `at`. */
export function emit(view: DataView, at: number, header: VxlanHeader): void {
  view.setInt32(at + FLAGS, FLAGS_WORD);
  view.setInt32(at + VNI, header.vni << 8);
}
