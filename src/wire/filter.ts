/**
 * The filter language of tcpdump (pcap-filter(7)), as far as Ethernet, ARP and IPv4 go:
 *
 *    host net port portrange proto src dst · ip arp icmp tcp udp ether · broadcast multicast less greater
 *    ip[6:2] & 0x1fff = 0, tcp[tcpflags] & (tcp-syn|tcp-ack) != 0, icmp[icmptype] = icmp-echo, len > 100
 *    not and or ( ), where `and` and `or` bind alike, from the left; `port 80 or 443` repeats the qualifiers
 *
 * It sees outer headers only: `proto 4` finds IPIP, `udp port 4789` VXLAN, and nothing what is inside them. IPv6, VLAN,
 * `inbound` and `gateway` are **not** known: they are syntax errors. What a link type cannot have (an Ethernet address
 * on tunl0) never passes; the real tool refuses such an expression for such a device.
 */
import * as Ipv4Address from '../addr/ipv4.ts';
import { FilteredPacket, OutOfPacket } from './filter-packet.ts';
import { Parser, type Predicate } from './filter-parser.ts';
import { FilterError, tokenize } from './filter-tokens.ts';

export { FilterError };

/**
 * Does the packet pass? `view` holds the captured octets from the link header on, `length` is what was on the wire.
 * A header that is not captured fails.
 */
export type Filter = (view: DataView, linkType: number, length?: number) => boolean;

/**
 * Compile an expression; the empty one lets all pass. `resolve` turns the names of hosts into addresses.
 * Throws `FilterError`.
 */
export function compile(
  expression: string,
  resolve: (name: string) => Ipv4Address.Ipv4Address | undefined = Ipv4Address.parse,
): Filter {
  const tokens = tokenize(expression);
  if (tokens.length === 0) return () => true;
  const predicate: Predicate = new Parser(tokens, expression.length, resolve).parse();
  return (view, linkType, length = view.byteLength) => {
    try {
      return predicate(new FilteredPacket(view, linkType, length));
    } catch (e) {
      if (e instanceof OutOfPacket) return false;
      throw e;
    }
  };
}
