/**
 * kubectl's `-o jsonpath=…` (k8s.io/client-go/util/jsonpath), as far as people type it:
 *
 *    text {.items[*].metadata.name} {.a['b.c']} {.a[0]} {.a[-1:]} {..name} {.a[?(@.type=="x")].b} {"\n"}
 *    {range .items[*]}{.metadata.name}{"\t"}{end}
 */

/** The template cannot be understood; the message is kubectl's. */
export class JsonPathError extends Error {}

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'deep'; readonly name: string }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'index'; readonly at: number }
  | {
      readonly kind: 'filter';
      readonly path: readonly Step[];
      readonly operator: string;
      readonly value: unknown;
    };

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'range'; readonly steps: readonly Step[]; readonly body: readonly Node[] };

/** `template` applied to `value`. Throws `JsonPathError`. */
export function jsonPath(template: string, value: unknown): string {
  const tokens = /[{]/.test(template) ? split(template) : [`{${template}}`];
  const parser = { tokens, at: 0 };
  return render(parse(parser, false), value);
}

/** The values that a path leads to: `.metadata.name`, `{.status.podIP}`. Throws `JsonPathError`. */
export const jsonPathValues = (path: string, value: unknown): unknown[] =>
  walk(pathOf(path.replace(/^\{|\}$/g, '').replace(/^(?=[^.[$@])/, '.')), [value]);

function split(template: string): string[] {
  const tokens: string[] = [];
  const pattern = /\{(?:"(?:\\.|[^"\\])*"|'[^']*'|[^{}"'])*\}|[^{]+/gy;
  while (pattern.lastIndex < template.length) {
    const match = pattern.exec(template);
    if (match === null) throw new JsonPathError('unclosed action');
    tokens.push(match[0]);
  }
  return tokens;
}

function parse(parser: { tokens: readonly string[]; at: number }, inRange: boolean): Node[] {
  const nodes: Node[] = [];
  while (parser.at < parser.tokens.length) {
    const token = parser.tokens[parser.at++]!;
    if (!token.startsWith('{')) {
      nodes.push({ kind: 'text', text: token });
      continue;
    }
    const action = token.slice(1, -1).trim();
    if (action === 'end') {
      if (!inRange) throw new JsonPathError('not in range, nothing to end');
      return nodes;
    }
    if (action.startsWith('range')) {
      const steps = pathOf(action.slice(5).trim());
      nodes.push({ kind: 'range', steps, body: parse(parser, true) });
    } else if (/^["']/.test(action)) nodes.push({ kind: 'text', text: unquoted(action) });
    else nodes.push({ kind: 'path', steps: pathOf(action) });
  }
  if (inRange) throw new JsonPathError('unexpected end of input');
  return nodes;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

const unquoted = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);

function pathOf(text: string): Step[] {
  const steps: Step[] = [];
  const pattern =
    /\.\.([\w-]+)|\.?\[\?\(@((?:\.[\w-]+)+)\s*(==|!=|>=|<=|>|<)\s*([^)]+?)\s*\)\]|\.?\['([^']+)'\]|\.?\[(-?\d*):(-?\d*)\]|\.?\[(\*|-?\d+)\]|\.(\*|(?:\\.|[\w-])+)|^[@$]|\.$/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new JsonPathError(`unrecognized character in action: U+${codeOf(text[at]!)}`);
    const [, deep, path, operator, value, quoted, from, to, index, field] = match;
    if (deep !== undefined) steps.push({ kind: 'deep', name: deep });
    else if (path !== undefined)
      steps.push({ kind: 'filter', path: pathOf(path), operator: operator!, value: literal(value!) });
    else if (quoted !== undefined) steps.push({ kind: 'field', name: quoted });
    else if (from !== undefined) steps.push({ kind: 'slice', from: whole(from), to: whole(to!) });
    else if (index === '*' || field === '*') steps.push({ kind: 'all' });
    else if (index !== undefined) steps.push({ kind: 'index', at: Number(index) });
    else if (field !== undefined) steps.push({ kind: 'field', name: field.replace(/\\(.)/g, '$1') });
  }
  return steps;
}

const codeOf = (character: string): string =>
  `${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${character}'`;

const whole = (digits: string): number | undefined => (digits === '' ? undefined : Number(digits));

const literal = (text: string): unknown =>
  /^["']/.test(text)
    ? unquoted(text)
    : text === 'true'
      ? true
      : text === 'false'
        ? false
        : Number.isNaN(Number(text))
          ? text
          : Number(text);

function render(nodes: readonly Node[], value: unknown): string {
  return nodes
    .map(node => {
      if (node.kind === 'text') return node.text;
      const found = walk(node.steps, [value]);
      if (node.kind === 'path') return found.map(shown).join(' ');
      return found.map(item => render(node.body, item)).join('');
    })
    .join('');
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function walk(steps: readonly Step[], from: readonly unknown[]): unknown[] {
  return steps.reduce<unknown[]>((values, step) => values.flatMap(value => take(step, value)), [...from]);
}

function take(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field':
      return fieldOf(value, step.name);
    case 'all':
      return typeof value === 'object' && value !== null ? Object.values(value) : [];
    case 'deep':
      return deep(value, step.name);
    case 'index':
      return Array.isArray(value) && value.at(step.at) !== undefined ? [value.at(step.at)] : [];
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case 'filter':
      return Array.isArray(value) ? value.filter(item => holds(step, item)) : [];
  }
}

const fieldOf = (value: unknown, name: string): unknown[] =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? [(value as Record<string, unknown>)[name]]
    : [];

function deep(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...fieldOf(value, name), ...Object.values(value).flatMap(inner => deep(inner, name))];
}

function holds({ path, operator, value }: Step & { kind: 'filter' }, item: unknown): boolean {
  const [found] = walk(path, [item]);
  if (found === undefined) return false;
  switch (operator) {
    case '==':
      return found === value;
    case '!=':
      return found !== value;
    case '<':
      return (found as number) < (value as number);
    case '<=':
      return (found as number) <= (value as number);
    case '>':
      return (found as number) > (value as number);
    default:
      return (found as number) >= (value as number);
  }
}
