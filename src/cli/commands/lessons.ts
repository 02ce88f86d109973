/** `tunlab lessons [SYMPTOM TEXT]`: scenarios out of users' problems, by what one sees; `--planned`: what is missing. */
import { type Lesson, type PlannedLesson, readLesson, readPlanned } from '../../lessons/lesson.ts';
import { type Found, search } from '../../lessons/search.ts';
import { wrap } from '../../report/table.ts';
import type { LessonsOptions } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import { type Io, WIDTH } from '../io.ts';
import { findScenarios } from '../scenario-files.ts';
import { shipped } from '../shipped.ts';
import { version } from '../version.ts';

const FOLDER = 'scenarios/lessons';
/** Of a search, the best with all that is known of it, the others by name. */
const FOUND_SHOWN = 5;

export async function lessons({ symptom, planned, json }: LessonsOptions, io: Io): Promise<number> {
  if (planned) {
    const list = readPlanned(shipped(`${FOLDER}/planned.yaml`));
    io.stdout.write(json ? document({ planned: list }) : plannedText(list));
    return ExitCode.Held;
  }
  const all = findScenarios([shipped(FOLDER)]).flatMap(file => readLesson(file) ?? []);
  if (symptom === '') {
    io.stdout.write(json ? document({ lessons: all.map(view) }) : listText(all));
    return ExitCode.Held;
  }
  const found = search(all, symptom).slice(0, FOUND_SHOWN);
  io.stdout.write(
    json ? document({ symptom, lessons: found.map(foundView) }) : foundText(found, symptom, io),
  );
  return found.length === 0 ? ExitCode.Failed : ExitCode.Held;
}

const document = (content: object): string =>
  `${JSON.stringify({ schemaVersion: 1, tunlab: version(), ...content }, null, 2)}\n`;

const view = (lesson: Lesson): object => ({ ...lesson, question: lesson.question ?? null });

const foundView = ({ lesson, score, matched }: Found): object => ({
  ...view(lesson),
  score: Number(score.toFixed(3)),
  matched,
});

function listText(all: readonly Lesson[]): string {
  const width = Math.max(...all.map(lesson => lesson.name.length)) + 4;
  const rows = all.flatMap(({ name, symptom }) => {
    const [first, ...rest] = wrap(symptom, WIDTH - width);
    return [`  ${name.padEnd(width - 2)}${first}`, ...rest.map(line => ' '.repeat(width) + line)];
  });
  return [
    `${all.length} lessons: each shows the symptom, its cause and the cure`,
    '',
    ...rows,
    '',
    `  npx tunlab run ${FOLDER}/${all[0]?.name ?? 'NAME'}.yaml   runs one`,
    '  npx tunlab lessons pods do not answer but bgp is established   finds one by its symptom',
    '  npx tunlab lessons --planned   what cannot be shown yet',
    '',
  ].join('\n');
}

function foundText(found: readonly Found[], symptom: string, { stdout }: Io): string {
  const [best, ...others] = found;
  if (best === undefined)
    return `no lesson knows any of these words: ${symptom}\n  npx tunlab lessons   lists them all\n`;
  const { name, about, symptom: said, issues, file, question } = best.lesson;
  const field = (title: string, text: string): string[] =>
    wrap(text, WIDTH - INDENT).map(
      (line, i) => `  ${(i === 0 ? title : '').padEnd(INDENT - 2)}${line.trim()}`,
    );
  return [
    stdout.colour.strong(name),
    ...field('users say', said),
    ...field('it is', about),
    ...field('seen in', issues.join(' ')),
    `  run it     npx tunlab run ${file}`,
    ...(question === undefined
      ? []
      : [
          `  ask why    npx tunlab explain ${[file, question.from, question.to, `--steps ${question.steps}`, ...question.options].join(' ')}`,
        ]),
    ...(others.length === 0 ? [] : ['', 'or']),
    ...others.flatMap(({ lesson }) =>
      wrap(lesson.symptom, WIDTH - OTHERS).map(
        (line, i) => `  ${(i === 0 ? lesson.name : '').padEnd(OTHERS - 2)}${line}`,
      ),
    ),
    '',
  ].join('\n');
}

const INDENT = 13;
const OTHERS = 28;

function plannedText(list: readonly PlannedLesson[]): string {
  const width = Math.max(...list.map(each => each.name.length)) + 4;
  const rows = list.flatMap(({ name, symptom, issues, missing }) =>
    [
      ...wrap(`${symptom} ${issues.join(' ')}`, WIDTH - width),
      ...wrap(`missing: ${missing}`, WIDTH - width),
    ].map((line, i) => `  ${(i === 0 ? name : '').padEnd(width - 2)}${line}`),
  );
  return [`${list.length} stories that cannot be shown yet`, '', ...rows, ''].join('\n');
}
