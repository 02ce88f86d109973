/**
 * Forward RTO-Recovery (RFC 5682 §3.1; Linux `tcp_process_loss`): was a timeout deserved? The acknowledgement after it
 * may be for the retransmission, or for the original that was only late; two new segments tell.
 *
 *   timeout ── the oldest goes again ── ACK moves ──> two new segments ──┬─ something sent once is acknowledged: undone
 *                                                                        └─ a duplicate: the loss was real, repair it
 */
import type { AckOutcome } from './ack-outcome.ts';
import { countDuplicate } from './duplicate-acks.ts';
import type { Tcb } from './tcb.ts';
import { undoTimeout, undoWhenRecovered } from './undo.ts';

/** What an acknowledgement has us send again: nothing, what is LOST, or first two new segments. */
export type Resend = 'nothing' | 'lost' | 'new';

/** In LOSS, an acknowledgement has come. What goes now? */
export function judgeTimeout(tcb: Tcb, outcome: AckOutcome): Resend {
  const { snd, inFlight } = tcb;
  const recovered = snd.una >= tcb.highSeq;
  if (outcome.advanced && undoTimeout(tcb, outcome.echo, false)) return 'nothing';
  if (tcb.frto) {
    // RFC 5682 §3.1 step 3.b: what was never sent again has arrived, so the timeout was spurious.
    if (outcome.originalArrived && undoTimeout(tcb, outcome.echo, true)) return 'nothing';
    if (snd.nxt > tcb.highSeq) {
      if (outcome.sacked > 0 || outcome.isDuplicate) tcb.frto = false;
    } else if (outcome.advanced && !recovered) {
      tcb.highSeq = snd.nxt;
      if (snd.nxt < tcb.sendEnd && snd.una + snd.wnd > snd.nxt) return 'new';
      tcb.frto = false;
    }
  }
  if (recovered) {
    undoWhenRecovered(tcb, outcome.echo);
    return 'nothing';
  }
  if (!tcb.sackEnabled) {
    if (snd.nxt > tcb.highSeq && outcome.isDuplicate) countDuplicate(tcb, outcome);
    else if (outcome.advanced) inFlight.sacked = 0;
  }
  return 'lost';
}
