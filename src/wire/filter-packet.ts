/** What a capture filter asks of a packet: where its headers lie, and bounded loads. See filter.ts. */
import * as Ethernet from './ethernet.ts';
import * as Pcap from './pcap.ts';

/** A load past the captured octets, or a division by zero: the packet is refused, whatever else the filter says. */
export class OutOfPacket extends Error {}

/** The link header of a kind of device. */
export interface LinkLayout {
  /** As libpcap calls it. */
  readonly name: string;
  /** Where the two octets of the EtherType are; absent where there are none. */
  readonly typeAt: number | undefined;
  readonly headerLength: number;
}

/** By link type (`Pcap.LINKTYPE_…`). */
export const LAYOUTS: Readonly<Record<number, LinkLayout>> = {
  [Pcap.LINKTYPE_ETHERNET]: { name: 'Ethernet', typeAt: 12, headerLength: Ethernet.HEADER_LENGTH },
  [Pcap.LINKTYPE_RAW]: { name: 'Raw IP', typeAt: undefined, headerLength: 0 },
  [Pcap.LINKTYPE_LINUX_SLL2]: { name: 'Linux cooked v2', typeAt: 0, headerLength: 20 },
};

/** A captured packet as a filter gets it. */
export interface FilterInput {
  /** From the link header on. */
  readonly octets: Uint8Array;
  /** Octets on the wire. */
  readonly length: number;
  /** For `inbound`, `outbound` and `ifindex`, on a running capture. */
  readonly inbound?: boolean;
  readonly index?: number;
}

export class FilteredPacket {
  readonly input: FilterInput;
  readonly length: number;
  readonly #view: DataView;

  constructor(input: FilterInput) {
    const { octets, length } = input;
    this.input = input;
    this.length = length;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  /** A big-endian integer of 1, 2 or 4 octets. */
  load(at: number, size: number): number {
    if (at < 0 || at + size > this.#view.byteLength) throw new OutOfPacket();
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
}
