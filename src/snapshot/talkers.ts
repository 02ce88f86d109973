/** Who is asked to talk with whom when a lab is looked at as a whole: pods, and hosts outside of the cluster. */
import { type Cluster, partyOfPod } from '../controller/cluster.ts';
import type { Party } from '../controller/probes.ts';

/** Pairs grow with the square: of more pods only the first are asked. */
export const PODS_ASKED = 16;

export interface Talkers {
  readonly pods: readonly Party[];
  readonly hosts: readonly Party[];
}

/** Running pods with a network of their own, by name; hosts as the fabric has them. */
export async function talkers(cluster: Cluster): Promise<Talkers> {
  const running = (await cluster.list('Pod')).filter(
    ({ spec, status }) =>
      spec.hostNetwork !== true && spec.nodeName !== undefined && status?.podIP !== undefined,
  );
  const pods = running.map(pod => {
    const { namespace, name } = pod.metadata;
    return partyOfPod(pod, namespace === 'default' ? name : `${namespace}/${name}`);
  });
  const asked = pods.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, PODS_ASKED);
  return { pods: asked, hosts: cluster.scenario.fabric.hosts.map(({ name }) => cluster.machineParty(name)) };
}

/** Ordered pairs with a pod in them. */
export function pairsOf({ pods, hosts }: Talkers): (readonly [Party, Party])[] {
  const all = [...pods, ...hosts];
  return all.flatMap(from =>
    all
      .filter(to => to !== from && (pods.includes(from) || pods.includes(to)))
      .map(to => [from, to] as const),
  );
}
