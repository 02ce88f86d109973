/**
 * Finds lessons by what the user sees. Each word of the question counts by how rare it is among all lessons, and by
 * where it stands: in the symptom and the name more than among the other words for it. Endings are cut, so that
 * "pods hang" finds "a pod hangs"; an issue's number finds its lesson at once.
 */
import type { Lesson } from './lesson.ts';

export interface Found {
  readonly lesson: Lesson;
  readonly score: number;
  /** Words of the question that it answers to. */
  readonly matched: readonly string[];
}

/** What is searched, and what a word is worth there. */
const FIELDS: readonly (readonly [field: (lesson: Lesson) => string, weight: number])[] = [
  [lesson => lesson.symptom, 3],
  [lesson => lesson.name, 3],
  [lesson => lesson.about, 2],
  [lesson => lesson.also, 2],
];
/** An issue is named by one lesson, or by few. */
const ISSUE_SCORE = 100;
/** A lesson that fits less than half as well as the best one is not meant. */
const LEAST_SHARE = 0.45;

/** Words that say nothing about a network. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a an and are as at be but by can do does for from get has have i if in is it its my no not of on or our so that
  the their them then there they this to too was we what when which who why will with you calico kubernetes k8s`.split(
    /\s+/,
  ),
);

/** The best first; ties by name. None when no word is known. */
export function search(lessons: readonly Lesson[], symptom: string): Found[] {
  const asked = [...new Set(wordsOf(symptom))];
  const issues = new Set(symptom.match(/[\w./-]*#\d+/g) ?? []);
  const indexed = lessons.map(lesson => ({
    lesson,
    fields: FIELDS.map(([field, weight]) => ({ words: new Set(wordsOf(field(lesson))), weight })),
  }));
  const rarity = (word: string): number => {
    const holders = indexed.filter(({ fields }) => fields.some(({ words }) => words.has(word))).length;
    return holders === 0 ? 0 : Math.log(1 + lessons.length / holders);
  };
  const worth = new Map(asked.map(word => [word, rarity(word)]));
  const found = indexed.map(({ lesson, fields }): Found => {
    const matched = asked.filter(word => fields.some(({ words }) => words.has(word)));
    const score = matched.reduce((sum, word) => {
      const best = Math.max(...fields.map(({ words, weight }) => (words.has(word) ? weight : 0)));
      return sum + best * worth.get(word)!;
    }, 0);
    const named = lesson.issues.some(issue => issues.has(issue)) ? ISSUE_SCORE : 0;
    return { lesson, score: score + named, matched };
  });
  const best = Math.max(0, ...found.map(each => each.score));
  return found
    .filter(({ score }) => score > 0 && score >= best * LEAST_SHARE)
    .sort((a, b) => b.score - a.score || (a.lesson.name < b.lesson.name ? -1 : 1));
}

/** In lower case, without endings and without words that say nothing. Addresses and drop codes stay whole. */
export function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/[a-z0-9]+(?:[._/:-][a-z0-9]+)*/g) ?? [])
    .flatMap(word => (/^[a-z-]+$/.test(word) && word.includes('-') ? [word, ...word.split('-')] : [word]))
    .filter(word => !STOP_WORDS.has(word))
    .map(stem);
}

/** English endings, cut as far as it takes to make "dropped", "drops" and "drop" one. */
function stem(word: string): string {
  if (!/^[a-z]{4,}$/.test(word)) return word;
  const cut = word
    .replace(/ies$/, 'y')
    .replace(/(ss|sh|ch|x)es$/, '$1')
    .replace(/([^su])s$/, '$1')
    .replace(/(ing|ed)$/, '')
    .replace(/([bdglmnprt])\1$/, '$1')
    .replace(/e$/, '');
  return cut.length >= 3 ? cut : word;
}
