/** Resource changes made in a running lab, the way a user would make them, and taken back one by one. */
import type { ApiReply } from '../api/command.ts';
import type { Cluster } from '../controller/cluster.ts';
import { type FieldChange, mergePatch, type ResourceChange } from './resource-changes.ts';

/** A change that the API server did not take: its words. */
export interface Refusal {
  readonly change: ResourceChange;
  readonly message: string;
}

/** New and changed resources in their order, then those that go, last first. */
export async function applyChanges(cluster: Cluster, changes: readonly ResourceChange[]): Promise<Refusal[]> {
  const coming = changes.filter(({ change }) => change !== 'removed');
  const going = changes.filter(({ change }) => change === 'removed').reverse();
  const refusals: Refusal[] = [];
  for (const change of [...coming, ...going]) {
    const message = await make(cluster, change);
    if (message !== undefined) refusals.push({ change, message });
  }
  return refusals;
}

async function make(cluster: Cluster, change: ResourceChange): Promise<string | undefined> {
  const { kind, name, namespace, before, after, fields } = change;
  const named = { kind, name, ...(namespace !== undefined && { namespace }) };
  if (after === undefined) return said(await cluster.controller.api({ do: 'delete', ...named }));
  if (before === undefined) return said(await cluster.controller.api({ do: 'apply', object: after }));
  // Nothing of a pod that runs can be changed: it is made anew.
  if (kind === 'Pod') {
    const gone = said(await cluster.controller.api({ do: 'delete', ...named }));
    return gone ?? said(await cluster.controller.api({ do: 'apply', object: after }));
  }
  return said(await setFields(cluster, change, fields, ({ is }) => is));
}

/** All `fields` in one write: some are only allowed together (ipipMode and vxlanMode). */
function setFields(
  { controller }: Cluster,
  { kind, name, namespace }: ResourceChange,
  fields: readonly FieldChange[],
  value: (field: FieldChange) => unknown,
): Promise<ApiReply> {
  const patch = fields.map(field => mergePatch(field.path, value(field))).reduce(merged, {});
  return controller.api({
    do: 'patch',
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    type: 'merge',
    patch,
  });
}

const said = (reply: ApiReply): string | undefined => (reply.ok ? undefined : reply.message);

/** Two merge patches (RFC 7396) as one. */
export function merged(a: Record<string, unknown>, b: Record<string, unknown>): Record<string, unknown> {
  const result = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const old = result[key];
    const deep = [old, value].every(
      each => typeof each === 'object' && each !== null && !Array.isArray(each),
    );
    result[key] = deep ? merged(old as Record<string, unknown>, value as Record<string, unknown>) : value;
  }
  return result;
}

/** One change, or one field of it: what is tried when somebody asks which of many it was. */
export interface Undoable {
  readonly change: ResourceChange;
  readonly fields: readonly FieldChange[];
}

/** Fields first, then resources whose fields are several: the smallest comes first. */
export function undoables(changes: readonly ResourceChange[]): Undoable[] {
  const fields = changes.flatMap(change => change.fields.map(field => ({ change, fields: [field] })));
  const whole = changes
    .filter(change => change.fields.length !== 1)
    .map(change => ({ change, fields: change.fields }));
  return [...fields, ...whole];
}

/** Take back; false when the API server does not let it. */
export async function undo(cluster: Cluster, { change, fields }: Undoable): Promise<boolean> {
  if (change.change === 'changed' && change.kind !== 'Pod')
    return said(await setFields(cluster, change, fields, ({ was }) => was)) === undefined;
  return (await make(cluster, reversed(change))) === undefined;
}

/** Make it again. */
export async function redo(cluster: Cluster, { change, fields }: Undoable): Promise<void> {
  if (change.change === 'changed' && change.kind !== 'Pod')
    await setFields(cluster, change, fields, ({ is }) => is);
  else await make(cluster, change);
}

const reversed = (change: ResourceChange): ResourceChange => ({
  ...change,
  before: change.after,
  after: change.before,
});
