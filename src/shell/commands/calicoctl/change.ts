/** `calicoctl apply`, `create`, `replace`, `delete`: resources out of files (facts: calico-resources §0). */
import type { ApiReply } from '../../../api/command.ts';
import type { Resource } from '../../../calico/resources/kinds.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { BadUsage, calicoKind, resourcesOf } from './input.ts';

const PAST = { apply: 'applied', create: 'created', replace: 'replaced', delete: 'deleted' } as const;
export type ChangeVerb = keyof typeof PAST;

export async function change(verb: ChangeVerb, parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const resources = await given(verb, parsed, io);
  if (!Array.isArray(resources)) return resources as ShellResult;
  if (resources.length === 0)
    return parsed.flags.has('skip-empty') ? printed('') : failed('No resources specified\n');
  const errors: string[] = [];
  let done = 0;
  for (const resource of resources) {
    const reply = await carryOut(verb, resource, io);
    if (reply.ok || isForgiven(reply, parsed)) done++;
    else {
      errors.push(reply.message);
      // A delete goes on with the others; what is to be made may rest on what came before.
      if (verb !== 'delete') break;
    }
  }
  return told(verb, resources, done, errors);
}

const isForgiven = (reply: ApiReply & { ok: false }, { flags }: Parsed): boolean =>
  (flags.has('skip-exists') && reply.code === 'ALREADY_EXISTS') ||
  (flags.has('skip-not-exists') && reply.code === 'NOT_FOUND');

/** The resources of `-f`, or of `delete KIND NAME…`. */
async function given(verb: ChangeVerb, parsed: Parsed, io: CommandIo): Promise<Resource[] | ShellResult> {
  if (parsed.flags.has('filename')) return resourcesOf(parsed, io);
  const [word, ...names] = parsed.words;
  if (verb !== 'delete' || word === undefined || names.length === 0) throw new BadUsage();
  const info = calicoKind(word, 'delete');
  if (!('kind' in info)) return info;
  const namespace = info.namespaced ? (parsed.flags.get('namespace') ?? 'default') : undefined;
  return names.map(name => ({
    apiVersion: info.apiVersions[0],
    kind: info.kind,
    metadata: { name, ...(namespace && { namespace }) },
    spec: {},
  })) as unknown as Resource[];
}

function carryOut(verb: ChangeVerb, resource: Resource, io: CommandIo): Promise<ApiReply> {
  const { kind } = resource;
  const { name, namespace } = resource.metadata;
  const { controller } = io.cluster;
  if (verb === 'delete') return controller.api({ do: 'delete', kind, name, ...(namespace && { namespace }) });
  return controller.api({ do: verb, object: resource });
}

function told(
  verb: ChangeVerb,
  resources: readonly Resource[],
  done: number,
  errors: readonly string[],
): ShellResult {
  const kinds = new Set(resources.map(r => r.kind));
  const [kind] = kinds;
  const named = kinds.size === 1 ? `'${kind}' ` : '';
  if (errors.length === 0)
    return printed(`Successfully ${PAST[verb]} ${resources.length} ${named}resource(s)\n`);
  const list = `[${errors.join(' ')}]`;
  if (resources.length === 1) return failed(`Failed to ${verb} '${kind}' resource: ${list}\n`);
  if (done === 0) return failed(`Failed to ${verb} any ${named}resources: ${list}\n`);
  const partial = `Partial success: ${PAST[verb]} the first ${done} out of ${resources.length} ${named}resources:\n`;
  return { stdout: partial, stderr: `Hit error: ${list}\n`, exitCode: 1 };
}
