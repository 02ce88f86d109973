/**
 * The ACK field of an acceptable segment (RFC 9293 §3.10.7.4, fifth; Linux `tcp_ack`): the send window, what it
 * releases, what it measures, and then loss recovery.
 */
import * as Time from '../../sim/time.ts';
import { type AckOutcome, clearOutcome, noteYoungest, outcomeOf } from './ack-outcome.ts';
import { eatDuplicates } from './duplicate-acks.ts';
import { isEcho } from './ecn.ts';
import { timestampNow, updateMss } from './options.ts';
import { adjustWindow, noteArrival, noteReordering } from './rack.ts';
import { judge, recover, retransmitLost } from './recovery.ts';
import * as Marks from './retransmit-queue.ts';
import { sackArrives } from './sack.ts';
import type { Segment } from './segment.ts';
import { tailProbeAnswered } from './tail-loss-probe.ts';
import type { Tcb } from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { MILLISECOND, NEVER } = Time;
const { EVER_RETRANSMITTED, SACKED } = Marks;

/** Filled in anew by each acknowledgement. */
const outcome: AckOutcome = outcomeOf();

/** SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT holds. The caller sends what may go now, and sees to the timer. */
export function acknowledgementArrives(tcb: Tcb, segment: Segment): void {
  const { snd, inFlight } = tcb;
  const { ack } = segment;
  clearOutcome(outcome, snd.una);
  if (tcb.timestamps.enabled && segment.hasTimestamps) outcome.echo = segment.tsEcho >>> 0;
  const hasBlocks = tcb.sackEnabled && segment.sackBlocks.length > 0;
  if (ack < snd.una) {
    // Old, but its SACK blocks may be news.
    if (hasBlocks) {
      sackArrives(tcb, segment, outcome);
      if (judge(tcb, outcome) !== 'nothing') retransmitLost(tcb);
    }
    return;
  }
  tcb.probes = 0;
  tcb.keepaliveProbes = 0;
  const wasEmpty = inFlight.packets === 0;
  outcome.priorHighest = inFlight.sacked === 0 ? snd.una : tcb.highestSacked;
  outcome.advanced = ack > snd.una;
  outcome.congestion = !wasEmpty && isEcho(tcb, segment);
  const windowCame = updateWindow(tcb, segment);
  if (hasBlocks) sackArrives(tcb, segment, outcome);
  if (outcome.advanced) release(tcb, ack);
  outcome.tellsNews = windowCame || outcome.released > 0 || segment.sequenceLength > 0;
  outcome.isDuplicate = !outcome.advanced && !outcome.tellsNews && !outcome.duplicateReported && !wasEmpty;
  if (wasEmpty) {
    if (outcome.duplicateReported) judge(tcb, outcome);
    tailProbeAnswered(tcb, ack, outcome);
    return;
  }
  measure(tcb, segment);
  // A hole that was not sent again is filled: something overtook it.
  if (tcb.sackEnabled && outcome.lowestAcked < outcome.priorHighest) noteReordering(tcb, outcome.lowestAcked);
  adjustWindow(tcb, outcome.youngestAt);
  tailProbeAnswered(tcb, ack, outcome);
  recover(tcb, outcome);
}

/** RFC 9293: the newest segment's window counts. True when it is this one's. */
export function updateWindow(tcb: Tcb, segment: Segment): boolean {
  const { snd } = tcb;
  const window = segment.window << snd.scale;
  const { ack, seq } = segment;
  if (!(ack > snd.una || seq > snd.wl1 || (seq === snd.wl1 && (window > snd.wnd || window === 0))))
    return false;
  snd.wnd = window;
  snd.wl1 = seq;
  snd.wl2 = ack;
  if (window > snd.maxWnd) {
    const wasSmall = snd.maxWnd < 2 * tcb.pathMtu;
    snd.maxWnd = window;
    if (wasSmall) updateMss(tcb);
  }
  return true;
}

/** Take everything before `ack` off the queues (`tcp_clean_rtx_queue`). */
function release(tcb: Tcb, ack: number): void {
  const { snd, inFlight } = tcb;
  while (inFlight.packets > 0) {
    const { head } = inFlight;
    if (inFlight.end(head) > ack) {
      if (inFlight.start(head) < ack) inFlight.trimHead(ack);
      break;
    }
    noteReleased(tcb, head);
    inFlight.shift();
  }
  if (outcome.released > 0) outcome.restartsTimer = true;
  if (!tcb.sackEnabled && outcome.released > 0) eatDuplicates(tcb, outcome);
  const from = Math.max(snd.una, snd.iss + 1);
  tcb.statistics.bytesAcked += Math.max(0, Math.min(ack, tcb.sendQueue.end) - from);
  snd.una = ack;
  tcb.sendQueue.release(ack);
  tcb.retries = 0;
  tcb.retransmittingSince = -1;
  tcb.softError = '';
}

/** The segment at `position` leaves the queue. */
function noteReleased(tcb: Tcb, position: number): void {
  const { inFlight } = tcb;
  const marks = inFlight.marks(position);
  const sentAt = inFlight.sentAt(position);
  const start = inFlight.start(position);
  outcome.released++;
  if (start !== tcb.snd.iss) outcome.dataAcked = true;
  if ((marks & EVER_RETRANSMITTED) !== 0) {
    outcome.retransmittedAcked = true;
  } else if ((marks & SACKED) === 0) {
    if (outcome.firstAckedAt === NEVER) outcome.firstAckedAt = sentAt;
    outcome.lastAckedAt = sentAt;
    outcome.lowestAcked = Math.min(outcome.lowestAcked, start);
    if (inFlight.end(position) <= tcb.highSeq) outcome.originalArrived = true;
  }
  if ((marks & SACKED) !== 0 || !tcb.sackEnabled) return;
  outcome.delivered++;
  noteYoungest(outcome, sentAt);
  if (!isEchoOfEarlier(tcb, marks, sentAt)) noteArrival(tcb, position);
}

/** The answer is to an earlier copy than the one that was sent last. */
function isEchoOfEarlier(tcb: Tcb, marks: number, sentAt: number): boolean {
  if ((marks & EVER_RETRANSMITTED) === 0 || outcome.echo <= 0) return false;
  return ((outcome.echo - timestampNow(tcb, sentAt)) | 0) < 0;
}

/** Karn's rule by segment; the timestamp's echo where that leaves nothing (RFC 7323 §4; `tcp_ack_update_rtt`). */
function measure(tcb: Tcb, segment: Segment): void {
  const { now, snd, inFlight } = tcb;
  let roundTrip = -1;
  let shortest = -1;
  if (outcome.firstAckedAt !== NEVER && !outcome.retransmittedAcked) {
    roundTrip = now - outcome.firstAckedAt;
    shortest = now - outcome.lastAckedAt;
  }
  if (outcome.firstSackedAt !== NEVER) {
    if (roundTrip < 0) roundTrip = now - outcome.firstSackedAt;
    shortest = now - outcome.lastSackedAt;
    // A head that left after what is SACKed now has its time still before it.
    if (
      outcome.released === 0 &&
      inFlight.packets > 0 &&
      outcome.firstSackedAt < inFlight.sentAt(inFlight.head)
    )
      outcome.restartsTimer = true;
  }
  if (roundTrip < 0 && outcome.released > 0 && outcome.echo > 0) {
    const elapsed = (timestampNow(tcb, now) - segment.tsEcho) | 0;
    if (elapsed < 0) return;
    roundTrip = Math.max(1, elapsed) * MILLISECOND;
    shortest = roundTrip;
  }
  if (roundTrip < 0) return;
  tcb.minRtt = Math.min(tcb.minRtt, shortest);
  tcb.rto.sample(roundTrip, snd.una, snd.nxt);
  tcb.congestion.roundTrip(tcb.cong, shortest, snd.una, snd.nxt, now);
}
