/** `iperf3 -s`: the other end of a bulk test, one test after the other. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Connection, Stream, StreamEvents } from '../netstack/tcp/connection.ts';
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import { udpOf } from '../netstack/udp.ts';
import { SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import { PROTOCOL_TCP } from '../wire/ipv4.ts';
import type { IperfOptions } from './iperf-options.ts';
import * as Protocol from './iperf-protocol.ts';
import { endsText, type IperfStream, streamId, sum, TcpStream } from './iperf-stream.ts';
import {
  formatRow,
  RECEIVER_HEADER,
  RULE,
  SENDER_HEADER,
  SEPARATOR,
  UDP_HEADER,
  UDP_SENDER_HEADER,
} from './iperf-text.ts';
import { UdpStream, WELCOME } from './iperf-udp-stream.ts';
import { Program, type ProgramContext } from './program.ts';

/** One test, from its control connection to its results. */
interface Test {
  readonly control: Connection;
  readonly reader: Protocol.ControlReader;
  cookie: Uint8Array | undefined;
  parameters: Protocol.Parameters | undefined;
  readonly streams: IperfStream[];
  /** UDP streams by whom they come from: `address:port`. */
  readonly byPeer: Map<string, UdpStream>;
  startedAt: VirtualTime;
  /** The client said TEST_END: what it counted comes next. */
  ended: boolean;
}

export class IperfServer extends Program {
  readonly options: IperfOptions;
  readonly #tick: Timer;
  #stopListening: () => void = () => {};
  #closeUdp: () => void = () => {};
  #test: Test | undefined;
  #number = 0;
  /** Data connections of the test that have said their cookie. */
  #ready = 0;
  #intervalFrom: VirtualTime = 0;

  constructor(context: ProgramContext, options: IperfOptions) {
    super(context);
    this.options = options;
    this.#tick = context.namespace.clock.timer(() => this.#ticked());
  }

  start(): void {
    const { namespace, tag } = this.context;
    const tcp = namespace.transports[PROTOCOL_TCP];
    if (!(tcp instanceof TcpLayer)) throw new Error(`${namespace.name} has no TCP`);
    const { port } = this.options;
    if (tcp.sockets().some(({ state, localPort }) => state === 'LISTEN' && localPort === port)) {
      this.complain('iperf3: error - unable to start listener for connections: Address already in use');
      this.exit(1);
      return;
    }
    this.#stopListening = tcp.listen(port, connection => this.#accept(connection), { tag });
    this.#announce();
  }

  protected override interrupt(): void {
    this.complain('iperf3: interrupt - the server has terminated');
    this.exit(1);
  }

  protected override release(): void {
    this.#tick.cancel();
    this.#stopListening();
    this.#test?.control.abort();
    for (const stream of this.#test?.streams ?? []) stream.abort();
    this.#closeUdp();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  #announce(): void {
    this.#number++;
    for (const line of [RULE, `Server listening on ${this.options.port} (test #${this.#number})`, RULE])
      this.print(line);
  }

  /** The first connection of a test controls it; those that follow carry its data. */
  #accept(connection: Connection): StreamEvents {
    if (this.#test === undefined) {
      const test: Test = {
        control: connection,
        reader: new Protocol.ControlReader(),
        cookie: undefined,
        parameters: undefined,
        streams: [],
        byPeer: new Map(),
        startedAt: 0,
        ended: false,
      };
      this.#test = test;
      const { remoteAddress, remotePort } = connection;
      this.print(`Accepted connection from ${Ipv4.format(remoteAddress)}, port ${remotePort}`);
      return {
        established: () => {},
        received: (_stream, octets) => this.#heard(test, octets),
        closed: () => this.#finish(test),
      };
    }
    const test = this.#test;
    const expected = (test.parameters?.parallel ?? 0) > test.streams.length;
    return expected ? this.#dataStream(test, connection) : refusal;
  }

  /** One socket for all UDP streams of a test: a stream is known by where its datagrams come from. */
  #listenUdp(test: Test): void {
    const { namespace, tag } = this.context;
    const { reverse, parallel, bandwidth, len } = test.parameters!;
    const socket = udpOf(namespace).socket();
    socket.tag = tag;
    socket.pmtu = 'dont';
    if (socket.bind(0, this.options.port) !== '') return;
    this.#closeUdp = () => socket.close();
    socket.onReceive = datagram => {
      const { source, sourcePort, destination } = datagram;
      const key = `${source}:${sourcePort}`;
      const known = test.byPeer.get(key);
      if (known !== undefined) {
        known.arrived(datagram);
        return;
      }
      if (test.streams.length >= parallel) return;
      const stream = new UdpStream({
        id: streamId(test.streams.length),
        sends: reverse === true,
        clock: namespace.clock,
        ends: {
          localAddress: destination,
          localPort: this.options.port,
          remoteAddress: source,
          remotePort: sourcePort,
        },
        rateBps: bandwidth,
        size: len,
        send: payload => socket.sendTo(source, sourcePort, payload),
        close: () => {},
      });
      test.byPeer.set(key, stream);
      test.streams.push(stream);
      socket.sendTo(source, sourcePort, WELCOME);
      this.#streamReady(test);
    };
  }

  /** A data connection says its cookie first; everything behind it is counted. */
  #dataStream(test: Test, connection: Connection): StreamEvents {
    const { reverse, bandwidth, len } = test.parameters!;
    const pace = { clock: this.context.namespace.clock, rateBps: bandwidth, length: len };
    const stream = new TcpStream(streamId(test.streams.length), connection, reverse === true, 0, pace);
    test.streams.push(stream);
    let cookieLeft = Protocol.COOKIE_LENGTH;
    const arrived = (octets: number): void => {
      const cookie = Math.min(cookieLeft, octets);
      cookieLeft -= cookie;
      stream.received += octets - cookie;
      if (cookie > 0 && cookieLeft === 0) this.#streamReady(test);
    };
    return {
      established: () => {},
      received: (_stream, octets) => arrived(octets.length),
      receivedVirtual: (_stream, length) => arrived(length),
      closed: () => {},
    };
  }

  #streamReady(test: Test): void {
    this.#ready++;
    const { parallel, num } = test.parameters!;
    if (this.#ready < parallel) return;
    this.#ready = 0;
    test.startedAt = this.#now;
    this.#intervalFrom = this.#now;
    for (const { id, ends } of test.streams) this.print(`[${String(id).padStart(3)}] ${endsText(ends)}`);
    const { reverse, udp } = test.parameters!;
    if (udp) this.print(reverse ? UDP_SENDER_HEADER : UDP_HEADER);
    else this.print(reverse ? SENDER_HEADER : RECEIVER_HEADER);
    test.control.write(Uint8Array.of(Protocol.TEST_START, Protocol.TEST_RUNNING));
    for (const stream of test.streams) stream.start(Math.ceil(num / parallel));
    this.#tick.arm(this.#now + this.options.interval);
  }

  #heard(test: Test, octets: Uint8Array): void {
    const { reader, control } = test;
    reader.add(octets);
    if (test.cookie === undefined) {
      test.cookie = reader.take(Protocol.COOKIE_LENGTH);
      if (test.cookie === undefined) return;
      control.write(Protocol.encodeState(Protocol.PARAM_EXCHANGE));
    }
    if (test.parameters === undefined) {
      test.parameters = reader.takeJson() as Protocol.Parameters | undefined;
      if (test.parameters === undefined) return;
      if (test.parameters.udp) this.#listenUdp(test);
      control.write(Protocol.encodeState(Protocol.CREATE_STREAMS));
    }
    if (!test.ended) {
      if (reader.takeState() !== Protocol.TEST_END) return;
      test.ended = true;
      this.#tick.cancel();
      this.#printInterval(test);
      for (const stream of test.streams) stream.end();
      control.write(Protocol.encodeState(Protocol.EXCHANGE_RESULTS));
    }
    const theirs = reader.takeJson();
    if (theirs === undefined) return;
    const seconds = (this.#now - test.startedAt) / SECOND;
    const streams = test.streams.map(stream => stream.result(seconds));
    control.write(Protocol.encodeJson({ streams }));
    control.write(Protocol.encodeState(Protocol.DISPLAY_RESULTS));
  }

  #ticked(): void {
    this.#printInterval(this.#test!);
    this.#tick.arm(this.#now + this.options.interval);
  }

  #printInterval({ streams, startedAt }: Test): void {
    if (this.#now === this.#intervalFrom) return;
    const from = this.#intervalFrom - startedAt;
    const rows = streams.map(stream => stream.interval(from, this.#now - startedAt));
    this.#intervalFrom = this.#now;
    for (const row of rows) this.print(formatRow(row));
    if (rows.length > 1) {
      this.print(formatRow(sum(rows)));
      this.print(SEPARATOR);
    }
  }

  /** The client closed its control connection: done, or given up. */
  #finish(test: Test): void {
    this.#tick.cancel();
    this.#ready = 0;
    for (const stream of test.streams) stream.abort();
    this.#closeUdp();
    this.#closeUdp = () => {};
    this.#test = undefined;
    if (this.options.once) this.exit(0);
    else this.#announce();
  }
}

/** A connection that no test expects is told so, and closed. */
const refusal: StreamEvents = {
  established: (stream: Stream) => {
    stream.write(Protocol.encodeState(Protocol.ACCESS_DENIED));
    stream.close();
  },
  received: () => {},
  closed: () => {},
};
