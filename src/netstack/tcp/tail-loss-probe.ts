/**
 * Tail loss probe (RFC 8985 §7; Linux `tcp_send_loss_probe`): when the last segments of a flight are lost nothing comes
 * back, and the retransmission timer would cost 200 ms. After two round trips of silence one segment is sent, so that
 * its SACK tells what is missing.
 */
import type { AckOutcome } from './ack-outcome.ts';
import { retransmit, sendOne } from './output.ts';
import { cutWindow } from './recovery.ts';
import { RETRANSMITTED } from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import { keepOpen } from './undo.ts';

/** Send the probe: new data if there is any, else the last segment again. False when one is out already. */
export function sendTailProbe(tcb: Tcb): boolean {
  const { inFlight } = tcb;
  if (tcb.tailProbeEnd > 0 || inFlight.packets === 0) return false;
  const isNew = sendOne(tcb);
  if (!isNew) {
    const last = inFlight.tail - 1;
    retransmit(tcb, last);
    // It is not known to be lost, so it is not counted twice.
    inFlight.unmark(last, RETRANSMITTED);
  }
  tcb.tailProbeIsNew = isNew;
  tcb.tailProbeEnd = tcb.snd.nxt;
  return true;
}

/** What an acknowledgement says of the probe (Linux `tcp_process_tlp_ack`). */
export function tailProbeAnswered(tcb: Tcb, ack: number, outcome: AckOutcome): void {
  if (tcb.tailProbeEnd === 0 || ack < tcb.tailProbeEnd) return;
  if (tcb.tailProbeIsNew || outcome.probeReported) {
    tcb.tailProbeEnd = 0;
  } else if (ack > tcb.tailProbeEnd) {
    // The probe itself repaired the loss, which has to count as one: cut the window.
    cutWindow(tcb);
    tcb.cong.cwnd = tcb.cong.ssthresh;
    keepOpen(tcb);
  } else if (!outcome.advanced && !outcome.tellsNews && outcome.sacked === 0) {
    // Original and probe arrived both.
    tcb.tailProbeEnd = 0;
  }
}
