/** Neighbours as net-tools' `arp` prints them. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { NeighbourView } from '../node/command.ts';
import { isResolved } from './neighbour-text.ts';

const HEADING = 'Address                  HWtype  HWaddress           Flags Mask            Iface\n';

/** `arp -n`. */
export function arpTable(neighbours: readonly NeighbourView[]): string {
  if (neighbours.length === 0) return '';
  return HEADING + neighbours.map(row).join('');
}

function row(neighbour: NeighbourView): string {
  const { address, device, mac, state } = neighbour;
  const known = isResolved(neighbour);
  const hardware = (known ? 'ether' : '').padEnd(8) + (known ? Mac.format(mac) : '(incomplete)').padEnd(20);
  const flags = (known ? (state === 'PERMANENT' ? 'CM' : 'C') : '').padEnd(6);
  return `${Ipv4.format(address).padEnd(23)}  ${hardware}${flags}${''.padEnd(15)} ${device}\n`;
}

/** `arp -a`. */
export const arpLines = (neighbours: readonly NeighbourView[]): string =>
  neighbours
    .map(neighbour => {
      const { address, device, mac, state } = neighbour;
      const hardware = isResolved(neighbour) ? `${Mac.format(mac)} [ether]` : '<incomplete>';
      return `? (${Ipv4.format(address)}) at ${hardware} ${state === 'PERMANENT' ? 'PERM ' : ''}on ${device}\n`;
    })
    .join('');
