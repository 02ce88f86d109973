/**
 * The capture of a whole lab in one pcapng file: an interface for each device of each machine (`k8s-w1/tunl0`,
 * `k8s-w1/default/pod1/eth0`), exact virtual time on the scenario's wall clock, and on a packet that died a comment that
 * says why; a frame that a switch did not let through is there once more, at the switch's port (`subnet-a/k8s-w1/eth0`).
 * Packets come in order of (time, machine, order within it) and go to the disk in batches.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Observed } from '../controller/controller.ts';
import { dropReasons } from '../trace/drop-reason.ts';
import { WHOLE_LAB } from '../trace/observation.ts';
import type { PacketRecord } from '../trace/record.ts';
import { after } from '../wire/capture-time.ts';
import * as Pcap from '../wire/pcap.ts';
import * as Pcapng from '../wire/pcapng.ts';
import { UsageError } from './command-table.ts';
import { causeOf, OutputFile } from './output-file.ts';
import { version } from './version.ts';

const BATCH_OCTETS = 1 << 20;

/** Where the blocks go: a file, or standard output. */
export interface OctetSink {
  write(octets: Uint8Array): void;
  close(): void;
}

export interface CaptureOptions {
  /** Wall clock at virtual time 0. */
  readonly startMs: number;
  /** Octets kept of each packet. */
  readonly snapLength?: number;
}

export class CaptureFile {
  readonly #sink: OctetSink;
  readonly #startMs: number;
  readonly #snapLength: number;
  readonly #interfaces = new Map<string, number>();
  #blocks: Uint8Array[] = [];
  #octets = 0;

  /** Makes `folder` and in it `name.pcapng`. Throws `UsageError`. */
  static inFolder(folder: string, name: string, options: CaptureOptions): CaptureFile {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw new UsageError(`--pcap: cannot make ${folder}: ${causeOf(error)}`, 'run');
    }
    return new CaptureFile(new OutputFile(join(folder, `${name}.pcapng`), '--pcap'), options);
  }

  constructor(sink: OctetSink, { startMs, snapLength = Pcap.DEFAULT_SNAP_LENGTH }: CaptureOptions) {
    this.#sink = sink;
    this.#startMs = startMs;
    this.#snapLength = snapLength;
    this.#add(Pcapng.sectionHeader(`tunlab ${version()}`));
  }

  /** Interfaces that packets were seen on. */
  get interfaces(): ReadonlySet<string> {
    return new Set(this.#interfaces.keys());
  }

  /** Throws `OutputError`. */
  packet({ machine, time, record }: Observed<PacketRecord>): void {
    if (record.capture !== WHOLE_LAB) return;
    const { octets, length, direction, dropped } = record;
    const comment = dropped === undefined ? {} : { comment: `${dropped}: ${dropReasons[dropped].sentence}` };
    const block = Pcapng.enhancedPacket({
      interfaceId: this.#interface(machine, record),
      time: after(Math.floor(this.#startMs / 1000), (this.#startMs % 1000) * 1e6 + time),
      captured: octets.subarray(0, this.#snapLength),
      originalLength: length,
      direction: direction === 'receive' ? Pcapng.DIRECTION_IN : Pcapng.DIRECTION_OUT,
      ...comment,
    });
    this.#add(block);
    if (this.#octets >= BATCH_OCTETS) this.flush();
  }

  /** What is held back goes out. Throws `OutputError`. */
  flush(): void {
    if (this.#blocks.length === 0) return;
    const batch = Buffer.concat(this.#blocks);
    this.#blocks = [];
    this.#octets = 0;
    this.#sink.write(batch);
  }

  /** Throws `OutputError`. */
  close(): void {
    this.flush();
    this.#sink.close();
  }

  #interface(machine: string, record: PacketRecord): number {
    const name = interfaceName(machine, record);
    const known = this.#interfaces.get(name);
    if (known !== undefined) return known;
    const id = this.#interfaces.size;
    this.#interfaces.set(name, id);
    const linkType = record.link === 'raw' ? Pcap.LINKTYPE_RAW : Pcap.LINKTYPE_ETHERNET;
    this.#add(Pcapng.interfaceDescription({ name, linkType, snapLength: this.#snapLength }));
    return id;
  }

  #add(block: Uint8Array): void {
    this.#blocks.push(block);
    this.#octets += block.length;
  }
}

/** `k8s-w1/tunl0`, `k8s-w1/default/pod1/eth0`. */
export const interfaceName = (
  machine: string,
  { namespace, device }: Pick<PacketRecord, 'namespace' | 'device'>,
): string => [machine, namespace, device].filter(part => part !== '').join('/');
