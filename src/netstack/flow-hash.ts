/**
 * The hash that tells flows apart (Linux `skb->hash`): it chooses the source port of VXLAN packets.
 *
 * ICMP and fragments have the hash of their addresses alone, the same both ways; TCP and UDP one for each five-tuple and
 * direction, as a sending socket has its own. The kernel's key is random at every boot: here it is a seed.
 */
import * as Ipv4Codec from '../wire/ipv4.ts';
import { multipathHash } from './multipath.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };

/** 32 bits for the flow of the IPv4 packet at `at`, whose header has been checked. */
export function flowHash(seed: number, view: DataView, at: number): number {
  const protocol = Ipv4.protocol(view, at);
  const source = Ipv4.source(view, at);
  const destination = Ipv4.destination(view, at);
  const hasPorts = protocol === Ipv4.PROTOCOL_TCP || protocol === Ipv4.PROTOCOL_UDP;
  if (!hasPorts || Ipv4.isFragment(view, at)) {
    const low = Math.min(source, destination);
    return multipathHash(seed, low, Math.max(source, destination), 0, 0, 0, 0);
  }
  const portsAt = at + Ipv4.headerLength(view, at);
  const sourcePort = view.getUint16(portsAt);
  const destinationPort = view.getUint16(portsAt + 2);
  return multipathHash(seed, source, destination, sourcePort, destinationPort, protocol, 1);
}

/** The UDP source port for a tunnelled flow (`udp_flow_src_port`): `hash` scaled into `[low, high)`. */
export const flowSourcePort = (hash: number, low: number, high: number): number =>
  low + Math.floor((hash * (high - low)) / 2 ** 32);
