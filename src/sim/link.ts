/**
 * One direction of a link between two logical processes.
 *
 *   sender                                                            receiver
 *   Transmitter ── arrival = max(busy, now) + serialisation + delay ──> Sink (an InputQueue, or a ring to another worker)
 *
 * The arrival is computed once, when the frame is transmitted: one event per hop. The queue in front of the wire is
 * never stored; its length is how far ahead `busy` is, and a frame that would wait longer than the bound is dropped.
 */
import type { DropReason } from '../trace/drop-reason.ts';
import { type Frame, FrameQueue, type FrameStore, NO_FRAME } from './frame-store.ts';
import { NOW } from './process-record.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** Where transmitted frames go; their arrival is in `FrameStore.time`. The sink owns the frame from here on. */
export interface Sink {
  accept(frame: Frame): void;
}

/** Who transmits: where its time is, in `FrameStore.records`. */
export interface Sender {
  readonly frames: FrameStore;
  readonly record: number;
}

export interface LinkOptions {
  /** Bits per second. */
  readonly rateBps: number;
  /** Propagation delay, at least 1 ns; the smallest of all links is the engine's window. */
  readonly delay: VirtualTime;
  /** Octets (as on the wire) that may wait, the one being sent included. */
  readonly queueOctets: number;
}

/** Preamble, start delimiter and gap (20 octets) around a frame that the FCS makes 4 longer and the pad at least 64. */
export const wireOctets = (frameOctets: number): number => Math.max(frameOctets + 4, 64) + 20;

/** What a transmitter counts and compares with every frame, by place in its record. */
const BUSY = 0;
/** What is left of the last division: rounding per frame would drift a millisecond in 12 s at 10 Gbit/s. */
const REMAINDER = 1;
const LAST_ARRIVAL = 2;
const SENT_FRAMES = 3;
const SENT_OCTETS = 4;
const RATE_BPS = 5;
const DELAY = 6;
const QUEUE_LIMIT = 7;

export class Transmitter {
  up = true;
  readonly #frames: FrameStore;
  readonly #at: number;
  /** The sender's record. */
  readonly #sender: number;
  readonly #sink: Sink;
  /** Each frame takes up to this much longer, by chance; none overtakes another. */
  jitter: VirtualTime = 0;
  /** Share of frames lost on the way, 0 to 1; needs `random`. */
  loss = 0;
  readonly #random: Random;
  readonly #options: LinkOptions;

  constructor(options: LinkOptions, { frames, record }: Sender, sink: Sink, random: Random) {
    this.#options = options;
    this.#frames = frames;
    this.#sender = record;
    this.#sink = sink;
    this.#random = random;
    const at = frames.records.reserve();
    this.#at = at;
    const { cells } = frames.records;
    cells[at + RATE_BPS] = options.rateBps;
    cells[at + DELAY] = options.delay;
    cells[at + QUEUE_LIMIT] = Math.ceil((options.queueOctets * 8e9) / options.rateBps);
  }

  get options(): LinkOptions {
    return this.#options;
  }

  get sentFrames(): number {
    return this.#frames.records.cells[this.#at + SENT_FRAMES]!;
  }

  get sentOctets(): number {
    return this.#frames.records.cells[this.#at + SENT_OCTETS]!;
  }

  /** Octets that wait or are being sent at `now`. */
  queued(now: VirtualTime): number {
    const busy = this.#frames.records.cells[this.#at + BUSY]!;
    return Math.max(0, Math.ceil(((busy - now) * this.#options.rateBps) / 8e9));
  }

  /** Send `frame`, at the sender's time. Returns why not, or `undefined` when it is on its way; a refused frame stays the caller's. */
  transmit(frame: Frame): DropReason | undefined {
    if (!this.up) return 'LINK_DOWN';
    const { cells } = this.#frames.records;
    const at = this.#at;
    const now = cells[this.#sender + NOW]!;
    let busy = cells[at + BUSY]!;
    let remainder = cells[at + REMAINDER]!;
    // Idle only since before now: at 100 Gbit/s a frame ends in the middle of a nanosecond, and the rest of it counts.
    if (busy < now) {
      busy = now;
      remainder = 0;
    }
    const rateBps = cells[at + RATE_BPS]!;
    const octets = this.#frames.length(frame);
    const work = wireOctets(octets) * 8e9 + remainder;
    const serialisation = Math.floor(work / rateBps);
    if (busy - now + serialisation > cells[at + QUEUE_LIMIT]!) return 'QUEUE_FULL';
    busy += serialisation;
    cells[at + BUSY] = busy;
    cells[at + REMAINDER] = work - serialisation * rateBps;
    cells[at + SENT_FRAMES]! += 1;
    cells[at + SENT_OCTETS]! += octets;
    if (this.loss > 0 && this.#random.unit() < this.loss) return 'LINK_LOSS';
    let arrival = busy + cells[at + DELAY]!;
    if (this.jitter > 0) arrival += Math.floor(this.#random.unit() * this.jitter);
    if (arrival < cells[at + LAST_ARRIVAL]!) arrival = cells[at + LAST_ARRIVAL]!;
    cells[at + LAST_ARRIVAL] = arrival;
    this.#frames.time[frame] = arrival;
    this.#sink.accept(frame);
    return undefined;
  }
}

/** Who is told of a frame in an input that was empty: the process that it belongs to. */
export interface Receiver {
  arrived(input: InputQueue): void;
}

/** The receiver's end when both live on one worker, and what a ring is drained into when they do not. */
export class InputQueue extends FrameQueue implements Sink {
  /** The receiver's number for this link. */
  readonly jack: number;
  readonly #receiver: Receiver;
  /** Tie-break among frames of one instant: source process, then link. */
  readonly order: number;

  constructor(frames: FrameStore, order: number, jack: number, receiver: Receiver) {
    super(frames);
    this.order = order;
    this.jack = jack;
    this.#receiver = receiver;
  }

  accept(frame: Frame): void {
    const wasEmpty = this.head === NO_FRAME;
    this.add(frame);
    if (wasEmpty) this.#receiver.arrived(this);
  }
}
