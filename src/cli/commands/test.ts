/**
 * `tunlab test [PATHS…]`: whole scenarios side by side, each on one thread of its own, and what came of them in the
 * forms that people, scripts and CI read. Order and number of threads change nothing in a report.
 */
import { existsSync } from 'node:fs';
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
import { TestPool } from '../test-pool.ts';
import { affected, WatchedFiles } from '../watched-files.ts';

/** `more`: for tests, which bring processes that break. */
export async function test(
  options: TestOptions,
  io: Io,
  more: Pick<LabOptions, 'builder'> = {},
): Promise<number> {
  const files = filesOf(options);
  // What changes while the first run is under way is not missed.
  const watched = options.watch ? new WatchedFiles(placesOf(options)) : undefined;
  const pool = new TestPool(files.length, io.signal);
  try {
    const runs = new TestRuns(options, io, more, pool);
    await runs.run(files);
    if (watched !== undefined) await keepRunning(options, io, runs, watched);
    return codeOf(runs.results);
  } finally {
    watched?.close();
    await pool.close();
  }
}

/** Until Ctrl-C. */
async function keepRunning(
  options: TestOptions,
  io: Io,
  runs: TestRuns,
  watched: WatchedFiles,
): Promise<void> {
  for (;;) {
    io.stderr.write('watching; Ctrl-C ends\n');
    const changed = await watched.next(io.signal);
    if (io.signal.aborted) return;
    const files = wantedFiles(options);
    const fresh = files.filter(file => !runs.results.some(result => result.file === file));
    const again = [...new Set([...fresh, ...affected(files, changed)])].sort();
    io.stderr.write(`changed: ${changed.join(', ')}\n`);
    runs.keep(files);
    await runs.run(again);
  }
}

/** What came of each scenario, last time it was run. */
class TestRuns {
  readonly #options: TestOptions;
  readonly #io: Io;
  readonly #builder: string | undefined;
  readonly #pool: TestPool;
  readonly #results = new Map<string, TestResult>();

  constructor(options: TestOptions, io: Io, { builder }: Pick<LabOptions, 'builder'>, pool: TestPool) {
    this.#options = options;
    this.#io = io;
    this.#builder = builder;
    this.#pool = pool;
  }

  /** In the order of their names. */
  get results(): readonly TestResult[] {
    return [...this.#results.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** Forget what is not among `files`. */
  keep(files: readonly string[]): void {
    for (const file of this.#results.keys()) if (!files.includes(file)) this.#results.delete(file);
  }

  /** Run `files` and report all. */
  async run(files: readonly string[]): Promise<void> {
    const { stdout } = this.#io;
    const outputs = this.#options.reporters.map(({ name, file }) => ({
      name,
      file: file === undefined ? undefined : new OutputFile(file, '--reporter', 'test'),
    }));
    const begun = performance.now();
    await this.#runAll(files);
    const wallMs = performance.now() - begun;
    for (const { name, file } of outputs) {
      if (file === undefined) continue;
      file.write(new TextEncoder().encode(render(name, this.results, wallMs, PLAIN)));
      file.close();
    }
    // People get their lines unless a program reads standard output.
    const onOutput = outputs.find(each => each.file === undefined)?.name ?? 'text';
    stdout.write(render(onOutput, this.results, wallMs, stdout.colour));
  }

  async #runAll(files: readonly string[]): Promise<void> {
    const progress = new Progress(this.#io.stderr);
    const { update } = this.#options;
    let done = 0;
    const one = async (file: string): Promise<void> => {
      this.#results.set(file, await this.#pool.run({ file, builder: this.#builder, update }));
      progress.update(`${++done} of ${files.length} scenarios`);
    };
    try {
      await Promise.all(files.map(one));
    } finally {
      progress.clear();
    }
  }
}

const PLAIN = colour(false);

const placesOf = ({ paths }: TestOptions): readonly string[] =>
  paths.length > 0 ? paths : [existsSync('scenarios') ? 'scenarios' : '.'];

const wantedFiles = (options: TestOptions): string[] =>
  findScenarios(placesOf(options)).filter(file => options.filter?.test(file) ?? true);

/** Throws `UsageError` when there is none. */
function filesOf(options: TestOptions): string[] {
  const files = wantedFiles(options);
  if (files.length > 0) return files;
  const places = placesOf(options);
  const all = findScenarios(places).length;
  if (all > 0) throw new UsageError(`--filter: none of ${all} scenarios fits`, 'test');
  throw new UsageError(`no scenario below ${places.join(', ')}`, 'test');
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
