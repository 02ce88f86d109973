/**
 * Captured packets as lines: time, device, direction, what tcpdump says of the packet, and in brackets why it died.
 *
 *    00:00:06.400613 k8s-w1/tunl0 Out IP 172.16.158.1 > 172.16.34.1: ICMP echo request, id 7, seq 1, length 64
 */
import type { Observed } from '../controller/controller.ts';
import { dropReasons } from '../trace/drop-reason.ts';
import type { PacketRecord } from '../trace/record.ts';
import { after } from '../wire/capture-time.ts';
import { describe, formatTime, TcpdumpState } from '../wire/describe.ts';
import * as Pcap from '../wire/pcap.ts';
import { type CaptureOptions, interfaceName } from './capture-file.ts';
import type { Output } from './io.ts';

export interface LineOptions extends CaptureOptions {
  readonly snapLength: number;
  readonly ether: boolean;
  readonly verbose: boolean;
}

export class CaptureLines {
  readonly #output: Output;
  readonly #options: LineOptions;
  /** By device: the connections seen there, for relative sequence numbers. */
  readonly #states = new Map<string, TcpdumpState>();
  #text = '';

  constructor(output: Output, options: LineOptions) {
    this.#output = output;
    this.#options = options;
  }

  packet({ machine, time, record }: Observed<PacketRecord>): void {
    const { startMs, snapLength, ether, verbose } = this.#options;
    const name = interfaceName(machine, record);
    const state = this.#states.get(name) ?? new TcpdumpState();
    this.#states.set(name, state);
    const packet = {
      linkType: record.link === 'raw' ? Pcap.LINKTYPE_RAW : Pcap.LINKTYPE_ETHERNET,
      captured: record.octets.subarray(0, snapLength),
      originalLength: record.length,
    };
    const said = describe(packet, { linkHeader: ether, numeric: true, verbose: verbose ? 1 : 0 }, state);
    const at = formatTime(after(Math.floor(startMs / 1000), (startMs % 1000) * 1e6 + time));
    const direction = record.direction === 'receive' ? 'In ' : 'Out';
    const { dropped } = record;
    const end = dropped === undefined ? '' : ` [${dropped}: ${dropReasons[dropped].sentence}]`;
    this.#text += `${at} ${name} ${direction} ${said}${end}\n`;
  }

  flush(): void {
    if (this.#text !== '') this.#output.write(this.#text);
    this.#text = '';
  }

  close(): void {
    this.flush();
  }
}
