/**
 * The fingerprint of a run: one rolling 64-bit hash (two 32-bit lanes, multiply-xorshift) per logical process over
 * everything it handled, in order. Equal fingerprints mean equal runs, whatever the number of workers.
 */
import type { Frame, FrameStore } from './frame-store.ts';
import type { VirtualTime } from './time.ts';

export const TIMER = 1;
export const FRAME = 2;
export const COMMAND = 3;

export class Fingerprint {
  /** How many events were mixed in. */
  count = 0;
  #a = 0x243f6a88;
  #b = 0x85a308d3;

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x9e3779b1);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + this.#a, 0x85ebca6b);
    this.#b ^= this.#b >>> 13;
  }

  event(kind: number, time: VirtualTime): void {
    this.count++;
    this.#mix(kind);
    this.#mix(time >>> 0);
    this.#mix(Math.floor(time / 2 ** 32));
  }

  frame(frames: FrameStore, frame: Frame, time: VirtualTime): void {
    this.event(FRAME, time);
    const view = frames.view(frame);
    const end = frames.end[frame]!;
    let at = frames.start[frame]!;
    for (; at + 4 <= end; at += 4) this.#mix(view.getInt32(at));
    for (; at < end; at++) this.#mix(view.getUint8(at));
    const length = frames.payloadLength[frame]!;
    this.#mix(length);
    if (length === 0) return;
    this.#mix((frames.pattern[frame]! << 24) ^ frames.payloadOffset[frame]!);
    const real = frames.real[frame];
    if (real) {
      const from = frames.payloadOffset[frame]!;
      for (let i = from; i < from + length; i++) this.#mix(real[i]!);
    }
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }

  /** 16 hex digits. */
  digest(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.#a) + hex(this.#b);
  }
}
