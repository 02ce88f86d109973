/**
 * SEGMENT ARRIVES (RFC 9293 §3.10.7) for a connection that exists. The numbered comments are the RFC's checks. What
 * the program has to be told is noted in the TCB and told by `tellProgram` (connection.ts), after the frame is gone.
 *
 * Where Linux and the RFC differ, Linux wins: RST and SYN are judged by RFC 5961, PAWS comes first, and answers to
 * segments that are not acceptable are sent at most every 500 ms, unless they carry data.
 */
import type { Frame } from '../../sim/frame-store.ts';
import { MILLISECOND, type VirtualTime } from '../../sim/time.ts';
import type { DropReason } from '../../trace/drop-reason.ts';
import * as Tcp from '../../wire/tcp.ts';
import { acknowledgementArrives } from './acknowledgement.ts';
import { INITIAL_WINDOW } from './congestion/control.ts';
import { acknowledgeIfDue, finArrives, reportDuplicate, textArrives } from './data-arrives.ts';
import { acceptAnswer, acceptOffer } from './ecn.ts';
import { guessSegment, negotiate, timestampNow, timestampOctets } from './options.ts';
import { notePushes, retransmit, sendAck, sendReset, transmit } from './output.ts';
import { hurryRetransmission, restartTimeout } from './retransmission-timer.ts';
import { type Segment, unwrap } from './segment.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';
import { armKeepalive, enterTimeWait, FIN_TIMEOUT, push, TIME_WAIT_LENGTH, waitForEnd } from './timers.ts';

/** The segment was taken (or was harmless), or why it was dropped. */
export type Verdict = '' | DropReason;

const CHALLENGE_INTERVAL: VirtualTime = 500 * MILLISECOND;
/** TS.Recent is worth nothing after 24 days (RFC 7323 §5.5). */
const PAWS_EXPIRY: VirtualTime = 24 * 86_400_000 * MILLISECOND;

/** `answerReset` sends the RST of RFC 9293 §3.5.2 for a segment that belongs to no connection. */
export function segmentArrives(
  tcb: Tcb,
  segment: Segment,
  frame: Frame,
  answerReset: (segment: Segment) => void,
): Verdict {
  tcb.statistics.segmentsIn++;
  if (tcb.state === State.SYN_SENT) return arrivesInSynSent(tcb, segment, answerReset);
  segment.place(tcb.rcv.nxt, tcb.snd.una);
  if (tcb.state === State.TIME_WAIT) return arrivesInTimeWait(tcb, segment);

  // First, check the sequence number; before it, PAWS (RFC 7323 §5.3).
  if (isOldDuplicate(tcb, segment) && !segment.has(Tcp.RST)) return notAcceptable(tcb, segment);
  const end = segment.seq + segment.sequenceLength;
  const { window, rcv } = tcb;
  if (end < window.offeredAt || segment.seq > rcv.nxt + window.left(rcv.nxt)) {
    if (!segment.has(Tcp.RST)) return notAcceptable(tcb, segment);
    if (!isResetAfterFin(tcb, segment)) return 'TCP_OUT_OF_WINDOW';
    resetArrived(tcb);
    return '';
  }

  // Second, check the RST bit (RFC 5961 §3.2): it must be exactly where we are, or where the peer may think we are.
  if (segment.has(Tcp.RST)) {
    const exact = segment.seq === rcv.nxt || segment.seq === tcb.receiveQueue.reportedEnd;
    if (!exact && !isResetAfterFin(tcb, segment)) return challenge(tcb);
    resetArrived(tcb);
    return '';
  }

  // Third, check security: there is none.
  // Fourth, check the SYN bit (RFC 5961 §4.2).
  if (segment.has(Tcp.SYN)) {
    const again = tcb.state === State.SYN_RECEIVED && segment.seq === rcv.irs;
    if (!again) return unexpectedSyn(tcb, segment, answerReset);
    if (!segment.has(Tcp.ACK)) {
      if (segment.hasTimestamps) tcb.timestamps.recent = segment.tsValue >>> 0;
      retransmit(tcb, tcb.inFlight.head);
      return '';
    }
    // Both sides opened: this SYN-ACK acknowledges ours, its own SYN we have, and say so.
    segment.seq++;
    segment.flags &= ~Tcp.SYN;
    reportDuplicate(tcb, rcv.irs, rcv.nxt);
  }

  // Fifth, check the ACK field.
  if (!segment.has(Tcp.ACK)) return 'TCP_OUT_OF_WINDOW';
  const refused = acknowledged(tcb, segment, answerReset);
  if (refused !== undefined) return refused;

  // Sixth, check the URG bit: urgent data is ordinary data here, as RFC 6093 wants it.
  // Seventh, process the segment text; eighth, check the FIN bit.
  const verdict = segment.sequenceLength > 0 ? textArrives(tcb, segment, frame, answerReset) : '';
  if (rcv.nxt === rcv.fin) finArrives(tcb);
  // New data last, so that it acknowledges what came with the permission to send it (Linux `tcp_data_snd_check`).
  if (tcb.tellFailure === '') {
    push(tcb);
    acknowledgeIfDue(tcb);
  }
  return verdict;
}

/** RFC 9293 §3.10.7.3. */
function arrivesInSynSent(tcb: Tcb, segment: Segment, answerReset: (segment: Segment) => void): Verdict {
  const { snd, rcv } = tcb;
  // First, check the ACK bit: it must be for our SYN, and echo a timestamp that we sent.
  const withAck = segment.has(Tcp.ACK);
  if (withAck) {
    const ack = unwrap(segment.ack, snd.una);
    if (ack <= snd.iss || ack > snd.nxt) {
      // The peer has an old connection: our RST clears it away, so the SYN goes again soon (Linux).
      if (tcb.retries === 0) hurryRetransmission(tcb);
      if (!segment.has(Tcp.RST)) answerReset(segment);
      return 'TCP_OUT_OF_WINDOW';
    }
    if (segment.hasTimestamps && segment.tsEcho !== 0 && !isOurStamp(tcb, segment.tsEcho)) {
      if (!segment.has(Tcp.RST)) answerReset(segment);
      return 'TCP_OUT_OF_WINDOW';
    }
    segment.ack = ack;
  }
  // Second, check the RST bit.
  if (segment.has(Tcp.RST)) {
    if (!withAck) return 'TCP_OUT_OF_WINDOW';
    tcb.tellFailure = 'Connection refused';
    return '';
  }
  // Third, security; fourth, check the SYN bit.
  if (!segment.has(Tcp.SYN)) return 'TCP_OUT_OF_WINDOW';
  negotiate(tcb, segment, tcb.ip.sysctl);
  if (withAck) acceptAnswer(tcb, segment);
  else if (tcb.ecn.ok) acceptOffer(tcb, segment, tcb.ip.sysctl);
  rcv.irs = segment.seq;
  rcv.nxt = segment.seq + 1;
  tcb.window.offeredAt = rcv.nxt;
  snd.wl1 = segment.seq;
  if (!withAck) {
    // Both sides open at once: answer with a SYN-ACK, and wait for theirs.
    tcb.state = State.SYN_RECEIVED;
    transmit(tcb, snd.iss, snd.nxt);
    restartTimeout(tcb);
    return '';
  }
  tcb.state = State.ESTABLISHED;
  const sent = tcb.statistics.segmentsOut;
  synAcknowledged(tcb, segment);
  push(tcb);
  // Data that waited for the handshake carries the acknowledgement.
  if (tcb.statistics.segmentsOut === sent) sendAck(tcb);
  return '';
}

/** The handshake is complete: SEG.ACK covers our SYN. */
function synAcknowledged(tcb: Tcb, segment: Segment): void {
  const { snd, cong, rto } = tcb;
  // RFC 6298 (5.7), RFC 5681 §3.1: a SYN that was lost more than once is a sign of congestion.
  cong.cwnd = tcb.statistics.retransmits > 1 ? 1 : INITIAL_WINDOW;
  tcb.window.established(tcb.rcv.nxt, tcb.advertisedMss - timestampOctets(tcb), tcb.now);
  guessSegment(tcb);
  // "The window in a SYN is never scaled", RFC 7323 §2.2.
  const agreed = snd.scale;
  if (segment.has(Tcp.SYN)) snd.scale = 0;
  acknowledgementArrives(tcb, segment);
  snd.scale = agreed;
  rto.fallBack();
  notePushes(tcb);
  if (snd.fin !== Number.POSITIVE_INFINITY) tcb.state = State.FIN_WAIT_1;
  tcb.tellEstablished = true;
  if (tcb.keepalive !== undefined) armKeepalive(tcb, tcb.keepalive);
}

/** Fifth check. Returns a verdict when the segment goes no further. */
function acknowledged(
  tcb: Tcb,
  segment: Segment,
  answerReset: (segment: Segment) => void,
): Verdict | undefined {
  const { snd, timestamps } = tcb;
  if (tcb.state === State.SYN_RECEIVED) {
    if (segment.ack <= snd.una || segment.ack > snd.nxt) {
      answerReset(segment);
      return 'TCP_OUT_OF_WINDOW';
    }
    tcb.state = State.ESTABLISHED;
    synAcknowledged(tcb, segment);
    if (tcb.connection === undefined && !tcb.services.accept(tcb)) {
      sendReset(tcb);
      tcb.services.forget(tcb);
      return '';
    }
  } else {
    // RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, but not of octets that were never sent.
    const oldest = snd.una - Math.min(snd.maxWnd, tcb.statistics.bytesAcked);
    if (segment.ack > snd.nxt || segment.ack < oldest) return challenge(tcb);
    acknowledgementArrives(tcb, segment);
  }
  tcb.lastHeardAt = tcb.now;
  const covers = timestamps.enabled && segment.hasTimestamps && segment.seq <= timestamps.lastAckSent;
  if (covers && !isOlder(tcb, segment, 0)) {
    timestamps.recent = segment.tsValue >>> 0;
    timestamps.recentAt = tcb.now;
  }
  if (snd.una > snd.fin) finAcknowledged(tcb);
  return tcb.state === State.CLOSED ? '' : undefined;
}

function finAcknowledged(tcb: Tcb): void {
  if (tcb.state === State.FIN_WAIT_1) {
    tcb.state = State.FIN_WAIT_2;
    tcb.connection?.finish('');
    if (tcb.orphan) waitForEnd(tcb, FIN_TIMEOUT);
  } else if (tcb.state === State.CLOSING) {
    tcb.connection?.finish('');
    enterTimeWait(tcb);
  } else if (tcb.state === State.LAST_ACK) {
    tcb.connection?.finish('');
    tcb.services.forget(tcb);
  }
}

/** RFC 9293 §3.10.7.4 for TIME-WAIT, as Linux `tcp_timewait_state_process`; a SYN was handled by the layer. */
function arrivesInTimeWait(tcb: Tcb, segment: Segment): Verdict {
  const { rcv } = tcb;
  if (segment.has(Tcp.RST)) {
    if (segment.seq !== rcv.nxt) return 'TCP_OUT_OF_WINDOW';
    tcb.services.forget(tcb);
    return '';
  }
  if (segment.seq === rcv.nxt && segment.sequenceLength === 0) return '';
  if (segment.has(Tcp.ACK)) waitForEnd(tcb, TIME_WAIT_LENGTH);
  if (segment.sequenceLength === 0 || segment.has(Tcp.SYN)) return challenge(tcb);
  sendAck(tcb);
  return 'TCP_OUT_OF_WINDOW';
}

/** May a SYN open a new connection where this one waits? (RFC 9293 §3.6.1, RFC 6191) */
export function yieldsTo(tcb: Tcb, segment: Segment): boolean {
  if (tcb.state !== State.TIME_WAIT || (segment.flags & (Tcp.SYN | Tcp.ACK | Tcp.RST)) !== Tcp.SYN)
    return false;
  const { timestamps } = tcb;
  const newer =
    timestamps.enabled && segment.hasTimestamps && ((segment.tsValue - timestamps.recent) | 0) > 0;
  return newer || unwrap(segment.seq, tcb.rcv.nxt) > tcb.rcv.nxt;
}

/** PAWS (RFC 7323 §5.3), with Linux's tolerance of one tick. */
function isOldDuplicate(tcb: Tcb, segment: Segment): boolean {
  if (!tcb.timestamps.enabled || !segment.hasTimestamps) return false;
  return isOlder(tcb, segment, 1) && !isDisorderedAck(tcb, segment);
}

/** Is the segment's timestamp more than `tolerated` below TS.Recent, and is that worth something? */
function isOlder(tcb: Tcb, segment: Segment, tolerated: number): boolean {
  const { timestamps } = tcb;
  if (((timestamps.recent - segment.tsValue) | 0) <= tolerated) return false;
  // Some hosts put 0 into their SYN.
  return timestamps.recent !== 0 && tcb.now - timestamps.recentAt < PAWS_EXPIRY;
}

/** A duplicate ACK that was overtaken harms nobody (Linux `tcp_disordered_ack`). */
function isDisorderedAck(tcb: Tcb, segment: Segment): boolean {
  const { snd, rcv, timestamps } = tcb;
  if (segment.sequenceLength > 0 || segment.seq !== rcv.nxt || segment.ack !== snd.una) return false;
  const opensWindow = segment.seq === snd.wl1 && segment.window << snd.scale > snd.wnd;
  if (opensWindow || segment.seq > snd.wl1) return false;
  return ((timestamps.recent - segment.tsValue) | 0) <= (tcb.rto.timeout * 1.024) / MILLISECOND;
}

/** Does a SYN-ACK echo one of the timestamps that our SYNs carried? */
function isOurStamp(tcb: Tcb, echo: number): boolean {
  const newest = timestampNow(tcb, tcb.now);
  return ((newest - echo) | 0) >= 0 && ((echo - tcb.timestamps.first) | 0) >= 0;
}

/** After its FIN a peer that forgot the connection may not count that octet (Linux `tcp_reset_check`). */
const isResetAfterFin = (tcb: Tcb, segment: Segment): boolean =>
  segment.seq === tcb.rcv.nxt - 1 &&
  (tcb.state === State.CLOSE_WAIT || tcb.state === State.LAST_ACK || tcb.state === State.CLOSING);

/** A SYN in the window: a real peer proves it (RFC 5961 §4.2); a handshake that has no program yet is given up. */
function unexpectedSyn(tcb: Tcb, segment: Segment, answerReset: (segment: Segment) => void): Verdict {
  if (tcb.state !== State.SYN_RECEIVED || tcb.connection !== undefined) return challenge(tcb);
  answerReset(segment);
  tcb.services.forget(tcb);
  return 'TCP_OUT_OF_WINDOW';
}

/** "Send an acknowledgment … and drop", but two hosts must not answer each other for ever. */
function notAcceptable(tcb: Tcb, segment: Segment): Verdict {
  if (segment.sequenceLength === 0 || segment.has(Tcp.SYN)) return challenge(tcb);
  const { rcv } = tcb;
  if (segment.seq < rcv.nxt) {
    tcb.delayedAck.hurry(tcb.window.offered, rcv.segment);
    tcb.dsackStart = segment.seq;
    tcb.dsackEnd = Math.min(segment.seq + segment.sequenceLength, rcv.nxt);
  }
  sendAck(tcb);
  return 'TCP_OUT_OF_WINDOW';
}

/** A challenge ACK (RFC 5961): a peer that is real answers it with what it meant. */
function challenge(tcb: Tcb): Verdict {
  if (tcb.now - tcb.lastChallengeAt >= CHALLENGE_INTERVAL) {
    tcb.lastChallengeAt = tcb.now;
    sendAck(tcb);
  }
  return 'TCP_OUT_OF_WINDOW';
}

function resetArrived(tcb: Tcb): void {
  const active = tcb.connection?.isActive === true;
  tcb.tellFailure =
    tcb.state === State.SYN_RECEIVED && active ? 'Connection refused' : 'Connection reset by peer';
}
