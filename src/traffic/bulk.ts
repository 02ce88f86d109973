/**
 * Bulk TCP: a source that sends zeros over so many streams without end, and a sink that counts what reaches its
 * programs. Goodput is what the sink counted between two virtual times. For both directions start a pair each way.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Connection, ConnectionInfo } from '../netstack/tcp/connection.ts';
import type { Timer, VirtualTime } from '../sim/time.ts';
import { type Interval, Measurement } from './measurement.ts';
import type { ProgramContext } from './program.ts';

export interface BulkSourceSpec extends Interval {
  readonly destination: Ipv4Address;
  readonly port: number;
  readonly streams: number;
  /** Length of a step of `steps`; 0: none are kept. */
  readonly step: VirtualTime;
}

/** One stream of the source, in the measured interval. */
export interface SourceStream {
  readonly retransmits: number;
  readonly timeouts: number;
  /** At the end: octets of data in a full segment, and of the path's MTU. */
  readonly mss: number;
  readonly pathMtu: number;
  /** At the end: congestion window, the peer's window and data in flight, octets. */
  readonly cwnd: number;
  readonly sendWindow: number;
  readonly inFlight: number;
  readonly srtt: VirtualTime;
}

export interface BulkSourceResult {
  readonly streams: readonly SourceStream[];
  /** Why a stream could not be opened or was lost, in TCP's words; '' when none was. */
  readonly error: string;
  /** At the end of each step: octets acknowledged since the step before, and windows of all streams together. */
  readonly steps: readonly BulkStep[];
}

export interface BulkStep {
  /** Since the program began. */
  readonly at: VirtualTime;
  readonly octets: number;
  readonly cwnd: number;
  readonly inFlight: number;
  readonly retransmits: number;
}

export class BulkSource extends Measurement<BulkSourceResult> {
  readonly #spec: BulkSourceSpec;
  readonly #streams: Connection[] = [];
  readonly #before: ConnectionInfo[] = [];
  readonly #steps: BulkStep[] = [];
  readonly #timer: Timer;
  readonly #stepper: Timer;
  #startedAt: VirtualTime = 0;
  #counted = 0;
  #error = '';

  constructor(context: ProgramContext, spec: BulkSourceSpec) {
    super(context);
    this.#spec = spec;
    this.#timer = context.namespace.clock.timer(() => this.#elapsed());
    this.#stepper = context.namespace.clock.timer(() => this.#step());
  }

  start(): void {
    const { destination, port, streams, from, step } = this.#spec;
    this.#startedAt = this.now;
    for (let i = 0; i < streams; i++) {
      const connection = this.tcp.connect(
        { remoteAddress: destination, remotePort: port, tag: this.context.tag },
        {
          established: () => connection.sendForever(),
          received: () => {},
          closed: (_stream, reason) => {
            this.#error = reason === '' ? 'closed by the peer' : reason;
          },
        },
      );
      this.#streams.push(connection);
    }
    this.#timer.arm(Math.max(this.now, from));
    if (step > 0) this.#stepper.arm(this.now + step);
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#stepper.cancel();
    for (const connection of this.#streams) connection.abort();
  }

  protected override measured(): BulkSourceResult {
    const streams = this.#streams.map((connection, i) => sourceStream(connection.info(), this.#before[i]));
    return { streams, error: this.#error, steps: this.#steps };
  }

  #elapsed(): void {
    if (this.#before.length > 0 || this.now >= this.#spec.until) {
      this.finish(this.#error === '' ? 0 : 1);
      return;
    }
    for (const connection of this.#streams) this.#before.push(connection.info());
    this.#timer.arm(this.#spec.until);
  }

  #step(): void {
    const { step, until } = this.#spec;
    const infos = this.#streams.map(connection => connection.info());
    const octets = sum(infos, info => info.bytesAcked);
    this.#steps.push({
      at: this.now - this.#startedAt,
      octets: octets - this.#counted,
      cwnd: sum(infos, info => info.cwnd * info.mss),
      inFlight: sum(infos, info => info.inFlight * info.mss),
      retransmits: sum(infos, info => info.retransmits),
    });
    this.#counted = octets;
    if (this.now + step < until) this.#stepper.arm(this.now + step);
  }
}

const sum = (infos: readonly ConnectionInfo[], of: (info: ConnectionInfo) => number): number =>
  infos.reduce((total, info) => total + of(info), 0);

const sourceStream = (now: ConnectionInfo, before: ConnectionInfo | undefined): SourceStream => ({
  retransmits: now.retransmits - (before?.retransmits ?? 0),
  timeouts: now.timeouts - (before?.timeouts ?? 0),
  mss: now.mss,
  pathMtu: now.pathMtu,
  cwnd: now.cwnd * now.mss,
  sendWindow: now.sendWindow,
  inFlight: now.inFlight * now.mss,
  srtt: now.srtt,
});

export interface BulkSinkSpec extends Interval {
  readonly port: number;
}

export interface BulkSinkResult {
  /** Octets that reached the program in the interval, by stream in the order in which they were opened. */
  readonly octets: readonly number[];
}

/** Takes every connection to its port, and ends when the interval does. */
export class BulkSink extends Measurement<BulkSinkResult> {
  readonly #spec: BulkSinkSpec;
  readonly #octets: number[] = [];
  readonly #connections: Connection[] = [];
  readonly #timer: Timer;
  #stopListening: () => void = () => {};

  constructor(context: ProgramContext, spec: BulkSinkSpec) {
    super(context);
    this.#spec = spec;
    this.#timer = context.namespace.clock.timer(() => this.finish(0));
  }

  start(): void {
    this.#stopListening = this.tcp.listen(this.#spec.port, connection => {
      const index = this.#octets.push(0) - 1;
      this.#connections.push(connection);
      return {
        established: () => {},
        received: (_stream, octets) => this.#arrived(index, octets.length),
        receivedVirtual: (_stream, length) => this.#arrived(index, length),
        closed: () => {},
      };
    });
    this.#timer.arm(Math.max(this.now, this.#spec.until));
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#stopListening();
    for (const connection of this.#connections) connection.abort();
  }

  protected override measured(): BulkSinkResult {
    return { octets: this.#octets };
  }

  #arrived(index: number, octets: number): void {
    const { from, until } = this.#spec;
    if (this.now >= from && this.now < until) this.#octets[index] = this.#octets[index]! + octets;
  }
}
