/** Numbers in a filter: `ip[2:2] - ((ip[0] & 0xf) << 2)`, on u32, and their comparison. See filter.ts. */
import { type FilteredPacket, OutOfPacket } from './filter-packet.ts';
import { ETHER_TYPES, type Primitives, Refusal, TRANSPORTS } from './filter-primitives.ts';
import { ALWAYS, and, NEVER, type Tree, test } from './filter-tree.ts';

export interface Arithmetic {
  /** What is computed, as text: equal texts are equal numbers. */
  readonly text: string;
  /** Of what needs no packet. */
  readonly constant: number | undefined;
  /** The first number that its code would load: libpcap takes it for the whole when it judges divisors and shifts. */
  readonly first: number | undefined;
  readonly value: (packet: FilteredPacket) => number;
  /** What must hold for the octets named to exist: `tcp[0]` is false of what is not TCP. */
  readonly guard: Tree;
}

type Operation = (a: number, b: number) => number;

/** From loosest to tightest. A shift register that is too short has lost all bits. */
export const OPERATORS: readonly Readonly<Record<string, Operation>>[] = [
  { '|': (a, b) => (a | b) >>> 0 },
  { '&': (a, b) => (a & b) >>> 0 },
  { '<<': (a, b) => (b > 31 ? 0 : (a << b) >>> 0), '>>': (a, b) => (b > 31 ? 0 : a >>> b) },
  { '+': (a, b) => (a + b) >>> 0, '-': (a, b) => (a - b) >>> 0 },
  { '*': (a, b) => Math.imul(a, b) >>> 0, '/': (a, b) => Math.floor(a / b) },
];
/** libpcap's grammar gives these no precedence: to their left is one operand, to their right everything. */
export const GREEDY: Readonly<Record<string, Operation>> = {
  '^': (a, b) => (a ^ b) >>> 0,
  '%': (a, b) => a % b,
};

const RELATIONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
export const isRelation = (text: string): boolean => Object.hasOwn(RELATIONS, text);

export const numberOf = (value: number): Arithmetic => ({
  text: String(value),
  constant: value,
  first: value,
  value: () => value,
  guard: ALWAYS,
});

export const LENGTH: Arithmetic = {
  text: 'len',
  constant: undefined,
  first: undefined,
  value: packet => packet.length,
  guard: ALWAYS,
};

export function negative(inner: Arithmetic): Arithmetic {
  const negate = (a: number): number => -a >>> 0;
  if (inner.constant !== undefined) return { ...numberOf(negate(inner.constant)), first: inner.first };
  return { ...inner, text: `-${inner.text}`, value: packet => negate(inner.value(packet)) };
}

export function combined(
  operator: string,
  operation: Operation,
  left: Arithmetic,
  right: Arithmetic,
): Arithmetic {
  const divides = operator === '/' || operator === '%';
  const shifts = operator === '<<' || operator === '>>';
  if (divides && (right.first === 0 || right.constant === 0))
    throw new Refusal(operator === '/' ? 'division by zero' : 'modulus by zero');
  const reached = left.constant === undefined && (left.guard.kind !== 'constant' || left.guard.value);
  if (shifts && ((right.first ?? 0) > 31 || (reached && (right.constant ?? 0) > 31)))
    throw new Refusal('shift by more than 31 bits');
  if (left.constant !== undefined && right.constant !== undefined)
    return { ...numberOf(operation(left.constant, right.constant)), first: left.first };
  return {
    text: `(${left.text} ${operator} ${right.text})`,
    constant: undefined,
    first: left.first,
    value: packet => {
      const [a, b] = [left.value(packet), right.value(packet)];
      if (divides && b === 0) throw new OutOfPacket();
      return operation(a, b);
    },
    // libpcap drops the conditions of a right operand: `ip[0] - tcp[0]` reads octets of what is not TCP, too.
    guard: left.guard,
  };
}

/** `left relation right` as a test. */
export function compared(left: Arithmetic, relation: string, right: Arithmetic): Tree {
  const compare = RELATIONS[relation]!;
  const guard = and(left.guard, right.guard);
  if (left.constant !== undefined && right.constant !== undefined)
    return and(guard, compare(left.constant, right.constant) ? ALWAYS : NEVER);
  const holds = (packet: FilteredPacket): boolean => compare(left.value(packet), right.value(packet));
  if (relation === '=' && right.constant !== undefined)
    return and(guard, test(`= ${left.text}`, right.constant, holds));
  return and(guard, test(`${left.text} ${relation} ${right.text}`, 1, holds));
}

/** `protocol [ offset : size ]`. Throws `Refusal`. */
export function octets(
  primitives: Primitives,
  protocol: string,
  offset: Arithmetic,
  size: number,
): Arithmetic {
  if (size !== 1 && size !== 2 && size !== 4) throw new Refusal('data size must be 1, 2, or 4');
  const { network } = primitives;
  const text = `${protocol}+${network}[${offset.text}:${size}]`;
  const at = (base: (packet: FilteredPacket) => number, guard: Tree): Arithmetic => ({
    text,
    constant: undefined,
    first: offset.first,
    // The index register has 32 bits: -1 is in front of the header.
    value: packet => packet.load((base(packet) + offset.value(packet)) | 0, size),
    guard: and(offset.guard, guard),
  });
  if (protocol === 'ether') return at(() => 0, ALWAYS);
  if (protocol === 'radio') throw new Refusal('radio information not present in capture');
  if (protocol === 'icmp6') return at(() => network + 40, primitives.protocol('icmp6'));
  if (TRANSPORTS[protocol] !== undefined && protocol !== 'ah' && protocol !== 'esp') {
    const isIpv4 = primitives.ipv4Protocol(TRANSPORTS[protocol]);
    const header = (packet: FilteredPacket): number => network + ((packet.load(network, 1) & 15) << 2);
    return at(header, and(isIpv4, primitives.hasTransport()));
  }
  if (ETHER_TYPES[protocol] === undefined) throw new Refusal('unsupported index operation');
  return at(() => network, primitives.etherType(ETHER_TYPES[protocol]));
}
