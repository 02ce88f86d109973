/**
 * What the wire allows: the arithmetic of headers, which no measurement may exceed (IEEE 802.3, RFC 791, 9293, 7323).
 *
 *   | preamble, gap 20 | Ethernet 14 | outer headers 0, 20 or 50 | IPv4 20 | TCP 20 + timestamps 12 | payload | FCS 4 |
 */
import type { Encapsulation } from '../cost/host-model.ts';
import { OVERHEAD } from './modes.ts';

const ETHERNET = 14;
const FCS = 4;
const PREAMBLE_AND_GAP = 20;
const MIN_FRAME = 64;
const IPV4 = 20;
const TCP = 32;
const UDP = 8;

/** Octets of time on the wire that an IP packet of `octets` takes, padding, FCS, preamble and gap included. */
export const packetWireOctets = (octets: number): number =>
  Math.max(octets + ETHERNET + FCS, MIN_FRAME) + PREAMBLE_AND_GAP;

/** Payload of a full segment between pods with MTU `podMtu`. */
export const tcpPayload = (podMtu: number): number => podMtu - IPV4 - TCP;

/** Share of the line rate that TCP payload takes when every segment is full. */
export const tcpFraction = (podMtu: number, encapsulation: Encapsulation): number =>
  tcpPayload(podMtu) / packetWireOctets(podMtu + OVERHEAD[encapsulation]);

/** Octets on the wire of a datagram with `payload` octets. */
export const datagramOctets = (payload: number, encapsulation: Encapsulation): number =>
  packetWireOctets(payload + IPV4 + UDP + OVERHEAD[encapsulation]);

/** Datagrams a second that fill a wire of `rateBps`. */
export const datagramsPerSecond = (rateBps: number, payload: number, encapsulation: Encapsulation): number =>
  rateBps / (8 * datagramOctets(payload, encapsulation));
