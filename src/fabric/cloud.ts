/**
 * What a cloud's network does to packets that a plain one would carry, as data: rules at the port of each network interface.
 *
 *   aws-vpc         source/destination check: a packet from (to) an interface must have its address as source
 *                   (destination); off for each interface on its own
 *   azure-vnet      IP protocol 4 (IPIP) is not carried at all
 *   port-security   OpenStack: only packets from (and for) the port's own and its allowed addresses; ARP is held to the same
 *
 * Dropped in silence, as there: no ICMP, nothing on the node. The check is made where the port is, so on what the node
 * sends before anybody else sees it, and on what it gets last of all.
 */

import type { Ipv4Address } from '../addr/ipv4.ts';
import type { MacAddress } from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import * as Arp from '../wire/arp.ts';
import * as Ethernet from '../wire/ethernet.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Udp from '../wire/udp.ts';
import * as Vxlan from '../wire/vxlan.ts';

/** What the cloud knows of one port, and does there. Plain data; change it by replacing it. */
export interface PortRules {
  /** The addresses of the network interface, primary first. */
  readonly addresses: readonly Ipv4Address[];
  /** AWS: drop what is neither from nor to `addresses`. */
  readonly sourceDestinationCheck: boolean;
  /** Azure: drop protocol 4. */
  readonly blocksIpip: boolean;
  /** Drop VXLAN: UDP port 4789, to a security group that does not allow it. */
  readonly blocksVxlan: boolean;
  /** OpenStack: only these, beside `addresses`. `undefined`: port security is off. */
  readonly allowedAddressPairs: readonly Prefix.Prefix[] | undefined;
  /** With port security: the only source MAC address. 0 = not checked. */
  readonly mac: MacAddress;
}

/** A port on which nothing is checked. */
export const OPEN_PORT: PortRules = {
  addresses: [],
  sourceDestinationCheck: false,
  blocksIpip: false,
  blocksVxlan: false,
  allowedAddressPairs: undefined,
  mac: 0,
};

/** The clouds a scenario can name. */
export const clouds = ['none', 'aws-vpc', 'azure-vnet', 'port-security'] as const;
export type Cloud = (typeof clouds)[number];

/** What the port of an interface with `addresses` and `mac` checks in that cloud, before anybody changes it. */
export function portRules(cloud: Cloud, addresses: readonly Ipv4Address[], mac: MacAddress): PortRules {
  return {
    ...OPEN_PORT,
    addresses,
    mac: cloud === 'port-security' ? mac : 0,
    sourceDestinationCheck: cloud === 'aws-vpc',
    blocksIpip: cloud === 'azure-vnet',
    allowedAddressPairs: cloud === 'port-security' ? [] : undefined,
  };
}

/** `fromNode`: the node sends it; otherwise it is about to get it. */
export type PortDirection = 'fromNode' | 'toNode';

/**
 * Judge the Ethernet frame whose real octets are `[at, end)`. '' when the port lets it pass. What is neither IPv4 nor ARP
 * passes.
 */
export function judge(
  rules: PortRules,
  direction: PortDirection,
  view: DataView,
  at: number,
  end: number,
): DropReason | '' {
  const packet = at + Ethernet.HEADER_LENGTH;
  const etherType = Ethernet.etherType(view, at);
  if (etherType === Ethernet.TYPE_ARP) return judgeArp(rules, direction, view, packet, end);
  if (etherType !== Ethernet.TYPE_IPV4 || end - packet < Ipv4.MIN_HEADER_LENGTH) return '';
  if (rules.blocksIpip && Ipv4.protocol(view, packet) === Ipv4.PROTOCOL_IPIP) return 'FABRIC_PROTO4_BLOCKED';
  if (rules.blocksVxlan && isVxlan(view, packet, end)) return 'FABRIC_UDP4789_BLOCKED';
  const own = direction === 'fromNode' ? Ipv4.source(view, packet) : Ipv4.destination(view, packet);
  if (rules.sourceDestinationCheck && !rules.addresses.includes(own)) return 'FABRIC_SRC_DST_CHECK';
  if (rules.allowedAddressPairs === undefined || direction === 'toNode') return '';
  if (rules.mac !== 0 && Ethernet.source(view, at) !== rules.mac) return 'FABRIC_PORT_SECURITY';
  return isAllowed(rules, own) ? '' : 'FABRIC_PORT_SECURITY';
}

function judgeArp(
  rules: PortRules,
  direction: PortDirection,
  view: DataView,
  packet: number,
  end: number,
): DropReason | '' {
  if (rules.allowedAddressPairs === undefined || direction === 'toNode') return '';
  if (end - packet < Arp.PACKET_LENGTH) return 'FABRIC_PORT_SECURITY';
  if (rules.mac !== 0 && Arp.senderMac(view, packet) !== rules.mac) return 'FABRIC_PORT_SECURITY';
  const sender = Arp.senderAddress(view, packet);
  return sender === 0 || isAllowed(rules, sender) ? '' : 'FABRIC_PORT_SECURITY';
}

/** Fragments but the first have no ports; security groups let them follow it. */
function isVxlan(view: DataView, packet: number, end: number): boolean {
  if (Ipv4.protocol(view, packet) !== Ipv4.PROTOCOL_UDP || Ipv4.fragmentOffset(view, packet) !== 0)
    return false;
  const udp = packet + Ipv4.headerLength(view, packet);
  return end - udp >= Udp.HEADER_LENGTH && Udp.destinationPort(view, udp) === Vxlan.PORT;
}

const isAllowed = (rules: PortRules, address: Ipv4Address): boolean =>
  rules.addresses.includes(address) ||
  rules.allowedAddressPairs!.some(prefix => Prefix.contains(prefix, address));
