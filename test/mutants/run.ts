/**
 * `npm run test:mutants [-- PATTERN]`: each mutant is put into a copy of the tree, the copy is built, the tests that are
 * named for it are run, and the line is put back. First the tests run without any mutant: what fails then says nothing.
 * Ends with 1 when a mutant survives.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromRoot } from '../kit.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

/** What is built and what tests read. */
const COPIED = ['src', 'test', 'bench', 'scenarios', 'package.json', 'tsconfig.json', 'README.md'];
const PATIENCE_MS = 600_000;

const pattern = new RegExp(process.argv[2] ?? '', 'i');
const chosen = MUTANTS.filter(({ name, file, area }) => pattern.test(`${area} ${file} ${name}`));
const tree = mkdtempSync(join(tmpdir(), 'tunlab-mutants-'));

interface Ended {
  readonly ok: boolean;
  readonly out: string;
}

function node(...args: readonly string[]): Ended {
  // A test that is late because the machine is busy has not noticed anything.
  const env = { ...process.env, TEST_LIMIT_MS: String(PATIENCE_MS) };
  const ended = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', env, timeout: PATIENCE_MS });
  return { ok: ended.status === 0, out: `${ended.stdout}${ended.stderr}` };
}

const build = (): Ended => node(join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'test');
const runTests = (tests: readonly string[]): Ended => node(join('build', 'test', 'run.js'), ...tests);

/** The first test that failed, as the runner prints it. */
const firstFailure = (out: string): string =>
  /FAIL {2}(.*)/.exec(out)?.[1] ?? /^FAIL (\S+)/m.exec(out)?.[1] ?? '';

function tryMutant({ name, file, from, to, tests }: Mutant): 'caught' | 'survived' {
  const path = join(tree, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    const built = build();
    if (!built.ok) throw new Error(`${name}: the mutant does not compile\n${built.out}`);
    const { ok, out } = runTests(tests);
    console.log(`${ok ? 'SURVIVED' : 'caught  '} ${file}: ${name}${ok ? '' : `   by ${firstFailure(out)}`}`);
    return ok ? 'survived' : 'caught';
  } finally {
    writeFileSync(path, text);
  }
}

function main(): number {
  if (chosen.length === 0) {
    console.log(`no mutant fits ${pattern}`);
    return 2;
  }
  for (const name of COPIED) cpSync(fromRoot(name), join(tree, name), { recursive: true });
  symlinkSync(fromRoot('node_modules'), join(tree, 'node_modules'));
  const built = build();
  if (!built.ok) {
    console.log(`the tree does not build\n${built.out}`);
    return 2;
  }
  const sound = runTests([...new Set(chosen.flatMap(({ tests }) => tests))]);
  if (!sound.ok) {
    console.log(`the tests fail without a mutant\n${sound.out}`);
    return 2;
  }
  const verdicts = chosen.map(tryMutant);
  const survived = verdicts.filter(verdict => verdict === 'survived').length;
  console.log(`\n${verdicts.length - survived} of ${verdicts.length} mutants caught`);
  return survived === 0 ? 0 : 1;
}

try {
  process.exitCode = main();
} finally {
  rmSync(tree, { recursive: true, force: true });
}
