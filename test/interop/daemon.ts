/**
 * A real BGP daemon as a child process on loopback, and what a test wants of it. Not a test file: the
 * `*.interop.test.ts` beside it use it.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the daemon lives, and where its peer, the lab, comes from. */
export const DAEMON = '127.0.0.2';
export const LAB = '127.0.0.3';

/** What the peer of the lab's node is to be: the same that the emulated one was. */
export interface PeerSetup {
  readonly as: number;
  /** Its address in the lab: router id, and next hop of what it announces. */
  readonly address: string;
  readonly labAs: number;
  /** Where it reaches the lab; it waits for the lab where this is undefined. */
  readonly labPort: number | undefined;
  /** Where it listens, at `DAEMON`. */
  readonly port: number;
  readonly announces: readonly string[];
}

/** A path as a peer has received it. What is not there is left out. */
export interface ReceivedPath {
  readonly prefix: string;
  readonly origin: string;
  /** `64512 65001`; '' inside the AS. */
  readonly asPath: string;
  readonly nextHop: string;
  readonly localPref?: number;
  readonly originatorId?: string;
  readonly clusterList?: string;
}

/** Seconds of hold time that every daemon proposes: short, and long enough for a busy machine. */
export const HOLD_SEC = 6;

export abstract class RealDaemon {
  readonly setup: PeerSetup;
  readonly folder = mkdtempSync(join(tmpdir(), 'tunlab-interop-'));
  #child: ChildProcess | undefined;
  #log = '';

  constructor(setup: PeerSetup) {
    this.setup = setup;
  }

  /** Start, with what it announces; after a kill as one that restarts gracefully. */
  abstract start(): Promise<void>;
  /** Its session with the lab is up, as it sees it. */
  abstract established(): Promise<boolean>;
  /** What it has received from the lab. */
  abstract received(): Promise<ReceivedPath[]>;
  /** Shut the session down as an operator does, and open it again. */
  abstract disable(): Promise<void>;
  abstract enable(): Promise<void>;

  /** Everything that the daemon has printed. */
  get log(): string {
    return this.#log;
  }

  protected spawn(command: string, args: readonly string[]): void {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    // Also when the tests break off.
    process.once('exit', () => child.kill('SIGKILL'));
    this.#child = child;
  }

  /** SIGKILL: no farewell. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Run a program to its end. Rejects, with what it said, when its exit code is not 0. */
export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { maxBuffer: 16 * 2 ** 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
  });
}

/** Make sure that `path` is there, from Debian's `packages` if need be. Throws, with apt's words, when it cannot. */
export function install(path: string, packages: readonly string[]): void {
  if (existsSync(path)) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, encoding: 'utf8' } as const;
  spawnSync('apt-get', ['update', '-q'], options);
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const { stdout, stderr, error } = spawnSync('apt-get', args, options);
  if (!existsSync(path))
    throw new Error(`interop tests need ${path} (${packages.join(' ')}): ${error ?? `${stdout}${stderr}`}`);
}

/** Try until `attempt` returns something; rejects with the last error after `seconds`. */
export async function eventually<T>(
  what: string,
  seconds: number,
  attempt: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const result = await attempt();
      if (result !== undefined) return result;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: last });
    await sleep(50);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** A port at `host` that nobody uses. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
