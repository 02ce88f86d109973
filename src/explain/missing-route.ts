/**
 * Why a machine has no route to a pod: whose block the address is in, and what keeps the news of it away. Read off
 * IPAM, the pools and the BGP sessions as they are at that moment.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { MachineStatus, SessionView } from '../node/command.ts';

/** Sentences; none where no route is missing. `found` is the prefix of the route that decides. */
export async function whyNoRoute(
  cluster: Cluster,
  machine: string,
  destination: number,
  found: Prefix.Prefix | undefined,
): Promise<string[]> {
  // A host that is no router has its default route, and that is all.
  if (cluster.machine(machine) === 'host') return [];
  const affinities = await cluster.list('BlockAffinity');
  const block = affinities.find(({ spec }) => Prefix.contains(Prefix.from(spec.cidr), destination));
  const pool = (await cluster.list('IPPool')).find(({ spec }) =>
    Prefix.contains(Prefix.from(spec.cidr), destination),
  );
  if (block === undefined) {
    const isPods = await isAddressOfPod(cluster, destination);
    return pool === undefined && isPods ? [`${Ipv4.format(destination)} is in no IP pool any more`] : [];
  }
  const { cidr, node: owner } = block.spec;
  if (owner === machine || (found !== undefined && found.length >= Prefix.from(cidr).length)) return [];
  if (pool === undefined) return [`${cidr} is the block of ${owner}, but in no IP pool any more`];
  const here = await statusOf(cluster, machine);
  const there = await statusOf(cluster, owner);
  const head = `${cidr} is the block of ${owner}, and no route leads there`;
  if (pool.spec.disableBGPExport === true) return [`${head}: disableBGPExport keeps it from BGP`];
  if (cluster.controller.isOff(owner)) return [`${head}: ${owner} is off`];
  const silent: string[] = [];
  for (const each of [machine, owner]) if (await birdIsSilent(cluster, each)) silent.push(each);
  if (silent.length > 0) return [`${head}: BIRD does not run on ${silent.join(', ')}`];
  if (cluster.machine(machine) === 'router' && here.sessions.length === 0)
    return [`${head}: ${machine} has no BGP sessions`];
  const broken = [
    ...here.sessions.filter(isDown).map(session => told(cluster, machine, session)),
    ...there.sessions.filter(isDown).map(session => told(cluster, owner, session)),
  ];
  if (broken.length > 0) return [`${head}: ${[...new Set(broken)].slice(0, 3).join('; ')}`];
  const alone = [
    ...(here.sessions.length === 0 ? [machine] : []),
    ...(there.sessions.length === 0 ? [owner] : []),
  ];
  if (alone.length > 0) return [`${head}: ${alone.join(', ')} has no BGP peers`];
  const linked = here.sessions.some(({ peer }) => there.addresses.includes(peer));
  return [
    linked
      ? `${head}, though the two have a session: a filter keeps it back, or a loop check`
      : `${head}: the two have no session, and nobody between them passes it on (by iBGP only reflectors do)`,
  ];
}

const isDown = ({ state, dynamic }: SessionView): boolean => state !== 'Established' && !dynamic;

function told({ scenario }: Cluster, machine: string, { peer, peerAs, info }: SessionView): string {
  const { nodes, routers } = scenario.fabric;
  const router = routers.find(each => each.interfaces.some(({ address }) => address === peer));
  const name = router?.name ?? nodes.find(({ address }) => address === peer)?.name;
  const who = name === undefined ? Ipv4.format(peer) : `${name} ${Ipv4.format(peer)}`;
  // Who is told to be of the wrong AS wants to know of which one he should be.
  const as = /\bAS\b/.test(info) ? `, expected of AS ${peerAs}` : '';
  return `${machine}'s session with ${who} is ${info}${as}`;
}

const statusOf = (cluster: Cluster, machine: string): Promise<MachineStatus> =>
  cluster.controller.ask<MachineStatus>(machine, { do: 'status' });

async function birdIsSilent(cluster: Cluster, machine: string): Promise<boolean> {
  if (cluster.machine(machine) !== 'node') return false;
  const words = ['show', 'status'];
  return !(await cluster.controller.ask<string>(machine, { do: 'birdcl', words })).startsWith('BIRD ');
}

async function isAddressOfPod(cluster: Cluster, address: number): Promise<boolean> {
  const text = Ipv4.format(address);
  return (await cluster.list('Pod')).some(
    ({ spec, status }) => spec.hostNetwork !== true && status?.podIP === text,
  );
}
