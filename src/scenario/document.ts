/**
 * YAML text to plain data that remembers where everything was written.
 *
 * A hostile file costs bounded time and memory: nesting is counted on the flat token stream before the (recursive)
 * composer sees it, aliases are expanded here under a budget, and keys that reach into JavaScript's prototypes are
 * refused. YAML 1.2 core schema: `on`, `off` and `yes` are text.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { dotted, type ProblemCode, type Problems } from './problem.ts';
import type { Position } from './types.ts';

export const DEPTH_LIMIT = 64;
/** Values that may come out of aliases, in all, in one document. */
export const ALIAS_LIMIT = 10_000;

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export interface Source {
  readonly file: string;
  readonly text: string;
}

export type Path = readonly PropertyKey[];

/** One YAML document. `data` holds only strings, numbers, booleans, null, arrays and plain objects. */
export class SourceDocument {
  readonly source: Source;
  readonly data: unknown;
  readonly #root: Node | null;
  readonly #lines: LineCounter;
  readonly #aliases: ReadonlyMap<Node, Node>;
  readonly #pairs = new Map<Node, Map<string, Pair<Node, Node | null>>>();

  constructor(source: Source, document: Document.Parsed, lines: LineCounter, problems: Problems) {
    this.source = source;
    this.#root = document.contents;
    this.#lines = lines;
    const converter = new Converter(source, lines, problems);
    this.data = converter.convert(this.#root, [], 0);
    this.#aliases = converter.aliases;
  }

  /** Where the value at `path` begins; of something absent, the key (or value) of its nearest parent. */
  valuePosition(path: Path): Position {
    return this.#locate(path, false);
  }

  /** Where the key that ends `path` begins; list items have none, so theirs is the value's. */
  keyPosition(path: Path): Position {
    return this.#locate(path, true);
  }

  /** The value at `path` as it stands in the file, on one line, without the braces of a flow map. */
  textOf(path: Path): string {
    const range = this.#find(path).value?.range;
    if (range === undefined || range === null) return '';
    const flat = this.source.text.slice(range[0], range[1]).replace(/\s+/g, ' ').trim();
    return flat.replace(/^\{ ?(.*?),? ?\}$/, '$1');
  }

  /** Every field's place by dotted path, values for leaves and keys for maps and lists. */
  fields(path: Path): Record<string, Position> {
    const all: Record<string, Position> = {};
    const walk = (value: unknown, at: PropertyKey[]): void => {
      if (at.length > 0) all[dotted(at, { keepSpec: true })] = this.valuePosition([...path, ...at]);
      if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, [...at, i]);
      else if (typeof value === 'object' && value !== null) {
        for (const [key, item] of Object.entries(value)) walk(item, [...at, key]);
      }
    };
    walk(valueAt(this.data, path), []);
    return all;
  }

  #locate(path: Path, wantKey: boolean): Position {
    const { key, value, found } = this.#find(path);
    const node = (wantKey || !found) && key !== undefined ? key : (value ?? key);
    const at = node?.range?.[0];
    return at === undefined ? { line: 1, column: 1 } : toPosition(this.#lines, at);
  }

  #find(path: Path): { key: Node | undefined; value: Node | null | undefined; found: boolean } {
    let key: Node | undefined;
    let value: Node | null = this.#root;
    for (const step of path) {
      const inside: Node | null = isAlias(value) ? (this.#aliases.get(value) ?? null) : value;
      if (isMap(inside)) {
        const pair = this.#pairsOf(inside as YAMLMap<Node, Node | null>).get(String(step));
        if (pair === undefined) return { key, value, found: false };
        key = pair.key;
        value = pair.value;
      } else if (isSeq(inside) && typeof step === 'number' && step < inside.items.length) {
        key = undefined;
        value = inside.items[step] as Node;
      } else return { key, value, found: false };
    }
    return { key, value, found: true };
  }

  #pairsOf(map: YAMLMap<Node, Node | null>): Map<string, Pair<Node, Node | null>> {
    let pairs = this.#pairs.get(map);
    if (pairs === undefined) {
      pairs = new Map(map.items.map(pair => [keyText(pair.key), pair]));
      this.#pairs.set(map, pairs);
    }
    return pairs;
  }
}

/** The value that `path` leads to, or `undefined`. Own properties only. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** All documents of `source`. Faults go to `problems`; documents with a syntax error are left out. */
export function parseDocuments(source: Source, problems: Problems): SourceDocument[] {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(source.text)];
  const deep = firstTooDeep(tokens);
  if (deep !== undefined) {
    const message = `nested deeper than ${DEPTH_LIMIT} levels`;
    problems.add(source, toPosition(lines, deep), '', 'YAML_TOO_DEEP', message);
    return [];
  }
  // Duplicate keys are found by the converter, which can name both places.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, version: '1.2' });
  const documents: SourceDocument[] = [];
  for (const document of composer.compose(tokens, true, source.text.length)) {
    // One slip makes the parser stumble again and again: only its first complaint helps.
    const [fault] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
    if (fault !== undefined) {
      const message = fault.message.replace(/\s+/g, ' ');
      problems.add(source, toPosition(lines, fault.pos[0]), '', 'YAML_SYNTAX', message);
    }
    if (document.errors.length > 0) continue;
    documents.push(new SourceDocument(source, document as Document.Parsed, lines, problems));
  }
  return documents;
}

function toPosition(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Offset of the first collection below `DEPTH_LIMIT` others. A stack of its own: the depth may be a million. */
function firstTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack: { token: CST.Token; depth: number }[] = [];
  for (const token of tokens) if (token.type === 'document') stack.push({ token, depth: 0 });
  let first: number | undefined;
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { token, depth } = top;
    if ('items' in token && depth > DEPTH_LIMIT) {
      first = Math.min(first ?? token.offset, token.offset);
      continue;
    }
    if (token.type === 'document' && token.value !== undefined) stack.push({ token: token.value, depth: 1 });
    if (!('items' in token)) continue;
    for (const item of token.items) {
      for (const inner of [item.key, item.value]) {
        if (inner !== undefined && inner !== null) stack.push({ token: inner, depth: depth + 1 });
      }
    }
  }
  return first;
}

/** A key as text: `10:` and `true:` are the names "10" and "true". */
const keyText = (key: unknown): string =>
  isScalar(key) ? (typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))) : '';

/**
 * `.10` is a host part; YAML reads it as the number 0.1. Dates and binary data, which `%YAML 1.1` would bring, stay the
 * text that they were.
 */
function scalarValue({ value, source }: Scalar): unknown {
  if (typeof value === 'number') return /^\.\d+$/.test(source ?? '') ? source : value;
  return value === null || typeof value === 'string' || typeof value === 'boolean' ? value : (source ?? '');
}

class Converter {
  readonly aliases = new Map<Node, Node>();
  readonly #source: Source;
  readonly #lines: LineCounter;
  readonly #problems: Problems;
  readonly #anchors = new Map<string, Node>();
  /** The outermost alias that is being expanded: what is wrong in there is wrong with it. */
  #expanding: { node: Node; path: PropertyKey[] } | undefined;
  #expanded = 0;

  constructor(source: Source, lines: LineCounter, problems: Problems) {
    this.#source = source;
    this.#lines = lines;
    this.#problems = problems;
  }

  convert(node: Node | null, path: PropertyKey[], depth: number): unknown {
    if (node === null) return null;
    if (this.#expanding !== undefined && ++this.#expanded > ALIAS_LIMIT) {
      if (this.#expanded === ALIAS_LIMIT + 1) {
        this.#fault(node, path, 'YAML_ALIASES', `aliases expand to more than ${ALIAS_LIMIT} values`);
      }
      return null;
    }
    if (depth > DEPTH_LIMIT) {
      this.#fault(node, path, 'YAML_TOO_DEEP', `nested deeper than ${DEPTH_LIMIT} levels`);
      return null;
    }
    if (isAlias(node)) return this.#alias(node, path, depth);
    if ('anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return scalarValue(node);
    if (isSeq(node)) return node.items.map((item, i) => this.convert(item as Node, [...path, i], depth + 1));
    return isMap(node) ? this.#map(node as YAMLMap<Node, Node | null>, path, depth) : null;
  }

  #alias(node: Node & { source: string }, path: PropertyKey[], depth: number): unknown {
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      this.#fault(node, path, 'YAML_SYNTAX', `alias *${node.source} has no anchor before it`);
      return null;
    }
    this.aliases.set(node, target);
    const outermost = this.#expanding === undefined;
    if (outermost) this.#expanding = { node, path };
    const value = this.convert(target, path, depth + 1);
    if (outermost) this.#expanding = undefined;
    return value;
  }

  #map(map: YAMLMap<Node, Node | null>, path: PropertyKey[], depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const first = new Map<string, Node>();
    for (const { key, value } of map.items) {
      if (!isScalar(key)) {
        this.#fault(key, path, 'YAML_SYNTAX', 'a key must be plain text');
        continue;
      }
      const name = keyText(key);
      const earlier = first.get(name);
      if (FORBIDDEN_KEYS.has(name)) {
        this.#fault(key, path, 'YAML_FORBIDDEN_KEY', `key "${name}" is not allowed`);
      } else if (earlier !== undefined) {
        const { line, column } = toPosition(this.#lines, earlier.range?.[0] ?? 0);
        this.#fault(key, path, 'YAML_DUPLICATE_KEY', `duplicate key "${name}", first at ${line}:${column}`);
      } else {
        first.set(name, key);
        object[name] = this.convert(value, [...path, name], depth + 1);
      }
    }
    return object;
  }

  #fault(node: Node, path: PropertyKey[], code: ProblemCode, message: string): void {
    const place = this.#expanding ?? { node, path };
    const at = toPosition(this.#lines, place.node.range?.[0] ?? 0);
    this.#problems.add(this.#source, at, dotted(place.path), code, message);
  }
}
