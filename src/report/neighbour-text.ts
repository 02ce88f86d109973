/** Neighbours as iproute2 6.1 prints them: `ip neigh`. A blank ends each line. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { NeighbourView } from '../node/command.ts';

/** `dev`: the table was asked for with `dev`, so its name is not repeated. `statistics`: `ip -s`. */
export const neighbourText = (
  neighbours: readonly NeighbourView[],
  dev?: string,
  statistics = false,
): string =>
  neighbours
    .filter(({ device }) => dev === undefined || device === dev)
    .map(neighbour => {
      const { address, device, mac, state } = neighbour;
      const on = dev === undefined ? `dev ${device} ` : '';
      const hardware = isResolved(neighbour) ? `lladdr ${Mac.format(mac)} ` : '';
      return `${Ipv4.format(address)} ${on}${hardware}${statistics ? ages(neighbour) : ''}${state} \n`;
    })
    .join('');

/** Is its MAC address known? */
export const isResolved = ({ state }: NeighbourView): boolean => state !== 'INCOMPLETE' && state !== 'FAILED';

/** While a timer runs for it, that holds a reference. */
export const referencesOf = ({ state }: NeighbourView): number =>
  ['INCOMPLETE', 'REACHABLE', 'DELAY', 'PROBE'].includes(state) ? 1 : 0;

function ages(neighbour: NeighbourView): string {
  const { used, confirmed, updated, probes } = neighbour;
  const references = referencesOf(neighbour) === 0 ? '' : ' ref 1';
  return `${references} used ${used}/${confirmed}/${updated}probes ${probes} `;
}

/** `ip -br neigh`. */
export const neighbourBrief = (neighbours: readonly NeighbourView[]): string =>
  neighbours
    .map(neighbour => {
      const hardware = isResolved(neighbour) ? Mac.format(neighbour.mac) : '';
      return `${Ipv4.format(neighbour.address).padEnd(39)} ${neighbour.device.padEnd(16)} ${hardware}\n`;
    })
    .join('');
