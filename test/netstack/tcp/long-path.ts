/**
 * Two TCP layers and the path between them, for millions of segments: links of the engine (rate, delay, queue), no
 * network stack, and nothing read out of the segments that pass. Host a sends, b receives.
 */
import * as Address from '../../../src/addr/ipv4.ts';
import { type Connection, type StreamEvents, TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import type { NamespaceSysctl } from '../../../src/netstack/transport.ts';
import { type Frame, FrameStore } from '../../../src/sim/frame-store.ts';
import { extendInputs, firstInput, insertInput, takeFrame } from '../../../src/sim/input-heap.ts';
import { InputQueue, Transmitter } from '../../../src/sim/link.ts';
import { ARRIVAL, NOW } from '../../../src/sim/process-record.ts';
import { Random } from '../../../src/sim/random.ts';
import { type Clock, NEVER, type Timer, type VirtualTime } from '../../../src/sim/time.ts';
import { TimerQueue } from '../../../src/sim/timers.ts';
import * as Ipv4 from '../../../src/wire/ipv4.ts';
import { deliver, FakeIp } from './harness.ts';

const PORT = 80;
/** Octets of data in a full segment: 1500 less the headers and the timestamps. */
export const MSS = 1448;

export interface PathOptions {
  readonly rateBps: number;
  /** One way. */
  readonly delay: VirtualTime;
  readonly queueOctets: number;
  readonly sysctl?: Partial<NamespaceSysctl>;
  /** Is this data segment, of a, lost on the way? Retransmissions count too. */
  readonly loses?: (count: number) => boolean;
  /** Data segments that find more than this in the queue are marked CE, if they are ECT. */
  readonly markAbove?: number;
}

const silent: StreamEvents = { established() {}, received() {}, receivedVirtual() {}, closed() {} };

export class LongPath implements Clock {
  now: VirtualTime = 0;
  readonly name = 'path';
  readonly frames = new FrameStore();
  readonly record = this.frames.records.reserve();
  /** Data segments that a sent: those that arrived, those lost on purpose, and frames dropped for want of room. */
  data = 0;
  arrived = 0;
  lost = 0;
  dropped = 0;
  marked = 0;
  readonly #timers = new TimerQueue(this, () => {});
  readonly #there: InputQueue;
  readonly #layers: readonly [TcpLayer, TcpLayer];
  readonly #options: PathOptions;

  constructor(options: PathOptions) {
    this.#options = options;
    const { frames } = this;
    const random = new Random(1, 'path');
    frames.records.cells[this.record + ARRIVAL] = NEVER;
    const arrivals = {
      arrived: (process: number, input: number) => void insertInput(frames, process, input),
    };
    const inputs = [0, 1].map(order => {
      extendInputs(frames.records, this.record);
      return new InputQueue(frames, order, 0, this.record, arrivals);
    });
    this.#there = inputs[0]!;
    const ips = ['10.0.0.1', '10.0.0.2'].map((address, i) => {
      const ip = new FakeIp(this, `h${i}`, Address.from(address), i + 1);
      Object.assign(ip.sysctl, options.sysctl);
      const link = new Transmitter(options, this, inputs[i]!, random);
      ip.wire = i === 0 ? frame => this.#forward(link, frame) : frame => this.#send(link, frame);
      return ip;
    });
    this.#layers = [new TcpLayer(ips[0]!), new TcpLayer(ips[1]!)];
    this.#layers[1].listen(PORT, () => silent);
  }

  timer(expire: () => void): Timer {
    return this.#timers.create(expire);
  }

  /** A connection that sends for ever. */
  bulk(): Connection {
    const events = { ...silent, established: (stream: unknown) => (stream as Connection).sendForever() };
    return this.#layers[0].connect({ remoteAddress: Address.from('10.0.0.2'), remotePort: PORT }, events);
  }

  /** Until `time`: frames before timers at equal times. */
  run(time: VirtualTime): void {
    const { frames, record } = this;
    const { cells } = frames.records;
    for (;;) {
      const arrival = cells[record + ARRIVAL]!;
      const deadline = this.#timers.next;
      const next = Math.min(arrival, deadline);
      if (next > time) break;
      this.now = next;
      if (arrival > deadline) {
        this.#timers.fireNext();
        continue;
      }
      const isThere = firstInput(frames.records, record) === this.#there.at;
      const frame = takeFrame(frames, record);
      if (isThere && frames.payloadLength[frame]! > 0) this.arrived++;
      deliver(this.#layers[isThere ? 1 : 0], frames, frame);
    }
    this.now = Math.max(this.now, time);
  }

  #forward(link: Transmitter, frame: Frame): void {
    const { frames } = this;
    if (frames.payloadLength[frame] === 0) {
      this.#send(link, frame);
      return;
    }
    this.data++;
    if (this.#options.loses?.(this.data) === true) {
      this.lost++;
      frames.free(frame);
      return;
    }
    const { markAbove } = this.#options;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    if (
      markAbove !== undefined &&
      link.queued(this.now) > markAbove &&
      Ipv4.ecn(view, at) !== Ipv4.ECN_NOT_ECT
    ) {
      Ipv4.setEcn(view, at, Ipv4.ECN_CE);
      this.marked++;
    }
    this.#send(link, frame);
  }

  #send(link: Transmitter, frame: Frame): void {
    this.frames.records.cells[this.record + NOW] = this.now;
    if (link.transmit(frame) === undefined) return;
    this.dropped++;
    this.frames.free(frame);
  }
}
