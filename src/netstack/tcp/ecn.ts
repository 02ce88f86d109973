/**
 * Explicit congestion notification (RFC 3168), as Linux does it under net.ipv4.tcp_ecn: 0 = off, 1 = asked for and
 * accepted, 2 = accepted only (the default).
 *
 *   sender                        network            receiver
 *   data, ECT(0) ───────────────> marks it CE ─────> ECE on every segment …
 *   cuts the window once a round trip, CWR on the next new data ───────────> … until CWR arrives
 *
 * Pure acknowledgements, retransmissions and segments without data are not ECT.
 */
import * as Ipv4 from '../../wire/ipv4.ts';
import * as Tcp from '../../wire/tcp.ts';
import type { NamespaceSysctl } from '../transport.ts';
import type { Segment } from './segment.ts';
import type { Tcb } from './tcb.ts';
import * as State from './tcb.ts';

export interface EcnVariables {
  /** Both sides agreed; while SYN-SENT: we asked. */
  ok: boolean;
  /** Congestion was seen on data: ECE goes with everything until CWR comes. */
  echo: boolean;
  /** Our window was cut: the next new data says so. */
  cwr: boolean;
  /** Data with ECT has come. */
  seen: boolean;
}

/** Segments that are acknowledged at once after a mark. */
const QUICK = 2;

/** The flags of a SYN; asking stops with its first repetition, for there are hosts that drop what asks (RFC 3168 §6.1.1.1). */
export function synFlags(tcb: Tcb, offer: boolean): number {
  if (!offer) return tcb.ecn.ok ? Tcp.ECE : 0;
  tcb.ecn.ok ||= tcb.ip.sysctl.tcpEcn === 1;
  return tcb.ecn.ok && tcb.retries === 0 ? Tcp.ECE | Tcp.CWR : 0;
}

/** The peer's SYN asks, or does not: `sysctl` decides with it. A SYN that is ECT itself is not believed. */
export function acceptOffer(tcb: Tcb, segment: Segment, sysctl: NamespaceSysctl): void {
  const asks = (segment.flags & (Tcp.ECE | Tcp.CWR)) === (Tcp.ECE | Tcp.CWR);
  tcb.ecn.ok = asks && sysctl.tcpEcn !== 0 && (segment.tos & 3) === Ipv4.ECN_NOT_ECT;
}

/** The answer to a SYN of ours that asked: ECE alone agrees; both bits are those of a host that mirrors. */
export function acceptAnswer(tcb: Tcb, segment: Segment): void {
  if (!segment.has(Tcp.ECE) || segment.has(Tcp.CWR)) tcb.ecn.ok = false;
}

/** Flags that a segment carries for ECN; `newData`: it has data that was never sent. */
export function ecnFlags(tcb: Tcb, newData: boolean): number {
  const { ecn } = tcb;
  if (!ecn.ok) return 0;
  let flags = ecn.echo ? Tcp.ECE : 0;
  if (newData && ecn.cwr) {
    ecn.cwr = false;
    flags |= Tcp.CWR;
  }
  return flags;
}

/** Does the peer tell of congestion? */
export const isEcho = (tcb: Tcb, segment: Segment): boolean =>
  tcb.ecn.ok && (segment.flags & (Tcp.ECE | Tcp.SYN)) === Tcp.ECE;

/** The window has been cut: the peer may stop echoing once it hears of it. */
export function tellCut(tcb: Tcb): void {
  if (tcb.ecn.ok) tcb.ecn.cwr = true;
}

/** ECN was agreed: a segment with data or FIN says that the peer has cut its window. */
export function cwrArrives(tcb: Tcb, segment: Segment): void {
  if (!segment.has(Tcp.CWR)) return;
  tcb.ecn.echo = false;
  // Its window may be very small now.
  tcb.ackNow = true;
}

/** ECN was agreed, and data came that is kept: was it marked on the way? */
export function markArrives(tcb: Tcb, segment: Segment): void {
  const { ecn, window, rcv } = tcb;
  const mark = segment.tos & 3;
  if (mark === Ipv4.ECN_NOT_ECT) {
    // Probably a retransmission: the peer has trouble.
    if (ecn.seen) tcb.delayedAck.hurry(window.offered, rcv.segment, QUICK);
    return;
  }
  ecn.seen = true;
  if (mark !== Ipv4.ECN_CE || ecn.echo) return;
  tcb.delayedAck.hurry(window.offered, rcv.segment, QUICK);
  ecn.echo = true;
}

/** Congestion was echoed: cut the window, at most once a round trip (RFC 3168 §6.1.2; Linux `tcp_enter_cwr`). */
export function congestionEchoed(tcb: Tcb, cutWindow: (tcb: Tcb) => void): void {
  tcb.undo.ssthresh = 0;
  if (tcb.caState >= State.CWR) return;
  tcb.undo.marker = -1;
  cutWindow(tcb);
  tcb.caState = State.CWR;
}
