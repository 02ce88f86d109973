/** The command line: words to typed arguments, help, colours, exit codes, and how the process meets its surroundings. */
import { spawn, spawnSync } from 'node:child_process';
import { help, parseCommandLine } from '../../src/cli/arguments.ts';
import { renderProblems } from '../../src/cli/code-frame.ts';
import { colour, wantsColour } from '../../src/cli/colour.ts';
import { COMMANDS, type CommandName, UsageError } from '../../src/cli/command-table.ts';
import { type Bodies, dispatch } from '../../src/cli/dispatch.ts';
import { type Io, output } from '../../src/cli/io.ts';
import { Progress } from '../../src/cli/progress.ts';
import { version } from '../../src/cli/version.ts';
import { parseScenario } from '../../src/scenario/load.ts';
import { formatProblem, ScenarioError } from '../../src/scenario/problem.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('cli', undefined, 60_000);

const ALL = Object.keys(COMMANDS) as CommandName[];
const MAIN = fromRoot('build/src/cli/main.js');

// Arguments.

const RUN = {
  workers: 'per-node',
  seed: undefined,
  paths: ['a.yaml'],
  json: false,
  show: [],
  trace: undefined,
  pcap: undefined,
  record: undefined,
  reverse: false,
};
const DIFF = {
  before: 'a',
  after: 'b',
  fabric: undefined,
  format: 'text',
  steps: 0,
  seed: undefined,
} as const;

const EXPLAIN = {
  what: { kind: 'pair', path: 'a.yaml', from: 'pod1', to: 'pod3' },
  proto: 'icmp',
  port: undefined,
  size: undefined,
  df: false,
  steps: 'all',
  at: undefined,
  json: false,
  seed: undefined,
};
const SHELL = { workers: 0, seed: undefined, path: 'a.yaml', commands: [], steps: 0, asciicast: undefined };

for (const [line, name, args] of [
  [['run', 'a.yaml'], 'run', RUN],
  [['run', 'a.yaml', 'b.yaml', '--json'], 'run', { ...RUN, paths: ['a.yaml', 'b.yaml'], json: true }],
  [['run', '--json', 'a.yaml'], 'run', { ...RUN, json: true }],
  [['run', '--workers', 'auto', 'a.yaml'], 'run', { ...RUN, workers: 'auto' }],
  [['run', '--workers=16', 'a.yaml'], 'run', { ...RUN, workers: 16 }],
  [['run', '--workers', '0', 'a.yaml'], 'run', { ...RUN, workers: 0 }],
  [['run', '--seed', '7', 'a.yaml'], 'run', { ...RUN, seed: 7 }],
  [['run', '--seed=0x1f', 'a.yaml'], 'run', { ...RUN, seed: 31 }],
  [['run', 'a.yaml', '--show', 'bgp', '--show', 'routes'], 'run', { ...RUN, show: ['bgp', 'routes'] }],
  [['run', 'a.yaml', '--trace', 'states,routes'], 'run', { ...RUN, trace: 'states,routes' }],
  [['run', 'a.yaml', '--pcap', 'out', '--record', 'j.bin'], 'run', { ...RUN, pcap: 'out', record: 'j.bin' }],
  [['run', '--reverse', 'a.yaml'], 'run', { ...RUN, reverse: true }],
  [['run', '--', '-odd.yaml'], 'run', { ...RUN, paths: ['-odd.yaml'] }],
  [['run', '-'], 'run', { ...RUN, paths: ['-'] }],
  [['run', 'a.yaml', '-', '--record', '-'], 'run', { ...RUN, paths: ['a.yaml', '-'], record: '-' }],
  [['start'], 'start', { workers: 'per-node', seed: undefined }],
  [
    ['fingerprint', 'a.yaml', '--workers', '2'],
    'fingerprint',
    { workers: 2, seed: undefined, path: 'a.yaml' },
  ],
  [['test'], 'test', { paths: [], filter: undefined, reporters: [], update: false, watch: false }],
  [
    ['test', '--watch', '--update'],
    'test',
    { paths: [], filter: undefined, reporters: [], update: true, watch: true },
  ],
  [
    ['test', '--reporter', 'default'],
    'test',
    {
      paths: [],
      filter: undefined,
      reporters: [{ name: 'text', file: undefined }],
      update: false,
      watch: false,
    },
  ],
  [['diff', 'a', 'b'], 'diff', DIFF],
  [
    ['diff', 'a', 'b', '--json', '--fabric', 'f', '--steps', 'all'],
    'diff',
    { ...DIFF, fabric: 'f', format: 'json', steps: 'all' },
  ],
  [['diff', 'a', 'b', '--format', 'markdown'], 'diff', { ...DIFF, format: 'markdown' }],
  [
    ['test', 'a', 'b.yaml', '--filter', 'mtu', '--reporter', 'junit=a=b.xml', '--reporter', 'github'],
    'test',
    {
      paths: ['a', 'b.yaml'],
      filter: /mtu/,
      reporters: [
        { name: 'junit', file: 'a=b.xml' },
        { name: 'github', file: undefined },
      ],
      update: false,
      watch: false,
    },
  ],
  [['explain', 'NO_ROUTE'], 'explain', { ...EXPLAIN, what: { kind: 'code', code: 'NO_ROUTE' } }],
  [['explain', 'a.yaml', 'pod1', 'pod3', '--at', '1.5s'], 'explain', { ...EXPLAIN, at: 1.5e9 }],
  [
    ['lessons', 'large', 'ones', 'hang'],
    'lessons',
    { symptom: 'large ones hang', planned: false, json: false },
  ],
  [['lessons', '--planned', '--json'], 'lessons', { symptom: '', planned: true, json: true }],
  [['explain', 'a.yaml', 'pod1', 'pod3'], 'explain', EXPLAIN],
  [
    [
      'explain',
      'a.yaml',
      'pod1',
      'pod3',
      '--proto',
      'tcp',
      '--port',
      '80',
      '--df',
      '--size=8',
      '--steps',
      '2',
    ],
    'explain',
    { ...EXPLAIN, proto: 'tcp', port: 80, df: true, size: 8, steps: 2 },
  ],
  [['shell', 'a.yaml'], 'shell', SHELL],
  [['shell', 'a.yaml', '-c', 'ip route | wc -l'], 'shell', { ...SHELL, commands: ['ip route | wc -l'] }],
  [['shell', 'a.yaml', '--steps', 'all'], 'shell', { ...SHELL, steps: 'all' }],
  [['shell', '--asciicast', 'x.cast', 'a.yaml'], 'shell', { ...SHELL, asciicast: 'x.cast' }],
  [['shell', 'a.yaml', '--steps', '3', '--command=id'], 'shell', { ...SHELL, steps: 3, commands: ['id'] }],
  [['schema'], 'schema', {}],
] as const) {
  t(`reads ${line.join(' ')}`, () => assert.equal(parseCommandLine(line), { name, args }));
}

for (const [line, command] of [
  [['--help'], undefined],
  [['-h'], undefined],
  [[], undefined],
  [['help'], undefined],
  [['help', 'run'], 'run'],
  [['run', '--help'], 'run'],
  [['shell', 'a.yaml', '-h'], 'shell'],
] as const) {
  t(`helps with [${line.join(' ')}]`, () => assert.equal(parseCommandLine(line), { name: 'help', command }));
}

for (const [line, message, command] of [
  [['rnu', 'a.yaml'], 'unknown command "rnu", did you mean "run"?', undefined],
  [['frobnicate'], 'unknown command "frobnicate"', undefined],
  [['help', 'rn'], 'unknown command "rn", did you mean "run"?', undefined],
  [['--wokers'], 'unknown option "--wokers"', undefined],
  [['run'], 'FILE is missing', 'run'],
  [['run', 'a.yaml', '--wrokers', '2'], 'unknown option "--wrokers", did you mean "--workers"?', 'run'],
  [['run', 'a.yaml', '-x'], 'unknown option "-x"', 'run'],
  [['run', 'a.yaml', '--revrse'], 'unknown option "--revrse"', 'run'],
  [['run', 'a.yaml', '--seed'], '--seed needs a value', 'run'],
  [['run', 'a.yaml', '--seed', '-1'], '--seed needs a value', 'run'],
  [['run', 'a.yaml', '--seed=-1'], '--seed: expected a number from 0 to 4294967295, got "-1"', 'run'],
  [['run', 'a.yaml', '--seed', 'x'], '--seed: expected a number from 0 to 4294967295, got "x"', 'run'],
  [
    ['run', 'a.yaml', '--seed', '4294967296'],
    '--seed: expected a number from 0 to 4294967295, got "4294967296"',
    'run',
  ],
  [['run', 'a.yaml', '--seed', '1', '--seed', '2'], '--seed is given twice', 'run'],
  [
    ['run', 'a.yaml', '--workers', 'many'],
    '--workers: expected per-node, auto or a number up to 256, got "many"',
    'run',
  ],
  [
    ['run', 'a.yaml', '--workers', '257'],
    '--workers: expected per-node, auto or a number up to 256, got "257"',
    'run',
  ],
  [['fingerprint', 'a.yaml', 'b.yaml'], 'one argument too many: "b.yaml"', 'fingerprint'],
  [['shell', 'a.yaml', '-c'], '--command needs a value', 'shell'],
  [['shell', 'a.yaml', '--steps', 'some'], '--steps: expected all or a number, got "some"', 'shell'],
  [['schema', 'x'], 'one argument too many: "x"', 'schema'],
] as const) {
  t(`refuses ${line.join(' ')}`, () => {
    try {
      parseCommandLine(line);
    } catch (error) {
      assert.instance(error, UsageError);
      assert.is((error as UsageError).message, message);
      assert.is((error as UsageError).command, command);
      return;
    }
    assert.unreachable();
  });
}

t('knows only commands that are built', () => {
  assert.throws(() => parseCommandLine(['run', 'a.yaml'], ['schema']), /unknown command "run"/);
});

// Help.

t('lists every command with what it is for', () => {
  const text = help('1.2.3', ALL);
  assert.match(text, /^tunlab 1\.2\.3 {3}/);
  for (const name of ALL) assert.ok(text.includes(COMMANDS[name].about), name);
  assert.match(text, /\n {2}130 {2}interrupted\n/);
  assert.ok(Math.max(...text.split('\n').map(line => line.length)) <= 100);
});

for (const name of ALL) {
  t(`helps with ${name}: usage, options but hidden ones, examples that parse, nothing too wide`, () => {
    const text = help('1.2.3', ALL, name);
    assert.ok(text.includes(`usage: tunlab ${name}`));
    assert.not(text.includes('--reverse'));
    assert.ok(Math.max(...text.split('\n').map(line => line.length)) <= 100);
    for (const [line] of COMMANDS[name].examples) {
      assert.ok(text.includes(line));
      const words = line.replace(/ [|>] .*/, '').match(/'[^']*'|\S+/g) ?? [];
      const argv = words.slice(1).map(word => word.replace(/^'|'$/g, ''));
      assert.is(parseCommandLine(argv).name, name);
    }
  });
}

// Colours.

t('colours terminals, unless told otherwise', () => {
  assert.is(wantsColour(true, {}), true);
  assert.is(wantsColour(false, {}), false);
  assert.is(wantsColour(true, { NO_COLOR: '1' }), false);
  assert.is(wantsColour(true, { NO_COLOR: '' }), true, 'an empty NO_COLOR says nothing (no-color.org)');
  assert.is(wantsColour(true, { TERM: 'dumb' }), false);
  assert.is(wantsColour(false, { FORCE_COLOR: '1' }), true);
  assert.is(wantsColour(true, { FORCE_COLOR: '0' }), false);
  assert.is(wantsColour(true, { FORCE_COLOR: '1', NO_COLOR: '1' }), false);
});

t('says with a glyph what a colour says', () => {
  const plain = colour(false);
  const painted = colour(true);
  for (const [name, glyph] of Object.entries({
    held: '✓',
    failed: '✗',
    open: '?',
    added: '+',
    removed: '-',
  })) {
    const key = name as 'held';
    assert.is(plain[key]('x'), `${glyph} x`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    assert.is(painted[key]('x').replace(/\u001b\[\d+m/g, ''), `${glyph} x`);
    assert.is.not(painted[key]('x'), plain[key]('x'));
  }
});

function problemsOf(text: string): ScenarioError {
  try {
    parseScenario(text, { file: 'x.yaml' });
  } catch (error) {
    if (error instanceof ScenarioError) return error;
  }
  throw new Error('the scenario loaded');
}

t('paints a diagnostic without changing its words', () => {
  const { problems } = problemsOf('apiVersion: 1\n');
  const plain = problems.map(formatProblem).join('\n');
  assert.is(renderProblems(problems, colour(false)), `${plain}\n`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  assert.is(renderProblems(problems, colour(true)).replace(/\u001b\[\d+m/g, ''), `${plain}\n`);
});

// Progress.

const sink = (isTTY: boolean, columns = 80) => {
  const written: string[] = [];
  return { written, output: output({ write: text => written.push(text), isTTY, columns }, {}) };
};

t('shows progress on terminals, ten times a second at most, and takes it away', () => {
  let now = 0;
  const { written, output: terminal } = sink(true, 10);
  const progress = new Progress(terminal, () => now);
  progress.clear();
  progress.update('one');
  now = 99;
  progress.update('two');
  now = 100;
  progress.update('much too long for it');
  progress.clear();
  progress.clear();
  assert.equal(written, ['\r\u001b[2Kone', '\r\u001b[2Kmuch too…', '\r\u001b[2K']);
  const file = sink(false);
  new Progress(file.output, () => 0).update('x');
  assert.equal(file.written, []);
});

// Dispatch.

async function call(argv: readonly string[], bodies: Bodies, controller = new AbortController()) {
  const out = sink(false);
  const err = sink(false);
  const input = async (): Promise<Uint8Array> => new Uint8Array();
  const io: Io = { stdout: out.output, stderr: err.output, input, signal: controller.signal };
  const code = await dispatch(argv, io, bodies);
  return { code, out: out.written.join(''), err: err.written.join('') };
}

t('passes on the exit code of a command', async () => {
  for (const code of [0, 1, 3]) {
    assert.is((await call(['run', 'a'], { run: async () => code })).code, code);
  }
});

t('prints a usage error with where to look, and exits with 2', async () => {
  assert.equal(await call(['run'], { run: async () => 0 }), {
    code: 2,
    out: '',
    err: 'tunlab run: FILE is missing\nsee: tunlab run --help\n',
  });
});

t('prints help on stdout when asked for it, on stderr with 2 when it was not', async () => {
  const asked = await call(['--help'], { run: async () => 0 });
  const bare = await call([], { run: async () => 0 });
  assert.equal([asked.code, asked.err], [0, '']);
  assert.equal([bare.code, bare.out, bare.err], [2, '', asked.out]);
});

t('prints what is wrong with a scenario, and exits with 2', async () => {
  const error = problemsOf('apiVersion: 1\n');
  const { code, out, err } = await call(['run', 'a'], { run: () => Promise.reject(error) });
  assert.equal([code, out, err], [2, '', `${error.message}\n`]);
});

t('calls its own faults its own, and exits with 4', async () => {
  const { code, err } = await call(['run', 'a'], { run: () => Promise.reject(new Error('boom')) });
  assert.is(code, 4);
  assert.match(err, /^✗ internal error: this is a bug in tunlab, not in your scenario\nError: boom\n/);
});

t('exits with 130 when it was interrupted, whatever the command says', async () => {
  const controller = new AbortController();
  controller.abort();
  assert.is((await call(['run', 'a'], { run: async () => 0 }, controller)).code, 130);
  assert.is((await call(['run', 'a'], { run: () => Promise.reject(new Error('x')) }, controller)).code, 130);
});

// The process.

const tunlab = (...argv: string[]) => spawnSync(process.execPath, [MAIN, ...argv], { encoding: 'utf8' });

t('prints its version', () => {
  const { status, stdout, stderr } = tunlab('--version');
  assert.equal([status, stdout, stderr], [0, `tunlab ${version()}\n`, '']);
  assert.match(version(), /^\d+\.\d+\.\d+/);
});

t('prints the schema', () => {
  const { status, stdout } = tunlab('schema');
  assert.is(status, 0);
  assert.is(JSON.parse(stdout).title, 'tunlab scenario');
});

t('exits with 2 on a command that is not there', () => {
  const { status, stderr } = tunlab('shcema');
  assert.equal(
    [status, stderr.split('\n')[0]],
    [2, 'tunlab: unknown command "shcema", did you mean "schema"?'],
  );
});

t('ends without a word when its reader goes away', async () => {
  const child = spawn(process.execPath, [MAIN, 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  const code = await new Promise(resolve => child.on('close', resolve));
  assert.equal([code, err], [0, '']);
});

for (const [how, code] of [
  ['a rejection', "void Promise.reject(new Error('boom'))"],
  ['an exception', "setTimeout(() => { throw new Error('boom') }, 1)"],
] as const) {
  t(`tells in one line of ${how} that nobody waited for, and exits with 4`, () => {
    const script = `const { processIo } = await import(${JSON.stringify(fromRoot('build/src/cli/io.js'))});
      processIo();
      ${code};
      setTimeout(() => process.exit(99), 3000);`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.equal([status, stderr], [4, 'tunlab: internal error: boom\n']);
  });
}

t('asks a command to stop at the first Ctrl-C, and ends with 130 at the second', () => {
  const script = `const { processIo } = await import(${JSON.stringify(fromRoot('build/src/cli/io.js'))});
    const { signal } = processIo();
    const again = () => process.kill(process.pid, 'SIGINT');
    signal.addEventListener('abort', () => { process.stdout.write('stopping'); again(); });
    again();
    setTimeout(() => process.exit(99), 3000);`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal([status, stdout], [130, 'stopping']);
});

for (const [line, models] of [
  ['bench', ['ideal', 'infrabuilder-2020-k415']],
  ['bench --modes direct', ['ideal', 'infrabuilder-2020-k415']],
  ['bench --rate 25G', ['ideal']],
  ['bench --mtu 9000', ['ideal']],
  ['bench lab.yaml', ['ideal']],
  ['bench --host-model daocloud', ['daocloud']],
] as const)
  t(`host models of ${line}`, () => {
    const parsed = parseCommandLine(line.split(' '));
    assert.equal(parsed.name === 'bench' && parsed.args.hostModels, models);
  });

t.run();
