/**
 * What broken equipment does to frames, as data: a memory that flips bits behind the frame check, a box that writes the
 * octet of DSCP and ECN anew. Both happen where the cable meets the switch, to what comes in and to what goes out.
 */
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import * as Ethernet from '../wire/ethernet.ts';
import * as Ipv4 from '../wire/ipv4.ts';

export interface Damage {
  /** Share of IPv4 packets in which one bit is flipped, 0 to 1. */
  readonly corrupt: number;
  /** Every IPv4 packet gets this octet; undefined leaves it. */
  readonly tos: number | undefined;
}

/** Do it to `frame`, Ethernet header first. Bulk data that is only described stays whole. */
export function inflict({ corrupt, tos }: Damage, frames: FrameStore, frame: Frame, random: Random): void {
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  const packet = at + Ethernet.HEADER_LENGTH;
  const octets = frames.end[frame]! - packet;
  if (Ethernet.etherType(view, at) !== Ethernet.TYPE_IPV4 || octets < Ipv4.MIN_HEADER_LENGTH) return;
  if (tos !== undefined) Ipv4.setTos(view, packet, tos);
  if (corrupt === 0 || random.unit() >= corrupt) return;
  const where = packet + random.below(octets);
  view.setUint8(where, view.getUint8(where) ^ (1 << random.below(8)));
}
