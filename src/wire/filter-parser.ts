/**
 * Recursive-descent parser of capture filters, after the grammar of libpcap 1.10. See filter.ts for the language.
 *
 *    expression  term, or an operand that repeats the qualifiers of the last primitive, joined by `and` and `or`
 *    term        relation · ( expression ) · not term · qualifiers operand · protocol · `less 60` and the like
 *    operand     80 · 10.0.0.0/8 · name · ( operand or operand ) · not operand
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import {
  type Arithmetic,
  combined,
  compared,
  GREEDY,
  isRelation,
  LENGTH,
  negative,
  numberOf,
  OPERATORS,
  octets,
} from './filter-arithmetic.ts';
import { Operands, type Qualifiers } from './filter-operands.ts';
import { type Direction, type Kind, type Primitives, Refusal } from './filter-primitives.ts';
import { FilterError, SYNTAX_ERROR, type Token } from './filter-tokens.ts';
import { and, not, or, type Tree, test } from './filter-tree.ts';
import { foreignWord } from './filter-words.ts';

const PROTOCOLS: ReadonlySet<string> = new Set(
  `ether arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp ip6 icmp6 ah esp atalk aarp decnet lat sca moprc mopdl
  iso esis es-is isis is-is l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui radio`.split(/\s+/),
);
const KINDS: readonly Kind[] = ['host', 'net', 'port', 'portrange'];
const WHOLE_KINDS: readonly Kind[] = ['proto', 'protochain', 'gateway'];

const NOTHING: Qualifiers = { protocol: undefined, direction: 'src or dst', kind: 'none' };

export interface ParserOptions {
  readonly primitives: Primitives;
  readonly resolve: (name: string) => Ipv4Address | undefined;
  /** On a running capture the kernel knows more than a file does. */
  readonly live: boolean;
}

export class Parser {
  readonly #tokens: readonly Token[];
  readonly #length: number;
  readonly #primitives: Primitives;
  readonly #operands: Operands;
  readonly #live: boolean;
  #next = 0;
  /** Of the last primitive, if it had an operand: what a bare operand repeats. */
  #last: Qualifiers | undefined;

  constructor(tokens: readonly Token[], length: number, { primitives, resolve, live }: ParserOptions) {
    this.#tokens = tokens;
    this.#length = length;
    this.#primitives = primitives;
    this.#operands = new Operands(primitives, resolve);
    this.#live = live;
  }

  /** Throws `FilterError`. */
  parse(): Tree {
    try {
      const tree = this.#list(() => this.#term());
      if (this.#next < this.#tokens.length) throw this.#error();
      return tree;
    } catch (error) {
      if (error instanceof Refusal) throw this.#error(error.message);
      throw error;
    }
  }

  #error(why = SYNTAX_ERROR): FilterError {
    return new FilterError(this.#tokens[this.#next]?.at ?? this.#length, why);
  }

  get #token(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #is(...texts: string[]): boolean {
    const token = this.#token;
    const counts = token?.kind === 'keyword' || token?.kind === 'operator';
    return counts && texts.includes(token.text);
  }

  /** Is a primitive over in front of that token? */
  #endsAt(at: number): boolean {
    const token = this.#tokens[at];
    return token === undefined || (token.kind !== 'id' && ['and', 'or', ')'].includes(token.text));
  }

  #accept(...texts: string[]): string | undefined {
    return this.#is(...texts) ? this.#tokens[this.#next++]!.text : undefined;
  }

  #expect(text: string): void {
    if (this.#accept(text) === undefined) throw this.#error();
  }

  #number(): number {
    const token = this.#token;
    if (token?.kind !== 'number') throw this.#error();
    this.#next += 1;
    return token.value;
  }

  /** A number, also in parentheses; nothing where there is none. */
  #optionalNumber(): number | undefined {
    const start = this.#next;
    let depth = 0;
    while (this.#accept('(') !== undefined) depth++;
    if (this.#token?.kind !== 'number') {
      this.#next = start;
      return undefined;
    }
    const value = this.#number();
    while (depth-- > 0) this.#expect(')');
    return value;
  }

  /** `and` and `or` have the same precedence and associate to the left. */
  #list(first: () => Tree): Tree {
    let left = first();
    for (;;) {
      const operator = this.#accept('and', 'or');
      if (operator === undefined) return left;
      const right = this.#termOrOperand();
      left = operator === 'and' ? and(left, right) : or(left, right);
    }
  }

  #term(): Tree {
    const relation = this.#relation();
    if (relation !== undefined) {
      this.#last = undefined;
      return relation;
    }
    if (this.#accept('not') !== undefined) return not(this.#term());
    if (this.#accept('(') !== undefined) {
      const inner = this.#list(() => this.#term());
      this.#expect(')');
      this.#last = undefined;
      return inner;
    }
    return this.#primitive();
  }

  /** Behind `and` or `or`. */
  #termOrOperand(): Tree {
    const relation = this.#relation();
    if (relation !== undefined) {
      this.#last = undefined;
      return relation;
    }
    if (!this.#beginsOperand()) return this.#term();
    // Only behind a number is it open what it will be.
    if (this.#token?.kind === 'number' && !this.#endsAt(this.#next + 1)) {
      this.#next += 1;
      throw this.#error();
    }
    return this.#operand(this.#last ?? NOTHING);
  }

  /** Do we stand at an operand, behind any number of `not` and `(`? */
  #beginsOperand(): boolean {
    let at = this.#next;
    while (['not', '('].includes(this.#tokens[at]?.text ?? '') && this.#tokens[at]!.kind !== 'id') at++;
    const token = this.#tokens[at++];
    if (token === undefined || token.kind === 'keyword' || token.kind === 'operator') return false;
    // A number that is compared, or computed with.
    while (this.#tokens[at]?.text === ')') at++;
    return token.kind !== 'number' || this.#tokens[at]?.kind !== 'operator';
  }

  #operand(qualifiers: Qualifiers): Tree {
    if (this.#accept('not') !== undefined) return not(this.#operand(qualifiers));
    if (this.#accept('(') !== undefined) {
      const inner = this.#operandList(qualifiers);
      this.#expect(')');
      return inner;
    }
    const token = this.#token;
    if (token === undefined || token.kind === 'keyword' || token.kind === 'operator') throw this.#error();
    this.#next += 1;
    try {
      return this.#operands.tree(token, this.#mask(token), qualifiers);
    } catch (error) {
      if (error instanceof Refusal) throw new FilterError(token.at, error.message);
      throw error;
    }
  }

  #operandList(qualifiers: Qualifiers): Tree {
    let left = this.#operand(qualifiers);
    for (;;) {
      const operator = this.#accept('and', 'or');
      if (operator === undefined) return left;
      const right = this.#operand(qualifiers);
      left = operator === 'and' ? and(left, right) : or(left, right);
    }
  }

  /** What may follow an address: `/24`, `mask 255.255.255.0`. */
  #mask({ kind }: Token): number | string | undefined {
    if (kind !== 'dotted' && kind !== 'ipv6') return undefined;
    if (this.#accept('/') !== undefined) return this.#number();
    if (kind === 'ipv6' || this.#accept('mask') === undefined) return undefined;
    const token = this.#token;
    if (token?.kind !== 'dotted') throw this.#error();
    this.#next += 1;
    return token.text;
  }

  /** A comparison, or nothing and no step taken: `(` and a number may also begin something else. */
  #relation(): Tree | undefined {
    const start = this.#next;
    const left = this.#arithmetic(0);
    const token = this.#token;
    if (left === undefined || token?.kind !== 'operator' || !isRelation(token.text)) {
      this.#next = start;
      return undefined;
    }
    this.#next += 1;
    const right = this.#arithmetic(0);
    if (right === undefined) throw this.#error();
    return compared(left, token.text, right);
  }

  #arithmetic(level: number): Arithmetic | undefined {
    const operators = OPERATORS[level];
    if (operators === undefined) return this.#atom();
    let left = this.#arithmetic(level + 1);
    while (left !== undefined) {
      const token = this.#token;
      const operation = token?.kind === 'operator' ? operators[token.text] : undefined;
      if (token === undefined || operation === undefined) return left;
      this.#next += 1;
      const right = this.#arithmetic(level + 1);
      left = right === undefined ? undefined : combined(token.text, operation, left, right);
    }
    return undefined;
  }

  #atom(): Arithmetic | undefined {
    const left = this.#plainAtom();
    const token = this.#token;
    const operation = token?.kind === 'operator' ? GREEDY[token.text] : undefined;
    if (left === undefined || token === undefined || operation === undefined) return left;
    this.#next += 1;
    const right = this.#arithmetic(0);
    return right === undefined ? undefined : combined(token.text, operation, left, right);
  }

  #plainAtom(): Arithmetic | undefined {
    const token = this.#token;
    if (token === undefined) return undefined;
    if (token.kind === 'number') return numberOf(this.#number());
    if (this.#accept('len') !== undefined) return LENGTH;
    if (this.#accept('-') !== undefined) {
      const inner = this.#atom();
      return inner === undefined ? undefined : negative(inner);
    }
    if (this.#accept('(') !== undefined) {
      const inner = this.#arithmetic(0);
      return inner !== undefined && this.#accept(')') !== undefined ? inner : undefined;
    }
    const indexed = token.kind === 'keyword' && PROTOCOLS.has(token.text);
    if (!indexed || this.#tokens[this.#next + 1]?.text !== '[') return undefined;
    this.#next += 2;
    const offset = this.#arithmetic(0);
    if (offset === undefined) throw this.#error();
    const size = this.#accept(':') === undefined ? 1 : this.#number();
    this.#expect(']');
    return octets(this.#primitives, token.text, offset, size);
  }

  #primitive(): Tree {
    const word = this.#token;
    if (word?.kind !== 'keyword') throw this.#error();
    const other = this.#bounds() ?? this.#link() ?? this.#foreign();
    if (other !== undefined) {
      this.#last = undefined;
      return other;
    }
    const protocol = PROTOCOLS.has(word.text) ? this.#accept(word.text) : undefined;
    const group = this.#accept('broadcast', 'multicast');
    if (group !== undefined) {
      this.#last = undefined;
      return this.#primitives[group as 'broadcast' | 'multicast'](protocol);
    }
    const direction = this.#direction();
    const kinds = direction === undefined ? [...KINDS, ...WHOLE_KINDS] : KINDS;
    const kind = this.#accept(...kinds) as Kind | undefined;
    if (direction === undefined && kind === undefined) {
      if (protocol === undefined || !this.#endsAt(this.#next)) throw this.#error();
      this.#last = undefined;
      return this.#primitives.protocol(protocol);
    }
    const qualifiers = { protocol, direction: direction ?? 'src or dst', kind: kind ?? 'host' } as const;
    const tree = this.#operand(qualifiers);
    this.#last = qualifiers;
    return tree;
  }

  #direction(): Direction | undefined {
    const first = this.#accept('src', 'dst') as 'src' | 'dst' | undefined;
    if (first === undefined) return undefined;
    const operator = this.#accept('or', 'and');
    if (operator === undefined) return first;
    this.#expect(first === 'src' ? 'dst' : 'src');
    return operator === 'or' ? 'src or dst' : 'src and dst';
  }

  /** Lengths and octets without a header's name. */
  #bounds(): Tree | undefined {
    const word = this.#accept('less', 'greater', 'byte');
    if (word === undefined) return undefined;
    const number = this.#number();
    if (word === 'less') return test(`len <= ${number}`, 1, packet => packet.length <= number);
    if (word === 'greater') return test(`len >= ${number}`, 1, packet => packet.length >= number);
    const operator = this.#accept('=', '<', '>', '&', '|');
    if (operator === undefined) throw this.#error();
    const other = this.#number();
    const octet = octets(this.#primitives, 'ether', numberOf(number), 1);
    if (isRelation(operator)) return compared(octet, operator, numberOf(other));
    // libpcap forgets to load the octet in front of these: it combines with 0.
    return test(`byte ${operator} ${other}`, 1, () => operator === '|' && other !== 0);
  }

  /** What lies between Ethernet and IP, and what only the capturing kernel knows. */
  #link(): Tree | undefined {
    const primitives = this.#primitives;
    const word = this.#accept(
      'vlan',
      'mpls',
      'pppoed',
      'pppoes',
      'geneve',
      'llc',
      'inbound',
      'outbound',
      'ifindex',
    );
    switch (word) {
      case 'vlan':
        // The link is judged before anything behind the word is read.
        return primitives.vlan(this.#optionalNumber());
      case 'mpls':
        return primitives.mpls(this.#optionalNumber());
      case 'pppoed':
        return primitives.protocol('pppoed');
      case 'pppoes':
        return primitives.pppoeSession(this.#optionalNumber());
      case 'geneve':
        return this.#geneve(this.#optionalNumber());
      case 'llc':
        return primitives.llc();
      case 'inbound':
      case 'outbound':
        return primitives.inbound(word === 'inbound', this.#live);
      case 'ifindex':
        return primitives.interfaceIndex(this.#number(), this.#live);
      default:
        return undefined;
    }
  }

  /** UDP to port 6081, version 0; of what is inside nothing is looked at. */
  #geneve(network: number | undefined): Tree {
    const primitives = this.#primitives;
    const port = primitives.ports('udp', 'dst', 6081, 6081, 'port');
    const at = (offset: number, size: number): Arithmetic =>
      octets(primitives, 'udp', numberOf(offset), size);
    const here = and(
      port,
      compared(combined('&', OPERATORS[1]!['&']!, at(8, 1), numberOf(0xc0)), '=', numberOf(0)),
    );
    if (network === undefined) return here;
    const identifier = combined('>>', OPERATORS[2]!['>>']!, at(12, 4), numberOf(8));
    return and(here, compared(identifier, '=', numberOf(network)));
  }

  /** Words of networks that are none of ours. */
  #foreign(): Tree | undefined {
    const token = this.#token!;
    const refusal = foreignWord(token.text, this.#tokens[this.#next + 1]);
    if (refusal === undefined) return undefined;
    if (refusal === SYNTAX_ERROR) {
      this.#next += 1;
      throw this.#error();
    }
    throw new FilterError(token.at, refusal);
  }
}
