/** What was changed since the lab booted, taken back: if it worked before, that is the first thing to try. */
import type { Kind, Resource } from '../calico/resources/kinds.ts';
import { applyDefaults } from '../calico/resources/kinds.ts';
import { initialResources } from '../cluster/resources.ts';
import { merged } from '../diff/live-change.ts';
import { type FieldChange, fieldChanges, mergePatch } from '../diff/resource-changes.ts';
import { applied, type Candidate, placeOf, quoted, typed } from './candidate.ts';
import type { Facts } from './facts.ts';

/** Kinds whose change can cut somebody off. */
const KINDS = [
  'IPPool',
  'BGPPeer',
  'BGPConfiguration',
  'BGPFilter',
  'FelixConfiguration',
  'IPAMConfiguration',
  'Node',
] as const satisfies readonly Kind[];

/** What the cluster itself writes. */
const OF_THE_CLUSTER =
  /^(metadata\.(resourceVersion|uid|creationTimestamp|generation|annotations)|status|kubernetes)\b|TunnelAddr$|^spec\.addresses\b/;

export async function changes(facts: Facts): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const before = new Map(
    initialResources(facts.scenario).map(object => [keyOf(object), applyDefaults(object)] as const),
  );
  for (const kind of KINDS) {
    const now = new Map((await facts.cluster.list(kind)).map(object => [keyOf(object), object as Resource]));
    for (const [key, is] of now) {
      const was = before.get(key);
      if (was === undefined) candidates.push(removed(is));
      else candidates.push(...changedBack(facts, was, is));
    }
    for (const [key, was] of before) if (was.kind === kind && !now.has(key)) candidates.push(restored(was));
  }
  return [...candidates, ...settings(facts)];
}

const keyOf = ({ kind, metadata }: Resource): string => `${kind}/${metadata.name}`;

/** Calico's own name of the kind, as calicoctl takes it. */
const word = (kind: string): string => (kind === 'IPAMConfiguration' ? 'ipamconfig' : kind.toLowerCase());

const removed = ({ kind, metadata }: Resource): Candidate =>
  typed(`${kind} ${metadata.name} taken away again`, `calicoctl delete ${word(kind)} ${metadata.name}`);

function restored(was: Resource): Candidate {
  const { kind, metadata } = was;
  const { uid: _, resourceVersion: __, creationTimestamp: ___, ...kept } = metadata;
  return applied({ ...was, metadata: kept }, `${kind} ${metadata.name} back again`);
}

/** All of a resource at once: some fields are only allowed together. */
function changedBack({ scenario }: Facts, was: Resource, is: Resource): Candidate[] {
  const fields = fieldChanges(was, is).filter(({ path }) => !OF_THE_CLUSTER.test(path.join('.')));
  if (fields.length === 0) return [];
  const { kind, metadata } = is;
  const patch = fields.map(field => mergePatch(field.path, field.was)).reduce(merged, {});
  const shown = fields.map(fieldText).join(', ');
  return [
    {
      change: `${shown} (${kind} ${metadata.name}), as it was`,
      commands: [
        `calicoctl patch ${word(kind)} ${metadata.name} --type=merge -p ${quoted(JSON.stringify(patch))}`,
      ],
      place: placeOf(scenario, kind, metadata.name, fields[0]!.path),
    },
  ];
}

const fieldText = ({ path, was }: FieldChange): string =>
  `${path.slice(1).join('.')}: ${was === undefined ? 'none' : typeof was === 'object' ? JSON.stringify(was) : String(was)}`;

/** Settings of kernels that were written, with the value they had before. */
function settings({ journal, cluster }: Facts): Candidate[] {
  const { processes } = cluster.controller.plan.lab;
  const written = journal.entries.flatMap(({ process, command }) => {
    const { do: verb, namespace, name, value } = command as Readonly<Record<string, string>>;
    if (verb !== 'sysctl' || namespace !== '' || name === undefined || value === undefined) return [];
    return [{ machine: processes[process]!.name, name, value }];
  });
  return written.flatMap(({ machine, name, value }, i) => {
    const later = written.slice(i + 1).some(other => other.machine === machine && other.name === name);
    const earlier = written.slice(0, i).findLast(other => other.machine === machine && other.name === name);
    const was = earlier?.value ?? FIRST_VALUES[name.split('.').at(-1)!];
    if (later || was === undefined || was === value) return [];
    return [typed(`${name} = ${was} on ${machine}, as it was`, `ssh ${machine} sysctl -w ${name}=${was}`)];
  });
}

/** What nodes boot with. */
const FIRST_VALUES: Readonly<Record<string, string>> = { rp_filter: '0', ip_forward: '1' };
