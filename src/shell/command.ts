/** What a command of the lab's shell gets and gives back. */
import type { Cluster } from '../controller/cluster.ts';
import type { ShellTime } from './shell-time.ts';

export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export type OutputStream = 'stdout' | 'stderr';

/** Where a command runs: a machine's own namespace (''), or a pod's. */
export interface Place {
  readonly machine: string;
  readonly namespace: string;
  /** What its prompt calls it: `k8s-m`, `pod1`. */
  readonly hostname: string;
  /** Inside a container that shares the machine's namespace but has its own files and programs. */
  readonly container?: string;
}

export interface CommandIo {
  readonly cluster: Cluster;
  /** Virtual time, as this command may let it pass: alone, or only along with others when it is in the background. */
  readonly time: ShellTime;
  readonly signal: AbortSignal;
  /** Run words as a command line in a new shell somewhere else (`ssh`, `kubectl exec`). */
  readonly runAt: (place: Place, words: readonly string[], stdin: string) => Promise<ShellResult>;
  /** Go to a place and stay there until `exit`; undefined where nobody is asked to type. */
  readonly enter: ((place: Place) => void) | undefined;
  readonly place: Place;
  readonly stdin: string;
  /** A file of the place, by absolute or relative path; undefined when there is none. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Captures are octets, not text. */
  readonly writeOctets: (path: string, octets: Uint8Array) => Promise<void>;
  readonly readOctets: (path: string) => Promise<Uint8Array | undefined>;
  /** Print while the command goes on: shown at once where the command stands alone, else with its result. */
  readonly write: (text: string, stream?: OutputStream) => void;
  /** Run a command line here, as `sudo` and `watch` do; `limits`: on its own time, with its own Ctrl-C. */
  readonly runHere: (
    words: readonly string[],
    limits?: { readonly time: ShellTime; readonly signal: AbortSignal },
  ) => Promise<ShellResult>;
}

export type Command = (args: readonly string[], io: CommandIo) => Promise<ShellResult>;

export const printed = (stdout: string, exitCode = 0): ShellResult => ({ stdout, stderr: '', exitCode });
export const failed = (stderr: string, exitCode = 1): ShellResult => ({ stdout: '', stderr, exitCode });

/** How a shell says that a command ended by Ctrl-C. */
export const INTERRUPTED = 130;
