/**
 * A reader that knows its end and a writer that grows: the two cursors of the BGP codecs. Integers are big-endian.
 * A read past the end throws what the owner of the reader said it means.
 */
import type { WireError } from './error.ts';

export class Reader {
  readonly bytes: Uint8Array;
  /** Offset of the next octet, in `bytes`. */
  at: number;
  readonly end: number;
  readonly #past: (at: number) => WireError;

  /** `past` makes the error for a read beyond `end`; it is given the offset of that read. */
  constructor(bytes: Uint8Array, at: number, end: number, past: (at: number) => WireError) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.#past = past;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    this.#need(1);
    return this.bytes[this.at++]!;
  }

  u16(): number {
    this.#need(2);
    const value = this.bytes[this.at]! * 256 + this.bytes[this.at + 1]!;
    this.at += 2;
    return value;
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  /** The next `length` octets, without a copy. */
  take(length: number): Uint8Array {
    this.#need(length);
    const slice = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return slice;
  }

  /** A reader of the next `length` octets, which this one skips. */
  sub(length: number, past: (at: number) => WireError = this.#past): Reader {
    this.#need(length);
    const inner = new Reader(this.bytes, this.at, this.at + length, past);
    this.at += length;
    return inner;
  }

  #need(length: number): void {
    if (this.end - this.at < length) throw this.#past(this.at);
  }
}

export class Writer {
  #bytes = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 255);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  put(bytes: Uint8Array | readonly number[]): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** What was written, as a copy of its own. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + length));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
  }
}
