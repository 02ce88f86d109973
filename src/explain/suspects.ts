/** What is wrong with the machines and cables on the way, whether or not the packet was seen to die of it. */
import type { Cluster } from '../controller/cluster.ts';

/** Of the machines `names`; in their order. */
export async function suspects(cluster: Cluster, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const machine of names) {
    if (cluster.controller.isOff(machine)) {
      found.push(`${machine} is off`);
      continue;
    }
    const nics = (await cluster.devices({ machine, namespace: '' })).filter(({ driver }) => driver === 'nic');
    for (const { name, up, carrier, altnames } of nics) {
      if (!up) found.push(`${name} of ${machine} is down`);
      else if (!carrier) found.push(`the cable of ${machine}/${name} is cut (no carrier)`);
      const link = cluster.scenario.fabric.links.find(
        ({ owner, device }) => owner === machine && (device === name || altnames.includes(device)),
      );
      const { loss = 0, corrupt = 0 } = link ?? {};
      if (loss > 0) found.push(`the link of ${machine}/${name} loses ${percent(loss)} of its frames`);
      if (corrupt > 0)
        found.push(`the link of ${machine}/${name} damages ${percent(corrupt)} of its packets`);
    }
  }
  return found;
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;
