/**
 * TCP of a routing daemon some of whose peers are real (`tunlab attach`). Connections with those leave the lab: what the
 * daemon does becomes `StreamRecord`s, what happens outside comes in as journal commands. All others are emulated.
 *
 *   Speaker ──> AttachedStreams ─┬─ peer attached ──> report, command <──> a real socket (src/attach)
 *                                └─ otherwise ──────> TcpLayer
 *
 * An emulated machine that has an attached peer's address is refused: there is one peer of that name, and it is real.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Stream, StreamEvents, StreamStack } from '../bgp/ports.ts';
import type { Namespace } from '../netstack/namespace.ts';
import { selectAddress } from '../netstack/source-address.ts';
import type { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import type { StreamRecord } from '../trace/record.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import type { StreamCommand } from './command.ts';

type ConnectOptions = Parameters<StreamStack['connect']>[0];
type Accept = Parameters<StreamStack['listen']>[1];
type ListenOptions = Parameters<StreamStack['listen']>[2];

export class AttachedStreams implements StreamStack {
  /** The machine's own namespace: another one after each power cycle. */
  readonly #namespace: () => Namespace;
  readonly #report: (record: StreamRecord) => void;
  readonly #peers = new Set<Ipv4Address>();
  readonly #streams = new Map<number, AttachedStream>();
  readonly #listeners = new Map<number, Accept>();
  #nextStream = 2;

  constructor(namespace: () => Namespace, report: (record: StreamRecord) => void) {
    this.#namespace = namespace;
    this.#report = report;
  }

  attach(peer: Ipv4Address): void {
    this.#peers.add(peer);
  }

  connect(options: ConnectOptions, events: StreamEvents): Stream {
    const { remoteAddress, remotePort } = options;
    if (!this.#peers.has(remoteAddress)) return this.#tcp.connect(options, events);
    const number = this.#nextStream;
    this.#nextStream += 2;
    const localAddress = options.localAddress ?? this.#sourceFor(remoteAddress);
    const stream = this.#add(number, { localAddress, localPort: 0, remoteAddress, remotePort });
    stream.events = events;
    stream.tell('connect');
    return stream;
  }

  listen(port: number, accept: Accept, options?: ListenOptions): () => void {
    this.#listeners.set(port, accept);
    const stop = this.#tcp.listen(
      port,
      stream => (this.#peers.has(stream.remoteAddress) ? undefined : accept(stream)),
      options,
    );
    return () => {
      this.#listeners.delete(port);
      stop();
    };
  }

  /** Something happened outside. Of a stream that the daemon has given up meanwhile nobody wants to know. */
  happened(number: number, event: StreamCommand): void {
    if (event.kind === 'accepted') {
      this.#accepted(number, event.peer, event.peerPort);
      return;
    }
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    switch (event.kind) {
      case 'established':
        stream.events?.established(stream);
        return;
      case 'received':
        stream.events?.received(stream, event.octets);
        return;
      case 'closed':
        this.#streams.delete(number);
        stream.events?.closed(stream, event.reason);
        return;
    }
  }

  /** Offered to whoever listens (a routing daemon listens on one port); refused with a RST like any other. */
  #accepted(number: number, peer: Ipv4Address, peerPort: number): void {
    const [listener] = this.#listeners;
    const [localPort, accept] = listener ?? [0, () => undefined];
    const localAddress = this.#sourceFor(peer);
    const stream = this.#add(number, { localAddress, localPort, remoteAddress: peer, remotePort: peerPort });
    const events = this.#peers.has(peer) ? accept(stream) : undefined;
    if (events === undefined) stream.abort();
    else stream.events = events;
  }

  get #tcp(): StreamStack {
    return this.#namespace().transports[Ipv4.PROTOCOL_TCP] as TcpLayer;
  }

  /** The address with which the machine speaks to `peer`; 0 when it does not know how. */
  #sourceFor(peer: Ipv4Address): Ipv4Address {
    const route = this.#namespace().fib.lookup(peer);
    const hop = route?.nextHops[0];
    if (route === undefined || hop === undefined) return 0;
    if (route.source !== 0) return route.source;
    return selectAddress(this.#namespace(), hop.device, hop.via === 0 ? peer : hop.via, 'global');
  }

  #add(number: number, ends: Ends): AttachedStream {
    const stream = new AttachedStream(ends, (action, octets) => {
      if (!this.#streams.has(number)) return;
      if (action === 'close' || action === 'abort') this.#streams.delete(number);
      const peer = ends.remoteAddress;
      this.#report({
        type: 'stream',
        stream: number,
        peer,
        action,
        ...(octets !== undefined && { octets }),
      });
    });
    this.#streams.set(number, stream);
    return stream;
  }
}

type Ends = Pick<Stream, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

class AttachedStream implements Stream {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  /** Undefined until the daemon has taken an accepted connection. */
  events: StreamEvents | undefined;
  readonly tell: (action: StreamRecord['action'], octets?: Uint8Array) => void;

  constructor(ends: Ends, tell: (action: StreamRecord['action'], octets?: Uint8Array) => void) {
    this.localAddress = ends.localAddress;
    this.localPort = ends.localPort;
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
    this.tell = tell;
  }

  write(octets: Uint8Array): void {
    this.tell('write', octets);
  }

  writePart(octets: Uint8Array, from: number, to: number): void {
    this.write(octets.slice(from, to));
  }

  close(): void {
    this.tell('close');
  }

  abort(): void {
    this.tell('abort');
  }
}
