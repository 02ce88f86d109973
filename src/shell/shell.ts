/**
 * The lab's shell: real shell language (just-bash), our own commands, a file system in memory per machine. It starts as
 * root on the first node; `ssh` and `kubectl exec` lead elsewhere.
 *
 * just-bash keeps neither directory nor variables between its calls, so they are carried from line to line here.
 */
import { Bash, decodeBytesToUtf8, defineCommand, InMemoryFs } from 'just-bash';
import type { Cluster } from '../controller/cluster.ts';
import type { Command, CommandIo, Jobs, Place, ShellResult } from './command.ts';
import { calicoctl } from './commands/calicoctl.ts';
import { hostname } from './commands/hostname.ts';
import { ip } from './commands/ip.ts';
import { kubectl } from './commands/kubectl.ts';
import { ping, traceroute } from './commands/ping.ts';
import { ssh } from './commands/ssh.ts';
import { tcpdump } from './commands/tcpdump.ts';

export type { ShellResult } from './command.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  calicoctl,
  hostname,
  ip,
  k: kubectl,
  kubectl,
  ping,
  ssh,
  tcpdump,
  traceroute,
};

/** What runs at most in one line: a scenario file is untrusted input. */
const LIMITS = {
  maxCommandCount: 10_000,
  maxLoopIterations: 10_000,
  maxCallDepth: 50,
  maxOutputSize: 16 * 2 ** 20,
};

/** `root@k8s-m:~# ` and `(⎈|HomeLab:N/A) root@k8s-m:~# `, as pasted from a post. */
const PROMPT = /^\s*(\([^)]*\)\s*)?\w+@[\w.-]+:[^#$\s]*[#$]\s+/;

export class LabShell {
  readonly #cluster: Cluster;
  readonly #signal: AbortSignal | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #jobs: Jobs = { list: [] };
  #place: Place;

  constructor(cluster: Cluster, signal: AbortSignal | undefined) {
    this.#cluster = cluster;
    this.#signal = signal;
    const first = cluster.scenario.fabric.nodes[0]!.name;
    this.#place = { machine: first, namespace: '', hostname: first };
  }

  get place(): Place {
    return this.#place;
  }

  /** Type `line`. Never throws for what the user typed. */
  async exec(line: string): Promise<ShellResult> {
    return this.#session(this.#place).exec(line.replace(PROMPT, ''));
  }

  #session(place: Place): Session {
    const key = `${place.machine}/${place.namespace}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      const io = {
        cluster: this.#cluster,
        place,
        signal: this.#signal,
        jobs: this.#jobs,
        runAt: (there: Place, words: readonly string[]) => this.#session(there).run(words),
      };
      session = new Session(io, place.namespace === '' ? filesOf(this.#cluster) : {});
      this.#sessions.set(key, session);
    }
    return session;
  }
}

/** The scenario's resource files lie in root's home under their base names. */
function filesOf(cluster: Cluster): Record<string, string> {
  const files: Record<string, string> = { '/tmp/.keep': '' };
  for (const [name, text] of Object.entries(cluster.scenario.files)) files[`/root/${name}`] = text;
  return files;
}

/** One place's shell: its files, directory and variables. */
class Session {
  readonly #bash: Bash;
  #env: Record<string, string>;
  #directory = '/root';

  constructor(io: Omit<CommandIo, 'stdin' | 'readFile'>, files: Record<string, string>) {
    const fs = new InMemoryFs({ '/root/.bashrc': '', ...files });
    this.#env = { HOME: '/root', USER: 'root', HOSTNAME: io.place.hostname, PATH: '/usr/bin:/bin' };
    const customCommands = Object.entries(COMMANDS).map(([name, command]) =>
      defineCommand(name, async (args, context) => {
        const readFile = async (path: string): Promise<string | undefined> => {
          const absolute = context.fs.resolvePath(context.cwd, path);
          return (await context.fs.exists(absolute)) ? context.fs.readFile(absolute) : undefined;
        };
        return command(args, { ...io, stdin: decodeBytesToUtf8(context.stdin), readFile });
      }),
    );
    this.#bash = new Bash({ fs, customCommands, executionLimits: LIMITS });
  }

  async exec(line: string): Promise<ShellResult> {
    const { stdout, stderr, exitCode, env } = await this.#bash.exec(line, {
      cwd: this.#directory,
      env: this.#env,
    });
    this.#env = env;
    this.#directory = env['PWD'] ?? this.#directory;
    return { stdout, stderr, exitCode };
  }

  /** Words that another shell has already split: run them unchanged. */
  async run(words: readonly string[]): Promise<ShellResult> {
    // ssh joins its words and lets the remote shell split them again; a single word may be a whole command line.
    return this.exec(words.length === 1 ? words[0]! : words.map(quote).join(' '));
  }
}

const quote = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
