/** The words and operators of the filter language. See filter.ts. */
import * as Ethernet from './ethernet.ts';
import * as Ipv4 from './ipv4.ts';

export const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: Ipv4.PROTOCOL_ICMP,
  tcp: Ipv4.PROTOCOL_TCP,
  udp: Ipv4.PROTOCOL_UDP,
  sctp: 132,
};
export const PROTOCOL_NAMES: Readonly<Record<string, number>> = {
  ...PROTOCOLS,
  ipencap: Ipv4.PROTOCOL_IPIP,
  gre: 47,
};
export const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: Ethernet.TYPE_IPV4,
  arp: Ethernet.TYPE_ARP,
};
export const PORTS: Readonly<Record<string, number>> = {
  ssh: 22,
  domain: 53,
  http: 80,
  ntp: 123,
  bgp: 179,
  https: 443,
};
export const CONSTANTS: Readonly<Record<string, number>> = {
  icmptype: 0,
  icmpcode: 1,
  'icmp-echoreply': 0,
  'icmp-unreach': 3,
  'icmp-sourcequench': 4,
  'icmp-redirect': 5,
  'icmp-echo': 8,
  'icmp-timxceed': 11,
  'icmp-paramprob': 12,
  tcpflags: 13,
  'tcp-fin': 1,
  'tcp-syn': 2,
  'tcp-rst': 4,
  'tcp-push': 8,
  'tcp-ack': 16,
  'tcp-urg': 32,
  'tcp-ece': 64,
  'tcp-cwr': 128,
};
export const RELATIONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
/** From loosest to tightest. All arithmetic is on u32. */
export const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { '|': (a, b) => (a | b) >>> 0, '^': (a, b) => (a ^ b) >>> 0 },
  { '&': (a, b) => (a & b) >>> 0 },
  { '<<': (a, b) => (b > 31 ? 0 : (a << b) >>> 0), '>>': (a, b) => (b > 31 ? 0 : a >>> b) },
  { '+': (a, b) => (a + b) >>> 0, '-': (a, b) => (a - b) >>> 0 },
  { '*': (a, b) => Math.imul(a, b) >>> 0, '/': (a, b) => Math.floor(a / b), '%': (a, b) => a % b },
];
