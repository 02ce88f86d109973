/**
 * The fingerprint of a run: one rolling 64-bit hash (two 32-bit lanes, multiply-xorshift) per logical process over
 * everything it handled, in order. Equal fingerprints mean equal runs, whatever the number of workers.
 */
import type { Frame, FrameStore } from './frame-store.ts';
import * as Payload from './payload.ts';
import type { VirtualTime } from './time.ts';

export const TIMER = 1;
export const FRAME = 2;
export const COMMAND = 3;

const stepA = (lane: number, word: number): number => {
  const product = Math.imul(lane ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
};
const stepB = (lane: number, word: number): number => {
  const product = Math.imul(lane ^ word, 0x85ebca6b);
  return product ^ (product >>> 13);
};

export class Fingerprint {
  /** How many events were mixed in. */
  count = 0;
  #a = 0x243f6a88;
  #b = 0x85a308d3 | 0;

  event(kind: number, time: VirtualTime): void {
    this.count++;
    this.#a = stepA(this.#a, (kind << 24) ^ Math.floor(time / 2 ** 32));
    this.#b = stepB(this.#b + this.#a, time >>> 0);
  }

  /**
   * A frame that arrived: its real octets, and of its payload what it stands for. How a REAL payload lies in memory
   * is not part of it: after a ring it begins at offset 0.
   */
  frame(frames: FrameStore, frame: Frame, time: VirtualTime): void {
    this.event(FRAME, time);
    const view = frames.view(frame);
    const end = frames.end[frame]!;
    let at = frames.start[frame]!;
    let a = this.#a;
    let b = this.#b;
    // Four lanes, so that the multiplications overlap: this runs for every frame that moves.
    let c = 0x13198a2e;
    let d = 0x03707344;
    for (; at + 16 <= end; at += 16) {
      a = stepA(a, view.getInt32(at));
      b = stepB(b, view.getInt32(at + 4));
      c = stepA(c, view.getInt32(at + 8));
      d = stepB(d, view.getInt32(at + 12));
    }
    for (; at + 4 <= end; at += 4) c = stepA(c, view.getInt32(at));
    for (; at < end; at++) d = stepB(d, view.getUint8(at));
    const length = frames.payloadLength[frame]!;
    a = stepA(a, c);
    b = stepB(b, d ^ length);
    if (length > 0) {
      const pattern = frames.pattern[frame]!;
      const offset = frames.payloadOffset[frame]!;
      if (pattern === Payload.REAL) {
        const real = frames.real[frame]!;
        for (let i = offset; i < offset + length; i++) a = stepA(a, real[i]!);
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
