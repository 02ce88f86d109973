/**
 * What a cloud's network does to packets that a plain one would carry, as data: rules at the port of each network interface.
 *
 *   aws-vpc         source/destination check: a packet from (to) an interface must have its address as source
 *                   (destination); off for each interface on its own
 *   azure-vnet      IP protocol 4 (IPIP) is not carried at all
 *   port-security   OpenStack: only packets from (and for) the port's own and its allowed addresses; ARP is held to the same
 *   any of them     what a security group or a firewall of the scenario does not let through
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
import * as Vxlan from '../wire/vxlan.ts';
import { isMeant, sameTraffic, type Traffic } from './traffic.ts';

/** What the cloud knows of one port, and does there. Plain data; change it by replacing it. */
export interface PortRules {
  /** The addresses of the network interface, primary first. */
  readonly addresses: readonly Ipv4Address[];
  /** AWS: drop what is neither from nor to `addresses`. */
  readonly sourceDestinationCheck: boolean;
  /** Azure: protocol 4. Others: what the security group does not allow, or a firewall drops. */
  readonly blocked: readonly Traffic[];
  /** OpenStack: only these, beside `addresses`. `undefined`: port security is off. */
  readonly allowedAddressPairs: readonly Prefix.Prefix[] | undefined;
  /** With port security: the only source MAC address. 0 = not checked. */
  readonly mac: MacAddress;
}

/** A port on which nothing is checked. */
export const OPEN_PORT: PortRules = {
  addresses: [],
  sourceDestinationCheck: false,
  blocked: [],
  allowedAddressPairs: undefined,
  mac: 0,
};

const IPIP: Traffic = { protocol: Ipv4.PROTOCOL_IPIP, port: 0, direction: 'both' };

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
    blocked: cloud === 'azure-vnet' ? [IPIP] : [],
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
  for (const traffic of rules.blocked)
    if (isMeant(traffic, direction === 'fromNode', view, at, end)) return nameOf(traffic);
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

/** Blocked tunnels have a name of their own: they are what Calico's users meet. */
function nameOf({ protocol, port }: Traffic): DropReason {
  if (protocol === Ipv4.PROTOCOL_IPIP) return 'FABRIC_PROTO4_BLOCKED';
  return protocol === Ipv4.PROTOCOL_UDP && port === Vxlan.PORT ? 'FABRIC_UDP4789_BLOCKED' : 'FABRIC_FILTERED';
}

/** What somebody changes at a port while the lab runs. */
export interface PortChange {
  readonly block?: Traffic;
  readonly allow?: Traffic;
  readonly sourceDestinationCheck?: boolean;
  /** With port security: addresses that may be sent from, beside the port's own. */
  readonly allowedAddressPair?: Prefix.Prefix;
}

export function changed(rules: PortRules, change: PortChange): PortRules {
  const { block, allow, sourceDestinationCheck, allowedAddressPair } = change;
  const kept = rules.blocked.filter(
    traffic => ![block, allow].some(other => other !== undefined && sameTraffic(traffic, other)),
  );
  const pairs = rules.allowedAddressPairs;
  return {
    ...rules,
    blocked: block === undefined ? kept : [...kept, block],
    sourceDestinationCheck: sourceDestinationCheck ?? rules.sourceDestinationCheck,
    allowedAddressPairs:
      allowedAddressPair === undefined || pairs === undefined ? pairs : [...pairs, allowedAddressPair],
  };
}

const isAllowed = (rules: PortRules, address: Ipv4Address): boolean =>
  rules.addresses.includes(address) ||
  rules.allowedAddressPairs!.some(prefix => Prefix.contains(prefix, address));
