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
import { type Frame, FrameQueue, type FrameStore } from './frame-store.ts';
import type { Random } from './random.ts';
import { NEVER, type VirtualTime } from './time.ts';

/** Where transmitted frames go. `time` is the arrival. The sink owns the frame from here on. */
export interface Sink {
  accept(frame: Frame, time: VirtualTime): void;
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

export class Transmitter {
  up = true;
  /** Share of frames lost on the way, 0 to 1; needs `random`. */
  loss = 0;
  /** Each frame takes up to this much longer, by chance; none overtakes another. */
  jitter: VirtualTime = 0;
  sentFrames = 0;
  sentOctets = 0;
  readonly #options: LinkOptions;
  readonly #rateBps: number;
  readonly #delay: VirtualTime;
  readonly #frames: FrameStore;
  readonly #sink: Sink;
  readonly #random: Random;
  readonly #queueLimit: VirtualTime;
  #busy: VirtualTime = 0;
  #lastArrival: VirtualTime = 0;
  /** What is left of the last division: rounding per frame would drift a millisecond in 12 s at 10 Gbit/s. */
  #remainder = 0;

  constructor(options: LinkOptions, frames: FrameStore, sink: Sink, random: Random) {
    this.#options = options;
    this.#rateBps = options.rateBps;
    this.#delay = options.delay;
    this.#frames = frames;
    this.#sink = sink;
    this.#random = random;
    this.#queueLimit = Math.ceil((options.queueOctets * 8e9) / options.rateBps);
  }

  get options(): LinkOptions {
    return this.#options;
  }

  /** Octets that wait or are being sent at `now`. */
  queued(now: VirtualTime): number {
    return Math.max(0, Math.ceil(((this.#busy - now) * this.#options.rateBps) / 8e9));
  }

  /** Send `frame`. Returns why not, or `undefined` when it is on its way; a refused frame stays the caller's. */
  transmit(frame: Frame, now: VirtualTime): DropReason | undefined {
    if (!this.up) return 'LINK_DOWN';
    // Idle only since before now: at 100 Gbit/s a frame ends in the middle of a nanosecond, and the rest of it counts.
    if (this.#busy < now) {
      this.#busy = now;
      this.#remainder = 0;
    }
    const rateBps = this.#rateBps;
    const octets = this.#frames.length(frame);
    const work = wireOctets(octets) * 8e9 + this.#remainder;
    const serialisation = Math.floor(work / rateBps);
    if (this.#busy - now + serialisation > this.#queueLimit) return 'QUEUE_FULL';
    this.#remainder = work - serialisation * rateBps;
    this.#busy += serialisation;
    this.sentFrames++;
    this.sentOctets += octets;
    if (this.loss > 0 && this.#random.unit() < this.loss) return 'LINK_LOSS';
    let arrival = this.#busy + this.#delay;
    if (this.jitter > 0) arrival += Math.floor(this.#random.unit() * this.jitter);
    this.#lastArrival = Math.max(arrival, this.#lastArrival);
    this.#sink.accept(frame, this.#lastArrival);
    return undefined;
  }
}

/** Who is told of a frame in an input that was empty: the process that it belongs to. */
export interface Receiver {
  arrived(input: InputQueue): void;
}

/** The receiver's end when both live on one worker, and what a ring is drained into when they do not. */
export class InputQueue extends FrameQueue implements Sink {
  /** Tie-break among frames of one instant: source process, then link. */
  readonly order: number;
  /** The receiver's number for this link. */
  readonly jack: number;
  /** When the oldest frame arrives, infinity when there is none: the key of the process's merge, kept at hand. */
  arrival: VirtualTime = NEVER;
  readonly #receiver: Receiver;

  constructor(frames: FrameStore, order: number, jack: number, receiver: Receiver) {
    super(frames);
    this.order = order;
    this.jack = jack;
    this.#receiver = receiver;
  }

  accept(frame: Frame, time: VirtualTime): void {
    this.frames.time[frame] = time;
    this.add(frame);
    if (this.arrival !== NEVER) return;
    this.arrival = time;
    this.#receiver.arrived(this);
  }

  override take(): Frame {
    const frame = super.take();
    this.arrival = this.headTime();
    return frame;
  }
}
