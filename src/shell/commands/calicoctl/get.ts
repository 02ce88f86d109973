/** `calicoctl get`: tables, YAML and JSON of Calico's resources (facts: calico-cli-formats §1). */
import type { Kind, Resource } from '../../../calico/resources/kinds.ts';
import { calicoColumns } from '../../../report/calico-columns.ts';
import { calicoView } from '../../../report/calico-view.ts';
import { calicoctlTable } from '../../../report/table.ts';
import { type CommandIo, failed, type ShellResult } from '../../command.ts';
import { toJson, toYaml } from '../../documents.ts';
import type { Parsed } from '../../options.ts';
import { BadUsage, calicoKind, resourcesOf } from './input.ts';

export async function get(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const output = parsed.flags.get('output') ?? 'ps';
  if (!/^(ps|wide|yaml|json|custom-columns=.+|go-template(-file)?=.+)$/.test(output))
    return failed(`unrecognized output format '${output}'\n`);
  if (output.startsWith('go-template'))
    return failed('calicoctl get -o go-template: not emulated in this lab\n', 2);
  const [word, ...names] = parsed.words;
  if (word === undefined && !parsed.flags.has('filename')) throw new BadUsage();
  const wanted = word === undefined ? await ofFile(parsed, io) : await ofWords(word, names, parsed, io);
  if (!('objects' in wanted)) return wanted;
  const { kind, objects, single, errors } = wanted;
  const stdout = objects.length === 0 && errors.length > 0 ? '' : show(kind, objects, single, output, parsed);
  const stderr = errors.map(message => `${message}\n`).join('');
  return { stdout, stderr, exitCode: errors.length === 0 ? 0 : 1 };
}

interface Found {
  readonly kind: Kind;
  readonly objects: readonly Resource[];
  readonly single: boolean;
  readonly errors: readonly string[];
}

async function ofWords(
  word: string,
  names: readonly string[],
  parsed: Parsed,
  io: CommandIo,
): Promise<Found | ShellResult> {
  const info = calicoKind(word, 'get');
  if (!('kind' in info)) return info;
  const all = parsed.flags.has('all-namespaces');
  const namespace = info.namespaced && !all ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  const { kind } = info;
  if (names.length === 0)
    return { kind, objects: await io.cluster.list(kind, namespace), single: false, errors: [] };
  return find(
    names.map(name => ({ kind, name, namespace })),
    io,
  );
}

async function ofFile(parsed: Parsed, io: CommandIo): Promise<Found | ShellResult> {
  const resources = await resourcesOf(parsed, io);
  if (!Array.isArray(resources)) return resources as ShellResult;
  if (resources.length === 0) return failed('No resources specified\n');
  return find(
    (resources as Resource[]).map(({ kind, metadata: { name, namespace } }) => ({ kind, name, namespace })),
    io,
  );
}

async function find(
  wanted: readonly { kind: Kind; name: string; namespace: string | undefined }[],
  { cluster }: CommandIo,
): Promise<Found> {
  const objects: Resource[] = [];
  const errors: string[] = [];
  for (const { kind, name, namespace } of wanted) {
    const reply = await cluster.controller.api({ do: 'get', kind, name, ...(namespace && { namespace }) });
    if (reply.ok) objects.push(reply.object!);
    else errors.push(reply.message);
  }
  return { kind: wanted[0]!.kind, objects, single: wanted.length === 1, errors };
}

function show(
  kind: Kind,
  objects: readonly Resource[],
  single: boolean,
  output: string,
  parsed: Parsed,
): string {
  if (output === 'yaml' || output === 'json') {
    const views = objects.map(object => calicoView(object, parsed.flags.has('export')));
    const value = single ? views[0] : listOf(kind, views);
    return output === 'yaml' ? toYaml(value) : toJson(value);
  }
  const all = parsed.flags.has('all-namespaces');
  const custom = /^custom-columns=(.*)$/.exec(output)?.[1]?.split(',');
  const [header, ...rows] = calicoColumns(kind, objects, output !== 'ps', all);
  if (custom === undefined) return calicoctlTable(header!, rows);
  const columns = custom.map(name => header!.indexOf(name.toUpperCase()));
  return calicoctlTable(
    custom.map(name => name.toUpperCase()),
    rows.map(row => columns.map(c => row[c] ?? '<none>')),
  );
}

const listOf = (kind: Kind, items: readonly unknown[]): unknown => ({
  apiVersion: 'projectcalico.org/v3',
  items,
  kind: `${kind}List`,
  metadata: {},
});
