/** Captured packets as lines of tcpdump, with the virtual wall clock in front. */
import type { Observed } from '../controller/controller.ts';
import type { PacketRecord } from '../trace/record.ts';
import { after } from '../wire/capture-time.ts';
import { describe, formatTime, type TcpdumpOptions, TcpdumpState } from '../wire/describe.ts';
import * as Pcap from '../wire/pcap.ts';

/** One capture's printer: it remembers connections for their relative sequence numbers. */
export class PacketPrinter {
  readonly #startMs: number;
  readonly #options: TcpdumpOptions;
  readonly #any: boolean;
  readonly #state = new TcpdumpState();

  /** `startMs`: wall clock at virtual time 0. `any`: the packets of all devices, each line with its device. */
  constructor(startMs: number, options: TcpdumpOptions, any = false) {
    this.#startMs = startMs;
    this.#options = options;
    this.#any = any;
  }

  /** The line (or lines), without a final newline. */
  line({ record, time }: Observed<PacketRecord>): string {
    const seconds = Math.floor(this.#startMs / 1000);
    const stamp = formatTime(after(seconds, (this.#startMs % 1000) * 1e6 + time));
    const linkType = record.link === 'ether' ? Pcap.LINKTYPE_ETHERNET : Pcap.LINKTYPE_RAW;
    const packet = { linkType, captured: record.octets, originalLength: record.length };
    const any = {
      name: record.device,
      index: record.index,
      direction: record.direction === 'receive' ? 'In' : 'Out',
    } as const;
    return `${stamp} ${describe(this.#any ? { ...packet, any } : packet, this.#options, this.#state)}`;
  }
}
