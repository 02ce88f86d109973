/**
 * UPDATEs by their octets. A reflector says the same to a thousand clients: the daemons of one thread read each message
 * once. Who holds a message must not change it.
 */
import * as Update from './update.ts';

interface Decoded {
  readonly octets: Uint8Array;
  readonly context: number;
  readonly message: Update.UpdateMessage;
  /** What came behind it the last time: what the next client hears, too. */
  next: Decoded | undefined;
}

/** Two reflectors of five thousand nodes need a fifth of it. */
const CAPACITY = 1 << 16;

/** By hash; of two messages with one hash the later one is kept. */
const decoded = new Map<number, Decoded>();
/** The last one that was read. */
let last: Decoded | undefined;

const bits = ({ as4, addPath, external }: Update.UpdateContext): number =>
  (as4 ? 1 : 0) | (addPath ? 2 : 0) | (external ? 4 : 0);

/** FNV-1a over 16 bits at a time, cut to a small integer of the engine. */
function hash(bytes: Uint8Array, at: number, end: number, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  let i = at;
  for (; i + 2 <= end; i += 2) h = Math.imul(h ^ (bytes[i]! | (bytes[i + 1]! << 8)), 0x01000193);
  if (i < end) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  return (h ^ (h >>> 15)) & 0x3fff_ffff;
}

function equals(bytes: Uint8Array, at: number, length: number, octets: Uint8Array): boolean {
  if (octets.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== octets[i]) return false;
  return true;
}

/** As `Update.decode`, of the message's body in `[at, end)`. */
export function decode(
  bytes: Uint8Array,
  at: number,
  end: number,
  context: Update.UpdateContext,
): Update.UpdateMessage {
  const which = bits(context);
  let known = last?.next;
  if (known?.context !== which || !equals(bytes, at, end - at, known.octets)) {
    const key = hash(bytes, at, end, which);
    known = decoded.get(key);
    if (known?.context !== which || !equals(bytes, at, end - at, known.octets)) {
      const message = Update.decode(bytes, at, end, context);
      // A fault says where in these very octets it was found.
      if (message.faults.length > 0) return message;
      if (decoded.size >= CAPACITY) forget();
      known = { octets: bytes.slice(at, end), context: which, message, next: undefined };
      decoded.set(key, known);
    }
    if (last !== undefined) last.next = known;
  }
  last = known;
  return known.message;
}

function forget(): void {
  decoded.clear();
  last = undefined;
}
