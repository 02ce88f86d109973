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
import { acknowledgeIfDue, finArrives, textArrives } from './data-arrives.ts';
import { negotiate, timestampOctets } from './options.ts';
import { notePushes, retransmit, sendAck, sendReset } from './output.ts';
import { restartTimeout } from './retransmission-timer.ts';
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
    return segment.has(Tcp.RST) ? 'TCP_OUT_OF_WINDOW' : notAcceptable(tcb, segment);
  }

  // Second, check the RST bit (RFC 5961 §3.2): it must be exactly where we are.
  if (segment.has(Tcp.RST)) {
    if (segment.seq !== rcv.nxt) return challenge(tcb);
    resetArrived(tcb);
    return '';
  }

  // Third, check security: there is none.
  // Fourth, check the SYN bit (RFC 5961 §4.2).
  if (segment.has(Tcp.SYN)) {
    const again = tcb.state === State.SYN_RECEIVED && segment.seq === rcv.irs;
    if (!again) return challenge(tcb);
    if (!segment.has(Tcp.ACK)) {
      if (segment.hasTimestamps) tcb.timestamps.recent = segment.tsValue;
      retransmit(tcb, tcb.inFlight.head);
      return '';
    }
    // Both sides opened: this SYN-ACK acknowledges ours, its own SYN we have.
    segment.seq++;
    segment.flags &= ~Tcp.SYN;
  }

  // Fifth, check the ACK field.
  if (!segment.has(Tcp.ACK)) return 'TCP_OUT_OF_WINDOW';
  const refused = acknowledged(tcb, segment, answerReset);
  if (refused !== undefined) return refused;

  // Sixth, check the URG bit: urgent data is ordinary data here, as RFC 6093 wants it.
  // Seventh, process the segment text; eighth, check the FIN bit.
  const verdict = segment.sequenceLength > 0 ? textArrives(tcb, segment, frame) : '';
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
  rcv.irs = segment.seq;
  rcv.nxt = segment.seq + 1;
  tcb.window.offeredAt = rcv.nxt;
  snd.wl1 = segment.seq;
  if (!withAck) {
    // Both sides open at once: answer with a SYN-ACK, and wait for theirs.
    tcb.state = State.SYN_RECEIVED;
    retransmit(tcb, tcb.inFlight.head);
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
    // RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT.
    if (segment.ack > snd.nxt || segment.ack < snd.una - snd.maxWnd) return challenge(tcb);
    acknowledgementArrives(tcb, segment);
  }
  tcb.lastHeardAt = tcb.now;
  if (timestamps.enabled && segment.hasTimestamps && segment.seq <= timestamps.lastAckSent) {
    timestamps.recent = segment.tsValue;
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

function isOldDuplicate(tcb: Tcb, segment: Segment): boolean {
  const { timestamps } = tcb;
  if (!timestamps.enabled || !segment.hasTimestamps) return false;
  if (((segment.tsValue - timestamps.recent) | 0) >= 0) return false;
  if (tcb.now - timestamps.recentAt > PAWS_EXPIRY) return false;
  // A duplicate ACK that was overtaken harms nobody (Linux `tcp_disordered_ack`).
  const disorderedAck =
    segment.sequenceLength === 0 && segment.seq === tcb.rcv.nxt && segment.ack === tcb.snd.una;
  return !disorderedAck;
}

/** "Send an acknowledgment … and drop", but two hosts must not answer each other for ever. */
function notAcceptable(tcb: Tcb, segment: Segment): Verdict {
  if (segment.length === 0 || segment.has(Tcp.SYN)) return challenge(tcb);
  const { rcv } = tcb;
  if (segment.seq < rcv.nxt) {
    tcb.delayedAck.hurry(tcb.window.offered, rcv.segment);
    tcb.dsackStart = segment.seq;
    tcb.dsackEnd = Math.min(segment.seq + segment.length, rcv.nxt);
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
