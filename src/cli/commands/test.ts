/**
 * `tunlab test [PATHS…]`: whole scenarios side by side, each on one thread of its own, and what came of them in the
 * forms that people, scripts and CI read. Order and number of threads change nothing in a report.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { LabOptions } from '../../lab.ts';
import type { TestOutcome, TestResult } from '../../runner/test-case.ts';
import { testGithub } from '../../runner/test-github.ts';
import { testJunit } from '../../runner/test-junit.ts';
import { testText } from '../../runner/test-text.ts';
import { colour } from '../colour.ts';
import { type ReporterName, type TestOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { OutputFile } from '../output-file.ts';
import { Progress } from '../progress.ts';
import { findScenarios } from '../scenario-files.ts';
import type { TestTask } from '../test-worker.ts';

const WORKER = new URL('../test-worker.js', import.meta.url).href;

/** `more`: for tests, which bring processes that break. */
export async function test(
  options: TestOptions,
  io: Io,
  more: Pick<LabOptions, 'builder'> = {},
): Promise<number> {
  const files = filesOf(options);
  const outputs = options.reporters.map(({ name, file }) => ({
    name,
    file: file === undefined ? undefined : new OutputFile(file, '--reporter', 'test'),
  }));
  const begun = performance.now();
  const results = await runAll(files, io, more);
  const wallMs = performance.now() - begun;
  for (const { name, file } of outputs) {
    if (file === undefined) continue;
    file.write(new TextEncoder().encode(render(name, results, wallMs, PLAIN)));
    file.close();
  }
  // People get their lines unless a program reads standard output.
  const onOutput = outputs.find(each => each.file === undefined)?.name ?? 'text';
  io.stdout.write(render(onOutput, results, wallMs, io.stdout.colour));
  return codeOf(results);
}

const PLAIN = colour(false);

function filesOf({ paths, filter }: TestOptions): string[] {
  const places = paths.length > 0 ? paths : [existsSync('scenarios') ? 'scenarios' : '.'];
  const files = findScenarios(places);
  if (files.length === 0) throw new UsageError(`no scenario below ${places.join(', ')}`, 'test');
  const wanted = filter === undefined ? files : files.filter(file => filter.test(file));
  if (wanted.length === 0) throw new UsageError(`--filter: none of ${files.length} scenarios fits`, 'test');
  return wanted;
}

async function runAll(
  files: readonly string[],
  io: Io,
  { builder }: Pick<LabOptions, 'builder'>,
): Promise<TestResult[]> {
  const threads = Math.min(availableParallelism(), files.length);
  const pool = new Piscina<TestTask, TestResult>({
    filename: WORKER,
    minThreads: threads,
    maxThreads: threads,
    atomics: 'disabled',
  });
  const progress = new Progress(io.stderr);
  let done = 0;
  const one = async (file: string): Promise<TestResult> => {
    const result = await pool.run({ file, builder });
    progress.update(`${++done} of ${files.length} scenarios`);
    return result;
  };
  // What is under way ends in an error, and an interruption is what the caller will call it.
  const stop = (): void => void pool.destroy();
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.all(files.map(one));
  } finally {
    io.signal.removeEventListener('abort', stop);
    progress.clear();
    await pool.destroy();
  }
}

function render(
  name: ReporterName,
  results: readonly TestResult[],
  wallMs: number,
  paint: typeof PLAIN,
): string {
  switch (name) {
    case 'text':
      return testText(results, wallMs, paint);
    case 'json':
      return `${JSON.stringify(
        results.map(result => result.document),
        null,
        2,
      )}\n`;
    case 'junit':
      return testJunit(results);
    case 'github':
      return testGithub(results);
  }
}

/** The worst comes first. */
const CODES: readonly (readonly [TestOutcome, number])[] = [
  ['broken', ExitCode.Internal],
  ['unusable', ExitCode.BadInput],
  ['failed', ExitCode.Failed],
  ['inconclusive', ExitCode.Inconclusive],
];

const codeOf = (results: readonly TestResult[]): number =>
  CODES.find(([outcome]) => results.some(result => result.outcome === outcome))?.[1] ?? ExitCode.Held;
