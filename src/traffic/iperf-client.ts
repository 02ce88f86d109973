/** `iperf3 -c`: bulk TCP from or to a server, with a line for every second and a summary of both ends. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Connection } from '../netstack/tcp/connection.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { PROTOCOL_TCP } from '../wire/ipv4.ts';
import type { IperfOptions } from './iperf-options.ts';
import * as Protocol from './iperf-protocol.ts';
import { IperfStream, streamId, sum } from './iperf-stream.ts';
import {
  formatRow,
  RECEIVER_HEADER,
  type Row,
  SENDER_HEADER,
  SEPARATOR,
  SUMMARY_HEADER,
} from './iperf-text.ts';
import { Program, type ProgramContext } from './program.ts';

/** What the test measured: octets and seconds as each end counted them. */
export interface IperfReport {
  readonly sent: readonly Protocol.StreamResult[];
  readonly received: readonly Protocol.StreamResult[];
}

export class IperfClient extends Program {
  readonly options: IperfOptions;
  /** Set when both ends have said what they counted. */
  report: IperfReport | undefined;
  readonly #reader = new Protocol.ControlReader();
  readonly #cookie: Uint8Array;
  readonly #streams: IperfStream[] = [];
  readonly #tick: Timer;
  #destination = 0;
  #control: Connection | undefined;
  #connected = 0;
  #startedAt: VirtualTime = 0;
  #intervalFrom: VirtualTime = 0;
  /** What this end counted, when the test ended. */
  #local: Protocol.Results = { streams: [] };
  /** The server's results come next. */
  #exchanging = false;
  #running = false;
  /** TEST_END was sent: data connections may go now. */
  #ended = false;

  constructor(context: ProgramContext, options: IperfOptions) {
    super(context);
    this.options = options;
    const { namespace } = context;
    this.#cookie = Protocol.makeCookie(namespace.random(`iperf3/${namespace.clock.now}`));
    this.#tick = namespace.clock.timer(() => this.#ticked());
  }

  start(): void {
    const { target, port } = this.options;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.#fail('unable to connect to server: Name or service not known');
      return;
    }
    this.#destination = destination;
    this.print(`Connecting to host ${target}, port ${port}`);
    this.#control = this.#connect({
      established: stream => stream.write(this.#cookie),
      received: (_stream, octets) => this.#heard(octets),
      closed: (_stream, reason) => this.#lost(reason),
    });
  }

  /** ^C: the summary of what there is so far. */
  protected override interrupt(): void {
    if (this.#running) this.#end();
    this.complain('iperf3: interrupt - the client has terminated');
    this.exit(1);
  }

  protected override release(): void {
    this.#tick.cancel();
    for (const { connection } of this.#streams) connection.abort();
    this.#control?.close();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  get #seconds(): number {
    return (this.#now - this.#startedAt) / SECOND;
  }

  #connect(events: Parameters<TcpLayer['connect']>[1]): Connection {
    const { namespace, tag } = this.context;
    const tcp = namespace.transports[PROTOCOL_TCP];
    if (!(tcp instanceof TcpLayer)) throw new Error(`${namespace.name} has no TCP`);
    const remotePort = this.options.port;
    return tcp.connect({ remoteAddress: this.#destination, remotePort, tag }, events);
  }

  #fail(problem: string): void {
    this.complain(`iperf3: error - ${problem}`);
    this.exit(1);
  }

  #lost(reason: string): void {
    if (this.#connected === 0 && this.#streams.length === 0)
      this.#fail(`unable to connect to server: ${reason}`);
    else this.#fail(`control socket has closed unexpectedly`);
  }

  #heard(octets: Uint8Array): void {
    this.#reader.add(octets);
    while (this.exitCode === undefined) {
      if (this.#exchanging && this.report === undefined) {
        const remote = this.#reader.takeJson() as Protocol.Results | undefined;
        if (remote === undefined) return;
        this.#summarise(remote);
        continue;
      }
      const state = this.#reader.takeState();
      if (state === undefined) return;
      this.#advance(state);
    }
  }

  #advance(state: number): void {
    const { duration, parallel, reverse, octets } = this.options;
    switch (state) {
      case Protocol.PARAM_EXCHANGE: {
        const direction = reverse ? { reverse } : {};
        const time = duration / SECOND;
        this.#control!.write(Protocol.encodeJson({ tcp: true, time, parallel, num: octets, ...direction }));
        return;
      }
      case Protocol.CREATE_STREAMS:
        if (reverse) this.print(`Reverse mode, remote host ${this.options.target} is sending`);
        for (let i = 0; i < parallel; i++) this.#addStream(i);
        return;
      case Protocol.TEST_RUNNING:
        this.#begin();
        return;
      case Protocol.EXCHANGE_RESULTS:
        this.#exchanging = true;
        this.#control!.write(Protocol.encodeJson(this.#local));
        return;
      case Protocol.DISPLAY_RESULTS:
        this.#display();
        return;
      case Protocol.ACCESS_DENIED:
        this.#fail('the server is busy running a test. try again later');
        return;
    }
  }

  #addStream(index: number): void {
    const connection = this.#connect({
      established: stream => {
        stream.write(this.#cookie);
        this.#connected++;
      },
      received: (_stream, octets) => this.#arrived(index, octets.length),
      receivedVirtual: (_stream, length) => this.#arrived(index, length),
      closed: (_stream, reason) => {
        if (!this.#ended) this.#fail(`unable to connect stream: ${reason}`);
      },
    });
    this.#streams.push(
      new IperfStream(streamId(index), connection, !this.options.reverse, Protocol.COOKIE_LENGTH),
    );
  }

  #arrived(index: number, octets: number): void {
    this.#streams[index]!.received += octets;
  }

  #begin(): void {
    const { octets, parallel, interval, reverse } = this.options;
    this.#running = true;
    this.#startedAt = this.#now;
    this.#intervalFrom = this.#now;
    for (const { id, connection } of this.#streams) {
      const { localAddress, localPort, remoteAddress, remotePort } = connection;
      const ends = `local ${Ipv4.format(localAddress)} port ${localPort} connected to ${Ipv4.format(remoteAddress)} port ${remotePort}`;
      this.print(`[${String(id).padStart(3)}] ${ends}`);
    }
    this.print(reverse ? RECEIVER_HEADER : SENDER_HEADER);
    for (const stream of this.#streams) stream.start(Math.ceil(octets / parallel));
    this.#tick.arm(this.#now + this.#step(interval));
  }

  /** To the end of the interval or the test, whichever is first; with -n, look often whether all has gone. */
  #step(interval: VirtualTime): VirtualTime {
    const { duration, octets } = this.options;
    if (octets > 0) return SECOND / 100;
    return Math.min(interval, this.#startedAt + duration - this.#now);
  }

  #ticked(): void {
    const { interval, duration, octets } = this.options;
    const total = this.#streams.reduce((all, stream) => all + stream.octets, 0);
    const done = octets > 0 ? total >= octets : this.#now >= this.#startedAt + duration;
    if (done || this.#now - this.#intervalFrom >= interval) this.#printInterval();
    if (done) this.#end();
    else this.#tick.arm(this.#now + this.#step(interval));
  }

  #printInterval(): void {
    if (this.#now === this.#intervalFrom) return;
    const from = this.#intervalFrom - this.#startedAt;
    const rows = this.#streams.map(stream => stream.interval(from, this.#now - this.#startedAt));
    this.#intervalFrom = this.#now;
    for (const row of rows) this.print(formatRow(row));
    if (rows.length > 1) {
      this.print(formatRow(sum(rows)));
      this.print(SEPARATOR);
    }
  }

  #end(): void {
    this.#running = false;
    this.#ended = true;
    this.#local = { streams: this.#streams.map(stream => stream.result(this.#seconds)) };
    for (const stream of this.#streams) stream.end();
    this.#control!.write(Protocol.encodeState(Protocol.TEST_END));
  }

  #summarise(remote: Protocol.Results): void {
    const [mine, theirs] = [this.#local.streams, remote.streams];
    this.report = this.options.reverse ? { sent: theirs, received: mine } : { sent: mine, received: theirs };
  }

  #display(): void {
    const { sent, received } = this.report!;
    if (sent.length === 1) this.print(SEPARATOR);
    this.print(SUMMARY_HEADER);
    const rows = sent.map(one => summaryRow(one, 'sender'));
    const others = received.map(one => summaryRow(one, 'receiver'));
    for (const [i, row] of rows.entries()) {
      this.print(formatRow(row));
      this.print(formatRow(others[i]!));
    }
    if (rows.length > 1) for (const all of [rows, others]) this.print(formatRow(sum(all)));
    this.print('');
    this.print('iperf Done.');
    this.#control!.write(Protocol.encodeState(Protocol.IPERF_DONE));
    this.exit(0);
  }
}

function summaryRow({ id, bytes, retransmits, end_time }: Protocol.StreamResult, role: string): Row {
  const row = { id, from: 0, to: Math.floor(end_time * SECOND + 0.5), octets: bytes, role };
  return retransmits < 0 ? row : { ...row, retransmits };
}
