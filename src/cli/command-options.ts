/** What each command takes, once its words have been understood (`command-table.ts`). */

/** A whole run on `per-node` workers, `auto` = min(cores, nodes), or so many; 0 is the main thread. */
export type Workers = 'per-node' | 'auto' | number;

export interface RunOptions {
  readonly paths: readonly string[];
  readonly workers: Workers;
  /** In place of the scenario's own. */
  readonly seed: number | undefined;
  readonly json: boolean;
  /** Tables to print at the end: `routes@k8s-w1`, `bgp`, ... */
  readonly show: readonly string[];
  readonly trace: string | undefined;
  readonly pcap: string | undefined;
  readonly record: string | undefined;
  /** Visit the processes of a window in reverse order: results must not change. For our own tests. */
  readonly reverse: boolean;
}
export interface StartOptions {
  readonly workers: Workers;
  readonly seed: number | undefined;
}
export interface CaptureCommandOptions {
  readonly path: string;
  /** As written: `k8s-w1/tunl0`, `k8s-w1`, `pod1/eth0`; none and `any` are every device. */
  readonly interfaces: readonly string[];
  /** tcpdump's filter; '' lets all pass. */
  readonly filter: string;
  /** A file, `-` for standard output, `undefined` for lines of text. */
  readonly write: string | undefined;
  /** Octets kept of each packet. */
  readonly snapLength: number;
  /** End after so many packets. */
  readonly count: number;
  /** End at this virtual time, in place of after the last step. In nanoseconds. */
  readonly until: number | undefined;
  readonly steps: number | 'all';
  /** `-e`, `-v`: what a line of text shows. */
  readonly ether: boolean;
  readonly verbose: boolean;
  readonly workers: Workers;
  readonly seed: number | undefined;
}
export type ReporterName = 'text' | 'json' | 'junit' | 'github';
export interface TestOptions {
  /** Files and folders; none = `scenarios`, or the current folder. */
  readonly paths: readonly string[];
  /** Which paths, of those found. */
  readonly filter: RegExp | undefined;
  /** `file: undefined` is standard output, which at most one has. */
  readonly reporters: readonly { readonly name: ReporterName; readonly file: string | undefined }[];
  /** Write snapshots anew instead of comparing with them. */
  readonly update: boolean;
  /** Again whenever a file changes, until Ctrl-C. */
  readonly watch: boolean;
}
export interface ExplainOptions {
  readonly what:
    | { readonly kind: 'code'; readonly code: string }
    | { readonly kind: 'pair'; readonly path: string; readonly from: string; readonly to: string };
  readonly proto: 'icmp' | 'udp' | 'tcp';
  readonly port: number | undefined;
  /** Payload in octets. */
  readonly size: number | undefined;
  readonly df: boolean;
  /** How many of the scenario's steps come first. */
  readonly steps: number | 'all';
  /** Look at the run of these steps at this time, in nanoseconds. */
  readonly at: number | undefined;
  readonly json: boolean;
  readonly seed: number | undefined;
}
export interface LessonsOptions {
  /** What the user sees, in his words; '' lists all. */
  readonly symptom: string;
  /** What cannot be reproduced yet. */
  readonly planned: boolean;
  readonly json: boolean;
}
export interface DiffOptions {
  /** A scenario, or a folder of resources. */
  readonly before: string;
  readonly after: string;
  /** The scenario whose fabric folders stand on. */
  readonly fabric: string | undefined;
  readonly format: 'text' | 'markdown' | 'json';
  /** How many of the scenario's steps come before the change. */
  readonly steps: number | 'all';
  readonly seed: number | undefined;
}
export interface FingerprintOptions {
  readonly path: string;
  readonly workers: Workers;
  readonly seed: number | undefined;
}
export interface ShellOptions {
  /** `undefined`: the lab of the walkthrough. */
  readonly path: string | undefined;
  /** Run these and exit with the code of the last; none = read standard input, or talk to the user. */
  readonly commands: readonly string[];
  /** How many of the scenario's steps to run first. */
  readonly steps: number | 'all';
  /** Record the session there. */
  readonly asciicast: string | undefined;
  readonly workers: Workers;
  readonly seed: number | undefined;
}
export interface AttachOptions {
  readonly path: string;
  readonly node: string;
  /** The peer's address in the lab. */
  readonly peer: string;
  /** Real addresses, `127.0.0.2:1179`; at least one of the two. */
  readonly listen: string | undefined;
  readonly connect: string | undefined;
  /** The address we connect from. */
  readonly source: string | undefined;
  readonly seed: number | undefined;
}
export interface BenchOptions {
  /** The scenario; `undefined` = the reference lab with a router that speaks BGP. */
  readonly path: string | undefined;
  /** Of these the scenario's own `bench:` block, or the defaults, where nothing is given. */
  readonly modes: readonly string[] | undefined;
  readonly mtus: readonly string[] | undefined;
  readonly rates: readonly string[] | undefined;
  readonly streams: readonly string[] | undefined;
  readonly hostModels: readonly string[];
  /** Seeds at most, where the seed changes a result. */
  readonly repeat: number;
  readonly duration: string | undefined;
  readonly json: string | undefined;
  readonly html: string | undefined;
  readonly pcap: string | undefined;
  readonly wide: boolean;
  readonly seed: number | undefined;
  readonly workers: Workers;
}
export type SchemaOptions = Readonly<Record<string, never>>;

export interface CommandArguments {
  readonly start: StartOptions;
  readonly run: RunOptions;
  readonly capture: CaptureCommandOptions;
  readonly test: TestOptions;
  readonly explain: ExplainOptions;
  readonly lessons: LessonsOptions;
  readonly diff: DiffOptions;
  readonly fingerprint: FingerprintOptions;
  readonly shell: ShellOptions;
  readonly attach: AttachOptions;
  readonly bench: BenchOptions;
  readonly schema: SchemaOptions;
}
export type CommandName = keyof CommandArguments;
