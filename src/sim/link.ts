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
import type { Frame, FrameStore } from './frame-store.ts';
import * as Frames from './frame-store.ts';
import * as LinkRecord from './link-record.ts';
import * as ProcessRecord from './process-record.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { HEAD, JACK, ORDER, RECEIVER, TAIL } = LinkRecord;
const { NO_FRAME } = Frames;
const { NOW } = ProcessRecord;

const { BUSY, DELAY, INPUT, NO_INPUT, QUEUE_LIMIT, RATE_BPS, REMAINDER, SENDER, SENT_FRAMES, SENT_OCTETS } =
  LinkRecord;

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
const onWire = (frameOctets: number): number => Math.max(frameOctets + 4, 64) + 20;
export const wireOctets = onWire;

/**
 * Send `frame`, at the sender's time, over the link whose transmitter's record is at `at`; `arrivals` is the partition of both
 * ends. True: the frame is the receiver's. False, and nothing has happened, when it is not as simple as that: ask the
 * `Transmitter`.
 */
export function transmit(frames: FrameStore, at: number, frame: Frame, arrivals: Arrivals): boolean {
  const { cells, words } = frames.records;
  const input = words[at | INPUT]!;
  if (input === NO_INPUT || !serialise(frames, at, frame)) return false;
  frames.time[frame] = cells[(at >> 1) | BUSY]! + cells[(at >> 1) | DELAY]!;
  if (enqueue(frames, input, frame)) arrivals.arrived(words[input | RECEIVER]!, input);
  return true;
}

/** Count `frame`, and the time that the wire takes for it. False, and nothing has happened, when too much waits already. */
function serialise(frames: FrameStore, at: number, frame: Frame): boolean {
  const { cells, words } = frames.records;
  const now = cells[(words[at | SENDER]! >> 1) | NOW]!;
  const link = at >> 1;
  let busy = cells[link | BUSY]!;
  let remainder = cells[link | REMAINDER]!;
  // Idle only since before now: at 100 Gbit/s a frame ends in the middle of a nanosecond, and the rest of it counts.
  if (busy < now) {
    busy = now;
    remainder = 0;
  }
  const rateBps = cells[link | RATE_BPS]!;
  const octets = frames.length(frame);
  const work = onWire(octets) * 8e9 + remainder;
  const serialisation = Math.floor(work / rateBps);
  if (busy - now + serialisation > cells[link | QUEUE_LIMIT]!) return false;
  cells[link | BUSY] = busy + serialisation;
  cells[link | REMAINDER] = work - serialisation * rateBps;
  cells[link | SENT_FRAMES]! += 1;
  cells[link | SENT_OCTETS]! += octets;
  return true;
}

/** Put `frame` behind the others of an input. Was it empty? */
function enqueue({ next, records }: FrameStore, input: number, frame: Frame): boolean {
  const { words } = records;
  const wasEmpty = words[input | HEAD] === NO_FRAME;
  next[frame] = NO_FRAME;
  if (wasEmpty) words[input | HEAD] = frame;
  else next[words[input | TAIL]!] = frame;
  words[input | TAIL] = frame;
  return wasEmpty;
}

export class Transmitter {
  /** Its record, for `transmit`. */
  readonly at: number;
  readonly #frames: FrameStore;
  readonly #sink: Sink;
  readonly #random: Random;
  readonly #options: LinkOptions;
  #up = true;
  #jitter: VirtualTime = 0;
  #loss = 0;
  #lastArrival: VirtualTime = 0;

  constructor(options: LinkOptions, { frames, record }: Sender, sink: Sink, random: Random) {
    this.#options = options;
    this.#frames = frames;
    this.#sink = sink;
    this.#random = random;
    this.at = frames.records.reserve();
    const { cells, words } = frames.records;
    cells[(this.at >> 1) | RATE_BPS] = options.rateBps;
    cells[(this.at >> 1) | DELAY] = options.delay;
    cells[(this.at >> 1) | QUEUE_LIMIT] = Math.ceil((options.queueOctets * 8e9) / options.rateBps);
    words[this.at | SENDER] = record;
    this.#noteInput();
  }

  /**
   * Frames go straight to the input's queue while nothing happens to them on the way; never again where there was jitter,
   * lest they overtake what it held up.
   */
  #noteInput(): void {
    const isSimple = this.#up && this.#loss === 0 && this.#jitter === 0 && this.#lastArrival === 0;
    const input = isSimple && this.#sink instanceof InputQueue ? this.#sink.at : NO_INPUT;
    this.#frames.records.words[this.at | INPUT] = input;
  }

  get up(): boolean {
    return this.#up;
  }

  set up(up: boolean) {
    this.#up = up;
    this.#noteInput();
  }

  /** Each frame takes up to this much longer, by chance; none overtakes another. */
  get jitter(): VirtualTime {
    return this.#jitter;
  }

  set jitter(jitter: VirtualTime) {
    this.#jitter = jitter;
    this.#noteInput();
  }

  /** Share of frames lost on the way, 0 to 1. */
  get loss(): number {
    return this.#loss;
  }

  set loss(loss: number) {
    this.#loss = loss;
    this.#noteInput();
  }

  get options(): LinkOptions {
    return this.#options;
  }

  get sentFrames(): number {
    return this.#frames.records.cells[(this.at >> 1) | SENT_FRAMES]!;
  }

  get sentOctets(): number {
    return this.#frames.records.cells[(this.at >> 1) | SENT_OCTETS]!;
  }

  /** Octets that wait or are being sent at `now`. */
  queued(now: VirtualTime): number {
    const busy = this.#frames.records.cells[(this.at >> 1) | BUSY]!;
    return Math.max(0, Math.ceil(((busy - now) * this.#options.rateBps) / 8e9));
  }

  /**
   * Send `frame`, at the sender's time. Returns why not, or `undefined` when it is on its way; a refused frame stays
   * the caller's. What is lost on the way (`LINK_LOSS`) took the wire's time and counts as sent.
   */
  transmit(frame: Frame): DropReason | undefined {
    if (!this.#up) return 'LINK_DOWN';
    if (!serialise(this.#frames, this.at, frame)) return 'QUEUE_FULL';
    if (this.#loss > 0 && this.#random.unit() < this.#loss) return 'LINK_LOSS';
    const { cells } = this.#frames.records;
    let arrival = cells[(this.at >> 1) | BUSY]! + cells[(this.at >> 1) | DELAY]!;
    if (this.#jitter > 0) arrival += Math.floor(this.#random.unit() * this.#jitter);
    if (this.#jitter > 0 || this.#lastArrival > 0) {
      arrival = Math.max(arrival, this.#lastArrival);
      this.#lastArrival = arrival;
    }
    this.#frames.time[frame] = arrival;
    this.#sink.accept(frame);
    return undefined;
  }
}

/** Who is told that an input, which was empty, holds a frame; both by the places of their records. */
export interface Arrivals {
  arrived(process: number, input: number): void;
}

/** The receiver's end when both live on one worker, and what a ring is drained into when they do not. */
export class InputQueue implements Sink {
  /** Its record. */
  readonly at: number;
  readonly #frames: FrameStore;
  readonly #arrivals: Arrivals;

  constructor(frames: FrameStore, order: number, jack: number, receiver: number, arrivals: Arrivals) {
    this.#frames = frames;
    this.#arrivals = arrivals;
    const { records } = frames;
    this.at = records.reserve();
    records.cells[(this.at >> 1) | ORDER] = order;
    records.words[this.at | HEAD] = NO_FRAME;
    records.words[this.at | JACK] = jack;
    records.words[this.at | RECEIVER] = receiver;
  }

  accept(frame: Frame): void {
    const { at } = this;
    if (!enqueue(this.#frames, at, frame)) return;
    this.#arrivals.arrived(this.#frames.records.words[at | RECEIVER]!, at);
  }
}
