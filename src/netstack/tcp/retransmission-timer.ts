/**
 * When the timer of what is in flight expires (Linux `tcp_rearm_rto`, `tcp_schedule_loss_probe`, `tcp_rack_mark_lost`).
 * Retransmission, tail loss probe, reordering and zero-window probe take turns on one timer; what it waits for decides
 * from when on the next one counts.
 */
import type { VirtualTime } from '../../sim/time.ts';
import * as Time from '../../sim/time.ts';
import * as Rto from './rto.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const State = { ...States };
const { MICROSECOND, SECOND } = Time;
const { JIFFY, RTO_MIN, TIMEOUT_MIN } = Rto;

/** Something was acknowledged: begin anew, with a probe if there may be one (`tcp_set_xmit_timer`). */
export function restartTimer(tcb: Tcb): void {
  if (!scheduleTailProbe(tcb, true)) restartTimeout(tcb);
}

/**
 * The retransmission timer counts from now; where another took its place for a while, from when the oldest segment
 * was sent last.
 */
export function restartTimeout(tcb: Tcb): void {
  const { waitingFor, inFlight } = tcb;
  if (isOver(tcb)) return;
  if (inFlight.packets === 0) {
    if (waitingFor !== 'window') stop(tcb);
    return;
  }
  const replaced = waitingFor === 'reordering' || waitingFor === 'tail';
  tcb.waitingFor = 'retransmission';
  tcb.timer.arm(tcb.now + (replaced ? Math.max(MICROSECOND, untilTimeout(tcb)) : tcb.rto.timeout));
}

/** `sent` new segments have left. */
export function newDataSent(tcb: Tcb, sent: number): void {
  if (sent === 0 || scheduleTailProbe(tcb, false)) return;
  if (tcb.inFlight.packets === sent || tcb.waitingFor === 'tail') restartTimeout(tcb);
}

/** Send again what is outstanding two jiffies from now (Linux TCP_TIMEOUT_MIN). */
export function hurryRetransmission(tcb: Tcb): void {
  tcb.waitingFor = 'retransmission';
  tcb.timer.arm(tcb.now + 2 * JIFFY);
}

/** What is overtaken has `wait` left before it counts as lost. */
export function awaitReordering(tcb: Tcb, wait: VirtualTime): void {
  tcb.waitingFor = 'reordering';
  tcb.timer.arm(tcb.now + Math.min(wait, tcb.rto.timeout));
}

/**
 * Only with SACK, and only while nothing is known to be wrong; never later than the retransmission timer, which counts
 * from now (`advancing`) or goes on. False when there is to be no probe.
 */
function scheduleTailProbe(tcb: Tcb, advancing: boolean): boolean {
  const { rto, inFlight } = tcb;
  const isCalm = tcb.caState === State.OPEN || tcb.caState === State.CWR;
  if (!tcb.sackEnabled || !isCalm || !tcb.isSynchronised || isOver(tcb)) return false;
  if (inFlight.packets === 0) return false;
  let delay: VirtualTime = SECOND;
  // A single segment may be waiting for the peer's delayed ACK.
  if (rto.hasSample) delay = Math.floor(2 * rto.srtt) + (inFlight.packets === 1 ? RTO_MIN : TIMEOUT_MIN);
  const timeout = advancing ? rto.timeout : untilTimeout(tcb);
  tcb.waitingFor = 'tail';
  tcb.timer.arm(tcb.now + (timeout > 0 ? Math.min(delay, timeout) : delay));
  return true;
}

const untilTimeout = ({ inFlight, rto, now }: Tcb): VirtualTime =>
  inFlight.sentAt(inFlight.head) + rto.timeout - now;

export function stop(tcb: Tcb): void {
  tcb.waitingFor = 'nothing';
  tcb.timer.cancel();
}

/** The timer waits for the end of the connection. */
export const isOver = (tcb: Tcb): boolean =>
  tcb.waitingFor === 'end' || tcb.waitingFor === 'failure' || tcb.state === State.CLOSED;
