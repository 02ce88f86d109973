/**
 * The observed trail of every probe: which devices its frames were seen to pass, where they ended. A verdict about a
 * path is read off here, never worked out from tables.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { DropRecord, HopRecord } from '../trace/record.ts';

export interface TrailHop extends Omit<HopRecord, 'type'> {
  readonly machine: string;
  readonly time: VirtualTime;
}

export interface TrailDrop extends Omit<DropRecord, 'type'> {
  /** It is not dead yet when time is over, but waits for ARP of this address: for nothing, where there is no carrier. */
  readonly waitsFor?: { readonly address: Ipv4Address; readonly carrier: boolean };
  readonly machine: string;
  readonly time: VirtualTime;
}

export class Trail {
  readonly hops: TrailHop[] = [];
  readonly drops: TrailDrop[] = [];
}

export class TrailTable {
  readonly #trails = new Map<number, Trail>();
  #nextTag = 1;

  /** A tag (1 to 65535) for a new probe; its trail is kept until `forget`. */
  begin(): { tag: number; trail: Trail } {
    const tag = this.#nextTag;
    this.#nextTag = (this.#nextTag % 0xffff) + 1;
    const trail = new Trail();
    this.#trails.set(tag, trail);
    return { tag, trail };
  }

  /** Frames with this tag may be under way. */
  taken(tag: number): void {
    if (tag >= this.#nextTag) this.#nextTag = (tag % 0xffff) + 1;
  }

  forget(tag: number): void {
    this.#trails.delete(tag);
  }

  hop(machine: string, time: VirtualTime, record: HopRecord): void {
    this.#trails.get(record.tag)?.hops.push({ ...record, machine, time });
  }

  drop(machine: string, time: VirtualTime, record: DropRecord): void {
    this.#trails.get(record.tag)?.drops.push({ ...record, machine, time });
  }
}
