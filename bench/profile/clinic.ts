/**
 * `npm run clinic -- doctor|flame|bubbleprof|heapprofiler|cpu CASE`: profile one case of the engine bench.
 *
 * clinic brings 700 packages, so it lives in `bench/profile` with a lock file of its own and is installed on first use.
 * It sees the main thread only, so the case runs in the bench's own process (`--in-process`); `cpu` is node's own
 * profiler, which writes a file for each thread.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TOOLS = ['doctor', 'flame', 'bubbleprof', 'heapprofiler', 'cpu'];

// This file runs as build/bench/profile/clinic.js; what it installs and writes belongs beside its source.
const here = fileURLToPath(new URL('../../../bench/profile/', import.meta.url));
const engine = fileURLToPath(new URL('../engine.js', import.meta.url));
const out = `${here}out`;

const [tool = '', name, ...rest] = process.argv.slice(2);
if (!TOOLS.includes(tool) || name === undefined) {
  console.error(`usage: npm run clinic -- ${TOOLS.join('|')} CASE`);
  process.exit(2);
}

function run(command: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const { status, error } = spawnSync(command, argv, { stdio: 'inherit', env, cwd: here });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(out, { recursive: true });
const before = new Set(readdirSync(out));
const bench = [engine, name, '--in-process', ...rest];
if (tool === 'cpu') {
  run(process.execPath, ['--cpu-prof', `--cpu-prof-dir=${out}`, ...bench]);
} else {
  const clinic = `${here}node_modules/clinic/bin.js`;
  if (!existsSync(clinic)) run('npm', ['ci', '--no-audit', '--no-fund']);
  // Without NO_INSIGHT clinic asks for consent, and with no terminal it ends with 0 and does nothing.
  const env = { ...process.env, NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' };
  run(
    process.execPath,
    [clinic, tool, '--open=false', `--dest=${out}`, '--', process.execPath, ...bench],
    env,
  );
}
const made = readdirSync(out).filter(file => !before.has(file) && /\.(html|cpuprofile)$/.test(file));
if (!made.some(file => statSync(`${out}/${file}`).size > 0)) {
  console.error('no profile was written');
  process.exit(1);
}
for (const file of made) console.log(`${out}/${file}`);
