/**
 * Messages for many peers, one behind the other: whoever is sent all of them in turn is sent one stretch of octets, which
 * his TCP need neither copy nor cut where one message ends.
 */

/** Pieces double from the one size to the other: most daemons never say much. Longer messages get a piece of their own. */
const FIRST_PIECE = 1024;
const LAST_PIECE = 64 * 1024;

/** UPDATEs, written. */
export interface Batch {
  readonly count: number;
  /** Octets `[from, behindFirst)` are the first message, `[behindFirst, to)` all others. They do not change any more. */
  readonly octets: Uint8Array;
  readonly from: number;
  readonly behindFirst: number;
  readonly to: number;
}

export class MessageLog {
  #piece = new Uint8Array(0);
  #filled = 0;

  /** Put `messages` behind those that are in it; `undefined` when there are none. */
  add(messages: readonly Uint8Array[]): Batch | undefined {
    const [first] = messages;
    if (first === undefined) return undefined;
    this.#makeRoom(messages.reduce((sum, message) => sum + message.length, 0));
    const octets = this.#piece;
    const from = this.#filled;
    for (const message of messages) {
      octets.set(message, this.#filled);
      this.#filled += message.length;
    }
    return { count: messages.length, octets, from, behindFirst: from + first.length, to: this.#filled };
  }

  #makeRoom(octets: number): void {
    if (this.#filled + octets <= this.#piece.length) return;
    const next = Math.min(LAST_PIECE, Math.max(FIRST_PIECE, 2 * this.#piece.length));
    this.#piece = new Uint8Array(Math.max(next, octets));
    this.#filled = 0;
  }
}
