/** Captured packets as lines of tcpdump, with the virtual wall clock in front. */
import { formatTimestamp } from '../api/store-time.ts';
import type { Observed } from '../controller/controller.ts';
import type { PacketRecord } from '../trace/record.ts';
import type { CapturedPacket } from '../wire/capture-reader.ts';
import { after, type CaptureTime } from '../wire/capture-time.ts';
import { describe, formatTime, type TcpdumpOptions, TcpdumpState } from '../wire/describe.ts';
import * as Pcap from '../wire/pcap.ts';

/** One capture's printer: it remembers connections for their relative sequence numbers. */
export class PacketPrinter {
  readonly #startMs: number;
  readonly #options: TcpdumpOptions;
  readonly #any: boolean;
  readonly #stamp: number;
  readonly #state = new TcpdumpState();
  #previous: CaptureTime | undefined;

  /**
   * `startMs`: wall clock at virtual time 0. `any`: the packets of all devices, each line with its device. `stamp`: how
   * many `-t` were given.
   */
  constructor(startMs: number, options: TcpdumpOptions, any = false, stamp = 0) {
    this.#startMs = startMs;
    this.#options = options;
    this.#any = any;
    this.#stamp = stamp;
  }

  /** The line (or lines), without a final newline. */
  line({ record, time }: Observed<PacketRecord>): string {
    const seconds = Math.floor(this.#startMs / 1000);
    const stamp = this.#time(after(seconds, (this.#startMs % 1000) * 1e6 + time));
    const linkType = record.link === 'ether' ? Pcap.LINKTYPE_ETHERNET : Pcap.LINKTYPE_RAW;
    const packet = { linkType, captured: record.octets, originalLength: record.length };
    const any = {
      name: record.device,
      index: record.index,
      direction: record.direction === 'receive' ? 'In' : 'Out',
    } as const;
    return stamp + describe(this.#any ? { ...packet, any } : packet, this.#options, this.#state);
  }

  /** The same of a packet out of a file. */
  captured({ time, captured, originalLength, interface: { linkType } }: CapturedPacket): string {
    return this.#time(time) + describe({ linkType, captured, originalLength }, this.#options, this.#state);
  }

  /** None, time of day, none (`-t`), seconds (`-tt`), since the last (`-ttt`), with the date (`-tttt`), since the first. */
  #time(at: CaptureTime): string {
    const since = this.#previous ?? at;
    if (this.#stamp < 5 || this.#previous === undefined) this.#previous = at;
    const micro = String(Math.floor(at.nanoseconds / 1000)).padStart(6, '0');
    switch (this.#stamp) {
      case 0:
        return `${formatTime(at)} `;
      case 1:
        return '';
      case 2:
        return `${at.seconds}.${micro} `;
      case 4:
        return `${formatTimestamp(at.seconds * 1000).slice(0, 10)} ${formatTime(at)} `;
      default: {
        const gap = (at.seconds - since.seconds) * 1e9 + at.nanoseconds - since.nanoseconds;
        const time = { seconds: Math.floor(gap / 1e9), nanoseconds: gap % 1e9 };
        return ` ${formatTime(time)} `;
      }
    }
  }
}
