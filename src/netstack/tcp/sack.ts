/**
 * SACK blocks of the peer onto the scoreboard (RFC 2018 §5, RFC 2883; Linux `tcp_sacktag_write_queue`).
 *
 * A block grows with every acknowledgement while a hole is open; only the part that was not in the last one is walked,
 * so that a window of thousands of segments costs each segment one visit.
 */
import { NEVER } from '../../sim/time.ts';
import { type AckOutcome, noteYoungest } from './ack-outcome.ts';
import { noteArrival, noteReordering } from './rack.ts';
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from './retransmit-queue.ts';
import { type Segment, unwrap } from './segment.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';
import { noteNeedless } from './undo.ts';

interface Block {
  start: number;
  end: number;
}

export function sackArrives(tcb: Tcb, segment: Segment, outcome: AckOutcome): void {
  const { snd, sackCache } = tcb;
  const blocks = segment.sackBlocks;
  const fresh: Block[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const start = unwrap(blocks[i]!.start, snd.una);
    const end = unwrap(blocks[i]!.end, snd.una);
    if (end <= start) continue;
    if (i === 0 && isDuplicateReport(tcb, segment, start, end)) {
      duplicateReported(tcb, start, end, outcome);
      continue;
    }
    // Beyond what we sent, or old: "the block is discarded" (Linux `tcp_is_sackblock_valid`).
    if (end > snd.nxt || start < snd.una) continue;
    const whole = wholeSegments(tcb, start, end);
    if (whole.start < whole.end) fresh.push(whole);
  }
  // Lowest first, or a block that tells of two runs at once would look like reordering.
  if (fresh.length > 1) fresh.sort((a, b) => a.start - b.start);
  for (const { start, end } of fresh) {
    const known = sackCache.find(block => block.start >= start && block.end <= end);
    if (known === undefined) markRange(tcb, start, start, end, outcome);
    else {
      markRange(tcb, start, start, known.start, outcome);
      markRange(tcb, start, known.end, end, outcome);
    }
  }
  if (fresh.length > 0) sackCache.splice(0, sackCache.length, ...fresh);
  if (outcome.lowestReordered < snd.nxt && (tcb.caState !== State.LOSS || tcb.undo.marker >= 0))
    noteReordering(tcb, outcome.lowestReordered);
}

/** The part of `[start, end)` that consists of whole segments: those are SACKed, the rest is not. */
function wholeSegments(tcb: Tcb, start: number, end: number): Block {
  const { inFlight } = tcb;
  let first = inFlight.find(start);
  if (first < inFlight.tail && inFlight.start(first) < start) first++;
  const last = inFlight.find(end);
  return {
    start: first < inFlight.tail ? inFlight.start(first) : end,
    end: last < inFlight.tail ? Math.min(end, inFlight.start(last)) : end,
  };
}

/** RFC 2883 §4: the first block is below the acknowledgement, or inside the second. */
function isDuplicateReport(tcb: Tcb, segment: Segment, start: number, end: number): boolean {
  if (start < segment.ack) return true;
  const second = segment.sackBlocks[1];
  if (second === undefined) return false;
  return unwrap(second.start, tcb.snd.una) <= start && end <= unwrap(second.end, tcb.snd.una);
}

/** `[start, end)` has arrived twice (`tcp_dsack_seen`). */
function duplicateReported(tcb: Tcb, start: number, end: number, outcome: AckOutcome): void {
  const { inFlight, reordering, snd } = tcb;
  if (end - start > snd.maxWnd) return;
  const segments = Math.ceil((end - start) / tcb.mss);
  if (segments === 1 && tcb.tailProbeEnd === end) outcome.probeReported = true;
  tcb.duplicates += segments;
  // The network's own doubles say nothing about our retransmissions.
  if (tcb.duplicates > tcb.statistics.retransmits) return;
  if (reordering.seen && !outcome.probeReported) reordering.reported = true;
  outcome.duplicateReported = true;
  outcome.delivered += segments;
  if (end <= snd.una) {
    noteNeedless(tcb, end, segments);
    return;
  }
  for (let position = inFlight.find(start); position < inFlight.tail; position++) {
    if (inFlight.end(position) > end) break;
    if ((inFlight.marks(position) & EVER_RETRANSMITTED) === 0) continue;
    noteNeedless(tcb, inFlight.end(position), 1);
    if ((inFlight.marks(position) & LOST) === 0) inFlight.unmark(position, RETRANSMITTED);
  }
}

/** Mark the segments that lie whole in `[blockStart, to)`, beginning with the one at `from`. */
function markRange(tcb: Tcb, blockStart: number, from: number, to: number, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  if (from >= to) return;
  for (let position = inFlight.find(from); position < inFlight.tail; position++) {
    if (inFlight.end(position) > to) break;
    if ((inFlight.marks(position) & SACKED) !== 0 || inFlight.start(position) < blockStart) continue;
    markSacked(tcb, position, outcome);
  }
}

/** `tcp_sacktag_one`. */
function markSacked(tcb: Tcb, position: number, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  const marks = inFlight.marks(position);
  const start = inFlight.start(position);
  const sentAt = inFlight.sentAt(position);
  noteArrival(tcb, position);
  noteYoungest(outcome, sentAt);
  if ((marks & EVER_RETRANSMITTED) === 0) {
    if (inFlight.sacked > 0 && start < tcb.highestSacked)
      outcome.lowestReordered = Math.min(outcome.lowestReordered, start);
    if (inFlight.end(position) <= tcb.highSeq) outcome.originalArrived = true;
    if (outcome.firstSackedAt === NEVER) outcome.firstSackedAt = sentAt;
    outcome.lastSackedAt = sentAt;
  }
  if ((marks & LOST) !== 0) inFlight.unmark(position, LOST | RETRANSMITTED);
  inFlight.mark(position, SACKED);
  tcb.highestSacked = inFlight.sacked === 1 ? start : Math.max(tcb.highestSacked, start);
  outcome.sacked++;
  outcome.delivered++;
}
