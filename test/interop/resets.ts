/**
 * Why was there a RST? A host has three reasons (RFC 9293 §3.5.2, Linux), and each is read off what the device of the
 * capture saw before:
 *
 *    R   seq = an ACK field of the other side    for what belongs to no connection (any more); window 0, no options
 *    R.  seq = 0, ack = the SYN's + 1            for a SYN to a port where nobody listens; window 0, no options
 *    R.  ack = the end of a segment of the other  a program closed with data unread, or gave its connection up; more may
 *                                                 have been on its way
 *
 * Not a test file.
 */
import type { CapturedPacket } from '../../src/wire/capture-reader.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import * as Tcp from '../../src/wire/tcp.ts';

/** What one side of a connection has sent, as one device saw it. */
interface Sent {
  readonly acks: Set<number>;
  readonly synAcks: Set<number>;
  /** Behind the last octet of each segment. */
  readonly ends: Set<number>;
}

export interface Resets {
  readonly count: number;
  /** One line for each that has no reason. */
  readonly unexplained: readonly string[];
}

export function resetsOf(packets: readonly CapturedPacket[]): Resets {
  const sides = new Map<string, Sent>();
  const unexplained: string[] = [];
  let count = 0;
  for (const { captured, interface: device } of packets) {
    const view = new DataView(captured.buffer, captured.byteOffset, captured.byteLength);
    const ip = device.linkType === Pcap.LINKTYPE_ETHERNET ? 14 : 0;
    if (ip === 14 && view.getUint16(12) !== 0x0800) continue;
    if (Ipv4.protocol(view, ip) !== Ipv4.PROTOCOL_TCP || Ipv4.fragmentOffset(view, ip) !== 0) continue;
    const at = ip + Ipv4.headerLength(view, ip);
    const [source, destination] = [Ipv4.source(view, ip), Ipv4.destination(view, ip)];
    const [from, to] = [Tcp.sourcePort(view, at), Tcp.destinationPort(view, at)];
    const own = side(sides, `${device.name} ${source}:${from} ${destination}:${to}`);
    const other = side(sides, `${device.name} ${destination}:${to} ${source}:${from}`);
    const flags = Tcp.flags(view, at);
    const [sequence, acknowledgment] = [Tcp.sequence(view, at), Tcp.acknowledgment(view, at)];
    if ((flags & Tcp.RST) !== 0) {
      count++;
      const plain = Tcp.window(view, at) === 0 && view.getUint8(at + 12) === 0x50;
      const answersSyn = plain && sequence === 0 && other.synAcks.has(acknowledgment);
      const explained =
        (flags & Tcp.ACK) === 0
          ? plain && other.acks.has(sequence)
          : answersSyn || other.ends.has(acknowledgment);
      if (!explained) unexplained.push(`${device.name}: ${flags} seq ${sequence} ack ${acknowledgment}`);
      continue;
    }
    const header = (view.getUint8(at + 12) >>> 4) * 4;
    const length = Ipv4.totalLength(view, ip) - Ipv4.headerLength(view, ip) - header;
    const virtual = (flags & (Tcp.SYN | Tcp.FIN)) === 0 ? 0 : 1;
    const end = (sequence + length + virtual) >>> 0;
    own.ends.add(end);
    if ((flags & Tcp.ACK) !== 0) own.acks.add(acknowledgment);
    else if ((flags & Tcp.SYN) !== 0) own.synAcks.add((sequence + 1) >>> 0);
  }
  return { count, unexplained };
}

function side(sides: Map<string, Sent>, key: string): Sent {
  const known = sides.get(key) ?? { acks: new Set(), synAcks: new Set(), ends: new Set() };
  sides.set(key, known);
  return known;
}
