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
 * Small writes are copied behind each other into a buffer, and make one slice; parts of large arrays stay where they are,
 * and make one where each continues the one before. Octets that a segment may point to do not change.
 */
import type { Frame, FrameStore } from '../../sim/frame-store.ts';
import * as Payloads from '../../sim/payload.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Payload = { ...Payloads };

/** It ends where the next one begins, the last one at the end of the queue: so it grows without being touched. */
interface Slice {
  /** Unwrapped sequence number of its first octet. */
  readonly start: number;
  readonly pattern: number;
  /** Offset of the first octet in `bytes` or in the pattern. */
  readonly offset: number;
  readonly bytes: Uint8Array | null;
}

/** Parts of an array of so many octets, or more, are not copied. */
const LARGE = 1024;
/** Buffers double from the one size to the other: most connections never say much. */
const FIRST_BUFFER = LARGE;
const LAST_BUFFER = 16 * LARGE;
const NOTHING = new Uint8Array(0);

export class SendQueue {
  /** Sequence number after the last octet written; infinite for a sender that never ends. */
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

  /** Append octets `[from, to)` of `bytes`, which nobody may change any more. */
  write(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const length = to - from;
    if (length === 0) return;
    if (bytes.length >= LARGE) {
      if (!this.#isContinued(bytes, from)) this.#append(Payload.REAL, from, bytes);
      this.end += length;
      return;
    }
    if (this.#filled + length > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(LAST_BUFFER, Math.max(FIRST_BUFFER, 2 * this.#buffer.length)));
      this.#filled = 0;
    }
    if (!this.#isContinued(this.#buffer, this.#filled))
      this.#append(Payload.REAL, this.#filled, this.#buffer);
    Payload.write(this.#buffer, this.#filled, Payload.REAL, from, length, bytes);
    this.#filled += length;
    this.end += length;
  }

  /** Append `length` octets of a pattern; `Infinity` makes a sender that never ends (nothing can follow). */
  writeVirtual(pattern: Payloads.Pattern, length: number): void {
    if (!(length > 0)) return;
    const last = this.#head < this.#slices.length ? this.#slices[this.#slices.length - 1] : undefined;
    if (last?.pattern !== pattern) this.#append(pattern, 0, null);
    this.end += length;
  }

  /** Cut off what begins at `seq` or later: it will not be sent. */
  truncate(seq: number): void {
    while (this.#slices.length > this.#head && this.#slices[this.#slices.length - 1]!.start >= seq)
      this.#slices.pop();
    this.end = Math.min(this.end, seq);
  }

  /** Everything before `seq` is acknowledged. */
  release(seq: number): void {
    while (this.#head < this.#slices.length && this.#endOf(this.#head) <= seq) this.#head++;
    if (this.#head === this.#slices.length) this.#rest();
    if (this.#head > 32 && this.#head * 2 > this.#slices.length) {
      this.#slices = this.#slices.slice(this.#head);
      this.#hint = Math.max(0, this.#hint - this.#head);
      this.#head = 0;
    }
  }

  /** Make the octets `[seq, seq + length)` the payload of `frame`. They must be in the queue. */
  describe(seq: number, length: number, frames: FrameStore, frame: Frame): void {
    const at = this.#find(seq);
    const slice = this.#slices[at]!;
    const skip = seq - slice.start;
    if (seq + length <= this.#endOf(at)) {
      frames.setPayload(frame, slice.pattern, payloadOffset(slice, skip), length, slice.bytes);
      return;
    }
    frames.setPayload(frame, Payload.REAL, 0, length, this.#materialise(seq, length));
  }

  /** A slice that begins at the end; it gets as long as the queue. */
  #append(pattern: Payloads.Pattern, offset: number, bytes: Uint8Array | null): void {
    this.#slices.push({ start: this.end, pattern, offset, bytes });
  }

  /** The last slice ends where `bytes` has its octet `from`. */
  #isContinued(bytes: Uint8Array, from: number): boolean {
    if (this.#head === this.#slices.length) return false;
    const last = this.#slices[this.#slices.length - 1]!;
    return last.bytes === bytes && last.offset + this.end - last.start === from;
  }

  /** Everything is acknowledged: who is silent for a while holds no large buffer. */
  #rest(): void {
    if (this.#buffer.length <= FIRST_BUFFER) return;
    this.#buffer = NOTHING;
    this.#filled = 0;
  }

  #endOf(at: number): number {
    return at + 1 < this.#slices.length ? this.#slices[at + 1]!.start : this.end;
  }

  #contains(at: number, seq: number): boolean {
    return seq >= this.#slices[at]!.start && seq < this.#endOf(at);
  }

  #find(seq: number): number {
    const slices = this.#slices;
    for (let i = Math.max(this.#hint, this.#head), tries = 0; i < slices.length && tries < 2; i++, tries++) {
      if (this.#contains(i, seq)) {
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
    if (low >= slices.length || !this.#contains(low, seq))
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
      const part = Math.min(length, this.#endOf(i) - seq) - filled;
      Payload.write(octets, filled, slice.pattern, payloadOffset(slice, skip), part, slice.bytes);
      filled += part;
    }
    return octets;
  }
}

/** Only a RAMP's offset matters beyond 31 bits, and it counts modulo 256. */
const payloadOffset = (slice: Slice, skip: number): number =>
  slice.pattern === Payload.REAL ? slice.offset + skip : slice.pattern === Payload.RAMP ? skip % 256 : 0;
