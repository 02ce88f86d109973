/**
 * Captures of many devices, and of many scenarios, in one file whose connections stay apart: every device gets IPv4
 * addresses of its own, out of 10.0.0.0/8, in IP headers (also inside of IPIP and VXLAN) and in ARP, and checksums follow
 * as RFC 1624 says, so that one that was wrong is still wrong. So tshark follows each connection on each device as
 * somebody would who had captured there alone. Not a test file.
 */
import type { CapturedPacket } from '../../src/wire/capture-reader.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Pcap from '../../src/wire/pcap.ts';
import * as Pcapng from '../../src/wire/pcapng.ts';
import * as Vxlan from '../../src/wire/vxlan.ts';
import type { ScenarioCapture } from './scenario-captures.ts';

/** One pcapng; its interfaces are called `SCENARIO: DEVICE`. */
export function renumbered(captures: readonly ScenarioCapture[]): Buffer {
  const numbers = new Map<string, number>();
  const devices = new Map<string, number>();
  const blocks: Uint8Array[] = [Pcapng.sectionHeader()];
  for (const { scenario, packets } of captures) {
    for (const packet of packets) {
      const name = `${scenario}: ${packet.interface.name}`;
      if (!devices.has(name)) {
        devices.set(name, devices.size);
        blocks.push(Pcapng.interfaceDescription({ name, linkType: packet.interface.linkType }));
      }
      const id = devices.get(name)!;
      const own = (address: number): number => {
        if (address >= 0xe000_0000 || address >>> 24 === 127 || address === 0) return address;
        const key = `${id} ${address}`;
        if (!numbers.has(key)) numbers.set(key, 0x0a00_0001 + numbers.size);
        return numbers.get(key)!;
      };
      const { time, originalLength } = packet;
      const captured = new Renumbering(packet, own).octets;
      blocks.push(Pcapng.enhancedPacket({ interfaceId: id, time, captured, originalLength }));
    }
  }
  return Buffer.concat(blocks);
}

class Renumbering {
  readonly octets: Uint8Array;
  readonly #view: DataView;
  readonly #own: (address: number) => number;

  constructor({ captured, interface: { linkType } }: CapturedPacket, own: (address: number) => number) {
    this.octets = captured.slice();
    this.#view = new DataView(this.octets.buffer);
    this.#own = own;
    if (linkType === Pcap.LINKTYPE_ETHERNET) this.#frame(0);
    else this.#packet(0);
  }

  #frame(at: number): void {
    const type = Ethernet.etherType(this.#view, at);
    const payload = at + Ethernet.HEADER_LENGTH;
    if (type === Ethernet.TYPE_IPV4) this.#packet(payload);
    else if (type === Ethernet.TYPE_ARP) for (const field of [14, 24]) this.#change(payload + field, []);
  }

  #packet(at: number): void {
    const view = this.#view;
    const protocol = Ipv4.protocol(view, at);
    const inside = at + Ipv4.headerLength(view, at);
    const sums = [at + 10];
    const first = Ipv4.fragmentOffset(view, at) === 0;
    if (first && protocol === Ipv4.PROTOCOL_TCP) sums.push(inside + 16);
    if (first && protocol === Ipv4.PROTOCOL_UDP && view.getUint16(inside + 6) !== 0) sums.push(inside + 6);
    for (const field of [12, 16]) this.#change(at + field, sums);
    if (!first) return;
    if (protocol === Ipv4.PROTOCOL_IPIP) this.#packet(inside);
    const isVxlan = protocol === Ipv4.PROTOCOL_UDP && view.getUint16(inside + 2) === Vxlan.PORT;
    if (isVxlan && !Ipv4.moreFragments(view, at)) this.#frame(inside + 8 + Vxlan.HEADER_LENGTH);
  }

  /** The address at `at`, and the checksums that cover it. */
  #change(at: number, sums: readonly number[]): void {
    const view = this.#view;
    const was = view.getUint32(at);
    const is = this.#own(was);
    view.setUint32(at, is);
    for (const sum of sums) {
      // HC' = ~(~HC + ~m + m')
      let total = (~view.getUint16(sum) & 0xffff) + (~(was >>> 16) & 0xffff) + (~was & 0xffff);
      total += (is >>> 16) + (is & 0xffff);
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      view.setUint16(sum, ~total & 0xffff);
    }
  }
}
