/**
 * The filter language of tcpdump (pcap-filter(7)), as libpcap 1.10 has it for Ethernet, raw IP and `-i any`:
 *
 *    host net port portrange proto src dst · ip arp rarp ip6 icmp tcp udp ether … · broadcast multicast less greater
 *    ip[6:2] & 0x1fff = 0, tcp[tcpflags] & (tcp-syn|tcp-ack) != 0, icmp[icmptype] = icmp-echo, len > 100
 *    not and or ( ), where `and` and `or` bind alike, from the left; `port 80 or 443` repeats the qualifiers
 *
 * It sees outer headers only: `proto 4` finds IPIP, `udp port 4789` VXLAN, and nothing what is inside them. What a link
 * cannot have, what contradicts itself and what belongs to other networks is refused in tcpdump's words. `protochain`
 * follows **no** extension headers, and behind `mpls`, `pppoes` and `geneve` **nothing** inside is looked at.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { FilteredPacket, type FilterInput, LAYOUTS } from './filter-packet.ts';
import { Parser } from './filter-parser.ts';
import { Primitives } from './filter-primitives.ts';
import { FilterError, tokenize } from './filter-tokens.ts';
import { mayHold, predicate } from './filter-tree.ts';

export { FilterError, type FilterInput };

/** Does the packet pass? A header that is not captured fails. */
export type Filter = (packet: FilterInput) => boolean;

export interface FilterOptions {
  /** `Pcap.LINKTYPE_…`: Ethernet, raw or SLL2. */
  readonly linkType: number;
  /** Turns the names of hosts into addresses. */
  readonly resolve?: (name: string) => Ipv4Address | undefined;
  /** Of a running capture, whose packets say where they came from; not of a file. */
  readonly live?: boolean;
}

/** Recursion is as deep as an expression is long, so it must have an end. */
const MOST_WORDS = 2_000;
/** Longer ones are not asked whether they contradict themselves. */
const JUDGED_WORDS = 400;

/** Compile an expression; the empty one lets all pass. Throws `FilterError`. */
export function compile(expression: string, options: FilterOptions): Filter {
  const { linkType, resolve = () => undefined, live = false } = options;
  const layout = LAYOUTS[linkType];
  if (layout === undefined) throw new FilterError(0, `unknown data link type ${linkType}`);
  const tokens = tokenize(expression);
  if (tokens.length === 0) return () => true;
  const tooLong = tokens[MOST_WORDS];
  if (tooLong !== undefined)
    throw new FilterError(tooLong.at, "can't parse filter expression: memory exhausted");
  const primitives = new Primitives(layout);
  const tree = new Parser(tokens, expression.length, { primitives, resolve, live }).parse();
  if (tokens.length <= JUDGED_WORDS && !mayHold(tree))
    throw new FilterError(0, 'expression rejects all packets');
  const holds = predicate(tree);
  return packet => holds(new FilteredPacket(packet));
}
