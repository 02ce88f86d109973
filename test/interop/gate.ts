/**
 * A wire between two TCP speakers that can be cut without either noticing: what is sent the cut way is thrown away.
 * Only so can silence be had from a daemon that is alive. Not a test file.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface GateOptions {
  /** Who connects finds the gate here. */
  readonly host: string;
  readonly port: number;
  /** … and is led there, from the address `from`. */
  readonly to: { readonly host: string; readonly port: number };
  readonly from: string;
}

/** The way of bytes: as the one who connected sends them, or as it receives them. */
export type Way = 'forth' | 'back';

export class Gate {
  readonly #options: GateOptions;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #cut = new Set<Way>();
  /** Nobody is let through: a daemon that is not ready must not be met. */
  isShut = false;

  static async open(options: GateOptions): Promise<Gate> {
    const gate = new Gate(options);
    await new Promise<void>((resolve, reject) => {
      gate.#server.once('error', reject);
      gate.#server.listen(options.port, options.host, resolve);
    });
    return gate;
  }

  private constructor(options: GateOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, socket => this.#accept(socket));
  }

  cut(way: Way): void {
    this.#cut.add(way);
  }

  /** Let everything through again. What was thrown away stays lost, so old connections are reset. */
  mend(): void {
    if (this.#cut.size === 0) return;
    this.#cut.clear();
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    await closed;
  }

  #accept(near: Socket): void {
    const { to, from } = this.#options;
    if (this.isShut) {
      near.resetAndDestroy();
      return;
    }
    near.pause();
    const far = connect({
      host: to.host,
      port: to.port,
      localAddress: from,
      noDelay: true,
      allowHalfOpen: true,
    });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.once('connect', () => near.resume());
    this.#pass(near, far, 'forth');
    this.#pass(far, near, 'back');
    for (const [socket, other] of [pair, [far, near] as const]) {
      // Whatever ends one end with an error ends the other in the same way.
      socket.on('error', () => other.resetAndDestroy());
      socket.on('close', () => {
        if (other.destroyed) this.#pairs.delete(pair);
      });
    }
  }

  #pass(source: Socket, target: Socket, way: Way): void {
    source.on('data', octets => {
      if (!this.#cut.has(way)) target.write(octets);
    });
    source.on('end', () => {
      if (!this.#cut.has(way)) target.end();
    });
  }
}
