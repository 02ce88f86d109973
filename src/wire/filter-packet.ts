/** What a capture filter asks of a packet: where its headers lie, and bounded loads. See filter.ts. */
import * as Ethernet from './ethernet.ts';
import * as Ipv4 from './ipv4.ts';
import * as Pcap from './pcap.ts';

/** A load past the captured octets: the packet is refused, whatever else the filter says (as in BPF). */
export class OutOfPacket extends Error {}

export class FilteredPacket {
  readonly view: DataView;
  readonly ethernet: boolean;
  /** Octets on the wire. */
  readonly length: number;
  /** 0 where there is none. */
  readonly etherType: number;
  /** Where the network layer begins. */
  readonly network: number;

  constructor(view: DataView, linkType: number, length: number) {
    this.view = view;
    this.length = length;
    this.ethernet = linkType === Pcap.LINKTYPE_ETHERNET;
    this.network = this.ethernet ? Ethernet.HEADER_LENGTH : 0;
    if (this.ethernet) this.etherType = this.load(12, 2);
    else this.etherType = this.load(0, 1) >>> 4 === 4 ? Ethernet.TYPE_IPV4 : Ethernet.TYPE_IPV6;
  }

  /** A big-endian integer of 1, 2 or 4 octets. */
  load(at: number, size: number): number {
    if (at < 0 || at + size > this.view.byteLength) throw new OutOfPacket();
    if (size === 1) return this.view.getUint8(at);
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  get isIpv4(): boolean {
    return this.etherType === Ethernet.TYPE_IPV4;
  }

  get isArp(): boolean {
    return this.etherType === Ethernet.TYPE_ARP;
  }

  isProtocol(protocol: number): boolean {
    return this.isIpv4 && this.load(this.network + 9, 1) === protocol;
  }

  /** Fragments behind the first have no transport header. */
  get isLaterFragment(): boolean {
    return (this.load(this.network + 6, 2) & 0x1fff) !== 0;
  }

  /** Where the transport header begins. */
  get transport(): number {
    return this.network + ((this.load(this.network, 1) & 15) << 2);
  }

  /** A transport that has ports, in a packet that carries them. */
  get hasPorts(): boolean {
    if (!this.isIpv4) return false;
    const protocol = this.load(this.network + 9, 1);
    const ports = protocol === Ipv4.PROTOCOL_TCP || protocol === Ipv4.PROTOCOL_UDP || protocol === 132;
    return ports && !this.isLaterFragment;
  }
}
