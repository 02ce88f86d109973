/**
 * What the timers of a connection do. Retransmission, reordering, zero-window probes and the two long waits at the end
 * never need a timer at the same time, so they share one.
 */
import { MILLISECOND, SECOND, type VirtualTime } from '../../sim/time.ts';
import { enterSent, refreshPath, sendAck, sendPending, sendProbe, sendReset, transmit } from './output.ts';
import { enterLoss, reorderingTimeout, retransmitHead } from './recovery.ts';
import { isOver, newDataSent, restartTimeout, restartTimer, stop } from './retransmission-timer.ts';
import { RTO_MAX } from './rto.ts';
import { sendTailProbe } from './tail-loss-probe.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const State = { ...States };

/** net.ipv4.tcp_syn_retries, tcp_synack_retries. */
const SYN_RETRIES = 6;
const SYN_ACK_RETRIES = 5;
/** tcp_retries2 = 15 and tcp_orphan_retries = 8, as the time they stand for at an RTO of 200 ms. */
const GIVE_UP_AFTER: VirtualTime = 924_600 * MILLISECOND;
const ORPHAN_GIVE_UP_AFTER: VirtualTime = 102_200 * MILLISECOND;
const PROBE_RETRIES = 15;
const ORPHAN_PROBE_RETRIES = 8;
/** TCP_TIMEWAIT_LEN, and tcp_fin_timeout. */
export const TIME_WAIT_LENGTH: VirtualTime = 60 * SECOND;
export const FIN_TIMEOUT: VirtualTime = 60 * SECOND;

/** See that a timer runs for what is outstanding. */
export function armTimer(tcb: Tcb): void {
  if (isOver(tcb)) return;
  if (tcb.inFlight.packets > 0) {
    // The window opened: the doubling was for the probes.
    if (tcb.waitingFor === 'window') tcb.rto.backoff = 0;
    if (tcb.waitingFor === 'window' || tcb.waitingFor === 'nothing') restartTimer(tcb);
  } else if (tcb.isSynchronised && tcb.snd.nxt < tcb.sendEnd) {
    if (tcb.waitingFor !== 'window') {
      tcb.waitingFor = 'window';
      tcb.rto.backoff = 0;
      tcb.timer.arm(tcb.now + tcb.rto.timeout);
    }
  } else {
    stop(tcb);
  }
}

/** The connection is over but for a wait: FIN-WAIT-2 without a program, TIME-WAIT. */
export function waitForEnd(tcb: Tcb, duration: VirtualTime): void {
  tcb.waitingFor = 'end';
  tcb.timer.arm(tcb.now + duration);
}

export function enterTimeWait(tcb: Tcb): void {
  tcb.state = State.TIME_WAIT;
  // What is left answers without a socket: DF with IP ID 0.
  tcb.request.pmtu = 'do';
  tcb.delayedAck.timer.cancel();
  waitForEnd(tcb, TIME_WAIT_LENGTH);
}

/** Tell the program what went wrong, but not from inside the call that it is in. */
export function failLater(tcb: Tcb, reason: string): void {
  tcb.softError = reason;
  tcb.waitingFor = 'failure';
  tcb.timer.arm(tcb.now);
}

/** The connection is dead; a handshake that no program has taken yet just vanishes. */
export function endWith(tcb: Tcb, reason: string): void {
  if (tcb.connection === undefined) tcb.services.forget(tcb);
  else tcb.connection.fail(reason);
}

export function timerExpired(tcb: Tcb): void {
  const { waitingFor } = tcb;
  tcb.waitingFor = 'nothing';
  if (waitingFor === 'end') tcb.services.forget(tcb);
  else if (waitingFor === 'retransmission') retransmissionTimeout(tcb);
  else if (waitingFor === 'tail') tailTimeout(tcb);
  else if (waitingFor === 'reordering') reorderingExpired(tcb);
  else if (waitingFor === 'window') probeTimeout(tcb);
  else if (waitingFor === 'failure') endWith(tcb, tcb.softError);
}

function retransmissionTimeout(tcb: Tcb): void {
  const { inFlight, statistics } = tcb;
  if (inFlight.packets === 0) return;
  if (gaveUp(tcb)) {
    endWith(tcb, tcb.softError || 'Connection timed out');
    return;
  }
  statistics.timeouts++;
  // A lost SYN says nothing about congestion yet: the window begins when the handshake ends.
  if (tcb.isSynchronised) enterLoss(tcb);
  tcb.retries++;
  refreshPath(tcb);
  retransmitHead(tcb);
  tcb.rto.backoff++;
  restartTimeout(tcb);
}

/** Silence after the last segments: ask once, and leave the rest to the retransmission timer. */
function tailTimeout(tcb: Tcb): void {
  // One that is out already has not moved the retransmission timer on.
  if (!sendTailProbe(tcb)) tcb.waitingFor = 'tail';
  restartTimeout(tcb);
}

/** What was given time to be overtaken is lost now. */
function reorderingExpired(tcb: Tcb): void {
  tcb.waitingFor = 'reordering';
  reorderingTimeout(tcb);
  restartTimeout(tcb);
}

function gaveUp(tcb: Tcb): boolean {
  if (tcb.state === State.SYN_SENT) return tcb.retries >= SYN_RETRIES;
  if (tcb.state === State.SYN_RECEIVED) return tcb.retries >= SYN_ACK_RETRIES;
  if (tcb.retransmittingSince < 0) return false;
  return tcb.now - tcb.retransmittingSince >= (tcb.orphan ? ORPHAN_GIVE_UP_AFTER : GIVE_UP_AFTER);
}

/**
 * The peer's window has been too small for too long (RFC 9293 §3.8.6.1). A probe sends what the window does hold;
 * nothing fits a window of zero, so then it is an old octet's number without the octet.
 */
function probeTimeout(tcb: Tcb): void {
  const { snd, inFlight } = tcb;
  if (inFlight.packets > 0 || snd.nxt >= tcb.sendEnd) {
    armTimer(tcb);
    return;
  }
  if (tcb.probes >= (tcb.orphan ? ORPHAN_PROBE_RETRIES : PROBE_RETRIES)) {
    endWith(tcb, tcb.softError || 'Connection timed out');
    return;
  }
  tcb.probes++;
  const room = snd.una + snd.wnd - snd.nxt;
  if (room > 0) {
    tcb.rto.backoff = 0;
    const end = snd.nxt + Math.min(room, tcb.mss, tcb.sendEnd - snd.nxt);
    // Cut off to fit: there is no more to come.
    transmit(tcb, snd.nxt, end, true);
    enterSent(tcb, end, true);
    armTimer(tcb);
    return;
  }
  sendProbe(tcb);
  tcb.rto.backoff++;
  tcb.waitingFor = 'window';
  tcb.timer.arm(tcb.now + Math.min(tcb.rto.timeout, RTO_MAX));
}

export function delayedAckExpired(tcb: Tcb): void {
  if (!tcb.delayedAck.scheduled) return;
  tcb.delayedAck.missed(tcb.rto);
  sendAck(tcb);
}

/** SO_KEEPALIVE: ask a silent peer whether it is still there. */
export function armKeepalive(tcb: Tcb, options: States.Keepalive): void {
  tcb.keepalive = options;
  tcb.keepaliveTimer ??= tcb.ip.clock.timer(() => keepaliveExpired(tcb));
  tcb.keepaliveTimer.arm(tcb.now + options.idle);
}

function keepaliveExpired(tcb: Tcb): void {
  const { keepalive, keepaliveTimer } = tcb;
  if (keepalive === undefined || keepaliveTimer === undefined || tcb.state !== State.ESTABLISHED) return;
  const silent = tcb.now - tcb.lastHeardAt;
  if (tcb.inFlight.packets > 0 || silent < keepalive.idle) {
    keepaliveTimer.arm(tcb.now + (tcb.inFlight.packets > 0 ? keepalive.idle : keepalive.idle - silent));
    return;
  }
  if (tcb.keepaliveProbes >= keepalive.probes) {
    sendReset(tcb);
    endWith(tcb, tcb.softError || 'Connection timed out');
    return;
  }
  tcb.keepaliveProbes++;
  sendProbe(tcb);
  keepaliveTimer.arm(tcb.now + keepalive.interval);
}

/** New data or room to send: send it, and see that a timer runs for it. */
export function push(tcb: Tcb): void {
  newDataSent(tcb, sendPending(tcb));
  armTimer(tcb);
}
