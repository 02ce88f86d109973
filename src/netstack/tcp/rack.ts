/**
 * RACK (RFC 8985; Linux `tcp_recovery.c`): a segment is lost when one that was sent later has arrived and the network
 * has had time to reorder the two: none at first, a quarter of the round trip once it was seen to reorder, and another
 * quarter with each D-SACK that shows that this was too short.
 */
import { NEVER, type VirtualTime } from '../../sim/time.ts';
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';

/** net.ipv4.tcp_reordering, tcp_max_reordering: segments. */
export const DUPLICATE_THRESHOLD = 3;
export const MAX_REORDERING = 300;
/** Recoveries for which a wider window is kept (TCP_RACK_RECOVERY_THRESH). */
export const PERSISTENCE = 16;
const MAX_STEPS = 255;

/** What is known of the path's reordering. */
export interface Reordering {
  /** A segment that was sent once has arrived after a younger one. */
  seen: boolean;
  /** By how many segments, at least 3: so many duplicates are no proof of a loss. */
  degree: number;
  /** The window to settle, in quarters of the shortest round trip. */
  steps: number;
  /** Recoveries until `steps` goes back to 1. */
  persist: number;
  /** A retransmission was reported as needless; counted once for what was sent since `adjustedAt`. */
  reported: boolean;
  adjustedAt: VirtualTime;
}

/** The segment at `position` has arrived: nothing younger is known to have, if it is the youngest (`tcp_rack_advance`). */
export function noteArrival(tcb: Tcb, position: number): void {
  const { inFlight } = tcb;
  const sentAt = inFlight.sentAt(position);
  const end = inFlight.end(position);
  const rtt = tcb.now - sentAt;
  // Too soon to be the answer to the retransmission: it is that to the original.
  if (rtt < tcb.minRtt && (inFlight.marks(position) & EVER_RETRANSMITTED) !== 0) return;
  tcb.rackAdvanced = true;
  tcb.rackRtt = rtt;
  if (sentAt > tcb.rackSentAt || (sentAt === tcb.rackSentAt && end > tcb.rackEnd)) {
    tcb.rackSentAt = sentAt;
    tcb.rackEnd = end;
  }
}

/** The segment at `low`, sent once, was overtaken by what the peer has SACKed (`tcp_check_sack_reordering`). */
export function noteReordering(tcb: Tcb, low: number): void {
  const { reordering, inFlight, mss } = tcb;
  const highest = inFlight.sacked === 0 ? tcb.snd.una : tcb.highestSacked;
  if (low >= highest) return;
  const distance = highest - low;
  if (distance > reordering.degree * mss)
    reordering.degree = Math.min(Math.ceil(distance / mss), MAX_REORDERING);
  reordering.seen = true;
}

/** `sentAt`: departure of the youngest segment that the acknowledgement covers (`tcp_rack_update_reo_wnd`). */
export function adjustWindow(tcb: Tcb, sentAt: VirtualTime): void {
  const { reordering } = tcb;
  if (sentAt === NEVER) return;
  if (sentAt < reordering.adjustedAt) reordering.reported = false;
  if (reordering.reported) {
    reordering.steps = Math.min(MAX_STEPS, reordering.steps + 1);
    reordering.reported = false;
    reordering.adjustedAt = tcb.now;
    reordering.persist = PERSISTENCE;
  } else if (reordering.persist === 0) {
    reordering.steps = 1;
  }
}

/** How long a segment may be overtaken (`tcp_rack_reo_wnd`). */
function settlingTime(tcb: Tcb): VirtualTime {
  const { reordering, minRtt } = tcb;
  if (!reordering.seen) {
    if (tcb.caState >= State.RECOVERY || tcb.inFlight.sacked >= reordering.degree) return 0;
  }
  const quarter = minRtt === NEVER ? 0 : minRtt / 4;
  return Math.floor(Math.min(quarter * reordering.steps, tcb.rto.srtt));
}

/** Mark LOST what has had its time. Returns how long the youngest of the others has left; 0 when there is none. */
export function detectLosses(tcb: Tcb): VirtualTime {
  const { inFlight } = tcb;
  const settle = settlingTime(tcb);
  let wait = 0;
  // What was sent once lies in the ring in the order of its departure.
  let edge = Math.max(tcb.lossEdge, inFlight.head);
  for (let position = edge; position < inFlight.tail; position++) {
    if ((inFlight.marks(position) & (SACKED | LOST | RETRANSMITTED)) === 0) {
      if (!overtaken(tcb, position)) break;
      const left = remaining(tcb, position, settle);
      if (left > 0) {
        wait = Math.max(wait, left);
        continue;
      }
      markLost(tcb, position);
    }
    if (wait === 0) edge = position + 1;
  }
  tcb.lossEdge = edge;
  if (inFlight.retransmitted === 0 || tcb.rackSentAt < tcb.oldestResent) return wait;
  return Math.max(wait, findLostAgain(tcb, settle));
}

/** Retransmissions are out of order in the ring, so they are scanned: about once a round trip. */
function findLostAgain(tcb: Tcb, settle: VirtualTime): VirtualTime {
  const { inFlight } = tcb;
  let oldest = NEVER;
  let wait = 0;
  for (let position = inFlight.head; position < inFlight.tail; position++) {
    if ((inFlight.marks(position) & RETRANSMITTED) === 0) continue;
    const left = overtaken(tcb, position) ? remaining(tcb, position, settle) : NEVER;
    if (left <= 0) markLost(tcb, position);
    else {
      if (left !== NEVER) wait = Math.max(wait, left);
      oldest = Math.min(oldest, inFlight.sentAt(position));
    }
  }
  tcb.oldestResent = oldest;
  return wait;
}

/** Something has arrived that was sent after it. */
function overtaken(tcb: Tcb, position: number): boolean {
  const sentAt = tcb.inFlight.sentAt(position);
  return sentAt < tcb.rackSentAt || (sentAt === tcb.rackSentAt && tcb.inFlight.end(position) < tcb.rackEnd);
}

/** How long after now the segment counts as lost; 0 or less: it does (`tcp_rack_skb_timeout`). */
export const remaining = (tcb: Tcb, position: number, settle: VirtualTime): VirtualTime =>
  tcb.rackRtt + settle - (tcb.now - tcb.inFlight.sentAt(position));

/** It is lost, or its retransmission is (`tcp_mark_skb_lost`). */
export function markLost(tcb: Tcb, position: number): void {
  const { inFlight } = tcb;
  const marks = inFlight.marks(position);
  if ((marks & SACKED) !== 0) return;
  if ((marks & LOST) === 0) inFlight.mark(position, LOST);
  else if ((marks & RETRANSMITTED) !== 0) {
    inFlight.unmark(position, RETRANSMITTED);
    inFlight.losses++;
  } else return;
  tcb.retransmitHint = Math.min(tcb.retransmitHint, position);
}
