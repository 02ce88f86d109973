/**
 * One shell at one place: real shell language (just-bash), our own commands, files in memory.
 *
 * just-bash keeps neither directory nor variables between its calls, so they are carried from line to line here.
 */
import { Bash, decodeBytesToUtf8, defineCommand } from 'just-bash';
import type { Cluster } from '../controller/cluster.ts';
import { MILLISECOND } from '../sim/time.ts';
import {
  type Command,
  type CommandIo,
  failed,
  INTERRUPTED,
  type OutputStream,
  type Place,
  type ShellResult,
} from './command.ts';
import { commandsAt, needsPower } from './command-set.ts';
import { functionsIn, quote, standsAlone, timedPipeline, withTimeAsCommand, wordsOf } from './line.ts';
import { type MachineFiles, WriteRefused } from './machine-files.ts';
import { outside } from './outside.ts';
import type { ShellTime } from './shell-time.ts';

/** What runs at most in one line: a scenario file is untrusted input. */
const LIMITS = {
  maxCommandCount: 10_000,
  maxLoopIterations: 10_000,
  maxCallDepth: 50,
  maxOutputSize: 16 * 2 ** 20,
};

/** How just-bash keeps an alias among the variables. */
const ALIAS = 'BASH_ALIAS_';
/** Shells that a script may be given to. */
const SHELL = /^(\/(usr\/)?bin\/)?(ba|z|a|da)?sh$/;

/** How a command line runs: in the foreground or not, watched or not. */
export interface Run {
  readonly time: ShellTime;
  readonly signal: AbortSignal;
  /** Shows output as it comes; undefined where it is only wanted at the end. */
  readonly live: ((text: string, stream: OutputStream) => void) | undefined;
  /** Makes a place the one that is typed at; undefined where nobody is asked to type. */
  readonly enter: ((place: Place) => void) | undefined;
}

/** Where root is at home, on every emulated machine. */
export const ROOTS_HOME = '/root';

/** What all sessions of a shell have in common. */
export interface Home {
  readonly cluster: Cluster;
  /** Commands that only this shell has (`step`, `save`). */
  readonly extras: Readonly<Record<string, Command>>;
  /** Names that stand for other words, wherever a command may stand. */
  readonly aliases: Map<string, string>;
  filesOf(place: Place): MachineFiles;
  /** A new shell at `place`, as ssh and kubectl exec start one. */
  session(place: Place): Session;
}

export class Session {
  readonly place: Place;
  /** Exit code of the last line. */
  status = 0;
  readonly #home: Home;
  readonly #files: MachineFiles;
  #bash: Bash | undefined;
  #env: Record<string, string>;
  #directory = ROOTS_HOME;
  /** Definitions of functions that were typed, by name. */
  #functions = new Map<string, string>();
  #run: Run | undefined;

  constructor(home: Home, place: Place) {
    this.#home = home;
    this.place = place;
    this.#files = home.filesOf(place);
    this.#env = {
      HOME: ROOTS_HOME,
      USER: 'root',
      LOGNAME: 'root',
      HOSTNAME: place.hostname,
      SHELL: '/bin/bash',
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    };
  }

  get directory(): string {
    return this.#directory;
  }

  /** Files in the present directory. */
  fileNames(): string[] {
    const folder = `${this.#directory}/`;
    return this.#files
      .getAllPaths()
      .filter(path => path.startsWith(folder) && !path.slice(folder.length).includes('/'))
      .map(path => path.slice(folder.length));
  }

  /** A copy that goes its own way from here, as a background job does. */
  fork(): Session {
    const copy = new Session(this.#home, this.place);
    copy.#env = { ...this.#env };
    copy.#directory = this.#directory;
    copy.#functions = new Map(this.#functions);
    return copy;
  }

  /** Run a command line. Never throws for what was typed. */
  async exec(line: string, run: Run, stdin = ''): Promise<ShellResult> {
    const timed = timedPipeline(line);
    if (timed === undefined) return this.#exec(line, run, stdin);
    const began = run.time.now;
    const result = await this.#exec(timed.rest, run, stdin);
    return { ...result, stderr: result.stderr + timed.report(run.time.now - began) };
  }

  async #exec(line: string, run: Run, stdin: string): Promise<ShellResult> {
    this.#bash ??= this.#makeBash();
    // Only what a command of ours prints is all that the line prints.
    const isOwn = standsAlone(line) && Object.hasOwn(this.#commands, wordsOf(line)[0] ?? '');
    this.#run = { ...run, live: isOwn ? run.live : undefined };
    const { stdout, stderr, exitCode, env } = await this.#bashExec(
      this.#prelude(line) + withTimeAsCommand(line),
      stdin,
    );
    if (env !== undefined) this.#keep(env);
    for (const [name, text] of functionsIn(line)) this.#functions.set(name, text);
    this.status = run.signal.aborted && exitCode !== 0 ? INTERRUPTED : exitCode;
    return { stdout, stderr, exitCode: this.status };
  }

  async #bashExec(script: string, stdin: string): Promise<ShellResult & { env?: Record<string, string> }> {
    try {
      const env = { ...this.#env, ...this.#aliases() };
      return await this.#bash!.exec(script, { cwd: this.#directory, env, stdin });
    } catch (error) {
      if (!(error instanceof WriteRefused)) throw error;
      return failed(`bash: write error: ${error.message}\n`);
    }
  }

  /** What just-bash forgets between its calls and `line` may ask for: functions, aliases, `$?`. */
  #prelude(line: string): string {
    let text = '';
    const words = new Set(line.split(/[^\w.-]+/));
    for (const [name, definition] of this.#functions) if (words.has(name)) text += `${definition}\n`;
    // `k` is a command here as well as an alias.
    const isUsed = (name: string): boolean => words.has(name) && !Object.hasOwn(this.#commands, name);
    if ([...this.#home.aliases.keys()].some(isUsed)) text += 'shopt -s expand_aliases\n';
    return line.includes('$?') ? `${text}(exit ${this.status})\n` : text;
  }

  #aliases(): Record<string, string> {
    return Object.fromEntries([...this.#home.aliases].map(([name, text]) => [ALIAS + name, text]));
  }

  /** Directory, variables and aliases as the line has left them. */
  #keep(env: Record<string, string>): void {
    const own = Object.entries(env).filter(([name]) => !name.startsWith(ALIAS));
    for (const [name, text] of Object.entries(env))
      if (name.startsWith(ALIAS)) this.#home.aliases.set(name.slice(ALIAS.length), text);
    this.#env = Object.fromEntries(own);
    this.#directory = env['PWD'] ?? this.#directory;
  }

  /** Run words that another shell has already split; a single word may be a whole command line, as ssh sends it. */
  async execWords(words: readonly string[], run: Run, stdin: string): Promise<ShellResult> {
    const [program = '', option, script] = words;
    // `sh -c '…'`: the line itself, so that it is shown as it comes.
    if (words.length === 3 && option === '-c' && SHELL.test(program)) return this.exec(script!, run, stdin);
    return this.exec(words.length === 1 ? words[0]! : words.map(quote).join(' '), run, stdin);
  }

  get #commands(): Readonly<Record<string, Command>> {
    return { ...commandsAt(this.#home.cluster, this.place), ...this.#home.extras };
  }

  #makeBash(): Bash {
    const customCommands = Object.entries(this.#commands).map(([name, command]) =>
      defineCommand(name, (args, context) => this.#call(name, command, args, context)),
    );
    return new Bash({
      fs: this.#files,
      customCommands,
      executionLimits: LIMITS,
      processInfo: { pid: 1834, ppid: 1833, uid: 0, gid: 0 },
      sleep: async milliseconds => {
        const { time, signal } = this.#run!;
        const deadline = time.now + milliseconds * MILLISECOND;
        await outside(() => time.until(() => false, { deadline, signal }));
      },
    });
  }

  async #call(
    name: string,
    command: Command,
    args: readonly string[],
    context: Parameters<Parameters<typeof defineCommand>[1]>[1],
  ): Promise<ShellResult> {
    const run = this.#run!;
    if (run.signal.aborted) return { stdout: '', stderr: '', exitCode: INTERRUPTED };
    const { machine } = this.place;
    if (
      needsPower(name) &&
      !Object.hasOwn(this.#home.extras, name) &&
      this.#home.cluster.controller.isOff(machine)
    )
      return failed(`${machine} is off: node start ${machine}\n`, 255);
    const { fs, cwd } = context;
    const absolute = (path: string): string => fs.resolvePath(cwd, path);
    const kept = { stdout: '', stderr: '' };
    const { cluster } = this.#home;
    const io: CommandIo = {
      cluster,
      time: run.time,
      signal: run.signal,
      place: this.place,
      stdin: decodeBytesToUtf8(context.stdin),
      write: (text, stream = 'stdout') => {
        if (run.live === undefined) kept[stream] += text;
        else run.live(text, stream);
      },
      readFile: async path => ((await isFile(fs, absolute(path))) ? fs.readFile(absolute(path)) : undefined),
      readOctets: async path =>
        (await isFile(fs, absolute(path))) ? fs.readFileBuffer(absolute(path)) : undefined,
      writeOctets: (path, octets) => fs.writeFile(absolute(path), octets),
      enter: run.enter,
      runAt: (place, words, stdin) =>
        this.#home.session(place).execWords(words, { ...run, enter: undefined }, stdin),
      runHere: (words, limits) => this.fork().execWords(words, { ...run, ...limits, enter: undefined }, ''),
    };
    const result = await command(args, io);
    return {
      stdout: kept.stdout + result.stdout,
      stderr: kept.stderr + result.stderr,
      exitCode: result.exitCode,
    };
  }
}

type Files = Parameters<Parameters<typeof defineCommand>[1]>[1]['fs'];

const isFile = async (fs: Files, path: string): Promise<boolean> =>
  (await fs.exists(path)) && (await fs.stat(path)).isFile;
