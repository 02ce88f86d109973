/**
 * How connection tracking follows TCP (Linux `nf_conntrack_proto_tcp.c`): the state a segment's flags lead to, seen from
 * the middle of the network. Sequence numbers are **not** checked, as with `nf_conntrack_tcp_be_liberal`: no segment is
 * invalid for being out of window.
 */
import { SECOND, type VirtualTime } from '../sim/time.ts';
import * as Tcp from '../wire/tcp.ts';

/** As `conntrack -L` prints them; the index is the state. */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

export const NONE = 0;
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const TIME_WAIT = 7;
export const CLOSE = 8;
/** The segment leaves the state as it is. */
export const IGNORED = 10;
/** The segment cannot belong to the connection. */
export const INVALID = 11;

/** `net.netfilter.nf_conntrack_tcp_timeout_*`, by state. */
const TIMEOUTS: readonly VirtualTime[] = [0, 120, 60, 432_000, 120, 60, 30, 120, 10, 120].map(
  s => s * SECOND,
);

/** For a connection that was picked up in the middle and has no answer yet. */
const UNACKNOWLEDGED = 300 * SECOND;

const [, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2, sIG, sIV] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
] as const;

/** `tcp_conntracks[direction][flags][state]`. A row each for SYN, SYN-ACK, FIN, ACK, RST, and nothing of these. */
const TRANSITIONS: readonly (readonly (readonly number[])[])[] = [
  [
    // sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2
    [sSS, sSS, sIG, sIG, sIG, sIG, sIG, sSS, sSS, sS2],
    [sIV, sIV, sSR, sIV, sIV, sIV, sIV, sIV, sIV, sSR],
    [sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV],
    [sES, sIV, sES, sES, sCW, sCW, sTW, sTW, sCL, sIV],
    [sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL],
    [sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV],
  ],
  [
    [sIV, sS2, sIV, sIV, sIV, sIV, sIV, sSS, sIV, sS2],
    [sIV, sSR, sIG, sIG, sIG, sIG, sIG, sIG, sIG, sSR],
    [sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV],
    [sIV, sIG, sSR, sES, sCW, sCW, sTW, sTW, sCL, sIG],
    [sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL],
    [sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV],
  ],
];

function row(flags: number): number {
  if (flags & Tcp.RST) return 4;
  if (flags & Tcp.SYN) return flags & Tcp.ACK ? 1 : 0;
  if (flags & Tcp.FIN) return 2;
  return flags & Tcp.ACK ? 3 : 5;
}

/** A segment that neither opens nor ends a connection. */
export const isPlain = (flags: number): boolean =>
  (flags & (Tcp.SYN | Tcp.FIN | Tcp.RST | Tcp.ACK)) === Tcp.ACK;

/** The state after a segment with `flags` in `direction` (0 original, 1 reply), or `IGNORED`, or `INVALID`. */
export const nextState = (direction: number, flags: number, state: number): number =>
  TRANSITIONS[direction]![row(flags)]![state]!;

/** How long the connection is remembered after a segment that led to `state`. */
export function timeout(state: number, flags: number, seenReply: boolean): VirtualTime {
  if (flags & Tcp.RST) return TIMEOUTS[CLOSE]!;
  return state === ESTABLISHED && !seenReply ? UNACKNOWLEDGED : TIMEOUTS[state]!;
}
