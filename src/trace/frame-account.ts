/**
 * What became of the frames of one process: originated = delivered + dropped + in flight.
 *
 * A frame is originated when a socket, ARP or ICMP makes it, and for every piece beyond the first when a packet is cut
 * into fragments or a switch floods it. It is delivered when the program or protocol it was for has read it; so is each
 * fragment that went into a reassembled packet. A frame on a link is in flight, whoever sent it.
 */
import type { DropReason } from './drop-reason.ts';

export interface FrameCounters {
  readonly originated: number;
  readonly delivered: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Frames that the worker holds on which the process lives, whoever they belong to: what is in flight is among them. */
  readonly held: number;
}

export class FrameAccount {
  originated = 0;
  delivered = 0;
  dropped = 0;
  /** Fragments that packets were cut into here, the first ones included. */
  fragments = 0;
  readonly reasons = new Map<DropReason, number>();

  /** As plain data. */
  counters(held: number): FrameCounters {
    const { originated, delivered } = this;
    return { originated, delivered, dropped: Object.fromEntries(this.reasons), held };
  }

  drop(reason: DropReason): void {
    this.dropped++;
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }
}
