/**
 * The commands, as data: what they take, what they are for, and how their words become typed arguments. The bodies are
 * in `commands/NAME.ts` and are loaded only when asked for (`main.ts`), because zod, yaml and the engine cost more than
 * all the rest of a `--help`.
 */
import { capture } from './capture-spec.ts';
import type {
  CommandArguments,
  CommandName,
  DiffOptions,
  ExplainOptions,
  ReporterName,
  TestOptions,
} from './command-options.ts';

import {
  common,
  type OptionSpec,
  parseNumber,
  parseSeed,
  parseSteps,
  parseTime,
  parseWorkers,
  SEED,
  SHELL_WORKERS,
  UsageError,
  WORKERS,
  type Words,
} from './option-values.ts';

export type * from './command-options.ts';
export { type OptionSpec, parseWorkers, UsageError, type Words };

export interface CommandSpec<Name extends CommandName = CommandName> {
  readonly name: Name;
  /** Positional arguments as shown in the usage line. */
  readonly usage: string;
  readonly about: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly (readonly [line: string, about: string])[];
  read(words: Words): CommandArguments[Name];
}

const start: CommandSpec<'start'> = {
  name: 'start',
  usage: '',
  about: 'the walkthrough: IPIP, Direct, CrossSubnet, Direct with BGP',
  minimum: 0,
  maximum: 0,
  options: [WORKERS, SEED],
  examples: [['tunlab start', 'what `npm start` does']],
  read: common,
};

const run: CommandSpec<'run'> = {
  name: 'run',
  usage: 'FILE…',
  about: 'run scenarios and say which expectations held',
  minimum: 1,
  maximum: Number.POSITIVE_INFINITY,
  options: [
    WORKERS,
    SEED,
    { flags: '--json', about: 'one JSON document on stdout instead of text' },
    { flags: '--show <table>', about: 'print a table at the end; may be given again', repeatable: true },
    {
      flags: '--trace <classes>',
      about: 'trace to stderr: states, routes, filters, interfaces, events, packets',
    },
    { flags: '--pcap <folder>', about: 'write what each device saw, in one pcapng file' },
    { flags: '--record <file>', about: 'write the journal of the run, and its results' },
    { flags: '--reverse', about: 'visit processes in reverse order', hidden: true },
  ],
  examples: [
    ['tunlab run scenarios/kans.yaml', 'the walkthrough, step by step'],
    ['tunlab run --json lab.yaml | jq .ok', 'for a script'],
    [
      'tunlab run --trace states,routes@k8s-w1 lab.yaml',
      'BGP sessions and routes of one node as they change',
    ],
    ['tunlab run --pcap out lab.yaml', 'then open out/NAME.pcapng with Wireshark'],
    ['tunlab run --workers 0 --seed 7 lab.yaml', 'on the main thread, other random numbers'],
  ],
  read: words => ({
    ...common(words),
    paths: words.positional,
    json: words.on('json'),
    show: words.list('show'),
    trace: words.text('trace'),
    pcap: words.text('pcap'),
    record: words.text('record'),
    reverse: words.on('reverse'),
  }),
};

const REPORTERS: readonly ReporterName[] = ['text', 'json', 'junit', 'github'];

function parseReporters(written: readonly string[]): TestOptions['reporters'] {
  const reporters = written.map(text => {
    const [given, ...rest] = text.split('=');
    // What others call the default reporter.
    const name = given === 'default' ? 'text' : REPORTERS.find(each => each === given);
    if (name === undefined)
      throw new UsageError(`--reporter: expected ${REPORTERS.join(', ')}, got "${given}"`);
    const file = rest.length === 0 ? undefined : rest.join('=');
    if (file === '') throw new UsageError(`--reporter: ${name}= wants a file`);
    return { name, file };
  });
  if (reporters.filter(each => each.file === undefined).length > 1)
    throw new UsageError('--reporter: only one can write to standard output; give the others a file');
  return reporters;
}

function parseFilter(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`--filter: ${(error as Error).message}`);
  }
}

const test: CommandSpec<'test'> = {
  name: 'test',
  usage: '[PATHS…]',
  about: 'run all scenarios below, side by side, and explain what failed',
  minimum: 0,
  maximum: Number.POSITIVE_INFINITY,
  options: [
    { flags: '--filter <expression>', about: 'only scenarios whose path this regular expression finds' },
    {
      flags: '--reporter <name>',
      about: 'text, json, junit, github; or NAME=FILE; may be given again',
      repeatable: true,
    },
    { flags: '--update', about: 'write the snapshots that noChange compares with' },
    { flags: '--watch', about: 'run again what a changed file is about, until Ctrl-C' },
  ],
  examples: [
    ['tunlab test scenarios', 'every scenario below that folder'],
    ['tunlab test --filter mtu', 'some of them'],
    ['tunlab test --reporter github --reporter junit=results.xml', 'in CI'],
    ['tunlab test --watch', 'beside an editor'],
  ],
  read: words => ({
    paths: words.positional,
    filter: parseFilter(words.text('filter')),
    reporters: parseReporters(words.list('reporter')),
    update: words.on('update'),
    watch: words.on('watch'),
  }),
};

function readExplain(words: Words): ExplainOptions {
  const [first, from, to] = words.positional as [string, string?, string?];
  if (from !== undefined && to === undefined) throw new UsageError('explain what? FILE FROM TO, or CODE');
  const proto = words.text('proto') ?? 'icmp';
  if (proto !== 'icmp' && proto !== 'udp' && proto !== 'tcp')
    throw new UsageError(`--proto: expected icmp, udp or tcp, got "${proto}"`);
  return {
    what:
      from === undefined || to === undefined
        ? { kind: 'code', code: first }
        : { kind: 'pair', path: first, from, to },
    proto,
    port: parseNumber(words, 'port', 1, 65_535),
    size: parseNumber(words, 'size', 0, 65_507),
    df: words.on('df'),
    steps: parseSteps(words.text('steps') ?? 'all'),
    at: parseTime(words, 'at'),
    json: words.on('json'),
    seed: parseSeed(words.text('seed')),
  };
}

const explain: CommandSpec<'explain'> = {
  name: 'explain',
  usage: 'FILE FROM TO',
  about: 'hop by hop: who decided, where it dies, what cures it; or CODE',
  minimum: 1,
  maximum: 3,
  options: [
    { flags: '--proto <protocol>', about: 'icmp (default), udp or tcp' },
    { flags: '--port <number>', about: 'destination port of udp and tcp' },
    { flags: '--size <octets>', about: 'payload, as ping -s counts' },
    { flags: '--df', about: 'forbid fragments' },
    { flags: '--steps <number>', about: 'run so many steps of the scenario first, or all (default)' },
    { flags: '--at <time>', about: 'look at that time of the run, 12s' },
    { flags: '--json', about: 'one JSON document on stdout instead of text' },
    SEED,
  ],
  examples: [
    ['tunlab explain scenarios/modes/direct.yaml pod1 pod3', 'why this ping is silent'],
    ['tunlab explain lab.yaml pod1 pod3 --size 1472 --df', 'the way of a full-sized packet'],
    ['tunlab explain NO_ROUTE', 'what a drop code means'],
  ],
  read: readExplain,
};

const lessons: CommandSpec<'lessons'> = {
  name: 'lessons',
  usage: '[SYMPTOM]',
  about: "users' problems, reproduced and cured; find yours",
  minimum: 0,
  maximum: Number.POSITIVE_INFINITY,
  options: [
    { flags: '--planned', about: 'what cannot be shown yet, and what is missing for it' },
    { flags: '--json', about: 'one JSON document on stdout instead of text' },
  ],
  examples: [
    ['tunlab lessons', 'all of them'],
    ['tunlab lessons large transfers hang but ping works', 'the one that looks like this'],
    ['tunlab lessons "#2879"', 'by the number of an issue'],
  ],
  read: words => {
    const symptom = words.positional.join(' ').trim();
    const planned = words.on('planned');
    if (planned && symptom !== '') throw new UsageError('--planned lists all: leave the symptom out');
    return { symptom, planned, json: words.on('json') };
  },
};

const FORMATS = ['text', 'markdown', 'json'] as const;

function parseFormat(words: Words): DiffOptions['format'] {
  const text = words.text('format') ?? (words.on('json') ? 'json' : 'text');
  const format = FORMATS.find(each => each === text);
  if (format === undefined) throw new UsageError(`--format: expected ${FORMATS.join(', ')}, got "${text}"`);
  if (words.on('json') && format !== 'json')
    throw new UsageError(`--json and --format ${format} are two forms`);
  return format;
}

const diff: CommandSpec<'diff'> = {
  name: 'diff',
  usage: 'A B',
  about: 'what a change does: tables, paths, outage; two scenarios or resource folders',
  minimum: 2,
  maximum: 2,
  options: [
    { flags: '--fabric <file>', about: 'the scenario whose fabric and pods two resource folders are for' },
    { flags: '--steps <number>', about: 'run so many steps of the scenario first, or all' },
    { flags: '--format <name>', about: 'text (default), markdown, json' },
    { flags: '--json', about: 'as --format json' },
    SEED,
  ],
  examples: [
    ['tunlab diff lab.yaml calico-new', 'resources of a folder, applied to the running lab'],
    ['tunlab diff main/calico branch/calico --fabric lab.yaml', 'two states of a repository'],
    ['tunlab diff lab.yaml other.yaml --format markdown', 'for a pull request'],
  ],
  read: words => ({
    before: words.positional[0]!,
    after: words.positional[1]!,
    fabric: words.text('fabric'),
    format: parseFormat(words),
    steps: parseSteps(words.text('steps')),
    seed: parseSeed(words.text('seed')),
  }),
};

const fingerprint: CommandSpec<'fingerprint'> = {
  name: 'fingerprint',
  usage: 'FILE',
  about: 'run a scenario and print the hash of all that happened',
  minimum: 1,
  maximum: 1,
  options: [WORKERS, SEED],
  examples: [['tunlab fingerprint lab.yaml --workers 0', 'the same 64 digits for any number of workers']],
  read: words => ({ ...common(words), path: words.positional[0]! }),
};

const shell: CommandSpec<'shell'> = {
  name: 'shell',
  usage: '[FILE]',
  about: 'boot a lab and type at k8s-m: calicoctl, kubectl, ip, birdcl, tcpdump, …',
  minimum: 0,
  maximum: 1,
  options: [
    { flags: '-c, --command <line>', about: 'run this line and exit; may be given again', repeatable: true },
    { flags: '--steps <number>', about: 'run so many steps of the scenario first, or all' },
    { flags: '--asciicast <file>', about: 'record the session for asciinema, in virtual time' },
    SHELL_WORKERS,
    SEED,
  ],
  examples: [
    ['tunlab shell', 'sit down at the lab of the walkthrough'],
    ["tunlab shell lab.yaml -c 'ssh k8s-w1 ip route'", 'one command'],
    ["tunlab shell lab.yaml --steps all -c 'kubectl get pods -o wide'", 'after all steps'],
    ['tunlab shell lab.yaml', 'with lines on standard input: as pasted from a post, prompts and all'],
  ],
  read: words => ({
    ...common(words),
    ...(words.text('workers') === undefined && { workers: 0 }),
    path: words.positional[0],
    commands: words.list('command'),
    asciicast: words.text('asciicast'),
    steps: parseSteps(words.text('steps')),
  }),
};

const attach: CommandSpec<'attach'> = {
  name: 'attach',
  usage: 'FILE NODE',
  about: 'let a node speak BGP with a real daemon on loopback, in real time',
  minimum: 2,
  maximum: 2,
  options: [
    { flags: '--peer <address>', about: "the real peer's address, as the lab's configuration has it" },
    { flags: '--connect <address:port>', about: 'where the real peer listens, in 127.0.0.0/8' },
    { flags: '--source <address>', about: 'the address to come from; 127.0.0.1 unless told' },
    { flags: '--listen <address:port>', about: 'where it may connect to; port 0 lets us choose' },
    SEED,
  ],
  examples: [
    [
      'tunlab attach lab.yaml k8s-w1 --peer 192.168.10.254 --connect 127.0.0.1:1179',
      'the router that k8s-w1 peers with is the daemon on port 1179',
    ],
  ],
  read: words => {
    const peer = words.text('peer');
    if (peer === undefined) throw new UsageError("--peer is missing: the real peer's address in the lab");
    const [listen, connect] = [words.text('listen'), words.text('connect')];
    if (listen === undefined && connect === undefined)
      throw new UsageError('where is the real peer? give --connect, --listen or both');
    const [path, node] = words.positional as [string, string];
    return {
      path,
      node,
      peer,
      listen,
      connect,
      source: words.text('source'),
      seed: parseSeed(words.text('seed')),
    };
  },
};

/** `1500,9000` -> two words. */
const words = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').map(word => word.trim());

function parseRepeat(text: string | undefined): number {
  if (text === undefined) return 3;
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new UsageError(`--repeat: expected a number from 1 to 999, got "${text}"`);
}

/** A machine that was measured at 10 Gbit/s and MTU 1500 stands beside the ideal one where the lab is such a lab. */
const defaultModels = (given: Words): readonly string[] =>
  given.positional.length === 0 && given.text('rate') === undefined && given.text('mtu') === undefined
    ? ['ideal', 'infrabuilder-2020-k415']
    : ['ideal'];

const bench: CommandSpec<'bench'> = {
  name: 'bench',
  usage: '[SCENARIO]',
  about: 'what a mode costs: throughput, packets, round trip, CPU, and what limits it',
  minimum: 0,
  maximum: 1,
  options: [
    { flags: '--modes <list>', about: 'direct, ipip, vxlan, ipip-crosssubnet, vxlan-crosssubnet' },
    { flags: '--mtu <list>', about: 'MTUs of the underlay: 1500,9000' },
    { flags: '--rate <list>', about: 'rates of the links: 1G,10G,25G' },
    { flags: '--streams <list>', about: 'parallel TCP streams: 1,8' },
    {
      flags: '--host-model <list>',
      about: 'what packets cost a processor: ideal (nothing), or a measured one',
    },
    { flags: '--duration <time>', about: 'virtual time of each TCP measurement (200ms)' },
    { flags: '--repeat <number>', about: 'seeds at most, where the seed changes a result (3)' },
    { flags: '--wide', about: 'retransmits, percentiles, CRR, and where the difference comes from' },
    { flags: '--json <file>', about: 'write an array with one object for each cell' },
    { flags: '--html <file>', about: 'write a page with pictures' },
    { flags: '--pcap <folder>', about: "write the first packets of each cell at the sender's NIC" },
    SEED,
    {
      flags: '--workers <number>',
      about: 'threads of each lab; 0, the default, runs labs side by side',
    },
  ],
  examples: [
    ['tunlab bench', 'what IPIP and VXLAN cost'],
    ['tunlab bench --mtu 1500,9000 --rate 10G,40G --modes direct,vxlan', 'what a larger MTU brings'],
    ['tunlab bench --host-model infrabuilder-2024-40g --rate 40G --mtu 9000 --wide', 'on a real machine'],
    ['tunlab bench scenarios/kans.yaml', 'where Direct needs a router that knows the pods'],
  ],
  read: given => ({
    path: given.positional[0],
    modes: words(given.text('modes')),
    mtus: words(given.text('mtu')),
    rates: words(given.text('rate')),
    streams: words(given.text('streams')),
    hostModels: words(given.text('host-model')) ?? defaultModels(given),
    repeat: parseRepeat(given.text('repeat')),
    duration: given.text('duration'),
    json: given.text('json'),
    html: given.text('html'),
    pcap: given.text('pcap'),
    wide: given.on('wide'),
    seed: parseSeed(given.text('seed')),
    workers: given.text('workers') === undefined ? 0 : parseWorkers(given.text('workers')),
  }),
};

const schema: CommandSpec<'schema'> = {
  name: 'schema',
  usage: '',
  about: 'print the JSON Schema of scenario files, for editors',
  minimum: 0,
  maximum: 0,
  options: [],
  examples: [['tunlab schema > scenario.schema.json', 'then point your editor at it']],
  read: () => ({}),
};

/** In the order in which help lists them. */
export const COMMANDS: { readonly [Name in CommandName]: CommandSpec<Name> } = {
  start,
  run,
  capture,
  test,
  explain,
  lessons,
  diff,
  shell,
  bench,
  fingerprint,
  attach,
  schema,
};
