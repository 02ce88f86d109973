/**
 * From words to typed arguments, a thin layer over cac: it splits the words, we say what they mean and what is wrong
 * with them. cac turns values that look like numbers into numbers first, so `--record 1.0` would name a file `1`;
 * and a value that begins with a dash must be written `--option=-value`. It also throws away a word that is only a dash
 * (standard input), so that one is hidden from it.
 */
import { cac } from 'cac';
import { didYouMean } from '../scenario/nearest.ts';
import {
  COMMANDS,
  type CommandArguments,
  type CommandName,
  type CommandSpec,
  type OptionSpec,
  UsageError,
  type Words,
} from './command-table.ts';

export type CommandLine =
  | { [Name in CommandName]: { readonly name: Name; readonly args: CommandArguments[Name] } }[CommandName]
  | { readonly name: 'help'; readonly command: CommandName | undefined };

const HELP: OptionSpec = { flags: '-h, --help', about: 'this text' };

/**
 * Read `argv` (without node and script). `known` are the commands that have a body. Throws `UsageError`.
 */
export function parseCommandLine(
  argv: readonly string[],
  known: readonly CommandName[] = Object.keys(COMMANDS) as CommandName[],
): CommandLine {
  const [first] = argv.filter(word => !word.startsWith('-'));
  const wantsHelp = beforeDoubleDash(argv).some(word => word === '--help' || word === '-h');
  if (first === 'help') {
    const about = argv.find(word => word !== 'help' && !word.startsWith('-'));
    return { name: 'help', command: about === undefined ? undefined : commandNamed(about, known) };
  }
  if (first === undefined) {
    const stray = argv.find(word => word !== '--help' && word !== '-h');
    if (stray !== undefined) throw new UsageError(`unknown option "${stray}"${guessOption(stray, [HELP])}`);
    return { name: 'help', command: undefined };
  }
  const name = commandNamed(first, known);
  if (wantsHelp) return { name: 'help', command: name };
  return { name, args: readCommand(COMMANDS[name], argv) } as CommandLine;
}

function beforeDoubleDash(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function commandNamed(written: string, known: readonly CommandName[]): CommandName {
  const name = known.find(each => each === written);
  if (name !== undefined) return name;
  throw new UsageError(`unknown command "${written}"${didYouMean(written, [...known, 'help'])}`);
}

function readCommand(spec: CommandSpec, argv: readonly string[]): CommandArguments[CommandName] {
  const cli = cac('tunlab');
  const command = cli.command(spec.name);
  for (const { flags, about } of spec.options) command.option(flags, about);
  const { args, options } = cli.parse(['node', 'tunlab', ...argv.map(hide)], { run: false });
  const complain = (message: string): never => {
    throw new UsageError(message, spec.name);
  };
  const positional = [...args, ...((options['--'] as readonly string[]) ?? [])].map(unhide);
  const words = new ParsedWords(positional, options, spec, complain);
  for (const key of Object.keys(options)) {
    if (key === '--' || spec.options.some(option => namesOf(option).includes(kebab(key)))) continue;
    const dashed = key.length === 1 ? `-${key}` : `--${kebab(key)}`;
    complain(`unknown option "${dashed}"${guessOption(dashed, [...spec.options, HELP])}`);
  }
  if (positional.length < spec.minimum) complain(`${spec.usage.replace('…', '')} is missing`);
  if (positional.length > spec.maximum) complain(`one argument too many: "${positional[spec.maximum]}"`);
  try {
    return spec.read(words);
  } catch (error) {
    if (error instanceof UsageError && error.command === undefined) complain(error.message);
    throw error;
  }
}

/** What cac sees in place of `-`. */
const HIDDEN_DASH = '\0';

const hide = (word: string): string => (word === '-' ? HIDDEN_DASH : word);

const unhide = (word: unknown): string => (word === HIDDEN_DASH ? '-' : String(word));

const kebab = (key: string): string => key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

/** cac's key of an option. */
const camel = (name: string): string =>
  name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** `-c, --command <line>` -> [`c`, `command`]. */
const namesOf = ({ flags }: OptionSpec): string[] =>
  flags
    .replace(/<.*/, '')
    .split(',')
    .map(flag => flag.trim().replace(/^--?/, ''));

function guessOption(written: string, options: readonly OptionSpec[]): string {
  const candidates = options.filter(option => option.hidden !== true).map(option => namesOf(option).at(-1)!);
  return didYouMean(
    written,
    candidates.map(name => `--${name}`),
  );
}

class ParsedWords implements Words {
  readonly positional: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(
    positional: readonly string[],
    options: Readonly<Record<string, unknown>>,
    spec: CommandSpec,
    complain: (message: string) => never,
  ) {
    this.positional = positional;
    this.#options = options;
    for (const option of spec.options) {
      const name = namesOf(option).at(-1)!;
      const value = options[camel(name)];
      const takesValue = option.flags.includes('<');
      if (takesValue && (value === true || value === '')) complain(`--${name} needs a value`);
      if (Array.isArray(value) && option.repeatable !== true && takesValue)
        complain(`--${name} is given twice`);
      if (!takesValue && typeof value === 'string') complain(`--${name} takes no value`);
    }
  }

  text(option: string): string | undefined {
    const value = this.#options[camel(option)];
    return value === undefined ? undefined : unhide(value);
  }

  list(option: string): readonly string[] {
    const value = this.#options[camel(option)];
    return value === undefined ? [] : [value].flat().map(unhide);
  }

  on(option: string): boolean {
    return [this.#options[camel(option)]].flat().at(-1) === true;
  }
}

const EXIT_CODES: readonly (readonly [code: string, about: string])[] = [
  ['0', 'all expectations held'],
  ['1', 'an expectation failed'],
  ['2', 'bad usage or input'],
  ['3', 'inconclusive: a deadline came before a verdict'],
  ['4', 'internal error'],
  ['130', 'interrupted'],
];

/** The help of one command, or the list of all. */
export function help(version: string, known: readonly CommandName[], command?: CommandName): string {
  return command === undefined ? overview(version, known) : helpOf(COMMANDS[command]);
}

function overview(version: string, known: readonly CommandName[]): string {
  return [
    `tunlab ${version}   what happens to my pods if I change the encapsulation?`,
    '',
    'usage: tunlab COMMAND [OPTION…] [FILE…]',
    '',
    ...columns(known.map(name => [`${name} ${COMMANDS[name].usage}`.trimEnd(), COMMANDS[name].about])),
    '',
    'options:',
    ...columns([
      [HELP.flags, 'this text, or that of a command'],
      ['-V, --version', 'the version'],
    ]),
    '',
    'exit codes:',
    ...columns(EXIT_CODES),
    '',
    'NO_COLOR=1 takes the colours away; they never say more than the words do.',
    '',
  ].join('\n');
}

function helpOf(spec: CommandSpec): string {
  const shown = [...spec.options, HELP].filter(option => option.hidden !== true);
  const lines = [
    spec.about,
    '',
    `usage: tunlab ${spec.name} [OPTION…] ${spec.usage}`.trimEnd(),
    '',
    'options:',
    ...columns(shown.map(({ flags, about }) => [flags.startsWith('--') ? `    ${flags}` : flags, about])),
    '',
    spec.examples.length === 1 ? 'example:' : 'examples:',
    ...spec.examples.flatMap(([line, about]) => [`  ${line}`, `      ${about}`]),
    '',
  ];
  return lines.join('\n');
}

function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
