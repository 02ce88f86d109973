/**
 * `vxlan.calico` (RFC 7348; Linux `vxlan_xmit_one`): Ethernet frames between nodes in UDP.
 *
 *   | IPv4 20 | UDP 8 | VXLAN 8 | inner Ethernet 14 | inner IPv4 packet |     50 octets more than the packet
 *
 * Outer TTL 64, DF never set, DSCP 0, ECN per RFC 6040; source port from the flow's hash, checksum over the true inner
 * octets. Which node has which MAC address is programmed (`fdb`), never learnt.
 */

import * as AddressWords from '../../addr/address-word.ts';
import type { Ipv4Address } from '../../addr/ipv4.ts';
import type { MacAddress } from '../../addr/mac.ts';
import type { Frame } from '../../sim/frame-store.ts';
import * as ChecksumCodec from '../../wire/checksum.ts';
import * as EthernetCodec from '../../wire/ethernet.ts';
import * as Ipv4Codec from '../../wire/ipv4.ts';
import * as UdpCodec from '../../wire/udp.ts';
import * as VxlanCodec from '../../wire/vxlan.ts';
import { flowHash, flowSourcePort } from '../flow-hash.ts';
import type { Namespace } from '../namespace.ts';
import { NetDevice } from '../netdevice.ts';
import * as EcnRules from './ecn.ts';
import { ForwardingDatabase } from './fdb.ts';
import { OuterPath } from './outer.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Checksum = { ...ChecksumCodec };
const Ecn = { ...EcnRules };
const Ethernet = { ...EthernetCodec };
const Ipv4 = { ...Ipv4Codec };
const Udp = { ...UdpCodec };
const Vxlan = { ...VxlanCodec };
const { ANY, toWord } = AddressWords;

/** TTL 64 and UDP, as in the outer header. */
const OUTER_REST = (64 << 24) | (Ipv4.PROTOCOL_UDP << 16);
const ENCAPSULATION = Udp.HEADER_LENGTH + Vxlan.HEADER_LENGTH;

export interface VxlanOptions {
  readonly mac: MacAddress;
  readonly mtu: number;
  readonly vni: number;
  readonly port: number;
  /** Source of the outer packets. */
  readonly local: Ipv4Address;
  /** The device that holds `local`, for `ip -d link`. */
  readonly parent: NetDevice;
}

export class VxlanDevice extends NetDevice {
  readonly kind = 'ether';
  readonly needsNeighbour = true;
  readonly carrier = true;
  readonly vni: number;
  readonly port: number;
  readonly local: Ipv4Address;
  readonly parent: NetDevice;
  readonly fdb = new ForwardingDatabase();
  readonly #outer = new OuterPath(this);
  readonly #hashSeed: number;

  constructor(namespace: Namespace, name: string, options: VxlanOptions) {
    super(namespace, name, namespace.nextIndex(), options.mtu);
    this.mac = options.mac;
    this.vni = options.vni;
    this.port = options.port;
    this.local = options.local;
    this.parent = options.parent;
    this.#hashSeed = namespace.random('flow-hash').next();
    namespace.attach(this);
    namespace.vxlan = this;
  }

  /** Send the Ethernet frame to the node that its destination belongs to. Takes ownership. */
  transmit(frame: Frame): void {
    const { namespace } = this;
    const { frames } = namespace;
    this.egress(frame);
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const remote = this.fdb.remoteOf(view.getUint16(at), view.getInt32(at + 2));
    if (remote === ANY) {
      this.countRefused();
      namespace.drop(frame, 'VTEP_MISSING', this);
      return;
    }
    const outer = this.#outer;
    if (!outer.find(frame, remote, toWord(this.local))) return;
    const inner = at + Ethernet.HEADER_LENGTH;
    const isIp = Ethernet.etherType(view, at) === Ethernet.TYPE_IPV4;
    const sourcePort = this.#sourcePort(view, inner, isIp);
    const outerAt = frames.push(frame, Ipv4.MIN_HEADER_LENGTH + ENCAPSULATION);
    const totalLength = frames.length(frame);
    const udpAt = outerAt + Ipv4.MIN_HEADER_LENGTH;
    const length = totalLength - Ipv4.MIN_HEADER_LENGTH;
    Vxlan.emit(view, udpAt + Udp.HEADER_LENGTH, this);
    const ports = (sourcePort << 16) | this.port;
    Udp.write(view, udpAt, ports, length, outer.source, remote, this.#sumBehind(frame, udpAt));
    const tos = isIp ? Ecn.encapsulated(Ipv4.tos(view, inner)) : 0;
    const fragment = namespace.identification() << 16;
    Ipv4.writeWords(view, outerAt, (tos << 16) | totalLength, fragment, OUTER_REST, outer.source, remote);
    outer.transmit(frame);
  }

  /** A datagram to our port (start = UDP header, `ipAt` = outer IPv4). Takes ownership. */
  decapsulate(frame: Frame, ipAt: number): void {
    const { namespace } = this;
    const { frames } = namespace;
    const view = frames.view(frame);
    const udpAt = frames.start[frame]!;
    const end = frames.end[frame]!;
    const length = frames.length(frame);
    const vxlanAt = udpAt + Udp.HEADER_LENGTH;
    const at = udpAt + ENCAPSULATION;
    if (
      Udp.check(view, udpAt, end, length) !== Udp.Fault.None ||
      Vxlan.check(view, vxlanAt, end) !== Vxlan.Fault.None ||
      Ethernet.check(view, at, end) !== Ethernet.Fault.None
    ) {
      namespace.drop(frame, 'MALFORMED', this);
      return;
    }
    const source = Ipv4.sourceWord(view, ipAt);
    const destination = Ipv4.destinationWord(view, ipAt);
    if (!Udp.isValid(view, udpAt, source, destination, length, this.#sumBehind(frame, udpAt))) {
      namespace.drop(frame, 'BAD_CHECKSUM', this);
      return;
    }
    const isOwn = Ethernet.isFrom(view, at, this.macHigh, this.macLow);
    if (isOwn || Vxlan.vni(view, vxlanAt) !== this.vni) {
      namespace.drop(frame, 'UNKNOWN_PROTOCOL', this);
      return;
    }
    const tos = Ipv4.tos(view, ipAt);
    frames.pull(frame, ENCAPSULATION);
    const inner = at + Ethernet.HEADER_LENGTH;
    if (Ethernet.etherType(view, at) === Ethernet.TYPE_IPV4 && end - inner >= Ipv4.MIN_HEADER_LENGTH) {
      if (Ecn.isInvalid(tos, Ipv4.tos(view, inner))) {
        this.countIgnored();
        namespace.drop(frame, 'ECN_INVALID', this);
        return;
      }
      Ecn.decapsulate(tos, view, inner);
    }
    namespace.host.handOver(this, frame);
  }

  /** Of everything behind the UDP header, of which the tail may be a descriptor. */
  #sumBehind(frame: Frame, udpAt: number): number {
    const { frames } = this.namespace;
    const behind = udpAt + Udp.HEADER_LENGTH;
    const end = frames.end[frame]!;
    const payload = frames.payloadSum(frame);
    const aligned = ((end - behind) & 1) === 1 ? Checksum.swap(payload) : payload;
    const view = frames.view(frame);
    return Checksum.sum(view, behind, end, aligned);
  }

  /** In `ip_local_port_range`, by the hash of the inner flow. */
  #sourcePort(view: DataView, inner: number, isIp: boolean): number {
    const range = this.namespace.sysctl.ipLocalPortRange;
    return flowSourcePort(isIp ? flowHash(this.#hashSeed, view, inner) : 0, range[0], range[1]);
  }
}
