/**
 * The real ends of connections that leave the lab: `StreamRecord`s become calls of node:net, its events become journal
 * commands. The lab numbers the streams it begins (even); those that a peer begins are numbered here (odd).
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { StreamCommand } from '../node/command.ts';
import type { StreamRecord } from '../trace/record.ts';
import type { SocketAddress } from './loopback.ts';

export interface SocketBridgeOptions {
  /** The peer as the lab knows it. */
  readonly peer: Ipv4Address;
  /** Where the peer may connect to us. */
  readonly listen?: SocketAddress | undefined;
  /** Where the peer listens. Without it connections that the lab begins are refused. */
  readonly connect?: SocketAddress | undefined;
  /** The address we come from; the system's choice (127.0.0.1) unless told. */
  readonly source?: string | undefined;
  /** Something happened outside. Commands are carried out in the order of these calls. */
  readonly happened: (stream: number, command: StreamCommand) => void;
}

export class SocketBridge {
  readonly #options: SocketBridgeOptions;
  readonly #sockets = new Map<number, Socket>();
  /** Closed by the lab, and not yet by the peer. */
  readonly #closing = new Set<Socket>();
  #server: Server | undefined;
  #nextStream = 1;
  /** Until `open` connections that the lab begins are not answered; the last one is dialled then. */
  #isOpen = false;
  #waiting: number | undefined;

  constructor(options: SocketBridgeOptions) {
    this.#options = options;
  }

  /** Begin to listen and to dial. Returns where we listen. Rejects when the address is taken. */
  async open(): Promise<SocketAddress | undefined> {
    const listening = await this.#listen();
    this.#isOpen = true;
    if (this.#waiting !== undefined) this.#dial(this.#waiting);
    this.#waiting = undefined;
    return listening;
  }

  /** The lab's side of a stream has done something. */
  heard({ stream, action, octets }: StreamRecord): void {
    const socket = this.#sockets.get(stream);
    switch (action) {
      case 'connect':
        if (this.#isOpen) this.#dial(stream);
        else this.#waiting = stream;
        return;
      case 'write':
        socket?.write(octets!);
        return;
      case 'close':
        if (socket !== undefined) this.#close(stream, socket);
        return;
      case 'abort':
        if (this.#waiting === stream) this.#waiting = undefined;
        this.#sockets.delete(stream);
        socket?.resetAndDestroy();
        return;
    }
  }

  /** Close everything, at once. */
  async close(): Promise<void> {
    const server = this.#server;
    const closed = server === undefined ? undefined : new Promise(resolve => server.close(resolve));
    for (const socket of [...this.#sockets.values(), ...this.#closing]) socket.destroySoon();
    this.#sockets.clear();
    await closed;
  }

  async #listen(): Promise<SocketAddress | undefined> {
    const { listen } = this.#options;
    if (listen === undefined) return undefined;
    const server = createServer({ noDelay: true }, socket => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(listen.port, listen.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#server = server;
    const bound = server.address();
    return typeof bound === 'object' && bound !== null
      ? { host: listen.host, port: bound.port }
      : /* a pipe, which this is not */ listen;
  }

  #accept(socket: Socket): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const { happened, peer } = this.#options;
    this.#sockets.set(stream, socket);
    happened(stream, { kind: 'accepted', peer, peerPort: socket.remotePort ?? 0 });
    this.#follow(stream, socket);
  }

  #dial(stream: number): void {
    const { happened, connect: to, source } = this.#options;
    if (to === undefined) {
      happened(stream, { kind: 'closed', reason: 'Connection refused' });
      return;
    }
    const socket = connect({
      host: to.host,
      port: to.port,
      noDelay: true,
      ...(source !== undefined && { localAddress: source }),
    });
    this.#sockets.set(stream, socket);
    socket.once('connect', () => happened(stream, { kind: 'established' }));
    this.#follow(stream, socket);
  }

  #follow(stream: number, socket: Socket): void {
    const { happened } = this.#options;
    socket.on('data', octets => happened(stream, { kind: 'received', octets: new Uint8Array(octets) }));
    let reason = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = REASONS[error.code ?? ''] ?? error.message;
    });
    socket.on('close', () => {
      this.#closing.delete(socket);
      // Nobody is told of an end that the lab has brought about itself.
      if (this.#sockets.delete(stream)) happened(stream, { kind: 'closed', reason });
    });
  }

  /** FIN after what was written; what still comes is read and dropped, and a peer that never closes is not waited for. */
  #close(stream: number, socket: Socket): void {
    this.#sockets.delete(stream);
    this.#closing.add(socket);
    socket.removeAllListeners('data');
    socket.resume();
    socket.end();
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  }
}

const LINGER_MS = 5_000;

/** Node.js's codes in the words of Linux. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Connection reset by peer',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
};
