/** `calicoctl` with the words of v3.28: which verb, which flags (facts: calico-cli-formats §1 to §3). */
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { type FlagSpec, type Parsed, parseFlags } from '../../options.ts';
import { change } from './change.ts';
import { get } from './get.ts';
import { BadUsage } from './input.ts';
import { ipamCheck, ipamConfigure, ipamShow } from './ipam.ts';
import { label, patch } from './modify.ts';
import { nodeStatus } from './node-status.ts';
import { USAGE } from './usage.ts';

const COMMON = {
  config: { short: 'c', value: true },
  context: { value: true },
  'allow-version-mismatch': { value: false },
  help: { short: 'h', value: false },
} as const;
const NAMESPACE = { namespace: { short: 'n', value: true } } as const;
const FILE = {
  filename: { short: 'f', value: true },
  recursive: { short: 'R', value: false },
  'skip-empty': { value: false },
} as const;

type Body = (parsed: Parsed, io: CommandIo) => Promise<ShellResult>;

const VERBS: Readonly<Record<string, readonly [flags: FlagSpec, body: Body]>> = {
  get: [
    {
      ...NAMESPACE,
      ...FILE,
      output: { short: 'o', value: true },
      'all-namespaces': { short: 'A', value: false },
      export: { value: false },
    },
    get,
  ],
  apply: [{ ...NAMESPACE, ...FILE }, (parsed, io) => change('apply', parsed, io)],
  create: [
    { ...NAMESPACE, ...FILE, 'skip-exists': { value: false } },
    (parsed, io) => change('create', parsed, io),
  ],
  replace: [{ ...NAMESPACE, ...FILE }, (parsed, io) => change('replace', parsed, io)],
  delete: [
    { ...NAMESPACE, ...FILE, 'skip-not-exists': { short: 's', value: false } },
    (parsed, io) => change('delete', parsed, io),
  ],
  patch: [{ ...NAMESPACE, patch: { short: 'p', value: true }, type: { short: 't', value: true } }, patch],
  label: [{ ...NAMESPACE, overwrite: { value: false }, remove: { value: false } }, label],
  node: [{}, node],
  ipam: [
    {
      ip: { value: true },
      'show-blocks': { value: false },
      'show-borrowed': { value: false },
      'show-configuration': { value: false },
      'show-all-ips': { value: false },
      'show-problem-ips': { value: false },
      strictaffinity: { value: true },
      'max-blocks-per-host': { value: true },
    },
    ipam,
  ],
  version: [{ client: { value: false } }, version],
};

export const calicoctl: Command = async (args, io) => {
  const verb = args.find(word => !word.startsWith('-'));
  if (verb === undefined)
    return args.some(a => a === '-h' || a === '--help') ? printed(USAGE) : invalid(args);
  const entry = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (entry === undefined) {
    return NOT_EMULATED.has(verb)
      ? failed(`calicoctl ${verb}: not emulated in this lab\n`, 2)
      : failed(`Unknown command: "${verb}"\n${USAGE}`);
  }
  const [flags, body] = entry;
  const parsed = parseFlags(args, { ...COMMON, ...flags });
  if (parsed.unknown !== undefined || parsed.lacking !== undefined) return invalid(args);
  if (parsed.flags.has('help')) return printed(USAGE);
  const words = parsed.words.slice(1);
  return body({ ...parsed, words }, io).catch(error => refused(error, args));
};

const NOT_EMULATED = new Set(['convert', 'datastore', 'cluster']);

function refused(error: unknown, args: readonly string[]): ShellResult {
  if (error instanceof BadUsage) return invalid(args);
  throw error;
}

const invalid = (args: readonly string[]): ShellResult =>
  failed(
    `Invalid option: 'calicoctl ${args.join(' ')}'. Use flag '--help' to read about a specific subcommand.\n`,
  );

async function node(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [verb = ''] = parsed.words;
  if (verb === 'status') return nodeStatus(io);
  if (['run', 'diags', 'checksystem'].includes(verb))
    return failed(`calicoctl node ${verb}: not emulated in this lab\n`, 2);
  throw new BadUsage();
}

async function ipam(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [verb = ''] = parsed.words;
  if (verb === 'show') return ipamShow(parsed.flags, io);
  if (verb === 'check') return ipamCheck(io);
  if (verb === 'configure') return ipamConfigure(parsed.flags, io);
  if (['release', 'split'].includes(verb))
    return failed(`calicoctl ipam ${verb}: not emulated in this lab\n`, 2);
  throw new BadUsage();
}

async function version(parsed: Parsed, { cluster }: CommandIo): Promise<ShellResult> {
  const release = cluster.scenario.calicoVersion;
  const client = `Client Version:    ${release}\nGit commit:        601856343\n`;
  if (parsed.flags.has('client')) return printed(client);
  return printed(`${client}Cluster Version:   ${release}\nCluster Type:      k8s,bgp,kubeadm,kdd\n`);
}
