/** Problems of a scenario, painted: the place stands out, the faulty line and its caret are red. */
import type { Problem } from '../scenario/problem.ts';
import type { Colour } from './colour.ts';

/** Lines of `problem` for a terminal; without colours they are `formatProblem`'s. */
export function renderProblem(problem: Problem, colour: Colour): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const frame = problem.frame.map(line =>
    line.startsWith(' > ') ? colour.strong(line) : colour.faint(line),
  );
  return [`${colour.strong(where)}  ${path}${problem.message}`, ...frame].join('\n');
}

/** All of a `ScenarioError`, at most `limit` problems; the rest is counted. */
export function renderProblems(problems: readonly Problem[], colour: Colour, limit = 20): string {
  const shown = problems.slice(0, limit).map(problem => renderProblem(problem, colour));
  if (problems.length > limit) shown.push(`… and ${problems.length - limit} more problems`);
  return `${shown.join('\n')}\n`;
}
