/** Captured packets as lines of tcpdump, with the virtual wall clock in front. */
import { formatTimestamp } from '../api/store-time.ts';
import type { Observed } from '../controller/controller.ts';
import type { PacketRecord } from '../trace/record.ts';
import { after, type CaptureTime } from '../wire/capture-time.ts';
import {
  type DescribedPacket,
  describe,
  formatTime,
  type TcpdumpOptions,
  TcpdumpState,
} from '../wire/describe.ts';
import * as Pcap from '../wire/pcap.ts';

/** One capture's printer: it remembers connections for their relative sequence numbers. */
export class PacketPrinter {
  readonly #startMs: number;
  readonly #options: TcpdumpOptions;
  readonly #stamp: number;
  readonly #state = new TcpdumpState();
  #previous: CaptureTime | undefined;

  /** `startMs`: wall clock at virtual time 0. `stamp`: how many `-t` were given. */
  constructor(startMs: number, options: TcpdumpOptions, stamp = 0) {
    this.#startMs = startMs;
    this.#options = options;
    this.#stamp = stamp;
  }

  /** The line (or lines), without a final newline. */
  line({ record, time }: Observed<PacketRecord>): string {
    const linkType = record.link === 'ether' ? Pcap.LINKTYPE_ETHERNET : Pcap.LINKTYPE_RAW;
    const at = after(Math.floor(this.#startMs / 1000), (this.#startMs % 1000) * 1e6 + time);
    return this.packet(at, { linkType, captured: record.octets, originalLength: record.length });
  }

  /** The same of a packet out of a file, or with another link header than its own. */
  packet(time: CaptureTime, packet: DescribedPacket): string {
    return this.#time(time) + describe(packet, this.#options, this.#state);
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
