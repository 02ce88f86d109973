/** Why a table is not as expected, in a sentence, where the lab itself says so: asked only when an expectation fails. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { MachineStatus, SessionView } from '../node/command.ts';
import type { BgpExpectation, Expectation, RouteExpectation } from '../scenario/types.ts';

/** Undefined when nothing is known that the verdict does not say. */
export async function causeOf(cluster: Cluster, expectation: Expectation): Promise<string | undefined> {
  if (expectation.kind === 'bgp') return ofSession(cluster, expectation);
  return expectation.kind === 'route' ? ofRoute(cluster, expectation) : undefined;
}

async function ofSession({ controller }: Cluster, { on, peer }: BgpExpectation): Promise<string | undefined> {
  const { sessions } = await controller.ask<MachineStatus>(on, { do: 'status' });
  const session = sessions.find(each => each.peer === peer);
  if (session !== undefined) return errorOf(on, session);
  const others = sessions
    .map(each => each.peer)
    .sort((a, b) => a - b)
    .map(Ipv4.format);
  return others.length === 0
    ? `${on} has no session at all`
    : `${on} has sessions with ${others.join(', ')} only`;
}

/** The last error of the session, in BIRD's words. */
function errorOf(on: string, { name, state, info }: SessionView): string | undefined {
  const error = info.slice(state.length).trim();
  return error === '' ? undefined : `${on}: ${name} says ${error}`;
}

/** Another way than expected: the pool's modes. No way at all: who has the block, and what became of the session. */
async function ofRoute(cluster: Cluster, { prefix, on }: RouteExpectation): Promise<string | undefined> {
  const { machine, namespace } = await cluster.party(on);
  const pool = (await cluster.list('IPPool')).find(({ spec }) =>
    Prefix.covers(Prefix.from(spec.cidr), prefix),
  );
  if (pool === undefined || namespace !== '') return undefined;
  const routes = await cluster.routes({ machine, namespace });
  if (routes.some(route => Prefix.equal(route.prefix, prefix))) return modesOf(cluster, pool);
  const cidr = Prefix.format(prefix);
  const affinity = (await cluster.list('BlockAffinity')).find(({ spec }) => spec.cidr === cidr);
  if (affinity === undefined) return `IPAM has given ${cidr} to no node`;
  const { node } = affinity.spec;
  const owner = cluster.scenario.fabric.nodes.find(each => each.name === node)?.address;
  const { sessions } = await cluster.controller.ask<MachineStatus>(machine, { do: 'status' });
  const session = sessions.find(each => each.peer === owner);
  const has = `${cidr} is a block of ${node}`;
  if (session === undefined) return `${has}, with which ${machine} has no BGP session`;
  if (session.state === 'Established') return `${has}, which does not tell ${machine} of it`;
  return `${has}; the BGP session of ${machine} with it is ${session.info}`;
}

/** `IPPool default-ipv4-ippool: ipipMode Never, vxlanMode Never (calico/ippool.yaml:4:9)`. */
function modesOf({ scenario }: Cluster, { metadata: { name }, spec }: IPPool): string {
  const { ipipMode = 'Never', vxlanMode = 'Never' } = spec;
  const loaded = scenario.resources.find(resource => resource.kind === 'IPPool' && resource.name === name);
  const at = loaded?.fields['spec.ipipMode'] ?? loaded?.position;
  const place = at === undefined ? '' : ` (${loaded!.file}:${at.line}:${at.column})`;
  return `IPPool ${name}: ipipMode ${ipipMode}, vxlanMode ${vxlanMode}${place}`;
}
