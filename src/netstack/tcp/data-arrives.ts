/**
 * Segment text and FIN (RFC 9293 §3.10.7.4, seventh and eighth; Linux `tcp_data_queue`), and whether to acknowledge at
 * once. Only data in order moves RCV.NXT; what is early is kept, what is old is reported by D-SACK.
 */
import type { Frame } from '../../sim/frame-store.ts';
import * as Payloads from '../../sim/payload.ts';
import * as Time from '../../sim/time.ts';
import type { DropReason } from '../../trace/drop-reason.ts';
import * as TcpCodec from '../../wire/tcp.ts';
import { cwrArrives, markArrives } from './ecn.ts';
import { LEAST_SEGMENT, timestampNow, timestampOctets } from './options.ts';
import { sendAck } from './output.ts';
import type { Content } from './receive-queue.ts';
import { dataOf, type Segment } from './segment.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';
import { enterTimeWait } from './timers.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Payload = { ...Payloads };
const State = { ...States };
const Tcp = { ...TcpCodec };
const { MILLISECOND } = Time;

/** Smaller segments do not open the window (Linux). */
const GROWING_LENGTH = 128;

/** A segment with data, FIN or both. */
export function textArrives(
  tcb: Tcb,
  segment: Segment,
  frame: Frame,
  answerReset: (segment: Segment) => void,
): '' | DropReason {
  const { rcv } = tcb;
  const { seq, length } = segment;
  if (tcb.ecn.ok) cwrArrives(tcb, segment);
  if (seq + segment.sequenceLength <= rcv.nxt) {
    reportDuplicate(tcb, seq, seq + segment.sequenceLength);
    return 'TCP_OUT_OF_WINDOW';
  }
  // "This should not occur since a FIN has been received": what comes behind it is ignored.
  if (tcb.state > State.FIN_WAIT_2) return 'TCP_OUT_OF_WINDOW';
  if (tcb.orphan && seq + length > rcv.nxt) {
    // Nobody will read it: say so (RFC 2525 §2.17).
    answerReset(segment);
    tcb.tellFailure = 'Connection reset by peer';
    return 'TCP_OUT_OF_WINDOW';
  }
  const verdict = length > 0 ? dataArrives(tcb, segment, frame) : '';
  if (segment.has(Tcp.FIN) && verdict === '') {
    rcv.fin = seq + length;
    if (rcv.nxt < rcv.fin) {
      tcb.receiveQueue.reportEarly(seq, rcv.fin + 1);
      acknowledgeNow(tcb);
    }
  }
  return verdict;
}

/** Data of which some is new, or there is a FIN behind it. */
function dataArrives(tcb: Tcb, segment: Segment, frame: Frame): '' | DropReason {
  const { rcv, receiveQueue, window } = tcb;
  const { seq, length } = segment;
  const end = seq + length;
  // Data we have, with a FIN that is new.
  if (end <= rcv.nxt) return '';
  const left = window.left(rcv.nxt);
  if (Math.max(seq, rcv.nxt) >= rcv.nxt + left) {
    tcb.delayedAck.hurry(window.offered, rcv.segment);
    acknowledgeNow(tcb);
    return 'TCP_OUT_OF_WINDOW';
  }
  if (tcb.ecn.ok) markArrives(tcb, segment);
  if (seq > rcv.nxt) {
    tcb.statistics.dataSegmentsIn++;
    if (receiveQueue.hasAllEarly(seq, end)) {
      reportDuplicate(tcb, seq, end);
      return '';
    }
    receiveQueue.addEarly(seq, contentOf(tcb, segment, frame, 0));
    acknowledgeNow(tcb);
    return '';
  }
  if (seq < rcv.nxt) reportDuplicate(tcb, seq, rcv.nxt);
  inOrderArrives(tcb, segment, frame, rcv.nxt - seq);
  return '';
}

/** Data that begins `skip` octets before RCV.NXT. */
export function inOrderArrives(tcb: Tcb, segment: Segment, frame: Frame, skip: number): void {
  const { rcv, receiveQueue, window } = tcb;
  const { length } = segment;
  tcb.statistics.dataSegmentsIn++;
  receiveQueue.addReady(contentOf(tcb, segment, frame, skip));
  rcv.nxt += length - skip;
  if (receiveQueue.hasEarly) {
    rcv.nxt = receiveQueue.advance(rcv.nxt);
    // RFC 5681 §4.2: an ACK at once while a gap is open, and when it is filled.
    acknowledgeNow(tcb);
  }
  measureSegment(tcb, segment);
  tcb.delayedAck.received(tcb.now, window.offered, rcv.segment, tcb.rto);
  // What has just come is not read yet.
  const used = receiveQueue.early + receiveQueue.unread;
  if (length >= GROWING_LENGTH && window.grow(length, used)) tcb.delayedAck.windowGrew();
}

/** The data from `skip` on: counted if it is virtual and the program can count, else real octets. */
function contentOf(tcb: Tcb, segment: Segment, frame: Frame, skip: number): Content {
  const length = segment.length - skip;
  const { frames } = tcb.ip;
  const virtual = frames.pattern[frame] !== Payload.REAL && segment.inlineLength <= skip;
  if (virtual && tcb.connection?.countsVirtual !== false) return length;
  return dataOf(frames, frame, segment, skip, length);
}

/** Whatever the delayed-ACK rules say. */
function acknowledgeNow(tcb: Tcb): void {
  tcb.ackNow = true;
  tcb.delayedAck.scheduled = true;
}

/** Tell the peer at once that it sent `[start, end)` for nothing (RFC 2883). */
export function reportDuplicate(tcb: Tcb, start: number, end: number): void {
  tcb.delayedAck.hurry(tcb.window.offered, tcb.rcv.segment);
  acknowledgeNow(tcb);
  tcb.dsackStart = start;
  tcb.dsackEnd = end;
}

/** How large the peer's segments are (`tcp_measure_rcv_mss`), and how long its round trip is. */
function measureSegment(tcb: Tcb, segment: Segment): void {
  const { rcv, timestamps, window, delayedAck } = tcb;
  const { length } = segment;
  const lastSmaller = rcv.lastSmaller;
  rcv.lastSmaller = 0;
  if (length >= rcv.segment) {
    rcv.segment = Math.min(length, tcb.advertisedMss);
    if (segment.has(Tcp.PSH)) delayedAck.pushArrived(true);
  } else {
    const octets = length + timestampOctets(tcb);
    const isWhole = octets >= LEAST_SEGMENT && !segment.has(Tcp.FIN | Tcp.SYN | Tcp.PSH | Tcp.URG);
    // Two of one size that end no write: the peer's segments are that small now.
    if (octets >= State.DEFAULT_MSS || isWhole) rcv.lastSmaller = length;
    if (rcv.lastSmaller > 0 && length === lastSmaller) rcv.segment = length;
    else delayedAck.pushArrived(false);
  }
  const isEchoed = timestamps.enabled && segment.hasTimestamps && window.isNewEcho(segment.tsEcho);
  if (isEchoed && length >= rcv.segment) {
    const elapsed = (timestampNow(tcb, tcb.now) - segment.tsEcho) | 0;
    if (elapsed >= 0) window.measureRtt(elapsed * MILLISECOND, segment.tsEcho);
  }
}

/** Everything before the peer's FIN is here. */
export function finArrives(tcb: Tcb): void {
  const { rcv } = tcb;
  rcv.nxt++;
  tcb.receiveQueue.advance(rcv.nxt);
  rcv.fin = Number.POSITIVE_INFINITY;
  tcb.tellFin = true;
  switch (tcb.state) {
    case State.ESTABLISHED:
      tcb.state = State.CLOSE_WAIT;
      // The program will most likely close too: its FIN may carry the acknowledgement.
      tcb.delayedAck.pingpong = true;
      tcb.delayedAck.scheduled = true;
      return;
    case State.FIN_WAIT_1:
      tcb.state = State.CLOSING;
      sendAck(tcb);
      return;
    case State.FIN_WAIT_2:
      sendAck(tcb);
      enterTimeWait(tcb);
      return;
  }
}

/** Acknowledge now or later (Linux `__tcp_ack_snd_check`). */
export function acknowledgeIfDue(tcb: Tcb): void {
  const { delayedAck, rcv, window, receiveQueue } = tcb;
  if (!delayedAck.scheduled && !tcb.ackNow) return;
  if (tcb.state < State.ESTABLISHED || tcb.tellFailure !== '') return;
  const many = rcv.nxt - window.offeredAt > rcv.segment;
  const manyWait = many && window.keepsOpen(tcb.buffered, rcv.segment);
  if (many && window.isTight(tcb.buffered)) delayedAck.quick = 0;
  if (manyWait || delayedAck.inQuickMode || tcb.ackNow || receiveQueue.hasEarly) sendAck(tcb);
  else if (!delayedAck.delay(tcb.now, tcb.rto)) sendAck(tcb);
}

/** The program has read: acknowledge what that makes due, and a window that has at least doubled (`tcp_cleanup_rbuf`). */
export function acknowledgeIfRead(tcb: Tcb): void {
  const { delayedAck, rcv, window } = tcb;
  if (tcb.state < State.ESTABLISHED || tcb.state === State.TIME_WAIT) return;
  // Two segments that were not acknowledged on arrival, since the window would have shrunk.
  const manyWait = delayedAck.scheduled && rcv.nxt - window.offeredAt > rcv.segment;
  const ended = tcb.buffered === 0 && delayedAck.dueWhenRead;
  const goesOn = tcb.state <= State.FIN_WAIT_2;
  if (manyWait || ended || (goesOn && window.worthUpdate(rcv.nxt, tcb.buffered, rcv.segment))) sendAck(tcb);
}
