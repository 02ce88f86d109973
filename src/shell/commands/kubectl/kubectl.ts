/** `kubectl`: which verb, which flags (facts: calico-cli-formats §5). */
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { type FlagSpec, type Parsed, parseFlags } from '../../options.ts';
import { create, label, put, remove } from './change.ts';
import { describe } from './describe.ts';
import { exec, logs } from './exec.ts';
import { explain } from './explain.ts';
import { get } from './get.ts';
import { patch } from './patch.ts';
import { wait } from './wait.ts';

const COMMON = {
  namespace: { short: 'n', value: true },
  kubeconfig: { value: true },
  context: { value: true },
  v: { value: true },
} as const;
const FILE = {
  filename: { short: 'f', value: true },
  recursive: { short: 'R', value: false },
  output: { short: 'o', value: true },
  'dry-run': { value: true },
  'server-side': { value: false },
} as const;
const SELECT = {
  selector: { short: 'l', value: true },
  'all-namespaces': { short: 'A', value: false },
  'field-selector': { value: true },
} as const;

const RELABEL = {
  ...SELECT,
  overwrite: { value: false },
  all: { value: false },
  list: { value: false },
} as const;

type Body = (parsed: Parsed, io: CommandIo) => Promise<ShellResult>;

const VERBS: Readonly<Record<string, readonly [flags: FlagSpec, body: Body]>> = {
  get: [
    {
      ...SELECT,
      filename: { short: 'f', value: true },
      output: { short: 'o', value: true },
      watch: { short: 'w', value: false },
      'watch-only': { value: false },
      'no-headers': { value: false },
      'show-labels': { value: false },
      'sort-by': { value: true },
      'label-columns': { short: 'L', value: true },
      'ignore-not-found': { value: false },
    },
    get,
  ],
  describe: [{ ...SELECT }, describe],
  apply: [{ ...FILE }, (parsed, io) => put('apply', parsed, io)],
  create: [{ ...FILE }, create],
  replace: [{ ...FILE, force: { value: false } }, (parsed, io) => put('replace', parsed, io)],
  delete: [
    {
      ...FILE,
      ...SELECT,
      force: { value: false },
      'grace-period': { value: true },
      now: { value: false },
      wait: { value: true },
      all: { value: false },
      'ignore-not-found': { value: false },
    },
    remove,
  ],
  label: [RELABEL, (parsed, io) => label('labels', parsed, io)],
  annotate: [RELABEL, (parsed, io) => label('annotations', parsed, io)],
  patch: [
    { patch: { short: 'p', value: true }, type: { value: true }, output: { short: 'o', value: true } },
    patch,
  ],
  wait: [{ ...SELECT, for: { value: true }, timeout: { value: true }, all: { value: false } }, wait],
  exec: [
    {
      stdin: { short: 'i', value: false },
      tty: { short: 't', value: false },
      container: { short: 'c', value: true },
      quiet: { short: 'q', value: false },
    },
    exec,
  ],
  logs: [
    {
      container: { short: 'c', value: true },
      follow: { short: 'f', value: false },
      tail: { value: true },
      previous: { short: 'p', value: false },
      selector: { short: 'l', value: true },
    },
    logs,
  ],
  explain: [
    { recursive: { value: false }, 'api-version': { value: true }, output: { value: true } },
    explain,
  ],
  version: [
    { client: { value: false }, short: { value: false }, output: { short: 'o', value: true } },
    version,
  ],
};

/** Real, but nothing here answers to it. */
const NOT_EMULATED = new Set(
  (
    'api-resources api-versions apply-view attach auth autoscale certificate cluster-info completion config ' +
    'cordon cp debug diff drain edit events expose kustomize options plugin port-forward proxy rollout ' +
    'run scale set taint top uncordon krew ctx ns'
  ).split(' '),
);

/** Flags of the real one that nothing here obeys. */
const UNKNOWN_FLAGS = new Set(
  (
    '--raw --template --chunk-size --server-print --subresource --show-managed-fields --output-watch-events -k --kustomize ' +
    '--prune --field-manager --validate --save-config --record --cascade --resource-version --since --timestamps --prefix ' +
    '--all-containers --as --cluster --user --token --server -s --request-timeout --patch-file --local --dry-run --help -h'
  ).split(' '),
);

export const kubectl: Command = async (args, io) => {
  const verbAt = verbIndex(args);
  const verb = args[verbAt];
  if (verb === undefined) return printed('kubectl controls the Kubernetes cluster manager.\n');
  const entry = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (entry === undefined) {
    return NOT_EMULATED.has(verb)
      ? failed(`kubectl ${verb}: not emulated in this lab\n`, 2)
      : failed(`error: unknown command "${verb}" for "kubectl"\n`);
  }
  const [flags, body] = entry;
  const parsed = parseFlags([...args.slice(0, verbAt), ...args.slice(verbAt + 1)], { ...COMMON, ...flags });
  if (parsed.unknown !== undefined) {
    if (UNKNOWN_FLAGS.has(parsed.unknown))
      return failed(`kubectl ${verb} ${parsed.unknown}: not emulated in this lab\n`, 2);
    const what = parsed.unknown.startsWith('--')
      ? `unknown flag: ${parsed.unknown}`
      : `unknown shorthand flag: '${parsed.unknown[1]}' in ${parsed.unknown}`;
    return failed(`error: ${what}\nSee 'kubectl ${verb} --help' for usage.\n`);
  }
  if (parsed.lacking !== undefined)
    return failed(`error: flag needs an argument: ${lacking(parsed.lacking)}\n`);
  return body(parsed, io);
};

/** `kubectl -n kube-system get pods`: flags may stand in front of the verb. */
function verbIndex(args: readonly string[]): number {
  for (let i = 0; i < args.length; i++) {
    if (!args[i]!.startsWith('-')) return i;
    if (/^(-n|--namespace|--kubeconfig|--context|-v)$/.test(args[i]!)) i++;
  }
  return args.length;
}

const lacking = (flag: string): string =>
  flag.startsWith('--') ? flag : `'${flag.slice(1)}' in ${flag}\nSee 'kubectl --help' for usage.`;

async function version(parsed: Parsed, { cluster }: CommandIo): Promise<ShellResult> {
  const node = (await cluster.list('Node'))[0]?.kubernetes?.kubeletVersion ?? 'v1.30.5';
  const client = `Client Version: ${node}\nKustomize Version: v5.0.4-0.20230601165947-6ce0bf390ce3\n`;
  return printed(parsed.flags.has('client') ? client : `${client}Server Version: ${node}\n`);
}
