/** What one acknowledgement told us (Linux's `flag`, `tcp_sacktag_state` and `rate_sample`). One object serves all. */
import { NEVER, type VirtualTime } from '../../sim/time.ts';

export interface AckOutcome {
  /** SND.UNA before, and whether it moved. */
  priorUna: number;
  advanced: boolean;
  /** Segments that left the queue, whether SACKed before or not. */
  released: number;
  /** Data, not a SYN alone, was acknowledged. */
  dataAcked: boolean;
  sacked: number;
  /** Segments now known to have arrived, duplicates that were reported among them. */
  delivered: number;
  /** A segment that had been sent again left the queue. */
  retransmittedAcked: boolean;
  /** Something that was in flight when recovery began, and never sent again, has arrived. */
  originalArrived: boolean;
  /** When the first and the last of the segments that were sent once had left, by ACK and by SACK; NEVER: none. */
  firstAckedAt: VirtualTime;
  lastAckedAt: VirtualTime;
  firstSackedAt: VirtualTime;
  lastSackedAt: VirtualTime;
  /** Latest departure of all that has arrived now; NEVER: nothing has. */
  youngestAt: VirtualTime;
  /** Start of the highest SACKed segment before; SND.UNA when there was none. */
  priorHighest: number;
  /** Lowest start of a segment, sent once, that is acknowledged now; that is SACKed now, after one behind it. */
  lowestAcked: number;
  lowestReordered: number;
  /** The peer told us of a duplicate (D-SACK), and it was our tail loss probe. */
  duplicateReported: boolean;
  probeReported: boolean;
  /** Data came with it, or a window, or something left the queue: it is no duplicate. */
  tellsNews: boolean;
  /** A duplicate of RFC 5681 §2, as Linux counts them. */
  isDuplicate: boolean;
  /** ECE: congestion on our way to the peer. */
  congestion: boolean;
  /** Our timestamp that came back; -1 = none. */
  echo: number;
  /** The retransmission timer, or the tail loss probe, is due again from now on. */
  restartsTimer: boolean;
}

export const outcomeOf = (): AckOutcome => clearOutcome({} as AckOutcome, 0);

export function clearOutcome(outcome: AckOutcome, una: number): AckOutcome {
  outcome.priorUna = una;
  outcome.advanced = false;
  outcome.released = 0;
  outcome.dataAcked = false;
  outcome.sacked = 0;
  outcome.delivered = 0;
  outcome.retransmittedAcked = false;
  outcome.originalArrived = false;
  outcome.firstAckedAt = NEVER;
  outcome.lastAckedAt = NEVER;
  outcome.firstSackedAt = NEVER;
  outcome.lastSackedAt = NEVER;
  outcome.youngestAt = NEVER;
  outcome.priorHighest = una;
  outcome.lowestAcked = Number.POSITIVE_INFINITY;
  outcome.lowestReordered = Number.POSITIVE_INFINITY;
  outcome.duplicateReported = false;
  outcome.probeReported = false;
  outcome.tellsNews = false;
  outcome.isDuplicate = false;
  outcome.congestion = false;
  outcome.echo = -1;
  outcome.restartsTimer = false;
  return outcome;
}

/** A segment that left at `sentAt` has arrived. */
export function noteYoungest(outcome: AckOutcome, sentAt: VirtualTime): void {
  if (outcome.youngestAt === NEVER || sentAt > outcome.youngestAt) outcome.youngestAt = sentAt;
}
