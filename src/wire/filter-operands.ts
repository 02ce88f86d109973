/** Operands of a filter's qualifiers: addresses, nets, ports and their names. See filter-parser.ts. */
import { type Ipv4Address, parse as parseAddress } from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import { type Direction, ETHER_TYPES, type Kind, type Primitives, Refusal } from './filter-primitives.ts';
import type { Token } from './filter-tokens.ts';
import type { Tree } from './filter-tree.ts';
import { protocolNumber, servicePort } from './services.ts';

export interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction;
  readonly kind: Kind;
}

/** /etc/networks of Debian. A net is as long as its number, and these are written with four octets. */
const NETWORKS: Readonly<Record<string, Ipv4Address>> = {
  default: 0,
  loopback: 0x7f00_0000,
  'link-local': 0xa9fe_0000,
};
/** Those that have no name behind `ether proto`. */
const NO_ETHER_NAMES: readonly string[] = ['pppoed', 'pppoes', 'mpls'];

const ALL_ONES = 0xffff_ffff;
const NOTHING_TO_REPEAT = 'syntax error in filter expression';

export class Operands {
  readonly #primitives: Primitives;
  readonly #resolve: (name: string) => Ipv4Address | undefined;

  constructor(primitives: Primitives, resolve: (name: string) => Ipv4Address | undefined) {
    this.#primitives = primitives;
    this.#resolve = resolve;
  }

  /** `mask`: what followed an address, a length or a dotted mask. Throws `Refusal`. */
  tree(token: Token, mask: number | string | undefined, qualifiers: Qualifiers): Tree {
    switch (token.kind) {
      case 'number':
        return this.#number(token.value, qualifiers);
      case 'dotted':
        return mask === undefined
          ? this.#dotted(token.text, qualifiers)
          : this.#masked(token.text, mask, qualifiers);
      case 'ipv6':
        return this.#ipv6(token.text, mask as number | undefined, qualifiers);
      case 'mac':
        return this.#mac(token.text, qualifiers);
      default:
        return this.#name(token.text, qualifiers);
    }
  }

  #number(value: number, { protocol, direction, kind }: Qualifiers): Tree {
    switch (kind) {
      case 'host':
      case 'net': {
        if (protocol === 'ether') throw new Refusal('illegal link layer address');
        // `net 10` is 10.0.0.0/8, `host 10` is 0.0.0.10.
        let length = 32;
        if (kind === 'net') while (length > 8 && value !== 0 && value < 2 ** (length - 8)) length -= 8;
        const address = (value << (32 - length)) >>> 0;
        const mask = value === 0 ? ALL_ONES : (ALL_ONES << (32 - length)) >>> 0;
        return this.#primitives.host(protocol, direction, address, mask, kind);
      }
      case 'port':
      case 'portrange':
        return this.#ports(value, value, { protocol, direction, kind });
      case 'gateway':
        throw new Refusal("'gateway' requires a name");
      case 'none':
        throw new Refusal(NOTHING_TO_REPEAT);
      default:
        return this.#primitives.numberedProtocol(protocol, value);
    }
  }

  #ports(low: number, high: number, { protocol, direction, kind }: Qualifiers): Tree {
    this.#primitives.checkPorts(protocol, kind);
    for (const port of [low, high])
      if (port > 0xffff) throw new Refusal(`illegal port number ${port} > 65535`);
    return this.#primitives.ports(protocol, direction, Math.min(low, high), Math.max(low, high), kind);
  }

  /** `192.168.10`: the leading octets are those of a net. */
  #dotted(text: string, { protocol, direction, kind }: Qualifiers): Tree {
    if (kind === 'gateway') throw new Refusal("'gateway' requires a name");
    if (kind !== 'host' && kind !== 'net' && kind !== 'none')
      throw new Refusal(`'${kind}' modifier applied to ip host`);
    const { value, length } = leading(text);
    if (kind === 'none') throw new Refusal(NOTHING_TO_REPEAT);
    if (protocol === 'ether') throw new Refusal('illegal link layer address');
    const mask = (ALL_ONES << (32 - length)) >>> 0;
    return this.#primitives.host(protocol, direction, value, mask, kind);
  }

  #masked(text: string, written: number | string, { protocol, direction, kind }: Qualifiers): Tree {
    const { value } = leading(text);
    const mask = typeof written === 'string' ? leading(written).value : lengthMask(written);
    if ((value & ~mask) >>> 0 !== 0) {
      const both = typeof written === 'string' ? `${text} mask ${written}` : `${text}/${written}`;
      throw new Refusal(`non-network bits set in "${both}"`);
    }
    if (kind !== 'net') throw new Refusal('Mask syntax for networks only');
    return this.#primitives.host(protocol, direction, value, mask, kind);
  }

  #ipv6(text: string, length = 128, { protocol, direction, kind }: Qualifiers): Tree {
    if (kind !== 'host' && kind !== 'net') throw new Refusal(`invalid qualifier against IPv6 address`);
    return this.#primitives.host6(protocol, direction, text, length, kind);
  }

  #mac(text: string, { protocol, direction, kind }: Qualifiers): Tree {
    if (kind !== 'host' || protocol !== 'ether')
      throw new Refusal('ethernet address used in non-ether expression');
    const packed = /^[0-9a-f]{4}/i.test(text) ? text.replaceAll('.', '').match(/../g)! : text.split(/[:.-]/);
    const mac = Mac.parse(packed.map(octet => octet.padStart(2, '0')).join(':'))!;
    return this.#primitives.etherHost(direction, mac);
  }

  #name(name: string, qualifiers: Qualifiers): Tree {
    const { protocol, direction, kind } = qualifiers;
    switch (kind) {
      case 'net': {
        const known = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
        if (known === undefined) throw new Refusal(`unknown network '${name}'`);
        return this.#primitives.host(protocol, direction, known, ALL_ONES, kind);
      }
      case 'host': {
        if (protocol === 'ether') throw this.#primitives.unknownEtherHost(name);
        const address = parseAddress(name) ?? this.#resolve(name);
        if (address === undefined) throw new Refusal(`unknown host '${name}'`);
        if (protocol === 'ip6') throw new Refusal(`unknown host '${name}' for specified address family`);
        return this.#primitives.host(protocol, direction, address, ALL_ONES, kind);
      }
      case 'port': {
        this.#primitives.checkPorts(protocol, kind);
        const port = this.#service(name, protocol) ?? refuse(`unknown port '${name}'`);
        return this.#ports(port, port, qualifiers);
      }
      case 'portrange': {
        this.#primitives.checkPorts(protocol, kind);
        const [low, high] = this.#range(name) ?? refuse(`unknown port in range '${name}'`);
        return this.#ports(low, high, qualifiers);
      }
      case 'none':
        throw new Refusal(NOTHING_TO_REPEAT);
      case 'gateway':
        throw new Refusal("'gateway' not supported in this configuration");
      default:
        return this.#protocol(name, protocol);
    }
  }

  /** Throws `Refusal` for a port that the transport asked for does not have. */
  #service(name: string, qualifier: string | undefined): number | undefined {
    const found = servicePort(name);
    if (found === undefined || qualifier === undefined) return found?.port;
    const { transports } = found;
    const only = transports.has('tcp') && transports.has('udp') ? undefined : [...transports][0];
    if (only !== undefined && only !== qualifier) throw new Refusal(`port '${name}' is ${only}`);
    return found.port;
  }

  /** `1-1024`, `domain-http`; each side of names that have dashes themselves is not looked for. */
  #range(name: string): readonly [number, number] | undefined {
    const numbers = /^(\d+)-(\d+)/.exec(name);
    if (numbers !== null) return [Number(numbers[1]), Number(numbers[2])];
    const dash = name.indexOf('-');
    if (dash < 0) return undefined;
    const sides = [name.slice(0, dash), name.slice(dash + 1)].map(side =>
      /^\d+$/.test(side) ? Number(side) : servicePort(side)?.port,
    );
    const [low, high] = sides;
    return low === undefined || high === undefined ? undefined : [low, high];
  }

  #protocol(name: string, qualifier: string | undefined): Tree {
    if (qualifier === 'ether') {
      const type = NO_ETHER_NAMES.includes(name) ? undefined : ETHER_TYPES[name];
      if (type !== undefined) return this.#primitives.etherType(type);
      return this.#primitives.llcProtocol(name) ?? refuse(`unknown ether proto '${name}'`);
    }
    if (qualifier !== undefined && qualifier !== 'ip' && qualifier !== 'ip6')
      throw new Refusal(`unknown protocol: ${name}`);
    const number = protocolNumber(name) ?? refuse(`unknown ip proto '${name}'`);
    return this.#primitives.numberedProtocol(qualifier, number);
  }
}

function refuse(why: string): never {
  throw new Refusal(why);
}

/** The octets of `192.168.10` as the top of a word, and how many bits they are. Decimal only. */
function leading(text: string): { readonly value: number; readonly length: number } {
  const octets = text.split('.');
  let value = 0;
  for (const octet of octets) {
    if (!/^\d+$/.test(octet) || Number(octet) > 255) throw new Refusal(`invalid IPv4 address '${text}'`);
    value = value * 256 + Number(octet);
  }
  const length = octets.length * 8;
  return { value: value * 2 ** (32 - length), length };
}

function lengthMask(length: number): number {
  if (length > 32) throw new Refusal('mask length must be <= 32');
  return length === 0 ? 0 : (ALL_ONES << (32 - length)) >>> 0;
}
