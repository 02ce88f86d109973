/** `calicoctl patch` and `calicoctl label` (facts: calico-cli-formats §2). */
import type { Kind } from '../../../calico/resources/kinds.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { BadUsage, calicoKind } from './input.ts';

export async function patch(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [word, name] = parsed.words;
  const text = parsed.flags.get('patch');
  if (word === undefined || name === undefined || text === undefined) throw new BadUsage();
  const info = calicoKind(word, 'patch');
  if (!('kind' in info)) return info;
  const type = parsed.flags.get('type') ?? 'strategic';
  if (type !== 'strategic' && type !== 'merge' && type !== 'json')
    return failed(`Failed to patch '${info.kind}' resource: unsupported patch type: ${type}\n`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return failed(`Failed to patch '${info.kind}' resource: [${NOT_JSON[type]}]\n`);
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

/** What the libraries that apply patches say of text that is not JSON at all. */
const NOT_JSON = {
  strategic: 'invalid JSON document',
  merge: 'Invalid JSON Patch',
  json: 'Invalid JSON Patch',
} as const;

export async function label(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [word, name, text] = parsed.words;
  const remove = parsed.flags.has('remove');
  if (word === undefined || name === undefined || text === undefined || remove === text.includes('='))
    throw new BadUsage();
  const info = calicoKind(word, 'label');
  if (!('kind' in info)) return info;
  const at = text.indexOf('=');
  const key = remove ? text : text.slice(0, at);
  const value = remove ? undefined : text.slice(at + 1);
  const namespace = info.namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  const where = { kind: info.kind as Kind, name, ...(namespace && { namespace }) };
  const reply = await io.cluster.controller.api({ do: 'get', ...where });
  if (!reply.ok) return failed(`failed to get ${word} ${name}, because ${reply.message}\n`);
  const old = reply.object!.metadata.labels?.[key];
  if (remove && old === undefined)
    return failed(`can not remove label from ${word} ${name}, key ${key} does not exist\n`);
  if (!remove && old !== undefined && old !== value && !parsed.flags.has('overwrite')) {
    return failed(
      `failed to update label of ${word} ${name}, key ${key} is already present. please use '--overwrite' to set a new value.\n`,
    );
  }
  const patched = await io.cluster.controller.api({
    do: 'patch',
    ...where,
    type: 'merge',
    patch: { metadata: { labels: { [key]: value ?? null } } },
  });
  if (!patched.ok) return failed(`failed to update ${word} ${name}, because ${patched.message}\n`);
  if (remove) return printed(`Successfully removed label ${key} from ${word} ${name}.\n`);
  const verb = old === undefined ? 'set' : 'updated';
  return printed(`Successfully ${verb} label ${key} on ${word} ${name}\n`);
}
