/**
 * The fingerprint of a run: one rolling 64-bit hash (two 32-bit lanes, xor-rotate-multiply) per logical process over
 * everything it handled, in order. Equal fingerprints mean equal runs, whatever the number of workers.
 */
import type { Frame, FrameStore } from './frame-store.ts';
import { NumberRecords } from './number-records.ts';
import * as Payload from './payload.ts';
import * as ProcessRecord from './process-record.ts';
import type { VirtualTime } from './time.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { NOW, PRINT_A, PRINT_B, PRINT_COUNT } = ProcessRecord;
const { RAMP, ZERO } = Payload;

/** Kinds of events. */
export const TIMER = 1;
export const COMMAND = 3;
const ARRIVED = 2;
export const FRAME = ARRIVED;

/** Odd, so that a step loses nothing. */
const STEP_A = 0x9e3779b1;
const STEP_B = 0x85ebca6b;

/** Multiplying carries a bit upwards only; the rotation brings the upper ones down. */
const stepA = (lane: number, word: number): number => {
  const mixed = lane ^ word;
  return Math.imul((mixed << 15) | (mixed >>> 17), STEP_A);
};
const stepB = (lane: number, word: number): number => {
  const mixed = lane ^ word;
  return Math.imul((mixed << 13) | (mixed >>> 19), STEP_B);
};

/** An event of `kind`, now, mixed into the fingerprint of the process whose record is at `at`. */
function mix({ cells, words }: NumberRecords, at: number, kind: number): void {
  const time = cells[(at >> 1) | NOW]!;
  cells[(at >> 1) | PRINT_COUNT]! += 1;
  const a = stepA(words[at | PRINT_A]!, (kind << 24) ^ Math.floor(time / 2 ** 32));
  words[at | PRINT_A] = a;
  words[at | PRINT_B] = stepB(words[at | PRINT_B]! ^ a, time >>> 0);
}

export const mixEvent = mix;

/**
 * A frame that arrives now: its real octets, and of its payload what it stands for. How a REAL payload lies in memory
 * is not part of it: after a ring it begins at offset 0.
 */
export function mixFrame(records: NumberRecords, at: number, frames: FrameStore, frame: Frame): void {
  mix(records, at, ARRIVED);
  const { words } = records;
  let a = words[at | PRINT_A]!;
  let b = words[at | PRINT_B]!;
  const view = frames.view(frame);
  const headersEnd = frames.end[frame]!;
  const headers = frames.start[frame]!;
  let octet = headers;
  // The lanes take turns: this runs for every frame that moves, and two chains of steps wait for each other less. What nearly
  // every frame has, down to the ports, takes no loop: V8 would keep its variables on the stack.
  if (octet + 40 <= headersEnd) {
    a = stepA(a, view.getInt32(octet));
    b = stepB(b, view.getInt32(octet + 4));
    a = stepA(a, view.getInt32(octet + 8));
    b = stepB(b, view.getInt32(octet + 12));
    a = stepA(a, view.getInt32(octet + 16));
    b = stepB(b, view.getInt32(octet + 20));
    a = stepA(a, view.getInt32(octet + 24));
    b = stepB(b, view.getInt32(octet + 28));
    a = stepA(a, view.getInt32(octet + 32));
    b = stepB(b, view.getInt32(octet + 36));
    octet += 40;
  }
  for (; octet + 8 <= headersEnd; octet += 8) {
    a = stepA(a, view.getInt32(octet));
    b = stepB(b, view.getInt32(octet + 4));
  }
  for (; octet + 2 <= headersEnd; octet += 2) a = stepA(a, view.getUint16(octet));
  if (octet < headersEnd) a = stepA(a, view.getUint8(octet));
  const length = frames.payloadLength[frame]!;
  b = stepB(b ^ a, ((headersEnd - headers) << 20) ^ length);
  if (length > 0 && frames.pattern[frame] !== ZERO)
    a = headers === headersEnd ? message(a, frames, frame, length) : payload(a, frames, frame, length);
  words[at | PRINT_A] = a;
  words[at | PRINT_B] = b;
}

function payload(lane: number, frames: FrameStore, frame: Frame, length: number): number {
  const offset = frames.payloadOffset[frame]!;
  if (frames.pattern[frame] === RAMP) return stepA(lane, 256 + offset);
  const real = frames.real[frame]!;
  const end = offset + length;
  let a = lane;
  let i = offset;
  for (; i + 4 <= end; i += 4)
    a = stepA(a, real[i]! | (real[i + 1]! << 8) | (real[i + 2]! << 16) | (real[i + 3]! << 24));
  for (; i < end; i++) a = stepA(a, real[i]!);
  return a;
}

/** What stands for the octets of a message. News goes to thousands of processes as one array. */
const digests = new WeakMap<Uint8Array, number>();

/** The payload of a frame without headers: a message of the management network. */
function message(lane: number, frames: FrameStore, frame: Frame, length: number): number {
  if (frames.pattern[frame] === RAMP) return payload(lane, frames, frame, length);
  const octets = frames.real[frame]!;
  const isWhole = octets.length === length;
  let digest = isWhole ? digests.get(octets) : undefined;
  if (digest === undefined) {
    digest = payload(STEP_B, frames, frame, length);
    if (isWhole) digests.set(octets, digest);
  }
  return stepA(lane, digest);
}

/** The fingerprint in a record, for whoever asks for it now and then. */
export class Fingerprint {
  readonly #records: NumberRecords;
  readonly #at: number;

  constructor(records = new NumberRecords(), at = records.reserve()) {
    this.#records = records;
    this.#at = at;
    records.words[at | PRINT_A] = 0x243f6a88;
    records.words[at | PRINT_B] = 0x85a308d3;
  }

  get count(): number {
    return this.#records.cells[(this.#at >> 1) | PRINT_COUNT]!;
  }

  event(kind: number, time: VirtualTime): void {
    this.#records.cells[(this.#at >> 1) | NOW] = time;
    mix(this.#records, this.#at, kind);
  }

  frame(frames: FrameStore, frame: Frame, time: VirtualTime): void {
    this.#records.cells[(this.#at >> 1) | NOW] = time;
    mixFrame(this.#records, this.#at, frames, frame);
  }

  text(text: string): void {
    const { words } = this.#records;
    let a = words[this.#at | PRINT_A]!;
    for (let i = 0; i < text.length; i++) a = stepA(a, text.charCodeAt(i));
    words[this.#at | PRINT_A] = a;
    words[this.#at | PRINT_B] = stepB(words[this.#at | PRINT_B]!, a);
  }

  /** 16 hex digits. */
  digest(): string {
    const { words } = this.#records;
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(words[this.#at | PRINT_A]!) + hex(words[this.#at | PRINT_B]!);
  }
}
