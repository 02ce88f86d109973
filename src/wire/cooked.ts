/**
 * The header that packets of `-i any` have instead of their own link header (LINKTYPE_LINUX_SLL2, tcpdump.org).
 *
 *    | EtherType | 0 | interface index (4) | ARPHRD | packet type | address length | address (8) |     20 octets
 */
import type { MacAddress } from '../addr/mac.ts';
import * as Mac from '../addr/mac.ts';
import * as Ethernet from './ethernet.ts';

export const HEADER_LENGTH = 20;

/** By packet type, as tcpdump says it: to us, broadcast, multicast, to another host, from us. */
export const DIRECTIONS = ['In', 'B', 'M', 'P', 'Out'] as const;
const [TO_US, BROADCAST, MULTICAST, OUTGOING] = [0, 1, 2, 4];

const ARPHRD_ETHER = 1;
const ARPHRD_TUNNEL = 768;
const ARPHRD_LOOPBACK = 772;

export const etherType = (view: DataView): number => view.getUint16(0);
export const interfaceIndex = (view: DataView): number => view.getUint32(4);
export const packetType = (view: DataView): number => view.getUint8(10);
/** The sender's MAC address, if the link has any. */
export const address = (view: DataView): MacAddress | undefined =>
  view.getUint8(11) === 6 ? Ethernet.readMac(view, 12) : undefined;

/** A packet as it passed a device. */
export interface UncookedPacket {
  readonly link: 'ether' | 'raw';
  readonly device: string;
  readonly index: number;
  readonly direction: 'receive' | 'transmit';
  /** From the link header on. */
  readonly octets: Uint8Array;
  /** What was on the wire. */
  readonly length: number;
}

/** The packet with a cooked header for its own. A link header that was not captured reads as zeros. */
export function cook(packet: UncookedPacket): { readonly octets: Uint8Array; readonly length: number } {
  const { link, device, index, direction, octets, length } = packet;
  const header = link === 'ether' ? Ethernet.HEADER_LENGTH : 0;
  const captured = Math.max(0, octets.length - header);
  const cooked = new Uint8Array(HEADER_LENGTH + captured);
  cooked.set(octets.subarray(header), HEADER_LENGTH);
  const view = new DataView(cooked.buffer);
  const outer = new Uint8Array(Ethernet.HEADER_LENGTH);
  outer.set(octets.subarray(0, header));
  const ethernet = new DataView(outer.buffer);
  const to = Ethernet.destination(ethernet, 0);
  const received = Mac.isGroup(to) ? (to === Mac.BROADCAST ? BROADCAST : MULTICAST) : TO_US;
  view.setUint16(0, link === 'ether' ? Ethernet.etherType(ethernet, 0) : Ethernet.TYPE_IPV4);
  view.setUint32(4, index);
  view.setUint16(8, link === 'raw' ? ARPHRD_TUNNEL : device === 'lo' ? ARPHRD_LOOPBACK : ARPHRD_ETHER);
  view.setUint8(10, direction === 'transmit' ? OUTGOING! : received!);
  if (link === 'ether') {
    view.setUint8(11, 6);
    cooked.set(outer.subarray(6, 12), 12);
  }
  return { octets: cooked, length: length - header + HEADER_LENGTH };
}
