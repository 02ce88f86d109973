/**
 * What the program wrote and the peer has not acknowledged: a stream of slices, each real octets or a virtual pattern.
 *
 *   seq  una                       nxt            end
 *        |--- chunk --|-- ZERO x 10^9 --------------|-- chunk --|
 *
 * Nothing is cut: a segment, and its retransmission, is a descriptor of a part of a slice. Only a segment that spans
 * slices which do not continue each other is materialised. Slices are found by bisection, with the last one tried
 * first, so sending in order costs constant time.
 *
 * Small writes (a thousand messages of BGP) are copied behind each other into a buffer, and make one slice; large ones
 * stay where they are. A buffer only ever grows: octets that a segment may point to do not change.
 */
import type { Frame, FrameStore } from '../../sim/frame-store.ts';
import * as Payload from '../../sim/payload.ts';

interface Slice {
  /** Unwrapped sequence number of its first octet. */
  readonly start: number;
  /** Octets; infinite for a sender that never ends. Grows while writes continue the same pattern or buffer. */
  length: number;
  readonly pattern: number;
  /** Offset of the first octet in `bytes` or in the pattern. */
  readonly offset: number;
  readonly bytes: Uint8Array | null;
}

/** Longer writes are not copied. */
const COPIED = 1024;
/** Buffers double from the one size to the other: most connections never say much. */
const FIRST_BUFFER = COPIED;
const LAST_BUFFER = 16 * COPIED;
const NOTHING = new Uint8Array(0);

export class SendQueue {
  /** Sequence number after the last octet written. */
  end: number;
  #slices: Slice[] = [];
  /** Slices before this are acknowledged and wait to be thrown away in bulk. */
  #head = 0;
  #hint = 0;
  /** Where small writes go, and how much of it is taken. */
  #buffer = NOTHING;
  #filled = 0;

  constructor(start: number) {
    this.end = start;
  }

  /** Append real octets, which the caller must not change any more. */
  write(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length === 0) return;
    if (length > COPIED) {
      this.#append(Payload.REAL, 0, length, bytes);
      return;
    }
    if (this.#filled + length > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(LAST_BUFFER, Math.max(FIRST_BUFFER, 2 * this.#buffer.length)));
      this.#filled = 0;
    }
    const at = this.#filled;
    Payload.write(this.#buffer, at, Payload.REAL, 0, length, bytes);
    this.#filled += length;
    const last = this.#head < this.#slices.length ? this.#slices[this.#slices.length - 1]! : undefined;
    if (last?.bytes === this.#buffer && last.offset + last.length === at) {
      last.length += length;
      this.end += length;
    } else this.#append(Payload.REAL, at, length, this.#buffer);
  }

  /** Append `length` octets of a pattern; `Infinity` makes a sender that never ends (nothing can follow). */
  writeVirtual(pattern: Payload.Pattern, length: number): void {
    if (!(length > 0)) return;
    const last = this.#slices[this.#slices.length - 1];
    if (last !== undefined && this.#slices.length > this.#head && last.pattern === pattern) {
      last.length += length;
      this.end += length;
    } else {
      this.#append(pattern, 0, length, null);
    }
  }

  /** Cut off what begins at `seq` or later: it will not be sent. */
  truncate(seq: number): void {
    while (this.#slices.length > this.#head) {
      const last = this.#slices[this.#slices.length - 1]!;
      if (last.start < seq) {
        last.length = Math.min(last.length, seq - last.start);
        break;
      }
      this.#slices.pop();
    }
    this.end = Math.min(this.end, seq);
  }

  /** Everything before `seq` is acknowledged. */
  release(seq: number): void {
    while (this.#head < this.#slices.length) {
      const first = this.#slices[this.#head]!;
      if (first.start + first.length > seq) break;
      this.#head++;
    }
    if (this.#head === this.#slices.length && this.#buffer.length > FIRST_BUFFER) {
      // Whoever is silent for a while holds no large buffer.
      this.#buffer = NOTHING;
      this.#filled = 0;
    }
    if (this.#head > 32 && this.#head * 2 > this.#slices.length) {
      this.#slices = this.#slices.slice(this.#head);
      this.#hint = Math.max(0, this.#hint - this.#head);
      this.#head = 0;
    }
  }

  /** Make the octets `[seq, seq + length)` the payload of `frame`. They must be in the queue. */
  describe(seq: number, length: number, frames: FrameStore, frame: Frame): void {
    const slice = this.#slices[this.#find(seq)]!;
    const skip = seq - slice.start;
    if (skip + length <= slice.length) {
      frames.setPayload(frame, slice.pattern, payloadOffset(slice, skip), length, slice.bytes);
      return;
    }
    frames.setPayload(frame, Payload.REAL, 0, length, this.#materialise(seq, length));
  }

  #append(pattern: Payload.Pattern, offset: number, length: number, bytes: Uint8Array | null): void {
    this.#slices.push({ start: this.end, length, pattern, offset, bytes });
    this.end += length;
  }

  #find(seq: number): number {
    const slices = this.#slices;
    for (let i = Math.max(this.#hint, this.#head), tries = 0; i < slices.length && tries < 2; i++, tries++) {
      if (contains(slices[i]!, seq)) {
        this.#hint = i;
        return i;
      }
    }
    let low = this.#head;
    let high = slices.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (slices[middle]!.start <= seq) low = middle;
      else high = middle - 1;
    }
    if (low >= slices.length || !contains(slices[low]!, seq))
      throw new Error(`sequence number ${seq} is not in the send queue`);
    this.#hint = low;
    return low;
  }

  #materialise(seq: number, length: number): Uint8Array {
    const octets = new Uint8Array(length);
    let filled = 0;
    for (let i = this.#find(seq); filled < length; i++) {
      const slice = this.#slices[i]!;
      const skip = seq + filled - slice.start;
      const part = Math.min(length - filled, slice.length - skip);
      Payload.write(octets, filled, slice.pattern, payloadOffset(slice, skip), part, slice.bytes);
      filled += part;
    }
    return octets;
  }
}

const contains = (slice: Slice, seq: number): boolean =>
  seq >= slice.start && seq < slice.start + slice.length;

/** Only a RAMP's offset matters beyond 31 bits, and it counts modulo 256. */
const payloadOffset = (slice: Slice, skip: number): number =>
  slice.pattern === Payload.REAL ? slice.offset + skip : slice.pattern === Payload.RAMP ? skip % 256 : 0;
