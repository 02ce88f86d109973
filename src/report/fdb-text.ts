/** The forwarding database as iproute2 6.1 prints it: `bridge fdb`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { FdbView } from '../node/command.ts';

/** `dev`: the table was asked for with `dev`, so its name is not repeated. */
export const fdbText = (entries: readonly FdbView[], dev?: string): string =>
  entries
    .filter(({ device }) => dev === undefined || device === dev)
    .map(({ mac, device, destination }) => {
      const on = dev === undefined ? `dev ${device} ` : '';
      const behind = destination === 0 ? '' : `dst ${Ipv4.format(destination)} `;
      return `${Mac.format(mac)} ${on}${behind}self permanent\n`;
    })
    .join('');
