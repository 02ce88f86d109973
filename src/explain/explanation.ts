/**
 * Why a packet gets where it gets, or does not: hop by hop along the *observed* trail of one probe, there and back. At
 * each machine the tables are asked for the route that decided, who put it there, and which resource field that goes back
 * to. Nothing but the run is read: no names, no annotations, no comments.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { Party, ProbeOptions, ProbeOutcome } from '../controller/probes.ts';
import type { TrailDrop, TrailHop } from '../controller/trails.ts';
import type { RouteExplanationView } from '../node/command.ts';
import { dropReasons } from '../trace/drop-reason.ts';
import { answerToDeath } from './silence.ts';
import { suspects } from './suspects.ts';
import type { Death, Explanation, Limit, Stop } from './types.ts';
import { placeName, untilDeath, visitsOf, withDeath } from './visits.ts';
import { routeLine, Walker } from './walker.ts';

export type { Cause, Death, Explanation, Stop } from './types.ts';

export async function explain(
  cluster: Cluster,
  outcome: ProbeOutcome,
  what: ProbeOptions,
): Promise<Explanation> {
  const { from, to, result, died, trail } = outcome;
  const { proto = 'icmp', size = 56 } = what;
  const hops = untilDeath(trail.hops, died);
  const arrival = hops.findIndex(
    hop => hop.direction === 'receive' && hop.machine === to.machine && hop.namespace === to.namespace,
  );
  const leg = arrival < 0 ? 'there' : 'back';
  const walker = new Walker(cluster, await cluster.list('IPPool'));
  const there = await walker.walk(
    arrival < 0 ? withDeath(visitsOf(hops), died) : visitsOf(hops.slice(0, arrival + 1)),
    to,
    leg === 'back',
  );
  const back =
    arrival < 0
      ? []
      : await walker.walk(withDeath(visitsOf(hops.slice(arrival + 1)), died), from, result.answered);
  const death: Death | undefined = died && {
    reason: died.reason,
    sentence: dropReasons[died.reason].sentence,
    at: died.device.includes('/') ? died.device : placeName(died.machine, died.namespace),
    limit:
      died.reason === 'MTU_EXCEEDED_DF'
        ? await limitAt(cluster, (leg === 'back' ? back : there).at(-1), size, outcome.way)
        : undefined,
    machine: died.machine,
    device: died.device,
    leg,
  };
  const stops = leg === 'back' ? back : there;
  const wrong = died === undefined ? [] : await sourceNotes(cluster, died, hops);
  if (wrong.length > 0) stops.push({ ...stops.pop()!, notes: wrong });
  const address = Ipv4.format;
  return {
    from: { name: from.name, address: address(from.address) },
    to: { name: to.name, address: address(to.address) },
    proto,
    answered: result.answered,
    way: outcome.way,
    rttNs: result.rtt,
    death,
    error: typeof result.error === 'string' ? result.error : undefined,
    there,
    back,
    suspects: result.answered
      ? []
      : await suspects(cluster, machinesOf(cluster, from, to, [...there, ...back])),
    heard: death === undefined ? undefined : await answerToDeath(cluster, outcome, death, there),
  };
}

/** Those with cables: both ends' and those between. */
function machinesOf(cluster: Cluster, from: Party, to: Party, stops: readonly Stop[]): string[] {
  const all = [from.machine, ...stops.map(stop => stop.machine), to.machine];
  return [...new Set(all)].filter(machine => cluster.machine(machine) !== undefined);
}

/** IPv4 and ICMP or UDP header. */
const HEADERS = 28;
/** What the tunnels put around it. */
const TUNNELS = { tunl0: [20, 'IPIP'], 'vxlan.calico': [50, 'VXLAN'] } as const;

/** The device out of `stop`, when it is too small; undefined when the limit came from elsewhere (a learned path MTU). */
async function limitAt(
  cluster: Cluster,
  stop: Stop | undefined,
  size: number,
  way: ProbeOutcome['way'],
): Promise<Limit | undefined> {
  if (stop?.device === undefined) return undefined;
  const device = (await cluster.devices(stop)).find(each => each.name === stop.device);
  const tunnel = stop.encapsulated && (way === 'tunl0' || way === 'vxlan.calico') ? TUNNELS[way] : undefined;
  const [overhead, name] = tunnel ?? [0, ''];
  const octets = size + HEADERS + overhead;
  if (device === undefined || device.mtu >= octets) return undefined;
  const sum = `${size} data + ${HEADERS} headers${tunnel === undefined ? '' : ` + ${overhead} ${name}`}`;
  return { device: device.name, mtu: device.mtu, octets, sum };
}

/** What the kernel found wrong with the source: it looks for the way back before it takes a packet. */
async function sourceNotes(cluster: Cluster, died: TrailDrop, hops: readonly TrailHop[]): Promise<string[]> {
  if (died.reason !== 'RPF_STRICT' && died.reason !== 'MARTIAN_SOURCE') return [];
  const came = hops.findLast(hop => hop.machine === died.machine && hop.direction === 'receive');
  if (came === undefined) return [];
  const { winner } = await cluster.controller.ask<RouteExplanationView>(died.machine, {
    do: 'route-explain',
    namespace: died.namespace,
    destination: came.source,
  });
  const way = winner === undefined ? 'no route' : routeLine(winner);
  return [`it came from ${Ipv4.format(came.source)} by ${came.device}; back there it would go by ${way}`];
}
