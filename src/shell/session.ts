/**
 * One shell at one place: real shell language (just-bash), our own commands, files in memory.
 *
 * just-bash keeps neither directory nor variables between its calls, so they are carried from line to line here.
 */
import { Bash, decodeBytesToUtf8, defineCommand, type InMemoryFs } from 'just-bash';
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
import { quote, standsAlone } from './line.ts';
import type { ShellTime } from './shell-time.ts';

/** What runs at most in one line: a scenario file is untrusted input. */
const LIMITS = {
  maxCommandCount: 10_000,
  maxLoopIterations: 10_000,
  maxCallDepth: 50,
  maxOutputSize: 16 * 2 ** 20,
};

/** How a command line runs: in the foreground or not, watched or not. */
export interface Run {
  readonly time: ShellTime;
  readonly signal: AbortSignal;
  /** Shows output as it comes; undefined where it is only wanted at the end. */
  readonly live: ((text: string, stream: OutputStream) => void) | undefined;
  /** Makes a place the one that is typed at; undefined where nobody is asked to type. */
  readonly enter: ((place: Place) => void) | undefined;
}

/** What all sessions of a shell have in common. */
export interface Home {
  readonly cluster: Cluster;
  /** Commands that only this shell has (`step`, `save`). */
  readonly extras: Readonly<Record<string, Command>>;
  filesOf(place: Place): InMemoryFs;
  /** A new shell at `place`, as ssh and kubectl exec start one. */
  session(place: Place): Session;
}

export class Session {
  readonly place: Place;
  /** Exit code of the last line. */
  status = 0;
  readonly #home: Home;
  readonly #files: InMemoryFs;
  #bash: Bash | undefined;
  #env: Record<string, string>;
  #directory = '/root';
  #run: Run | undefined;

  constructor(home: Home, place: Place) {
    this.#home = home;
    this.place = place;
    this.#files = home.filesOf(place);
    this.#env = {
      HOME: '/root',
      USER: 'root',
      LOGNAME: 'root',
      HOSTNAME: place.hostname,
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
    return copy;
  }

  /** Run a command line. Never throws for what was typed. */
  async exec(line: string, run: Run, stdin = ''): Promise<ShellResult> {
    this.#bash ??= this.#makeBash();
    this.#run = { ...run, live: standsAlone(line) ? run.live : undefined };
    // `$?` of the line before, for the one line in a hundred that asks.
    const script = line.includes('$?') ? `(exit ${this.status})\n${line}` : line;
    const { stdout, stderr, exitCode, env } = await this.#bash.exec(script, {
      cwd: this.#directory,
      env: this.#env,
      stdin,
    });
    if (env !== undefined) {
      this.#env = env;
      this.#directory = env['PWD'] ?? this.#directory;
    }
    this.status = run.signal.aborted && exitCode !== 0 ? INTERRUPTED : exitCode;
    return { stdout, stderr, exitCode: this.status };
  }

  /** Run words that another shell has already split. */
  async execWords(words: readonly string[], run: Run, stdin: string): Promise<ShellResult> {
    // ssh joins its words and lets the remote shell split them again; a single word may be a whole command line.
    return this.exec(words.length === 1 ? words[0]! : words.map(quote).join(' '), run, stdin);
  }

  #makeBash(): Bash {
    const commands = { ...commandsAt(this.#home.cluster, this.place), ...this.#home.extras };
    const customCommands = Object.entries(commands).map(([name, command]) =>
      defineCommand(name, (args, context) => this.#call(name, command, args, context)),
    );
    return new Bash({
      fs: this.#files,
      customCommands,
      executionLimits: LIMITS,
      processInfo: { pid: 1834, ppid: 1833, uid: 0, gid: 0 },
      sleep: async milliseconds => {
        const { time, signal } = this.#run!;
        await time.until(() => false, { deadline: time.now + milliseconds * MILLISECOND, signal });
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
      runHere: words => this.fork().execWords(words, { ...run, enter: undefined }, ''),
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
