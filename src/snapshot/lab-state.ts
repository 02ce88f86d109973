/**
 * The tables of a lab as readable text, in sections by place: what snapshots keep and what `tunlab diff` compares.
 * Only what lasts is said: no times of day, no ages, no states of neighbours that come and go by themselves.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import type { IPAMBlock } from '../calico/resources/ipam.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import type { FdbView, MachineStatus, NeighbourView, SessionView } from '../node/command.ts';
import { holderOf } from '../report/ipam-text.ts';
import type { SnapshotPart } from '../scenario/types.ts';
import { pairsOf, talkers } from './talkers.ts';

/** Lines by place: a machine, or '' where the table is the cluster's. */
export type Sections = ReadonlyMap<string, readonly string[]>;
export type LabState = ReadonlyMap<SnapshotPart, Sections>;

/** Reachability comes first: its probes fill neighbour tables, so that those do not depend on who looked before. */
export async function stateOf(cluster: Cluster, parts: readonly SnapshotPart[]): Promise<LabState> {
  const state = new Map<SnapshotPart, Sections>();
  if (parts.includes('reachability')) {
    const outcomes = await cluster.probe(pairsOf(await talkers(cluster)));
    state.set('reachability', new Map([['', outcomes.map(reachabilityLine)]]));
  }
  if (parts.includes('fib')) state.set('fib', await perMachine(cluster, fib));
  if (parts.includes('bgp')) state.set('bgp', await perMachine(cluster, bgp));
  if (parts.includes('ipam')) state.set('ipam', new Map([['', await ipam(cluster)]]));
  if (parts.includes('neighbours')) state.set('neighbours', await perMachine(cluster, neighbours));
  return new Map(parts.map(part => [part, state.get(part)!]));
}

async function perMachine(
  cluster: Cluster,
  linesOf: (cluster: Cluster, machine: string) => Promise<string[]>,
): Promise<Sections> {
  const sections = new Map<string, readonly string[]>();
  for (const machine of cluster.controller.machines) {
    const lines = await linesOf(cluster, machine);
    if (lines.length > 0) sections.set(machine, lines);
  }
  return sections;
}

async function fib(cluster: Cluster, machine: string): Promise<string[]> {
  const routes = await cluster.routes({ machine, namespace: '' });
  return routes.map(route => route.text.trim());
}

/** Sessions, then the daemon's routes, each with its prefix, in the words of birdcl. */
async function bgp({ controller }: Cluster, machine: string): Promise<string[]> {
  const { sessions } = await controller.ask<MachineStatus>(machine, { do: 'status' });
  const words = ['show', 'route'];
  const listing = await controller.ask<string>(machine, { do: 'birdcl', words });
  let prefix = '';
  const routes = listing.split('\n').flatMap(line => {
    const match = /^(\S*) +(.*)$/.exec(line);
    if (match === null || !line.includes('[')) return [];
    if (match[1] !== '') prefix = match[1]!;
    return [`${prefix} ${match[2]!.replace(/ \d\d:\d\d:\d\d(?=[\] ])/, '')}`];
  });
  return [...sessions.map(sessionLine).sort(), ...routes.sort()];
}

/** A session that does not come up goes from state to state for ever. */
const sessionLine = ({ name, peer, state }: SessionView): string =>
  `${name} ${Ipv4.format(peer)} ${state === 'Established' ? state : 'not Established'}`;

async function ipam(cluster: Cluster): Promise<string[]> {
  const blocks = [...(await cluster.list('IPAMBlock'))].sort((a, b) =>
    Prefix.compare(Prefix.from(a.spec.cidr), Prefix.from(b.spec.cidr)),
  );
  return blocks.flatMap(block => [
    `${block.spec.cidr} ${block.spec.affinity ?? 'without affinity'}`,
    ...addressLines(block),
  ]);
}

function addressLines(block: IPAMBlock): string[] {
  const first = Prefix.from(block.spec.cidr).address;
  return block.spec.allocations.flatMap((_, ordinal) => {
    const holder = holderOf(block, first + ordinal);
    if (holder === undefined) return [];
    const { node = '', pod, namespace, type } = holder.secondary ?? {};
    const who = pod === undefined ? (type ?? holder.handle_id ?? 'somebody') : `${namespace}/${pod}`;
    return [`${Ipv4.format(first + ordinal)} ${who}${node === '' ? '' : ` on ${node}`}`];
  });
}

/** A neighbour that was once resolved stays; one that nobody answers for says so. */
async function neighbours({ controller }: Cluster, machine: string): Promise<string[]> {
  const ask = { namespace: '' };
  const entries = await controller.ask<NeighbourView[]>(machine, { do: 'neighbours', ...ask });
  const fdb = await controller.ask<FdbView[]>(machine, { do: 'fdb', ...ask });
  const resolved = entries
    .filter(({ state }) => state !== 'NOARP')
    .map(({ address, device, mac, state }) => {
      const open = state === 'INCOMPLETE' || state === 'FAILED';
      return `${Ipv4.format(address)} dev ${device} ${open ? 'unresolved' : `lladdr ${Mac.format(mac)}`}`;
    });
  const behind = fdb
    .filter(({ destination }) => destination !== 0)
    .map(
      ({ mac, device, destination }) => `${Mac.format(mac)} dev ${device} dst ${Ipv4.format(destination)}`,
    );
  return [...resolved.sort(), ...behind.sort()];
}

function reachabilityLine(outcome: ProbeOutcome): string {
  const { from, to } = outcome;
  return `${from.name} -> ${to.name} ${fateOf(outcome)}`;
}

/** `tunl0`, or where and why it died: `✗ NO_ROUTE at k8s-rtr`. */
export function fateOf({ result, way, died }: ProbeOutcome): string {
  if (result.answered) return way ?? 'answered';
  if (died !== undefined) {
    const at = died.device.includes('/') ? died.device : died.machine;
    return `✗ ${died.reason} at ${at}`;
  }
  return typeof result.error === 'string' ? `✗ ${result.error}` : '✗ no answer';
}
