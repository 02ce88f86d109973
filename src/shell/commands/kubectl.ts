/** `kubectl`: get, apply, create, delete, exec (facts: calico-cli-formats §5). */
import { type Kind, kindNamed, type Resource } from '../../calico/resources/kinds.ts';
import { DecodeError } from '../../calico/resources/shape.ts';
import { partyOfPod } from '../../controller/cluster.ts';
import { kubectlColumns } from '../../report/kubectl-columns.ts';
import { kubectlTable } from '../../report/table.ts';
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';
import { readDocuments, toJson, toYaml } from '../documents.ts';
import { type Parsed, parseFlags } from '../options.ts';

const FLAGS = {
  output: { short: 'o', value: true },
  filename: { short: 'f', value: true },
  namespace: { short: 'n', value: true },
  'all-namespaces': { short: 'A', value: false },
  stdin: { short: 'i', value: false },
  tty: { short: 't', value: false },
  container: { short: 'c', value: true },
  'no-headers': { value: false },
  'ignore-not-found': { value: false },
  force: { value: false },
  'grace-period': { value: true },
  now: { value: false },
} as const;

export const kubectl: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  const [verb = ''] = parsed.words;
  if (parsed.unknown !== undefined)
    return failed(`error: unknown flag: ${parsed.unknown}\nSee 'kubectl --help' for usage.\n`);
  switch (verb) {
    case 'get':
      return get(parsed, io);
    case 'apply':
    case 'create':
      return put(verb, parsed, io);
    case 'delete':
      return remove(parsed, io);
    case 'exec':
      return exec(parsed, io);
    default:
      return failed(`error: unknown command "${verb}" for "kubectl"\n`);
  }
};

const noKind = (word: string | undefined): ShellResult =>
  word === undefined
    ? failed('error: You must specify the type of resource to get.\n')
    : failed(`error: the server doesn't have a resource type "${word}"\n`);

/** `pods`, `pod/pod1`, `pod pod1 pod2`, `pods,nodes` (the first only). */
function target(words: readonly string[]): {
  kind: Kind | undefined;
  word: string | undefined;
  names: string[];
} {
  const [word, ...names] = words;
  if (word === undefined) return { kind: undefined, word, names };
  const [type, name] = word.split('/');
  return { kind: kindNamed(type!)?.kind, word: type, names: name === undefined ? names : [name, ...names] };
}

const fullName = (resource: Resource): string =>
  `${kindNamed(resource.kind)!.kind.toLowerCase()}/${resource.metadata.name}`;

async function get(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const { kind, word, names } = target(parsed.words.slice(1));
  if (kind === undefined) return noKind(word);
  const all = parsed.flags.has('all-namespaces');
  const info = kindNamed(kind)!;
  const namespace = info.namespaced && !all ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  const objects: Resource[] = [];
  if (names.length === 0) objects.push(...(await io.cluster.list(kind, namespace)));
  for (const name of names) {
    const object = await io.cluster.find(kind, name, namespace);
    if (object === undefined)
      return failed(`Error from server (NotFound): ${info.resource} "${name}" not found\n`);
    objects.push(object);
  }
  const output = parsed.flags.get('output') ?? '';
  if (output === 'yaml') return printed(toYaml(names.length === 1 ? objects[0] : listOf(objects)));
  if (output === 'json') return printed(`${toJson(names.length === 1 ? objects[0] : listOf(objects))}\n`);
  if (output === 'name') return printed(objects.map(o => `${fullName(o)}\n`).join(''));
  if (objects.length === 0) {
    return failed(
      `No resources found${namespace === undefined ? '' : ` in ${namespace} namespace`}${namespace === undefined ? '' : '.'}\n`,
      0,
    );
  }
  const nowMs = io.cluster.scenario.startMs + io.cluster.controller.now / 1e6;
  const [header, ...rows] = kubectlColumns(kind, objects, {
    wide: output === 'wide',
    withNamespace: all,
    nowMs,
  });
  const table = kubectlTable(header!, rows);
  return printed(parsed.flags.has('no-headers') ? table.slice(table.indexOf('\n') + 1) : table);
}

const listOf = (items: readonly Resource[]): unknown => ({
  apiVersion: 'v1',
  items,
  kind: 'List',
  metadata: { resourceVersion: '' },
});

async function documents(parsed: Parsed, io: CommandIo): Promise<Resource[] | ShellResult> {
  const file = parsed.flags.get('filename');
  if (file === undefined) return failed('error: must specify one of -f and -k\n');
  const text = file === '-' ? io.stdin : await io.readFile(file);
  if (text === undefined) return failed(`error: the path "${file}" does not exist\n`);
  try {
    const namespace = parsed.flags.get('namespace');
    return readDocuments(text).map(resource =>
      namespace !== undefined && kindNamed(resource.kind)!.namespaced
        ? ({ ...resource, metadata: { ...resource.metadata, namespace } } as Resource)
        : resource,
    );
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return failed(`error: error parsing ${file}: ${error.message}\n`);
  }
}

async function put(verb: 'apply' | 'create', parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const resources = await documents(parsed, io);
  if (!Array.isArray(resources)) return resources as ShellResult;
  let stdout = '';
  let stderr = '';
  for (const object of resources) {
    const reply = await io.cluster.controller.api({ do: verb, object });
    if (reply.ok) stdout += `${fullName(object)} ${verb === 'create' ? 'created' : reply.outcome}\n`;
    else stderr += `${serverError(reply.code, reply.message)}\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

const REASONS: Readonly<Record<string, string>> = {
  ALREADY_EXISTS: 'AlreadyExists',
  NOT_FOUND: 'NotFound',
  CONFLICT: 'Conflict',
};

const serverError = (code: string, message: string): string =>
  REASONS[code] === undefined ? message : `Error from server (${REASONS[code]}): ${message}`;

async function remove(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  let victims: readonly { kind: Kind; name: string; namespace: string | undefined }[];
  if (parsed.flags.has('filename')) {
    const resources = await documents(parsed, io);
    if (!Array.isArray(resources)) return resources as ShellResult;
    victims = (resources as Resource[]).map(r => ({
      kind: r.kind,
      name: r.metadata.name,
      namespace: r.metadata.namespace,
    }));
  } else {
    const { kind, word, names } = target(parsed.words.slice(1));
    if (kind === undefined) return noKind(word);
    if (names.length === 0) return failed('error: resource(s) were provided, but no name was specified\n');
    const namespace = kindNamed(kind)!.namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
    victims = names.map(name => ({ kind, name, namespace }));
  }
  let stdout = '';
  let stderr = '';
  for (const { kind, name, namespace } of victims) {
    const reply = await io.cluster.controller.api({
      do: 'delete',
      kind,
      name,
      ...(namespace && { namespace }),
    });
    const forced = parsed.flags.has('force') ? ' force' : '';
    if (reply.ok) stdout += `${kind.toLowerCase()} "${name}"${forced} deleted\n`;
    else stderr += `Error from server (NotFound): ${kindNamed(kind)!.resource} "${name}" not found\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

async function exec(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [, podWord, ...old] = parsed.words;
  const words = parsed.rest ?? old;
  if (podWord === undefined) return failed('error: pod, type/name or --filename must be specified\n');
  if (words.length === 0) return failed('error: you must specify at least one command for the container\n');
  const name = podWord.replace(/^pods?\//, '');
  const namespace = parsed.flags.get('namespace') ?? 'default';
  const pod = await io.cluster.find('Pod', name, namespace);
  if (pod === undefined) return failed(`Error from server (NotFound): pods "${name}" not found\n`);
  const party = partyOfPod(pod, name);
  const result = await io.runAt(
    { machine: party.machine, namespace: party.namespace, hostname: name },
    words,
  );
  if (result.exitCode === 0) return result;
  return { ...result, stderr: `${result.stderr}command terminated with exit code ${result.exitCode}\n` };
}
