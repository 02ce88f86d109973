/**
 * Calico's selector language (libcalico-go/lib/selector; facts: calico-resources §8): `rack == 'rack1' && !has(gpu)`.
 *
 *     or     = and { '||' and }
 *     and    = unary { '&&' unary }
 *     unary  = { '!' } ( '(' or ')' | 'all()' | 'global()' | 'has(' key ')' | key operation )
 *     operation = ( '==' | '!=' | 'contains' | 'starts with' | 'ends with' ) string
 *               | ( 'in' | 'not in' ) '{' [ string { ',' string } ] '}'
 *
 * A missing label is false for every operation but `!=` and `not in`. The empty selector is `all()`.
 */

export type Labels = { readonly [key: string]: string };
export type Selector = (labels: Labels) => boolean;

/** The text is not a selector; `message` is Calico's. */
export class SelectorError extends Error {
  readonly code = 'BAD_SELECTOR';
  override readonly name = 'SelectorError';
}

type TokenKind =
  | 'Label'
  | 'StringLiteral'
  | 'LBrace'
  | 'RBrace'
  | 'Comma'
  | 'Eq'
  | 'Ne'
  | 'In'
  | 'Not'
  | 'NotIn'
  | 'Contains'
  | 'StartsWith'
  | 'EndsWith'
  | 'All'
  | 'Has'
  | 'LParen'
  | 'RParen'
  | 'And'
  | 'Or'
  | 'Global'
  | 'EOF';

interface Token {
  readonly kind: TokenKind;
  readonly value: string;
}

const SINGLE: { readonly [c: string]: TokenKind } = {
  '(': 'LParen',
  ')': 'RParen',
  '{': 'LBrace',
  '}': 'RBrace',
  ',': 'Comma',
};
const DOUBLED: { readonly [c: string]: TokenKind } = { '=': 'Eq', '&': 'And', '|': 'Or' };
/** Operators that may follow a label, the longer word first. */
const WORD_OPERATORS: readonly [RegExp, TokenKind][] = [
  [/^contains/, 'Contains'],
  [/^starts[ \t]*with/, 'StartsWith'],
  [/^ends[ \t]*with/, 'EndsWith'],
  [/^not[ \t]*in/, 'NotIn'],
  [/^in/, 'In'],
];
const IDENTIFIER = /^[a-zA-Z0-9_./-]{1,512}/;

/** One token from the start of `input` (no leading blanks); `after` is the kind of the token before it. */
function nextToken(input: string, after: Token | undefined): [Token, number] {
  const c = input[0]!;
  const single = SINGLE[c];
  if (single !== undefined) return [{ kind: single, value: '' }, 1];
  const doubled = DOUBLED[c];
  if (doubled !== undefined) {
    if (input[1] !== c) throw new SelectorError(`expected ${c}${c}`);
    return [{ kind: doubled, value: '' }, 2];
  }
  if (c === '!') return input[1] === '=' ? [{ kind: 'Ne', value: '' }, 2] : [{ kind: 'Not', value: '' }, 1];
  if (c === '"' || c === "'") {
    const end = input.indexOf(c, 1);
    if (end < 0) throw new SelectorError('unterminated string');
    return [{ kind: 'StringLiteral', value: input.slice(1, end) }, end + 1];
  }
  if (after?.kind === 'Label') return wordOperator(input, after.value);
  return call(input) ?? label(input);
}

function wordOperator(input: string, labelName: string): [Token, number] {
  for (const [pattern, kind] of WORD_OPERATORS) {
    const match = pattern.exec(input);
    if (match !== null) return [{ kind, value: '' }, match[0].length];
  }
  throw new SelectorError(`expected operator after label "${labelName}"`);
}

/** `all()`, `global()` or `has(key)`. */
function call(input: string): [Token, number] | undefined {
  const name = /^(has|all|global)\(/.exec(input)?.[1];
  if (name === undefined) return undefined;
  const key = name === 'has' ? '([a-zA-Z0-9_./-]{1,512})[ \\t]*' : '()';
  const opening = new RegExp(`^${name}\\([ \\t]*${key}`).exec(input);
  if (opening === null) throw new SelectorError('expected identifier');
  const at = opening[0].length;
  if (input[at] !== ')') throw new SelectorError(`no closing ')' after ${name}(`);
  return [{ kind: name === 'has' ? 'Has' : name === 'all' ? 'All' : 'Global', value: opening[1]! }, at + 1];
}

function label(input: string): [Token, number] {
  const match = IDENTIFIER.exec(input);
  if (match === null) throw new SelectorError('expected identifier');
  return [{ kind: 'Label', value: match[0] }, match[0].length];
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text.replace(/^[ \t]+/, '');
  while (rest !== '') {
    const [token, length] = nextToken(rest, tokens.at(-1));
    tokens.push(token);
    rest = rest.slice(length).replace(/^[ \t]+/, '');
  }
  tokens.push({ kind: 'EOF', value: '' });
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Selector {
    const selector = this.#or();
    const rest = this.#tokens.slice(this.#at);
    if (rest.length !== 1) {
      const words = rest.map(t => `Tok${t.kind}(${t.value})`).join(' ');
      throw new SelectorError(`unexpected content at end of selector [${words}]`);
    }
    return selector;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(kind: TokenKind): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#at++;
    return true;
  }

  #or(): Selector {
    let left = this.#and();
    while (this.#take('Or')) {
      const [a, b] = [left, this.#and()];
      left = labels => a(labels) || b(labels);
    }
    return left;
  }

  #and(): Selector {
    let left = this.#unary();
    while (this.#take('And')) {
      const [a, b] = [left, this.#unary()];
      left = labels => a(labels) && b(labels);
    }
    return left;
  }

  #unary(): Selector {
    let negated = false;
    while (this.#take('Not')) negated = !negated;
    const atom = this.#atom();
    return negated ? labels => !atom(labels) : atom;
  }

  #atom(): Selector {
    const token = this.#peek();
    if (this.#take('All') || this.#take('Global')) return () => true;
    if (this.#take('Has')) return labels => Object.hasOwn(labels, token.value);
    if (this.#take('Label')) return this.#operation(token.value);
    if (this.#take('LParen')) {
      const inner = this.#or();
      if (!this.#take('RParen')) throw new SelectorError('expected )');
      return inner;
    }
    if (token.kind === 'EOF') throw new SelectorError('unexpected end of string looking for op');
    throw new SelectorError(`unexpected token: Tok${token.kind}(${token.value})`);
  }

  #operation(key: string): Selector {
    const value = (labels: Labels): string | undefined =>
      Object.hasOwn(labels, key) ? labels[key] : undefined;
    const operator = this.#peek();
    if (operator.kind === 'EOF') throw new SelectorError(`expected operator after label "${key}"`);
    this.#at++;
    switch (operator.kind) {
      case 'In':
      case 'NotIn': {
        const members = this.#set();
        const isIn: Selector = labels => {
          const v = value(labels);
          return v !== undefined && members.has(v);
        };
        return operator.kind === 'In' ? isIn : labels => !isIn(labels);
      }
      case 'Eq':
      case 'Ne':
      case 'Contains':
      case 'StartsWith':
      case 'EndsWith': {
        const literal = this.#peek();
        if (!this.#take('StringLiteral')) throw new SelectorError('expected string');
        return compare(operator.kind, value, literal.value);
      }
      default:
        throw new SelectorError(`expected operator after label "${key}"`);
    }
  }

  #set(): ReadonlySet<string> {
    if (!this.#take('LBrace')) throw new SelectorError('expected set literal');
    const members = new Set<string>();
    for (let token = this.#peek(); this.#take('StringLiteral'); token = this.#peek()) {
      members.add(token.value);
      if (!this.#take('Comma')) break;
    }
    if (!this.#take('RBrace')) throw new SelectorError('expected }');
    return members;
  }
}

function compare(
  kind: 'Eq' | 'Ne' | 'Contains' | 'StartsWith' | 'EndsWith',
  value: (labels: Labels) => string | undefined,
  literal: string,
): Selector {
  switch (kind) {
    case 'Eq':
      return labels => value(labels) === literal;
    case 'Ne':
      return labels => value(labels) !== literal;
    case 'Contains':
      return labels => value(labels)?.includes(literal) ?? false;
    case 'StartsWith':
      return labels => value(labels)?.startsWith(literal) ?? false;
    case 'EndsWith':
      return labels => value(labels)?.endsWith(literal) ?? false;
  }
}

/** Compile a selector to a predicate over labels. Throws `SelectorError`. */
export function compile(text: string): Selector {
  const tokens = tokenize(text);
  return tokens.length === 1 ? () => true : new Parser(tokens).parse();
}

const compiled = new Map<string, Selector>();

/** `compile`, remembering what it compiled: selectors are few and asked often. */
export function matches(text: string, labels: Labels): boolean {
  let selector = compiled.get(text);
  if (selector === undefined) {
    selector = compile(text);
    compiled.set(text, selector);
  }
  return selector(labels);
}

/** True when the selector calls `global()`, which selects endpoints without a namespace: pools and peers refuse it. */
export const usesGlobal = (text: string): boolean => tokenize(text).some(t => t.kind === 'Global');
