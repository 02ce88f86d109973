/**
 * A filter as a tree of tests. Like libpcap's optimizer it knows what is constant, and whether any packet could pass at
 * all: `tcp and udp` is refused, not silent.
 */
import { type FilteredPacket, OutOfPacket } from './filter-packet.ts';

export type Predicate = (packet: FilteredPacket) => boolean;

export type Tree =
  | { readonly kind: 'constant'; readonly value: boolean }
  | {
      readonly kind: 'test';
      /** What is looked at: two tests of one thing for different values exclude each other. */
      readonly about: string;
      readonly value: number;
      readonly holds: Predicate;
    }
  | { readonly kind: 'not'; readonly inner: Tree }
  | { readonly kind: 'and' | 'or'; readonly left: Tree; readonly right: Tree };

const constant = (value: boolean): Tree => ({ kind: 'constant', value });
export const ALWAYS = constant(true);
export const NEVER = constant(false);

export const test = (about: string, value: number, holds: Predicate): Tree => ({
  kind: 'test',
  about,
  value,
  holds,
});

export function not(inner: Tree): Tree {
  if (inner.kind === 'constant') return constant(!inner.value);
  return inner.kind === 'not' ? inner.inner : { kind: 'not', inner };
}

export const and = (...trees: readonly Tree[]): Tree =>
  trees.reduce((left, right) => join('and', left, right), ALWAYS);
export const or = (...trees: readonly Tree[]): Tree =>
  trees.reduce((left, right) => join('or', left, right), NEVER);

/** A constant at the left decides now; one at the right only after the left has been looked at. */
function join(kind: 'and' | 'or', left: Tree, right: Tree): Tree {
  if (left.kind === 'constant') return left.value === (kind === 'and') ? right : left;
  return { kind, left, right };
}

/** The tree as a function; a load past the captured octets refuses the packet, whatever else it says (as in BPF). */
export function predicate(tree: Tree): Predicate {
  const holds = closure(tree);
  return packet => {
    try {
      return holds(packet);
    } catch (error) {
      if (error instanceof OutOfPacket) return false;
      throw error;
    }
  };
}

function closure(tree: Tree): Predicate {
  switch (tree.kind) {
    case 'constant':
      return () => tree.value;
    case 'test':
      return tree.holds;
    case 'not': {
      const inner = closure(tree.inner);
      return packet => !inner(packet);
    }
    default: {
      const [left, right] = [closure(tree.left), closure(tree.right)];
      if (tree.kind === 'and') return packet => left(packet) && right(packet);
      return packet => left(packet) || right(packet);
    }
  }
}

interface Knowledge {
  is: number | undefined;
  readonly isNot: Set<number>;
}

/** So many steps are taken before the answer is "perhaps". */
const PATIENCE = 20_000;

/** Is there an outcome of all tests, free of contradiction, for which the tree holds? */
export function mayHold(tree: Tree): boolean {
  const known = new Map<string, Knowledge>();
  let steps = 0;
  const search = (node: Tree, wanted: boolean, next: () => boolean): boolean => {
    if (++steps > PATIENCE) return true;
    switch (node.kind) {
      case 'constant':
        return node.value === wanted && next();
      case 'not':
        return search(node.inner, !wanted, next);
      case 'test':
        return assume(node.about, node.value, wanted, next);
      default: {
        const { left, right } = node;
        const both = (node.kind === 'and') === wanted;
        if (both) return search(left, wanted, () => search(right, wanted, next));
        return search(left, wanted, next) || search(right, wanted, next);
      }
    }
  };
  const assume = (about: string, value: number, wanted: boolean, next: () => boolean): boolean => {
    const fact = known.get(about) ?? { is: undefined, isNot: new Set<number>() };
    known.set(about, fact);
    if (fact.is !== undefined) return (fact.is === value) === wanted && next();
    if (fact.isNot.has(value)) return !wanted && next();
    if (wanted) fact.is = value;
    else fact.isNot.add(value);
    const found = next();
    fact.is = undefined;
    if (!wanted) fact.isNot.delete(value);
    return found;
  };
  return search(tree, true, () => true);
}
