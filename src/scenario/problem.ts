/**
 * What is wrong with a scenario, and where. A loader collects all problems it can see and throws them at once, so that
 * a user corrects a file in one round.
 *
 *     typo.yaml:14:7  fabric.subnets.a: unknown key "gatway", did you mean "gateway"?
 *        13 |     a:
 *      > 14 |       gatway: k8s-rtr .254
 *           |       ^
 */
import { codeFrame } from './code-frame.ts';
import type { Position } from './types.ts';

export type ProblemCode =
  | 'FILE_MISSING'
  | 'FILE_NOT_REGULAR'
  | 'FILE_TOO_LARGE'
  | 'FILE_BINARY'
  | 'FILE_OUTSIDE'
  | 'YAML_SYNTAX'
  | 'YAML_DUPLICATE_KEY'
  | 'YAML_FORBIDDEN_KEY'
  | 'YAML_TOO_DEEP'
  | 'YAML_ALIASES'
  | 'SCENARIO_UNKNOWN_KEY'
  | 'SCENARIO_MISSING_KEY'
  | 'SCENARIO_WRONG_TYPE'
  | 'SCENARIO_WRONG_VALUE'
  | 'SCENARIO_TOO_MANY'
  | 'SCENARIO_UNKNOWN_EXPECTATION'
  | 'SCENARIO_UNKNOWN_NAME'
  | 'SCENARIO_DUPLICATE_NAME'
  | 'SCENARIO_ADDRESS'
  | 'SCENARIO_DUPLICATE_ADDRESS'
  | 'SCENARIO_OVERLAP'
  | 'SCENARIO_NOT_EMULATED'
  | 'RESOURCE_FORM'
  | 'RESOURCE_KIND'
  | 'RESOURCE_DUPLICATE'
  | 'RESOURCE_INVALID';

export interface Problem extends Position {
  /** As the user named it. */
  readonly file: string;
  readonly code: ProblemCode;
  /** Dotted path of the faulty thing; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** The lines around it, ready to print; empty when there is no text to show. */
  readonly frame: readonly string[];
}

/** `[ 'spec', 'fabric', 'nodes', 3 ]` -> `fabric.nodes[3]`. The leading `spec` of a scenario is said by nobody. */
export function dotted(path: readonly PropertyKey[], { keepSpec = false } = {}): string {
  let text = '';
  for (const [i, step] of path.entries()) {
    if (i === 0 && step === 'spec' && path.length > 1 && !keepSpec) continue;
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${String(step)}`;
  }
  return text;
}

/** `file:line:column  path: message`, the first line of a problem. */
export function headline(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  return `${where}  ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
}

/** Headline and code frame. */
export const formatProblem = (problem: Problem): string => [headline(problem), ...problem.frame].join('\n');

/** How many problems are printed; the rest is counted. */
const SHOWN = 20;

export class ScenarioError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const shown = problems.slice(0, SHOWN).map(formatProblem);
    if (problems.length > SHOWN) shown.push(`… and ${problems.length - SHOWN} more problems`);
    super(shown.join('\n'));
    this.name = 'ScenarioError';
    this.problems = problems;
  }
}

/** Where problems go while a scenario is being loaded. */
export class Problems {
  readonly list: Problem[] = [];
  /** The lines of each text that has had a problem: splitting 1 MiB five thousand times is felt. */
  readonly #lines = new Map<string, readonly string[]>();

  /** `text` is what the file holds (for the frame), '' when it could not be read. */
  add(
    source: { readonly file: string; readonly text: string },
    position: Position,
    path: string,
    code: ProblemCode,
    message: string,
  ): void {
    const { line, column } = position;
    const frame = codeFrame(this.#linesOf(source.text), position);
    this.list.push({ file: source.file, line, column, code, path, message, frame });
  }

  #linesOf(text: string): readonly string[] {
    let lines = this.#lines.get(text);
    if (lines === undefined) {
      lines = text === '' ? [] : text.split(/\r?\n/);
      this.#lines.set(text, lines);
    }
    return lines;
  }

  /** Throw what was found so far, in the order of files and lines. Nothing found: nothing happens. */
  throwIfAny(): void {
    if (this.list.length === 0) return;
    const files = [...new Set(this.list.map(problem => problem.file))];
    const order = (p: Problem): number => files.indexOf(p.file);
    throw new ScenarioError(
      [...this.list].sort((a, b) => order(a) - order(b) || a.line - b.line || a.column - b.column),
    );
  }
}
