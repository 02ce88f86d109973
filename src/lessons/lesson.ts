/**
 * Lessons: scenarios that reproduce what users brought, and then the cure. What makes a scenario one is an annotation
 * with the symptom in the user's words; everything about it is in its file.
 *
 *     tunlab/symptom   what the user says          tunlab/issues    where it was said: `#2879 owner/repository#12`
 *     tunlab/also      other words for it          tunlab/explain   what to ask: `1 client far --size 1452 --df`
 */
import { parse } from 'yaml';
import { type Read, readText } from '../scenario/files.ts';

export interface Lesson {
  readonly name: string;
  readonly file: string;
  /** In one line, with the answer. */
  readonly about: string;
  readonly symptom: string;
  readonly also: string;
  readonly issues: readonly string[];
  /** After which step who asks whom; undefined where there is nothing to ask. */
  readonly question: Question | undefined;
}

/** What `tunlab explain` is asked about a lesson. */
export interface Question {
  readonly steps: number;
  readonly from: string;
  readonly to: string;
  /** As on the command line: `--size`, `1452`, `--df`. */
  readonly options: readonly string[];
}

/** A story that cannot be reproduced yet. */
export interface PlannedLesson {
  readonly name: string;
  readonly symptom: string;
  readonly issues: readonly string[];
  /** What tunlab would have to emulate. */
  readonly missing: string;
}

/** A file of ours that is not as it should be. */
export class LessonError extends Error {
  override readonly name = 'LessonError';
}

/** The lesson in `file`; undefined for a scenario that is none. Throws `LessonError` for a file that cannot be read. */
export function readLesson(file: string): Lesson | undefined {
  const document = textOf(file, readText(file));
  const { metadata } = parse(document) as { metadata?: Partial<Record<string, unknown>> };
  const name = String(metadata?.['name'] ?? '');
  const annotations = (metadata?.['annotations'] ?? {}) as Readonly<Record<string, string>>;
  const symptom = annotations['tunlab/symptom'];
  if (symptom === undefined) return undefined;
  const question = annotations['tunlab/explain'];
  return {
    name,
    file,
    about: annotations['tunlab/about'] ?? '',
    symptom,
    also: annotations['tunlab/also'] ?? '',
    issues: words(annotations['tunlab/issues']),
    question: question === undefined ? undefined : parseQuestion(file, question),
  };
}

/** The list of what is missing. Throws `LessonError`. */
export function readPlanned(file: string): PlannedLesson[] {
  const { planned } = parse(textOf(file, readText(file))) as {
    planned: readonly { name: string; symptom: string; issues?: string; missing: string }[];
  };
  return planned.map(({ issues, ...rest }) => ({ ...rest, issues: words(issues) }));
}

function textOf(file: string, read: Read): string {
  if (read.ok) return read.text;
  throw new LessonError(`${file}: ${read.message}`);
}

function parseQuestion(file: string, written: string): Question {
  const [steps = '', from, to, ...options] = words(written);
  if (!/^\d+$/.test(steps) || from === undefined || to === undefined)
    throw new LessonError(`${file}: expected "STEPS FROM TO" in tunlab/explain, got "${written}"`);
  return { steps: Number(steps), from, to, options };
}

const words = (text = ''): string[] => text.split(/\s+/).filter(word => word !== '');
