/** `neigh` and `fdb`: which MAC address an address has, and behind which machine a MAC address is. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { Party } from '../controller/probes.ts';
import type { FdbView, NeighbourView } from '../node/command.ts';
import { fdbText } from '../report/fdb-text.ts';
import { neighbourText } from '../report/neighbour-text.ts';
import type { FdbExpectation, NeighbourExpectation } from '../scenario/types.ts';
import type { Verdict } from './verdict.ts';

export async function judgeNeighbour(cluster: Cluster, e: NeighbourExpectation): Promise<Verdict> {
  const place = await cluster.party(e.on);
  const { machine, namespace } = place;
  const all = await cluster.controller.ask<NeighbourView[]>(machine, { do: 'neighbours', namespace });
  const named = await deviceNamed(cluster, place, e.dev);
  const entries = all.filter(n => n.address === e.address && (named === undefined || n.device === named));
  const wanted = [
    e.dev === undefined ? '' : ` dev ${e.dev}`,
    e.mac === undefined ? '' : ` lladdr ${Mac.format(e.mac)}`,
    e.state === undefined || e.state === 'none' ? '' : ` ${e.state}`,
  ];
  const entry = `neighbour ${Ipv4.format(e.address)}${wanted.join('')}`;
  const fits = entries.some(
    n => (e.mac === undefined || n.mac === e.mac) && (e.state === undefined || n.state === e.state),
  );
  return {
    ok: e.state === 'none' ? entries.length === 0 : fits,
    expected: `${place.name}: ${e.state === 'none' ? 'no ' : ''}${entry}`,
    received: entries.map(n => neighbourText([n]).trim()).join(' | ') || 'no such neighbour',
  };
}

export async function judgeFdb(cluster: Cluster, e: FdbExpectation): Promise<Verdict> {
  const place = await cluster.party(e.on);
  const { machine, namespace } = place;
  const all = await cluster.controller.ask<FdbView[]>(machine, { do: 'fdb', namespace });
  const device = await deviceNamed(cluster, place, e.dev);
  const entries = all.filter(entry => entry.device === device);
  const fits = entries.filter(
    entry =>
      (e.mac === undefined || entry.mac === e.mac) &&
      (e.destination === undefined || entry.destination === e.destination),
  );
  const wanted = [
    e.mac === undefined ? '' : ` ${Mac.format(e.mac)}`,
    ` dev ${e.dev}`,
    e.destination === undefined ? '' : ` dst ${Ipv4.format(e.destination)}`,
  ];
  const shown = fits.length > 0 ? fits : entries;
  return {
    ok: fits.length > 0,
    expected: `${place.name}: fdb entry${wanted.join('')}`,
    received: shown.map(entry => fdbText([entry]).trim()).join(' | ') || `no entry of ${e.dev}`,
  };
}

/** The device's own name; it may be called by another (`eth0` for `ens5`). */
async function deviceNamed(cluster: Cluster, place: Party, name: string): Promise<string>;
async function deviceNamed(
  cluster: Cluster,
  place: Party,
  name: string | undefined,
): Promise<string | undefined>;
async function deviceNamed(
  cluster: Cluster,
  place: Party,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined) return undefined;
  const devices = await cluster.devices(place);
  return devices.find(device => device.altnames.includes(name))?.name ?? name;
}
