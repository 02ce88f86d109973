/** Who talks to whom: two pods on nodes of one subnet, and two on nodes of different ones. */
import type { LoadedResource, Scenario } from '../scenario/types.ts';

export interface Pair {
  readonly from: string;
  readonly to: string;
  readonly sameSubnet: boolean;
}

interface PlacedPod {
  readonly name: string;
  readonly node: string;
  readonly subnet: string;
}

/** The first pods by name that fit, those of the default namespace before others; a pair that the scenario has no pods for is left out. */
export function pairsOf(scenario: Scenario): Pair[] {
  const pods = placedPods(scenario);
  const find = (sameSubnet: boolean): Pair[] => {
    for (const from of pods) {
      const to = pods.find(
        other => other.node !== from.node && (other.subnet === from.subnet) === sameSubnet,
      );
      if (to !== undefined) return [{ from: from.name, to: to.name, sameSubnet }];
    }
    return [];
  };
  return [...find(true), ...find(false)];
}

function placedPods({ fabric, resources }: Scenario): PlacedPod[] {
  const subnets = new Map(fabric.nodes.map(node => [node.name, node.subnet]));
  const placed = resources.flatMap((resource): PlacedPod[] => {
    const node = nodeOf(resource);
    const subnet = node === undefined ? undefined : subnets.get(node);
    if (node === undefined || subnet === undefined) return [];
    const { namespace = 'default', name } = resource;
    return [{ name: namespace === 'default' ? name : `${namespace}/${name}`, node, subnet }];
  });
  const key = ({ name }: PlacedPod): string => (name.includes('/') ? `1${name}` : `0${name}`);
  return placed.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function nodeOf({ kind, object }: LoadedResource): string | undefined {
  if (kind !== 'Pod') return undefined;
  const { nodeName } = (object.spec ?? {}) as { readonly nodeName?: unknown };
  return typeof nodeName === 'string' ? nodeName : undefined;
}
