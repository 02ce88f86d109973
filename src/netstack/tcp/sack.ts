/**
 * SACK blocks of the peer onto the scoreboard (RFC 2018 §5, RFC 2883).
 *
 * A block grows with every acknowledgement while a hole is open; only the part that was not in the last one is walked,
 * so that a window of thousands of segments costs each segment one visit.
 */

import { type AckOutcome, noteDelivered } from './recovery.ts';
import { LOST, RETRANSMITTED, SACKED } from './retransmit-queue.ts';
import { type Segment, unwrap } from './segment.ts';
import type { Tcb } from './tcb.ts';

export function sackArrives(tcb: Tcb, segment: Segment, outcome: AckOutcome): void {
  const { snd, sackCache } = tcb;
  const blocks = segment.sackBlocks;
  const fresh: { start: number; end: number }[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const start = unwrap(blocks[i]!.start, snd.una);
    const end = unwrap(blocks[i]!.end, snd.una);
    if (end <= start) continue;
    if (i === 0 && isDuplicateReport(tcb, segment, start, end)) {
      outcome.duplicateReported = true;
      continue;
    }
    // Beyond what we sent, or old: "the block is discarded" (Linux `tcp_is_sackblock_valid`).
    if (end > snd.nxt || start < snd.una) continue;
    const whole = wholeSegments(tcb, start, end);
    if (whole.start < whole.end) fresh.push(whole);
  }
  if (fresh.length === 0) return;
  // The newest comes first on the wire. What is found here has to look as it was sent, or it would pass for reordered.
  if (fresh.length > 1) fresh.sort((one, other) => one.start - other.start);
  for (const { start, end } of fresh) {
    const known = sackCache.find(block => block.start >= start && block.end <= end);
    if (known === undefined) markRange(tcb, start, start, end, outcome);
    else {
      markRange(tcb, start, start, known.start, outcome);
      markRange(tcb, start, known.end, end, outcome);
    }
    tcb.highestSacked = Math.max(tcb.highestSacked, end);
  }
  sackCache.splice(0, sackCache.length, ...fresh);
}

/** The part of `[start, end)` that consists of whole segments: those are SACKed, the rest is not. */
function wholeSegments(tcb: Tcb, start: number, end: number): { start: number; end: number } {
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
  if (end <= segment.ack) return true;
  const second = segment.sackBlocks[1];
  if (second === undefined) return false;
  return unwrap(second.start, tcb.snd.una) <= start && end <= unwrap(second.end, tcb.snd.una);
}

/** Mark the segments that lie whole in `[blockStart, to)`, beginning with the one at `from`. */
function markRange(tcb: Tcb, blockStart: number, from: number, to: number, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  if (from >= to) return;
  for (let position = inFlight.find(from); position < inFlight.tail; position++) {
    if (inFlight.end(position) > to) break;
    const marks = inFlight.marks(position);
    if ((marks & SACKED) !== 0 || inFlight.start(position) < blockStart) continue;
    noteDelivered(tcb, position, outcome);
    inFlight.unmark(position, LOST | RETRANSMITTED);
    inFlight.mark(position, SACKED);
    outcome.sacked++;
  }
}
