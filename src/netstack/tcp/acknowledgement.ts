/**
 * The ACK field of an acceptable segment (RFC 9293 §3.10.7.4, fifth; Linux `tcp_ack`): the send window, what it
 * releases, what it measures, and then loss recovery.
 */
import { MILLISECOND, NEVER } from '../../sim/time.ts';
import { isEcho } from './ecn.ts';
import { timestampNow, updateMss } from './options.ts';
import { type AckOutcome, clearOutcome, noteDelivered, recover } from './recovery.ts';
import { SACKED } from './retransmit-queue.ts';
import { sackArrives } from './sack.ts';
import type { Segment } from './segment.ts';
import { tailProbeAnswered } from './tail-loss-probe.ts';
import type { Tcb } from './tcb.ts';
import { restartWait } from './timers.ts';

/** Filled in anew by each acknowledgement. */
const outcome: AckOutcome = {
  advanced: false,
  acked: 0,
  sacked: 0,
  delivered: 0,
  retransmittedAcked: false,
  firstSentAt: NEVER,
  lastSentAt: NEVER,
  duplicateReported: false,
  originalArrived: false,
  isDuplicate: false,
  congestion: false,
  echo: -1,
};

/** SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT holds. The caller sends what may go now, and sees to the timer. */
export function acknowledgementArrives(tcb: Tcb, segment: Segment): void {
  const { snd, inFlight } = tcb;
  clearOutcome(outcome);
  tcb.probes = 0;
  tcb.keepaliveProbes = 0;
  const { ack } = segment;
  outcome.advanced = ack > snd.una;
  outcome.congestion = inFlight.packets > 0 && isEcho(tcb, segment);
  const windowChanged = ack >= snd.una && updateWindow(tcb, segment);
  outcome.isDuplicate =
    ack === snd.una && segment.sequenceLength === 0 && !windowChanged && inFlight.packets > 0;
  if (tcb.sackEnabled && segment.sackBlocks.length > 0) sackArrives(tcb, segment, outcome);
  if (outcome.advanced) release(tcb, ack);
  if (tcb.timestamps.enabled && segment.hasTimestamps) outcome.echo = segment.tsEcho;
  measure(tcb, segment);
  tailProbeAnswered(tcb, ack, outcome);
  recover(tcb, outcome);
  // What was SACKed has to be older than the oldest in flight, or the timeout would move on for ever (Linux).
  const older = inFlight.packets > 0 && outcome.firstSentAt < inFlight.sentAt(inFlight.head);
  if (outcome.acked > 0 || (outcome.sacked > 0 && older)) restartWait(tcb);
}

/** RFC 9293: the newest segment's window counts. True when it changed. */
function updateWindow(tcb: Tcb, segment: Segment): boolean {
  const { snd } = tcb;
  const window = segment.window << snd.scale;
  const { ack, seq } = segment;
  if (!(ack > snd.una || seq > snd.wl1 || (seq === snd.wl1 && window > snd.wnd))) return false;
  const changed = window !== snd.wnd;
  snd.wnd = window;
  snd.wl1 = seq;
  snd.wl2 = ack;
  if (window > snd.maxWnd) {
    const wasSmall = snd.maxWnd < 2 * tcb.pathMtu;
    snd.maxWnd = window;
    if (wasSmall) updateMss(tcb);
  }
  return changed;
}

/** Take everything before `ack` off the queues. */
function release(tcb: Tcb, ack: number): void {
  const { snd, inFlight } = tcb;
  while (inFlight.packets > 0) {
    const { head } = inFlight;
    if (inFlight.end(head) > ack) {
      if (inFlight.start(head) < ack) inFlight.trimHead(ack);
      break;
    }
    if ((inFlight.marks(head) & SACKED) === 0) {
      noteDelivered(tcb, head, outcome);
      outcome.acked++;
    }
    inFlight.shift();
  }
  const from = Math.max(snd.una, snd.iss + 1);
  tcb.statistics.bytesAcked += Math.max(0, Math.min(ack, tcb.sendQueue.end) - from);
  snd.una = ack;
  tcb.sendQueue.release(ack);
  tcb.retries = 0;
  tcb.retransmittingSince = -1;
  tcb.softError = '';
}

/** Karn's rule by segment; the timestamp's echo where that leaves nothing (RFC 7323 §4). */
function measure(tcb: Tcb, segment: Segment): void {
  const { now, snd } = tcb;
  if (outcome.acked + outcome.sacked === 0) return;
  if (outcome.firstSentAt !== NEVER && !(outcome.retransmittedAcked && outcome.advanced)) {
    const shortest = now - outcome.lastSentAt;
    tcb.minRtt = Math.min(tcb.minRtt, shortest);
    tcb.rto.sample(now - outcome.firstSentAt, snd.una, snd.nxt);
    tcb.congestion.roundTrip(tcb.cong, shortest, snd.una, snd.nxt, now);
  } else if (outcome.advanced && tcb.timestamps.enabled && segment.hasTimestamps && segment.tsEcho !== 0) {
    const elapsed = (timestampNow(tcb, now) - segment.tsEcho) | 0;
    if (elapsed >= 0) tcb.rto.sample(Math.max(1, elapsed) * MILLISECOND, snd.una, snd.nxt);
  }
}
