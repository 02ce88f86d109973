/**
 * Loss recovery, as Linux's `tcp_fastretrans_alert`, `tcp_process_loss` and `tcp_cwnd_reduction` do it.
 *
 *             duplicate ACK, SACK            a segment is LOST              una >= highSeq
 *     OPEN ───────────────────> DISORDER ───────────────────> RECOVERY ─────────────────> OPEN
 *       ├─────────────────── ECE (ecn.ts) ───────────────────> CWR ───── una > highSeq ───> OPEN
 *       └──────── timeout ──────────┴──────── timeout ───────────┴──> LOSS ── una >= highSeq ──> OPEN
 *
 * What is lost: with SACK, what RACK says (rack.ts); without SACK the oldest segment, at the third duplicate ACK and at
 * each partial ACK (NewReno, RFC 6582). How fast it is repaired: proportional rate reduction (RFC 6937, with the
 * heuristic of RFC 6937bis). After a timeout, two new segments find out whether anything was lost at all (F-RTO, RFC
 * 5682). Windows are counted in segments.
 */
import type { AckOutcome } from './ack-outcome.ts';
import { countDuplicate } from './duplicate-acks.ts';
import { congestionEchoed, tellCut } from './ecn.ts';
import { judgeTimeout, type Resend } from './f-rto.ts';
import { retransmit, sendPending, shrinkPath } from './output.ts';
import { detectLosses, markLost, remaining } from './rack.ts';
import { awaitReordering, newDataSent, restartTimeout, restartTimer } from './retransmission-timer.ts';
import { LOST, RETRANSMITTED, SACKED } from './retransmit-queue.ts';
import { TIMEOUT_MIN } from './rto.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';
import {
  forgetStamp,
  keepOpen,
  noteRetransmission,
  rememberForUndo,
  rememberThreshold,
  undoByReport,
  undoPartial,
  undoWhenRecovered,
} from './undo.ts';

/** React to an acknowledgement that was entered into the scoreboard; retransmit what may go. */
export function recover(tcb: Tcb, outcome: AckOutcome): void {
  const lossesBefore = tcb.inFlight.losses;
  let resend: Resend = 'nothing';
  if (isDubious(tcb, outcome)) {
    if (isReneging(tcb)) {
      enterLoss(tcb);
      retransmitHead(tcb);
      return;
    }
    resend = judge(tcb, outcome);
  }
  if (outcome.restartsTimer) restartTimer(tcb);
  if (tcb.isReducing)
    reduceProportionally(tcb, outcome.delivered, outcome.advanced, tcb.inFlight.losses > lossesBefore);
  else if (mayGrow(tcb, outcome) && isCwndLimited(tcb))
    tcb.congestion.acknowledged(tcb.cong, outcome.delivered, tcb.now);
  if (resend === 'new') {
    newDataSent(tcb, sendPending(tcb, true));
    if (tcb.snd.nxt > tcb.highSeq) return;
    tcb.frto = false;
  }
  if (resend !== 'nothing') retransmitLost(tcb);
}

const isDubious = (tcb: Tcb, outcome: AckOutcome): boolean =>
  !outcome.tellsNews ||
  outcome.sacked > 0 ||
  outcome.duplicateReported ||
  outcome.congestion ||
  tcb.caState !== State.OPEN;

/** The peer dropped what it had SACKed (RFC 2018 §8), or the oldest would have been acknowledged. */
const isReneging = ({ inFlight }: Tcb): boolean =>
  inFlight.packets > 0 && (inFlight.marks(inFlight.head) & SACKED) !== 0;

/** The state machine. */
export function judge(tcb: Tcb, outcome: AckOutcome): Resend {
  const { inFlight, undo } = tcb;
  // Congestion that was told is no mistake.
  if (outcome.congestion) undo.ssthresh = 0;
  if (tcb.caState === State.OPEN) undo.stamp = -1;
  else if (tcb.caState === State.CWR && tcb.snd.una > tcb.highSeq) {
    // Something above highSeq is acknowledged, so CWR has arrived too.
    tcb.cong.cwnd = tcb.cong.ssthresh;
    tcb.caState = State.OPEN;
  } else if (tcb.caState === State.RECOVERY && tcb.snd.una >= tcb.highSeq) {
    if (!tcb.sackEnabled) inFlight.sacked = 0;
    if (!undoWhenRecovered(tcb, outcome.echo)) return 'nothing';
    // The marker is gone where the cut was taken back.
    if (undo.marker >= 0 && tcb.cong.ssthresh !== Number.POSITIVE_INFINITY) tcb.cong.cwnd = tcb.cong.ssthresh;
  }
  if (tcb.caState === State.RECOVERY) return judgeInRecovery(tcb, outcome);
  let resend: Resend = 'nothing';
  if (tcb.caState === State.LOSS) {
    resend = judgeTimeout(tcb, outcome);
    const lostAgain = identifyLosses(tcb, outcome);
    if ((tcb.caState as number) !== State.OPEN && !lostAgain) return resend;
  }
  if (!tcb.sackEnabled) {
    if (outcome.advanced) inFlight.sacked = 0;
    countDuplicate(tcb, outcome);
  }
  if (tcb.caState <= State.DISORDER) undoByReport(tcb);
  identifyLosses(tcb, outcome);
  if (inFlight.lost === 0) {
    tryToOpen(tcb, outcome);
    return resend;
  }
  enterRecovery(tcb, outcome);
  return 'lost';
}

/** `tcp_try_to_open`. */
function tryToOpen(tcb: Tcb, outcome: AckOutcome): void {
  forgetStamp(tcb);
  if (outcome.congestion) congestionEchoed(tcb, cutWindow);
  if (tcb.caState !== State.CWR) keepOpen(tcb);
}

function judgeInRecovery(tcb: Tcb, outcome: AckOutcome): Resend {
  if (!outcome.advanced) {
    if (!tcb.sackEnabled) countDuplicate(tcb, outcome);
  } else if (undoPartial(tcb, outcome.priorUna, outcome.echo)) {
    return 'nothing';
  }
  if (undoByReport(tcb)) tryToOpen(tcb, outcome);
  identifyLosses(tcb, outcome);
  if (tcb.caState !== State.RECOVERY) {
    if (tcb.inFlight.lost === 0) return 'nothing';
    // The cut was taken back, and a loss is evident all the same.
    enterRecovery(tcb, outcome);
  }
  return 'lost';
}

/** Find out what is lost. True when that is a retransmission (`tcp_identify_packet_loss`). */
function identifyLosses(tcb: Tcb, outcome: AckOutcome): boolean {
  const { inFlight } = tcb;
  if (inFlight.packets === 0) return false;
  if (!tcb.sackEnabled) {
    const third = tcb.caState < State.RECOVERY && inFlight.sacked >= tcb.reordering.degree;
    const partial = tcb.caState === State.RECOVERY && outcome.advanced;
    if ((third || partial) && (inFlight.marks(inFlight.head) & LOST) === 0) markLost(tcb, inFlight.head);
    return false;
  }
  if (!tcb.rackAdvanced) return false;
  tcb.rackAdvanced = false;
  const retransmitted = inFlight.retransmitted;
  const wait = detectLosses(tcb);
  if (wait > 0) {
    awaitReordering(tcb, wait + TIMEOUT_MIN);
    outcome.restartsTimer = false;
  }
  return inFlight.retransmitted < retransmitted;
}

/** Retransmit what is LOST, oldest first, as far as the congestion window goes. */
export function retransmitLost(tcb: Tcb): void {
  const { inFlight, cong } = tcb;
  if (inFlight.packets === 0) return;
  let position = Math.max(tcb.retransmitHint, inFlight.head);
  let headWent = false;
  for (; position < inFlight.tail && inFlight.inFlight < cong.cwnd; position++) {
    if (inFlight.retransmitted >= inFlight.lost) break;
    const marks = inFlight.marks(position);
    if ((marks & LOST) === 0 || (marks & (SACKED | RETRANSMITTED)) !== 0) continue;
    resend(tcb, position);
    if (tcb.isReducing) tcb.prrOut++;
    if (position === inFlight.head) headWent = true;
  }
  tcb.retransmitHint = position;
  if (headWent && tcb.waitingFor !== 'reordering') restartTimeout(tcb);
}

function resend(tcb: Tcb, position: number): void {
  const { inFlight } = tcb;
  if (inFlight.retransmitted === 0) tcb.oldestResent = tcb.now;
  const packets = inFlight.packets;
  retransmit(tcb, position);
  noteRetransmission(tcb);
  // A segment that had to be cut moved those behind it by one.
  if (tcb.lossEdge > position) tcb.lossEdge += inFlight.packets - packets;
}

/** After a timeout: the oldest goes again, whatever the windows say. */
export function retransmitHead(tcb: Tcb): void {
  resend(tcb, tcb.inFlight.head);
}

/** What was given time to be overtaken is lost now (`tcp_rack_reo_timeout`). */
export function reorderingTimeout(tcb: Tcb): void {
  const { inFlight } = tcb;
  const before = inFlight.inFlight;
  const losses = inFlight.losses;
  detectLosses(tcb);
  if (inFlight.inFlight === before) return;
  if (tcb.caState !== State.RECOVERY) {
    enterRecovery(tcb, undefined);
    reduceProportionally(tcb, 1, false, inFlight.losses > losses);
  }
  retransmitLost(tcb);
}

/** Is it the congestion window that holds us back? Only then does it grow. */
export const isCwndLimited = (tcb: Tcb): boolean =>
  tcb.cwndLimited || (tcb.cong.cwnd < tcb.cong.ssthresh && tcb.cong.cwnd < 2 * tcb.maxPackets);

/** On a path that reorders a lot every arrival lets the window grow, else only what arrives in order. */
const mayGrow = (tcb: Tcb, outcome: AckOutcome): boolean =>
  outcome.dataAcked || (outcome.sacked > 0 && tcb.reordering.degree > 3);

/** `outcome` is undefined where a timer found the loss. */
function enterRecovery(tcb: Tcb, outcome: AckOutcome | undefined): void {
  forgetStamp(tcb);
  rememberForUndo(tcb);
  // A window that is on its way down because of ECN is not cut again, nor given back.
  if (tcb.isReducing) tcb.undo.ssthresh = 0;
  else {
    rememberThreshold(tcb);
    if (outcome?.congestion === true) tcb.undo.ssthresh = 0;
    cutWindow(tcb);
  }
  tcb.caState = State.RECOVERY;
  tcb.statistics.fastRecoveries++;
}

/** The threshold falls; the window follows by proportional reduction, or at once (`tcp_init_cwnd_reduction`). */
export function cutWindow(tcb: Tcb): void {
  const { cong } = tcb;
  tcb.highSeq = tcb.snd.nxt;
  tcb.tailProbeEnd = 0;
  cong.cwndCount = 0;
  tcb.priorCwnd = cong.cwnd;
  tcb.prrDelivered = 0;
  tcb.prrOut = 0;
  cong.ssthresh = tcb.congestion.ssthresh(cong);
  tellCut(tcb);
}

/** The retransmission timer expired, or the peer reneged: what had time to arrive counts as lost. */
export function enterLoss(tcb: Tcb): void {
  const { inFlight, cong, reordering } = tcb;
  const isNew = tcb.caState < State.RECOVERY;
  markAllLost(tcb);
  if (
    tcb.caState <= State.DISORDER ||
    tcb.snd.una >= tcb.highSeq ||
    (tcb.caState === State.LOSS && tcb.retries === 0)
  ) {
    rememberThreshold(tcb);
    tcb.priorCwnd = cong.cwnd;
    cong.ssthresh = tcb.congestion.ssthresh(cong);
    rememberForUndo(tcb);
  }
  cong.cwnd = inFlight.inFlight + 1;
  cong.cwndCount = 0;
  if (tcb.caState <= State.DISORDER && inFlight.sacked >= 3)
    reordering.degree = Math.min(reordering.degree, 3);
  tcb.caState = State.LOSS;
  tcb.congestion.timedOut(cong, tcb.snd.nxt, tcb.now);
  tcb.highSeq = tcb.snd.nxt;
  tcb.tailProbeEnd = 0;
  tellCut(tcb);
  tcb.frto = isNew || tcb.retries > 0;
}

/** `tcp_timeout_mark_lost`: all but what has just left; what was SACKed and dropped, too. */
function markAllLost(tcb: Tcb): void {
  const { inFlight } = tcb;
  const reneged = isReneging(tcb);
  if (!tcb.sackEnabled) inFlight.sacked = 0;
  for (let position = inFlight.head; position < inFlight.tail; position++) {
    if (reneged) inFlight.unmark(position, SACKED);
    else if (position !== inFlight.head && remaining(tcb, position, 0) > 0) continue;
    markLost(tcb, position);
  }
  tcb.sackCache.length = 0;
  if (reneged) tcb.highestSacked = 0;
  tcb.retransmitHint = inFlight.head;
  tcb.lossEdge = inFlight.head;
}

/** RFC 6937: send in proportion to what is delivered, down to ssthresh; then as slow start up to it. */
function reduceProportionally(tcb: Tcb, delivered: number, advanced: boolean, newlyLost: boolean): void {
  const { cong, inFlight } = tcb;
  if (delivered <= 0) return;
  tcb.prrDelivered += delivered;
  const pipe = inFlight.inFlight;
  const room = cong.ssthresh - pipe;
  let allowed: number;
  if (room < 0) {
    allowed = Math.ceil((cong.ssthresh * tcb.prrDelivered) / tcb.priorCwnd) - tcb.prrOut;
  } else {
    // An acknowledgement that moves on and shows no new loss says that there is room: one more.
    const safe = advanced && !newlyLost ? 1 : 0;
    allowed = Math.min(room, Math.max(tcb.prrDelivered - tcb.prrOut, delivered) + safe);
  }
  // The first retransmission goes whatever the pipe says.
  cong.cwnd = pipe + Math.max(allowed, tcb.prrOut > 0 ? 0 : 1);
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
    rememberThreshold(tcb);
    tcb.cong.ssthresh = tcb.undo.ssthresh;
    tcb.undo.ssthresh = 0;
    tcb.undo.marker = -1;
    tcb.congestion.timedOut(tcb.cong, tcb.snd.nxt, tcb.now);
  }
  tcb.retransmitHint = inFlight.head;
  tcb.lossEdge = inFlight.head;
  retransmitLost(tcb);
}
