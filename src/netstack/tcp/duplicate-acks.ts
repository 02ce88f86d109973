/**
 * Connections without SACK count duplicate acknowledgements instead (Linux `tcp_add_reno_sack`, `tcp_remove_reno_sacks`):
 * `inFlight.sacked` is how many segments have arrived that we cannot name.
 */
import type { AckOutcome } from './ack-outcome.ts';
import { MAX_REORDERING } from './rack.ts';
import type { Tcb } from './tcb.ts';

/** A duplicate ACK says that one segment, we do not know which, has left the network. */
export function countDuplicate(tcb: Tcb, outcome: AckOutcome): void {
  if (!outcome.isDuplicate) return;
  const { inFlight } = tcb;
  const before = inFlight.sacked;
  inFlight.sacked++;
  limitDuplicates(tcb, 0);
  if (inFlight.sacked > before) outcome.delivered++;
}

/** More duplicates than segments: the network reorders (`tcp_check_reno_reordering`). */
function limitDuplicates(tcb: Tcb, acked: number): void {
  const { inFlight, reordering } = tcb;
  const holes = Math.min(Math.max(inFlight.lost, 1), inFlight.packets);
  if (inFlight.sacked + holes <= inFlight.packets) return;
  inFlight.sacked = inFlight.packets - holes;
  reordering.degree = Math.min(inFlight.packets + acked, MAX_REORDERING);
  reordering.seen = true;
}

/** `outcome.released` segments left the queue: one filled the hole, the others had been counted. */
export function eatDuplicates(tcb: Tcb, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  outcome.delivered += Math.max(outcome.released - inFlight.sacked, 1);
  inFlight.sacked = Math.max(0, inFlight.sacked - (outcome.released - 1));
  limitDuplicates(tcb, outcome.released);
  // Which of them was sent once cannot be told.
  if (outcome.retransmittedAcked) outcome.originalArrived = false;
}
