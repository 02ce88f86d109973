/**
 * Header prediction (Van Jacobson 1990; Linux `tcp_rcv_established`): in a transfer nearly every segment is the one that
 * was expected. What segment-arrives.ts would do with it is done here, and nothing is asked that cannot be.
 *
 *   established; ACK, at most with PSH; timestamps alone, not before TS.Recent; SEG.SEQ = RCV.NXT; no ECN
 *      │
 *      ├─ no data, SND.UNA < SEG.ACK    nothing of ours was SACKed, lost or sent again ──> acknowledgement
 *      ├─ data, SEG.ACK = SND.UNA       nothing of ours is in flight, nothing came early ─> data
 *      └─ anything else                                                                  ─> segment-arrives.ts
 */
import type { Frame } from '../../sim/frame-store.ts';
import * as TcpCodec from '../../wire/tcp.ts';
import { updateWindow } from './acknowledgement.ts';
import { acknowledgeIfDue, inOrderArrives } from './data-arrives.ts';
import { sendPending } from './output.ts';
import { adjustWindow, noteArrival } from './rack.ts';
import { isCwndLimited } from './recovery.ts';
import { newDataSent, restartTimer } from './retransmission-timer.ts';
import * as Marks from './retransmit-queue.ts';
import type { Segment } from './segment.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';
import { armTimer } from './timers.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const State = { ...States };
const Tcp = { ...TcpCodec };
const { PUSHED } = Marks;

/** True when the segment was expected, and has been dealt with. False: nothing has happened to the connection. */
export function arrivesAsPredicted(tcb: Tcb, segment: Segment, frame: Frame): boolean {
  if (!isExpected(tcb, segment)) return false;
  return segment.length > 0 ? dataPredicted(tcb, segment, frame) : acknowledgementPredicted(tcb, segment);
}

const isExpected = ({ state, rcv, timestamps, ecn, tailProbeEnd }: Tcb, segment: Segment): boolean =>
  state === State.ESTABLISHED &&
  (segment.flags & ~Tcp.PSH) === Tcp.ACK &&
  segment.isTimestamped &&
  timestamps.enabled &&
  ((segment.tsValue - timestamps.recent) | 0) >= 0 &&
  segment.sequence === (rcv.nxt | 0) &&
  !ecn.ok &&
  tailProbeEnd === 0;

function acknowledgementPredicted(tcb: Tcb, segment: Segment): boolean {
  const { snd, inFlight } = tcb;
  const advance = (segment.acknowledgment - snd.una) | 0;
  const ack = snd.una + advance;
  if (advance <= 0 || ack > snd.nxt || !tcb.sackEnabled) return false;
  if (tcb.caState !== State.OPEN || !inFlight.isUnmarked) return false;
  const released = wholeSegments(tcb, ack);
  if (released === 0) return false;
  heard(tcb, segment);
  const first = inFlight.sentAt(inFlight.head);
  noteArrival(tcb, inFlight.head + released - 1);
  const last = inFlight.sentAt(inFlight.head + released - 1);
  inFlight.release(released);
  tcb.statistics.bytesAcked += advance;
  snd.una = ack;
  tcb.sendQueue.release(ack);
  tcb.retries = 0;
  tcb.retransmittingSince = -1;
  tcb.softError = '';
  const { now } = tcb;
  if (now - last < tcb.minRtt) tcb.minRtt = now - last;
  tcb.rto.sample(now - first, ack, snd.nxt);
  tcb.congestion.roundTrip(tcb.cong, now - last, ack, snd.nxt, now);
  adjustWindow(tcb, last);
  if (isCwndLimited(tcb)) tcb.congestion.acknowledged(tcb.cong, released, now);
  // Whatever is sent restarts the timer, too.
  const sent = sendPending(tcb);
  if (sent > 0) newDataSent(tcb, sent);
  else restartTimer(tcb);
  armTimer(tcb);
  acknowledgeIfDue(tcb);
  return true;
}

/** How many segments `ack` takes off the queue; 0 when it ends inside of one, or one was ever sent again. */
function wholeSegments({ inFlight }: Tcb, ack: number): number {
  let position = inFlight.head;
  for (; position < inFlight.tail && inFlight.start(position) < ack; position++)
    if (inFlight.end(position) > ack || (inFlight.marks(position) & ~PUSHED) !== 0) return 0;
  return position - inFlight.head;
}

function dataPredicted(tcb: Tcb, segment: Segment, frame: Frame): boolean {
  const { snd, rcv, inFlight, receiveQueue, window } = tcb;
  if (segment.acknowledgment !== (snd.una | 0) || inFlight.packets > 0 || snd.nxt < tcb.sendEnd) return false;
  if (receiveQueue.hasEarly || rcv.fin !== Number.POSITIVE_INFINITY) return false;
  if (tcb.waitingFor !== 'nothing' || window.left(rcv.nxt) === 0) return false;
  heard(tcb, segment);
  inOrderArrives(tcb, segment, frame, 0);
  acknowledgeIfDue(tcb);
  return true;
}

/** What any acceptable segment tells: the peer lives, its window, its clock. */
function heard(tcb: Tcb, segment: Segment): void {
  const { rcv, timestamps } = tcb;
  tcb.statistics.segmentsIn++;
  tcb.probes = 0;
  tcb.keepaliveProbes = 0;
  segment.place(rcv.nxt, tcb.snd.una);
  updateWindow(tcb, segment);
  const { now } = tcb;
  tcb.lastHeardAt = now;
  if (rcv.nxt > timestamps.lastAckSent) return;
  timestamps.recent = segment.tsValue >>> 0;
  timestamps.recentAt = now;
}
