/**
 * Cutting an IPv4 packet into fragments (RFC 791 §3.2), by its sender or by a router on the way.
 *
 *   | IP | real octets | payload descriptor …                              |
 *   | IP | real octets | slice 0 |   | IP | slice 1 |   …   | IP | last slice |
 *
 * Nothing is copied but headers and the real octets that a slice covers: the rest are slices of one descriptor.
 */
import { type Frame, type FrameStore, NO_FRAME } from '../sim/frame-store.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import type { Namespace } from './namespace.ts';

/**
 * Cut the packet in `frame` (start = IPv4 header, longer than `mtu`) into pieces of at most `mtu` octets. Returns the
 * first; the others follow by `frames.next`, `NO_FRAME` after the last. `frame` itself becomes the first piece.
 */
export function fragment(namespace: Namespace, frame: Frame, mtu: number): Frame {
  const { frames } = namespace;
  const view = frames.view(frame);
  const at = frames.start[frame]!;
  const headerLength = Ipv4.headerLength(view, at);
  const data = frames.length(frame) - headerLength;
  const step = (mtu - headerLength) & ~7;
  if (step <= 0) throw new Error(`an MTU of ${mtu} leaves no room for a fragment`);
  // A router may be cutting what is a fragment already.
  const base = Ipv4.fragmentOffset(view, at);
  const last = Ipv4.flags(view, at) & Ipv4.FLAG_MF;
  let previous = frame;
  for (let offset = step; offset < data; offset += step) {
    const length = Math.min(step, data - offset);
    const piece = slice(frames, frame, headerLength, offset, length);
    namespace.host.account.originated++;
    const more = offset + length < data ? Ipv4.FLAG_MF : last;
    finish(frames, piece, headerLength + length, more, base + offset);
    frames.next[previous] = piece;
    previous = piece;
  }
  frames.next[previous] = NO_FRAME;
  truncate(frames, frame, headerLength + step);
  finish(frames, frame, headerLength + step, Ipv4.FLAG_MF, base);
  namespace.host.account.fragments += Math.ceil(data / step);
  return frame;
}

function finish(frames: FrameStore, piece: Frame, totalLength: number, flags: number, offset: number): void {
  const view = frames.view(piece);
  const at = frames.start[piece]!;
  Ipv4.setTotalLength(view, at, totalLength);
  Ipv4.setFragment(view, at, flags, offset);
}

/** A new frame with the same IPv4 header and `[offset, offset + length)` of what follows it. */
function slice(
  frames: FrameStore,
  frame: Frame,
  headerLength: number,
  offset: number,
  length: number,
): Frame {
  const piece = frames.allocate();
  const from = frames.start[frame]!;
  const real = Math.max(0, Math.min(length, frames.end[frame]! - from - headerLength - offset));
  const at = frames.append(piece, headerLength + real);
  const source = frames.bytes(frame);
  const target = frames.bytes(piece);
  target.set(source.subarray(from, from + headerLength), at);
  const dataFrom = from + headerLength + offset;
  if (real > 0) target.set(source.subarray(dataFrom, dataFrom + real), at + headerLength);
  const skipped = Math.max(0, dataFrom - frames.end[frame]!);
  frames.setPayload(
    piece,
    frames.pattern[frame]!,
    frames.payloadOffset[frame]! + skipped,
    length - real,
    frames.real[frame] ?? null,
  );
  frames.tag[piece] = frames.tag[frame]!;
  return piece;
}

/** Keep the first `length` octets of the packet. */
function truncate(frames: FrameStore, frame: Frame, length: number): void {
  const real = frames.end[frame]! - frames.start[frame]!;
  if (real > length) frames.end[frame] = frames.start[frame]! + length;
  frames.trimPayload(frame, Math.max(0, length - real));
}
