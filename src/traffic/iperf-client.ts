/** `iperf3 -c`: bulk TCP or UDP from or to a server, with a line for every second and a summary of both ends. */
import type { Connection } from '../netstack/tcp/connection.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { udpOf } from '../netstack/udp.ts';
import { MILLISECOND, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { PROTOCOL_TCP } from '../wire/ipv4.ts';
import { iperfErrorJson, iperfJson } from './iperf-json.ts';
import type { IperfOptions } from './iperf-options.ts';
import * as Protocol from './iperf-protocol.ts';
import { endsText, type IperfStream, streamId, sum, TcpStream } from './iperf-stream.ts';
import {
  formatRow,
  RECEIVER_HEADER,
  type Row,
  SENDER_HEADER,
  SEPARATOR,
  SUMMARY_HEADER,
  UDP_HEADER,
  UDP_SENDER_HEADER,
} from './iperf-text.ts';
import { endsOf, HELLO, UdpStream } from './iperf-udp-stream.ts';
import { Program, type ProgramContext } from './program.ts';

/** What the test measured: octets and seconds as each end counted them. */
export interface IperfReport {
  readonly sent: readonly Protocol.StreamResult[];
  readonly received: readonly Protocol.StreamResult[];
}

/** How long a server may take to answer a stream's first datagram. */
const HELLO_TIMEOUT = 30 * SECOND;

export class IperfClient extends Program {
  readonly options: IperfOptions;
  /** Set when both ends have said what they counted. */
  report: IperfReport | undefined;
  readonly #reader = new Protocol.ControlReader();
  readonly #cookie: Uint8Array;
  readonly #streams: IperfStream[] = [];
  /** UDP streams whose server has not answered yet. */
  #unanswered = 0;
  readonly #tick: Timer;
  readonly #patience: Timer;
  /** What every interval said, for `-J`. */
  readonly #intervals: (readonly Row[])[] = [];
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
    this.#patience = namespace.clock.timer(() =>
      this.#fail('unable to read from stream socket: Resource temporarily unavailable'),
    );
  }

  start(): void {
    const { target, port } = this.options;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.#fail('unable to connect to server: Name or service not known');
      return;
    }
    this.#destination = destination;
    this.#say(`Connecting to host ${target}, port ${port}`);
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
    this.#patience.cancel();
    for (const stream of this.#streams) stream.abort();
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
    const { port: remotePort, bind, tos, congestionControl } = this.options;
    return tcp.connect(
      {
        remoteAddress: this.#destination,
        remotePort,
        tag,
        tos,
        ...(bind !== 0 && { localAddress: bind }),
        ...(congestionControl !== undefined && { congestionControl }),
      },
      events,
    );
  }

  #fail(problem: string): void {
    if (this.options.json) this.print(iperfErrorJson(`error - ${problem}`));
    else this.complain(`iperf3: error - ${problem}`);
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
    const { parallel, reverse, udp } = this.options;
    switch (state) {
      case Protocol.PARAM_EXCHANGE:
        this.#control!.write(Protocol.encodeJson(this.#parameters()));
        return;
      case Protocol.CREATE_STREAMS:
        if (reverse) this.#say(`Reverse mode, remote host ${this.options.target} is sending`);
        for (let i = 0; i < parallel; i++) {
          if (udp) this.#addUdpStream(i);
          else this.#addStream(i);
        }
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

  #parameters(): Protocol.Parameters {
    const { duration, parallel, reverse, octets, udp, rateBps } = this.options;
    const direction = reverse ? ({ reverse } as const) : {};
    const protocol = udp ? ({ udp: true } as const) : ({ tcp: true } as const);
    const time = duration / SECOND;
    return {
      ...protocol,
      time,
      parallel,
      num: octets,
      len: this.#blockSize,
      bandwidth: rateBps,
      ...direction,
    };
  }

  /** What fits into a segment of the control connection, for UDP. */
  get #blockSize(): number {
    const { length, udp } = this.options;
    if (length > 0) return length;
    return udp ? this.#control!.info().mss : 128 * 1024;
  }

  /** The socket says hello; when the server has answered it knows our port. */
  #addUdpStream(index: number): void {
    const { namespace, tag } = this.context;
    const { port, bind, tos, reverse, rateBps } = this.options;
    const socket = udpOf(namespace).socket();
    socket.tag = tag;
    socket.tos = tos;
    socket.pmtu = 'dont';
    if (bind !== 0) socket.bind(bind, 0);
    const problem = socket.connect(this.#destination, port);
    if (problem !== '') {
      this.#fail(`unable to connect stream: ${problem}`);
      return;
    }
    const stream = new UdpStream({
      id: streamId(index),
      sends: !reverse,
      clock: namespace.clock,
      ends: endsOf(socket),
      rateBps,
      size: this.#blockSize,
      send: payload => socket.send(payload),
      close: () => socket.close(),
    });
    this.#streams.push(stream);
    this.#unanswered++;
    let answered = false;
    socket.onReceive = datagram => {
      if (answered) stream.arrived(datagram);
      else {
        answered = true;
        if (--this.#unanswered === 0) this.#patience.cancel();
      }
    };
    socket.send(HELLO);
    this.#patience.arm(this.#now + HELLO_TIMEOUT);
  }

  #addStream(index: number): void {
    const connection = this.#connect({
      established: stream => {
        stream.write(this.#cookie);
        this.#connected++;
      },
      received: (_stream, octets) => {
        stream.received += octets.length;
      },
      receivedVirtual: (_stream, length) => {
        stream.received += length;
      },
      closed: (_stream, reason) => {
        if (!this.#ended) this.#fail(`unable to connect stream: ${reason}`);
      },
    });
    const { clock } = this.context.namespace;
    const { rateBps, length, reverse } = this.options;
    const pace = { clock, rateBps, length };
    const stream = new TcpStream(streamId(index), connection, !reverse, Protocol.COOKIE_LENGTH, pace);
    this.#streams.push(stream);
  }

  /** A line of the table; `-J` has none. */
  #say(line: string): void {
    if (!this.options.json) this.print(line);
  }

  #begin(): void {
    const { octets, parallel, interval, reverse, udp } = this.options;
    this.#running = true;
    this.#startedAt = this.#now;
    this.#intervalFrom = this.#now;
    for (const { id, ends } of this.#streams) this.#say(`[${String(id).padStart(3)}] ${endsText(ends)}`);
    if (udp) this.#say(reverse ? UDP_HEADER : UDP_SENDER_HEADER);
    else this.#say(reverse ? RECEIVER_HEADER : SENDER_HEADER);
    for (const stream of this.#streams) stream.start(Math.ceil(octets / parallel));
    this.#tick.arm(this.#now + this.#step(interval));
  }

  /** To the end of the interval or the test, whichever is first; with -n, look often whether all has gone. */
  #step(interval: VirtualTime): VirtualTime {
    const { duration, octets } = this.options;
    if (octets > 0) return 10 * MILLISECOND;
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
    this.#intervals.push(rows);
    for (const row of rows) this.#say(formatRow(row));
    if (rows.length > 1) {
      this.#say(formatRow(sum(rows)));
      this.#say(SEPARATOR);
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
    const { options } = this;
    if (options.json) {
      const epochMs = (this.context.epochMs ?? 0) + Math.floor(this.#startedAt / 1e6);
      const { mss } = this.#control!.info();
      const about = { options, streams: this.#streams, cookie: this.#cookie, blockSize: this.#blockSize };
      this.print(iperfJson({ ...about, epochMs, mss, intervals: this.#intervals, sent, received }));
    }
    if (sent.length === 1) this.#say(SEPARATOR);
    this.#say(options.udp ? UDP_HEADER : SUMMARY_HEADER);
    const rows = sent.map(one => summaryRow(one, 'sender', options.udp));
    const others = received.map(one => summaryRow(one, 'receiver', options.udp));
    for (const [i, row] of rows.entries()) {
      this.#say(formatRow(row));
      this.#say(formatRow(others[i]!));
    }
    if (rows.length > 1) for (const all of [rows, others]) this.#say(formatRow(sum(all)));
    this.#say('');
    this.#say('iperf Done.');
    this.#control!.write(Protocol.encodeState(Protocol.IPERF_DONE));
    this.exit(0);
  }
}

function summaryRow(result: Protocol.StreamResult, role: string, udp: boolean): Row {
  const { id, bytes, retransmits, end_time, packets, errors, jitter } = result;
  const row = { id, from: 0, to: Math.floor(end_time * SECOND + 0.5), octets: bytes, role };
  if (udp) return { ...row, datagrams: packets, lost: errors, jitter };
  return retransmits < 0 ? row : { ...row, retransmits };
}
