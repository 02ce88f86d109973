/**
 * Ethernet II header codec (IEEE 802.3 §3.1.1, RFC 894). MAC addresses are 48-bit numbers. The frame check sequence is
 * not part of our frames; the fabric counts it.
 */
import * as Mac from '../addr/mac.ts';
import * as Faults from './fault.ts';

export const { Fault } = Faults;
export type Fault = Faults.Fault;

const DESTINATION = 0;
const SOURCE = 6;
const ETHER_TYPE = 12;
export const HEADER_LENGTH = 14;

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_VLAN = 0x8100;
export const TYPE_IPV6 = 0x86dd;

export interface EthernetHeader {
  readonly destination: Mac.MacAddress;
  readonly source: Mac.MacAddress;
  readonly etherType: number;
}

/** A MAC address at `at`: codecs that carry one share it. */
export const readMac = (view: DataView, at: number): Mac.MacAddress =>
  view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);

export function writeMac(view: DataView, at: number, mac: Mac.MacAddress): void {
  view.setUint16(at, Mac.high16(mac));
  view.setUint32(at + 2, Mac.low32(mac));
}

export const destination = (view: DataView, at: number): Mac.MacAddress => readMac(view, at + DESTINATION);
export const source = (view: DataView, at: number): Mac.MacAddress => readMac(view, at + SOURCE);
export const etherType = (view: DataView, at: number): number => view.getUint16(at + ETHER_TYPE);

export const setEtherType = (view: DataView, at: number, etherType: number): void =>
  view.setUint16(at + ETHER_TYPE, etherType);
export const setDestination = (view: DataView, at: number, mac: Mac.MacAddress): void =>
  writeMac(view, at + DESTINATION, mac);
export const setSource = (view: DataView, at: number, mac: Mac.MacAddress): void =>
  writeMac(view, at + SOURCE, mac);

/** Where a header template is laid out. */
const scratch = new DataView(new ArrayBuffer(HEADER_LENGTH));

/**
 * A header as it lies in memory, in four words: what a cache of finished headers keeps (Linux `hh_cache`), since
 * taking 48-bit numbers apart costs more than the rest of a hop's Ethernet work.
 */
export class HeaderTemplate {
  #first = 0;
  #second = 0;
  #third = 0;
  #etherType = 0;

  set(destination: Mac.MacAddress, source: Mac.MacAddress, etherType: number): void {
    emit(scratch, 0, { destination, source, etherType });
    this.#first = scratch.getInt32(0);
    this.#second = scratch.getInt32(4);
    this.#third = scratch.getInt32(8);
    this.#etherType = etherType;
  }

  emit(view: DataView, at: number): void {
    view.setInt32(at, this.#first);
    view.setInt32(at + 4, this.#second);
    view.setInt32(at + 8, this.#third);
    view.setUint16(at + ETHER_TYPE, this.#etherType);
  }

  /** Both addresses, as three words for `setInt32`, to `words` from `at` on. */
  copyAddresses(words: Int32Array, at: number): void {
    words[at] = this.#first;
    words[at + 1] = this.#second;
    words[at + 2] = this.#third;
  }
}

/** Is the destination the MAC address whose first 16 bits are `high` and whose last 32 are `low` (signed)? */
export const isTo = (view: DataView, at: number, high: number, low: number): boolean =>
  view.getInt32(at + 2) === low && view.getUint16(at) === high;

/** The same of the source. */
export const isFrom = (view: DataView, at: number, high: number, low: number): boolean =>
  view.getInt32(at + SOURCE + 2) === low && view.getUint16(at + SOURCE) === high;

/** Is the group bit of the destination set (multicast, broadcast)? The lowest of the first octet. */
export const isToGroup = (view: DataView, at: number): boolean => (view.getUint8(at) & 1) === 1;

/** Accessors are safe on `[at, end)` once this returns `Fault.None`. */
export const check = (_view: DataView, at: number, end: number): Fault =>
  end - at < HEADER_LENGTH ? Fault.Truncated : Fault.None;

export const parse = (view: DataView, at: number): EthernetHeader => ({
  destination: destination(view, at),
  source: source(view, at),
  etherType: etherType(view, at),
});

/** Write a 14-byte header at `at`. */
export function emit(view: DataView, at: number, header: EthernetHeader): void {
  writeMac(view, at + DESTINATION, header.destination);
  writeMac(view, at + SOURCE, header.source);
  view.setUint16(at + ETHER_TYPE, header.etherType);
}
