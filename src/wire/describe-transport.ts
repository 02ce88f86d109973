/** The part of `describe` above IP: ICMP, UDP (with VXLAN) and TCP. See describe.ts. */
import * as Checksum from './checksum.ts';
import { printBgp } from './describe-bgp.ts';
import { printHttp } from './describe-http.ts';
import { bits, type Dissection, hex4, shouldBe } from './dissection.ts';
import * as Icmpv4 from './icmpv4.ts';
import * as Ipv4 from './ipv4.ts';
import * as Tcp from './tcp.ts';
import * as Udp from './udp.ts';
import * as Vxlan from './vxlan.ts';

const BGP_PORT = 179;
const HTTP_PORTS: readonly number[] = [80, 8080, 3128];

/** `%s` is the destination of the quoted packet. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  [Icmpv4.NET_UNREACHABLE]: 'net %s unreachable',
  [Icmpv4.HOST_UNREACHABLE]: 'host %s unreachable',
  [Icmpv4.SOURCE_ROUTE_FAILED]: '%s unreachable - source route failed',
  [Icmpv4.NET_UNKNOWN]: 'net %s unreachable - unknown',
  [Icmpv4.HOST_UNKNOWN]: 'host %s unreachable - unknown',
  8: '%s unreachable - source host isolated',
  [Icmpv4.NET_PROHIBITED]: 'net %s unreachable - admin prohibited',
  [Icmpv4.HOST_PROHIBITED]: 'host %s unreachable - admin prohibited',
  11: 'net %s unreachable - tos prohibited',
  12: 'host %s unreachable - tos prohibited',
  [Icmpv4.COMMUNICATION_PROHIBITED]: 'host %s unreachable - admin prohibited filter',
  14: 'host %s unreachable - host precedence violation',
  15: 'host %s unreachable - precedence cutoff',
};
const RARE_TYPES: Readonly<Record<number, string>> = {
  10: 'router solicitation',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
};
const EXTENSION_OFFSET = 136;
const EXTENSION_LENGTH = 5;
const EXTENDED: readonly number[] = [
  Icmpv4.DESTINATION_UNREACHABLE,
  Icmpv4.TIME_EXCEEDED,
  Icmpv4.PARAMETER_PROBLEM,
];
const REDIRECTS = ['redirect', 'redirect', 'redirect-tos', 'redirect-tos'] as const;
const REDIRECT_TARGETS = ['net', 'host', 'net', 'host'] as const;

const FLAG_NAMES = [
  [Tcp.FIN, 'F'],
  [Tcp.SYN, 'S'],
  [Tcp.RST, 'R'],
  [Tcp.PSH, 'P'],
  [Tcp.ACK, '.'],
  [Tcp.URG, 'U'],
  [Tcp.ECE, 'E'],
  [Tcp.CWR, 'W'],
] as const;

/** An ICMP message of `length` octets at `at`. */
export function printIcmp(d: Dissection, at: number, length: number, fragmented: boolean): void {
  d.protocol = 'icmp';
  const type = d.u8(at);
  d.need(at + 1, 1);
  d.print(`ICMP ${icmpText(d, at, type)}, length ${length}`);
  if (d.verbose === 0) return;
  if (!fragmented && d.has(at, length)) {
    const sum = Checksum.sum(d.view, at, at + length);
    const is = d.u16(at + 2);
    if (sum !== 0xffff)
      d.print(` (wrong icmp cksum ${is.toString(16)} (->${shouldBe(is, sum).toString(16)})!)`);
  }
  if (Icmpv4.isError(type)) {
    const quote = at + Icmpv4.HEADER_LENGTH;
    const total = d.u16(quote + 2);
    d.print('\n\t');
    const end = d.end;
    d.end = Math.min(quote + total, d.end);
    d.nested.packet(d, quote, total);
    d.end = end;
    d.protocol = 'icmp';
    if (length > EXTENSION_OFFSET && EXTENDED.includes(type)) printExtension(d, at, length);
  }
}

/**
 * Behind 128 octets of quote tcpdump expects an extension (RFC 4884 §7). Linux sends none, so what it finds there is
 * more quote: its checksum is wrong and nothing is said, unless the capture is too short to tell.
 */
function printExtension(d: Dissection, at: number, length: number): void {
  const extension = at + EXTENSION_OFFSET;
  d.need(extension, EXTENSION_LENGTH);
  const complete = d.has(at, length);
  if (complete && Checksum.sum(d.view, extension, at + length) !== 0xffff) return;
  const version = d.u8(extension) >>> 4;
  d.print(`\n\tICMP Multi-Part extension v${version}${version === 2 ? '' : ' packet not supported'}`);
}

function icmpText(d: Dissection, at: number, type: number): string {
  const code = d.u8(at + 1);
  const quote = at + Icmpv4.HEADER_LENGTH;
  switch (type) {
    case Icmpv4.ECHO_REQUEST:
    case Icmpv4.ECHO_REPLY: {
      const what = type === Icmpv4.ECHO_REQUEST ? 'request' : 'reply';
      return `echo ${what}, id ${d.u16(at + 4)}, seq ${d.u16(at + 6)}`;
    }
    case Icmpv4.DESTINATION_UNREACHABLE:
      return unreachableText(d, at, code, quote);
    case Icmpv4.SOURCE_QUENCH:
      return 'source quench';
    case Icmpv4.REDIRECT: {
      const destination = d.address(quote + 16);
      const verb = REDIRECTS[code] ?? `redirect-#${code}`;
      const target = REDIRECT_TARGETS[code];
      return `${verb} ${destination} to ${target === undefined ? '' : `${target} `}${d.address(at + 4)}`;
    }
    case Icmpv4.TIME_EXCEEDED:
      d.need(quote + 16, 4);
      if (code === Icmpv4.TTL_EXCEEDED) return 'time exceeded in-transit';
      if (code === Icmpv4.REASSEMBLY_EXCEEDED) return 'ip reassembly time exceeded';
      return `time exceeded-#${code}`;
    case Icmpv4.PARAMETER_PROBLEM:
      return code === 0 ? `parameter problem - octet ${d.u8(at + 4)}` : `parameter problem - code ${code}`;
    default:
      return RARE_TYPES[type] ?? `type-#${type}`;
  }
}

function unreachableText(d: Dissection, at: number, code: number, quote: number): string {
  const destination = d.address(quote + 16);
  const protocol = d.u8(quote + 9);
  if (code === Icmpv4.PROTOCOL_UNREACHABLE) return `${destination} protocol ${protocol} unreachable`;
  if (code === Icmpv4.PORT_UNREACHABLE) {
    const port = d.u16(quote + Ipv4.headerLength(d.view, quote) + 2);
    if (protocol === Ipv4.PROTOCOL_TCP) return `${destination} tcp port ${d.port(port, 'tcp')} unreachable`;
    if (protocol === Ipv4.PROTOCOL_UDP) return `${destination} udp port ${d.port(port, 'udp')} unreachable`;
    return `${destination} protocol ${protocol} port ${port} unreachable`;
  }
  if (code === Icmpv4.FRAGMENTATION_NEEDED) {
    const mtu = d.u16(at + 6);
    return `${destination} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
  }
  return (UNREACHABLE[code] ?? `%s unreachable - #${code}`).replace('%s', destination);
}

function printEndpoints(d: Dissection, ip: number, at: number, protocol: 'tcp' | 'udp'): void {
  const source = `${d.address(ip + 12)}.${d.port(d.u16(at), protocol)}`;
  d.print(`${source} > ${d.address(ip + 16)}.${d.port(d.u16(at + 2), protocol)}: `);
}

/** The complete sum of a segment or datagram with its pseudo header: 0xffff when its checksum is right. */
function transportSum(d: Dissection, ip: number, at: number, length: number): number {
  const { view } = d;
  const pseudo = Checksum.pseudoHeader(
    Ipv4.source(view, ip),
    Ipv4.destination(view, ip),
    Ipv4.protocol(view, ip),
    length,
  );
  return Checksum.sum(view, at, at + length, pseudo);
}

/** A UDP datagram at `at`, of which IP has `length` octets. */
export function printUdp(d: Dissection, ip: number, at: number, length: number, fragmented: boolean): void {
  d.protocol = 'udp';
  if (!d.has(at, 4)) {
    d.print(`${d.address(ip + 12)} > ${d.address(ip + 16)}:  [|udp]`);
    return;
  }
  printEndpoints(d, ip, at, 'udp');
  if (length < Udp.HEADER_LENGTH) {
    d.print(`truncated-udp ${length}`);
    return;
  }
  const total = d.u16(at + 4);
  if (total < Udp.HEADER_LENGTH) {
    d.print(`truncated-udplength ${total}`);
    return;
  }
  const payload = total - Udp.HEADER_LENGTH;
  const available = Math.min(payload, length - Udp.HEADER_LENGTH);
  d.need(at, Udp.HEADER_LENGTH);
  if (d.verbose > 1 && !fragmented) {
    const field = d.u16(at + 6);
    if (field === 0) d.print('[no cksum] ');
    else if (d.has(at + Udp.HEADER_LENGTH, available)) {
      const sum = transportSum(d, ip, at, available + Udp.HEADER_LENGTH);
      const right = hex4(shouldBe(field, sum));
      d.print(sum === 0xffff ? '[udp sum ok] ' : `[bad udp cksum 0x${hex4(field)} -> 0x${right}!] `);
    }
  }
  const ports = [d.u16(at), d.u16(at + 2)];
  if (ports.includes(Vxlan.PORT)) {
    printVxlan(d, at + Udp.HEADER_LENGTH, available);
    return;
  }
  if (payload > available && !fragmented) {
    d.print(`UDP, bad length ${payload} > ${available}`);
    return;
  }
  d.print(`UDP, length ${payload}`);
}

/** VXLAN prints its own line; the inner frame begins the next one. */
function printVxlan(d: Dissection, at: number, length: number): void {
  d.protocol = 'vxlan';
  d.print('VXLAN');
  const flags = d.u8(at);
  const name = (flags & Vxlan.FLAG_VNI) === 0 ? '.' : 'I';
  d.print(`, flags [${name}] (0x${flags.toString(16).padStart(2, '0')}), `);
  const vni = d.u16(at + 4) * 256 + d.u8(at + 6);
  d.print(`vni ${vni}\n`);
  d.need(at, Vxlan.HEADER_LENGTH);
  d.nested.frame(d, at + Vxlan.HEADER_LENGTH, length - Vxlan.HEADER_LENGTH);
}

/** A TCP segment at `at` of `length` octets. */
export function printTcp(d: Dissection, ip: number, at: number, length: number, fragmented: boolean): void {
  d.protocol = 'tcp';
  if (!d.has(at, 4)) {
    // Not the end of everything: an ICMP error that quotes this goes on.
    d.print(`${d.address(ip + 12)} > ${d.address(ip + 16)}: [|tcp]`);
    return;
  }
  printEndpoints(d, ip, at, 'tcp');
  if (!d.has(at, Tcp.MIN_HEADER_LENGTH)) {
    d.print(' [|tcp]');
    return;
  }
  const header = (d.u8(at + 12) >>> 4) << 2;
  if (header < Tcp.MIN_HEADER_LENGTH) {
    const size = length - header;
    d.print(` tcp ${size} [bad hdr length ${header} - too short, < ${Tcp.MIN_HEADER_LENGTH}]`);
    return;
  }
  const flags = Tcp.flags(d.view, at);
  d.print(`Flags [${bits(FLAG_NAMES, flags, '')}]`);
  const origin = originOf(d, ip, at, flags);
  if (header > length) {
    d.print(` [bad hdr length ${header} - too long, > ${length}]`);
    return;
  }
  if (d.verbose > 0 && !fragmented && d.has(at, length)) {
    const sum = transportSum(d, ip, at, length);
    const field = Tcp.checksumField(d.view, at);
    const verdict = sum === 0xffff ? '(correct)' : `(incorrect -> 0x${hex4(shouldBe(field, sum))})`;
    d.print(`, cksum 0x${hex4(field)} ${verdict}`);
  }
  const payload = length - header;
  if (d.verbose > 1 || payload > 0 || (flags & (Tcp.SYN | Tcp.FIN | Tcp.RST)) !== 0) {
    const sequence = Tcp.seqAdd(Tcp.sequence(d.view, at), -origin.sequence);
    d.print(`, seq ${sequence}${payload > 0 ? `:${Tcp.seqAdd(sequence, payload)}` : ''}`);
  }
  if ((flags & Tcp.ACK) !== 0)
    d.print(`, ack ${Tcp.seqAdd(Tcp.acknowledgment(d.view, at), -origin.acknowledgment)}`);
  d.print(`, win ${Tcp.window(d.view, at)}`);
  if ((flags & Tcp.URG) !== 0) d.print(`, urg ${Tcp.urgentPointer(d.view, at)}`);
  if (header > Tcp.MIN_HEADER_LENGTH && !printTcpOptions(d, at, header, origin.sack)) return;
  d.print(`, length ${payload}`);
  if (payload === 0 || (flags & Tcp.RST) !== 0) return;
  const ports = [d.u16(at), d.u16(at + 2)];
  if (ports.includes(BGP_PORT)) printBgp(d, at + header, payload);
  else if (ports.some(port => HTTP_PORTS.includes(port))) printHttp(d, at + header, payload);
}

/** What to take off the sequence numbers of a segment. */
interface Origin {
  readonly sequence: number;
  readonly acknowledgment: number;
  /** Of SACK blocks: these count the other side's octets. */
  readonly sack: number;
}
const ABSOLUTE: Origin = { sequence: 0, acknowledgment: 0, sack: 0 };

/**
 * The first segment with ACK of a connection, and every SYN with ACK, is printed with its absolute numbers and starts
 * the relative count; a SYN alone starts nothing. Both directions share a record, ordered by port, then address.
 */
function originOf(d: Dissection, ip: number, at: number, flags: number): Origin {
  if (d.options.absoluteSequence || (flags & Tcp.ACK) === 0) return ABSOLUTE;
  const { view } = d;
  const source = Ipv4.source(view, ip);
  const destination = Ipv4.destination(view, ip);
  const from = Tcp.sourcePort(view, at);
  const to = Tcp.destinationPort(view, at);
  const reverse = from > to || (from === to && source > destination);
  const key = reverse ? `${destination}:${to}>${source}:${from}` : `${source}:${from}>${destination}:${to}`;
  const sequence = Tcp.sequence(view, at);
  const beforeAck = Tcp.seqAdd(Tcp.acknowledgment(view, at), -1);
  const known = d.state.conversations.get(key);
  if (known === undefined || (flags & Tcp.SYN) !== 0) {
    const fresh = reverse
      ? { sequence: beforeAck, acknowledgment: sequence }
      : { sequence, acknowledgment: beforeAck };
    d.state.conversations.set(key, fresh);
    return { ...ABSOLUTE, sack: beforeAck };
  }
  return reverse
    ? { sequence: known.acknowledgment, acknowledgment: known.sequence, sack: known.sequence }
    : { sequence: known.sequence, acknowledgment: known.acknowledgment, sack: known.acknowledgment };
}

const OPTION_NAMES: Readonly<Record<number, string>> = {
  [Tcp.OPTION_END]: 'eol',
  [Tcp.OPTION_NOP]: 'nop',
  [Tcp.OPTION_MSS]: 'mss',
  [Tcp.OPTION_WINDOW_SCALE]: 'wscale',
  [Tcp.OPTION_SACK_PERMITTED]: 'sackOK',
  [Tcp.OPTION_SACK]: 'sack',
  [Tcp.OPTION_TIMESTAMPS]: 'TS',
  // Of RFC 1072 and RFC 1644; nobody sends them.
  6: 'echo',
  7: 'echoreply',
  11: 'cc',
  12: 'ccnew',
  13: 'ccecho',
};

/** Octets of the value of the kinds whose length is fixed; tcpdump goes by these, whatever the length octet says. */
const OPTION_VALUE_LENGTHS: Readonly<Record<number, number>> = {
  [Tcp.OPTION_MSS]: 2,
  [Tcp.OPTION_WINDOW_SCALE]: 1,
  [Tcp.OPTION_SACK_PERMITTED]: 0,
  [Tcp.OPTION_TIMESTAMPS]: 8,
  6: 4,
  7: 4,
  11: 4,
  12: 4,
  13: 4,
};

/** Returns false when the list is malformed or cut in a value: tcpdump then ends the line. */
function printTcpOptions(d: Dissection, at: number, header: number, sackOrigin: number): boolean {
  d.print(', options [');
  const end = at + header;
  let separator = '';
  for (let i = at + Tcp.MIN_HEADER_LENGTH; i < end; ) {
    d.print(separator);
    const kind = d.u8(i);
    i += 1;
    if (kind === Tcp.OPTION_END || kind === Tcp.OPTION_NOP) {
      d.print(OPTION_NAMES[kind]!);
      if (kind === Tcp.OPTION_END) break;
    } else {
      const size = d.u8(i);
      const space = end - i + 1;
      i += 1;
      const length = OPTION_VALUE_LENGTHS[kind] ?? size - 2;
      const bad = size < 2 || size > space;
      if (!bad) d.print(OPTION_NAMES[kind] ?? `unknown-${kind}`);
      if (bad || i + length > end || !d.has(i, length)) {
        const cut = bad || i + length > end ? ['[bad opt]', ']'] : [' [|tcp]', '>'];
        d.print(`${cut[0]}${separator === '' ? '' : cut[1]}`);
        return false;
      }
      d.print(tcpOptionValue(d, kind, i, length, sackOrigin));
      if (length + 2 !== size) d.print(`[len ${size}]`);
      i += length;
    }
    separator = ',';
  }
  d.print(']');
  return true;
}

function tcpOptionValue(d: Dissection, kind: number, at: number, length: number, sackOrigin: number): string {
  if (kind === Tcp.OPTION_MSS) return ` ${d.u16(at)}`;
  if (kind === Tcp.OPTION_WINDOW_SCALE) return ` ${d.u8(at)}`;
  if (kind === Tcp.OPTION_TIMESTAMPS) return ` val ${d.u32(at)} ecr ${d.u32(at + 4)}`;
  if (kind === Tcp.OPTION_SACK_PERMITTED) return '';
  if (kind === Tcp.OPTION_SACK) {
    if (length % 8 !== 0) return ' invalid sack';
    let blocks = ` ${length / 8} `;
    for (let i = at; i < at + length; i += 8)
      blocks += `{${Tcp.seqAdd(d.u32(i), -sackOrigin)}:${Tcp.seqAdd(d.u32(i + 4), -sackOrigin)}}`;
    return blocks;
  }
  if (OPTION_VALUE_LENGTHS[kind] === 4) return ` ${d.u32(at)}`;
  let text = length > 0 ? ' 0x' : '';
  for (let i = at; i < at + length; i++) text += d.u8(i).toString(16).padStart(2, '0');
  return text;
}
