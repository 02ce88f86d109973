/**
 * Every packet of the trimmed recordings through the codecs: each header is accepted, each checksum that the captured
 * octets can prove is right, and writing what was read gives the same octets.
 */

import * as Arp from '../../src/wire/arp.ts';
import { type CapturedPacket, read } from '../../src/wire/capture-reader.ts';
import * as Checksum from '../../src/wire/checksum.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import { Fault } from '../../src/wire/fault.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import * as Tcp from '../../src/wire/tcp.ts';
import * as Udp from '../../src/wire/udp.ts';
import * as Vxlan from '../../src/wire/vxlan.ts';
import { assert, fixture, suite } from '../kit.ts';

const t = suite('wire/recordings');

/** How often each header was met (tcpdump counts the same), and how many checksums could be proved. */
type Census = Record<
  'ethernet' | 'arp' | 'ipv4' | 'ipip' | 'vxlan' | 'icmp' | 'udp' | 'tcp' | 'proved',
  number
>;

class Walk {
  readonly view: DataView;
  readonly census: Census;
  /** Octets that are on the wire but not in the capture. */
  readonly missing: number;

  constructor(packet: CapturedPacket, census: Census) {
    const { buffer, byteOffset, byteLength } = packet.captured;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.census = census;
    this.missing = packet.originalLength - byteLength;
  }

  /** What `emit` writes on a dirty buffer must be what was captured at `at`. */
  same(at: number, length: number, emit: (view: DataView) => void): void {
    const dirty = new DataView(new Uint8Array(length).fill(0xa5).buffer);
    emit(dirty);
    for (let i = 0; i < length; i++) assert.is(dirty.getUint8(i), this.view.getUint8(at + i), `octet ${i}`);
  }

  ethernet(at: number): void {
    this.census.ethernet += 1;
    assert.is(Ethernet.check(this.view, at, this.view.byteLength), Fault.None);
    this.same(at, 14, view => Ethernet.emit(view, 0, Ethernet.parse(this.view, at)));
    const next = at + Ethernet.HEADER_LENGTH;
    if (Ethernet.etherType(this.view, at) === Ethernet.TYPE_IPV4) this.ipv4(next);
    else this.arp(next);
  }

  arp(at: number): void {
    this.census.arp += 1;
    assert.is(Arp.check(this.view, at, this.view.byteLength), Fault.None);
    this.same(at, 28, view => Arp.emit(view, 0, Arp.parse(this.view, at)));
  }

  ipv4(at: number): void {
    this.census.ipv4 += 1;
    const end = this.view.byteLength;
    assert.is(Ipv4.check(this.view, at, end, end - at + this.missing), Fault.None);
    this.same(at, 20, view => Ipv4.emit(view, 0, Ipv4.parse(this.view, at)));
    if (Ipv4.isFragment(this.view, at)) return;
    const payload = at + Ipv4.headerLength(this.view, at);
    const length = Ipv4.totalLength(this.view, at) - (payload - at);
    const protocol = Ipv4.protocol(this.view, at);
    if (protocol === Ipv4.PROTOCOL_IPIP) {
      this.census.ipip += 1;
      this.ipv4(payload);
    } else if (protocol === Ipv4.PROTOCOL_ICMP) this.icmp(payload, length);
    else if (protocol === Ipv4.PROTOCOL_UDP) this.udp(at, payload, length);
    else this.tcp(at, payload, length);
  }

  icmp(at: number, length: number): void {
    this.census.icmp += 1;
    assert.is(Icmpv4.check(this.view, at, this.view.byteLength), Fault.None);
    this.same(at, 8, view => Icmpv4.emit(view, 0, Icmpv4.parse(this.view, at)));
    if (at + length > this.view.byteLength) return;
    assert.ok(Icmpv4.isValid(this.view, at, at + length));
    this.census.proved += 1;
  }

  udp(ip: number, at: number, length: number): void {
    this.census.udp += 1;
    const { view } = this;
    assert.is(Udp.check(view, at, view.byteLength, length), Fault.None);
    this.same(at, 8, dirty => Udp.emit(dirty, 0, Udp.parse(view, at)));
    const payload = at + Udp.HEADER_LENGTH;
    if (at + length <= view.byteLength) {
      const sum = Checksum.sum(view, payload, at + length);
      assert.ok(Udp.isValid(view, at, Ipv4.source(view, ip), Ipv4.destination(view, ip), length, sum));
      this.census.proved += 1;
    }
    if (Udp.destinationPort(view, at) !== Vxlan.PORT) return;
    this.census.vxlan += 1;
    assert.is(Vxlan.check(view, payload, view.byteLength), Fault.None);
    this.same(payload, 8, dirty => Vxlan.emit(dirty, 0, Vxlan.parse(view, payload)));
    this.ethernet(payload + Vxlan.HEADER_LENGTH);
  }

  tcp(ip: number, at: number, length: number): void {
    this.census.tcp += 1;
    const { view } = this;
    assert.is(Tcp.check(view, at, view.byteLength), Fault.None);
    const header = Tcp.headerLength(view, at);
    this.same(at, header, dirty => Tcp.emit(dirty, 0, Tcp.parse(view, at)));
    if (at + length > view.byteLength) return;
    const sum = Checksum.sum(view, at + header, at + length);
    assert.ok(Tcp.isValid(view, at, header, Ipv4.source(view, ip), Ipv4.destination(view, ip), length, sum));
    this.census.proved += 1;
  }
}

for (const [capture, expected] of [
  ['ipip-w1-eth0', [200, 17, 361, 178, 0, 77, 9, 69, 91]],
  ['ipip-w1-tunl0', [0, 0, 200, 0, 0, 72, 9, 91, 98]],
  ['ipip-w1-cali-pod1', [200, 10, 190, 0, 0, 90, 13, 59, 104]],
  ['vxlan-w1-eth0', [372, 28, 344, 0, 172, 61, 181, 74, 210]],
  ['vxlan-w1-cali-pod1', [200, 6, 194, 0, 0, 79, 13, 74, 127]],
  ['icmp-errors', [43, 0, 49, 6, 8, 35, 8, 0, 43]],
  ['bgp', [18, 0, 18, 0, 0, 0, 0, 18, 18]],
] as const)
  t(`all headers of ${capture}`, () => {
    const census: Census = {
      ethernet: 0,
      arp: 0,
      ipv4: 0,
      ipip: 0,
      vxlan: 0,
      icmp: 0,
      udp: 0,
      tcp: 0,
      proved: 0,
    };
    for (const packet of read(new Uint8Array(fixture(`wire/${capture}.pcap`)))) {
      const walk = new Walk(packet, census);
      if (packet.interface.linkType === Pcap.LINKTYPE_ETHERNET) walk.ethernet(0);
      else walk.ipv4(0);
    }
    assert.equal(Object.values(census), expected);
  });

t.run();
