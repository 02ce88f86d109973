/**
 * Putting IPv4 fragments together again (RFC 791 §3.2, RFC 5722's rule for overlaps; Linux `ip_fragment.c`).
 *
 * Fragments wait, sorted by offset, under (source, destination, identification, protocol). When nothing is missing they
 * become one packet, in the frame that came last: slices of one payload that follow each other are one descriptor again,
 * anything else is written out as octets. After 30 s the sender is told (11/1), if the first fragment came.
 */
import type { Frame } from '../sim/frame-store.ts';
import * as Payload from '../sim/payload.ts';
import { SECOND, type Timer } from '../sim/time.ts';
import * as Icmpv4 from '../wire/icmpv4.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import type { Namespace } from './namespace.ts';
import type { NetDevice } from './netdevice.ts';

/** `net.ipv4.ipfrag_time` and `ipfrag_high_thresh`. */
const TIMEOUT = 30 * SECOND;
const HIGH_THRESHOLD = 4 * 2 ** 20;

interface Piece {
  readonly frame: Frame;
  readonly offset: number;
  readonly length: number;
}

interface Queue {
  readonly key: string;
  readonly pieces: Piece[];
  readonly timer: Timer;
  /** Octets of the datagram, once the last fragment told; else 0. */
  length: number;
  /** Where the last piece came in; unknown to a hook. */
  device: NetDevice | undefined;
}

export class Reassembly {
  readonly #namespace: Namespace;
  /**
   * Total length of the longest fragment of the packet that was completed last. A router that put it together only to
   * look at it sends it on in pieces no longer than that (Linux `frag_max_size`).
   */
  longestPiece = 0;
  readonly #queues = new Map<string, Queue>();
  #octets = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * Take the fragment in `frame` (start = IPv4 header). True when it was the last one missing: `frame` holds the whole
   * packet now. False when it was kept, or died.
   */
  add(frame: Frame, device: NetDevice | undefined): boolean {
    const { frames } = this.#namespace;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const offset = Ipv4.fragmentOffset(view, at);
    const length = frames.length(frame) - Ipv4.headerLength(view, at);
    const more = Ipv4.moreFragments(view, at);
    if (this.#octets + length > HIGH_THRESHOLD) {
      this.#namespace.drop(frame, 'FRAG_LOST', device);
      return false;
    }
    if (length === 0 || (more && length % 8 !== 0) || offset + length > 0xffff) {
      this.#namespace.drop(frame, 'MALFORMED', device);
      return false;
    }
    const queue = this.#queueOf(view, at, device);
    const place = queue.pieces.findIndex(piece => piece.offset >= offset);
    const index = place < 0 ? queue.pieces.length : place;
    const before = queue.pieces[index - 1];
    const after = queue.pieces[index];
    if (after !== undefined && after.offset === offset && after.length === length) {
      this.#namespace.drop(frame, 'FRAG_LOST', device); // a duplicate
      return false;
    }
    const end = offset + length;
    const overlaps =
      (before !== undefined && before.offset + before.length > offset) ||
      (after !== undefined && after.offset < end);
    // What is said to be the last piece must not end before one that is there (Linux `ip_frag_queue`).
    const contradicts =
      queue.length === 0 ? !more && after !== undefined : more ? end > queue.length : end !== queue.length;
    queue.pieces.splice(index, 0, { frame, offset, length });
    this.#octets += length;
    queue.device = device;
    if (overlaps || contradicts) {
      this.#abandon(queue);
      return false;
    }
    if (!more) queue.length = end;
    if (queue.length === 0 || queue.pieces.reduce((sum, piece) => sum + piece.length, 0) < queue.length)
      return false;
    this.#forget(queue);
    this.#join(queue, frame);
    return true;
  }

  /** Give up everything that waits: the namespace is gone. */
  clear(): void {
    for (const queue of [...this.#queues.values()]) this.#abandon(queue);
  }

  #queueOf(view: DataView, at: number, device: NetDevice | undefined): Queue {
    const key = `${Ipv4.source(view, at)}/${Ipv4.destination(view, at)}/${Ipv4.identification(view, at)}/${Ipv4.protocol(view, at)}`;
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const { clock } = this.#namespace;
    const timer = clock.timer(() => this.#expire(queue));
    const queue: Queue = { key, pieces: [], timer, length: 0, device };
    timer.arm(clock.now + TIMEOUT);
    this.#queues.set(key, queue);
    return queue;
  }

  #expire(queue: Queue): void {
    const first = queue.pieces[0]!;
    if (first.offset === 0)
      this.#namespace.sendIcmpError(
        first.frame,
        Icmpv4.TIME_EXCEEDED,
        Icmpv4.REASSEMBLY_EXCEEDED,
        0,
        queue.device,
      );
    this.#abandon(queue);
  }

  #abandon(queue: Queue): void {
    this.#forget(queue);
    for (const { frame } of queue.pieces) this.#namespace.drop(frame, 'FRAG_LOST', queue.device);
  }

  #forget(queue: Queue): void {
    queue.timer.cancel();
    this.#queues.delete(queue.key);
    for (const { length } of queue.pieces) this.#octets -= length;
  }

  /** All pieces are there: `whole`, which is one of them, grows to be the packet; the others have been read. */
  #join({ pieces, length }: Queue, whole: Frame): void {
    const { frames } = this.#namespace;
    const first = pieces[0]!.frame;
    const headerLength = this.#headerLength(first);
    this.longestPiece = Math.max(...pieces.map(piece => frames.length(piece.frame)));
    const real = frames.end[first]! - frames.start[first]! - headerLength;
    const pattern = frames.pattern[first]!;
    if (this.#isOneDescriptor(pieces))
      frames.setPayload(
        whole,
        pattern,
        frames.payloadOffset[first]!,
        length - real,
        frames.real[first] ?? null,
      );
    else {
      const octets = new Uint8Array(length - real);
      for (const piece of pieces) {
        const skip = this.#headerLength(piece.frame) + (piece.frame === first ? real : 0);
        octets.set(frames.materialise(piece.frame).subarray(skip), Math.max(0, piece.offset - real));
      }
      frames.setPayload(whole, Payload.REAL, 0, octets.length, octets);
    }
    if (whole !== first) this.#copyHeaders(first, whole);
    const view = frames.view(whole);
    const at = frames.start[whole]!;
    Ipv4.setTotalLength(view, at, headerLength + length);
    Ipv4.setFragment(view, at, 0, 0);
    for (const { frame } of pieces) if (frame !== whole) this.#namespace.host.deliver(frame);
  }

  /** `to` gets the real octets of `from`, at the same distance from the ends of its slot. */
  #copyHeaders(from: Frame, to: Frame): void {
    const { frames } = this.#namespace;
    const octets = frames.bytes(from).subarray(frames.start[from], frames.end[from]);
    frames.end[to] = frames.start[to]!;
    frames.bytes(to).set(octets, frames.append(to, octets.length));
  }

  /** Does each payload go on where the one before ended, with no real octets in between? */
  #isOneDescriptor(pieces: readonly Piece[]): boolean {
    const { frames } = this.#namespace;
    const first = pieces[0]!.frame;
    const pattern = frames.pattern[first]!;
    let next = frames.payloadOffset[first]! + frames.payloadLength[first]!;
    for (let i = 1; i < pieces.length; i++) {
      const { frame } = pieces[i]!;
      if (frames.end[frame]! - frames.start[frame]! !== this.#headerLength(frame)) return false;
      if (frames.pattern[frame] !== pattern) return false;
      const offset = frames.payloadOffset[frame]!;
      if (pattern === Payload.RAMP && (offset & 255) !== (next & 255)) return false;
      if (pattern === Payload.REAL && (offset !== next || frames.real[frame] !== frames.real[first]))
        return false;
      next = offset + frames.payloadLength[frame]!;
    }
    return true;
  }

  #headerLength(frame: Frame): number {
    const { frames } = this.#namespace;
    return Ipv4.headerLength(frames.view(frame), frames.start[frame]!);
  }
}
