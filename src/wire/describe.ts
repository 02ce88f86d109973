/**
 * One packet as tcpdump 4.99 prints it (Debian 12): read packet captures of ours as you read those of a node.
 *
 *    describe(packet, options, state)       the text behind the time stamp; more than one line where tcpdump has more
 *    formatTime(time)                       the time stamp, `HH:MM:SS.micro`, UTC
 *
 * Ethernet, ARP, IPv4 (also in IPIP and VXLAN), ICMP, UDP, TCP, and the contents of BGP and HTTP. IPv6 is **not**
 * decoded. Verified line for line against the real tool (test/wire/describe.test.ts).
 */
import * as Arp from './arp.ts';
import type { CaptureTime } from './capture-time.ts';
import * as Checksum from './checksum.ts';
import * as Cooked from './cooked.ts';
import { printIcmp, printTcp, printUdp } from './describe-transport.ts';
import {
  bits,
  Dissection,
  hex4,
  hexAndAscii,
  shouldBe,
  type TcpdumpOptions,
  TcpdumpState,
  Truncated,
} from './dissection.ts';
import * as Ethernet from './ethernet.ts';
import * as Ipv4 from './ipv4.ts';
import * as Pcap from './pcap.ts';

export { type TcpdumpOptions, TcpdumpState };

export interface DescribedPacket {
  /** `Pcap.LINKTYPE_…` */
  readonly linkType: number;
  /** The first octets, link header included. */
  readonly captured: Uint8Array;
  /** What was on the wire, in octets. */
  readonly originalLength: number;
}

const ETHER_TYPE_NAMES: Readonly<Record<number, string>> = {
  [Ethernet.TYPE_IPV4]: 'IPv4',
  [Ethernet.TYPE_ARP]: 'ARP',
  [Ethernet.TYPE_VLAN]: '802.1Q',
  [Ethernet.TYPE_IPV6]: 'IPv6',
};
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [Ipv4.PROTOCOL_ICMP]: 'ICMP',
  2: 'IGMP',
  [Ipv4.PROTOCOL_IPIP]: 'IPIP',
  [Ipv4.PROTOCOL_TCP]: 'TCP',
  [Ipv4.PROTOCOL_UDP]: 'UDP',
  41: 'IPv6',
  47: 'GRE',
  50: 'ESP',
  89: 'OSPF',
};
/** The names of /etc/protocols, which an undecoded payload gets without `-n`. */
const PROTOCOL_DATABASE: Readonly<Record<number, string>> = {
  [Ipv4.PROTOCOL_ICMP]: 'icmp',
  [Ipv4.PROTOCOL_IPIP]: 'ipencap',
  [Ipv4.PROTOCOL_TCP]: 'tcp',
  [Ipv4.PROTOCOL_UDP]: 'udp',
};

const ECN_NAMES = ['', ',ECT(1)', ',ECT(0)', ',CE'] as const;
const FLAG_NAMES = [
  [Ipv4.FLAG_MF, '+'],
  [Ipv4.FLAG_DF, 'DF'],
  [Ipv4.FLAG_RESERVED, 'rsvd'],
] as const;

const NESTED = { frame: printEthernet, packet: printIpv4 };

/** The line or lines of one packet, without the time stamp. `state` is changed by TCP packets. */
export function describe(packet: DescribedPacket, options: TcpdumpOptions, state: TcpdumpState): string {
  const { buffer, byteOffset, byteLength } = packet.captured;
  if (byteLength === 0) return '[Invalid header: caplen==0]';
  const dissection = new Dissection(new DataView(buffer, byteOffset, byteLength), NESTED, options, state);
  try {
    if (packet.linkType === Pcap.LINKTYPE_LINUX_SLL2) printCooked(dissection, packet.originalLength);
    else if (packet.linkType === Pcap.LINKTYPE_ETHERNET) printEthernet(dissection, 0, packet.originalLength);
    else printRaw(dissection, packet.originalLength);
  } catch (e) {
    if (!(e instanceof Truncated)) throw e;
    dissection.print(` [|${dissection.protocol}]`);
  }
  return dissection.text;
}

/** `HH:MM:SS.micro`, UTC. */
export function formatTime(time: CaptureTime): string {
  const second = time.seconds % 86400;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const micro = String(Math.floor(time.nanoseconds / 1000)).padStart(6, '0');
  return `${two(second / 3600)}:${two((second / 60) % 60)}:${two(second % 60)}.${micro}`;
}

const etherTypeName = (type: number): string =>
  `ethertype ${ETHER_TYPE_NAMES[type] ?? 'Unknown'} (0x${hex4(type)})`;

function printRaw(d: Dissection, length: number): void {
  if (d.options.linkHeader) d.print('ip: ');
  printIpv4(d, 0, length);
}

/** An Ethernet frame at `at`; also that inside VXLAN. `length`: what was on the wire, header included. */
function printEthernet(d: Dissection, at: number, length: number): void {
  d.protocol = 'ether';
  d.need(at, Ethernet.HEADER_LENGTH);
  const type = Ethernet.etherType(d.view, at);
  const source = d.mac(Ethernet.source(d.view, at));
  const destination = d.mac(Ethernet.destination(d.view, at));
  const header = `${source} > ${destination}, ${etherTypeName(type)}, length ${length}: `;
  if (d.options.linkHeader) d.print(header);
  const payload = at + Ethernet.HEADER_LENGTH;
  printPayload(d, payload, type, length - Ethernet.HEADER_LENGTH, d.options.linkHeader ? '' : header);
}

/** `header` is printed for what is not decoded, in front of its octets. */
function printPayload(d: Dissection, at: number, type: number, length: number, header: string): void {
  if (type === Ethernet.TYPE_IPV4) printIpv4(d, at, length);
  else if (type === Ethernet.TYPE_ARP) printArp(d, at, length);
  else d.print(header + hexAndAscii(d, '\n\t', at, Math.min(length, d.end - at)));
}

/** The line of `-i any`: device and direction come first; with `-e` the sender's MAC address. */
function printCooked(d: Dissection, originalLength: number): void {
  d.protocol = 'sll2';
  d.need(0, Cooked.HEADER_LENGTH);
  const index = Cooked.interfaceIndex(d.view);
  const direction = Cooked.DIRECTIONS[Cooked.packetType(d.view)] ?? '?';
  d.print(`${(d.options.deviceName?.(index) ?? '?').padEnd(5)} ${direction.padEnd(3)} `);
  const type = Cooked.etherType(d.view);
  if (d.options.linkHeader) {
    const address = Cooked.address(d.view);
    const source = address === undefined ? '' : `${d.mac(address)} `;
    d.print(`ifindex ${index} ${source}${etherTypeName(type)}, length ${originalLength}: `);
  }
  printPayload(d, Cooked.HEADER_LENGTH, type, originalLength - Cooked.HEADER_LENGTH, '');
}

function printArp(d: Dissection, at: number, length: number): void {
  d.protocol = 'arp';
  d.need(at, Arp.PACKET_LENGTH);
  if (!d.options.linkHeader) d.print('ARP, ');
  if (d.verbose > 0) d.print('Ethernet (len 6), IPv4 (len 4), ');
  const packet = Arp.parse(d.view, at);
  if (packet.operation === Arp.REQUEST) {
    const hint = packet.targetMac === 0 ? '' : ` (${d.mac(packet.targetMac)})`;
    d.print(`Request who-has ${d.address(at + 24)}${hint} tell ${d.address(at + 14)}`);
  } else if (packet.operation === Arp.REPLY)
    d.print(`Reply ${d.address(at + 14)} is-at ${d.mac(packet.senderMac)}`);
  else {
    d.print(`Unknown (${packet.operation}) ${hexAndAscii(d, '\n\t', at, Math.min(length, d.end - at))}`);
    return;
  }
  d.print(`, length ${length}`);
}

/** An IPv4 packet at `at`; also that inside IPIP, and the one quoted by an ICMP error. */
function printIpv4(d: Dissection, at: number, length: number): void {
  d.protocol = 'ip';
  const version = d.u8(at) >>> 4;
  if (version !== 4) {
    d.print(`${version === 6 ? 'IP6, wrong link-layer encapsulation' : `IP${version}`} (invalid)`);
    return;
  }
  if (!d.options.linkHeader) d.print('IP ');
  d.need(at, Ipv4.MIN_HEADER_LENGTH);
  if (length < Ipv4.MIN_HEADER_LENGTH) {
    d.print(`truncated-ip ${length}`);
    return;
  }
  const header = Ipv4.headerLength(d.view, at);
  if (header < Ipv4.MIN_HEADER_LENGTH) {
    d.print(`bad-hlen ${header}`);
    return;
  }
  const total = Ipv4.totalLength(d.view, at);
  if (length < total) d.print(`truncated-ip - ${total - length} bytes missing! `);
  if (total < header) {
    d.print(`bad-len ${total}`);
    return;
  }
  const outerEnd = d.end;
  d.end = Math.min(d.end, at + total);
  if (d.verbose > 0) printIpv4Fields(d, at, header);
  const protocol = Ipv4.protocol(d.view, at);
  const addresses = `${d.address(at + 12)} > ${d.address(at + 16)}:`;
  if (Ipv4.fragmentOffset(d.view, at) !== 0) d.print(`${addresses}${protocolText(d, protocol)}`);
  else {
    if (protocol !== Ipv4.PROTOCOL_TCP && protocol !== Ipv4.PROTOCOL_UDP) d.print(`${addresses} `);
    if (!d.has(at, header)) {
      d.print(` [remaining caplen(${d.end - at}) < header length(${header})]`);
      throw new Truncated();
    }
    printIpv4Payload(d, at, header, protocol, total - header);
  }
  d.end = outerEnd;
}

const protocolText = (d: Dissection, protocol: number): string => {
  const name = d.options.numeric ? undefined : PROTOCOL_DATABASE[protocol];
  return name === undefined ? ` ip-proto-${protocol}` : ` ${name}`;
};

/** The parenthesis of `-v`. */
function printIpv4Fields(d: Dissection, at: number, header: number): void {
  const { view } = d;
  const tos = Ipv4.tos(view, at);
  const ttl = Ipv4.ttl(view, at);
  const protocol = Ipv4.protocol(view, at);
  d.print(`(tos 0x${tos.toString(16)}${ECN_NAMES[tos & 3]}`);
  if (ttl > 0) d.print(`, ttl ${ttl}`);
  d.print(`, id ${Ipv4.identification(view, at)}, offset ${Ipv4.fragmentOffset(view, at)}`);
  d.print(`, flags [${bits(FLAG_NAMES, Ipv4.flags(view, at), ', ')}]`);
  d.print(
    `, proto ${PROTOCOL_NAMES[protocol] ?? 'unknown'} (${protocol}), length ${Ipv4.totalLength(view, at)}`,
  );
  if (d.has(at, header)) {
    const sum = Checksum.sum(view, at, at + header);
    const is = Ipv4.checksum(view, at);
    // RFC 1624: what the field would have to be, given what all the octets add up to now.
    if (sum !== 0xffff) d.print(`, bad cksum ${is.toString(16)} (->${shouldBe(is, sum).toString(16)})!`);
  }
  d.print(')\n    ');
}

function printIpv4Payload(d: Dissection, at: number, header: number, protocol: number, length: number): void {
  const payload = at + header;
  const fragmented = Ipv4.moreFragments(d.view, at);
  if (protocol === Ipv4.PROTOCOL_ICMP) printIcmp(d, payload, length, fragmented);
  else if (protocol === Ipv4.PROTOCOL_TCP) printTcp(d, at, payload, length, fragmented);
  else if (protocol === Ipv4.PROTOCOL_UDP) printUdp(d, at, payload, length, fragmented);
  else if (protocol === Ipv4.PROTOCOL_IPIP) printIpv4(d, payload, length);
  else d.print(`${protocolText(d, protocol)} ${length}`);
}
