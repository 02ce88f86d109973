/**
 * The transmission control block (RFC 9293 §3.3.1): everything a connection remembers. It has no behaviour; the
 * modules beside it each own a part of it:
 *
 *   connection.ts  open, send, close, abort        segment-arrives.ts  RFC 9293 §3.10.7
 *   output.ts      what to send and when           recovery.ts         losses, timeouts
 *   delayed-ack.ts when to acknowledge             timers.ts           what each timer does
 *   output-run.ts, header-prediction.ts            the short ways through both, for a transfer
 *
 * Sequence numbers are unwrapped (segment.ts). `snd.una <= snd.nxt <= queue.end (+ 1 for the FIN)`.
 */
import { type AddressWord, toWord } from '../../addr/address-word.ts';
import type { Ipv4Address } from '../../addr/ipv4.ts';
import { type Clock, MILLISECOND, NEVER, type Timer, type VirtualTime } from '../../sim/time.ts';
import * as Checksum from '../../wire/checksum.ts';
import { PROTOCOL_TCP } from '../../wire/ipv4.ts';
import * as Tcp from '../../wire/tcp.ts';
import type { IpLayer, SendRequest } from '../transport.ts';
import { type CongestionControl, type CongestionState, INITIAL_WINDOW } from './congestion/control.ts';
import type { Connection } from './connection.ts';
import { DelayedAck } from './delayed-ack.ts';
import type { EcnVariables } from './ecn.ts';
import { DUPLICATE_THRESHOLD, type Reordering } from './rack.ts';
import { ReceiveQueue } from './receive-queue.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { RetransmitQueue } from './retransmit-queue.ts';
import { RtoEstimator } from './rto.ts';
import { SendQueue } from './send-queue.ts';
import type { Undo } from './undo.ts';

export const CLOSED = 0;
export const SYN_SENT = 1;
export const SYN_RECEIVED = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT_1 = 4;
export const FIN_WAIT_2 = 5;
export const CLOSE_WAIT = 6;
export const CLOSING = 7;
export const LAST_ACK = 8;
export const TIME_WAIT = 9;

/** As `ss` prints them. */
export const stateNames = [
  'UNCONN',
  'SYN-SENT',
  'SYN-RECV',
  'ESTAB',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;
export type StateName = (typeof stateNames)[number];

/** Where loss recovery stands (Linux `icsk_ca_state`). */
export const OPEN = 0;
export const DISORDER = 1;
/** The peer told of congestion: the window goes down as in RECOVERY, but nothing is lost. */
export const CWR = 2;
export const RECOVERY = 3;
export const LOSS = 4;

/** What the connection's timer is armed for. */
export type Wait = 'nothing' | 'retransmission' | 'tail' | 'reordering' | 'window' | 'end' | 'failure';

/** Default MSS of a peer that sends no option (RFC 9293 §3.7.1). */
export const DEFAULT_MSS = 536;

/** What a connection needs of the layer it belongs to. */
export interface Services {
  readonly ip: IpLayer;
  /** The connection is over: take it out of the tables. */
  forget(tcb: Tcb): void;
  /** A passive open is complete: find the program. False when it does not want it. */
  accept(tcb: Tcb): boolean;
}

export interface SendVariables {
  iss: number;
  una: number;
  nxt: number;
  /** The peer's window, scaled, and the segment it came with. */
  wnd: number;
  wl1: number;
  wl2: number;
  /** Largest window the peer ever offered. */
  maxWnd: number;
  /** Shift of the peer's window fields. */
  scale: number;
  /** End of the last segment that was not full (Minshall's form of Nagle's rule). */
  smallEnd: number;
  /** End of the last segment with PSH, and after how many octets without one there is another. */
  pushedTo: number;
  pushAfter: number;
  /** Sequence number of our FIN; infinite until the program closes. */
  fin: number;
}

export interface ReceiveVariables {
  irs: number;
  nxt: number;
  /** Sequence number of the peer's FIN; infinite until it is known. */
  fin: number;
  /** Largest segment seen lately (Linux `rcv_mss`), and the last one if it was smaller; else 0. */
  segment: number;
  lastSmaller: number;
}

export interface Timestamps {
  enabled: boolean;
  /** Ours are milliseconds plus this. */
  readonly offset: number;
  /** What our first segment carried. */
  readonly first: number;
  /** The peer's newest acceptable value (TS.Recent), as on the wire, and when it came. */
  recent: number;
  recentAt: VirtualTime;
  /** RCV.NXT of our last acknowledgement: only a segment that covers it updates TS.Recent. */
  lastAckSent: number;
}

export interface Statistics {
  segmentsOut: number;
  segmentsIn: number;
  dataSegmentsOut: number;
  dataSegmentsIn: number;
  /** Octets sent, retransmissions included. */
  bytesSent: number;
  bytesRetransmitted: number;
  /** Octets the peer acknowledged. */
  bytesAcked: number;
  /** Octets handed to the program, in order. */
  bytesReceived: number;
  /** Segments retransmitted. */
  retransmits: number;
  /** Timer expiries. */
  timeouts: number;
  fastRecoveries: number;
}

export class Tcb {
  state: number = CLOSED;
  readonly services: Services;
  readonly ip: IpLayer;
  readonly clock: Clock;
  readonly request: SendRequest;
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  /** What tells its segments from others: addresses, and both ports as they lie in ours and in the peer's headers. */
  readonly localWord: AddressWord;
  readonly remoteWord: AddressWord;
  readonly ports: number;
  readonly peerPorts: number;
  /** Of what never changes in our segments: pseudo header, ports, and a header with timestamps alone. */
  readonly fixedSum: number;
  /** The program's end. */
  connection: Connection | undefined;
  /** TTL of the SYN-ACK, which a listener may set apart; 0 = as other segments. */
  synAckTtl = 0;
  /** Probe number that our frames carry. */
  tag = 0;
  readonly snd: SendVariables;
  readonly rcv: ReceiveVariables;
  readonly timestamps: Timestamps;
  sackEnabled = false;
  /** Nagle's algorithm is off (TCP_NODELAY). */
  noDelay = false;
  /** MTU of the path, the MSS option we send, and octets of data in a full segment. */
  pathMtu = 0;
  /** When this is acknowledged the path is looked up again. */
  pathCheckedTo = 0;
  advertisedMss = 0;
  peerMss = DEFAULT_MSS;
  mss = DEFAULT_MSS;
  readonly sendQueue: SendQueue;
  readonly inFlight = new RetransmitQueue();
  readonly receiveQueue = new ReceiveQueue();
  readonly window: ReceiveWindow;
  readonly rto = new RtoEstimator();
  readonly delayedAck: DelayedAck;
  readonly congestion: CongestionControl;
  readonly cong: CongestionState = {
    cwnd: INITIAL_WINDOW,
    ssthresh: Number.POSITIVE_INFINITY,
    cwndCount: 0,
  };

  readonly ecn: EcnVariables = { ok: false, echo: false, cwr: false, seen: false };

  /** Loss recovery (recovery.ts). */
  caState: number = OPEN;
  /** Recovery ends when this is acknowledged. */
  highSeq = 0;
  /** Window before the loss, and the proportional rate reduction since (RFC 6937). */
  priorCwnd = 0;
  prrDelivered = 0;
  prrOut = 0;
  /** First position that may be LOST and not yet sent again. */
  retransmitHint = 0;
  /** Every segment before this position has been looked at for loss. */
  lossEdge = 0;
  /** SACK blocks of the last acknowledgement that brought any: their inside is marked already. */
  readonly sackCache: { start: number; end: number }[] = [];
  /** Start of the highest SACKed segment. */
  highestSacked = 0;
  /** Latest departure of a segment known to have arrived (RFC 8985 RACK.xmit_ts), and its end. */
  rackSentAt: VirtualTime = -1;
  rackEnd = 0;
  /** Round trip of the segment that arrived last, the smallest ever seen, and that something arrived since. */
  rackRtt: VirtualTime = 0;
  minRtt: VirtualTime = NEVER;
  rackAdvanced = false;
  readonly reordering: Reordering = {
    seen: false,
    degree: DUPLICATE_THRESHOLD,
    steps: 1,
    persist: 0,
    reported: false,
    adjustedAt: 0,
  };
  /** Segments that the peer has reported as duplicates. */
  duplicates = 0;
  /** After a timeout: not sure yet that anything was lost (F-RTO). */
  frto = false;
  /** No retransmission in flight is older than this. */
  oldestResent: VirtualTime = NEVER;
  /** SND.NXT when a tail loss probe was sent that is not answered yet; 0 = none. */
  tailProbeEnd = 0;
  tailProbeIsNew = false;
  readonly undo: Undo = { marker: -1, ssthresh: 0, outstanding: -1, stamp: -1 };
  /** Since when nothing new has been acknowledged although something was retransmitted; -1 = not so. */
  retransmittingSince: VirtualTime = -1;
  /** Retransmissions without any progress, to count SYN retries. */
  retries = 0;
  /** Zero-window probes without an answer. */
  probes = 0;
  keepaliveProbes = 0;

  /** The window was full of unacknowledged segments when we last sent: it is what limits us. */
  cwndLimited = false;
  maxPackets = 0;
  cwndUsageSeq = 0;
  lastSentAt: VirtualTime = -1;
  lastHeardAt: VirtualTime = 0;
  /** Last acknowledgement of an unacceptable segment, which come at most every 500 ms. */
  lastChallengeAt: VirtualTime = Number.NEGATIVE_INFINITY;
  /** An acknowledgement is due whatever the delayed-ACK rules say. */
  ackNow = false;
  /** A duplicate to report in the next SACK option (RFC 2883); `dsackEnd` 0 = none. */
  dsackStart = 0;
  dsackEnd = 0;
  /** What ICMP said last about the path: the reason given if the connection times out. */
  softError = '';
  /** The program takes what arrives; false while it has paused. */
  reading = true;
  /** What to tell the program when the segment that is being handled has been dealt with. */
  tellEstablished = false;
  tellFin = false;
  tellFailure = '';
  /** The program has closed its end completely: what still comes is answered with RST. */
  orphan = false;

  /** Retransmission, zero-window probe, FIN-WAIT-2 and TIME-WAIT take turns on one timer. */
  readonly timer: Timer;
  /** What `timer` waits for. */
  waitingFor: Wait = 'nothing';
  keepaliveTimer: Timer | undefined;
  keepalive: Keepalive | undefined;

  readonly statistics: Statistics = {
    segmentsOut: 0,
    segmentsIn: 0,
    dataSegmentsOut: 0,
    dataSegmentsIn: 0,
    bytesSent: 0,
    bytesRetransmitted: 0,
    bytesAcked: 0,
    bytesReceived: 0,
    retransmits: 0,
    timeouts: 0,
    fastRecoveries: 0,
  };

  constructor(options: {
    readonly services: Services;
    readonly request: SendRequest;
    readonly iss: number;
    readonly timestampOffset: number;
    readonly window: ReceiveWindow;
    readonly congestion: CongestionControl;
    readonly expire: (tcb: Tcb) => void;
    readonly expireDelayedAck: (tcb: Tcb) => void;
  }) {
    const { services, request, iss } = options;
    this.services = services;
    this.ip = services.ip;
    this.clock = services.ip.clock;
    this.request = request;
    this.localAddress = request.source;
    this.localPort = request.sourcePort;
    this.remoteAddress = request.destination;
    this.remotePort = request.destinationPort;
    this.localWord = toWord(this.localAddress);
    this.remoteWord = toWord(this.remoteAddress);
    this.ports = Tcp.portsWord(this.localPort, this.remotePort);
    this.peerPorts = Tcp.portsWord(this.remotePort, this.localPort);
    const { localWord, remoteWord } = this;
    this.fixedSum = Tcp.timestampedSum(
      Checksum.pseudoHeader(localWord, remoteWord, PROTOCOL_TCP, 0),
      this.ports,
    );
    this.snd = {
      iss,
      una: iss,
      nxt: iss,
      wnd: 0,
      wl1: 0,
      wl2: 0,
      maxWnd: 0,
      scale: 0,
      smallEnd: iss,
      pushedTo: iss + 1,
      pushAfter: Number.POSITIVE_INFINITY,
      fin: Number.POSITIVE_INFINITY,
    };
    this.rcv = { irs: 0, nxt: 0, fin: Number.POSITIVE_INFINITY, segment: DEFAULT_MSS, lastSmaller: 0 };
    this.timestamps = {
      enabled: false,
      offset: options.timestampOffset,
      first: (Math.floor(services.ip.clock.now / MILLISECOND) + options.timestampOffset) >>> 0,
      recent: 0,
      recentAt: 0,
      lastAckSent: 0,
    };
    this.sendQueue = new SendQueue(iss + 1);
    this.window = options.window;
    this.congestion = options.congestion;
    this.timer = services.ip.clock.timer(() => options.expire(this));
    this.delayedAck = new DelayedAck(services.ip.clock.timer(() => options.expireDelayedAck(this)));
  }

  get now(): VirtualTime {
    return this.clock.now;
  }

  get stateName(): StateName {
    return stateNames[this.state]!;
  }

  /** Sequence number after everything the program wants sent, its FIN included. */
  get sendEnd(): number {
    return this.snd.fin === Number.POSITIVE_INFINITY ? this.sendQueue.end : this.snd.fin + 1;
  }

  /** Octets that take up receive buffer; a program reads only after what a segment causes was sent. */
  get buffered(): number {
    return this.receiveQueue.early + this.receiveQueue.unread;
  }

  /** The window is on its way down, in proportion to what is delivered. */
  get isReducing(): boolean {
    return this.caState === CWR || this.caState === RECOVERY;
  }

  get isSynchronised(): boolean {
    return this.state >= ESTABLISHED;
  }
}

/** Times in ns, as TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
export interface Keepalive {
  readonly idle: VirtualTime;
  readonly interval: VirtualTime;
  readonly probes: number;
}
