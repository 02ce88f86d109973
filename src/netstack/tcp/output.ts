/**
 * What leaves a connection: when new data may go (window, congestion window, Nagle), and how a segment is put together.
 *
 *   sendPending ──> transmit ──> emit ──> ip.send
 *   retransmit  ──────┘           ^
 *   sendAck, sendProbe, sendReset ┘
 */
import type { Frame } from '../../sim/frame-store.ts';
import * as Ipv4Codec from '../../wire/ipv4.ts';
import * as TcpCodec from '../../wire/tcp.ts';
import type { SendError } from '../transport.ts';
import { INITIAL_WINDOW } from './congestion/control.ts';
import { ecnFlags, synFlags } from './ecn.ts';
import { segmentOptions, synOptions, timestampNow, updateMss, usableMtu } from './options.ts';
import { runLength, sendRun } from './output-run.ts';
import { PUSHED } from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const State = { ...States };
const Tcp = { ...TcpCodec };

type MutableHeader = { -readonly [K in keyof TcpCodec.TcpHeader]: TcpCodec.TcpHeader[K] };

/** Filled in for each segment: nothing is allocated. */
const header: MutableHeader = {
  sourcePort: 0,
  destinationPort: 0,
  sequence: 0,
  acknowledgment: 0,
  flags: 0,
  window: 0,
  checksum: 0,
  urgentPointer: 0,
  options: Tcp.NO_OPTIONS,
};

/** Send what window, congestion window and Nagle's rule, if `small` does not, let go. Returns how many segments went. */
export function sendPending(tcb: Tcb, small = false): number {
  if (!maySend(tcb)) return 0;
  const { snd, inFlight, cong } = tcb;
  if (snd.nxt >= tcb.sendEnd) return 0;
  if (inFlight.packets === 0) restartAfterIdle(tcb);
  if (snd.una >= tcb.pathCheckedTo) refreshPath(tcb);
  if (!small && inFlight.inFlight < cong.cwnd && gathers(tcb)) return 0;
  const bufferEnd = snd.una + tcb.ip.sysctl.tcpWmem[2];
  const first = inFlight.tail;
  let limited = false;
  let goesOn = sendRun(tcb, runLength(tcb, bufferEnd));
  while (goesOn && snd.nxt < tcb.sendEnd) {
    if (inFlight.inFlight >= cong.cwnd) {
      limited = true;
      break;
    }
    const length = nextLength(tcb, bufferEnd);
    if (length < 0 || (length < tcb.mss && !small && heldByNagle(tcb, length))) break;
    goesOn = sendNext(tcb, length);
  }
  const sent = inFlight.tail - first;
  limited = limited || inFlight.inFlight >= cong.cwnd;
  if (sent > 0) tcb.lastSentAt = tcb.now;
  if (tcb.isReducing) tcb.prrOut += sent;
  if (sent > 0 || limited) noteUsage(tcb, limited);
  return sent;
}

/**
 * Octets of data in the next segment (0 = a FIN alone); -1 when the peer's window or the send buffer is full. The
 * window has to hold the whole segment: what is less is left to the probe timer (silly window syndrome).
 */
function nextLength(tcb: Tcb, bufferEnd: number): number {
  const { snd, sendQueue } = tcb;
  const length = Math.min(tcb.mss, sendQueue.end - snd.nxt);
  const end = snd.nxt + length + (carriesFin(tcb, length) ? 1 : 0);
  if (end > snd.una + snd.wnd) return -1;
  return end > bufferEnd && tcb.inFlight.packets > 0 ? -1 : length;
}

const carriesFin = (tcb: Tcb, length: number): boolean => tcb.snd.nxt + length === tcb.snd.fin;

/** Send `length` octets from SND.NXT on, with the FIN if it follows. False when IP does not take even smaller ones. */
function sendNext(tcb: Tcb, length: number): boolean {
  const { snd } = tcb;
  const end = snd.nxt + length + (carriesFin(tcb, length) ? 1 : 0);
  const isPushed = endsPush(tcb, snd.nxt + length);
  if (transmit(tcb, snd.nxt, end, isPushed) === 'EMSGSIZE') return sendShorter(tcb, length);
  if (length < tcb.mss) snd.smallEnd = end;
  enterSent(tcb, end, isPushed);
  return true;
}

/** IP refused `length` octets. False when it takes no smaller segments either. */
export const sendShorter = (tcb: Tcb, length: number): boolean =>
  pathShrank(tcb) && sendNext(tcb, Math.min(length, tcb.mss));

/** What was sent from SND.NXT to `end` is in flight. */
export function enterSent(tcb: Tcb, end: number, isPushed: boolean): void {
  const { snd, inFlight } = tcb;
  inFlight.push(snd.nxt, end, tcb.now, isPushed ? PUSHED : 0);
  if (isPushed) snd.pushedTo = end;
  snd.nxt = end;
}

/** PSH: what the program wrote ends here, or half of the peer's window has gone without one (Linux `forced_push`). */
export const endsPush = (tcb: Tcb, end: number): boolean =>
  end === tcb.sendQueue.end || end > tcb.snd.pushedTo + tcb.snd.pushAfter;

/** The program writes, or may at last: half of the largest window offered so far may go without PSH. */
export function notePushes(tcb: Tcb): void {
  const { snd } = tcb;
  if (snd.maxWnd > 0) snd.pushAfter = snd.maxWnd >> 1;
}

/** One new segment, whatever the congestion window and Nagle say: a tail loss probe. False when there is none. */
export function sendOne(tcb: Tcb): boolean {
  if (!maySend(tcb) || tcb.snd.nxt >= tcb.sendEnd) return false;
  const length = nextLength(tcb, Number.POSITIVE_INFINITY);
  return length >= 0 && sendNext(tcb, length);
}

const maySend = (tcb: Tcb): boolean =>
  tcb.state === State.ESTABLISHED ||
  tcb.state === State.CLOSE_WAIT ||
  tcb.state === State.FIN_WAIT_1 ||
  tcb.state === State.CLOSING ||
  tcb.state === State.LAST_ACK;

/** Minshall's form: one segment that is not full may be in flight, not two. */
const heldByNagle = (tcb: Tcb, length: number): boolean =>
  !tcb.noDelay && !carriesFin(tcb, length) && tcb.inFlight.packets > 0 && tcb.snd.smallEnd > tcb.snd.una;

/**
 * Less than a segment, and Nagle holds it: what most writes of a program that says much in small pieces meet. Asked
 * first, because all else that decides lies in other objects.
 */
function gathers(tcb: Tcb): boolean {
  const rest = tcb.sendQueue.end - tcb.snd.nxt;
  return rest < tcb.mss && heldByNagle(tcb, rest);
}

/** RFC 5681 §4.1: a window that was not used for an RTO is halved for each RTO that passed. */
function restartAfterIdle(tcb: Tcb): void {
  const { cong } = tcb;
  if (tcb.lastSentAt < 0) return;
  const idle = tcb.now - tcb.lastSentAt;
  tcb.congestion.restarted(idle, tcb.now);
  if (idle <= tcb.rto.timeout) return;
  const restart = Math.min(INITIAL_WINDOW, cong.cwnd);
  if (cong.ssthresh !== Number.POSITIVE_INFINITY || cong.cwnd > restart)
    cong.ssthresh = Math.max(cong.ssthresh, (cong.cwnd >> 1) + (cong.cwnd >> 2));
  for (let left = idle - tcb.rto.timeout; left > 0 && cong.cwnd > restart; left -= tcb.rto.timeout)
    cong.cwnd >>= 1;
  cong.cwnd = Math.max(cong.cwnd, restart);
  cong.cwndCount = 0;
}

/** Was the congestion window what limited us lately? Only then may it grow (RFC 7661; Linux `tcp_cwnd_validate`). */
function noteUsage(tcb: Tcb, limited: boolean): void {
  if (
    tcb.snd.una >= tcb.cwndUsageSeq ||
    limited ||
    (!tcb.cwndLimited && tcb.inFlight.packets > tcb.maxPackets)
  ) {
    tcb.cwndLimited = limited;
    tcb.maxPackets = tcb.inFlight.packets;
    tcb.cwndUsageSeq = tcb.snd.nxt;
  }
}

/** Send the sequence range `[start, end)`: SYN, data and FIN as they lie in it. */
export function transmit(tcb: Tcb, start: number, end: number, isPushed = false): SendError {
  const { snd, statistics } = tcb;
  if (start === snd.iss) return sendSyn(tcb);
  const fin = end > snd.fin;
  const length = end - start - (fin ? 1 : 0);
  let flags = Tcp.ACK;
  if (fin) flags |= Tcp.FIN;
  if (length > 0) {
    if (isPushed) flags |= Tcp.PSH;
    statistics.dataSegmentsOut++;
    statistics.bytesSent += length;
    tcb.delayedAck.dataSent(tcb.now);
  }
  return emit(tcb, start, flags, length);
}

function sendSyn(tcb: Tcb): SendError {
  const offer = tcb.state === State.SYN_SENT;
  const { request } = tcb;
  const ttl = request.ttl;
  if (!offer) {
    // The answer to a SYN is sent without a socket of its own: its IP ID is 0, its TTL the listener's.
    if (tcb.synAckTtl > 0) request.ttl = tcb.synAckTtl;
    request.pmtu = 'do';
  }
  const flags = synFlags(tcb, offer);
  header.options = synOptions(tcb, offer, tcb.ip.sysctl);
  // "The window in a SYN is never scaled", RFC 7323 §2.2.
  header.window = tcb.window.offered;
  const error = send(tcb, tcb.snd.iss, (offer ? Tcp.SYN : Tcp.SYN | Tcp.ACK) | flags, 0);
  request.ttl = ttl;
  request.pmtu = 'want';
  return error;
}

/** Send position `position` of the queue again, cut to the MSS of now. */
export function retransmit(tcb: Tcb, position: number): void {
  const { inFlight, snd, statistics } = tcb;
  const start = inFlight.start(position);
  let limit = start + tcb.mss;
  if (start + tcb.mss === snd.fin) limit++;
  if (start !== snd.iss && inFlight.end(position) > limit) inFlight.split(position, limit);
  const end = inFlight.end(position);
  inFlight.resent(position, tcb.now);
  const isPushed = (inFlight.marks(position) & PUSHED) !== 0;
  if (tcb.retransmittingSince < 0) tcb.retransmittingSince = tcb.now;
  statistics.retransmits++;
  statistics.bytesRetransmitted += Math.min(end, snd.fin) - Math.max(start, snd.iss + 1);
  if (transmit(tcb, start, end, isPushed) === 'EMSGSIZE' && pathShrank(tcb)) retransmit(tcb, position);
}

/**
 * Once a round trip, and when the timer expires: has IP learnt of another MTU, or forgotten one? (Linux
 * `tcp_current_mss` compares before every segment.)
 */
export function refreshPath(tcb: Tcb): void {
  tcb.pathCheckedTo = tcb.snd.nxt + 1;
  const path = tcb.ip.path(tcb.request);
  if (typeof path === 'string') return;
  tcb.pathMtu = usableMtu(path.mtu);
  updateMss(tcb);
}

/** IP refused a segment as too large: the path's MTU is asked for again. True when segments became smaller. */
function pathShrank(tcb: Tcb): boolean {
  const path = tcb.ip.path(tcb.request);
  return typeof path !== 'string' && shrinkPath(tcb, path.mtu);
}

/** Linux's net.ipv4.route.min_pmtu: smaller reports are not believed. */
const MIN_PATH_MTU = 552;

/** The path takes `mtu` octets. True when segments became smaller. */
export function shrinkPath(tcb: Tcb, mtu: number): boolean {
  const believed = Math.max(mtu, Math.min(MIN_PATH_MTU, tcb.pathMtu));
  if (believed >= tcb.pathMtu) return false;
  const before = tcb.mss;
  tcb.pathMtu = believed;
  updateMss(tcb);
  return tcb.mss < before;
}

/** An acknowledgement without data. */
export function sendAck(tcb: Tcb): void {
  if (tcb.state < State.SYN_RECEIVED) return;
  tcb.ackNow = false;
  emit(tcb, tcb.snd.nxt, Tcp.ACK, 0);
}

/** A segment the peer cannot accept, so that it answers: zero-window and keepalive probes (RFC 9293 §3.8.6.1). */
export function sendProbe(tcb: Tcb): void {
  emit(tcb, tcb.snd.una - 1, Tcp.ACK, 0);
}

export function sendReset(tcb: Tcb): void {
  emit(tcb, tcb.snd.nxt, Tcp.RST | Tcp.ACK, 0);
}

function emit(tcb: Tcb, seq: number, flags: number, length: number): SendError {
  const { window, rcv, delayedAck } = tcb;
  const used = tcb.buffered;
  const offer = Math.min(0xffff, window.select(rcv.nxt, used, rcv.segment) >> window.scale);
  if (window.isTight(used)) delayedAck.quick = 0;
  delayedAck.acknowledged();
  if (isTimestampedOnly(tcb)) return sendTimestamped(tcb, seq, flags, length, offer);
  header.options = segmentOptions(tcb, length === 0 ? Number.POSITIVE_INFINITY : tcb.mss - length);
  header.window = offer;
  if (!tcb.ecn.ok) return send(tcb, seq, flags, length);
  const newData = length > 0 && seq >= tcb.snd.nxt;
  const { request } = tcb;
  request.tos |= newData ? Ipv4.ECN_ECT0 : 0;
  const error = send(tcb, seq, flags | ecnFlags(tcb, newData), length);
  request.tos &= ~Ipv4.ECN_ECT0;
  return error;
}

/** No SACK blocks to report, and no ECN: nearly always. */
export const isTimestampedOnly = (tcb: Tcb): boolean =>
  tcb.timestamps.enabled && tcb.dsackEnd === 0 && tcb.receiveQueue.blockCount === 0 && !tcb.ecn.ok;

/** The same as `send`, for a segment with ACK whose only option is the timestamps. */
function sendTimestamped(tcb: Tcb, seq: number, flags: number, length: number, offer: number): SendError {
  const { ip, rcv, timestamps } = tcb;
  const { frames } = ip;
  timestamps.lastAckSent = rcv.nxt;
  const frame = frames.allocate();
  frames.tag[frame] = tcb.tag;
  const at = frames.append(frame, Tcp.TIMESTAMPED_LENGTH);
  let sum = tcb.fixedSum + length;
  if (length > 0) {
    tcb.sendQueue.describe(seq, length, frames, frame);
    sum += frames.payloadSum(frame);
  }
  const view = frames.view(frame);
  const value = timestampNow(tcb, tcb.now) | 0;
  const echo = timestamps.recent | 0;
  const control = Tcp.controlWord(flags, offer);
  Tcp.emitTimestamped(view, at, tcb.ports, seq | 0, rcv.nxt | 0, control, value, echo, sum);
  tcb.statistics.segmentsOut++;
  return ip.send(frame, tcb.request);
}

/** Options and window are in `header` already. */
function send(tcb: Tcb, seq: number, flags: number, length: number): SendError {
  const { ip, request, rcv } = tcb;
  const { frames } = ip;
  const withAck = (flags & Tcp.ACK) !== 0;
  header.sourcePort = tcb.localPort;
  header.destinationPort = tcb.remotePort;
  header.sequence = seq >>> 0;
  header.acknowledgment = withAck ? rcv.nxt >>> 0 : 0;
  header.flags = flags;
  if (withAck) tcb.timestamps.lastAckSent = rcv.nxt;
  const frame: Frame = frames.allocate();
  frames.tag[frame] = tcb.tag;
  const octets = Tcp.MIN_HEADER_LENGTH + Tcp.optionsLength(header.options);
  const at = frames.append(frame, octets);
  const view = frames.view(frame);
  Tcp.emit(view, at, header);
  let payloadSum = 0;
  if (length > 0) {
    tcb.sendQueue.describe(seq, length, frames, frame);
    payloadSum = frames.payloadSum(frame);
  }
  Tcp.setChecksum(
    view,
    at,
    Tcp.checksum(view, at, octets, request.source, request.destination, octets + length, payloadSum),
  );
  tcb.statistics.segmentsOut++;
  return ip.send(frame, request);
}
