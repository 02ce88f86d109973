/** One line for a captured frame, in the form of the recordings' fixtures: every header field but the random ones. */
import * as Ipv4Address from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Arp from '../../src/wire/arp.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Udp from '../../src/wire/udp.ts';
import * as Vxlan from '../../src/wire/vxlan.ts';

interface Parts {
  readonly ethernet: string[];
  readonly packets: string[];
  readonly icmp: string[];
  tail: string;
  vni: string;
}

/** `hasLinkHeader` is false for what passes an ipip device. */
export function summary(octets: Uint8Array, hasLinkHeader: boolean): string {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const parts: Parts = { ethernet: [], packets: [], icmp: [], tail: '', vni: '' };
  if (hasLinkHeader && Ethernet.etherType(view, 0) === Ethernet.TYPE_ARP) {
    const arp = Arp.parse(view, Ethernet.HEADER_LENGTH);
    const who = `${Ipv4Address.format(arp.senderAddress)}>${Ipv4Address.format(arp.targetAddress)}`;
    return `${macs(view, 0)} arp ${arp.operation} ${who}`;
  }
  if (hasLinkHeader) frame(view, 0, parts);
  else packet(view, 0, parts);
  const icmp = parts.icmp.length > 0 ? ` icmp ${parts.icmp.join(' ')}` : '';
  return [parts.ethernet.join(','), ...parts.packets].join(' | ') + icmp + parts.tail + parts.vni;
}

const macs = (view: DataView, at: number): string =>
  `${Mac.format(Ethernet.source(view, at))}>${Mac.format(Ethernet.destination(view, at))}`;

function frame(view: DataView, at: number, parts: Parts): void {
  parts.ethernet.push(macs(view, at));
  packet(view, at + Ethernet.HEADER_LENGTH, parts);
}

function packet(view: DataView, at: number, parts: Parts): void {
  if (at + Ipv4.MIN_HEADER_LENGTH > view.byteLength) return;
  const ip = Ipv4.parse(view, at);
  const flags = (ip.flags & Ipv4.FLAG_DF ? 'D' : '') + (ip.flags & Ipv4.FLAG_MF ? 'M' : '');
  parts.packets.push(
    `${Ipv4Address.format(ip.source)}>${Ipv4Address.format(ip.destination)} len ${ip.totalLength} ttl ${ip.ttl}` +
      ` tos 0x${ip.tos.toString(16).padStart(2, '0')} proto ${ip.protocol}` +
      (flags === '' ? '' : ` ${flags}`) +
      (ip.fragmentOffset === 0 ? '' : ` at ${ip.fragmentOffset}`),
  );
  if (ip.fragmentOffset !== 0) return;
  const inner = at + Ipv4.headerLength(view, at);
  if (ip.protocol === Ipv4.PROTOCOL_IPIP) packet(view, inner, parts);
  else if (ip.protocol === Ipv4.PROTOCOL_ICMP) icmp(view, inner, parts);
  else if (ip.protocol === Ipv4.PROTOCOL_UDP && Udp.destinationPort(view, inner) === Vxlan.PORT) {
    const vxlan = inner + Udp.HEADER_LENGTH;
    parts.vni = ` vni ${Vxlan.vni(view, vxlan)}`;
    frame(view, vxlan + Vxlan.HEADER_LENGTH, parts);
  }
}

function icmp(view: DataView, at: number, parts: Parts): void {
  const type = Icmpv4.type(view, at);
  parts.icmp.push(`${type}/${Icmpv4.code(view, at)}`);
  if (!Icmpv4.isError(type)) {
    parts.tail = ` seq ${Icmpv4.sequence(view, at)}${parts.tail}`;
    return;
  }
  if (type === Icmpv4.DESTINATION_UNREACHABLE && Icmpv4.code(view, at) === Icmpv4.FRAGMENTATION_NEEDED)
    parts.tail += ` mtu ${Icmpv4.nextHopMtu(view, at)}`;
  packet(view, at + Icmpv4.HEADER_LENGTH, parts);
}
