/** `kubectl patch`. */
import { KINDS } from '../../../calico/resources/kinds.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { fullName, namespaceOf, notFound, type Target, targets } from './target.ts';

const TYPES = ['json', 'merge', 'strategic'] as const;

/** The API server merges by its own rules only what it has Go types of. */
const UNKNOWN_FORMAT =
  'Error from server (UnsupportedMediaType): the body of the request was in an unknown format - accepted media types include: ' +
  'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml\n';

export async function patch(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const text = parsed.flags.get('patch');
  if (text === undefined)
    return failed('error: must specify --patch or --patch-file containing the contents of the patch\n');
  const type = TYPES.find(name => name === (parsed.flags.get('type') ?? 'strategic'));
  if (type === undefined)
    return failed(`error: --type must be one of [${TYPES.join(' ')}], not "${parsed.flags.get('type')}"\n`);
  const wanted = targets(parsed.words, 'patch');
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return failed(`error: unable to parse "${text}": yaml: did not find expected node content\n`);
  }
  let stdout = '';
  for (const { kind, names } of wanted as Target[]) {
    if (names.length === 0) return failed('error: resource(s) were provided, but no name was specified\n');
    if (KINDS[kind].calico && type === 'strategic') return failed(UNKNOWN_FORMAT);
    const namespace = namespaceOf(kind, parsed);
    for (const name of names) {
      const where = { kind, name, ...(namespace && { namespace }) };
      const before = await io.cluster.find(kind, name, namespace);
      if (before === undefined) return { ...failed(notFound(kind, name)), stdout };
      const reply = await io.cluster.controller.api({ do: 'patch', ...where, type, patch: body });
      if (!reply.ok) return { ...failed(`${reply.message}\n`), stdout };
      const after = await io.cluster.find(kind, name, namespace);
      const same = after?.metadata.resourceVersion === before.metadata.resourceVersion;
      stdout += `${fullName(before)} patched${same ? ' (no change)' : ''}\n`;
    }
  }
  return printed(stdout);
}
