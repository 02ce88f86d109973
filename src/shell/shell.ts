/**
 * The lab's shell, as somebody sits in front of it: root on the first node; `ssh` and `kubectl exec` lead elsewhere and
 * `exit` back, a trailing `&` sends a command to the background, prompts that were pasted along are taken off.
 *
 *   exec(line) ──> prompt off, alias ──> exit jobs kill fg wait history alias      here
 *                                   ──> `… &`                                     a job: a copy of the session
 *                                   ──> everything else                           Session of the present place
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { VirtualTime } from '../sim/time.ts';
import {
  type Command,
  failed,
  INTERRUPTED,
  type OutputStream,
  type Place,
  printed,
  type ShellResult,
} from './command.ts';
import { JobTable, pid } from './jobs.ts';
import { partsOf, standsAlone, withoutPrompt, wordsOf } from './line.ts';
import { MachineFiles } from './machine-files.ts';
import { type Home, ROOTS_HOME, Session } from './session.ts';
import { Clockwork } from './shell-time.ts';

export type { ShellResult } from './command.ts';

export interface ShellOptions {
  /** Shows output as it comes. Without it everything is in the results. */
  readonly output?: (text: string, stream: OutputStream) => void;
  /** Waits by the wall clock, so that a command that never ends can be watched. */
  readonly pace?: (milliseconds: number) => Promise<void>;
  /** How much virtual time it takes to type the next line. */
  readonly typing?: VirtualTime;
  /** Told of each line as somebody begins to type it. */
  readonly onLine?: (prompt: string, text: string) => void;
  /** Commands that only this shell has. */
  readonly extras?: Readonly<Record<string, Command>>;
  readonly signal?: AbortSignal;
}

/** A line that was typed, and what came of it. */
export interface TypedLine extends ShellResult {
  readonly text: string;
  /** Virtual time that passed before it. */
  readonly waitedNs: VirtualTime;
}

/** A program that ends well when it is told to end: bash then says `Done`. */
const OBEYS_SIGTERM = /\btcpdump\b/;

export class LabShell {
  readonly history: string[] = [];
  /** What was typed, in order. */
  readonly transcript: TypedLine[] = [];
  /** The shell at the bottom was left: there is nothing more to type at. */
  ended = false;
  readonly #cluster: Cluster;
  readonly #options: ShellOptions;
  readonly #clockwork: Clockwork;
  readonly #home: Home;
  readonly #files = new Map<string, MachineFiles>();
  readonly #jobs = new JobTable();
  /** The shells that were entered one out of the other. */
  readonly #stack: Session[];
  #line: AbortController | undefined;
  /** What jobs printed while nobody was listening. */
  #unheard = { stdout: '', stderr: '' };

  constructor(cluster: Cluster, options: ShellOptions = {}) {
    this.#cluster = cluster;
    this.#options = options;
    this.#clockwork = new Clockwork(cluster.controller, options.pace);
    this.#home = {
      cluster,
      extras: {
        ...options.extras,
        // Alone on a line they are the interactive shell's own business; in a pipe they only print.
        history: async () => this.#showHistory(),
        jobs: async () => printed(this.#jobs.list()),
      },
      aliases: new Map([['k', 'kubectl']]),
      filesOf: place => this.#filesOf(place),
      session: place => new Session(this.#home, place),
    };
    const first = cluster.scenario.fabric.nodes[0]!.name;
    this.#stack = [this.#home.session({ machine: first, namespace: '', hostname: first })];
    options.signal?.addEventListener('abort', () => this.interrupt());
  }

  get place(): Place {
    return this.#session.place;
  }

  /** `root@k8s-m:~# `. */
  get prompt(): string {
    const { place, directory } = this.#session;
    const isBelow = directory === ROOTS_HOME || directory.startsWith(`${ROOTS_HOME}/`);
    const shown = isBelow ? `~${directory.slice(ROOTS_HOME.length)}` : directory;
    return `root@${place.hostname}:${shown}# `;
  }

  /** Exit code of the last line. */
  get status(): number {
    return this.#session.status;
  }

  get #session(): Session {
    return this.#stack.at(-1)!;
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.#line?.abort();
  }

  /** Type `line` (of several lines, where a here-document or a loop needs them). Never throws for what the user typed. */
  async exec(line: string): Promise<ShellResult> {
    const { place } = this.#session;
    const { text, host } = withoutPrompt(line, place.namespace === '' ? undefined : place.hostname);
    if (text.trim() === '' || this.ended) return this.#told(printed('', this.status));
    this.history.push(text);
    this.#options.onLine?.(this.prompt, text);
    const abort = new AbortController();
    if (this.#options.signal?.aborted) abort.abort();
    this.#line = abort;
    const before = this.#cluster.controller.now;
    await this.#type(abort.signal);
    const waitedNs = this.#cluster.controller.now - before;
    const result = await this.#dispatch(text, host, abort.signal);
    this.#line = undefined;
    await this.#clockwork.settle();
    this.#session.status = result.exitCode;
    const told = this.#told(result);
    this.transcript.push({ ...told, text, waitedNs });
    return told;
  }

  /** Files in the present directory. */
  fileNames(): string[] {
    return this.#session.fileNames();
  }

  /** End what is in the background. */
  async close(): Promise<ShellResult> {
    for (const job of this.#jobs.running) await this.#end(job);
    return this.#told(printed(''));
  }

  /** Somebody types: virtual time passes, but not before the first line. */
  async #type(signal: AbortSignal): Promise<void> {
    const { typing = 0 } = this.#options;
    if (typing === 0 || this.history.length === 1) return;
    const time = this.#clockwork.foreground();
    await time.until(() => false, { deadline: time.now + typing, signal });
  }

  async #dispatch(text: string, host: string | undefined, signal: AbortSignal): Promise<ShellResult> {
    const { background, rest } = partsOf(text);
    if (background.length > 0) {
      for (const part of background) await this.#start(part, this.#sessionOf(host).fork());
      return rest.trim() === '' ? printed('') : this.#dispatch(rest.trim(), host, signal);
    }
    if (standsAlone(text)) {
      const [name = '', ...words] = wordsOf(text);
      const alias = this.#home.aliases.get(name);
      const own = await this.#own([...(alias === undefined ? [name] : wordsOf(alias)), ...words], signal);
      if (own !== undefined) return own;
    }
    const time = this.#clockwork.foreground();
    const session = this.#sessionOf(host);
    const enter = (place: Place): void => {
      this.#stack.push(this.#home.session(place));
    };
    const run = { time, signal, live: this.#options.output, enter: standsAlone(text) ? enter : undefined };
    return session.exec(text, run);
  }

  /** A line pasted with the prompt of another machine was typed there. */
  #sessionOf(host: string | undefined): Session {
    const { place } = this.#session;
    if (host === undefined || host === place.hostname) return this.#session;
    const there = this.#stack.find(session => session.place.hostname === host);
    if (there !== undefined) return there;
    if (this.#cluster.machine(host) === undefined) return this.#session;
    return this.#home.session({ machine: host, namespace: '', hostname: host });
  }

  /** What is the interactive shell's own business. */
  async #own(words: readonly string[], signal: AbortSignal): Promise<ShellResult | undefined> {
    const [name, ...args] = words;
    switch (name) {
      case 'exit':
      case 'logout':
        return this.#leave(args[0]);
      case 'jobs':
        return printed(this.#jobs.list());
      case 'fg':
      case 'wait':
        return this.#await(name, args[0], signal);
      case 'kill':
        return this.#kill(args);
      case 'history':
        return this.#showHistory();
      case 'alias':
        return this.#alias(args);
      case 'unalias':
        for (const alias of args) this.#home.aliases.delete(alias);
        return printed('');
      default:
        return undefined;
    }
  }

  #showHistory(): ShellResult {
    return printed(this.history.map((line, i) => `${String(i + 1).padStart(5)}  ${line}\n`).join(''));
  }

  #leave(code: string | undefined): ShellResult {
    const { place } = this.#session;
    const isNumber = code === undefined || /^[+-]?\d{1,15}$/.test(code);
    const given = code === undefined ? this.status : Number(code);
    // A byte, as wait(2) has it.
    const exitCode = isNumber ? ((given % 256) + 256) % 256 : 2;
    if (this.#stack.length === 1) {
      this.ended = true;
      return printed('', exitCode);
    }
    this.#stack.pop();
    const words = place.namespace === '' ? `logout\nConnection to ${place.hostname} closed.\n` : 'exit\n';
    return printed(words, exitCode);
  }

  async #start(line: string, session: Session): Promise<void> {
    const job = this.#jobs.add(line);
    this.#hear(`[${job.id}] ${pid(job)}\n`, 'stderr');
    await this.#clockwork.background(async time => {
      const live = (text: string, stream: OutputStream): void => this.#hear(text, stream);
      const { signal } = job.controller;
      const result = await session.exec(line, { time, signal, live, enter: undefined });
      live(result.stdout, 'stdout');
      live(result.stderr, 'stderr');
      job.exitCode = result.exitCode;
    });
  }

  async #await(name: 'fg' | 'wait', word: string | undefined, signal: AbortSignal): Promise<ShellResult> {
    const chosen = word === undefined ? this.#jobs.running.at(-1) : this.#jobs.find(word);
    if (chosen === undefined)
      return name === 'wait' && word === undefined
        ? printed('')
        : failed(`bash: ${name}: ${word ?? 'current'}: no such job\n`);
    const jobs = name === 'wait' && word === undefined ? this.#jobs.running : [chosen];
    if (name === 'fg') this.#hear(`${chosen.line}\n`, 'stdout');
    const ended = (): boolean => jobs.every(job => job.exitCode !== undefined);
    const done = await this.#clockwork.foreground().until(ended, { endless: true, signal });
    if (!done && name === 'fg') await this.#end(chosen);
    return printed('', done ? (chosen.exitCode ?? 0) : INTERRUPTED);
  }

  async #kill(args: readonly string[]): Promise<ShellResult> {
    const words = args.filter(word => !/^-\w+$/.test(word));
    if (words.length === 0)
      return failed('kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...\n', 2);
    let stderr = '';
    for (const word of words) {
      const job = this.#jobs.find(word);
      if (job !== undefined) {
        job.killed = !OBEYS_SIGTERM.test(job.line);
        await this.#end(job);
      } else
        stderr += word.startsWith('%')
          ? `bash: kill: ${word}: no such job\n`
          : `bash: kill: (${word}) - No such process\n`;
    }
    return { stdout: '', stderr, exitCode: stderr === '' ? 0 : 1 };
  }

  /** Stop a job, and let it say its last words. */
  async #end(job: ReturnType<JobTable['add']>): Promise<void> {
    job.controller.abort();
    await this.#clockwork.settle();
    const time = this.#clockwork.foreground();
    await time.until(() => job.exitCode !== undefined, { endless: true });
  }

  #alias(args: readonly string[]): ShellResult {
    const { aliases } = this.#home;
    const shown = (name: string): string => `alias ${name}='${aliases.get(name)}'\n`;
    if (args.length === 0) return printed([...aliases.keys()].sort().map(shown).join(''));
    let result = printed('');
    for (const word of args) {
      const at = word.indexOf('=');
      if (at > 0) aliases.set(word.slice(0, at), word.slice(at + 1));
      else if (aliases.has(word)) result = printed(result.stdout + shown(word));
      else result = failed(`bash: alias: ${word}: not found\n`);
    }
    return result;
  }

  #hear(text: string, stream: OutputStream): void {
    if (text === '') return;
    if (this.#options.output !== undefined) this.#options.output(text, stream);
    else this.#unheard[stream] += text;
  }

  /** The result as it is told: with what jobs have said, and shown where output is shown. */
  #told(result: ShellResult): ShellResult {
    const ended = this.#jobs.endedSince();
    this.#hear(result.stdout, 'stdout');
    this.#hear(result.stderr + ended, 'stderr');
    if (this.#options.output !== undefined) return { ...result, stderr: result.stderr + ended };
    const { stdout, stderr } = this.#unheard;
    this.#unheard = { stdout: '', stderr: '' };
    return { stdout, stderr, exitCode: result.exitCode };
  }

  /** The scenario's resource files lie in root's home of the first node; every place keeps its own files. */
  #filesOf(place: Place): MachineFiles {
    const key = `${place.machine}/${place.namespace}/${place.container ?? ''}`;
    let files = this.#files.get(key);
    if (files === undefined) {
      const { fabric, files: written } = this.#cluster.scenario;
      const isFirst = key === `${fabric.nodes[0]!.name}//`;
      const own = Object.entries(isFirst ? written : {}).map(([name, text]) => [
        `${ROOTS_HOME}/${name}`,
        text,
      ]);
      files = new MachineFiles(this.#cluster, place, {
        [`${ROOTS_HOME}/.bashrc`]: '',
        '/tmp/.keep': '',
        '/etc/hostname': `${place.hostname}\n`,
        '/etc/hosts': hostsFile(place, this.#cluster),
        '/etc/sysctl.conf': '',
        ...(this.#cluster.machine(place.machine) === 'node' && place.namespace === '' && cniFiles(place)),
        ...Object.fromEntries(own),
      });
      this.#files.set(key, files);
    }
    return files;
  }
}

/** What the installation of Calico (install-cni) leaves on a node. */
function cniFiles({ machine }: Place): Readonly<Record<string, string>> {
  const calico = {
    type: 'calico',
    log_level: 'info',
    log_file_path: '/var/log/calico/cni/cni.log',
    datastore_type: 'kubernetes',
    nodename: machine,
    mtu: 0,
    ipam: { type: 'calico-ipam' },
    policy: { type: 'k8s' },
    kubernetes: { kubeconfig: '/etc/cni/net.d/calico-kubeconfig' },
  };
  const others = [
    { type: 'portmap', snat: true, capabilities: { portMappings: true } },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
  ];
  const list = { name: 'k8s-pod-network', cniVersion: '0.3.1', plugins: [calico, ...others] };
  return {
    '/etc/cni/net.d/10-calico.conflist': `${JSON.stringify(list, null, 2)}\n`,
    '/var/lib/calico/nodename': machine,
  };
}

/** A machine names its fellows there, a pod nobody. */
function hostsFile({ namespace }: Place, cluster: Cluster): string {
  const own = '127.0.0.1 localhost\n';
  if (namespace !== '') return `# Kubernetes-managed hosts file.\n${own}`;
  return (
    own +
    Object.entries(cluster.hosts())
      .map(([name, at]) => `${Ipv4.format(at)} ${name}\n`)
      .join('')
  );
}
