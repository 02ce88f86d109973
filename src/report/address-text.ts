/** Addresses as iproute2 6.1 prints them: `ip [-4] [-d] addr`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { DeviceView } from '../node/command.ts';
import { type LinkStyle, linkLines } from './link-text.ts';

export interface AddressStyle {
  readonly details: boolean;
  /** `-4` or `-6`: without devices that have no such address, and without the others. */
  readonly family: 4 | 6 | undefined;
}

const FOREVER = '       valid_lft forever preferred_lft forever\n';

export function addressText(devices: readonly DeviceView[], style: AddressStyle): string {
  const link: LinkStyle = { details: style.details, object: 'addr' };
  return devices
    .filter(device => hasFamily(device, style.family))
    .map(device => {
      const head = linkLines(device, link);
      // With a family asked for the hardware line is left out, but for `-d`.
      const shown = style.family !== undefined && !style.details ? head.replace(/ {4}link\/.*\n/, '') : head;
      return shown + addressLines(device, style.family);
    })
    .join('');
}

/** Is there anything to show of this family? */
export const hasFamily = (device: DeviceView, family: AddressStyle['family']): boolean =>
  family === undefined || (family === 4 ? device.addresses.length > 0 : linkLocal(device) !== undefined);

/** Two lines an address. */
export const addressLines = (device: DeviceView, family: AddressStyle['family']): string =>
  (family === 6 ? '' : ipv4Lines(device)) + (family === 4 ? '' : ipv6Lines(device));

/** The IPv4 addresses of a device, two lines each. */
const ipv4Lines = ({ name, addresses }: DeviceView): string =>
  addresses
    .map(({ address, length, scope, broadcast, secondary }) => {
      const brd = broadcast === 0 ? '' : `brd ${Ipv4.format(broadcast)} `;
      const order = secondary ? 'secondary ' : '';
      return `    inet ${Ipv4.format(address)}/${length} ${brd}scope ${scope} ${order}${name}\n${FOREVER}`;
    })
    .join('');

export interface Ipv6Address {
  readonly address: string;
  readonly length: number;
  readonly scope: 'link' | 'host';
  readonly tentative: boolean;
}

/** The link-local address that follows from the MAC address (RFC 4291, appendix A): all there is of IPv6 here. */
export function linkLocal({ driver, up, carrier, mac, withoutIpv6 }: DeviceView): Ipv6Address | undefined {
  if (!up || driver === 'ipip' || withoutIpv6) return undefined;
  if (driver === 'loopback') return { address: '::1', length: 128, scope: 'host', tentative: false };
  return { address: `fe80::${interfaceIdentifier(mac)}`, length: 64, scope: 'link', tentative: !carrier };
}

/** Its two lines; nothing where there is none. */
function ipv6Lines(device: DeviceView): string {
  const ipv6 = linkLocal(device);
  if (ipv6 === undefined) return '';
  const { address, length, scope, tentative } = ipv6;
  return `    inet6 ${address}/${length} scope ${scope} ${tentative ? 'tentative ' : ''}\n${FOREVER}`;
}

/** Modified EUI-64: the universal bit turned over, ff:fe in the middle, leading zeros of each group left out. */
function interfaceIdentifier(mac: Mac.MacAddress): string {
  const octets = Mac.format(mac)
    .split(':')
    .map(octet => Number.parseInt(octet, 16));
  const eui = [octets[0]! ^ 0x02, octets[1]!, octets[2]!, 0xff, 0xfe, octets[3]!, octets[4]!, octets[5]!];
  const groups = [0, 2, 4, 6].map(i => eui[i]! * 256 + eui[i + 1]!);
  const leading = groups.findIndex(group => group !== 0);
  return groups
    .slice(leading)
    .map(group => group.toString(16))
    .join(':');
}
