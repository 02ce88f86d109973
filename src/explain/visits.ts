/** A probe's trail as visits: what happened at one machine and namespace before the packet was seen elsewhere. */
import type { TrailDrop, TrailHop } from '../controller/trails.ts';

export interface Visit {
  readonly machine: string;
  readonly namespace: string;
  readonly hops: readonly TrailHop[];
}

export function visitsOf(hops: readonly TrailHop[]): Visit[] {
  const visits: { machine: string; namespace: string; hops: TrailHop[] }[] = [];
  for (const hop of hops) {
    const { machine, namespace } = hop;
    const last = visits.at(-1);
    if (last?.machine === machine && last.namespace === namespace) last.hops.push(hop);
    else visits.push({ machine, namespace, hops: [hop] });
  }
  return visits;
}

/** The hops up to the death, without those of the ICMP error that it caused: back to the source, at the same instant. */
export function untilDeath(hops: readonly TrailHop[], died: TrailDrop | undefined): readonly TrailHop[] {
  if (died === undefined) return hops;
  const before = hops.filter(hop => hop.time <= died.time);
  const last = before.findLast(hop => hop.machine === died.machine && hop.direction === 'receive');
  return before.filter(
    hop =>
      hop.time < died.time ||
      hop.machine !== died.machine ||
      hop.direction === 'receive' ||
      hop.destination !== last?.source,
  );
}

/** A packet can die before it has passed a device of the place where it dies; a switch is no place with tables. */
export function withDeath(visits: Visit[], died: TrailDrop | undefined): Visit[] {
  if (died === undefined || died.device.includes('/')) return visits;
  const { machine, namespace } = died;
  const last = visits.at(-1);
  if (last?.machine === machine && last.namespace === namespace) return visits;
  return [...visits, { machine, namespace, hops: [] }];
}

/**
 * What the packet was addressed to when this place looked for a route: behind a translation of addresses and behind the
 * end of a tunnel. 0 when it was not seen.
 */
export function destinationOf(visit: Visit): number {
  // An ICMP error to oneself goes by the loopback device.
  const hops = visit.hops.filter(hop => hop.device !== 'lo');
  const last = hops.findLastIndex(hop => hop.direction === 'receive');
  const out = hops.slice(last + 1).find(hop => hop.destination !== 0);
  return out?.destination ?? hops[last]?.destination ?? 0;
}

/** As users call it: a pod by its own name, a machine by its. */
export const placeName = (machine: string, namespace: string): string =>
  namespace === '' ? machine : namespace.replace(/^default\//, '');

export const isTunnel = (device: string): boolean => device === 'tunl0' || device === 'vxlan.calico';
