/** Neighbours as iproute2 6.1 prints them: `ip neigh`. A blank ends each line. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { NeighbourView } from '../node/command.ts';

/** `dev`: the table was asked for with `dev`, so its name is not repeated. */
export const neighbourText = (neighbours: readonly NeighbourView[], dev?: string): string =>
  neighbours
    .filter(({ device }) => dev === undefined || device === dev)
    .map(({ address, device, mac, state }) => {
      const on = dev === undefined ? `dev ${device} ` : '';
      const hardware = state === 'INCOMPLETE' || state === 'FAILED' ? '' : `lladdr ${Mac.format(mac)} `;
      return `${Ipv4.format(address)} ${on}${hardware}${state} \n`;
    })
    .join('');
