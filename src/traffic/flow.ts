/**
 * A steady flow of echo requests, to measure an outage with: one every `interval` until it is told to stop, and then
 * the times at which those were sent that nobody answered.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import { IcmpSocket } from '../netstack/icmp-socket.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { Program, type ProgramContext } from './program.ts';

export interface FlowSpec {
  readonly destination: Ipv4Address;
  readonly interval: VirtualTime;
  readonly tag: number;
}

/** What a flow saw: plain data. */
export interface FlowResult {
  readonly sent: number;
  /** When the unanswered were sent, in order. */
  readonly lost: readonly VirtualTime[];
  /** When the last one was sent. */
  readonly last: VirtualTime;
}

const DATA_LENGTH = 56;
/** How long the last ones may take. */
const GRACE = SECOND;

export class Flow extends Program {
  readonly #spec: FlowSpec;
  readonly #timer: Timer;
  readonly #lost: VirtualTime[] = [];
  /** By sequence number: when it was sent. */
  readonly #open = new Map<number, VirtualTime>();
  #socket: IcmpSocket | undefined;
  #sent = 0;
  #last: VirtualTime = 0;
  #stopping = false;

  constructor(context: ProgramContext, spec: FlowSpec) {
    super(context);
    this.#spec = spec;
    this.#timer = context.namespace.clock.timer(() => (this.#stopping ? this.#end() : this.#send()));
  }

  start(): void {
    this.#socket = new IcmpSocket(this.context.namespace, {
      reply: ({ sequence }) => this.#answered(sequence),
      error: () => {},
    });
    this.#send();
  }

  /** No more are sent; those on their way may still be answered. */
  protected override interrupt(): void {
    this.#stopping = true;
    if (this.#open.size === 0) this.#end();
    else this.#timer.arm(this.context.namespace.clock.now + GRACE);
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#socket?.close();
  }

  #send(): void {
    const { destination, interval, tag } = this.#spec;
    const { now } = this.context.namespace.clock;
    this.#last = now;
    const sequence = this.#sent++ & 0xffff;
    const forgotten = this.#open.get(sequence);
    if (forgotten !== undefined) this.#lost.push(forgotten);
    this.#open.delete(sequence);
    this.#open.set(sequence, now);
    // What the own stack refuses is an outage like any other.
    this.#socket!.send({ destination, sequence, dataLength: DATA_LENGTH, tag });
    this.#timer.arm(now + interval);
  }

  #answered(sequence: number): void {
    this.#open.delete(sequence);
    if (this.#stopping && this.#open.size === 0) this.#end();
  }

  #end(): void {
    const lost = [...this.#lost, ...this.#open.values()].sort((a, b) => a - b);
    this.result = { sent: this.#sent, lost, last: this.#last } satisfies FlowResult;
    this.exit(0);
  }
}
