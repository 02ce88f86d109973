/** `kubectl apply`, `create`, `replace`, `delete`, `label`, `annotate`. */
import { KINDS, type Kind, type Resource } from '../../../calico/resources/kinds.ts';
import { DecodeError } from '../../../calico/resources/shape.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { readDocuments } from '../../documents.ts';
import type { Parsed } from '../../options.ts';
import { selection } from './get.ts';
import { fullName, namespaceOf, notFound, type Target, targets, typeName } from './target.ts';

type PutVerb = 'apply' | 'create' | 'replace';

async function documents(parsed: Parsed, io: CommandIo): Promise<Resource[] | ShellResult> {
  const files = parsed.all.get('filename');
  if (files === undefined) return failed('error: must specify one of -f and -k\n');
  const resources: Resource[] = [];
  for (const file of files) {
    const text = file === '-' ? io.stdin : await io.readFile(file);
    if (text === undefined) return failed(`error: the path "${file}" does not exist\n`);
    try {
      resources.push(...readDocuments(text));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return failed(`error: error parsing ${file === '-' ? 'STDIN' : file}: ${error.message}\n`);
    }
  }
  if (resources.length === 0) return failed('error: no objects passed to apply\n');
  const namespace = parsed.flags.get('namespace');
  if (namespace === undefined) return resources;
  return resources.map(resource =>
    KINDS[resource.kind].namespaced
      ? ({ ...resource, metadata: { ...resource.metadata, namespace } } as Resource)
      : resource,
  );
}

export async function create(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [word, name] = parsed.words;
  if (parsed.flags.has('filename')) return put('create', parsed, io);
  if ((word === 'namespace' || word === 'ns') && name !== undefined) {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} } as const;
    const reply = await io.cluster.controller.api({ do: 'create', object });
    return reply.ok
      ? printed(`namespace/${name} created\n`)
      : failed(`${serverError(reply.code, reply.message)}\n`);
  }
  if (word !== undefined) return failed(`kubectl create ${word}: not emulated in this lab, use -f\n`, 2);
  return failed('error: must specify one of -f and -k\n');
}

export async function put(verb: PutVerb, parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  if (parsed.flags.has('dry-run')) return failed(`kubectl ${verb} --dry-run: not emulated in this lab\n`, 2);
  const resources = await documents(parsed, io);
  if (!Array.isArray(resources)) return resources as ShellResult;
  let stdout = '';
  let stderr = '';
  for (const given of resources) {
    const object = verb === 'replace' ? await withStatus(given, io) : given;
    const reply = await io.cluster.controller.api({ do: verb, object });
    const done = verb === 'apply' ? (reply.ok ? reply.outcome : '') : `${verb}d`;
    if (reply.ok) stdout += `${fullName(object)} ${done}\n`;
    else if (reply.code === 'INVALID') stderr += `${reply.message}\n`;
    else
      stderr += `Error from server (${REASONS[reply.code] ?? 'BadRequest'}): error when ${ING[verb]} ${source(parsed)}: ${reply.message}\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

/** A status is a resource of its own: to replace the object leaves it alone. */
async function withStatus(object: Resource, { cluster }: CommandIo): Promise<Resource> {
  if (object.kind !== 'Pod') return object;
  const old = await cluster.find('Pod', object.metadata.name, object.metadata.namespace ?? 'default');
  return old?.status === undefined ? object : { ...object, status: old.status };
}

const ING = { apply: 'creating', create: 'creating', replace: 'replacing' } as const;

function source({ flags }: Parsed): string {
  const file = flags.get('filename');
  return file === '-' ? '"STDIN"' : `"${file}"`;
}

const REASONS: Readonly<Record<string, string>> = {
  ALREADY_EXISTS: 'AlreadyExists',
  NOT_FOUND: 'NotFound',
  CONFLICT: 'Conflict',
};

const serverError = (code: string, message: string): string =>
  REASONS[code] === undefined ? message : `Error from server (${REASONS[code]}): ${message}`;

interface Victim {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
}

export async function remove(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const victims = await chosen(parsed, io);
  if (!Array.isArray(victims)) return victims as ShellResult;
  const { flags } = parsed;
  const forced = flags.has('force');
  let stdout = '';
  let stderr =
    forced && !flags.has('filename')
      ? 'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n'
      : '';
  let exitCode = 0;
  for (const { kind, name, namespace } of victims as Victim[]) {
    const where = { kind, name, ...(namespace && { namespace }) };
    const reply = await io.cluster.controller.api({ do: 'delete', ...where });
    if (reply.ok) stdout += `${typeName(kind)} "${name}"${forced ? ' force' : ''} deleted\n`;
    else if (!flags.has('ignore-not-found')) {
      stderr += notFound(kind, name);
      exitCode = 1;
    }
  }
  if (stdout === '' && stderr === '') stdout = 'No resources found\n';
  return { stdout, stderr, exitCode };
}

async function chosen(parsed: Parsed, io: CommandIo): Promise<Victim[] | ShellResult> {
  const { flags } = parsed;
  if (flags.has('filename')) {
    const resources = await documents(parsed, io);
    if (!Array.isArray(resources)) return resources as ShellResult;
    return (resources as Resource[]).map(({ kind, metadata: { name, namespace } }) => ({
      kind,
      name,
      namespace,
    }));
  }
  const wanted = targets(parsed.words, 'delete');
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  const victims: Victim[] = [];
  for (const { kind, names } of wanted as Target[]) {
    const namespace = namespaceOf(kind, parsed);
    victims.push(...names.map(name => ({ kind, name, namespace })));
    if (names.length > 0) continue;
    if (!flags.has('all') && !flags.has('selector'))
      return failed('error: resource(s) were provided, but no name was specified\n');
    const select = selection(parsed);
    if (typeof select !== 'function') return select;
    const objects: readonly Resource[] = await io.cluster.list(kind, namespace);
    for (const { metadata } of objects.filter(select))
      victims.push({ kind, name: metadata.name, namespace: metadata.namespace });
  }
  return victims;
}

export async function label(
  field: 'labels' | 'annotations',
  parsed: Parsed,
  io: CommandIo,
): Promise<ShellResult> {
  const isChange = (word: string): boolean => /^[\w./-]+(=.*|-)$/s.test(word) && !word.startsWith('-');
  const changes = parsed.words
    .slice(1)
    .filter((word, i) => i > 0 || word.includes('='))
    .filter(isChange);
  const wanted = targets(
    parsed.words.filter(word => !changes.includes(word)),
    field === 'labels' ? 'label' : 'annotate',
  );
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  if (changes.length === 0) return failed(`error: at least one ${field.slice(0, -1)} update is required\n`);
  let stdout = '';
  let stderr = '';
  for (const { kind, names } of wanted as Target[]) {
    const namespace = namespaceOf(kind, parsed);
    const all: readonly Resource[] = await io.cluster.list(kind, namespace);
    const select = selection(parsed);
    if (typeof select !== 'function') return select;
    const everyone = parsed.flags.has('all') || parsed.flags.has('selector');
    if (names.length === 0 && !everyone)
      return failed(
        'error: one or more resources must be specified as <resource> <name> or <resource>/<name>\n',
      );
    for (const name of everyone ? all.filter(select).map(o => o.metadata.name) : names) {
      const object = all.find(o => o.metadata.name === name);
      if (object === undefined) stderr += notFound(kind, name);
      else {
        const said = await relabel(object, field, changes, parsed.flags.has('overwrite'), io);
        if (said.exitCode === 0) stdout += said.stdout;
        else stderr += said.stderr;
      }
    }
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
}

async function relabel(
  object: Resource,
  field: 'labels' | 'annotations',
  changes: readonly string[],
  overwrite: boolean,
  { cluster }: CommandIo,
): Promise<ShellResult> {
  const { kind, metadata } = object;
  const old = metadata[field] ?? {};
  const values: Record<string, string | null> = {};
  const isLabels = field === 'labels';
  let verb = isLabels ? 'not labeled' : 'annotated';
  for (const change of changes) {
    const at = change.indexOf('=');
    const key = at < 0 ? change.slice(0, -1) : change.slice(0, at);
    const value = at < 0 ? null : change.slice(at + 1);
    if (value !== null && !overwrite && Object.hasOwn(old, key) && old[key] !== value)
      return failed(
        isLabels
          ? `error: '${key}' already has a value (${old[key]}), and --overwrite is false\n`
          : `error: --overwrite is false but found the following declared annotation(s): '${key}' already has a value (${old[key]})\n`,
      );
    if (isLabels && value === null && !Object.hasOwn(old, key))
      return printed(`label "${key}" not found.\n${fullName(object)} not labeled\n`);
    if (isLabels && value !== old[key]) verb = value === null ? 'unlabeled' : 'labeled';
    values[key] = value;
  }
  const { name, namespace } = metadata;
  const where = { kind, name, ...(namespace && { namespace }) };
  const patch = { metadata: { [field]: values } };
  const reply = await cluster.controller.api({ do: 'patch', ...where, type: 'merge', patch });
  return reply.ok ? printed(`${fullName(object)} ${verb}\n`) : failed(`error: ${reply.message}\n`);
}
