/** From zod's issues to problems with a place, in the words of the file rather than of the schema. */
import type { z } from 'zod';
import { type Path, type SourceDocument, valueAt } from './document.ts';
import { EXPECTATION_LIMIT, EXPECTATIONS, KEYWORDS, type Keyword } from './expectation-schema.ts';
import { Faults } from './faults.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { ProblemCode, Problems } from './problem.ts';
import { show } from './schema-kit.ts';

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

interface RawIssue {
  readonly code?: string | undefined;
  readonly inst?: { readonly _zod?: { readonly def?: RawDefinition } } | undefined;
}

/** What a strict object or a record with a closed list of keys knows of itself. */
interface RawDefinition {
  readonly shape?: object;
  readonly keyType?: { readonly _zod?: { readonly values?: ReadonlySet<unknown> } };
}

/**
 * zod forgets which schema an issue came from, and with it the keys that would have been right. This error map is the
 * last to see it, so it leaves them in the message of `unrecognized_keys`, where `#unknownKeys` picks them up.
 */
function errorMap({ code, inst }: RawIssue): string | undefined {
  if (code !== 'unrecognized_keys') return undefined;
  const definition = inst?._zod?.def;
  return [...Object.keys(definition?.shape ?? {}), ...(definition?.keyType?._zod?.values ?? [])].join(' ');
}

/** Check the document against `schema`; faults go to `problems`. Returns `undefined` when there was one. */
export function check<T extends z.ZodType>(
  schema: T,
  document: SourceDocument,
  problems: Problems,
): z.output<T> | undefined {
  const result = schema.safeParse(document.data, { error: errorMap as never });
  if (result.success) return result.data;
  const before = problems.list.length;
  const reporter = new Reporter(document, problems);
  reporter.report(result.error.issues);
  // What was refused must never load, even if nothing above knew the words for it.
  if (problems.list.length === before) reporter.reportPlainly(result.error.issues);
  return undefined;
}

class Reporter {
  readonly #faults: Faults;

  constructor(document: SourceDocument, problems: Problems) {
    this.#faults = new Faults(document, problems);
  }

  /**
   * All issues of a document. Those inside `expect` are set aside: a union of many maps says nothing useful about what
   * is wrong with one, so each expectation is checked again as the kind that its keyword says.
   */
  report(issues: readonly z.core.$ZodIssue[]): void {
    const expects = new Map<string, Path>();
    for (const issue of issues) {
      const end = issue.path.indexOf('expect') + 1;
      if (issue.path[1] !== 'steps' || end !== 4) this.#report(issue, issue.path);
      else expects.set(issue.path.slice(0, end).join('/'), issue.path.slice(0, end));
    }
    for (const path of expects.values()) this.#expectations(path);
  }

  reportPlainly(issues: readonly z.core.$ZodIssue[]): void {
    for (const { path, message } of issues) this.#faults.at(path, 'SCENARIO_WRONG_VALUE', message);
  }

  #expectations(path: Path): void {
    const value = valueAt(this.#faults.document.data, path);
    const list = Array.isArray(value)
      ? value.map((item, i) => [item, [...path, i]] as const)
      : [[value, path] as const];
    if (list.length === 0) this.#faults.at(path, 'SCENARIO_WRONG_VALUE', 'the list of expectations is empty');
    if (list.length > EXPECTATION_LIMIT) {
      const message = `expected at most ${EXPECTATION_LIMIT} items, got ${list.length}`;
      this.#faults.at(path, 'SCENARIO_TOO_MANY', message);
    }
    for (const [item, at] of list) {
      if (isMap(item)) this.#expectation(at, item);
      else this.#faults.at(at, 'SCENARIO_WRONG_TYPE', `expected an expectation, got ${show(item)}`);
    }
  }

  #reportAll(issues: readonly z.core.$ZodIssue[], prefix: Path): void {
    for (const issue of issues) this.#report(issue, [...prefix, ...issue.path]);
  }

  #report(issue: z.core.$ZodIssue, path: Path): void {
    const value = valueAt(this.#faults.document.data, path);
    if (issue.code === 'unrecognized_keys') this.#unknownKeys(issue, path);
    else if (issue.code === 'invalid_key') this.#badKey(issue, path);
    else if (value === undefined && path.length > 0) {
      const message = `missing key "${String(path.at(-1))}"`;
      this.#faults.atKey(path.slice(0, -1), 'SCENARIO_MISSING_KEY', message);
    } else if (issue.code === 'invalid_union') this.#union(issue, path, value);
    else this.#faults.at(path, codeOf(issue), explain(issue, value));
  }

  #unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys, path: Path): void {
    const known = issue.message.split(' ');
    for (const key of issue.keys) {
      const message = `unknown key "${key}"${didYouMean(key, known)}`;
      this.#faults.atKey([...path, key], 'SCENARIO_UNKNOWN_KEY', message, path);
    }
  }

  /** A key of a map by name: of the wrong form, or not in the closed list. */
  #badKey(issue: z.core.$ZodIssueInvalidKey, path: Path): void {
    const reason = issue.issues[0];
    const about = path.slice(0, -1);
    const key = String(path.at(-1));
    if (reason?.code === 'invalid_value') {
      const message = `unknown key "${key}"${didYouMean(key, reason.values.map(String))}`;
      this.#faults.atKey(path, 'SCENARIO_UNKNOWN_KEY', message, about);
    } else {
      const message = reason?.message ?? `"${key}" is not allowed here`;
      this.#faults.atKey(path, 'SCENARIO_WRONG_VALUE', message, about);
    }
  }

  /** A union of text and map: the branch of the right type says what is wrong. */
  #union(issue: z.core.$ZodIssueInvalidUnion, path: Path, value: unknown): void {
    const fitting = issue.errors.filter(
      issues => !issues.some(inner => inner.path.length === 0 && inner.code === 'invalid_type'),
    );
    if (fitting.length === 1) this.#reportAll(fitting[0]!, path);
    else {
      const said = issue.errors
        .flat()
        .find(inner => inner.code !== 'invalid_type' || !hasDefaultMessage(inner));
      const message = said === undefined ? `${show(value)} does not fit here` : explain(said, value);
      this.#faults.at(path, 'SCENARIO_WRONG_TYPE', message);
    }
  }

  #expectation(path: Path, value: object): void {
    const keys = Object.keys(value);
    const found = keys.filter((key): key is Keyword => Object.hasOwn(EXPECTATIONS, key));
    if (found.length === 1) {
      const result = EXPECTATIONS[found[0]!].safeParse(value, { error: errorMap as never });
      if (!result.success) this.#reportAll(result.error.issues, path);
      return;
    }
    if (found.length > 1) {
      const message = `one expectation at a time: "${found[0]}" and "${found[1]}" are two`;
      this.#faults.at(path, 'SCENARIO_UNKNOWN_EXPECTATION', message);
      return;
    }
    const typo = keys.find(key => nearest(key, KEYWORDS) !== undefined);
    if (typo !== undefined) {
      const message = `unknown expectation "${typo}"${didYouMean(typo, KEYWORDS)}`;
      this.#faults.atKey([...path, typo], 'SCENARIO_UNKNOWN_EXPECTATION', message, path);
      return;
    }
    const message = `not an expectation: it needs one of ${KEYWORDS.join(', ')}`;
    this.#faults.at(path, 'SCENARIO_UNKNOWN_EXPECTATION', message);
  }
}

const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A list of words longer than this is not printed when one of them is near. */
const MANY = 8;

const hasDefaultMessage = (issue: z.core.$ZodIssue): boolean => issue.message.startsWith('Invalid input');

function codeOf(issue: z.core.$ZodIssue): ProblemCode {
  if (issue.code === 'invalid_type') return 'SCENARIO_WRONG_TYPE';
  return issue.code === 'too_big' && issue.origin === 'array' ? 'SCENARIO_TOO_MANY' : 'SCENARIO_WRONG_VALUE';
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  const got = `, got ${show(value)}`;
  switch (issue.code) {
    case 'invalid_type':
      if (!hasDefaultMessage(issue)) return issue.message;
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}${got}`;
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      if (allowed.length === 1) return `expected ${allowed[0]}${got}`;
      const guess = typeof value === 'string' ? didYouMean(value, allowed) : '';
      const long = allowed.length > MANY && guess !== '';
      return `expected one of ${long ? `${allowed.length} words` : allowed.join(', ')}${got}${guess}`;
    }
    case 'too_small':
    case 'too_big': {
      const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
      const side = issue.code === 'too_small' ? 'at least' : 'at most';
      if (issue.origin === 'array')
        return `expected ${side} ${bound} items, got ${(value as unknown[]).length}`;
      if (issue.origin === 'string')
        return `expected ${side} ${bound} characters, got ${String(value).length}`;
      return `expected ${side} ${bound}${got}`;
    }
    default:
      return issue.message;
  }
}
