/**
 * What has arrived: octets in order that the program has not read, and pieces that came too early.
 *
 *        read        ready           rcv.nxt    early pieces
 *   -----------|--- real | 2896 --------|  . . . [real] . . [virtual 14480] . . .
 *
 * Real octets are kept, and handed over in order; virtual ones are only counted, so a bulk transfer stores a number.
 * Beside the pieces lie the blocks to report in SACK options, the most recently changed first (RFC 2018 §4).
 */
import type { SackBlock } from '../../wire/tcp.ts';

/** Octets of the program's: real ones, or the length of a virtual run. */
export type Content = Uint8Array | number;

interface Piece {
  start: number;
  end: number;
  /** `null` for virtual octets. */
  readonly bytes: Uint8Array | null;
}

interface Block {
  start: number;
  end: number;
}

/** As many as fit beside the timestamps, and one in reserve for when the first is used up (Linux keeps four too). */
const MAX_BLOCKS = 4;

export class ReceiveQueue {
  /** Octets in order that the program has not taken. */
  unread = 0;
  /** Octets of early pieces. */
  early = 0;
  /** In order: these, then `#virtual` octets. A transfer of virtual octets is that number alone. */
  readonly #ready: Content[] = [];
  #virtual = 0;
  readonly #pieces: Piece[] = [];
  readonly #blocks: Block[] = [];

  /** Something waits behind a hole, if only a FIN. */
  get hasEarly(): boolean {
    return this.#pieces.length > 0 || this.#blocks.length > 0;
  }

  /** Put octets behind those in order. */
  addReady(content: Content): void {
    if (typeof content === 'number') {
      this.unread += content;
      this.#virtual += content;
      return;
    }
    this.unread += content.length;
    if (this.#virtual > 0) this.#ready.push(this.#virtual);
    this.#virtual = 0;
    this.#ready.push(content);
  }

  /** Take the oldest run of octets; `undefined` when there is none. */
  takeReady(): Content | undefined {
    if (this.#ready.length === 0) {
      const length = this.#virtual;
      this.#virtual = 0;
      this.unread -= length;
      return length > 0 ? length : undefined;
    }
    const content = this.#ready.shift()!;
    this.unread -= typeof content === 'number' ? content : content.length;
    return content;
  }

  /** Octets `[start, start + length)` came early; what we already have of them is ignored. */
  addEarly(start: number, content: Content): void {
    const end = start + (typeof content === 'number' ? content : content.length);
    const pieces = this.#pieces;
    let at = this.#firstEndingAfter(start);
    let from = start;
    while (from < end) {
      const next = pieces[at];
      const gapEnd = next === undefined ? end : Math.min(end, next.start);
      if (from < gapEnd) {
        this.early += gapEnd - from;
        at = this.#insert(at, from, gapEnd, content, start);
      }
      const covering = pieces[at];
      if (covering === undefined) break;
      from = Math.max(gapEnd, covering.end);
      at++;
    }
    this.reportEarly(start, end);
  }

  /** Is every octet of `[start, end)` among the early ones? (A duplicate, to be told by D-SACK.) */
  hasAllEarly(start: number, end: number): boolean {
    let from = start;
    for (let at = this.#firstEndingAfter(start); from < end; at++) {
      const piece = this.#pieces[at];
      if (piece === undefined || piece.start > from) return false;
      from = piece.end;
    }
    return true;
  }

  /** Everything before `rcvNxt` is in order: move the pieces that continue it over. Returns the new RCV.NXT. */
  advance(rcvNxt: number): number {
    let next = rcvNxt;
    let used = 0;
    for (const piece of this.#pieces) {
      if (piece.start > next) break;
      used++;
      this.early -= piece.end - piece.start;
      if (piece.end <= next) continue;
      if (piece.bytes === null) this.addReady(piece.end - next);
      else this.addReady(piece.bytes.subarray(next - piece.start));
      next = piece.end;
    }
    if (used > 0) this.#pieces.splice(0, used);
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const block = this.#blocks[i]!;
      if (block.end <= next) this.#blocks.splice(i, 1);
      else if (block.start < next) block.start = next;
    }
    return next;
  }

  /** How many SACK blocks there are to report. */
  get blockCount(): number {
    return this.#blocks.length;
  }

  /** The highest sequence number in a block; -1 when there is none. */
  get reportedEnd(): number {
    let end = -1;
    for (const block of this.#blocks) end = Math.max(end, block.end);
    return end;
  }

  /** The blocks to report, at most `limit`, as on the wire. */
  sackBlocks(limit: number): SackBlock[] {
    const blocks: SackBlock[] = [];
    for (const block of this.#blocks) {
      if (blocks.length === limit) break;
      blocks.push({ start: block.start % 2 ** 32, end: block.end % 2 ** 32 });
    }
    return blocks;
  }

  clear(): void {
    this.#ready.length = 0;
    this.#virtual = 0;
    this.#pieces.length = 0;
    this.#blocks.length = 0;
    this.unread = 0;
    this.early = 0;
  }

  /** Insert `[from, to)` before index `at`; returns the index of the piece after it. */
  #insert(at: number, from: number, to: number, content: Content, contentStart: number): number {
    const pieces = this.#pieces;
    if (typeof content !== 'number') {
      pieces.splice(at, 0, {
        start: from,
        end: to,
        bytes: content.subarray(from - contentStart, to - contentStart),
      });
      return at + 1;
    }
    // Virtual neighbours melt into one piece, so that a window full of them stays one number per hole.
    const before = pieces[at - 1];
    const after = pieces[at];
    const joinsBefore = before !== undefined && before.bytes === null && before.end === from;
    const joinsAfter = after !== undefined && after.bytes === null && after.start === to;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      pieces.splice(at, 1);
      // The caller goes on behind the piece that it would have met next.
      return at - 1;
    }
    if (joinsBefore) {
      before.end = to;
      return at;
    }
    if (joinsAfter) {
      after.start = from;
      return at;
    }
    pieces.splice(at, 0, { start: from, end: to, bytes: null });
    return at + 1;
  }

  #firstEndingAfter(seq: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pieces[middle]!.end > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** `[start, end)` came early; the last of it may be a FIN. "The contiguous block of data containing the segment which triggered this ACK" goes first (RFC 2018 §4). */
  reportEarly(start: number, end: number): void {
    const joined = { start, end };
    const pieces = this.#pieces;
    const at = this.#firstEndingAfter(start);
    for (let i = Math.min(at, pieces.length - 1); i >= 0 && pieces[i]!.end >= joined.start; i--)
      joined.start = Math.min(joined.start, pieces[i]!.start);
    for (let i = at; i < pieces.length && pieces[i]!.start <= joined.end; i++)
      joined.end = Math.max(joined.end, pieces[i]!.end);
    const blocks = this.#blocks;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!;
      if (block.start > joined.end || block.end < joined.start) continue;
      joined.start = Math.min(joined.start, block.start);
      joined.end = Math.max(joined.end, block.end);
      blocks.splice(i, 1);
    }
    if (blocks.length === MAX_BLOCKS) blocks.pop();
    blocks.unshift(joined);
  }
}
