/**
 * Tail loss probe (RFC 8985 §7; Linux `tcp_send_loss_probe`): when the last segments of a flight are lost nothing comes
 * back, and the retransmission timer would cost 200 ms. After two round trips of silence one segment is sent, so that
 * its SACK tells what is missing.
 */
import { SECOND, type VirtualTime } from '../../sim/time.ts';
import { tellCut } from './ecn.ts';
import { retransmit, sendOne } from './output.ts';
import type { AckOutcome } from './recovery.ts';
import { RETRANSMITTED } from './retransmit-queue.ts';
import { RTO_MIN, TIMEOUT_MIN } from './rto.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';

/** Only with SACK, and only while nothing is known to be wrong. */
export const mayProbeTail = (tcb: Tcb): boolean =>
  tcb.sackEnabled &&
  (tcb.caState === State.OPEN || tcb.caState === State.CWR) &&
  tcb.isSynchronised &&
  tcb.rto.backoff === 0;

/** How long after now to probe; never later than the retransmission timer would fire. */
export function tailProbeDelay(tcb: Tcb): VirtualTime {
  const { rto, inFlight, now } = tcb;
  let delay = rto.hasSample ? Math.floor(2 * rto.srtt) : SECOND;
  // A single segment may be waiting for the peer's delayed ACK.
  delay += inFlight.packets === 1 ? RTO_MIN : TIMEOUT_MIN;
  const untilTimeout = inFlight.sentAt(inFlight.head) + rto.timeout - now;
  return untilTimeout > 0 ? Math.min(delay, untilTimeout) : delay;
}

/** Send the probe: new data if there is any, else the last segment again. At most one is out at a time. */
export function sendTailProbe(tcb: Tcb): void {
  const { inFlight } = tcb;
  if (tcb.tailProbeEnd > 0 || inFlight.packets === 0) return;
  const isNew = sendOne(tcb);
  if (!isNew) {
    const last = inFlight.tail - 1;
    retransmit(tcb, last);
    // It is not known to be lost, so it is not counted twice.
    inFlight.unmark(last, RETRANSMITTED);
  }
  tcb.tailProbeIsNew = isNew;
  tcb.tailProbeEnd = tcb.snd.nxt;
}

/** What an acknowledgement says of the probe (Linux `tcp_process_tlp_ack`). */
export function tailProbeAnswered(tcb: Tcb, ack: number, outcome: AckOutcome): void {
  if (tcb.tailProbeEnd === 0 || ack < tcb.tailProbeEnd) return;
  if (tcb.tailProbeIsNew || outcome.duplicateReported) {
    tcb.tailProbeEnd = 0;
  } else if (ack > tcb.tailProbeEnd) {
    // The probe itself repaired the loss, which has to count as one: cut the window.
    tcb.tailProbeEnd = 0;
    const { cong } = tcb;
    cong.ssthresh = tcb.congestion.ssthresh(cong);
    cong.cwnd = Math.min(cong.cwnd, cong.ssthresh);
    cong.cwndCount = 0;
    tellCut(tcb);
  } else if (outcome.isDuplicate) {
    // Original and probe arrived both.
    tcb.tailProbeEnd = 0;
  }
}
