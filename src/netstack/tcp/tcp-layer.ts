/**
 * TCP of one namespace: which connection a segment is for, who listens, and the segments that belong to nobody.
 *
 *   receive ─┬─ a connection ───> segment-arrives ───> tell the program
 *            ├─ a SYN, a listener ───> a new connection in SYN-RECEIVED
 *            └─ neither ───> RST (DF, IP ID 0)
 *
 * Ports, initial sequence numbers and timestamp offsets come from named random streams.
 */
import { type AddressWord, toAddress, toWord } from '../../addr/address-word.ts';
import type { Ipv4Address } from '../../addr/ipv4.ts';
import type { Frame } from '../../sim/frame-store.ts';
import type { Random } from '../../sim/random.ts';
import * as Ipv4Codec from '../../wire/ipv4.ts';
import * as TcpCodec from '../../wire/tcp.ts';
import type { NetDevice } from '../netdevice.ts';
import type { IcmpErrorReport, IpLayer, SendRequest, TransportProtocol } from '../transport.ts';
import { create } from './congestion/algorithms.ts';
import { Connection, type StreamEvents } from './connection.ts';
import { acceptOffer } from './ecn.ts';
import { arrivesAsPredicted } from './header-prediction.ts';
import { HEADERS, negotiate, timestampOctets, updateMss, usableMtu } from './options.ts';
import { transmit } from './output.ts';
import { ReceiveWindow } from './receive-window.ts';
import { pathMtuShrank } from './recovery.ts';
import { Segment, unwrap } from './segment.ts';
import { segmentArrives, yieldsTo } from './segment-arrives.ts';
import * as States from './tcb.ts';
import { type Services, type StateName, Tcb } from './tcb.ts';
import { armTimer, delayedAckExpired, endWith, failLater, timerExpired } from './timers.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const State = { ...States };
const Tcp = { ...TcpCodec };

export type { Connection, ConnectionInfo, Stream, StreamEvents } from './connection.ts';

export interface ConnectOptions {
  /** Default: the source address of the route. */
  readonly localAddress?: Ipv4Address;
  /** Default: an ephemeral port. */
  readonly localPort?: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  readonly tos?: number;
  readonly ttl?: number;
  /** Probe number that the frames carry. */
  readonly tag?: number;
  /** Default: the namespace's sysctl. */
  readonly congestionControl?: 'reno' | 'cubic';
}

export interface ListenOptions {
  /** Default: any. */
  readonly localAddress?: Ipv4Address;
  readonly tos?: number;
  readonly ttl?: number;
  /** TTL of the SYN-ACKs alone: BIRD's listening socket has 255 set, its connections 64. */
  readonly synAckTtl?: number;
  readonly tag?: number;
}

/** Called when a handshake is complete; `undefined` refuses the connection with a RST. */
export type Accept = (stream: Connection) => StreamEvents | undefined;

/** A line of `ss -tan`. */
export interface SocketInfo {
  readonly state: StateName | 'LISTEN';
  /** Octets not read; of a listener 0. */
  readonly receiveQueue: number;
  /** Octets not acknowledged (infinite for a sender that never ends); of a listener its backlog. */
  readonly sendQueue: number;
  /** 0 = any. */
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  readonly connection: Connection | undefined;
}

interface Listener {
  readonly port: number;
  readonly accept: Accept;
  readonly options: ListenOptions;
}

/** A socket has no say in them. */
const ECN_BITS = 3;
/** net.core.somaxconn, which `ss` prints as a listener's Send-Q. */
const BACKLOG = 4096;

export class TcpLayer implements TransportProtocol, Services {
  readonly ip: IpLayer;
  /** By the ports of what comes for them; the few with equal ports are told apart by address. */
  readonly #connections = new Map<number, Tcb[]>();
  /** The one that was found last. */
  #recent: Tcb | undefined;
  readonly #listeners: Listener[] = [];
  readonly #segment = new Segment();
  readonly #reset: SendRequest;
  readonly #ports: Random;
  readonly #sequences: Random;
  readonly #timestamps: Random;

  constructor(ip: IpLayer) {
    this.ip = ip;
    this.#ports = ip.random('tcp/port');
    this.#sequences = ip.random('tcp/isn');
    this.#timestamps = ip.random('tcp/timestamp');
    this.#reset = { ...this.#request(0, 0, 0, 0, 0, ip.sysctl.ipDefaultTtl), pmtu: 'do' };
  }

  /**
   * Active OPEN. The stream is returned at once; when there is no way to send, `closed` says why at the same instant.
   * Throws when a local port that was asked for is in use with the same peer.
   */
  connect(options: ConnectOptions, events: StreamEvents): Connection {
    const { remoteAddress, remotePort } = options;
    const bound = options.localAddress !== undefined && options.localAddress !== 0;
    const ttl = options.ttl ?? this.ip.sysctl.ipDefaultTtl;
    const request = this.#request(
      options.localAddress ?? 0,
      remoteAddress,
      0,
      remotePort,
      options.tos ?? 0,
      ttl,
    );
    const path = this.ip.path(request);
    if (typeof path !== 'string' && request.source === 0) request.source = path.source;
    request.sourcePort = options.localPort ?? this.#ephemeralPort(request, bound);
    if (this.#isTaken(request)) throw new Error(`${this.ip.name}: TCP port ${request.sourcePort} is in use`);
    const tcb = this.#tcb(request, options.congestionControl);
    tcb.tag = options.tag ?? 0;
    const connection = new Connection(tcb, events, true);
    this.#add(tcb);
    tcb.state = State.SYN_SENT;
    if (typeof path === 'string') {
      failLater(tcb, errorText[path] ?? path);
      return connection;
    }
    this.#openWindow(tcb, path.mtu, 0);
    const error = this.#sendSyn(tcb);
    if (error !== '' && error !== 'EMSGSIZE') failLater(tcb, errorText[error]!);
    return connection;
  }

  /** Passive OPEN. Returns what closes the listener; its connections go on. Throws when the port is taken. */
  listen(port: number, accept: Accept, options: ListenOptions = {}): () => void {
    const address = options.localAddress ?? 0;
    const taken = this.#listeners.some(
      other =>
        other.port === port &&
        (address === 0 || (other.options.localAddress ?? 0) === 0 || other.options.localAddress === address),
    );
    if (taken) throw new Error(`${this.ip.name}: TCP port ${port} is in use`);
    const listener: Listener = { port, accept, options };
    this.#listeners.push(listener);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  /** Listeners first, then connections in the order they were made (`ss -tan`). */
  sockets(): SocketInfo[] {
    const listeners = this.#listeners.map(
      ({ port, options }): SocketInfo => ({
        state: 'LISTEN',
        receiveQueue: 0,
        sendQueue: BACKLOG,
        localAddress: options.localAddress ?? 0,
        localPort: port,
        remoteAddress: 0,
        remotePort: 0,
        connection: undefined,
      }),
    );
    const connections = this.blocks().map(
      (tcb): SocketInfo => ({
        state: tcb.stateName,
        receiveQueue: tcb.receiveQueue.unread,
        sendQueue: tcb.connection === undefined ? 0 : Math.max(0, tcb.sendEnd - tcb.snd.una),
        localAddress: tcb.localAddress,
        localPort: tcb.localPort,
        remoteAddress: tcb.remoteAddress,
        remotePort: tcb.remotePort,
        connection: tcb.connection,
      }),
    );
    return [...listeners, ...connections];
  }

  /** The transmission control blocks of all connections: what `sockets` and tests read. */
  blocks(): Tcb[] {
    return [...this.#connections.values()].flat();
  }

  receive(frame: Frame, ipAt: number, device: NetDevice): void {
    const { frames } = this.ip;
    const segment = this.#segment;
    const fault = segment.read(frames, frame, ipAt);
    if (fault !== '') {
      this.ip.drop(frame, fault, device);
      return;
    }
    const tcb = this.#find(segment.destination, segment.source, segment.ports);
    if (tcb !== undefined && arrivesAsPredicted(tcb, segment, frame)) {
      this.ip.deliver(frame);
      tcb.connection?.tell();
    } else this.#receive(tcb, segment, frame, device);
  }

  /** What was not predicted. */
  #receive(found: Tcb | undefined, segment: Segment, frame: Frame, device: NetDevice): void {
    let tcb = found;
    let iss = -1;
    if (tcb !== undefined && yieldsTo(tcb, segment)) {
      // RFC 6191: the new connection's numbers begin beyond those of the old one.
      iss = (tcb.snd.nxt + 65537) % 2 ** 32;
      this.forget(tcb);
      tcb = undefined;
    }
    if (tcb === undefined) {
      const reason = this.#withoutConnection(segment, iss, this.ip.frames.tag[frame]!);
      if (reason === '') this.ip.deliver(frame);
      else this.ip.drop(frame, reason, device);
      return;
    }
    const verdict = segmentArrives(tcb, segment, frame, this.#answerReset);
    if (verdict === '') this.ip.deliver(frame);
    else this.ip.drop(frame, verdict, device);
    if (tcb.connection !== undefined) tcb.connection.tell();
    else if (tcb.tellFailure !== '') this.forget(tcb);
  }

  /** Is the quoted segment one that we have in flight? Blind attacks are kept out (RFC 5927 §4). */
  owns(report: IcmpErrorReport): boolean {
    return this.#quoted(report) !== undefined;
  }

  /** An ICMP error about one of our segments (Linux `tcp_v4_err`). */
  error(report: IcmpErrorReport): void {
    const tcb = this.#quoted(report);
    if (tcb === undefined) return;
    if (report.type === 3 && report.code === 4) {
      // A router that reports no MTU says 0: then it is the least that is believed.
      pathMtuShrank(tcb, report.mtu);
      if (tcb.state !== State.CLOSED) armTimer(tcb);
      return;
    }
    const reason = icmpText(report.type, report.code);
    if (reason === '') return;
    if (tcb.isSynchronised) tcb.softError = reason;
    else endWith(tcb, reason);
  }

  /** A passive open is complete: ask the listener's program. */
  accept(tcb: Tcb): boolean {
    const listener = this.#listener(tcb.localAddress, tcb.localPort);
    if (listener === undefined) return false;
    const connection = new Connection(tcb, refusing, false);
    const events = listener.accept(connection);
    if (events === undefined) connection.refuse();
    else connection.take(events);
    return true;
  }

  forget(tcb: Tcb): void {
    if (tcb.state === State.CLOSED) return;
    tcb.state = State.CLOSED;
    tcb.waitingFor = 'nothing';
    tcb.timer.cancel();
    tcb.delayedAck.timer.cancel();
    tcb.keepaliveTimer?.cancel();
    if (this.#recent === tcb) this.#recent = undefined;
    const chain = this.#connections.get(tcb.peerPorts);
    if (chain === undefined) return;
    const at = chain.indexOf(tcb);
    if (at >= 0) chain.splice(at, 1);
    if (chain.length === 0) this.#connections.delete(tcb.peerPorts);
  }

  #quoted({ view, at, source, destination }: IcmpErrorReport): Tcb | undefined {
    const ports = Tcp.portsWord(Tcp.destinationPort(view, at), Tcp.sourcePort(view, at));
    const tcb = this.#find(toWord(source), toWord(destination), ports);
    if (tcb === undefined || tcb.state === State.TIME_WAIT) return undefined;
    const seq = unwrap(Tcp.sequence(view, at), tcb.snd.una);
    return seq >= tcb.snd.una && seq <= tcb.snd.nxt ? tcb : undefined;
  }

  #withoutConnection(segment: Segment, iss: number, tag: number): '' | 'NO_SOCKET' | 'TCP_OUT_OF_WINDOW' {
    const listener = this.#listener(toAddress(segment.destination), segment.destinationPort);
    if (listener === undefined) {
      if (!segment.has(Tcp.RST)) this.#answerReset(segment);
      return 'NO_SOCKET';
    }
    // RFC 9293 §3.10.7.2, LISTEN: RST is ignored, ACK answered with RST, SYN opens.
    if (segment.has(Tcp.RST)) return 'TCP_OUT_OF_WINDOW';
    if (segment.has(Tcp.ACK)) {
      this.#answerReset(segment);
      return 'TCP_OUT_OF_WINDOW';
    }
    if (!segment.has(Tcp.SYN) || segment.has(Tcp.FIN)) return 'TCP_OUT_OF_WINDOW';
    this.#passiveOpen(listener, segment, iss, tag);
    return '';
  }

  #passiveOpen(listener: Listener, segment: Segment, iss: number, tag: number): void {
    const { options } = listener;
    const request = this.#request(
      toAddress(segment.destination),
      toAddress(segment.source),
      segment.destinationPort,
      segment.sourcePort,
      options.tos ?? 0,
      options.ttl ?? this.ip.sysctl.ipDefaultTtl,
    );
    const path = this.ip.path(request);
    if (typeof path === 'string') return; // no way back: as if the SYN had been lost
    const tcb = this.#tcb(request, undefined, iss);
    tcb.synAckTtl = options.synAckTtl ?? 0;
    tcb.tag = options.tag ?? tag;
    tcb.rcv.irs = segment.seq;
    tcb.rcv.nxt = segment.seq + 1;
    tcb.snd.wnd = segment.window;
    tcb.snd.wl1 = segment.seq;
    negotiate(tcb, segment, this.ip.sysctl);
    acceptOffer(tcb, segment, this.ip.sysctl);
    this.#openWindow(tcb, path.mtu, timestampOctets(tcb));
    this.#add(tcb);
    tcb.state = State.SYN_RECEIVED;
    this.#sendSyn(tcb);
  }

  #sendSyn(tcb: Tcb): ReturnType<IpLayer['send']> {
    const { snd, inFlight } = tcb;
    const error = transmit(tcb, snd.iss, snd.iss + 1);
    inFlight.push(snd.iss, snd.iss + 1, tcb.now);
    snd.nxt = snd.iss + 1;
    armTimer(tcb);
    return error;
  }

  #openWindow(tcb: Tcb, mtu: number, optionOctets: number): void {
    tcb.pathMtu = usableMtu(mtu);
    tcb.advertisedMss = tcb.pathMtu - HEADERS;
    updateMss(tcb);
    tcb.window.open(tcb.advertisedMss - optionOctets, tcb.advertisedMss, tcb.rcv.nxt);
  }

  #tcb(request: SendRequest, congestion: 'reno' | 'cubic' | undefined, iss = -1): Tcb {
    const { sysctl } = this.ip;
    return new Tcb({
      services: this,
      request,
      iss: iss >= 0 ? iss : this.#sequences.next(),
      timestampOffset: this.#timestamps.next(),
      window: new ReceiveWindow(sysctl.tcpRmem, sysctl.tcpWindowScaling),
      congestion: create(congestion ?? sysctl.tcpCongestionControl),
      expire: timerExpired,
      expireDelayedAck: delayedAckExpired,
    });
  }

  /** RFC 9293 §3.5.2, group 1 and 2. As Linux: the TOS of the segment, DF and IP ID 0. */
  readonly #answerReset = (segment: Segment): void => {
    const { frames } = this.ip;
    const request = this.#reset;
    request.source = toAddress(segment.destination);
    request.destination = toAddress(segment.source);
    request.sourcePort = segment.destinationPort;
    request.destinationPort = segment.sourcePort;
    request.tos = segment.tos & ~ECN_BITS;
    request.ttl = this.ip.sysctl.ipDefaultTtl;
    const withAck = segment.has(Tcp.ACK);
    const frame = frames.allocate();
    const at = frames.append(frame, Tcp.MIN_HEADER_LENGTH);
    const view = frames.view(frame);
    Tcp.emit(view, at, {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequence: withAck ? segment.ack >>> 0 : 0,
      acknowledgment: withAck ? 0 : (segment.seq + segment.sequenceLength) >>> 0,
      flags: withAck ? Tcp.RST : Tcp.RST | Tcp.ACK,
      window: 0,
      checksum: 0,
      urgentPointer: 0,
      options: Tcp.NO_OPTIONS,
    });
    const { source, destination } = request;
    Tcp.setChecksum(view, at, Tcp.checksum(view, at, 20, source, destination, 20, 0));
    this.ip.send(frame, request);
  };

  #request(
    source: Ipv4Address,
    destination: Ipv4Address,
    sourcePort: number,
    destinationPort: number,
    tos: number,
    ttl: number,
  ): SendRequest {
    return {
      protocol: Ipv4.PROTOCOL_TCP,
      source,
      destination,
      ttl,
      tos: tos & ~ECN_BITS,
      pmtu: 'want',
      device: undefined,
      sourcePort,
      destinationPort,
    };
  }

  /**
   * A free port of ip_local_port_range, searched in steps of two from a random one. As in Linux, a plain `connect`
   * prefers the parity of the range's low end, and a socket that was bound to an address first the other.
   */
  #ephemeralPort(request: SendRequest, bound: boolean): number {
    const [low, high] = this.ip.sysctl.ipLocalPortRange;
    const pairs = (high - low + 1) >> 1;
    const first = this.#ports.below(pairs);
    for (const parity of bound ? [1, 0] : [0, 1]) {
      for (let i = 0; i < pairs; i++) {
        const port = low + 2 * ((first + i) % pairs) + parity;
        if (this.#listener(request.source, port) !== undefined) continue;
        request.sourcePort = port;
        if (!this.#isTaken(request)) return port;
      }
    }
    throw new Error(`${this.ip.name}: no free TCP port`);
  }

  #listener(address: Ipv4Address, port: number): Listener | undefined {
    return this.#listeners.find(
      ({ port: own, options }) =>
        own === port && ((options.localAddress ?? 0) === 0 || options.localAddress === address),
    );
  }

  /** Is there a connection with the addresses and ports that `request` wants? */
  #isTaken({ source, sourcePort, destination, destinationPort }: SendRequest): boolean {
    const ports = Tcp.portsWord(destinationPort, sourcePort);
    return this.#find(toWord(source), toWord(destination), ports) !== undefined;
  }

  /** The connection that a segment with these ports, from `remote` to `local`, is for. */
  #find(local: AddressWord, remote: AddressWord, ports: number): Tcb | undefined {
    const recent = this.#recent;
    if (recent?.peerPorts === ports && recent.remoteWord === remote && recent.localWord === local)
      return recent;
    const chain = this.#connections.get(ports);
    if (chain === undefined) return undefined;
    for (let i = 0; i < chain.length; i++) {
      const tcb = chain[i]!;
      if (tcb.remoteWord === remote && tcb.localWord === local) {
        this.#recent = tcb;
        return tcb;
      }
    }
    return undefined;
  }

  #add(tcb: Tcb): void {
    const chain = this.#connections.get(tcb.peerPorts);
    if (chain === undefined) this.#connections.set(tcb.peerPorts, [tcb]);
    else chain.push(tcb);
  }
}

/** The program of a connection that its listener has not taken yet. */
const refusing: StreamEvents = { established() {}, received() {}, closed() {} };

/** What the C library says for the errors of `connect`. */
const errorText: Readonly<Record<string, string>> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  ENETDOWN: 'Network is down',
};

/** Linux `icmp_err_convert`, as text; '' for what TCP ignores. */
function icmpText(type: number, code: number): string {
  if (type === 11 || type === 12) return type === 11 ? 'No route to host' : 'Protocol error';
  if (type !== 3) return '';
  if (code === 0 || code === 6 || code === 9 || code === 11) return 'Network is unreachable';
  if (code === 2) return 'Protocol not available';
  if (code === 3) return 'Connection refused';
  if (code === 5) return 'Operation not supported';
  if (code === 7) return 'Host is down';
  if (code === 8) return 'Machine is not on the network';
  return code <= 15 ? 'No route to host' : '';
}
