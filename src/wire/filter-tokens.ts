/** The words of a capture filter, with their places. See filter.ts. */

/** The expression cannot be understood; the message is tcpdump's. `at` is 0-based, in UTF-16 units of the expression. */
export class FilterError extends Error {
  readonly code = 'FILTER_SYNTAX';
  readonly at: number;

  constructor(at: number, why: string) {
    super(why === 'syntax error' ? `can't parse filter expression: ${why}` : why);
    this.at = at;
  }
}

export interface Token {
  readonly kind: 'mac' | 'number' | 'dotted' | 'word' | 'operator';
  readonly text: string;
  readonly at: number;
}

const PATTERNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['mac', /(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}\b/iy],
  ['dotted', /\d+(?:\.\d+){1,3}(?![\w.])/y],
  ['number', /(?:0x[0-9a-f]+|\d+)\b/iy],
  ['word', /\\?[a-z_][\w-]*(?:\.[\w-]+)*/iy],
  ['operator', /&&|\|\||<<|>>|<=|>=|!=|==|[!()[\]:/\-+*%&|^<>=]/y],
];

export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < expression.length) {
    if (/\s/.test(expression[at]!)) {
      at += 1;
      continue;
    }
    const token = tokenAt(expression, at);
    if (token === undefined) throw new FilterError(at, 'syntax error');
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

function tokenAt(expression: string, at: number): Token | undefined {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const match = pattern.exec(expression);
    if (match !== null) return { kind, text: match[0], at };
  }
  return undefined;
}
