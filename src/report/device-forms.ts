/** Devices and neighbours in iproute2's other forms: `-br` and `-j`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { DeviceView, NeighbourView } from '../node/command.ts';
import { flags, operationalState, otherEnd } from './link-text.ts';

/** `[{…},{…}]` on one line, or by `-p` in the layout of iproute2's writer. */
export function jsonText(objects: readonly unknown[], pretty: boolean): string {
  if (!pretty) return `${JSON.stringify(objects)}\n`;
  if (objects.length === 0) return '[ ]\n';
  const text = JSON.stringify(objects, null, 4)
    .replace(/\[\n\s+("[^\]{]*")\n\s+\]/g, (_, words: string) => `[ ${words.replace(/,\n\s+/g, ',')} ]`)
    .replace(/\[\n\s+\{/g, '[ {')
    .replace(/\},\n\s+\{/g, '},{')
    .replace(/\}\n\s*\]/g, '} ]');
  return `${text}\n`;
}

const head = (device: DeviceView): string =>
  `${(device.name + otherEnd(device)).padEnd(16)} ${operationalState(device).padEnd(14)} `;

const hardware = ({ kind, mac }: DeviceView): string => (kind === 'ipip' ? Ipv4.format(0) : Mac.format(mac));

export const linkBrief = (devices: readonly DeviceView[]): string =>
  devices.map(d => `${head(d)}${hardware(d)} <${flags(d).join(',')}> \n`).join('');

/** `ipv4Only`: without devices that have no IPv4 address. */
export const addressBrief = (devices: readonly DeviceView[], ipv4Only: boolean): string =>
  devices
    .filter(d => !ipv4Only || d.addresses.length > 0)
    .map(d => head(d) + d.addresses.map(a => `${Ipv4.format(a.address)}/${a.length} `).join('') + '\n')
    .join('');

function linkObject(device: DeviceView): Record<string, unknown> {
  const { peer, driver, kind } = device;
  const broadcast = kind === 'loopback' ? 0 : Mac.BROADCAST;
  return {
    ifindex: device.index,
    ...(peer !== undefined && { link_index: peer.index }),
    ...(driver === 'ipip' && { link: null }),
    ifname: device.name,
    flags: flags(device),
    mtu: device.mtu,
    qdisc: device.wasUp ? 'noqueue' : 'noop',
    operstate: operationalState(device),
    linkmode: 'DEFAULT',
    group: 'default',
    txqlen: 1000,
    link_type: kind,
    address: hardware(device),
    broadcast: kind === 'ipip' ? Ipv4.format(0) : Mac.format(broadcast),
    ...(peer !== undefined && (peer.netns === undefined ? { link_netnsid: 0 } : { link_netns: peer.netns })),
    ...(device.altnames.length > 0 && { altnames: device.altnames }),
  };
}

export const linkJson = (devices: readonly DeviceView[], pretty: boolean): string =>
  jsonText(devices.map(linkObject), pretty);

/** How long an address without a lease is valid. */
const FOREVER = 0xffff_ffff;

export function addressJson(devices: readonly DeviceView[], ipv4Only: boolean, pretty: boolean): string {
  const shown = devices.filter(d => !ipv4Only || d.addresses.length > 0);
  return jsonText(
    shown.map(device => {
      const { linkmode: _, ...link } = linkObject(device);
      const addr_info = device.addresses.map(({ address, length, scope, broadcast }) => ({
        family: 'inet',
        local: Ipv4.format(address),
        prefixlen: length,
        ...(broadcast !== 0 && { broadcast: Ipv4.format(broadcast) }),
        scope,
        label: device.name,
        valid_life_time: FOREVER,
        preferred_life_time: FOREVER,
      }));
      return { ...link, addr_info };
    }),
    pretty,
  );
}

export const neighbourJson = (neighbours: readonly NeighbourView[], pretty: boolean): string =>
  jsonText(
    neighbours.map(({ address, device, mac, state }) => ({
      dst: Ipv4.format(address),
      dev: device,
      ...(state !== 'INCOMPLETE' && state !== 'FAILED' && { lladdr: Mac.format(mac) }),
      state: [state],
    })),
    pretty,
  );
