/**
 * Forward RTO-Recovery (RFC 5682 §3.1; Linux `tcp_process_loss`): was a timeout deserved? The acknowledgement after it
 * may be for the retransmission, or for the original that was only late; two new segments tell.
 *
 *   timeout ── the oldest goes again ── ACK moves ──> two new segments ──┬─ something sent once is acknowledged: undone
 *                                                                        └─ a duplicate: the loss was real, repair it
 */
import type { AckOutcome } from './recovery.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';
import { undoTimeout } from './undo.ts';

/** True when new data is to go instead of what is LOST. The cwnd of this acknowledgement has not grown yet. */
export function judgeTimeout(tcb: Tcb, outcome: AckOutcome): boolean {
  const { snd } = tcb;
  if (tcb.caState !== State.LOSS) return false;
  if (outcome.originalArrived) {
    undoTimeout(tcb);
    return false;
  }
  if (snd.nxt > tcb.highSeq) {
    if (outcome.sacked > 0 || outcome.isDuplicate) tcb.forwardRto = false;
    return false;
  }
  if (!outcome.advanced || snd.una >= tcb.highSeq) return false;
  tcb.highSeq = snd.nxt;
  const mayTry = snd.nxt < tcb.sendEnd && snd.nxt < snd.una + snd.wnd;
  if (!mayTry) tcb.forwardRto = false;
  return mayTry;
}
