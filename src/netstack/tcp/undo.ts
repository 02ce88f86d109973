/**
 * Taking back a reduction that was not deserved (RFC 4015, RFC 3708; Linux `tcp_try_undo_*`): segments were late, not
 * lost, when an acknowledgement echoes a timestamp from before the first retransmission, or when every retransmission
 * was reported as a duplicate.
 */
import type { VirtualTime } from '../../sim/time.ts';
import { timestampNow } from './options.ts';
import { LOST, RETRANSMITTED } from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';

export interface Undo {
  /** There is a reduction that may be taken back. */
  active: boolean;
  cwnd: number;
  ssthresh: number;
  /** Retransmissions that were not reported as duplicates; -1 before the first. */
  outstanding: number;
  /** Our timestamp when the first retransmission left. */
  stamp: number;
}

/** The window is about to be cut. */
export function rememberForUndo(tcb: Tcb): void {
  const { undo, cong } = tcb;
  undo.active = true;
  undo.cwnd = cong.cwnd;
  undo.ssthresh = cong.ssthresh;
  undo.outstanding = -1;
}

export function noteRetransmission(tcb: Tcb, now: VirtualTime): void {
  const { undo } = tcb;
  if (!undo.active) return;
  if (undo.outstanding < 0) {
    undo.outstanding = 0;
    undo.stamp = timestampNow(tcb, now);
  }
  undo.outstanding++;
}

/** `echo`: the timestamp that an advancing acknowledgement brought back; -1 = none. True when the cut was undone. */
export function tryUndo(tcb: Tcb, echo: number, duplicateReported: boolean): boolean {
  const { undo } = tcb;
  if (!undo.active || undo.outstanding < 0) return false;
  if (duplicateReported && undo.outstanding > 0) undo.outstanding--;
  const late = tcb.caState >= State.RECOVERY && echo >= 0 && ((echo - undo.stamp) | 0) < 0;
  if (!late && undo.outstanding > 0) return false;
  takeBack(tcb);
  return true;
}

/** The timeout was not deserved, whatever was reported: see f-rto.ts. */
export function undoTimeout(tcb: Tcb): void {
  if (tcb.undo.active) takeBack(tcb);
}

function takeBack(tcb: Tcb): void {
  const { cong, inFlight, undo } = tcb;
  undo.active = false;
  tcb.forwardRto = false;
  cong.cwnd = Math.max(cong.cwnd, undo.cwnd);
  cong.ssthresh = Math.max(cong.ssthresh, undo.ssthresh);
  tcb.ecn.cwr = false;
  for (let position = inFlight.head; position < inFlight.tail; position++)
    inFlight.unmark(position, LOST | RETRANSMITTED);
  tcb.caState = inFlight.sacked > 0 ? State.DISORDER : State.OPEN;
  tcb.lossEdge = inFlight.head;
  tcb.rto.backoff = 0;
}
