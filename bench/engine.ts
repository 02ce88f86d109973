/**
 * `npm run bench:engine -- NAME [--smoke]`: measure the cases of one bench, or the one case `BENCH/CASE`; no name: what
 * there is, or with `--smoke` all of it. Each case runs in a process of its own (a case that comes behind others reads up to twice its cost) and
 * prints a line of JSON. `--smoke`: one short sample each. `--in-process`: here, for a profiler.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inlineMore } from '../src/parallel/compiler.ts';
import type { Sampling } from './sampling.ts';

interface BenchCase {
  readonly name: string;
  /** It takes minutes, or gigabytes: only run when asked for, never by `--smoke` alone. */
  readonly heavy?: boolean;
  /** The measured figures, plain data. */
  run(sampling: Sampling): object | Promise<object>;
}

/** Loaded only when asked for: a bench must not pay for the modules of another. */
const benches: Readonly<Record<string, () => Promise<{ readonly cases: readonly BenchCase[] }>>> = {
  forwarding: () => import('./forwarding.ts'),
  fib: () => import('./fib.ts'),
  nodes: () => import('./nodes.ts'),
  'leaf-spine': () => import('./leaf-spine.ts'),
  scale: () => import('./scale.ts'),
  convergence: () => import('./convergence.ts'),
  tcp: () => import('./tcp.ts'),
  parallel: () => import('./parallel.ts'),
  transport: () => import('./transport.ts'),
};

const self = fileURLToPath(import.meta.url);

function usage(): never {
  console.error(`usage: npm run bench:engine -- ${Object.keys(benches).join('|')}[/CASE] [--smoke]`);
  process.exit(2);
}

function commit(): string {
  const { stdout, status } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

async function runHere(bench: string, one: BenchCase, smoke: boolean): Promise<void> {
  inlineMore();
  const figures = await one.run({ smoke });
  const line = { bench, case: one.name, ...figures, node: process.version, commit: commit() };
  console.log(JSON.stringify(line));
}

function runThere(bench: string, one: BenchCase, smoke: boolean): void {
  const args = [self, `${bench}/${one.name}`, '--in-process', ...(smoke ? ['--smoke'] : [])];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`${bench}/${one.name} failed`);
    process.exitCode = 1;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false }, 'in-process': { type: 'boolean', default: false } },
});
const asked = positionals[0];
// `--smoke` alone takes a short turn of everything.
const names = asked === undefined && values.smoke ? Object.keys(benches) : [asked ?? ''];
for (const name of names) {
  const [bench = '', wanted] = name.split('/');
  const load = benches[bench] ?? usage();
  const { cases } = await load();
  const chosen = cases.filter(one =>
    wanted === undefined ? !(values.smoke && one.heavy) : one.name === wanted,
  );
  if (chosen.length === 0) {
    console.error(`${bench} has the cases ${cases.map(one => one.name).join(', ')}`);
    process.exit(2);
  }
  for (const one of chosen) {
    if (values['in-process']) await runHere(bench, one, values.smoke);
    else runThere(bench, one, values.smoke);
  }
}
