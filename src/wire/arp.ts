/** ARP codec for IPv4 over Ethernet (RFC 826). The packet starts behind the Ethernet header and has 28 octets. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import * as Ethernet from './ethernet.ts';
import { Fault } from './fault.ts';

export { Fault };

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER_ADDRESS = 14;
const TARGET_MAC = 18;
const TARGET_ADDRESS = 24;
export const PACKET_LENGTH = 28;

const HARDWARE_ETHERNET = 1;

export const REQUEST = 1;
export const REPLY = 2;

export interface ArpPacket {
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderAddress: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetAddress: Ipv4Address;
}

export const operation = (view: DataView, at: number): number => view.getUint16(at + OPERATION);
export const senderMac = (view: DataView, at: number): MacAddress => Ethernet.readMac(view, at + SENDER_MAC);
export const senderAddress = (view: DataView, at: number): Ipv4Address => view.getUint32(at + SENDER_ADDRESS);
export const targetMac = (view: DataView, at: number): MacAddress => Ethernet.readMac(view, at + TARGET_MAC);
export const targetAddress = (view: DataView, at: number): Ipv4Address => view.getUint32(at + TARGET_ADDRESS);

/** Accessors are safe on `[at, end)` once this returns `Fault.None`. Any operation code is accepted. */
export function check(view: DataView, at: number, end: number): Fault {
  if (end - at < PACKET_LENGTH) return Fault.Truncated;
  if (view.getUint16(at + HARDWARE_TYPE) !== HARDWARE_ETHERNET) return Fault.BadType;
  if (view.getUint16(at + PROTOCOL_TYPE) !== Ethernet.TYPE_IPV4) return Fault.BadType;
  if (view.getUint8(at + HARDWARE_LENGTH) !== 6 || view.getUint8(at + PROTOCOL_LENGTH) !== 4)
    return Fault.BadLength;
  return Fault.None;
}

export const parse = (view: DataView, at: number): ArpPacket => ({
  operation: operation(view, at),
  senderMac: senderMac(view, at),
  senderAddress: senderAddress(view, at),
  targetMac: targetMac(view, at),
  targetAddress: targetAddress(view, at),
});

/** Write a 28-byte packet at `at`. */
export function emit(view: DataView, at: number, packet: ArpPacket): void {
  view.setUint16(at + HARDWARE_TYPE, HARDWARE_ETHERNET);
  view.setUint16(at + PROTOCOL_TYPE, Ethernet.TYPE_IPV4);
  view.setUint8(at + HARDWARE_LENGTH, 6);
  view.setUint8(at + PROTOCOL_LENGTH, 4);
  view.setUint16(at + OPERATION, packet.operation);
  Ethernet.writeMac(view, at + SENDER_MAC, packet.senderMac);
  view.setUint32(at + SENDER_ADDRESS, packet.senderAddress);
  Ethernet.writeMac(view, at + TARGET_MAC, packet.targetMac);
  view.setUint32(at + TARGET_ADDRESS, packet.targetAddress);
}
