/**
 * Loss detection and recovery, as Linux's `tcp_fastretrans_alert` and `tcp_recovery.c` do it.
 *
 *             duplicate ACK, SACK            a segment is LOST              una >= highSeq
 *     OPEN ───────────────────> DISORDER ───────────────────> RECOVERY ─────────────────> OPEN
 *       ├─────────────────── ECE (ecn.ts) ───────────────────> CWR ───── una > highSeq ───> OPEN
 *       └──────── timeout ──────────┴──────── timeout ───────────┴──> LOSS ── una >= highSeq ──> OPEN
 *
 * What is lost: with SACK, a segment sent before one that has arrived (RACK, RFC 8985), at once when three segments
 * are SACKed, else after a quarter of the round trip; without SACK the oldest one, at the third duplicate ACK and at
 * each partial ACK (NewReno, RFC 6582). How fast it is repaired: proportional rate reduction (RFC 6937). Windows are
 * counted in segments.
 */
import { NEVER, type VirtualTime } from '../../sim/time.ts';
import { congestionEchoed, tellCut } from './ecn.ts';
import { judgeTimeout } from './f-rto.ts';
import { retransmit, sendPending, shrinkPath } from './output.ts';
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from './retransmit-queue.ts';
import { TIMEOUT_MIN } from './rto.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';
import { noteRetransmission, rememberForUndo, tryUndo } from './undo.ts';

const DUPLICATE_THRESHOLD = 3;

/** What one acknowledgement told us. One object serves all: see `clearOutcome`. */
export interface AckOutcome {
  /** SND.UNA moved. */
  advanced: boolean;
  /** Segments acknowledged cumulatively that were not SACKed before. */
  acked: number;
  sacked: number;
  /** Segments now known to have arrived. */
  delivered: number;
  /** A retransmitted segment was among them. */
  retransmittedAcked: boolean;
  /** When the oldest and the youngest segment that were sent once had left; NEVER if there were none. */
  firstSentAt: VirtualTime;
  lastSentAt: VirtualTime;
  /** The peer told us of a duplicate (D-SACK). */
  duplicateReported: boolean;
  /** A segment that was sent once, before the loss was found, was among those that arrived. */
  originalArrived: boolean;
  /** Our timestamp that came back; -1 = none. */
  echo: number;
  /** No data, no new window, nothing acknowledged, and something in flight: a duplicate of RFC 5681 §2. */
  isDuplicate: boolean;
  /** ECE. */
  congestion: boolean;
}

export function clearOutcome(outcome: AckOutcome): void {
  outcome.advanced = false;
  outcome.acked = 0;
  outcome.sacked = 0;
  outcome.delivered = 0;
  outcome.retransmittedAcked = false;
  outcome.firstSentAt = NEVER;
  outcome.lastSentAt = NEVER;
  outcome.duplicateReported = false;
  outcome.originalArrived = false;
  outcome.isDuplicate = false;
  outcome.congestion = false;
  outcome.echo = -1;
}

/** The segment at `position` is known to have arrived, by ACK or SACK, for the first time. */
export function noteDelivered(tcb: Tcb, position: number, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  const sentAt = inFlight.sentAt(position);
  const end = inFlight.end(position);
  if ((inFlight.marks(position) & EVER_RETRANSMITTED) === 0) {
    if (outcome.firstSentAt === NEVER) outcome.firstSentAt = sentAt;
    outcome.lastSentAt = sentAt;
    if (end <= tcb.highSeq) outcome.originalArrived = true;
    // Something younger had arrived before it, and it was never sent again: the network reorders.
    if (end < tcb.highestSacked) tcb.reordering = true;
  } else {
    outcome.retransmittedAcked = true;
    // Too soon to be the answer to the retransmission: it is that to the original (RFC 8985 §6.2 step 2).
    if (tcb.now - sentAt < tcb.minRtt) return;
  }
  if (sentAt > tcb.rackSentAt || (sentAt === tcb.rackSentAt && end > tcb.rackEnd)) {
    tcb.rackSentAt = sentAt;
    tcb.rackEnd = end;
    tcb.rackRtt = tcb.now - sentAt;
  }
}

/** React to an acknowledgement that was entered into the scoreboard; retransmit what may go. */
export function recover(tcb: Tcb, outcome: AckOutcome): void {
  const { inFlight, cong } = tcb;
  const priorState = tcb.caState;
  const priorLosses = inFlight.losses;
  outcome.delivered = outcome.acked + outcome.sacked;
  if (!tcb.sackEnabled) countDuplicates(tcb, outcome);
  // Reneging: the peer dropped what it had SACKed (RFC 2018 §8), or the oldest would have been acknowledged.
  if (inFlight.packets > 0 && (inFlight.marks(inFlight.head) & SACKED) !== 0) {
    enterLoss(tcb);
    retransmitHead(tcb);
    return;
  }
  if (tcb.caState >= State.RECOVERY || outcome.duplicateReported)
    tryUndo(tcb, outcome.advanced ? outcome.echo : -1, outcome.duplicateReported);
  const probing = tcb.forwardRto && judgeTimeout(tcb, outcome);
  if (tcb.caState >= State.RECOVERY && tcb.snd.una >= tcb.highSeq && !holdsForReno(tcb)) finish(tcb);
  if (tcb.caState === State.CWR && tcb.snd.una > tcb.highSeq) endCut(tcb);
  detectLosses(tcb, outcome);
  if (tcb.caState < State.RECOVERY) {
    if (inFlight.lost > 0) enterRecovery(tcb);
    else if (outcome.congestion) congestionEchoed(tcb, beginCut);
    else if (tcb.caState !== State.CWR) tcb.caState = inFlight.sacked > 0 ? State.DISORDER : State.OPEN;
  } else if (outcome.congestion) congestionEchoed(tcb, beginCut);
  if (tcb.caState === State.RECOVERY || tcb.caState === State.CWR) {
    const first = tcb.caState === State.RECOVERY && priorState !== State.RECOVERY;
    reduceProportionally(tcb, outcome, first, inFlight.losses > priorLosses);
  } else if (outcome.acked > 0 && isCwndLimited(tcb)) {
    tcb.congestion.acknowledged(cong, outcome.delivered, tcb.now);
  }
  if (probing && sendPending(tcb) > 0) return;
  if (probing) tcb.forwardRto = false;
  retransmitLost(tcb);
}

/** Retransmit what is LOST, oldest first, as far as the congestion window goes. */
export function retransmitLost(tcb: Tcb): void {
  const { inFlight, cong } = tcb;
  if (inFlight.lost === inFlight.retransmitted) return;
  let position = Math.max(tcb.retransmitHint, inFlight.head);
  while (position < inFlight.tail && inFlight.inFlight < cong.cwnd) {
    if ((inFlight.marks(position) & (LOST | RETRANSMITTED)) === LOST) {
      resend(tcb, position);
      if (tcb.caState === State.RECOVERY || tcb.caState === State.CWR) tcb.prrOut++;
    }
    position++;
    if (inFlight.lost === inFlight.retransmitted) break;
  }
  tcb.retransmitHint = position;
}

/** New data goes when nothing is left to repair. Returns how many segments went. */
export function sendNew(tcb: Tcb): number {
  if (tcb.inFlight.lost !== tcb.inFlight.retransmitted) return 0;
  const sent = sendPending(tcb);
  if (tcb.caState === State.RECOVERY || tcb.caState === State.CWR) tcb.prrOut += sent;
  return sent;
}

function resend(tcb: Tcb, position: number): void {
  const { inFlight } = tcb;
  if (inFlight.retransmitted === 0) tcb.oldestResent = tcb.now;
  const packets = inFlight.packets;
  retransmit(tcb, position);
  if (position === inFlight.head && tcb.waitingFor !== 'reordering') tcb.waitingFor = 'nothing';
  noteRetransmission(tcb, tcb.now);
  // A segment that had to be cut moved those behind it by one.
  if (tcb.lossEdge > position) tcb.lossEdge += inFlight.packets - packets;
}

/** After a timeout: the oldest goes again, whatever the windows say. */
export function retransmitHead(tcb: Tcb): void {
  const { head } = tcb.inFlight;
  resend(tcb, head);
  tcb.retransmitHint = head + 1;
}

/** Segments were found lost by the reordering timer rather than by an acknowledgement. */
export function enterRecoveryIfLost(tcb: Tcb): void {
  if (tcb.caState >= State.RECOVERY || tcb.inFlight.lost === 0) return;
  enterRecovery(tcb);
  tcb.cong.cwnd = tcb.inFlight.inFlight + 1;
}

const isCwndLimited = (tcb: Tcb): boolean =>
  tcb.cwndLimited || (tcb.cong.cwnd < tcb.cong.ssthresh && tcb.cong.cwnd < 2 * tcb.maxPackets);

/** Without SACK each duplicate ACK says that one segment, we do not know which, has left the network. */
function countDuplicates(tcb: Tcb, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  // After a timeout only new data is counted: what else is out is lost already.
  if (tcb.caState === State.LOSS && (outcome.advanced || tcb.snd.nxt <= tcb.highSeq)) {
    if (outcome.advanced) inFlight.sacked = 0;
  } else if (outcome.advanced) {
    // One acknowledged segment filled the hole, the others had been counted as duplicates.
    if (outcome.acked > 0) outcome.delivered = Math.max(1, outcome.acked - inFlight.sacked);
    if (outcome.acked > 0) inFlight.sacked = Math.max(0, inFlight.sacked - (outcome.acked - 1));
    if (tcb.caState < State.RECOVERY) inFlight.sacked = 0;
  } else if (outcome.isDuplicate) {
    inFlight.sacked++;
    outcome.delivered = 1;
  }
  const limit = Math.max(0, inFlight.packets - Math.max(1, inFlight.lost));
  inFlight.sacked = Math.min(inFlight.sacked, limit);
}

/** RFC 6582 §4: without SACK, stay until something above highSeq is acknowledged, or old duplicates start anew. */
const holdsForReno = (tcb: Tcb): boolean =>
  !tcb.sackEnabled && tcb.snd.una === tcb.highSeq && tcb.inFlight.packets > 0;

function detectLosses(tcb: Tcb, outcome: AckOutcome): void {
  const { inFlight } = tcb;
  tcb.reorderWait = 0;
  if (inFlight.packets === 0) return;
  if (tcb.sackEnabled) {
    detectByTime(tcb);
    return;
  }
  const third = tcb.caState < State.RECOVERY && inFlight.sacked >= DUPLICATE_THRESHOLD;
  const partial = isPartialAck(tcb, outcome);
  if (third || partial) {
    const { head } = inFlight;
    if (partial) inFlight.unmark(head, RETRANSMITTED);
    inFlight.mark(head, LOST);
    tcb.retransmitHint = head;
  }
}

/** RFC 6582 §3.2: without SACK, an ACK that does not reach the end of recovery shows the next hole. */
const isPartialAck = (tcb: Tcb, outcome: AckOutcome): boolean =>
  !tcb.sackEnabled && tcb.caState === State.RECOVERY && outcome.advanced && tcb.snd.una < tcb.highSeq;

/** RACK: mark LOST what left before the youngest segment that arrived, and had time enough to arrive. */
export function detectByTime(tcb: Tcb): void {
  const { inFlight, now } = tcb;
  const settle = reorderWindow(tcb);
  let position = Math.max(tcb.lossEdge, inFlight.head);
  for (; position < inFlight.tail; position++) {
    if ((inFlight.marks(position) & (SACKED | LOST)) !== 0) continue;
    const sentAt = inFlight.sentAt(position);
    if (!leftBeforeRack(tcb, sentAt, position)) break;
    const remaining = tcb.rackRtt + settle - (now - sentAt);
    if (remaining > 0) {
      tcb.reorderWait = remaining + TIMEOUT_MIN;
      break;
    }
    inFlight.mark(position, LOST);
    tcb.retransmitHint = Math.min(tcb.retransmitHint, position);
  }
  tcb.lossEdge = position;
  if (inFlight.retransmitted === 0 || tcb.rackSentAt < tcb.oldestResent) return;
  const remaining = tcb.rackRtt + settle - (now - tcb.oldestResent);
  if (remaining <= 0) findLostAgain(tcb, settle);
  else if (tcb.reorderWait === 0) tcb.reorderWait = remaining + TIMEOUT_MIN;
}

/** Did it leave before the youngest segment that arrived? At one instant the numbers decide. */
const leftBeforeRack = (tcb: Tcb, sentAt: VirtualTime, position: number): boolean =>
  sentAt < tcb.rackSentAt || (sentAt === tcb.rackSentAt && tcb.inFlight.end(position) < tcb.rackEnd);

/** Retransmissions are out of order in the ring, so they are scanned: about once a round trip. */
function findLostAgain(tcb: Tcb, settle: VirtualTime): void {
  const { inFlight } = tcb;
  let oldest = NEVER;
  for (let position = inFlight.head; position < Math.min(tcb.lossEdge, inFlight.tail); position++) {
    if ((inFlight.marks(position) & RETRANSMITTED) === 0) continue;
    const sentAt = inFlight.sentAt(position);
    const expired = tcb.rackRtt + settle <= tcb.now - sentAt;
    if (expired && leftBeforeRack(tcb, sentAt, position)) {
      inFlight.unmark(position, RETRANSMITTED);
      inFlight.losses++;
      tcb.retransmitHint = Math.min(tcb.retransmitHint, position);
    } else if (sentAt < oldest) oldest = sentAt;
  }
  tcb.oldestResent = oldest;
}

/** How long a segment may be overtaken (Linux `tcp_rack_reo_wnd`). */
function reorderWindow(tcb: Tcb): VirtualTime {
  if (!tcb.reordering) {
    if (tcb.caState >= State.RECOVERY || tcb.inFlight.sacked >= DUPLICATE_THRESHOLD) return 0;
  }
  return Math.floor(Math.min(tcb.minRtt === NEVER ? 0 : tcb.minRtt / 4, tcb.rto.srtt));
}

function enterRecovery(tcb: Tcb): void {
  // A window that is on its way down because of ECN is not cut again, nor given back.
  if (tcb.caState !== State.CWR) {
    rememberForUndo(tcb);
    beginCut(tcb);
  }
  tcb.caState = State.RECOVERY;
  tcb.retransmitHint = tcb.inFlight.head;
  tcb.statistics.fastRecoveries++;
}

/** From now on the window goes down to what the algorithm says, in proportion to what is delivered. */
function beginCut(tcb: Tcb): void {
  const { cong } = tcb;
  tcb.highSeq = tcb.snd.nxt;
  tcb.priorCwnd = cong.cwnd;
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
  tcb.tailProbeEnd = 0;
  cong.ssthresh = tcb.congestion.ssthresh(cong);
  cong.cwndCount = 0;
  tellCut(tcb);
}

/** Something above highSeq is acknowledged, so CWR has arrived too: the reduction is over. */
function endCut(tcb: Tcb): void {
  tcb.cong.cwnd = tcb.cong.ssthresh;
  tcb.caState = tcb.inFlight.sacked > 0 ? State.DISORDER : State.OPEN;
}

/** The retransmission timer expired, or the peer reneged: everything in flight counts as lost. */
export function enterLoss(tcb: Tcb): void {
  const { inFlight, cong } = tcb;
  const reneged = inFlight.packets > 0 && (inFlight.marks(inFlight.head) & SACKED) !== 0;
  const recurring = tcb.retries > 1;
  tcb.forwardRto = tcb.caState < State.RECOVERY || recurring;
  if (
    tcb.caState <= State.DISORDER ||
    tcb.snd.una >= tcb.highSeq ||
    (tcb.caState === State.LOSS && !recurring)
  ) {
    tcb.priorCwnd = cong.cwnd;
    rememberForUndo(tcb);
    cong.ssthresh = tcb.congestion.ssthresh(cong);
  }
  tcb.tailProbeEnd = 0;
  if (!tcb.sackEnabled) inFlight.sacked = 0;
  for (let position = inFlight.head; position < inFlight.tail; position++) {
    if (reneged) inFlight.unmark(position, SACKED);
    else if (position !== inFlight.head && wasSentLately(tcb, position)) continue;
    inFlight.unmark(position, RETRANSMITTED);
    if ((inFlight.marks(position) & SACKED) === 0) inFlight.mark(position, LOST);
  }
  tcb.sackCache.length = 0;
  if (reneged) tcb.highestSacked = 0;
  cong.cwnd = inFlight.inFlight + 1;
  cong.cwndCount = 0;
  tcb.congestion.timedOut(cong, tcb.snd.nxt, tcb.now);
  tellCut(tcb);
  tcb.caState = State.LOSS;
  tcb.highSeq = tcb.snd.nxt;
  tcb.retransmitHint = inFlight.head;
  tcb.lossEdge = inFlight.head;
}

/** Within a round trip: it may still arrive (Linux `tcp_timeout_mark_lost`). */
const wasSentLately = (tcb: Tcb, position: number): boolean =>
  tcb.rackRtt + reorderWindow(tcb) > tcb.now - tcb.inFlight.sentAt(position);

/** Everything that was in flight when the loss was found is acknowledged. */
function finish(tcb: Tcb): void {
  const { cong, inFlight } = tcb;
  if (tcb.caState === State.RECOVERY) cong.cwnd = Math.max(1, Math.min(cong.ssthresh, tcb.priorCwnd));
  tcb.caState = inFlight.sacked > 0 ? State.DISORDER : State.OPEN;
  tcb.forwardRto = false;
  if (!tcb.sackEnabled) inFlight.sacked = 0;
}

/** RFC 6937: send in proportion to what is delivered, down to ssthresh; then as slow start up to it. */
function reduceProportionally(tcb: Tcb, outcome: AckOutcome, first: boolean, newlyLost: boolean): void {
  const { cong, inFlight } = tcb;
  const { delivered } = outcome;
  if (delivered <= 0 && !first) return;
  tcb.prrDelivered += delivered;
  const pipe = inFlight.inFlight;
  const room = cong.ssthresh - pipe;
  let allowed: number;
  if (room < 0) {
    allowed = Math.ceil((cong.ssthresh * tcb.prrDelivered) / tcb.priorCwnd) - tcb.prrOut;
  } else {
    const more = outcome.advanced && !newlyLost ? 1 : 0;
    allowed = Math.min(room, Math.max(tcb.prrDelivered - tcb.prrOut, delivered) + more);
  }
  // The first retransmission goes whatever the pipe says.
  const forced = tcb.prrOut === 0 ? 1 : 0;
  cong.cwnd = pipe + Math.max(allowed, forced);
}

/** ICMP 3/4: the path takes smaller packets only. Cut what is in flight anew and send it at once (RFC 1191 §6.4). */
export function pathMtuShrank(tcb: Tcb, mtu: number): void {
  const { inFlight } = tcb;
  if (!shrinkPath(tcb, mtu) || inFlight.packets === 0) return;
  // Linux `tcp_simple_retransmit`: what is larger than a segment is lost, without blame on congestion.
  if (!inFlight.recut(tcb.mss)) return;
  if (tcb.caState !== State.LOSS) {
    tcb.caState = State.LOSS;
    tcb.highSeq = tcb.snd.nxt;
    tcb.cong.ssthresh = Math.max(tcb.cong.ssthresh, (tcb.cong.cwnd >> 1) + (tcb.cong.cwnd >> 2));
    tcb.undo.active = false;
    tcb.forwardRto = false;
  }
  tcb.retransmitHint = inFlight.head;
  tcb.lossEdge = inFlight.tail;
  retransmitLost(tcb);
}
