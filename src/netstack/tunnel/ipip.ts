/**
 * `tunl0`, the fallback IPIP device (RFC 2003; Linux `ip_tunnel_xmit`): remote any, local any, ttl inherit, tos 0.
 *
 *   | outer IPv4, 20: node → next hop of the route that chose tunl0, protocol 4 | inner IPv4 packet |
 *
 * Outer TTL and DF are the inner header's, DSCP is 0, ECN follows RFC 6040. It is there in every namespace once the
 * module is loaded, mostly down.
 */

import { type AddressWord, ANY } from '../../addr/address-word.ts';
import type { Frame } from '../../sim/frame-store.ts';
import * as IcmpCodec from '../../wire/icmpv4.ts';
import * as Ipv4Codec from '../../wire/ipv4.ts';
import type { Namespace } from '../namespace.ts';
import { NetDevice } from '../netdevice.ts';
import * as EcnRules from './ecn.ts';
import { OuterPath } from './outer.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ecn = { ...EcnRules };
const Icmpv4 = { ...IcmpCodec };
const Ipv4 = { ...Ipv4Codec };

const DEFAULT_MTU = 1480;

export class IpipDevice extends NetDevice {
  readonly kind = 'ipip';
  readonly needsNeighbour = false;
  readonly carrier = true;
  readonly #outer = new OuterPath(this);

  constructor(namespace: Namespace, name = 'tunl0') {
    super(namespace, name, namespace.nextIndex(), DEFAULT_MTU);
    namespace.attach(this);
    namespace.ipip = this;
  }

  /** Encapsulate the IP packet in `frame` and send it to the node `nextHop`. Takes ownership. */
  transmit(frame: Frame, nextHop: AddressWord): void {
    const { namespace } = this;
    const { frames, header } = namespace;
    this.egress(frame);
    const outer = this.#outer;
    if (!outer.find(frame, nextHop, ANY)) return;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const total = Ipv4.totalLength(view, at);
    const df = Ipv4.dontFragment(view, at);
    const mtu = (df ? outer.mtu : this.mtu + Ipv4.MIN_HEADER_LENGTH) - Ipv4.MIN_HEADER_LENGTH;
    if (df && total > mtu) {
      this.countRefused();
      // A local sender has to remember, or its next packet would meet the same end.
      namespace.pathMtu.learn(Ipv4.destination(view, at), mtu, this.mtu);
      namespace.sendIcmpError(frame, Icmpv4.DESTINATION_UNREACHABLE, Icmpv4.FRAGMENTATION_NEEDED, mtu, this);
      namespace.drop(frame, 'MTU_EXCEEDED_DF', this);
      return;
    }
    header.tos = Ecn.encapsulated(Ipv4.tos(view, at));
    header.totalLength = Ipv4.MIN_HEADER_LENGTH + total;
    header.identification = namespace.identification();
    header.flags = df ? Ipv4.FLAG_DF : 0;
    header.ttl = Ipv4.ttl(view, at);
    header.protocol = Ipv4.PROTOCOL_IPIP;
    header.source = outer.source;
    header.destination = nextHop;
    Ipv4.emit(view, frames.push(frame, Ipv4.MIN_HEADER_LENGTH), header);
    outer.transmit(frame);
  }

  /** A packet for us of protocol 4 (start = inner IPv4 header, `ipAt` = outer). Takes ownership. */
  decapsulate(frame: Frame, ipAt: number): void {
    const { namespace } = this;
    const { frames } = namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    if (frames.end[frame]! - at < Ipv4.MIN_HEADER_LENGTH) {
      namespace.drop(frame, 'MALFORMED', this);
      return;
    }
    const tos = Ipv4.tos(view, ipAt);
    if (Ecn.isInvalid(tos, Ipv4.tos(view, at))) {
      this.countIgnored();
      namespace.drop(frame, 'ECN_INVALID', this);
      return;
    }
    Ecn.decapsulate(tos, view, at);
    namespace.host.handOver(this, frame);
  }
}
