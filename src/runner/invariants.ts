/**
 * `invariant`: what holds in every lab that is as it should be.
 *
 *   noLoop        no way through the tables of all machines comes back to where it was  (forwarding-loops.ts)
 *   oneOwner      no block and no address belongs to two
 *   noBlackHole   pods talk whenever their nodes do
 *   allCounted    originated = delivered + dropped + on its way, and what is on its way is held somewhere
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Cluster } from '../controller/cluster.ts';
import { GRID } from '../controller/convergence.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import type { InvariantExpectation, Law } from '../scenario/types.ts';
import { SECOND } from '../sim/time.ts';
import { talkers } from '../snapshot/talkers.ts';
import { forwardingLoops } from './forwarding-loops.ts';
import { deathOf } from './reachability.ts';
import type { Verdict } from './verdict.ts';

/** A law that is broken, in words. */
export interface Breach {
  readonly law: Law;
  readonly what: string;
  readonly reason?: string;
  readonly at?: string;
}

export async function judgeInvariants(cluster: Cluster, { laws }: InvariantExpectation): Promise<Verdict> {
  const found: Breach[] = [];
  for (const law of laws) found.push(...(await breachesOf(cluster, law)));
  const expected = `${laws.join(', ')} ${laws.length === 1 ? 'holds' : 'hold'}`;
  const [first, ...more] = found;
  if (first === undefined) return { ok: true, expected, received: 'so it is' };
  const { law, what, reason, at } = first;
  return {
    ok: false,
    expected,
    received: `${law}: ${what}`,
    ...(more.length > 0 && { detail: more.map(breach => `${breach.law}: ${breach.what}`) }),
    ...(reason !== undefined && at !== undefined && { reason, at }),
  };
}

/** Everything that breaks `law` now. Probes take virtual time, and so does waiting for frames to arrive. */
export function breachesOf(cluster: Cluster, law: Law): Promise<Breach[]> {
  switch (law) {
    case 'noLoop':
      return loops(cluster);
    case 'oneOwner':
      return doubleOwners(cluster);
    case 'noBlackHole':
      return blackHoles(cluster);
    case 'allCounted':
      return uncounted(cluster);
  }
}

const loops = async (cluster: Cluster): Promise<Breach[]> =>
  (await forwardingLoops(cluster)).map(({ destination, ring }) => ({
    law: 'noLoop',
    what: `packets to ${Ipv4.format(destination)} go round: ${ring.join(' -> ')}`,
  }));

async function doubleOwners(cluster: Cluster): Promise<Breach[]> {
  const breach = (what: string): Breach => ({ law: 'oneOwner', what });
  const affinities = (await cluster.list('BlockAffinity')).filter(({ spec }) => spec.state === 'confirmed');
  const blocks = await cluster.list('IPAMBlock');
  const pods = (await cluster.list('Pod')).filter(
    ({ spec, status }) => spec.hostNetwork !== true && status?.podIP !== undefined,
  );
  const found: Breach[] = [];
  for (const [i, { spec }] of affinities.entries()) {
    for (const { spec: other } of affinities.slice(i + 1)) {
      if (Prefix.overlap(Prefix.from(spec.cidr), Prefix.from(other.cidr)))
        found.push(breach(`${spec.cidr} of ${spec.node} and ${other.cidr} of ${other.node} overlap`));
    }
    const owner = blocks.find(block => block.spec.cidr === spec.cidr)?.spec.affinity;
    if (owner !== undefined && owner !== `host:${spec.node}`)
      found.push(breach(`block ${spec.cidr} is ${owner}, its affinity is ${spec.node}'s`));
  }
  for (const [i, { metadata, status }] of pods.entries()) {
    const other = pods.slice(i + 1).find(pod => pod.status?.podIP === status?.podIP);
    if (other === undefined) continue;
    const names = [metadata, other.metadata].map(({ namespace, name }) => `${namespace}/${name}`);
    found.push(breach(`${status?.podIP} is the address of ${names.join(' and of ')}`));
  }
  return found;
}

/** A path exists between two pods when their nodes answer each other, or when they share one. */
async function blackHoles(cluster: Cluster): Promise<Breach[]> {
  const { pods } = await talkers(cluster);
  const pairs = pods.flatMap(from => pods.filter(to => to !== from).map(to => [from, to] as const));
  const cut = (await cluster.probe(pairs)).filter(({ result }) => !result.answered);
  const nodesOf = ({ from, to }: ProbeOutcome): string => `${from.machine} ${to.machine}`;
  const between = new Map(cut.map(outcome => [nodesOf(outcome), outcome]));
  for (const [key, { from, to }] of between) if (from.machine === to.machine) between.delete(key);
  const asked = [...between.values()].map(
    ({ from, to }) => [cluster.machineParty(from.machine), cluster.machineParty(to.machine)] as const,
  );
  const nodes = await cluster.probe(asked);
  const apart = new Set(nodes.filter(({ result }) => !result.answered).map(nodesOf));
  return cut
    .filter(outcome => !apart.has(nodesOf(outcome)))
    .map(outcome => {
      const { received, reason, at } = deathOf(outcome);
      const { from, to } = outcome;
      const path =
        from.machine === to.machine ? 'they share a node' : `${from.machine} -> ${to.machine} answers`;
      const what = `${from.name} -> ${to.name}: ${received}, but ${path}`;
      return { law: 'noBlackHole', what, ...(reason !== undefined && at !== undefined && { reason, at }) };
    });
}

/**
 * For frames between two workers to arrive, and for the management network's, which are nobody's packets; a watch
 * event comes within 60 ms.
 */
const ARRIVE = SECOND;

/** Every frame that is in flight is held by somebody, and every one that is held is in flight. */
async function uncounted(cluster: Cluster): Promise<Breach[]> {
  const { controller } = cluster;
  const deadline = controller.now + ARRIVE;
  let { inFlight, held } = await cluster.counters();
  while (inFlight !== held && controller.now < deadline) {
    await controller.run(controller.now + GRID);
    ({ inFlight, held } = await cluster.counters());
  }
  if (inFlight === held) return [];
  const what = `${inFlight} frames are neither delivered nor dropped, and ${held} are on their way`;
  return [{ law: 'allCounted', what }];
}
