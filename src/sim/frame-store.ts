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
 * The headroom holds what the deepest encapsulation puts in front of a transport header: IPv4, Ethernet, VXLAN, UDP, IPv4 and
 * Ethernet = 84 octets.
 * The buffers are fixed; when all slots are taken another segment is added (a growable buffer would cost 15 times more
 * per access). Layers pass `(view, at)`: `frames.view(frame)` and `frames.start[frame]`.
 */
import { NumberRecords } from './number-records.ts';
import * as Payloads from './payload.ts';
import type { VirtualTime } from './time.ts';
import { WordArena } from './word-arena.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Payload = { ...Payloads };
const { RAMP, REAL, ZERO } = Payload;

/** A slot number of a `FrameStore`. */
export type Frame = number;
const NONE: Frame = -1;
export const NO_FRAME = NONE;

const FRONT = 96;
export const HEADROOM = FRONT;
const SLOT_SHIFT = 8;
const SLOT_OCTETS = 1 << SLOT_SHIFT;
const SEGMENT_SHIFT = 14;
/** Frames of a segment. Many cost nothing: the C library takes large buffers from the system page by page, when touched. */
const SEGMENT_SLOTS = 1 << SEGMENT_SHIFT;

export class FrameStore {
  /** Offset of the first and past the last real octet, within the frame's `view`. */
  declare start: Int32Array;
  declare end: Int32Array;
  /** The payload descriptor behind the real octets. Offsets of RAMP count mod 256. */
  declare pattern: Uint8Array;
  declare payloadOffset: Int32Array;
  declare payloadLength: Int32Array;
  /** When it arrives (set by the link that carries it). */
  declare time: Float64Array;
  /** Successor in the queue it is in. */
  declare next: Int32Array;
  /** The probe that sent it, 0 for none. Survives encapsulation, translation and rings (design: observed trail). */
  declare tag: Uint16Array;
  /** Free for the layer that holds the frame: an input device, a queue's note. */
  declare meta: Int32Array;
  /** The first segment, in which nearly all frames are. */
  declare readonly octets: DataView;
  /** Where processes and links of this worker have their numbers. */
  declare readonly records: NumberRecords;
  /** Where processes of this worker have their tables of words. */
  declare readonly tables: WordArena;
  /** The octets of a REAL payload, never written to after they were sent. */
  readonly real: (Uint8Array | null)[] = new Array(SEGMENT_SLOTS).fill(null);

  /** Frames that are allocated now. */
  inUse = 0;
  readonly #views: DataView[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #words: Int32Array[] = [];
  #free: Frame = NONE;
  /** This one and all after it were never allocated. */
  #fresh: Frame = 0;

  constructor() {
    // Inherited by a `ConstantStore`.
    if (this.octets === undefined) Object.assign(this, sharedArrays());
    this.#addBuffer(this.octets.buffer);
  }

  /** The buffer that holds `frame`, for the codecs. */
  view(frame: Frame): DataView {
    return frame < SEGMENT_SLOTS ? this.octets : this.#views[frame >> SEGMENT_SHIFT]!;
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
    let frame = this.#free;
    if (frame === NONE) frame = this.#freshFrame();
    else this.#free = this.next[frame]!;
    this.inUse++;
    const at = ((frame & (SEGMENT_SLOTS - 1)) << SLOT_SHIFT) + FRONT;
    this.start[frame] = at;
    this.end[frame] = at;
    this.payloadLength[frame] = 0;
    this.pattern[frame] = ZERO;
    this.tag[frame] = 0;
    this.next[frame] = NONE;
    return frame;
  }

  free(frame: Frame): void {
    if (this.pattern[frame] === REAL) this.real[frame] = null;
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
    this.payloadOffset[frame] = pattern === RAMP ? offset & 255 : offset;
    this.payloadLength[frame] = length;
    this.real[frame] = pattern === REAL ? bytes : null;
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
    const start = this.start[frame]!;
    const end = this.end[frame]!;
    const shift = this.base(twin) - this.base(frame);
    const from = this.words(frame);
    const to = this.words(twin);
    // Slots begin at a word, and a flood copies a few of them a thousand times: no views are made for that.
    for (let word = start >> 2; word << 2 < end; word++) to[word + (shift >> 2)] = from[word]!;
    this.start[twin] = start + shift;
    this.end[twin] = end + shift;
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

  #freshFrame(): Frame {
    if (this.#fresh === this.#views.length << SEGMENT_SHIFT) this.#addSegment();
    return this.#fresh++;
  }

  #addSegment(): void {
    this.#addBuffer(new ArrayBuffer(SEGMENT_SLOTS * SLOT_OCTETS));
    if (this.#views.length << SEGMENT_SHIFT > this.start.length) this.#double();
  }

  #double(): void {
    const slots = 2 * this.start.length;
    this.start = grown(this.start, new Int32Array(slots));
    this.end = grown(this.end, new Int32Array(slots));
    this.pattern = grown(this.pattern, new Uint8Array(slots));
    this.payloadOffset = grown(this.payloadOffset, new Int32Array(slots));
    this.payloadLength = grown(this.payloadLength, new Int32Array(slots));
    this.time = grown(this.time, new Float64Array(slots));
    this.next = grown(this.next, new Int32Array(slots));
    this.tag = grown(this.tag, new Uint16Array(slots));
    this.meta = grown(this.meta, new Int32Array(slots));
    while (this.real.length < slots) this.real.push(null);
  }

  #addBuffer(buffer: ArrayBufferLike): void {
    this.#views.push(new DataView(buffer));
    this.#bytes.push(new Uint8Array(buffer));
    this.#words.push(new Int32Array(buffer));
  }
}

function grown<T extends Int32Array | Uint8Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** All arrays that a packet meets, for one segment of frames. */
const sharedArrays = (): Partial<FrameStore> => ({
  start: new Int32Array(SEGMENT_SLOTS),
  end: new Int32Array(SEGMENT_SLOTS),
  pattern: new Uint8Array(SEGMENT_SLOTS),
  payloadOffset: new Int32Array(SEGMENT_SLOTS),
  payloadLength: new Int32Array(SEGMENT_SLOTS),
  time: new Float64Array(SEGMENT_SLOTS),
  next: new Int32Array(SEGMENT_SLOTS),
  tag: new Uint16Array(SEGMENT_SLOTS),
  meta: new Int32Array(SEGMENT_SLOTS),
  octets: new DataView(new ArrayBuffer(SEGMENT_SLOTS * SLOT_OCTETS)),
  records: new NumberRecords(),
  tables: new WordArena(),
});

/**
 * A store whose arrays it inherits. What an object inherits and nobody assigned since is a constant to V8: address and length
 * of an array stand in the machine code, where an array in a field takes three loads and as many checks for each access.
 */
class ConstantStore extends FrameStore {}

/** Whose arrays are those of `ConstantStore` now. */
let tenant: WeakRef<FrameStore> | undefined;

/**
 * The frames of a partition. A thread mostly has one partition, or one after the other: whose arrays are in the code. A second one at the
 * same time does with fields; it is the same to all but the clock.
 */
export function frameStore(): FrameStore {
  if (tenant?.deref() !== undefined) return new FrameStore();
  const arrays = ConstantStore.prototype;
  if (tenant === undefined) Object.assign(arrays, sharedArrays());
  arrays.records.clear();
  arrays.tables.clear();
  const store = new ConstantStore();
  tenant = new WeakRef(store);
  return store;
}

/** A first-in first-out queue of frames, threaded through `FrameStore.next`: no allocation. */
export class FrameQueue {
  head: Frame = NONE;
  length = 0;
  protected readonly frames: FrameStore;
  #tail: Frame = NONE;

  constructor(frames: FrameStore) {
    this.frames = frames;
  }

  add(frame: Frame): void {
    this.frames.next[frame] = NONE;
    if (this.head === NONE) this.head = frame;
    else this.frames.next[this.#tail] = frame;
    this.#tail = frame;
    this.length++;
  }

  /** Take the oldest; `NO_FRAME` when empty. */
  take(): Frame {
    const frame = this.head;
    if (frame !== NONE) {
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
    return this.head === NONE ? Number.POSITIVE_INFINITY : this.frames.time[this.head]!;
  }
}
