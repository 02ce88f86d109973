/**
 * Taking back a reduction that was not deserved (RFC 4015, RFC 3708; Linux `tcp_try_undo_*`): segments were late, not
 * lost, when an acknowledgement echoes a timestamp from before the first retransmission, or when every retransmission
 * was reported as a duplicate.
 */
import { timestampNow } from './options.ts';
import { noteReordering, PERSISTENCE } from './rack.ts';
import { EVER_RETRANSMITTED, LOST } from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';

export interface Undo {
  /** SND.UNA when the window was cut; -1: there is no cut that may be taken back. */
  marker: number;
  /** What to go back to; 0: the cut stays, though it was needless. */
  ssthresh: number;
  /** Retransmissions that were not reported as duplicates; -1 before the first. */
  outstanding: number;
  /** Our timestamp when the first retransmission left; -1 = none has. */
  stamp: number;
}

/** The window is about to be cut (`tcp_init_undo`). */
export function rememberForUndo(tcb: Tcb): void {
  const { undo, inFlight } = tcb;
  undo.marker = tcb.snd.una;
  const probe = tcb.tailProbeEnd > 0 && !tcb.tailProbeIsNew ? 1 : 0;
  undo.outstanding = inFlight.retransmitted + probe || -1;
}

/** The threshold to go back to: three quarters of a window that is above it (`tcp_current_ssthresh`). */
export function rememberThreshold(tcb: Tcb): void {
  const { cong } = tcb;
  tcb.undo.ssthresh = Math.max(cong.ssthresh, (cong.cwnd >> 1) + (cong.cwnd >> 2));
}

export function noteRetransmission(tcb: Tcb): void {
  const { undo } = tcb;
  if (undo.stamp < 0) undo.stamp = timestampNow(tcb, tcb.now);
  undo.outstanding = Math.max(0, undo.outstanding) + 1;
}

/** `segments` that end at `end` were reported as duplicates. */
export function noteNeedless(tcb: Tcb, end: number, segments: number): void {
  const { undo } = tcb;
  if (undo.marker >= 0 && undo.outstanding > 0 && end > undo.marker)
    undo.outstanding = Math.max(0, undo.outstanding - segments);
}

/** `echo`: the timestamp that came back; -1 = none. Was it sent before the first retransmission? */
export function isDelayed(tcb: Tcb, echo: number): boolean {
  const { stamp } = tcb.undo;
  if (stamp >= 0) return echo > 0 && ((echo - stamp) | 0) < 0;
  return tcb.sackEnabled || tcb.snd.una < tcb.highSeq;
}

const mayUndo = (tcb: Tcb, echo: number): boolean =>
  tcb.undo.marker >= 0 && (tcb.undo.outstanding === 0 || isDelayed(tcb, echo));

function takeBack(tcb: Tcb, unmarkLost: boolean): void {
  const { undo, cong, inFlight } = tcb;
  if (unmarkLost) {
    for (let position = inFlight.head; position < inFlight.tail; position++) inFlight.unmark(position, LOST);
    tcb.lossEdge = inFlight.head;
  }
  if (undo.ssthresh > 0) {
    cong.cwnd = Math.max(cong.cwnd, tcb.priorCwnd);
    if (undo.ssthresh > cong.ssthresh) tcb.ecn.cwr = false;
    cong.ssthresh = Math.max(cong.ssthresh, undo.ssthresh);
  }
  undo.marker = -1;
  // What is lost nevertheless has to be found again.
  tcb.rackAdvanced = true;
}

/** Everything that was in flight is acknowledged. False: without SACK, the state is kept until more is. */
export function undoWhenRecovered(tcb: Tcb, echo: number): boolean {
  if (mayUndo(tcb, echo)) takeBack(tcb, false);
  else if (tcb.reordering.persist > 0) tcb.reordering.persist--;
  if (keepsState(tcb)) return false;
  tcb.caState = State.OPEN;
  return true;
}

/** In recovery, part of what was lost is acknowledged. True: it came late, and retransmissions are still on their way. */
export function undoPartial(tcb: Tcb, priorUna: number, echo: number): boolean {
  if (tcb.undo.marker < 0 || !isDelayed(tcb, echo)) return false;
  noteReordering(tcb, priorUna);
  if (tcb.inFlight.retransmitted > 0) return true;
  if (!anyRetransmitted(tcb)) tcb.undo.stamp = -1;
  takeBack(tcb, true);
  keepOpen(tcb);
  return false;
}

/** After a timeout, something is acknowledged. `proven`: by what was sent once (F-RTO). True when it was taken back. */
export function undoTimeout(tcb: Tcb, echo: number, proven: boolean): boolean {
  if (!proven && !mayUndo(tcb, echo)) return false;
  takeBack(tcb, true);
  tcb.retries = 0;
  if (keepsState(tcb)) return true;
  if (proven || tcb.sackEnabled) tcb.caState = State.OPEN;
  return true;
}

/** Every retransmission was a duplicate. True when the cut was taken back. */
export function undoByReport(tcb: Tcb): boolean {
  const { undo, reordering } = tcb;
  if (undo.marker < 0 || undo.outstanding !== 0) return false;
  reordering.persist = Math.min(PERSISTENCE, reordering.persist + 1);
  takeBack(tcb, false);
  return true;
}

/** RFC 6582 §4: without SACK, hold until something above highSeq is acknowledged, or old duplicates start anew. */
function keepsState(tcb: Tcb): boolean {
  if (tcb.sackEnabled || tcb.snd.una !== tcb.highSeq) return false;
  if (!anyRetransmitted(tcb)) tcb.undo.stamp = -1;
  return true;
}

function anyRetransmitted({ inFlight }: Tcb): boolean {
  return (
    inFlight.retransmitted > 0 ||
    (inFlight.packets > 0 && (inFlight.marks(inFlight.head) & EVER_RETRANSMITTED) !== 0)
  );
}

/** Retransmissions of an earlier recovery that are over do not date the next. */
export function forgetStamp(tcb: Tcb): void {
  if (!anyRetransmitted(tcb)) tcb.undo.stamp = -1;
}

/** OPEN, or DISORDER while something is SACKED, LOST or was sent again. */
export function keepOpen(tcb: Tcb): void {
  const { inFlight } = tcb;
  const disorder = inFlight.sacked + inFlight.lost > 0 || anyRetransmitted(tcb);
  const state = disorder ? State.DISORDER : State.OPEN;
  if (tcb.caState === state) return;
  tcb.caState = state;
  tcb.highSeq = tcb.snd.nxt;
}
