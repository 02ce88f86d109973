/** Recursive-descent parser of capture filters, straight to closures. See filter.ts for the language. */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { parse as parseDotted } from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import * as Ethernet from './ethernet.ts';
import {
  CONSTANTS,
  ETHER_TYPES,
  OPERATORS,
  PORTS,
  PROTOCOL_NAMES,
  PROTOCOLS,
  RELATIONS,
} from './filter-names.ts';
import type { FilteredPacket } from './filter-packet.ts';
import { FilterError, type Token } from './filter-tokens.ts';

export type Predicate = (packet: FilteredPacket) => boolean;
type Arithmetic = (packet: FilteredPacket) => number;

type Direction = 'src' | 'dst' | 'src or dst' | 'src and dst';
interface Qualifiers {
  protocol: string | undefined;
  direction: Direction;
  type: string;
}

const DIRECTIONS: readonly string[] = ['src', 'dst'];
const KEYWORDS: readonly string[] = ['and', 'or', 'not', ...DIRECTIONS];
const TYPES: readonly string[] = ['host', 'net', 'port', 'portrange', 'proto'];

export class Parser {
  readonly #tokens: readonly Token[];
  readonly #length: number;
  readonly #resolve: (name: string) => Ipv4Address | undefined;
  #next = 0;
  /** Of the last primitive that had an operand: what a bare operand repeats. */
  #last: Qualifiers | undefined;

  constructor(tokens: readonly Token[], length: number, resolve: (name: string) => Ipv4Address | undefined) {
    this.#tokens = tokens;
    this.#length = length;
    this.#resolve = resolve;
  }

  parse(): Predicate {
    const predicate = this.#expression();
    if (this.#next < this.#tokens.length) throw this.#error();
    return predicate;
  }

  #error(why = 'syntax error'): FilterError {
    return new FilterError(this.#tokens[this.#next]?.at ?? this.#length, why);
  }

  #is(...texts: string[]): boolean {
    const token = this.#tokens[this.#next];
    return token !== undefined && token.kind !== 'mac' && texts.includes(token.text);
  }

  #accept(...texts: string[]): string | undefined {
    return this.#is(...texts) ? this.#tokens[this.#next++]!.text : undefined;
  }

  #expect(text: string): void {
    if (this.#accept(text) === undefined) throw this.#error();
  }

  #take(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw this.#error();
    this.#next += 1;
    return token;
  }

  /** `and` and `or` have the same precedence and associate to the left. */
  #expression(): Predicate {
    let left = this.#unary();
    for (;;) {
      const operator = this.#accept('and', '&&', 'or', '||');
      if (operator === undefined) return left;
      const a = left;
      const b = this.#unary();
      left = operator === 'and' || operator === '&&' ? p => a(p) && b(p) : p => a(p) || b(p);
    }
  }

  #unary(): Predicate {
    if (this.#accept('not', '!') !== undefined) {
      const negated = this.#unary();
      return p => !negated(p);
    }
    const relation = this.#relation();
    if (relation !== undefined) return relation;
    if (this.#accept('(') !== undefined) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    return this.#primitive();
  }

  /** A comparison, or nothing and no step taken: `(` and a number may also begin something else. */
  #relation(): Predicate | undefined {
    const start = this.#next;
    const guards: Predicate[] = [];
    const left = this.#arithmetic(0, guards);
    const relation = left === undefined ? undefined : RELATIONS[this.#tokens[this.#next]?.text ?? ''];
    if (left === undefined || relation === undefined) {
      this.#next = start;
      return undefined;
    }
    this.#next += 1;
    const right = this.#arithmetic(0, guards);
    if (right === undefined) throw this.#error();
    return p => guards.every(guard => guard(p)) && relation(left(p), right(p));
  }

  /** `guards` collects what must hold for the octets named to exist: `tcp[0]` is false of what is not TCP. */
  #arithmetic(level: number, guards: Predicate[]): Arithmetic | undefined {
    const operators = OPERATORS[level];
    if (operators === undefined) return this.#operand(guards);
    let left = this.#arithmetic(level + 1, guards);
    while (left !== undefined) {
      const token = this.#tokens[this.#next];
      const operator = token?.kind === 'operator' ? operators[token.text] : undefined;
      if (operator === undefined) return left;
      this.#next += 1;
      const a: Arithmetic = left;
      // libpcap drops the conditions of a right operand: `ip[0] - tcp[0]` reads octets of what is not TCP, too.
      const b = this.#arithmetic(level + 1, []);
      left = b === undefined ? undefined : p => operator(a(p), b(p));
    }
    return undefined;
  }

  #operand(guards: Predicate[]): Arithmetic | undefined {
    const token = this.#tokens[this.#next];
    if (token === undefined) return undefined;
    if (token.kind === 'number') {
      this.#next += 1;
      const value = Number(token.text) >>> 0;
      return () => value;
    }
    if (this.#accept('len') !== undefined) return p => p.length;
    if (token.kind === 'word' && CONSTANTS[token.text] !== undefined) {
      this.#next += 1;
      const value = CONSTANTS[token.text]!;
      return () => value;
    }
    if (this.#accept('(') !== undefined) {
      const inner = this.#arithmetic(0, guards);
      return inner !== undefined && this.#accept(')') !== undefined ? inner : undefined;
    }
    return token.kind === 'word' && this.#tokens[this.#next + 1]?.text === '['
      ? this.#octets(token.text, guards)
      : undefined;
  }

  /** `proto [ offset : size ]` */
  #octets(protocol: string, guards: Predicate[]): Arithmetic {
    const number = PROTOCOLS[protocol];
    const etherType = ETHER_TYPES[protocol];
    if (number === undefined && etherType === undefined && protocol !== 'ether') throw this.#error();
    this.#next += 2;
    const offset = this.#arithmetic(0, guards);
    if (offset === undefined) throw this.#error();
    let size = 1;
    if (this.#accept(':') !== undefined) {
      size = Number(this.#take().text);
      if (size !== 1 && size !== 2 && size !== 4) throw this.#error('data size must be 1, 2, or 4');
    }
    this.#expect(']');
    if (number !== undefined) {
      guards.push(p => p.isProtocol(number) && !p.isLaterFragment);
      return p => p.load(p.transport + offset(p), size);
    }
    if (etherType === undefined) return p => p.load(offset(p), size);
    guards.push(p => p.etherType === etherType);
    return p => p.load(p.network + offset(p), size);
  }

  #primitive(): Predicate {
    if (this.#accept('broadcast') !== undefined) return isBroadcast;
    if (this.#accept('multicast') !== undefined) return isGroup;
    const bound = this.#accept('less', 'greater');
    if (bound !== undefined) {
      const octets = this.#number();
      return bound === 'less' ? p => p.length <= octets : p => p.length >= octets;
    }
    const protocol = this.#accept('ether', ...Object.keys(ETHER_TYPES), ...Object.keys(PROTOCOLS));
    if (protocol === 'ether' && this.#accept('broadcast') !== undefined) return isBroadcast;
    if (protocol === 'ether' && this.#accept('multicast') !== undefined) return isGroup;
    if (protocol === 'ip' && this.#accept('multicast') !== undefined)
      return p => p.isIpv4 && p.load(p.network + 16, 1) >= 224;
    const direction = this.#direction();
    const type = this.#accept(...TYPES);
    if (direction === undefined && type === undefined) {
      if (protocol !== undefined && protocol !== 'ether' && !this.#atOperand()) return isOf(protocol);
      if (protocol === undefined) {
        if (this.#last === undefined) throw this.#error();
        return this.#qualified(this.#last);
      }
    }
    return this.#qualified({ protocol, direction: direction ?? 'src or dst', type: type ?? 'host' });
  }

  /** Is the next token something a qualifier could apply to? */
  #atOperand(): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.kind === 'operator') return false;
    return !(token.kind === 'word' && ['and', 'or', 'not'].includes(token.text));
  }

  #direction(): Direction | undefined {
    const first = this.#accept(...DIRECTIONS) as 'src' | 'dst' | undefined;
    if (first === undefined) return undefined;
    const both = this.#tokens[this.#next + 1]?.text;
    if (!this.#is('or', 'and') || both === undefined || !DIRECTIONS.includes(both) || both === first)
      return first;
    const operator = this.#take().text;
    this.#next += 1;
    return operator === 'or' ? 'src or dst' : 'src and dst';
  }

  #qualified(qualifiers: Qualifiers): Predicate {
    this.#last = qualifiers;
    const { protocol, direction, type } = qualifiers;
    if (protocol === 'ether' && type !== 'proto') return this.#etherHost(direction);
    switch (type) {
      case 'proto':
        return this.#protocol(protocol);
      case 'port': {
        const port = this.#port();
        return portTest(protocol, direction, port, port);
      }
      case 'portrange': {
        const low = this.#port();
        return portTest(protocol, direction, low, this.#accept('-') === undefined ? low : this.#port());
      }
      default:
        if (protocol !== undefined && ETHER_TYPES[protocol] === undefined)
          throw this.#error(`'${protocol}' modifier applied to ${type}`);
        return addressTest(protocol, direction, type === 'net' ? this.#net() : this.#host());
    }
  }

  #number(): number {
    const token = this.#take();
    if (token.kind !== 'number') throw new FilterError(token.at, 'syntax error');
    return Number(token.text);
  }

  #port(): number {
    const token = this.#take();
    const port = token.kind === 'number' ? Number(token.text) : PORTS[token.text];
    if (port === undefined) throw new FilterError(token.at, `unknown port '${token.text}'`);
    if (port > 0xffff) throw new FilterError(token.at, `illegal port number ${port} > 65535`);
    return port;
  }

  #protocol(qualifier: string | undefined): Predicate {
    const token = this.#take();
    const name = token.text.replace('\\', '');
    const names = qualifier === 'ether' ? ETHER_TYPES : PROTOCOL_NAMES;
    const number = token.kind === 'number' ? Number(token.text) : names[name];
    if (number === undefined)
      throw new FilterError(token.at, `unknown ${qualifier === 'ether' ? 'ether' : 'ip'} proto '${name}'`);
    return qualifier === 'ether' ? p => p.etherType === number : p => p.isProtocol(number);
  }

  #host(): Prefix.Prefix {
    const token = this.#take();
    const address = token.kind === 'dotted' ? parseDotted(token.text) : this.#resolve(token.text);
    if (token.kind === 'dotted' && address === undefined) {
      this.#next -= 1;
      return this.#net();
    }
    if (address === undefined) {
      const name = token.kind === 'word' && !KEYWORDS.includes(token.text);
      throw new FilterError(token.at, name ? `unknown host '${token.text}'` : 'syntax error');
    }
    if (this.#is('/')) throw this.#error();
    return { address, length: 32 };
  }

  /** `a.b.c.d/len`, `a.b.c.d mask m`, or the leading octets of a classful net, `192.168.10`. */
  #net(): Prefix.Prefix {
    const token = this.#take();
    if (token.kind !== 'dotted' && token.kind !== 'number') throw new FilterError(token.at, 'syntax error');
    const octets = token.text.split('.');
    const padded = [...octets, '0', '0', '0'].slice(0, 4).join('.');
    const address = parseDotted(padded);
    if (address === undefined) throw new FilterError(token.at, `invalid IPv4 address '${token.text}'`);
    let length = octets.length * 8;
    if (this.#accept('/') !== undefined) length = this.#number();
    else if (this.#accept('mask') !== undefined) length = maskLength(parseDotted(this.#take().text));
    if (!(length <= 32)) throw this.#error('mask length must be <= 32');
    const prefix = { address, length };
    if (!Prefix.isMasked(prefix))
      throw new FilterError(token.at, `non-network bits set in "${Prefix.format(prefix)}"`);
    return prefix;
  }

  #etherHost(direction: Direction): Predicate {
    const token = this.#take();
    const mac = Mac.parse(token.text.replace(/\b(?=.(:|$))/g, '0'));
    if (mac === undefined) throw new FilterError(token.at, 'syntax error');
    return p => p.ethernet && either(direction, at => Ethernet.readMac(p.view, at) === mac, 6, 0);
  }
}

/** Octets of a contiguous mask, else NaN. */
function maskLength(mask: number | undefined): number {
  for (let length = 0; length <= 32; length++) if (Prefix.mask(length) === mask) return length;
  return Number.NaN;
}

/** Apply a test to the source's and the destination's place as the direction says. */
function either(
  direction: Direction,
  test: (at: number) => boolean,
  source: number,
  destination: number,
): boolean {
  switch (direction) {
    case 'src':
      return test(source);
    case 'dst':
      return test(destination);
    case 'src or dst':
      return test(source) || test(destination);
    default:
      return test(source) && test(destination);
  }
}

const isBroadcast: Predicate = p => p.ethernet && Ethernet.readMac(p.view, 0) === Mac.BROADCAST;
const isGroup: Predicate = p => p.ethernet && (p.load(0, 1) & 1) !== 0;

function isOf(protocol: string): Predicate {
  const etherType = ETHER_TYPES[protocol];
  if (etherType !== undefined) return p => p.etherType === etherType;
  const number = PROTOCOLS[protocol]!;
  return p => p.isProtocol(number);
}

/** The addresses of an IPv4 header or, unless the qualifier is `ip`, of an ARP packet. */
function addressTest(protocol: string | undefined, direction: Direction, prefix: Prefix.Prefix): Predicate {
  return p => {
    const test = (at: number): boolean => Prefix.contains(prefix, p.load(p.network + at, 4));
    if (p.isIpv4 && protocol !== 'arp') return either(direction, test, 12, 16);
    if (p.isArp && protocol !== 'ip') return either(direction, test, 14, 24);
    return false;
  };
}

function portTest(protocol: string | undefined, direction: Direction, low: number, high: number): Predicate {
  const number = protocol === undefined || protocol === 'ip' ? undefined : PROTOCOLS[protocol];
  return p => {
    if (!p.hasPorts || (number !== undefined && !p.isProtocol(number))) return false;
    const test = (at: number): boolean => {
      const port = p.load(p.transport + at, 2);
      return port >= low && port <= high;
    };
    return either(direction, test, 0, 2);
  };
}
