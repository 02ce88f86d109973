/**
 * The primitives of the filter language, as libpcap 1.10 understands them for Ethernet, raw IP and the cooked header of
 * `-i any`; what a link cannot have is refused in libpcap's words.
 */
import * as Mac from '../addr/mac.ts';
import * as Ethernet from './ethernet.ts';
import { parseIpv6 } from './filter-ipv6.ts';
import type { LinkLayout } from './filter-packet.ts';
import { ALWAYS, and, NEVER, not, or, type Tree, test } from './filter-tree.ts';
import * as Ipv4 from './ipv4.ts';

export type Direction = 'src' | 'dst' | 'src or dst' | 'src and dst';
/** `none`: an operand behind something that had none to repeat. */
export type Kind = 'host' | 'net' | 'port' | 'portrange' | 'proto' | 'protochain' | 'gateway' | 'none';

export const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: Ethernet.TYPE_IPV4,
  arp: Ethernet.TYPE_ARP,
  rarp: 0x8035,
  ip6: Ethernet.TYPE_IPV6,
  atalk: 0x809b,
  aarp: 0x80f3,
  decnet: 0x6003,
  lat: 0x6004,
  sca: 0x6007,
  moprc: 0x6002,
  mopdl: 0x6001,
  loopback: 0x9000,
  ipx: 0x8137,
  pppoed: 0x8863,
  pppoes: 0x8864,
  mpls: 0x8847,
};
/** Protocols with an IEEE 802.2 header: their service access point, where Ethernet has a length for a type. */
const LLC: Readonly<Record<string, number>> = { iso: 0xfe, stp: 0x42, netbeui: 0xf0 };
export const TRANSPORTS: Readonly<Record<string, number>> = {
  icmp: Ipv4.PROTOCOL_ICMP,
  igmp: 2,
  tcp: Ipv4.PROTOCOL_TCP,
  udp: Ipv4.PROTOCOL_UDP,
  igrp: 9,
  pim: 103,
  vrrp: 112,
  carp: 112,
  sctp: 132,
  ah: 51,
  esp: 50,
  icmp6: 58,
};
/** Those that only one of the two IPs carries. */
const IPV4_ONLY: ReadonlySet<string> = new Set(['icmp', 'igmp', 'igrp', 'vrrp', 'carp']);
const IPV6_FRAGMENT = 44;
const ETHER_ONLY = 'ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel';

/** What a link has no notion of, and what contradicts itself; the caller knows the place. */
export class Refusal extends Error {}

export class Primitives {
  readonly #link: LinkLayout;
  /** Octets of VLAN tags in front of the network header, for what comes behind `vlan` in the expression. */
  #tags = 0;

  constructor(link: LinkLayout) {
    this.#link = link;
  }

  get isEthernet(): boolean {
    return this.#link.name === 'Ethernet';
  }

  get linkName(): string {
    return this.#link.name;
  }

  /** Where the network header begins. */
  get network(): number {
    return this.#link.headerLength + this.#tags;
  }

  /** A field of the packet, from its first octet on. */
  field(at: number, size: number, value: number, mask = 0xffff_ffff): Tree {
    if (mask === 0) return value === 0 ? ALWAYS : NEVER;
    const about = `${at}:${size}&${mask}`;
    return test(about, value, packet => (packet.load(at, size) & mask) >>> 0 === value);
  }

  etherType(type: number): Tree {
    const { typeAt } = this.#link;
    if (typeAt !== undefined) return this.field(typeAt + this.#tags, 2, type);
    if (type === Ethernet.TYPE_IPV4) return this.field(0, 1, 0x40, 0xf0);
    return type === Ethernet.TYPE_IPV6 ? this.field(0, 1, 0x60, 0xf0) : NEVER;
  }

  /** The word of a protocol alone: `tcp`, `arp`. */
  protocol(name: string): Tree {
    if (name === 'ether') throw new Refusal('link layer applied in wrong context');
    if (name === 'radio') throw new Refusal("'radio' is not a valid protocol type");
    const number = TRANSPORTS[name];
    if (number === undefined) return this.#linkProtocol(name);
    if (name === 'icmp6') return this.ipv6Protocol(number);
    const four = this.ipv4Protocol(number);
    return IPV4_ONLY.has(name) ? four : or(four, this.ipv6Protocol(number));
  }

  #linkProtocol(name: string): Tree {
    const type = ETHER_TYPES[name];
    if (type !== undefined) return this.etherType(type);
    const access = LLC[name] ?? LLC['iso']!;
    return this.#llc(access);
  }

  #llc(access: number): Tree {
    if (!this.isEthernet) return NEVER;
    const { network } = this;
    return and(this.#hasLength(), this.field(network, 2, access * 0x101));
  }

  /** IEEE 802.3: a length stands where Ethernet II has the type. */
  #hasLength(): Tree {
    const at = this.#link.typeAt! + this.#tags;
    return test(`${at} is a length`, 1, packet => packet.load(at, 2) <= 1500);
  }

  llc(): Tree {
    if (!this.isEthernet) throw new Refusal(`'llc' not supported for ${this.linkName}`);
    return and(this.#hasLength(), not(this.field(this.network, 2, 0xffff)));
  }

  ipv4Protocol(number: number): Tree {
    return and(this.etherType(Ethernet.TYPE_IPV4), this.field(this.network + 9, 1, number));
  }

  ipv6Protocol(number: number): Tree {
    const { network } = this;
    const next = this.field(network + 6, 1, number);
    const behind = and(this.field(network + 6, 1, IPV6_FRAGMENT), this.field(network + 40, 1, number));
    return and(this.etherType(Ethernet.TYPE_IPV6), or(next, behind));
  }

  /** Fragments behind the first have no transport header. */
  hasTransport(): Tree {
    return this.field(this.network + 6, 2, 0, 0x1fff);
  }

  /** `proto 4`, `ip proto 4`, `ether proto 0x806`. */
  numberedProtocol(qualifier: string | undefined, number: number): Tree {
    switch (qualifier) {
      case undefined:
        return or(this.ipv4Protocol(number), this.ipv6Protocol(number));
      case 'ip':
        return this.ipv4Protocol(number);
      case 'ip6':
        return this.ipv6Protocol(number);
      case 'ether':
        return this.etherType(number);
      case 'atalk':
        throw new Refusal('AppleTalk encapsulation is not specifiable');
      case 'decnet':
        throw new Refusal('decnet encapsulation is not specifiable');
      default: {
        if (ETHER_TYPES[qualifier] !== undefined)
          throw new Refusal(`${qualifier} does not encapsulate another protocol`);
        throw new Refusal(`'${qualifier} proto' is bogus`);
      }
    }
  }

  /** `ether proto \stp`: one that is known by its service access point. */
  llcProtocol(name: string): Tree | undefined {
    return LLC[name] === undefined ? undefined : this.#llc(LLC[name]);
  }

  /** An IPv4 address or net, in the headers of IPv4, ARP and RARP. */
  host(qualifier: string | undefined, direction: Direction, address: number, mask: number, kind: Kind): Tree {
    const word = kind === 'net' ? 'net' : 'host';
    const within = (name: string, source: number, destination: number): Tree =>
      and(
        this.etherType(ETHER_TYPES[name]!),
        either(direction, at => this.field(this.network + at, 4, address, mask), source, destination),
      );
    switch (qualifier) {
      case undefined:
        return or(within('ip', 12, 16), within('arp', 14, 24), within('rarp', 14, 24));
      case 'ip':
        return within('ip', 12, 16);
      case 'arp':
      case 'rarp':
        return within(qualifier, 14, 24);
      case 'ether':
        throw new Refusal(`link-layer modifier applied to ${word}`);
      case 'ip6':
        throw new Refusal("'ip6' modifier applied to ip host");
      case 'atalk':
        throw new Refusal(`AppleTalk modifier applied to ${word}`);
      default:
        throw new Refusal(`'${qualifier}' modifier applied to ${word}`);
    }
  }

  /** An IPv6 address or net. Throws `Refusal`. */
  host6(qualifier: string | undefined, direction: Direction, text: string, length: number, kind: Kind): Tree {
    const words = parseIpv6(text);
    if (words === undefined) throw new Refusal(`invalid IPv6 address '${text}'`);
    if (length > 128) throw new Refusal('mask length must be <= 128');
    const masks = words.map((_, i) => maskOf(Math.min(32, Math.max(0, length - 32 * i))));
    if (words.some((word, i) => (word & ~masks[i]!) >>> 0 !== 0))
      throw new Refusal(`non-network bits set in "${text}/${length}"`);
    const word = kind === 'net' ? 'net' : 'host';
    if (qualifier === 'ether') throw new Refusal(`link-layer modifier applied to ip6 ${word}`);
    if (qualifier === 'atalk') throw new Refusal(`AppleTalk modifier applied to ip6 ${word}`);
    if (qualifier !== undefined && qualifier !== 'ip6')
      throw new Refusal(`'${qualifier}' modifier applied to ip6 ${word}`);
    const matches = (at: number): Tree =>
      and(...words.map((value, i) => this.field(this.network + at + 4 * i, 4, value, masks[i]!)));
    return and(this.etherType(Ethernet.TYPE_IPV6), either(direction, matches, 8, 24));
  }

  etherHost(direction: Direction, mac: Mac.MacAddress): Tree {
    if (!this.isEthernet) throw new Refusal(`ethernet addresses supported only on ${ETHER_ONLY}`);
    const matches = (at: number): Tree =>
      and(this.field(at + 2, 4, Mac.low32(mac)), this.field(at, 2, Mac.high16(mac)));
    return either(direction, matches, 6, 0);
  }

  /** Why no name of a station can stand for an Ethernet address. */
  unknownEtherHost(name: string): Refusal {
    if (this.isEthernet) return new Refusal(`unknown ether host '${name}'`);
    return new Refusal(`only ${ETHER_ONLY} supports link-level host name`);
  }

  /** Throws `Refusal` for a protocol without ports. */
  checkPorts(qualifier: string | undefined, kind: Kind): void {
    if (qualifier !== undefined && !['tcp', 'udp', 'sctp'].includes(qualifier))
      throw new Refusal(`illegal qualifier of '${kind}'`);
  }

  ports(qualifier: string | undefined, direction: Direction, low: number, high: number, kind: Kind): Tree {
    this.checkPorts(qualifier, kind);
    const carriers = [...(qualifier === undefined ? ['tcp', 'udp', 'sctp'] : [qualifier])];
    const { network } = this;
    const isCarrier = (at: number): Tree =>
      or(...carriers.map(name => this.field(network + at, 1, TRANSPORTS[name]!)));
    const isIn = (port: number): boolean => port >= low && port <= high;
    const four = (at: number): Tree =>
      test(`port4 ${network} ${at}${low === high ? '' : ` ${low}-${high}`}`, low === high ? low : 1, packet =>
        isIn(packet.load(network + ((packet.load(network, 1) & 15) << 2) + at, 2)),
      );
    const six = (at: number): Tree =>
      test(`port6 ${network} ${at}${low === high ? '' : ` ${low}-${high}`}`, low === high ? low : 1, packet =>
        isIn(packet.load(network + 40 + at, 2)),
      );
    return or(
      and(this.etherType(Ethernet.TYPE_IPV6), isCarrier(6), either(direction, six, 0, 2)),
      and(
        this.etherType(Ethernet.TYPE_IPV4),
        isCarrier(9),
        this.hasTransport(),
        either(direction, four, 0, 2),
      ),
    );
  }

  broadcast(qualifier: string | undefined): Tree {
    if (qualifier === undefined || qualifier === 'ether') {
      if (!this.isEthernet) throw new Refusal('not a broadcast link');
      return this.etherHost('dst', Mac.BROADCAST);
    }
    if (qualifier !== 'ip') throw new Refusal('only link-layer/IP broadcast filters supported');
    const to = this.network + 16;
    return and(this.etherType(Ethernet.TYPE_IPV4), or(this.field(to, 4, 0), this.field(to, 4, 0xffff_ffff)));
  }

  multicast(qualifier: string | undefined): Tree {
    const { network } = this;
    if ((qualifier === undefined || qualifier === 'ether') && this.isEthernet) return this.field(0, 1, 1, 1);
    if (qualifier === 'ip') {
      const isGroup = test(`${network} to a group`, 1, packet => packet.load(network + 16, 1) >= 224);
      return and(this.etherType(Ethernet.TYPE_IPV4), isGroup);
    }
    if (qualifier === 'ip6') return and(this.etherType(Ethernet.TYPE_IPV6), this.field(network + 24, 1, 255));
    const links = 'ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel';
    throw new Refusal(`link-layer multicast filters supported only on ${links}`);
  }

  /** Everything behind `vlan` in the expression looks behind the tag, whether or not it is there. */
  vlan(id: number | undefined): Tree {
    if (!this.isEthernet) throw new Refusal(`no VLAN support for ${this.linkName}`);
    if (id !== undefined && id > 4095) throw new Refusal(`VLAN tag ${id} greater than maximum 4095`);
    const tagged = or(...[0x8100, 0x88a8, 0x9100].map(type => this.etherType(type)));
    const { network } = this;
    this.#tags += 4;
    return id === undefined ? tagged : and(tagged, this.field(network, 2, id, 0xfff));
  }

  mpls(label: number | undefined): Tree {
    if (!this.isEthernet) throw new Refusal(`no MPLS support for ${this.linkName}`);
    if (label !== undefined && label > 0xf_ffff)
      throw new Refusal(`MPLS label ${label} greater than maximum 1048575`);
    const here = this.etherType(ETHER_TYPES['mpls']!);
    return label === undefined ? here : and(here, this.field(this.network, 4, label * 0x1000, 0xffff_f000));
  }

  pppoeSession(id: number | undefined): Tree {
    if (id !== undefined && id > 0xffff)
      throw new Refusal(`PPPoE session number ${id} greater than maximum 65535`);
    const here = this.etherType(ETHER_TYPES['pppoes']!);
    return id === undefined ? here : and(here, this.field(this.network + 2, 2, id));
  }

  /** `live`: the kernel can be asked. */
  inbound(wanted: boolean, live: boolean): Tree {
    if (this.linkName === 'Linux cooked v2') {
      const sent = this.field(10, 1, 4);
      return wanted ? not(sent) : sent;
    }
    if (!live) throw new Refusal(`inbound/outbound not supported on ${this.linkName} when reading savefiles`);
    const inbound = test('inbound', 1, packet => packet.input.inbound === true);
    return wanted ? inbound : not(inbound);
  }

  interfaceIndex(index: number, live: boolean): Tree {
    if (this.linkName === 'Linux cooked v2') return this.field(4, 4, index);
    if (!live) throw new Refusal(`ifindex not supported on ${this.linkName} when reading savefiles`);
    return test('ifindex', index, packet => packet.input.index === index);
  }
}

const maskOf = (length: number): number => (length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0);

/** Apply a test to the source's and the destination's place as the direction says. */
function either(
  direction: Direction,
  matches: (at: number) => Tree,
  source: number,
  destination: number,
): Tree {
  switch (direction) {
    case 'src':
      return matches(source);
    case 'dst':
      return matches(destination);
    case 'src or dst':
      return or(matches(source), matches(destination));
    case 'src and dst':
      return and(matches(source), matches(destination));
  }
}
