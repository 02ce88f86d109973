/** What a command of the lab's shell gets and gives back. */
import type { Cluster } from '../controller/cluster.ts';

export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Where a command runs: a machine's own namespace (''), or a pod's. */
export interface Place {
  readonly machine: string;
  readonly namespace: string;
  /** What its prompt calls it: `k8s-m`, `pod1`. */
  readonly hostname: string;
}

export interface CommandIo {
  readonly cluster: Cluster;
  readonly place: Place;
  readonly stdin: string;
  readonly signal: AbortSignal | undefined;
  /** A file of the place, by absolute or relative path; undefined when there is none. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Run words as a command line somewhere else (`ssh`, `kubectl exec`). */
  readonly runAt: (place: Place, words: readonly string[]) => Promise<ShellResult>;
  /** The background commands that run beside this one. */
  readonly jobs: Jobs;
}

/** Commands started with a trailing `&`. */
export interface Jobs {
  readonly list: readonly {
    readonly id: number;
    readonly line: string;
    readonly state: 'Running' | 'Done';
  }[];
}

export type Command = (args: readonly string[], io: CommandIo) => Promise<ShellResult>;

export const printed = (stdout: string, exitCode = 0): ShellResult => ({ stdout, stderr: '', exitCode });
export const failed = (stderr: string, exitCode = 1): ShellResult => ({ stdout: '', stderr, exitCode });
