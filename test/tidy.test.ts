/**
 * House rules that a type checker does not know: who may import whom, what the core may not call, what a test file must
 * end with. Each finding is one line, `file: what is wrong`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { assert, fromRoot, suite } from './kit.ts';

const t = suite('tidy');

/**
 * cli -> lab -> runner -> {shell, scenario} -> controller -> {cluster, parallel} -> node -> {report, traffic, api} ->
 * calico -> bgp -> netstack -> {fabric, sim} -> trace -> wire -> addr. A folder may import those to the right of its
 * arrow; what is not named here may not exist. A type has no code, so `import type` may look up at the plain data of
 * another folder, but never at the command line.
 */
const LOWEST = ['addr', 'wire', 'trace', 'sim'];
const STACK = [...LOWEST, 'fabric', 'cost', 'netstack', 'bgp'];
const PROCESS = [...STACK, 'calico', 'traffic', 'api', 'report'];
const WHOLE = [...PROCESS, 'node', 'parallel', 'cluster', 'controller'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  addr: [],
  wire: ['addr'],
  trace: ['addr', 'wire'],
  sim: ['addr', 'wire', 'trace'],
  fabric: LOWEST,
  cost: LOWEST,
  netstack: [...LOWEST, 'fabric', 'cost'],
  bgp: [...LOWEST, 'fabric', 'cost', 'netstack'],
  calico: STACK,
  traffic: STACK,
  api: [...STACK, 'calico'],
  report: [...STACK, 'calico', 'api'],
  node: PROCESS,
  parallel: LOWEST,
  cluster: [...PROCESS, 'node', 'parallel'],
  controller: [...PROCESS, 'node', 'parallel', 'cluster'],
  explain: WHOLE,
  shell: [...WHOLE, 'explain'],
  scenario: [...STACK, 'calico'],
  snapshot: [...WHOLE, 'scenario'],
  runner: [...WHOLE, 'explain', 'shell', 'scenario', 'snapshot'],
  attach: WHOLE,
  lab: [...WHOLE, 'explain', 'shell', 'scenario', 'snapshot', 'runner'],
  diff: [...WHOLE, 'scenario', 'snapshot', 'runner', 'lab'],
  bench: [...WHOLE, 'scenario'],
  cures: [...WHOLE, 'explain', 'scenario', 'snapshot', 'runner', 'lab', 'diff'],
  lessons: ['scenario'],
  cli: [
    ...WHOLE,
    'explain',
    'shell',
    'scenario',
    'snapshot',
    'runner',
    'lab',
    'diff',
    'attach',
    'bench',
    'lessons',
    'cures',
  ],
};

/** Logical processes live here: no wall clock, no threads, no files, nothing asynchronous. */
const CORE: ReadonlySet<string> = new Set([...STACK, 'calico', 'traffic', 'api', 'node', 'cluster']);

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  cac: ['cli'],
  zod: ['scenario'],
  yaml: ['scenario', 'shell', 'report', 'explain', 'lessons'],
  piscina: ['parallel', 'cli', 'lab', 'bench'],
  msgpackr: ['parallel'],
  eventemitter3: ['controller', 'lab', 'cli', 'parallel', 'trace'],
  'just-bash': ['shell'],
};

/** All files below `folder` that end in `.ts`, relative to the repository. */
function filesBelow(folder: string): string[] {
  if (!existsSync(fromRoot(folder))) return [];
  return readdirSync(fromRoot(folder), { recursive: true, encoding: 'utf8' })
    .map(file => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter(file => file.endsWith('.ts') && !file.includes('node_modules'))
    .sort();
}

const read = (file: string): string => readFileSync(fromRoot(file), 'utf8');

/** Code without comments: what is said about a call is not a call. */
const codeOf = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '');

/** `codeOf` without what the compiler erases. */
const valuesOf = (file: string): string =>
  codeOf(file).replace(/^(import|export) type [^;]*? from '[^']*';/gm, '');

/** Everything that a file names with `from`, `import()` or `new URL()`. */
function specifiersOf(file: string, code = codeOf(file)): string[] {
  const pattern = /(?:\bfrom |\bimport\(|^import )\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.\.?\/[^'"]+)['"]/gm;
  return [...code.matchAll(pattern)].map(match => (match[1] ?? match[2])!);
}

const targetOf = (file: string, specifier: string): string =>
  normalize(join(dirname(file), specifier))
    .replaceAll('\\', '/')
    .replace(/\.js$/, '.ts');

/** `src/bgp/fsm.ts` -> `bgp`; `src/lab.ts` -> `lab`. */
const roomOf = (file: string): string =>
  file
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/')[0]!;

const SOURCES = filesBelow('src');
const TESTS = filesBelow('test');
const BENCHES = filesBelow('bench');
const ENTRIES: ReadonlySet<string> = new Set(['src/cli/main.ts', 'src/lab.ts']);

t('imports follow the arrow', () => {
  const wrong: string[] = [];
  for (const file of SOURCES) {
    const room = roomOf(file);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) wrong.push(`${file}: ${room} is not in the table of folders`);
    for (const specifier of specifiersOf(file, valuesOf(file)).filter(each => each.startsWith('.'))) {
      const target = targetOf(file, specifier);
      if (!target.startsWith('src/')) {
        if (target.endsWith('.ts')) wrong.push(`${file}: ${specifier} lies outside of src`);
        continue;
      }
      const other = roomOf(target);
      if (other !== room && allowed?.includes(other) === false)
        wrong.push(`${file}: ${room} must not import ${other}`);
    }
  }
  assert.equal(wrong, []);
});

t('the arrow never turns back', () => {
  const seen = new Map<string, boolean>();
  const below = (room: string, goal: string): boolean =>
    (MAY_IMPORT[room] ?? []).some(next => next === goal || (next !== room && visit(next, goal)));
  const visit = (room: string, goal: string): boolean => {
    const key = `${room} ${goal}`;
    if (!seen.has(key)) {
      seen.set(key, false);
      seen.set(key, below(room, goal));
    }
    return seen.get(key)!;
  };
  const circular = Object.keys(MAY_IMPORT).filter(room => below(room, room));
  assert.equal(circular, []);
});

t('nobody looks up at the command line, not even for a type', () => {
  const wrong = SOURCES.filter(file => roomOf(file) !== 'cli').filter(file =>
    specifiersOf(file).some(
      specifier => specifier.startsWith('.') && roomOf(targetOf(file, specifier)) === 'cli',
    ),
  );
  assert.equal(wrong, []);
});

t('packages are used where they belong', () => {
  const wrong: string[] = [];
  for (const file of SOURCES) {
    for (const specifier of specifiersOf(file)) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = specifier.split('/')[0]!;
      if (PACKAGES[name]?.includes(roomOf(file)) !== true)
        wrong.push(`${file}: must not import ${specifier}`);
    }
  }
  assert.equal(wrong, []);
});

t('the core has no clock but the virtual one, no chance but the seeded one, and does not wait', () => {
  const banned: readonly (readonly [pattern: RegExp, what: string])[] = [
    [/\bDate\.now\b/, 'Date.now'],
    [/\bnew Date\(\)/, 'new Date()'],
    [/\bMath\.random\b/, 'Math.random'],
    [/\bset(Timeout|Interval|Immediate)\b/, 'a wall-clock timer'],
    [/\bperformance\.now\b/, 'performance.now'],
    [/\bqueueMicrotask\b/, 'queueMicrotask'],
    [/\basync\b(?=[\s*]*(\(|function\b|\w+ *(=>|\()))|\bawait /, 'async'],
    [/\bprocess\.(env|argv|hrtime|stdout|stderr)\b/, 'process'],
    [/\bconsole\./, 'console'],
    [/['"]node:(?!crypto['"])/, 'a node: module'],
  ];
  const wrong: string[] = [];
  for (const file of SOURCES.filter(each => CORE.has(roomOf(each)))) {
    const code = codeOf(file);
    for (const [pattern, what] of banned) if (pattern.test(code)) wrong.push(`${file}: uses ${what}`);
  }
  assert.equal(wrong, []);
});

t('the wall clock and chance stay in the command line, the workers, the runner and attach', () => {
  const pattern = /\b(Date\.now|Math\.random|setTimeout|performance\.now)\b/;
  const wrong = SOURCES.filter(file => !/^src\/(cli|parallel|runner|attach)\//.test(file))
    .filter(file => pattern.test(codeOf(file)))
    .map(file => `${file}: reads the wall clock or rolls dice`);
  assert.equal(wrong, []);
});

t('`--version` loads nothing: main.ts imports only version.ts before it knows what to do', () => {
  const eager = [...codeOf('src/cli/main.ts').matchAll(/^import .*from '(.*)';$/gm)].map(match => match[1]);
  assert.equal(eager, ['./version.ts']);
  assert.equal(specifiersOf('src/cli/version.ts'), ['node:fs']);
});

t('every file is imported by another', () => {
  const used = new Set<string>(ENTRIES);
  for (const file of [...SOURCES, ...TESTS, ...BENCHES]) {
    for (const specifier of specifiersOf(file)) {
      const target = targetOf(file, specifier);
      if (target !== file) used.add(target);
    }
  }
  assert.equal(
    SOURCES.filter(file => !used.has(file)).map(file => `${file}: nobody imports it`),
    [],
  );
});

t('no file of src is longer than 500 lines', () => {
  const long = SOURCES.map(file => [file, read(file).split('\n').length - 1] as const).filter(
    ([, n]) => n > 500,
  );
  assert.equal(
    long.map(([file, lines]) => `${file}: ${lines} lines`),
    [],
  );
});

t('every file opens with what it is', () => {
  const mute = SOURCES.filter(file => !/^(#!.*\n)?\/\*\*/.test(read(file))).map(
    file => `${file}: no opening comment`,
  );
  const late = mute.filter(line => !/^(import [\s\S]*?;\n)+\n?\/\*\*/.test(read(line.split(':')[0]!)));
  assert.equal(late, []);
});

t('every test file runs its tests, and none is left alone or left out', () => {
  const wrong: string[] = [];
  for (const file of TESTS.filter(each => each.endsWith('.test.ts'))) {
    const text = read(file);
    if (!text.endsWith('.run();\n')) wrong.push(`${file}: does not end in .run();`);
    if (/^\s*\w+\.(only|skip)\(/m.test(text)) wrong.push(`${file}: .only or .skip`);
  }
  assert.equal(wrong, []);
});

t('tests mirror src', () => {
  const rooms = new Set(SOURCES.map(roomOf));
  const strange = TESTS.filter(file => file.endsWith('.test.ts') && file.split('/').length > 2)
    .map(file => file.split('/')[1]!)
    .filter(
      room =>
        !rooms.has(room) &&
        ![
          'interop',
          'fuzz',
          'bench',
          'bench-modes',
          'routing',
          'fingerprint',
          'golden',
          'mutants',
          'property',
          'shell',
        ].includes(room),
    );
  assert.equal([...new Set(strange)], []);
});

t('nothing is unfinished, and no check is switched off', () => {
  const marks = new RegExp(`\\b(TO${'DO'}|FIX${'ME'}|XX${'X'})\\b|@ts-(ignore|expect-error|nocheck)`);
  const wrong = [...SOURCES, ...TESTS, ...BENCHES]
    .filter(file => marks.test(codeOf(file)) || new RegExp(`\\b(TO${'DO'}|FIX${'ME'})\\b`).test(read(file)))
    .map(file => `${file}: unfinished, or a check switched off`);
  assert.equal(wrong, []);
});

t('nothing names a path of the machine it was written on', () => {
  const paths = new RegExp(`\\.\\./sh${'ared'}|/wo${'rk'}/|/ho${'me'}/\\w`);
  const wrong = [...SOURCES, ...TESTS, ...BENCHES].filter(file => paths.test(read(file)));
  assert.equal(wrong, []);
});

/** Words that a shell knows but Windows, or a shell of another kind, does not. */
const SHELL_WORDS = new Set(
  'cd export source alias set unset test echo rm cp mv mkdir touch cat sh bash env'.split(' '),
);

t('package.json scripts start programs, not shell words', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const wrong: string[] = [];
  for (const [name, script] of Object.entries(scripts)) {
    for (const part of script.split(/&&|\|\||;(?![^"]*"(?:[^"]*"[^"]*")*[^"]*$)/)) {
      const [word = ''] = part.trim().split(' ');
      if (SHELL_WORDS.has(word) || /^\w+=/.test(word)) wrong.push(`${name}: ${word} is a shell's word`);
    }
  }
  assert.equal(wrong, []);
});

t('every dependency is imported somewhere', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const unknown = Object.keys(dependencies).filter(name => PACKAGES[name] === undefined);
  assert.equal(unknown, []);
});

t.run();
