/** Devices as iproute2 6.1 prints them: `ip [-d] link`, and the same lines in `ip [-d] addr`. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import type { DeviceView } from '../node/command.ts';

export interface LinkStyle {
  /** `-d`: what kind of device it is. */
  readonly details: boolean;
  /** `ip link` says how the link is managed, `ip addr` does not. */
  readonly object: 'link' | 'addr';
}

/** All of a namespace's devices. */
export const linkText = (devices: readonly DeviceView[], style: LinkStyle): string =>
  devices.map(device => linkLines(device, style)).join('');

/** The lines of one device, line feeds included. */
export function linkLines(device: DeviceView, style: LinkStyle): string {
  const mode = style.object === 'link' ? ' mode DEFAULT' : '';
  const queue = device.wasUp ? 'noqueue' : 'noop';
  const first =
    `${device.index}: ${device.name}${otherEnd(device)}: <${flags(device).join(',')}> mtu ${device.mtu} ` +
    `qdisc ${queue} state ${operationalState(device)}${mode} group default qlen 1000\n`;
  const names = device.altnames.map(name => `    altname ${name}\n`).join('');
  return `${first}    ${hardware(device)}${style.details ? details(device, style) : ''}\n${names}`;
}

export function otherEnd({ driver, peer }: DeviceView): string {
  if (peer !== undefined) return `@if${peer.index}`;
  return driver === 'ipip' ? '@NONE' : '';
}

/** IFF_* in the order of iproute2's `print_link_flags`. */
export function flags({ driver, up, carrier, peer }: DeviceView): string[] {
  const lower = up && carrier;
  const kinds = { loopback: ['LOOPBACK'], ipip: ['NOARP'] } as const;
  return [
    ...(up && !carrier ? ['NO-CARRIER'] : []),
    ...(driver === 'loopback' || driver === 'ipip' ? kinds[driver] : ['BROADCAST', 'MULTICAST']),
    ...(up ? ['UP'] : []),
    ...(lower ? ['LOWER_UP'] : []),
    ...(peer !== undefined && !peer.up ? ['M-DOWN'] : []),
  ];
}

/** RFC 2863 ifOperStatus. Devices that have no carrier to lose do not say. */
export function operationalState({ driver, up, carrier, peer }: DeviceView): string {
  if (!up) return 'DOWN';
  if (!carrier) return peer === undefined ? 'DOWN' : 'LOWERLAYERDOWN';
  return driver === 'nic' || driver === 'veth' ? 'UP' : 'UNKNOWN';
}

function hardware({ kind, mac, peer }: DeviceView): string {
  if (kind === 'ipip') return `link/ipip ${Ipv4.format(0)} brd ${Ipv4.format(0)}`;
  const broadcast = kind === 'loopback' ? 0 : Mac.BROADCAST;
  const netns =
    peer === undefined ? '' : ` ${peer.netns === undefined ? 'link-netnsid 0' : `link-netns ${peer.netns}`}`;
  return `link/${kind} ${Mac.format(mac)} brd ${Mac.format(broadcast)}${netns}`;
}

/** What the driver takes as MTU at least and at most; 0 for no limit. */
export const MTU_LIMITS = {
  loopback: [0, 0],
  ipip: [0, 0],
  nic: [68, 65535],
  veth: [68, 65535],
  vxlan: [68, 65535],
} as const;

/** `tso_max_size` of the driver. */
export const segmentOffload = (driver: DeviceView['driver']): number => (driver === 'ipip' ? 65536 : 524280);

function details(device: DeviceView, { object }: LinkStyle): string {
  const { driver } = device;
  const [least, most] = MTU_LIMITS[driver];
  const kind = kindDetails(device);
  const addresses = object === 'link' ? 'addrgenmode eui64 ' : '';
  // A device that never was up has not got an IPv6 side yet.
  const generated = driver === 'ipip' && !device.wasUp ? '' : addresses;
  return (
    ` promiscuity 0  allmulti 0 minmtu ${least} maxmtu ${most} ${kind === '' ? '' : `\n    ${kind}`}${generated}` +
    'numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 ' +
    `tso_max_size ${segmentOffload(driver)} tso_max_segs 65535 gro_max_size 65536 `
  );
}

function kindDetails({ driver, vxlan }: DeviceView): string {
  if (driver === 'veth') return 'veth ';
  if (driver === 'ipip') return 'ipip any remote any local any ttl inherit nopmtudisc ';
  if (vxlan === undefined) return '';
  const { vni, local, parent, port } = vxlan;
  return (
    `vxlan id ${vni} local ${Ipv4.format(local)} dev ${parent} srcport 0 0 dstport ${port} nolearning ttl auto ` +
    'ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx '
  );
}
