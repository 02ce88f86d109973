/**
 * Request and response, as netperf has them: TCP_RR (one connection, the next request when the answer is there) and
 * TCP_CRR (a connection for each request). One transaction at a time: its duration is the round trip that a program sees.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Connection, StreamEvents } from '../netstack/tcp/connection.ts';
import * as Payload from '../sim/payload.ts';
import type { VirtualTime } from '../sim/time.ts';
import { Measurement } from './measurement.ts';
import type { ProgramContext } from './program.ts';

export interface TransactionClientSpec {
  readonly destination: Ipv4Address;
  readonly port: number;
  readonly requestOctets: number;
  readonly responseOctets: number;
  readonly transactions: number;
  /** A connection for each transaction, its opening counted. */
  readonly connects: boolean;
}

export interface TransactionResult {
  /** Transactions that were completed, the first left out: it resolves neighbours and opens the connection. */
  readonly transactions: number;
  readonly mean: number;
  readonly min: VirtualTime;
  readonly p50: VirtualTime;
  readonly p90: VirtualTime;
  readonly p99: VirtualTime;
  readonly max: VirtualTime;
  /** Why it ended early, in TCP's words; '' when it did not. */
  readonly error: string;
}

export class TransactionClient extends Measurement<TransactionResult> {
  readonly #spec: TransactionClientSpec;
  readonly #durations: VirtualTime[] = [];
  #connection: Connection | undefined;
  #awaited = 0;
  #startedAt: VirtualTime = 0;
  #error = '';

  constructor(context: ProgramContext, spec: TransactionClientSpec) {
    super(context);
    this.#spec = spec;
  }

  start(): void {
    this.#startedAt = this.now;
    this.#connect();
  }

  protected override release(): void {
    this.#connection?.abort();
  }

  protected override measured(): TransactionResult {
    return { ...summary(this.#durations.slice(1)), error: this.#error };
  }

  #connect(): void {
    const { destination, port } = this.#spec;
    const arrived = (length: number): void => this.#arrived(length);
    this.#connection = this.tcp.connect(
      { remoteAddress: destination, remotePort: port, tag: this.context.tag },
      {
        established: () => {
          this.#connection!.setNoDelay();
          this.#request();
        },
        received: (_stream, octets) => arrived(octets.length),
        receivedVirtual: (_stream, length) => arrived(length),
        closed: (_stream, reason) => {
          this.#error = reason === '' ? 'closed by the peer' : reason;
          this.finish(1);
        },
      },
    );
  }

  #request(): void {
    const { requestOctets, responseOctets } = this.#spec;
    this.#awaited = responseOctets;
    this.#connection!.writeVirtual(Payload.ZERO, requestOctets);
  }

  #arrived(length: number): void {
    this.#awaited -= length;
    if (this.#awaited > 0) return;
    this.#durations.push(this.now - this.#startedAt);
    if (this.#durations.length > this.#spec.transactions) {
      this.finish(0);
      return;
    }
    this.#startedAt = this.now;
    if (this.#spec.connects) {
      this.#connection!.close();
      this.#connect();
    } else this.#request();
  }
}

/** Mean and nearest-rank percentiles; zeros when there are none. */
export function summary(durations: readonly VirtualTime[]): Omit<TransactionResult, 'error'> {
  const sorted = [...durations].sort((a, b) => a - b);
  const rank = (percent: number): VirtualTime =>
    sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)] ?? 0;
  const total = sorted.reduce((sum, one) => sum + one, 0);
  return {
    transactions: sorted.length,
    mean: sorted.length === 0 ? 0 : total / sorted.length,
    min: sorted[0] ?? 0,
    p50: rank(50),
    p90: rank(90),
    p99: rank(99),
    max: sorted.at(-1) ?? 0,
  };
}

export interface TransactionServerSpec {
  readonly port: number;
  readonly requestOctets: number;
  readonly responseOctets: number;
}

/** Answers every request until it is stopped. */
export class TransactionServer extends Measurement<{ readonly answered: number }> {
  readonly #spec: TransactionServerSpec;
  #answered = 0;
  #stopListening: () => void = () => {};

  constructor(context: ProgramContext, spec: TransactionServerSpec) {
    super(context);
    this.#spec = spec;
  }

  start(): void {
    this.#stopListening = this.tcp.listen(this.#spec.port, connection => this.#serve(connection));
  }

  protected override release(): void {
    this.#stopListening();
  }

  protected override measured(): { readonly answered: number } {
    return { answered: this.#answered };
  }

  #serve(connection: Connection): StreamEvents {
    const { requestOctets, responseOctets } = this.#spec;
    let awaited = requestOctets;
    connection.setNoDelay();
    const arrived = (length: number): void => {
      awaited -= length;
      if (awaited > 0) return;
      awaited = requestOctets;
      this.#answered++;
      connection.writeVirtual(Payload.ZERO, responseOctets);
    };
    return {
      established: () => {},
      received: (_stream, octets) => arrived(octets.length),
      receivedVirtual: (_stream, length) => arrived(length),
      closed: () => {},
    };
  }
}
