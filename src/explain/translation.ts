/** Whether a node changed the source of what it sent on, and why not: natOutgoing and the pools that it does not look at. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Hooks } from '../scenario/types.ts';
import { isTunnel, type Visit } from './visits.ts';

export function translationNotes(visit: Visit, pools: readonly IPPool[], hooks: Hooks): string[] {
  const came = visit.hops.find(hop => hop.direction === 'receive');
  const went = visit.hops.findLast(hop => hop.direction === 'transmit' && hop.device !== 'lo');
  const tunnelled = visit.hops.some(hop => isTunnel(hop.device));
  if (came === undefined || went === undefined || tunnelled || came.source === 0) return [];
  const poolOf = (address: number): IPPool | undefined =>
    pools.find(pool => Prefix.contains(Prefix.from(pool.spec.cidr), address));
  if (came.source !== went.source) {
    const change = `source ${Ipv4.format(came.source)} becomes ${Ipv4.format(went.source)}`;
    const own = poolOf(came.source);
    const out = own?.spec.natOutgoing === true && poolOf(went.destination) === undefined;
    return [out ? `${change}: IPPool ${own.metadata.name}, spec.natOutgoing true` : change];
  }
  if (!came.device.startsWith('cali') || went.device.startsWith('cali')) return [];
  const [own, other] = [poolOf(came.source), poolOf(went.destination)];
  if (own === undefined || other === own) return [];
  const stays = `source stays ${Ipv4.format(came.source)}`;
  if (other !== undefined)
    return [`${stays}: ${Ipv4.format(went.destination)} is in IPPool ${other.metadata.name}`];
  const { name } = own.metadata;
  if (own.spec.natOutgoing !== true) return [`${stays}: IPPool ${name}, spec.natOutgoing false`];
  return hooks === 'none' ? [`${stays}: nothing masquerades here (hooks: none)`] : [];
}
