/**
 * A received segment, read out of its frame once. One `Segment` serves a whole layer: `read` overwrites it, so nothing
 * is allocated for a segment whose only option is the timestamp.
 *
 * Sequence numbers in here and in the TCB are *unwrapped*: the 32 bits of the wire plus a multiple of 2^32, exact in a
 * float64. They compare with plain `<`; `unwrap` brings a number from the wire next to one we know.
 */
import type { AddressWord } from '../../addr/address-word.ts';
import * as AddressWords from '../../addr/address-word.ts';
import type { Frame, FrameStore } from '../../sim/frame-store.ts';
import * as Payloads from '../../sim/payload.ts';
import * as Ipv4Codec from '../../wire/ipv4.ts';
import * as TcpCodec from '../../wire/tcp.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const Payload = { ...Payloads };
const Tcp = { ...TcpCodec };
const { ANY } = AddressWords;

/** The unwrapped sequence number nearest to `near` whose low 32 bits are `wire`. */
export const unwrap = (wire: number, near: number): number => near + ((wire - near) | 0);

const NO_BLOCKS: readonly TcpCodec.SackBlock[] = [];

export class Segment {
  source: AddressWord = ANY;
  destination: AddressWord = ANY;
  tos = 0;
  /** Both ports, as they lie on the wire. */
  ports = 0;
  /** The numbers as on the wire, signed. */
  sequence = 0;
  acknowledgment = 0;
  /** The same unsigned, until `place` unwraps them next to a connection's numbers. */
  seq = 0;
  ack = 0;
  flags = 0;
  /** As on the wire: not scaled. */
  window = 0;
  /** The timestamps are all its options, and it is no SYN. */
  isTimestamped = false;
  hasTimestamps = false;
  /** As on the wire, signed. */
  tsValue = 0;
  tsEcho = 0;
  /** Options of a SYN; 0, -1 and false when absent. */
  mss = 0;
  windowScale = -1;
  sackPermitted = false;
  /** As on the wire. */
  sackBlocks: readonly TcpCodec.SackBlock[] = NO_BLOCKS;
  /** Octets of data. */
  length = 0;
  /** Real octets of data that lie in the frame's slot, before the payload descriptor. */
  inlineAt = 0;
  inlineLength = 0;

  /**
   * Read the segment in `frame` (start = TCP header). Returns why not, or ''. The frame stays the caller's.
   */
  read(frames: FrameStore, frame: Frame, ipAt: number): '' | 'MALFORMED' | 'BAD_CHECKSUM' {
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const end = frames.end[frame]!;
    if (Tcp.check(view, at, end) !== Tcp.Fault.None) return 'MALFORMED';
    const source = Ipv4.sourceWord(view, ipAt);
    const destination = Ipv4.destinationWord(view, ipAt);
    const octets = end - at + frames.payloadLength[frame]!;
    // The sum of the slot's octets goes in one piece; a descriptor behind an odd count of them is never made.
    if (!Tcp.isValid(view, at, end - at, source, destination, octets, frames.payloadSum(frame)))
      return 'BAD_CHECKSUM';
    const header = Tcp.headerLength(view, at);
    this.source = source;
    this.destination = destination;
    this.tos = Ipv4.tos(view, ipAt);
    this.inlineAt = at + header;
    this.inlineLength = end - this.inlineAt;
    this.length = octets - header;
    this.ports = Tcp.ports(view, at);
    this.sequence = Tcp.sequenceWord(view, at);
    this.acknowledgment = Tcp.acknowledgmentWord(view, at);
    this.seq = this.sequence >>> 0;
    this.ack = this.acknowledgment >>> 0;
    this.flags = Tcp.flags(view, at);
    this.window = Tcp.window(view, at);
    this.sackBlocks = NO_BLOCKS;
    this.isTimestamped = (this.flags & Tcp.SYN) === 0 && Tcp.hasAlignedTimestamps(view, at);
    this.hasTimestamps = this.isTimestamped;
    if (this.isTimestamped) {
      this.tsValue = Tcp.alignedTimestampValue(view, at);
      this.tsEcho = Tcp.alignedTimestampEcho(view, at);
    } else {
      this.#readOptions(header > Tcp.MIN_HEADER_LENGTH ? Tcp.parseOptions(view, at, header) : Tcp.NO_OPTIONS);
    }
    return '';
  }

  #readOptions(options: TcpCodec.TcpOptions): void {
    if (options.timestamps !== undefined) {
      this.hasTimestamps = true;
      this.tsValue = options.timestamps.value | 0;
      this.tsEcho = options.timestamps.echoReply | 0;
    }
    this.mss = options.mss ?? 0;
    this.windowScale = options.windowScale ?? -1;
    this.sackPermitted = options.sackPermitted === true;
    this.sackBlocks = options.sackBlocks ?? NO_BLOCKS;
  }

  get sourcePort(): number {
    return this.ports >>> 16;
  }

  get destinationPort(): number {
    return this.ports & 0xffff;
  }

  has(flags: number): boolean {
    return (this.flags & flags) !== 0;
  }

  /** Sequence space it takes: data, SYN and FIN (SEG.LEN of RFC 9293). */
  get sequenceLength(): number {
    return this.length + ((this.flags & Tcp.SYN) >>> 1) + (this.flags & Tcp.FIN);
  }

  /** Unwrap both numbers: `rcvNxt` is what we expect, `sndUna` the oldest octet that is not acknowledged. */
  place(rcvNxt: number, sndUna: number): void {
    this.seq = unwrap(this.seq, rcvNxt);
    this.ack = unwrap(this.ack, sndUna);
  }
}

/**
 * The octets `[from, from + length)` of a segment's data as an array: a view of the sender's own octets where that is
 * possible, so the receiver must not write to it.
 */
export function dataOf(
  frames: FrameStore,
  frame: Frame,
  segment: Segment,
  from: number,
  length: number,
): Uint8Array {
  const real = frames.real[frame] ?? null;
  const behind = from - segment.inlineLength;
  if (behind >= 0 && real !== null) {
    const offset = frames.payloadOffset[frame]! + behind;
    if (offset === 0 && length === real.length) return real;
    return real.subarray(offset, offset + length);
  }
  const octets = new Uint8Array(length);
  const inline = Math.max(0, Math.min(length, segment.inlineLength - from));
  if (inline > 0) {
    const at = segment.inlineAt + from;
    octets.set(frames.bytes(frame).subarray(at, at + inline));
  }
  Payload.write(
    octets,
    inline,
    frames.pattern[frame]!,
    frames.payloadOffset[frame]! + Math.max(0, behind),
    length - inline,
    real,
  );
  return octets;
}
