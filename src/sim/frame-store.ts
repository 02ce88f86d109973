/**
 * Frames as integers. All frames of a worker live in fixed slots of a few large buffers; what flows through the stack
 * is the slot's number. Nothing is allocated per packet.
 *
 *   slot (256 octets)
 *   |<------ headroom 96 ------>|<- headers, real octets ->|      tail      |
 *   base                        start                   end          base+256
 *                                                        └─ then the payload: a descriptor (payload.ts), any length
 *
 * A header is put in front with `push` (encapsulation) and taken off with `pull` (decapsulation); neither copies.
 * The headroom holds the deepest encapsulation we know: Ethernet + IPv4 + UDP + VXLAN + Ethernet = 64 octets.
 * The buffers are fixed; when all slots are taken another segment is added (a growable buffer would cost 15 times more
 * per access). Layers pass `(view, at)`: `frames.view(frame)` and `frames.start[frame]`.
 */
import { NumberRecords } from './number-records.ts';
import * as Payload from './payload.ts';
import type { VirtualTime } from './time.ts';
import { WordArena } from './word-arena.ts';

/** A slot number of a `FrameStore`. */
export type Frame = number;
export const NO_FRAME: Frame = -1;

export const HEADROOM = 96;
const SLOT_SHIFT = 8;
const SLOT_OCTETS = 1 << SLOT_SHIFT;
const SEGMENT_SHIFT = 12;
const SEGMENT_SLOTS = 1 << SEGMENT_SHIFT;

export class FrameStore {
  /** Offset of the first and past the last real octet, within the frame's `view`. */
  start = new Int32Array(0);
  end = new Int32Array(0);
  /** The payload descriptor behind the real octets. Offsets of RAMP count mod 256. */
  pattern = new Uint8Array(0);
  payloadOffset = new Int32Array(0);
  payloadLength = new Int32Array(0);
  /** The octets of a REAL payload, never written to after they were sent. */
  readonly real: (Uint8Array | null)[] = [];
  /** When it arrives (set by the link that carries it). */
  time = new Float64Array(0);
  /** Successor in the queue it is in. */
  next = new Int32Array(0);
  /** The probe that sent it, 0 for none. Survives encapsulation, translation and rings (design: observed trail). */
  tag = new Uint16Array(0);
  /** Free for the layer that holds the frame: an input device, a queue's note. */
  meta = new Int32Array(0);

  /** Frames that are allocated now. */
  inUse = 0;
  /** Where processes and links of this worker have their numbers. */
  readonly records = new NumberRecords();
  /** Where processes of this worker have their tables of words. */
  readonly tables = new WordArena();

  readonly #views: DataView[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #words: Int32Array[] = [];
  #free: Frame = NO_FRAME;

  /** The buffer that holds `frame`, for the codecs. */
  view(frame: Frame): DataView {
    return this.#views[frame >> SEGMENT_SHIFT]!;
  }

  /** The same buffer as octets. */
  bytes(frame: Frame): Uint8Array {
    return this.#bytes[frame >> SEGMENT_SHIFT]!;
  }

  /** The same buffer as 32-bit words of the machine's own byte order: for moving frames, never for reading them. */
  words(frame: Frame): Int32Array {
    return this.#words[frame >> SEGMENT_SHIFT]!;
  }

  /** Where the frame's slot begins, within its buffer; a multiple of 4. */
  base(frame: Frame): number {
    return (frame & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT;
  }

  /** An empty frame with `HEADROOM` octets in front and no payload. */
  allocate(): Frame {
    if (this.#free === NO_FRAME) this.#addSegment();
    const frame = this.#free;
    this.#free = this.next[frame]!;
    this.inUse++;
    const at = ((frame & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT) + HEADROOM;
    this.start[frame] = at;
    this.end[frame] = at;
    this.payloadLength[frame] = 0;
    this.pattern[frame] = Payload.ZERO;
    this.tag[frame] = 0;
    this.next[frame] = NO_FRAME;
    return frame;
  }

  free(frame: Frame): void {
    if (this.pattern[frame] === Payload.REAL) this.real[frame] = null;
    this.next[frame] = this.#free;
    this.#free = frame;
    this.inUse--;
  }

  /** Octets of the whole frame: headers and payload. */
  length(frame: Frame): number {
    return this.end[frame]! - this.start[frame]! + this.payloadLength[frame]!;
  }

  /** Make room for `octets` in front; returns the new start. */
  push(frame: Frame, octets: number): number {
    const at = this.start[frame]! - octets;
    if (at < (frame & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT) throw new Error('frame headroom exhausted');
    this.start[frame] = at;
    return at;
  }

  /** Take `octets` off the front; returns the new start. */
  pull(frame: Frame, octets: number): number {
    const at = this.start[frame]! + octets;
    if (at > this.end[frame]!) throw new Error('pulled more than the headers of a frame');
    this.start[frame] = at;
    return at;
  }

  /** Add `octets` behind the real ones; returns where they begin. The payload descriptor comes after them. */
  append(frame: Frame, octets: number): number {
    const at = this.end[frame]!;
    if (at + octets > ((frame & (SEGMENT_SLOTS - 1)) + 1) << SLOT_SHIFT)
      throw new Error('frame slot exhausted');
    this.end[frame] = at + octets;
    return at;
  }

  setPayload(frame: Frame, pattern: number, offset: number, length: number, bytes: Uint8Array | null): void {
    this.pattern[frame] = pattern;
    this.payloadOffset[frame] = pattern === Payload.RAMP ? offset & 255 : offset;
    this.payloadLength[frame] = length;
    this.real[frame] = pattern === Payload.REAL ? bytes : null;
  }

  /** Keep the first `length` octets of the payload (an Ethernet pad, or a quote, is cut off). */
  trimPayload(frame: Frame, length: number): void {
    this.payloadLength[frame] = length;
  }

  /** Folded ones'-complement sum of the payload alone. */
  payloadSum(frame: Frame): number {
    return Payload.sum(
      this.pattern[frame]!,
      this.payloadOffset[frame]!,
      this.payloadLength[frame]!,
      this.real[frame] ?? null,
    );
  }

  /** A second frame with the same octets; a REAL payload is shared. */
  copy(frame: Frame): Frame {
    const twin = this.allocate();
    const from = this.start[frame]!;
    const length = this.end[frame]! - from;
    const base = (frame & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT;
    const at = ((twin & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT) + (from - base);
    this.bytes(twin).set(this.bytes(frame).subarray(from, from + length), at);
    this.start[twin] = at;
    this.end[twin] = at + length;
    this.pattern[twin] = this.pattern[frame]!;
    this.payloadOffset[twin] = this.payloadOffset[frame]!;
    this.payloadLength[twin] = this.payloadLength[frame]!;
    this.real[twin] = this.real[frame] ?? null;
    this.tag[twin] = this.tag[frame]!;
    return twin;
  }

  /** All octets of the frame, payload included, from `start` on; at most `limit`. For captures and slow paths. */
  materialise(frame: Frame, limit = Number.MAX_SAFE_INTEGER): Uint8Array {
    const from = this.start[frame]!;
    const headers = Math.min(limit, this.end[frame]! - from);
    const payload = Math.max(0, Math.min(limit - headers, this.payloadLength[frame]!));
    const octets = new Uint8Array(headers + payload);
    octets.set(this.bytes(frame).subarray(from, from + headers));
    const real = this.real[frame] ?? null;
    Payload.write(octets, headers, this.pattern[frame]!, this.payloadOffset[frame]!, payload, real);
    return octets;
  }

  #addSegment(): void {
    const first = this.#views.length << SEGMENT_SHIFT;
    const buffer = new ArrayBuffer(SEGMENT_SLOTS * SLOT_OCTETS);
    this.#views.push(new DataView(buffer));
    this.#bytes.push(new Uint8Array(buffer));
    this.#words.push(new Int32Array(buffer));
    const capacity = first + SEGMENT_SLOTS;
    this.start = grown(this.start, new Int32Array(capacity));
    this.end = grown(this.end, new Int32Array(capacity));
    this.pattern = grown(this.pattern, new Uint8Array(capacity));
    this.payloadOffset = grown(this.payloadOffset, new Int32Array(capacity));
    this.payloadLength = grown(this.payloadLength, new Int32Array(capacity));
    this.time = grown(this.time, new Float64Array(capacity));
    this.next = grown(this.next, new Int32Array(capacity));
    this.tag = grown(this.tag, new Uint16Array(capacity));
    this.meta = grown(this.meta, new Int32Array(capacity));
    for (let i = first; i < capacity; i++) {
      this.real.push(null);
      this.next[i] = i + 1 < capacity ? i + 1 : NO_FRAME;
    }
    this.#free = first;
  }
}

function grown<T extends Int32Array | Uint8Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** A first-in first-out queue of frames, threaded through `FrameStore.next`: no allocation. */
export class FrameQueue {
  head: Frame = NO_FRAME;
  length = 0;
  protected readonly frames: FrameStore;
  #tail: Frame = NO_FRAME;

  constructor(frames: FrameStore) {
    this.frames = frames;
  }

  add(frame: Frame): void {
    this.frames.next[frame] = NO_FRAME;
    if (this.head === NO_FRAME) this.head = frame;
    else this.frames.next[this.#tail] = frame;
    this.#tail = frame;
    this.length++;
  }

  /** Take the oldest; `NO_FRAME` when empty. */
  take(): Frame {
    const frame = this.head;
    if (frame !== NO_FRAME) {
      this.head = this.frames.next[frame]!;
      this.length--;
    }
    return frame;
  }

  /** Is there one with that tag? */
  hasTag(tag: number): boolean {
    let frame = this.head;
    for (let i = 0; i < this.length; i++) {
      if (this.frames.tag[frame] === tag) return true;
      frame = this.frames.next[frame]!;
    }
    return false;
  }

  /** When the oldest arrives; infinity when empty. */
  headTime(): VirtualTime {
    return this.head === NO_FRAME ? Number.POSITIVE_INFINITY : this.frames.time[this.head]!;
  }
}
