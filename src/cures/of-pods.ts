/** What a pod keeps from the day it was made: its MTU, its address of a pool that is gone. It has to be made anew. */
import * as Prefix from '../addr/prefix.ts';
import type { Pod } from '../calico/resources/core.ts';
import type { Party } from '../controller/probes.ts';
import { applied, applyLine, type Candidate, patched, typed } from './candidate.ts';
import { type Facts, parties } from './facts.ts';

const IPIP_OVERHEAD = 20;
const VXLAN_OVERHEAD = 50;

export async function pods(facts: Facts): Promise<Candidate[]> {
  const anew = await commandsAnew(facts);
  if (anew.length === 0) return [];
  const death = facts.sent?.explanation.death;
  if (death?.reason !== 'MTU_EXCEEDED_DF') {
    const orphans = facts.sent === undefined ? [] : withoutPool(facts);
    return orphans.length === 0 ? [] : [typed('pods made anew, out of a pool that is there', ...anew)];
  }
  return [typed('pods made anew, with the MTU of today', ...anew), ...smallerTunnels(facts, anew)];
}

/** A tunnel that fits the smallest link on the way, and pods that fit it. */
function smallerTunnels(facts: Facts, anew: readonly string[]): Candidate[] {
  const limit = facts.sent?.explanation.death?.limit?.mtu;
  const way = facts.sent?.outcome.way;
  if (limit === undefined || (way !== 'tunl0' && way !== 'vxlan.calico')) return [];
  const [field, overhead] =
    way === 'tunl0' ? (['ipipMTU', IPIP_OVERHEAD] as const) : (['vxlanMTU', VXLAN_OVERHEAD] as const);
  const value = limit - overhead;
  const change = `${field}: ${value}, and pods made anew`;
  const exists = facts.felix.some(({ metadata }) => metadata.name === 'default');
  const object = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name: 'default' },
    spec: { [field]: value },
  };
  const set = exists
    ? patched(facts.scenario, 'FelixConfiguration', 'default', ['spec', field], value, change)
    : applied(object, change);
  return [{ ...set, commands: [...set.commands, 'run 5s', ...anew] }];
}

/** Pods among the two whose address is in no pool. */
const withoutPool = (facts: Facts): Party[] =>
  parties(facts).filter(
    ({ namespace, address }) =>
      namespace !== '' && !facts.pools.some(({ spec }) => Prefix.contains(Prefix.from(spec.cidr), address)),
  );

async function commandsAnew({ cluster, sent }: Facts): Promise<string[]> {
  if (sent === undefined) return [];
  const commands: string[] = [];
  for (const { namespace } of [sent.outcome.from, sent.outcome.to]) {
    const [space, name] = namespace.split('/');
    if (space === undefined || name === undefined) continue;
    const pod = await cluster.find('Pod', name, space);
    if (pod === undefined) continue;
    commands.push(`kubectl delete pod -n ${space} ${name}`, applyLine(blueprint(pod), 'kubectl'));
  }
  return commands;
}

/** What was asked for, without what came of it. */
function blueprint({ apiVersion, kind, metadata, spec }: Pod): object {
  const { name, namespace, labels = {}, annotations = {} } = metadata;
  const asked = Object.entries(annotations).filter(([key]) => !WRITTEN.test(key));
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(asked.length > 0 && { annotations: Object.fromEntries(asked) }),
    },
    spec,
  };
}

/** Annotations that the CNI plugin writes. */
const WRITTEN = /^cni\.projectcalico\.org\/(containerID|podIPs?)$|^kubectl\.kubernetes\.io\//;
