/**
 * A fixed number of octets over one TCP connection, and the server for it.
 *
 *   upload     client ── octets ──> server                     FIN both ways
 *   download   client ── one octet ──> server ── octets ──> client
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { Connection } from '../netstack/tcp/connection.ts';
import { type StreamEvents, TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import * as Payload from '../sim/payload.ts';
import type { Timer, VirtualTime } from '../sim/time.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { Program } from './program.ts';

/** The request for a download. An upload is zeros, so its first octet is none of these. */
const DOWNLOAD = 0x44;

export interface TransferSpec {
  readonly destination: Ipv4Address;
  readonly port: number;
  readonly direction: 'upload' | 'download';
  readonly octets: number;
  /** How long the connection may take to open. */
  readonly timeout: VirtualTime;
}

/** What the client saw: plain data. */
export interface TransferResult {
  /** Acknowledged by the server, or received from it. */
  readonly octets: number;
  /** Data octets in a full segment, as TCP_MAXSEG says at the end; 0 when no connection was made. */
  readonly mss: number;
  /** '' when all octets went over, else TCP's words or 'timed out'. */
  readonly error: string;
}

export interface TransferServerSpec {
  readonly port: number;
  /** What it sends when asked for a download. */
  readonly octets: number;
}

function tcpOf(namespace: Namespace): TcpLayer {
  const tcp = namespace.transports[Ipv4.PROTOCOL_TCP];
  if (!(tcp instanceof TcpLayer)) throw new Error(`${namespace.name} has no TCP`);
  return tcp;
}

/** Serves until it is stopped. */
export class TransferServer extends Program {
  readonly #spec: TransferServerSpec;
  #close: () => void = () => {};

  constructor(namespace: Namespace, spec: TransferServerSpec) {
    super({ namespace, tag: 0, resolve: () => undefined });
    this.#spec = spec;
  }

  start(): void {
    this.#close = tcpOf(this.context.namespace).listen(this.#spec.port, stream => this.#serve(stream));
  }

  #serve(stream: Connection): StreamEvents {
    return {
      established: () => {},
      received: (_stream, bytes) => {
        if (bytes[0] !== DOWNLOAD) return;
        stream.writeVirtual(Payload.ZERO, this.#spec.octets);
        stream.close();
      },
      receivedVirtual: () => {},
      closed: () => {},
    };
  }

  protected override release(): void {
    this.#close();
  }
}

export class TransferClient extends Program {
  readonly #spec: TransferSpec;
  readonly #done: (result: TransferResult) => void;
  readonly #timer: Timer;
  #stream: Connection | undefined;
  #received = 0;

  constructor(namespace: Namespace, spec: TransferSpec, done: (result: TransferResult) => void) {
    super({ namespace, tag: 0, resolve: () => undefined });
    this.#spec = spec;
    this.#done = done;
    this.#timer = namespace.clock.timer(() => this.#end('timed out'));
  }

  start(): void {
    const { namespace } = this.context;
    const { destination, port, direction, octets, timeout } = this.#spec;
    this.#timer.arm(namespace.clock.now + timeout);
    const take = (length: number): void => {
      this.#received += length;
      if (this.#received >= octets) this.#end('');
    };
    const stream = tcpOf(namespace).connect(
      { remoteAddress: destination, remotePort: port },
      {
        established: () => {
          this.#timer.cancel();
          if (direction === 'download') stream.write(Uint8Array.of(DOWNLOAD));
          else {
            stream.writeVirtual(Payload.ZERO, octets);
            stream.shutdown();
          }
        },
        received: (_stream, bytes) => take(bytes.length),
        receivedVirtual: (_stream, length) => take(length),
        closed: (_stream, reason) => this.#end(reason),
        ended: () => {
          if (direction === 'download') this.#end('');
        },
        finished: (_stream, reason) => {
          if (direction === 'upload') this.#end(reason);
        },
      },
    );
    this.#stream = stream;
  }

  protected override interrupt(): void {
    this.#end('interrupted');
  }

  protected override release(): void {
    this.#timer.cancel();
  }

  #end(error: string): void {
    if (this.exitCode !== undefined) return;
    const stream = this.#stream;
    const { direction, octets } = this.#spec;
    const moved = direction === 'download' ? this.#received : error === '' ? octets : 0;
    const incomplete = error === '' && moved < octets ? 'the connection ended early' : error;
    const result: TransferResult = { octets: moved, mss: stream?.info().mss ?? 0, error: incomplete };
    stream?.close();
    this.exit(incomplete === '' ? 0 : 1);
    this.#done(result);
  }
}
