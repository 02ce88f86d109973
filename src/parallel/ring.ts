/**
 * A ring of frames in shared memory, from one worker to one other: single producer, single consumer.
 *
 *   control words            records, whole words each
 *   | HEAD … TAIL … WAITING | record | record | record |  (not published)  | WRAP |
 *     consumer's  producer's
 *
 *   record   length · link · time (2 words) · start and header length · tag and pattern · payload offset and length
 *            · REAL octets in this record · header words · REAL octets
 *   more     length · MORE · octets · the octets: what did not fit of a long REAL payload
 *
 * News of the datastore goes to thousands of nodes as one Uint8Array. It crosses a ring once: both ends keep the last REAL
 * payloads in slots, and a frame whose payload was sent before has the slot instead (`payload offset` of a REAL one:
 * slot + 1; its negative when the octets are here, to be kept there).
 *
 * A record is never broken at the end of the ring: WRAP sends the reader back to the beginning. Headers are copied as
 * words that keep their place in the slot, so that the receiver has the same headroom. The producer publishes its tail
 * once per window, and when the ring is full.
 */
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import * as Payload from '../sim/payload.ts';

/** Words of control, HEAD and TAIL on cache lines of their own. */
const HEAD = 0;
const TAIL = 16;
const WAITING = 32;
const DATA = 48;

const FIXED_WORDS = 9;
const MORE_WORDS = 3;
const WRAP = 0;
const MORE = -1;

/** REAL payloads that either end keeps; a power of two. News takes a while to reach everybody. */
const KEPT = 2048;

/** The smallest ring: a record with the longest headers (65 words) and an eighth of the ring in payload fits into half. */
export const MIN_RING_OCTETS = 1024;

/** A ring for about `octets` of records. */
export const createRing = (octets: number): SharedArrayBuffer =>
  new SharedArrayBuffer(DATA * 4 + (Math.max(octets, MIN_RING_OCTETS) & ~3));

export class RingWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  /** Most REAL octets in one record. */
  readonly #chunk: number;
  readonly #full: () => void;
  #tail = 0;
  /** The consumer's head when we last looked. */
  #head = 0;
  /** REAL payloads by slot, as the reader has them, and their slots. */
  readonly #kept: (Uint8Array | undefined)[] = [];
  readonly #slots = new Map<Uint8Array, number>();
  #nextSlot = 0;

  /**
   * `full` is called, again and again, while there is no room: it has the consumer drain, and returns when something
   * may have changed. It throws when the run was aborted.
   */
  constructor(buffer: SharedArrayBuffer, full: () => void) {
    this.#words = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#capacity = this.#words.length - DATA;
    this.#chunk = (this.#capacity >> 3) * 4;
    this.#full = full;
  }

  /** Copy `frame` into the ring; it stays the caller's. */
  write(frames: FrameStore, frame: Frame, link: number): void {
    const time = frames.time[frame]!;
    const base = frames.base(frame);
    const start = frames.start[frame]! - base;
    const length = frames.end[frame]! - base - start;
    const firstWord = start >> 2;
    const headerWords = ((start + length + 3) >> 2) - firstWord;
    const pattern = frames.pattern[frame]!;
    const payloadLength = frames.payloadLength[frame]!;
    const isReal = pattern === Payload.REAL;
    // Headers mean a packet, whose payload is its own; a message of the management network has none.
    const reference = isReal && length === 0 ? this.#reference(frames.real[frame]!, payloadLength) : 0;
    const octets = isReal && reference <= 0 ? Math.min(payloadLength, this.#chunk) : 0;
    const count = FIXED_WORDS + headerWords + ((octets + 3) >> 2);
    const words = this.#words;
    let at = this.#reserve(count);
    words[at++] = count;
    words[at++] = link;
    words[at++] = time >>> 0;
    words[at++] = Math.floor(time / 2 ** 32);
    words[at++] = (start << 16) | length;
    words[at++] = (pattern << 16) | frames.tag[frame]!;
    words[at++] = isReal ? reference : frames.payloadOffset[frame]!;
    words[at++] = payloadLength;
    words[at++] = octets;
    const source = frames.words(frame);
    const from = (base >> 2) + firstWord;
    for (let i = 0; i < headerWords; i++) words[at + i] = source[from + i]!;
    if (octets > 0) this.#writeReal(frames, frame, at + headerWords, octets);
  }

  /** What stands for a REAL payload: its slot + 1 when the reader has it, the negative of that when it will, 0 for a slice. */
  #reference(real: Uint8Array, length: number): number {
    if (real.length !== length || length === 0) return 0;
    const known = this.#slots.get(real);
    if (known !== undefined) return known + 1;
    const slot = this.#nextSlot;
    this.#nextSlot = (slot + 1) & (KEPT - 1);
    const former = this.#kept[slot];
    if (former !== undefined) this.#slots.delete(former);
    this.#kept[slot] = real;
    this.#slots.set(real, slot);
    return -(slot + 1);
  }

  /** Let the consumer see what was written. */
  publish(): void {
    Atomics.store(this.#words, TAIL, this.#tail);
  }

  /** The first `octets` of a REAL payload to word `at`, the others into records of their own. */
  #writeReal(frames: FrameStore, frame: Frame, at: number, octets: number): void {
    const real = frames.real[frame]!;
    const end = frames.payloadOffset[frame]! + frames.payloadLength[frame]!;
    let from = frames.payloadOffset[frame]!;
    this.#bytes.set(real.subarray(from, from + octets), at * 4);
    for (from += octets; from < end; ) {
      const piece = Math.min(end - from, this.#chunk);
      const count = MORE_WORDS + ((piece + 3) >> 2);
      const record = this.#reserve(count);
      this.#words[record] = count;
      this.#words[record + 1] = MORE;
      this.#words[record + 2] = piece;
      this.#bytes.set(real.subarray(from, from + piece), (record + MORE_WORDS) * 4);
      from += piece;
    }
  }

  /** Room for a record of `count` words; returns its place in `#words`. */
  #reserve(count: number): number {
    const toEnd = this.#capacity - this.#tail;
    const needed = count <= toEnd ? count : toEnd + count;
    if (this.#free() < needed) this.#makeRoom(needed);
    let at = this.#tail;
    if (count > toEnd) {
      this.#words[DATA + at] = WRAP;
      at = 0;
    }
    this.#tail = at + count === this.#capacity ? 0 : at + count;
    return DATA + at;
  }

  /** One word stays free, so that a full ring does not look like an empty one. */
  #free(): number {
    const used = this.#tail - this.#head;
    return this.#capacity - 1 - (used < 0 ? used + this.#capacity : used);
  }

  #makeRoom(needed: number): void {
    this.#head = Atomics.load(this.#words, HEAD);
    if (this.#free() >= needed) return;
    this.publish();
    for (;;) {
      Atomics.store(this.#words, WAITING, 1);
      this.#head = Atomics.load(this.#words, HEAD);
      if (this.#free() >= needed) break;
      this.#full();
    }
    Atomics.store(this.#words, WAITING, 0);
  }
}

export class RingReader {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #frames: FrameStore;
  readonly #deliver: (frame: Frame, link: number) => void;
  #head = 0;
  /** A frame whose REAL payload is still coming, and how much of it has. */
  #partial: Frame = -1;
  #partialLink = 0;
  #partialOctets = 0;
  /** REAL payloads by slot; see `RingWriter`. */
  readonly #kept: (Uint8Array | undefined)[] = [];

  constructor(buffer: SharedArrayBuffer, frames: FrameStore, deliver: (frame: Frame, link: number) => void) {
    this.#words = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#frames = frames;
    this.#deliver = deliver;
  }

  /** Take out all that is published. Returns true when the producer waits for the room. */
  drain(): boolean {
    const tail = Atomics.load(this.#words, TAIL);
    if (this.#head === tail) return false;
    const words = this.#words;
    const capacity = words.length - DATA;
    let head = this.#head;
    while (head !== tail) {
      const count = words[DATA + head]!;
      if (count === WRAP) {
        head = 0;
        continue;
      }
      if (words[DATA + head + 1] === MORE) this.#readMore(DATA + head);
      else this.#read(DATA + head);
      head += count;
      if (head === capacity) head = 0;
    }
    this.#head = head;
    Atomics.store(words, HEAD, head);
    return Atomics.load(words, WAITING) === 1;
  }

  #read(record: number): void {
    const frames = this.#frames;
    const words = this.#words;
    let at = record + 1;
    const link = words[at++]!;
    const low = words[at++]! >>> 0;
    const time = words[at++]! * 2 ** 32 + low;
    const extent = words[at++]!;
    const patternTag = words[at++]!;
    const payloadOffset = words[at++]!;
    const payloadLength = words[at++]!;
    const octets = words[at++]!;
    const start = extent >>> 16;
    const length = extent & 0xffff;
    const frame = frames.allocate();
    frames.time[frame] = time;
    const base = frames.base(frame);
    const firstWord = start >> 2;
    const headerWords = ((start + length + 3) >> 2) - firstWord;
    const target = frames.words(frame);
    const to = (base >> 2) + firstWord;
    for (let i = 0; i < headerWords; i++) target[to + i] = words[at + i]!;
    frames.start[frame] = base + start;
    frames.end[frame] = base + start + length;
    frames.tag[frame] = patternTag & 0xffff;
    const pattern = patternTag >>> 16;
    if (pattern !== Payload.REAL) {
      frames.setPayload(frame, pattern, payloadOffset, payloadLength, null);
      this.#deliver(frame, link);
      return;
    }
    if (payloadOffset > 0) {
      frames.setPayload(frame, pattern, 0, payloadLength, this.#kept[payloadOffset - 1]!);
      this.#deliver(frame, link);
      return;
    }
    const real = new Uint8Array(payloadLength);
    if (payloadOffset < 0) this.#kept[-payloadOffset - 1] = real;
    const from = (at + headerWords) * 4;
    real.set(this.#bytes.subarray(from, from + octets));
    frames.setPayload(frame, pattern, 0, payloadLength, real);
    if (octets === payloadLength) {
      this.#deliver(frame, link);
      return;
    }
    this.#partial = frame;
    this.#partialLink = link;
    this.#partialOctets = octets;
  }

  #readMore(record: number): void {
    const octets = this.#words[record + 2]!;
    const from = (record + MORE_WORDS) * 4;
    const real = this.#frames.real[this.#partial]!;
    real.set(this.#bytes.subarray(from, from + octets), this.#partialOctets);
    this.#partialOctets += octets;
    if (this.#partialOctets === real.length) this.#deliver(this.#partial, this.#partialLink);
  }
}
