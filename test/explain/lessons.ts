/** What `tunlab explain` has to say about each lesson, and that it says the same under other names and addresses. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { type Diagnosis, diagnose } from '../../src/cures/diagnosis.ts';
import { type Lesson, readLesson } from '../../src/lessons/lesson.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import { assert, fromRoot, suite } from '../kit.ts';
import { Metamorphosis } from './metamorphosis.ts';

export interface Expected {
  /** `REASON at PLACE there|back`; '' for an answer; `no-address`. */
  readonly verdict: string;
  /** Texts that stand somewhere in the explanation. */
  readonly says?: readonly string[];
  /** Cures among those that are offered; none: there is nothing to cure. */
  readonly cures: readonly string[];
  /** The twin's cures are compared, too: trying them takes longer than everything else. */
  readonly deep?: true;
  /** Machines among which the hash of a flow chooses, so its addresses. */
  readonly either?: readonly string[];
}

/** The suite of these lessons, to be run. */
export function explainedLessons(table: Readonly<Record<string, Expected>>): { run(): void } {
  const t = suite(`explain lessons ${Object.keys(table)[0]} …`, undefined, 60_000);
  for (const [name, expected] of Object.entries(table)) {
    const lesson = readLesson(fromRoot(`scenarios/lessons/${name}.yaml`))!;
    let original: Diagnosis;
    t(`${name}: ${expected.verdict || 'an answer'}`, async () => {
      original = await diagnosed(lesson, true);
      check(original, expected);
    });
    t(`${name}: other names, other prefixes, the same verdict`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tunlab-twin-'));
      try {
        const scenario = loadScenario(lesson.file, { validate: validateResources });
        const change = new Metamorphosis(scenario);
        const twin = readLesson(change.write(scenario, folder))!;
        const other = await diagnosed(twin, expected.deep === true);
        if (expected.deep !== true) original = { ...original, cures: [] };
        const either = (expected.either ?? []).map(each => change.text(each));
        const wanted = comparable(original, dirname(lesson.file), either, change);
        assert.equal(differences(wanted, comparable(other, folder, either)), []);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
  return t;
}

async function diagnosed({ file, question }: Lesson, cures: boolean): Promise<Diagnosis> {
  const { steps, from, to, options } = question!;
  const line = parseCommandLine(['explain', file, from, to, ...options]);
  if (line.name !== 'explain') throw new Error(`${file}: not a question`);
  const { proto, port, size, df } = line.args;
  const what = { proto, df, ...(port !== undefined && { port }), ...(size !== undefined && { size }) };
  const scenario = loadScenario(file, { validate: validateResources });
  const { signal } = new AbortController();
  return diagnose({ scenario, from, to, what, steps, at: undefined, seed: scenario.seed, cures, signal });
}

function check(
  { explanation, pending, cures }: Diagnosis,
  { verdict, says = [], cures: wanted }: Expected,
): void {
  const death = explanation?.death;
  const short = explanation === undefined ? 'no-address' : '';
  assert.is(death === undefined ? short : `${death.reason} at ${death.at} ${death.leg}`, verdict);
  const told = JSON.stringify({ explanation, pending });
  for (const text of says) assert.match(told, text);
  const offered = cures.map(cure => cure.change);
  for (const cure of wanted) assert.ok(offered.includes(cure), `${cure}\noffered: ${offered.join(' | ')}`);
  if (wanted.length === 0) assert.equal(offered, []);
  for (const { commands, after, before } of cures) {
    assert.ok(after.talk >= 0 && before.all > 0);
    assert.ok(commands.every(command => command !== ''));
  }
}

/** A verdict without what random numbers, clocks and hashes of names decide. */
function comparable(
  diagnosis: Diagnosis,
  folder: string,
  either: readonly string[],
  change?: Metamorphosis,
): unknown {
  const { at: _, explanation, cures, ...rest } = diagnosis;
  const stable = {
    ...rest,
    explanation: explanation && { ...explanation, rttNs: 0 },
    cures: cures.map(({ outage: _outage, convergedInNs: _converged, missing: _missing, ...cure }) => cure),
  };
  const text = JSON.stringify(stable).replaceAll(folder, '.');
  const named = change === undefined ? text : change.text(text);
  const chosen = either.reduce((all, name) => all.replaceAll(`"${name}"`, '"either"'), named);
  return JSON.parse(chosen.replace(/\bcali[0-9a-f]{11}\b/g, 'cali*').replace(/\b[0-9a-f]{64}\b/g, 'sandbox'));
}

/** `there.1.route: A, but B`, for each leaf. */
function differences(a: unknown, b: unknown, path = ''): string[] {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? [] : [`${path}: ${JSON.stringify(a)}, but ${JSON.stringify(b)}`];
  const [left, right] = [a, b] as Readonly<Record<string, unknown>>[];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return keys.flatMap(key => differences(left![key], right![key], `${path}.${key}`));
}
