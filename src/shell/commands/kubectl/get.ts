/** `kubectl get`: tables, YAML, JSON, jsonpath, names; selectors; `-w`. */
import type { Kind, Resource } from '../../../calico/resources/kinds.ts';
import { kubectlColumns } from '../../../report/kubectl-columns.ts';
import { kubernetesView } from '../../../report/kubernetes-view.ts';
import { kubectlTable } from '../../../report/table.ts';
import { type CommandIo, failed, INTERRUPTED, printed, type ShellResult } from '../../command.ts';
import { toJson, toYaml } from '../../documents.ts';
import { JsonPathError, jsonPath, jsonPathValues } from '../../jsonpath.ts';
import { labelSelector } from '../../label-selector.ts';
import type { Parsed } from '../../options.ts';
import { fullName, namespaceOf, notFound, type Target, targets } from './target.ts';

const OUTPUTS =
  'custom-columns, custom-columns-file, go-template, go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, name, template, templatefile, wide, yaml';

export async function get(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const { flags } = parsed;
  const wanted = targets(parsed.words, 'get');
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  const output = flags.get('output') ?? '';
  if (/^(go-template|custom-columns-file|template|jsonpath-file|jsonpath-as-json)/.test(output))
    return failed(`kubectl get -o ${output.split('=')[0]}: not emulated in this lab\n`, 2);
  if (!/^(|wide|yaml|json|name|jsonpath=.*|custom-columns=.*)$/s.test(output))
    return failed(
      `error: unable to match a printer suitable for the output format "${output}", allowed formats are: ${OUTPUTS.replaceAll(', ', ',')}\n`,
    );
  const select = selection(parsed);
  if (typeof select !== 'function') return select;
  const found: Found[] = [];
  try {
    for (const target of wanted as Target[]) {
      const all = await look(target, select, parsed, io);
      found.push({ ...all, objects: sorted(all.objects, flags.get('sort-by')) });
    }
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    return failed(`error: ${error.message}\n`);
  }
  const errors = found.flatMap(f => f.errors).join('');
  const result = { ...(await shown(found, output, parsed, io)) };
  if (errors !== '' && !flags.has('ignore-not-found')) {
    return {
      stdout: found.some(f => f.objects.length > 0) ? result.stdout : '',
      stderr: errors,
      exitCode: 1,
    };
  }
  if (!flags.has('watch') && !flags.has('watch-only')) return result;
  return watch((wanted as Target[])[0]!, found[0]!, result, select, parsed, io);
}

type Select = (object: Resource) => boolean;

interface Found {
  readonly kind: Kind;
  readonly objects: readonly Resource[];
  /** One was asked for by name. */
  readonly single: boolean;
  readonly errors: readonly string[];
}

/** `--sort-by`: by what a path leads to, digits within as numbers. */
function sorted(objects: readonly Resource[], path: string | undefined): readonly Resource[] {
  if (path === undefined) return objects;
  const keyed = objects.map(object => ({ object, key: jsonPathValues(path, kubernetesView(object))[0] }));
  const text = (key: unknown): string => (key === undefined ? '' : String(key));
  const order = new Intl.Collator('en', { numeric: true });
  return keyed.sort((a, b) => order.compare(text(a.key), text(b.key))).map(({ object }) => object);
}

/** `-o custom-columns=NAME:.metadata.name,IP:.status.podIP`. */
function customColumns(spec: string, views: readonly unknown[], parsed: Parsed): ShellResult {
  const columns = spec.split(',').map(part => {
    const at = part.indexOf(':');
    return at < 0 ? undefined : { title: part.slice(0, at), path: part.slice(at + 1) };
  });
  const bad = columns.indexOf(undefined);
  if (spec === '') return failed('error: custom-columns format specified but no custom columns given\n');
  if (bad >= 0)
    return failed(
      `error: unexpected custom-columns spec: ${spec.split(',')[bad]}, expected <header>:<json-path-expr>\n`,
    );
  const cell = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  try {
    const rows = views.map(view =>
      columns.map(column => jsonPathValues(column!.path, view).map(cell).join(',') || '<none>'),
    );
    const titles = columns.map(column => column!.title);
    return printed(headless(kubectlTable(titles, rows), parsed));
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    return failed(`error: ${error.message}\n`);
  }
}

/** What `-l` and `--field-selector` let through. */
export function selection({ flags }: Parsed): Select | ShellResult {
  const labels = flags.get('selector');
  const byLabel = labels === undefined ? () => true : labelSelector(labels);
  if (byLabel === undefined) return failed(`Error from server (BadRequest): unable to parse "${labels}"\n`);
  const fields = (flags.get('field-selector') ?? '').split(',').filter(part => part !== '');
  const tests = fields.map(part => /^([\w.]+)(==?|!=)(.*)$/.exec(part));
  if (tests.includes(null))
    return failed(`Error from server (BadRequest): invalid selector: '${fields.join(',')}'\n`);
  return object =>
    byLabel(object.metadata.labels ?? {}) &&
    tests.every(test => {
      const value = test![1]!
        .split('.')
        .reduce<unknown>(
          (at, key) => (at as Record<string, unknown> | undefined)?.[key],
          kubernetesView(object),
        );
      return (String(value ?? '') === test![3]) === (test![2] !== '!=');
    });
}

async function look(target: Target, select: Select, parsed: Parsed, { cluster }: CommandIo): Promise<Found> {
  const { kind, names } = target;
  const namespace = namespaceOf(kind, parsed);
  if (names.length === 0) {
    const objects: readonly Resource[] = await cluster.list(kind, namespace);
    return { kind, objects: objects.filter(select), single: false, errors: [] };
  }
  const objects: Resource[] = [];
  const errors: string[] = [];
  for (const name of names) {
    const object = await cluster.find(kind, name, namespace);
    if (object === undefined) errors.push(notFound(kind, name));
    else objects.push(object);
  }
  return { kind, objects, single: names.length === 1, errors };
}

const listOf = (items: readonly unknown[]): unknown => ({
  apiVersion: 'v1',
  items,
  kind: 'List',
  metadata: { resourceVersion: '' },
});

async function shown(
  found: readonly Found[],
  output: string,
  parsed: Parsed,
  io: CommandIo,
): Promise<ShellResult> {
  const objects = found.flatMap(f => f.objects);
  const views = objects.map(kubernetesView);
  const value = found.length === 1 && found[0]!.single ? views[0] : listOf(views);
  if (output === 'yaml') return printed(toYaml(value));
  if (output === 'json') return printed(`${toJson(value, 4)}\n`);
  if (output === 'name') return printed(objects.map(o => `${fullName(o)}\n`).join(''));
  if (output.startsWith('jsonpath=')) {
    try {
      return printed(jsonPath(output.slice('jsonpath='.length), value));
    } catch (error) {
      if (!(error instanceof JsonPathError)) throw error;
      return failed(`error: error parsing jsonpath ${output.slice(9)}, ${error.message}\n`);
    }
  }
  if (output.startsWith('custom-columns='))
    return customColumns(output.slice('custom-columns='.length), views, parsed);
  if (objects.length === 0) return failed(nothing(found[0]!.kind, parsed), 0);
  const filled = found.filter(f => f.objects.length > 0);
  const tables = filled.map(f => {
    const rows = table(f, parsed, io, filled.length > 1 || parsed.words[0] === 'all');
    return kubectlTable(rows[0]!, rows.slice(1));
  });
  return printed(tables.map(text => headless(text, parsed)).join('\n'));
}

const headless = (text: string, { flags }: Parsed): string =>
  flags.has('no-headers') ? text.slice(text.indexOf('\n') + 1) : text;

function nothing(kind: Kind, parsed: Parsed): string {
  const namespace = namespaceOf(kind, parsed);
  return namespace === undefined ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`;
}

function table({ kind, objects }: Found, { flags }: Parsed, io: CommandIo, prefixed: boolean): string[][] {
  const nowMs = io.cluster.scenario.startMs + io.time.now / 1e6;
  const rows = kubectlColumns(kind, objects, {
    wide: flags.get('output') === 'wide',
    withNamespace: flags.has('all-namespaces'),
    nowMs,
  }).map(row => [...row]);
  const [header, ...body] = rows;
  const nameAt = header!.indexOf('NAME');
  if (prefixed) for (const [i, row] of body.entries()) row[nameAt] = fullName(objects[i]!);
  const labels = (object: Resource): Record<string, string> => object.metadata.labels ?? {};
  for (const key of (flags.get('label-columns') ?? '').split(',').filter(k => k !== '')) {
    header!.push(key.slice(key.lastIndexOf('/') + 1).toUpperCase());
    for (const [i, row] of body.entries()) row.push(labels(objects[i]!)[key] ?? '');
  }
  if (flags.has('show-labels')) {
    header!.push('LABELS');
    for (const [i, row] of body.entries()) {
      const pairs = Object.entries(labels(objects[i]!)).map(([k, v]) => `${k}=${v}`);
      row.push(pairs.length === 0 ? '<none>' : pairs.join(','));
    }
  }
  return rows;
}

/** `-w`: a row for each change, in columns as wide as those of the first table. */
async function watch(
  target: Target,
  first: Found,
  result: ShellResult,
  select: Select,
  parsed: Parsed,
  io: CommandIo,
): Promise<ShellResult> {
  if (!parsed.flags.has('watch-only')) {
    io.write(result.stdout);
    io.write(result.stderr, 'stderr');
  }
  const versions = new Map(first.objects.map(o => [keyOf(o), o]));
  // Columns are as wide as the widest cell that was printed so far.
  const printedRows = first.objects.length === 0 ? [] : table(first, parsed, io, false).slice(1);
  let headed = first.objects.length > 0 || parsed.flags.has('no-headers');
  const told = (object: Resource): void => {
    const [header, row] = table({ ...first, objects: [object] }, parsed, io, false);
    printedRows.push(row!);
    const lines = kubectlTable(header!, printedRows).split('\n');
    if (!headed) io.write(`${lines[0]}\n`);
    io.write(`${lines.at(-2)}\n`);
    headed = true;
  };
  const each = async (): Promise<void> => {
    const now = await look(target, select, parsed, io);
    const seen = new Map(now.objects.map(o => [keyOf(o), o]));
    for (const [key, object] of seen) {
      if (versions.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) told(object);
    }
    for (const [key, object] of versions) if (!seen.has(key)) told(object);
    versions.clear();
    for (const [key, object] of seen) versions.set(key, object);
  };
  await io.time.until(() => false, { endless: true, signal: io.signal, each });
  return { stdout: '', stderr: '', exitCode: io.signal.aborted ? INTERRUPTED : 0 };
}

const keyOf = ({ metadata: { name, namespace } }: Resource): string => `${namespace}/${name}`;
