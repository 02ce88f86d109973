/**
 * `npm run bench:engine -- NAME [--smoke]`: measure the cases of one bench, or the one case `BENCH/CASE`; `--smoke` alone:
 * a short turn of everything. Each case runs in a process of its own (one that comes behind others reads up to twice its
 * cost) and prints a line of JSON.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { INLINED_BYTECODE, inlineMore } from '../src/cli/compiler.ts';
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
  encap: () => import('./encap.ts'),
  'leaf-spine': () => import('./leaf-spine.ts'),
  scale: () => import('./scale.ts'),
  'tcp-bulk': () => import('./tcp-bulk.ts'),
  fib: () => import('./fib.ts'),
  transport: () => import('./transport.ts'),
  parallel: () => import('./parallel.ts'),
  convergence: () => import('./convergence.ts'),
  startup: () => import('./startup.ts'),
};

const self = fileURLToPath(import.meta.url);

const USAGE = `usage: npm run bench:engine -- ${Object.keys(benches).join('|')}[/CASE] [--smoke] [--default-inlining] [--in-process]

  --smoke        one short sample of each case; without a name, of all that take no minutes
  --default-inlining
                 with no more inlined than V8 does by itself; else as the tunlab command has it
  --in-process   measure here, for a profiler: without a process for each case
  --help         this`;

/** Bad usage: one line about what is wrong, if there is more to say than how it is used. */
function refuse(message?: string): never {
  console.error(message === undefined ? USAGE : `${message}\n${USAGE}`);
  process.exit(2);
}

function commit(): string {
  const { stdout, status } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

interface Options {
  readonly smoke: boolean;
  readonly defaultInlining: boolean;
}

async function runHere(bench: string, one: BenchCase, { smoke, defaultInlining }: Options): Promise<void> {
  if (!defaultInlining) inlineMore();
  const figures = await one.run({ smoke });
  const flags = defaultInlining ? {} : { inlinedBytecode: INLINED_BYTECODE };
  const line = { bench, case: one.name, ...figures, ...flags, node: process.version, commit: commit() };
  console.log(JSON.stringify(line));
}

function runThere(bench: string, one: BenchCase, { smoke, defaultInlining }: Options): void {
  const args = [self, `${bench}/${one.name}`, '--in-process'];
  if (smoke) args.push('--smoke');
  if (defaultInlining) args.push('--default-inlining');
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`${bench}/${one.name} failed`);
    process.exitCode = 1;
  }
}

function readArguments() {
  const options = {
    smoke: { type: 'boolean', default: false },
    'default-inlining': { type: 'boolean', default: false },
    'in-process': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    refuse((error as Error).message);
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (positionals.length > 1) refuse(`one name, not ${positionals.join(' ')}`);
const asked = positionals[0];
// `--smoke` alone takes a short turn of everything.
const names = asked === undefined && values.smoke ? Object.keys(benches) : [asked ?? ''];
for (const name of names) {
  const [bench = '', wanted] = name.split('/');
  const load = benches[bench] ?? refuse(bench === '' ? undefined : `there is no bench ${bench}`);
  const { cases } = await load();
  const chosen = cases.filter(one =>
    wanted === undefined ? !(values.smoke && one.heavy) : one.name === wanted,
  );
  if (chosen.length === 0) {
    console.error(`${bench} has the cases ${cases.map(one => one.name).join(', ')}`);
    process.exit(2);
  }
  for (const one of chosen) {
    const options = { smoke: values.smoke, defaultInlining: values['default-inlining'] };
    if (values['in-process']) await runHere(bench, one, options);
    else runThere(bench, one, options);
  }
}
