/**
 * Runs every built test file in its own process, some at a time, and ends with the
 * one line `N passed, N failed, N skipped`. The numbers are uvu's own, sent by the child.
 *
 *   node build/test/run.js [pattern ...] [--jobs=2] [--limit=480000] [--interop]
 *
 * `*.interop.test.ts` need a real peer (Debian packages, root) and run with `--interop` only.
 */
import { fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Counts {
  total: number;
  passed: number;
  skipped: number;
}
type Run = () => Promise<[string | boolean, number, number, number]>;
interface UvuGlobals {
  UVU_DEFER?: number;
  UVU_INDEX?: number;
  UVU_QUEUE?: (string | null | Run)[][];
}

const self = fileURLToPath(import.meta.url);

/** In the child: load one file, run what it registered with uvu's own exec, report uvu's counts. */
async function child(file: string): Promise<void> {
  const g = globalThis as UvuGlobals;
  const group: (string | null | Run)[] = [null];
  g.UVU_DEFER = 1;
  g.UVU_INDEX = 0;
  g.UVU_QUEUE = [group];
  const uvu = await import('uvu');
  await import(pathToFileURL(file).href);
  const counts: Counts = { total: 0, passed: 0, skipped: 0 };
  for (let i = 1; i < group.length; i++) {
    const run = group[i] as Run;
    group[i] = async () => {
      const result = await run();
      counts.passed += result[1];
      counts.skipped += result[2];
      counts.total += result[3];
      return result;
    };
  }
  await uvu.exec();
  process.send?.(counts);
}

interface Verdict extends Counts {
  name: string;
  failed: number;
  why: string[];
  ms: number;
  out: string;
}

function one(name: string, file: string, limit: number, grace: number): Promise<Verdict> {
  return new Promise(resolve => {
    const t0 = performance.now();
    const kid = fork(self, ['--child', file], {
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let out = '';
    let counts: Counts | undefined;
    const why: string[] = [];
    kid.stdout?.setEncoding('utf8').on('data', (s: string) => {
      out += s;
    });
    kid.stderr?.setEncoding('utf8').on('data', (s: string) => {
      out += s;
    });
    let timer = setTimeout(() => {
      why.push(`no end after ${limit} ms`);
      kid.kill('SIGKILL');
    }, limit);
    kid.on('message', m => {
      counts = m as Counts;
      clearTimeout(timer);
      timer = setTimeout(() => {
        why.push(
          `tests ended, but the process was still alive ${grace} ms later (open handle, worker or timer)`,
        );
        kid.kill('SIGKILL');
      }, grace);
    });
    kid.on('close', (code, signal) => {
      clearTimeout(timer);
      if (!counts && why.length === 0) why.push('the process ended before its tests did');
      if (counts?.total === 0 && counts.skipped === 0)
        why.push('no test was registered (is `.run()` missing?)');
      const c = counts ?? { total: 0, passed: 0, skipped: 0 };
      let failed = c.total - c.passed;
      if (failed === 0 && why.length === 0 && code !== 0) why.push(`exit code ${code ?? signal}`);
      if (why.length > 0 && failed === 0) failed = 1;
      resolve({ ...c, name, failed, why, ms: performance.now() - t0, out });
    });
  });
}

async function main(argv: string[]): Promise<void> {
  const flag = (key: string, or: number) =>
    Number(argv.find(a => a.startsWith(`--${key}=`))?.split('=')[1] ?? or);
  const patterns = argv.filter(a => !a.startsWith('--')).map(p => new RegExp(p, 'i'));
  const root = new URL('./', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(f => /\.test\.js$/.test(f) && /\.interop\.test/.test(f) === argv.includes('--interop'))
    .filter(f => patterns.length === 0 || patterns.some(p => p.test(f)))
    .sort();
  const todo = [...files];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const bad: Verdict[] = [];
  const lane = async () => {
    for (let f = todo.shift(); f !== undefined; f = todo.shift()) {
      const v = await one(f, fileURLToPath(new URL(f, root)), flag('limit', 480_000), flag('grace', 2_000));
      sum.passed += v.passed;
      sum.failed += v.failed;
      sum.skipped += v.skipped;
      const ok = v.failed === 0;
      if (!ok) bad.push(v);
      console.log(
        `${ok ? 'ok  ' : 'FAIL'} ${v.name}  ${v.passed}/${v.total}${v.skipped ? ` (${v.skipped} skipped)` : ''}  ${v.ms.toFixed(0)} ms`,
      );
      for (const line of ok ? v.out.split('\n') : []) if (line.startsWith('# ')) console.log(`     ${line}`);
      if (!ok) console.log(v.out.replace(/^/gm, '     | '), ...v.why.map(w => `\n     ! ${w}`));
    }
  };
  await Promise.all(Array.from({ length: flag('jobs', availableParallelism()) }, lane));
  if (bad.length) console.log(`\nfailed files: ${bad.map(v => v.name).join(', ')}`);
  const none = sum.passed + sum.failed === 0;
  if (none) console.log('no test was run');
  console.log(`\n${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
  process.exitCode = sum.failed > 0 || none ? 1 : 0;
}

if (process.argv[2] === '--child') await child(process.argv[3] ?? '');
else await main(process.argv.slice(2));
