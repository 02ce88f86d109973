/** `calicoctl`: get, apply, create, replace, patch, delete, with the words of v3.28 (facts: calico-cli-formats §1, §2). */
import type { ApiReply } from '../../api/command.ts';
import { type Kind, kindNamed, type Resource } from '../../calico/resources/kinds.ts';
import { DecodeError } from '../../calico/resources/shape.ts';
import { calicoColumns } from '../../report/calico-columns.ts';
import { calicoctlTable } from '../../report/table.ts';
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';
import { readDocuments, toJson, toYaml } from '../documents.ts';
import { type Parsed, parseFlags } from '../options.ts';

const FLAGS = {
  output: { short: 'o', value: true },
  filename: { short: 'f', value: true },
  patch: { short: 'p', value: true },
  type: { short: 't', value: true },
  namespace: { short: 'n', value: true },
  'all-namespaces': { short: 'A', value: false },
  config: { short: 'c', value: true },
  'skip-exists': { value: false },
  'skip-not-exists': { value: false },
  'allow-version-mismatch': { value: false },
  export: { value: false },
} as const;

const PAST = { apply: 'applied', create: 'created', replace: 'replaced', delete: 'deleted' } as const;

export const calicoctl: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  const [verb = ''] = parsed.words;
  if (parsed.unknown !== undefined) return usage();
  switch (verb) {
    case 'get':
      return get(parsed, io);
    case 'apply':
    case 'create':
    case 'replace':
    case 'delete':
      return change(verb, parsed, io);
    case 'patch':
      return patch(parsed, io);
    case 'version':
      return version(io);
    default:
      return usage();
  }
};

const usage = (): ShellResult =>
  failed(
    'Invalid option: see `calicoctl --help`. The lab has: get apply create replace patch delete version.\n',
    1,
  );

function version({ cluster }: CommandIo): ShellResult {
  const release = cluster.scenario.calicoVersion;
  return printed(
    `Client Version:    ${release}\nCluster Version:   ${release}\nCluster Type:      k8s,bgp,kubeadm,kdd\n`,
  );
}

async function get(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [, kindWord, ...names] = parsed.words;
  const info = kindWord === undefined ? undefined : kindNamed(kindWord);
  if (info === undefined) return unknownKind(kindWord);
  const namespaced = info.namespaced && !parsed.flags.has('all-namespaces');
  const namespace = namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  const found = await read(io, info.kind, names, namespace);
  if (!Array.isArray(found)) return found as ShellResult;
  return printed(show(info.kind, found, names.length === 1, parsed.flags.get('output') ?? 'ps', parsed));
}

async function read(
  io: CommandIo,
  kind: Kind,
  names: readonly string[],
  namespace: string | undefined,
): Promise<Resource[] | ShellResult> {
  if (names.length === 0) return [...(await io.cluster.list(kind, namespace))];
  const objects: Resource[] = [];
  for (const name of names) {
    const reply = await io.cluster.controller.api({ do: 'get', kind, name, ...(namespace && { namespace }) });
    if (!reply.ok) return failed(`${reply.message}\n`);
    objects.push(reply.object!);
  }
  return objects;
}

function show(
  kind: Kind,
  objects: readonly Resource[],
  single: boolean,
  output: string,
  parsed: Parsed,
): string {
  const value = single ? objects[0] : listOf(kind, objects);
  if (output === 'yaml') return toYaml(value);
  if (output === 'json') return toJson(value);
  const all = parsed.flags.has('all-namespaces');
  const [header, ...rows] = calicoColumns(kind, objects, output === 'wide', all);
  return calicoctlTable(header!, rows);
}

const listOf = (kind: Kind, items: readonly Resource[]): unknown => ({
  apiVersion: 'projectcalico.org/v3',
  items,
  kind: `${kind}List`,
  metadata: {},
});

const unknownKind = (word: string | undefined): ShellResult =>
  word === undefined
    ? failed('No resources specified\n')
    : failed(`Failed to get resources: resource type '${word}' is not supported\n`);

async function change(verb: keyof typeof PAST, parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const resources = await given(verb, parsed, io);
  if (!Array.isArray(resources)) return resources as ShellResult;
  if (resources.length === 0) return failed('No resources specified\n');
  const errors: string[] = [];
  let done = 0;
  for (const resource of resources) {
    const reply = await carryOut(verb, resource, io);
    if (reply.ok) done++;
    else {
      errors.push(reply.message);
      break;
    }
  }
  return changeResult(verb, resources, done, errors);
}

/** The resources of `-f`, or of `delete KIND NAME…`. */
async function given(verb: string, parsed: Parsed, io: CommandIo): Promise<Resource[] | ShellResult> {
  const file = parsed.flags.get('filename');
  if (file === undefined) {
    const [, kindWord, ...names] = parsed.words;
    const info = kindWord === undefined ? undefined : kindNamed(kindWord);
    if (verb !== 'delete' || info === undefined || names.length === 0) return unknownKind(kindWord);
    const namespace = info.namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
    return names.map(name => ({
      apiVersion: info.apiVersions[0],
      kind: info.kind,
      metadata: { name, ...(namespace && { namespace }) },
      spec: {},
    })) as unknown as Resource[];
  }
  const text = file === '-' ? io.stdin : await io.readFile(file);
  if (text === undefined)
    return failed(`Failed to execute command: open ${file}: no such file or directory\n`);
  try {
    return readDocuments(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return failed(`Failed to execute command: ${error.message}\n`);
  }
}

function carryOut(verb: keyof typeof PAST, resource: Resource, io: CommandIo): Promise<ApiReply> {
  const { kind } = resource;
  const { name, namespace } = resource.metadata;
  const { controller } = io.cluster;
  if (verb === 'delete') return controller.api({ do: 'delete', kind, name, ...(namespace && { namespace }) });
  return controller.api({ do: verb, object: resource });
}

function changeResult(
  verb: keyof typeof PAST,
  resources: readonly Resource[],
  done: number,
  errors: readonly string[],
): ShellResult {
  const kinds = new Set(resources.map(r => r.kind));
  const [kind] = kinds;
  const named = kinds.size === 1 ? `'${kind}' ` : '';
  if (errors.length === 0) {
    return printed(`Successfully ${PAST[verb]} ${resources.length} ${named}resource(s)\n`);
  }
  const list = `[${errors.join(' ')}]`;
  if (verb === 'delete') return failed(`Failed to delete '${kind}' resource: ${list}\n`);
  if (resources.length === 1) return failed(`Failed to ${verb} '${kind}' resource: ${list}\n`);
  if (done === 0) return failed(`Failed to ${verb} any ${named}resources: ${list}\n`);
  const partial = `Partial success: ${PAST[verb]} the first ${done} out of ${resources.length} ${named}resources:\n`;
  return failed(`${partial}Hit error: ${list}\n`);
}

async function patch(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [, kindWord, name] = parsed.words;
  const info = kindWord === undefined ? undefined : kindNamed(kindWord);
  if (info === undefined || name === undefined) return unknownKind(kindWord);
  const type = parsed.flags.get('type') ?? 'strategic';
  if (type !== 'strategic' && type !== 'merge' && type !== 'json') {
    return failed(`Failed to patch '${info.kind}' resource: unsupported patch type: ${type}\n`);
  }
  let body: unknown;
  try {
    body = JSON.parse(parsed.flags.get('patch') ?? '');
  } catch (error) {
    return failed(`Failed to patch '${info.kind}' resource: ${(error as Error).message}\n`);
  }
  const namespace = info.namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  const reply = await io.cluster.controller.api({
    do: 'patch',
    kind: info.kind,
    name,
    type,
    patch: body,
    ...(namespace && { namespace }),
  });
  if (!reply.ok) return failed(`Failed to patch '${info.kind}' resource: [${reply.message}]\n`);
  return printed(`Successfully patched 1 '${info.kind}' resource\n`);
}
