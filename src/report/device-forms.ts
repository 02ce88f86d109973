/** Devices and neighbours in iproute2's other forms: `-br` and `-j`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { DeviceView, NeighbourView } from '../node/command.ts';
import { type AddressStyle, hasFamily, linkLocal } from './address-text.ts';
import { flags, MTU_LIMITS, operationalState, otherEnd, segmentOffload } from './link-text.ts';
import { isResolved, referencesOf } from './neighbour-text.ts';

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

/** `family`: without devices that have no such address. */
export const addressBrief = (devices: readonly DeviceView[], family: AddressStyle['family']): string =>
  devices
    .filter(device => hasFamily(device, family))
    .map(device => {
      const own = family === 6 ? [] : device.addresses;
      const texts = own.map(a => `${Ipv4.format(a.address)}/${a.length}`);
      const ipv6 = family === 4 ? undefined : linkLocal(device);
      const all = ipv6 === undefined ? texts : [...texts, `${ipv6.address}/${ipv6.length}`];
      return `${head(device)}${all.map(text => `${text} `).join('')}\n`;
    })
    .join('');

export interface DeviceJsonStyle {
  readonly details: boolean;
  readonly statistics: boolean;
  readonly pretty: boolean;
}

function linkObject(
  device: DeviceView,
  { details, statistics }: DeviceJsonStyle,
  object: 'link' | 'addr',
): Record<string, unknown> {
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
    ...(object === 'link' && { linkmode: 'DEFAULT' }),
    group: 'default',
    txqlen: 1000,
    link_type: kind,
    address: hardware(device),
    broadcast: kind === 'ipip' ? Ipv4.format(0) : Mac.format(broadcast),
    ...(peer !== undefined && { link_netnsid: peer.netnsId }),
    ...(details && kindObject(device, object)),
    ...(statistics && { stats64: counts(device) }),
    ...(device.altnames.length > 0 && { altnames: device.altnames }),
  };
}

/** What `-d` adds (`print_linkinfo`). */
function kindObject(device: DeviceView, object: 'link' | 'addr'): Record<string, unknown> {
  const { driver, vxlan } = device;
  const [least, most] = MTU_LIMITS[driver];
  const data =
    driver === 'ipip'
      ? { proto: 'any', remote: 'any', local: 'any', ttl: 0, pmtudisc: false }
      : vxlan === undefined
        ? undefined
        : {
            id: vxlan.vni,
            local: Ipv4.format(vxlan.local),
            link: vxlan.parent,
            port_range: { low: 0, high: 0 },
            port: vxlan.port,
            learning: false,
            ttl: 0,
            df: 'unset',
            ageing: 300,
            udp_csum: true,
            udp_zero_csum6_tx: false,
            udp_zero_csum6_rx: false,
          };
  return {
    promiscuity: 0,
    allmulti: 0,
    min_mtu: least,
    max_mtu: most,
    ...(['ipip', 'vxlan', 'veth'].includes(driver) && {
      linkinfo: { info_kind: driver, ...(data !== undefined && { info_data: data }) },
    }),
    ...(object === 'link' && (driver !== 'ipip' || device.wasUp) && { inet6_addr_gen_mode: 'eui64' }),
    num_tx_queues: 1,
    num_rx_queues: 1,
    gso_max_size: 65536,
    gso_max_segs: 65535,
    tso_max_size: segmentOffload(driver),
    tso_max_segs: 65535,
    gro_max_size: 65536,
  };
}

const counts = ({ counters: c }: DeviceView): unknown => ({
  rx: {
    bytes: c.rxOctets,
    packets: c.rxPackets,
    errors: 0,
    dropped: c.rxDropped,
    over_errors: 0,
    multicast: 0,
  },
  tx: {
    bytes: c.txOctets,
    packets: c.txPackets,
    errors: 0,
    dropped: c.txDropped,
    carrier_errors: 0,
    collisions: 0,
  },
});

export const linkJson = (devices: readonly DeviceView[], style: DeviceJsonStyle): string =>
  jsonText(
    devices.map(device => linkObject(device, style, 'link')),
    style.pretty,
  );

/** How long an address without a lease is valid. */
const FOREVER = 0xffff_ffff;

export function addressJson(
  devices: readonly DeviceView[],
  family: AddressStyle['family'],
  style: DeviceJsonStyle,
): string {
  const shown = devices.filter(device => hasFamily(device, family));
  return jsonText(
    shown.map(device => {
      const own = family === 6 ? [] : device.addresses;
      const addr_info: object[] = own.map(({ address, length, scope, broadcast, secondary }) => ({
        family: 'inet',
        local: Ipv4.format(address),
        prefixlen: length,
        ...(broadcast !== 0 && { broadcast: Ipv4.format(broadcast) }),
        scope,
        ...(secondary && { secondary }),
        label: device.name,
        valid_life_time: FOREVER,
        preferred_life_time: FOREVER,
      }));
      const ipv6 = family === 4 ? undefined : linkLocal(device);
      if (ipv6 !== undefined) {
        const { address, length, scope, tentative } = ipv6;
        const lifetime = { valid_life_time: FOREVER, preferred_life_time: FOREVER };
        const mark = tentative ? { tentative } : {};
        addr_info.push({ family: 'inet6', local: address, prefixlen: length, scope, ...mark, ...lifetime });
      }
      return { ...linkObject(device, style, 'addr'), addr_info };
    }),
    style.pretty,
  );
}

/** `dev`: as of `neighbourText`. */
export const neighbourJson = (
  neighbours: readonly NeighbourView[],
  dev: string | undefined,
  statistics: boolean,
  pretty: boolean,
): string =>
  jsonText(
    neighbours.map(neighbour => {
      const { address, device, mac, state, used, confirmed, updated, probes } = neighbour;
      const references = referencesOf(neighbour);
      return {
        dst: Ipv4.format(address),
        ...(dev === undefined && { dev: device }),
        ...(isResolved(neighbour) && { lladdr: Mac.format(mac) }),
        ...(statistics && {
          ...(references > 0 && { refcnt: references }),
          used,
          confirmed,
          updated,
          probes,
        }),
        state: [state],
      };
    }),
    pretty,
  );
