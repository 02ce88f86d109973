/**
 * The fingerprint of a run: one rolling 64-bit hash (two 32-bit lanes, xor-rotate-multiply) per logical process over
 * everything it handled, in order. Equal fingerprints mean equal runs, whatever the number of workers.
 */
import type { Frame, FrameStore } from './frame-store.ts';
import * as Payload from './payload.ts';
import type { VirtualTime } from './time.ts';

export const TIMER = 1;
export const FRAME = 2;
export const COMMAND = 3;

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

export class Fingerprint {
  /** How many events were mixed in. */
  count = 0;
  #a = 0x243f6a88;
  #b = 0x85a308d3 | 0;

  event(kind: number, time: VirtualTime): void {
    this.count++;
    this.#a = stepA(this.#a, (kind << 24) ^ Math.floor(time / 2 ** 32));
    this.#b = stepB(this.#b ^ this.#a, time >>> 0);
  }

  /**
   * A frame that arrived: its real octets, and of its payload what it stands for. How a REAL payload lies in memory
   * is not part of it: after a ring it begins at offset 0.
   */
  frame(frames: FrameStore, frame: Frame, time: VirtualTime): void {
    this.event(FRAME, time);
    const view = frames.view(frame);
    const headersEnd = frames.end[frame]!;
    const headers = frames.start[frame]!;
    let at = headers;
    let a = this.#a;
    let b = this.#b;
    // The lanes take turns: this runs for every frame that moves, and two chains of steps wait for each other less.
    for (; at + 8 <= headersEnd; at += 8) {
      a = stepA(a, view.getInt32(at));
      b = stepB(b, view.getInt32(at + 4));
    }
    for (; at + 2 <= headersEnd; at += 2) a = stepA(a, view.getUint16(at));
    if (at < headersEnd) a = stepA(a, view.getUint8(at));
    const length = frames.payloadLength[frame]!;
    b = stepB(b ^ a, ((headersEnd - headers) << 20) ^ length);
    if (length > 0) {
      const pattern = frames.pattern[frame]!;
      const offset = frames.payloadOffset[frame]!;
      if (pattern === Payload.REAL) {
        const real = frames.real[frame]!;
        const end = offset + length;
        let i = offset;
        for (; i + 4 <= end; i += 4)
          a = stepA(a, real[i]! | (real[i + 1]! << 8) | (real[i + 2]! << 16) | (real[i + 3]! << 24));
        for (; i < end; i++) a = stepA(a, real[i]!);
      } else if (pattern === Payload.RAMP) {
        a = stepA(a, 256 + offset);
      }
    }
    this.#a = a;
    this.#b = b;
  }

  text(text: string): void {
    let a = this.#a;
    for (let i = 0; i < text.length; i++) a = stepA(a, text.charCodeAt(i));
    this.#a = a;
    this.#b = stepB(this.#b, a);
  }

  /** 16 hex digits. */
  digest(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.#a) + hex(this.#b);
  }
}
