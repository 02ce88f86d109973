/**
 * A whole transmission control block as text, name by name, so that a test can say what a segment changed and that it
 * changed nothing else. A variable that is added to the TCB is in here by itself.
 *
 * Sequence numbers count from the initial ones, times are milliseconds from now.
 */
import type { RetransmitQueue } from '../../../../src/netstack/tcp/retransmit-queue.ts';
import {
  EVER_RETRANSMITTED,
  LOST,
  RETRANSMITTED,
  SACKED,
} from '../../../../src/netstack/tcp/retransmit-queue.ts';
import type { Tcb } from '../../../../src/netstack/tcp/tcb.ts';
import type { Timer } from '../../../../src/sim/time.ts';
import { MS } from '../harness.ts';

/** The value as it is, to compare, and as the test writes it. */
export interface Variable {
  readonly raw: unknown;
  readonly text: string;
}

/** Numbers of the octets that we send; with those of the peer's, and times. */
const OURS = new Set(
  (
    'snd.iss snd.una snd.nxt snd.wl2 snd.smallEnd snd.fin sendQueue.end pathCheckedTo highSeq highestSacked ' +
    'rackEnd tailProbeEnd cwndUsageSeq snd.pushedTo undo.marker'
  ).split(' '),
);
const THEIRS = new Set(
  'snd.wl1 rcv.irs rcv.nxt rcv.fin timestamps.lastAckSent window.offeredAt dsackStart dsackEnd'.split(' '),
);
const TIMES = new Set(
  'reordering.adjustedAt timestamps.recentAt rackSentAt oldestResent retransmittingSince lastSentAt lastHeardAt lastChallengeAt'.split(
    ' ',
  ),
);
const SPANS = new Set('rackRtt minRtt reorderWait delayedAck.ato rto.srtt rto.rttvar rto.rto'.split(' '));
/** Identity of the connection, its services, and what has no value of its own. */
const FIXED = new Set(['services', 'ip', 'connection', 'request', 'keepalive', 'keepaliveTimer']);

export function snapshot(tcb: Tcb, now: number): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  const add = (name: string, raw: unknown): void => {
    variables.set(name, { raw, text: textOf(tcb, name, raw, now) });
  };
  const addTimer = (name: string, timer: Timer | undefined): void =>
    add(name, timer?.armed === true ? timer.deadline : 'off');
  for (const [name, value] of Object.entries(tcb)) {
    if (FIXED.has(name)) continue;
    if (typeof value !== 'object') add(name, value);
    else if (Object.getPrototypeOf(value) === Object.prototype)
      for (const [part, its] of Object.entries(value)) add(`${name}.${part}`, its);
  }
  const { request, window, rto, delayedAck, receiveQueue, inFlight } = tcb;
  add('request', `${request.tos} ${request.ttl} ${request.pmtu}`);
  add(
    'sackCache',
    tcb.sackCache.map(({ start, end }) => `${start - tcb.snd.iss}:${end - tcb.snd.iss}`).join(' '),
  );
  add('sendQueue.end', tcb.sendQueue.end);
  add('receiveQueue.unread', receiveQueue.unread);
  add('receiveQueue.early', receiveQueue.early);
  const blocks = receiveQueue.sackBlocks(4);
  add(
    'receiveQueue.blocks',
    blocks.map(({ start, end }) => `${place(start, tcb)}:${place(end, tcb)}`).join(' '),
  );
  for (const name of ['scale', 'offered', 'offeredAt', 'limit', 'clamp'] as const)
    add(`window.${name}`, window[name]);
  for (const name of ['srtt', 'rttvar', 'rto', 'backoff'] as const) add(`rto.${name}`, rto[name]);
  for (const name of ['quick', 'pingpong', 'scheduled', 'ato', 'pushed'] as const)
    add(`delayedAck.${name}`, delayedAck[name]);
  addTimer('delayedAck.timer', delayedAck.timer);
  addTimer('timer', tcb.timer);
  addTimer('keepaliveTimer', tcb.keepaliveTimer);
  for (const name of ['sacked', 'lost', 'retransmitted'] as const) add(`inFlight.${name}`, inFlight[name]);
  add('inFlight', segmentsOf(inFlight, tcb.snd.iss));
  return variables;
}

const place = (wire: number, tcb: Tcb): number => (wire - tcb.rcv.irs) | 0;

const MARKS = [
  [SACKED, 's'],
  [LOST, 'l'],
  [RETRANSMITTED, 'r'],
  [EVER_RETRANSMITTED, 'e'],
] as const;

/** `1:1001 1001:2001s`: the segments in flight with their marks (sacked, lost, retransmitted, ever retransmitted). */
function segmentsOf(queue: RetransmitQueue, iss: number): string {
  const segments: string[] = [];
  for (let position = queue.head; position < queue.tail; position++) {
    const marks = MARKS.filter(([bit]) => (queue.marks(position) & bit) !== 0).map(([, letter]) => letter);
    segments.push(`${queue.start(position) - iss}:${queue.end(position) - iss}${marks.join('')}`);
  }
  return segments.join(' ');
}

function textOf(tcb: Tcb, name: string, raw: unknown, now: number): string {
  if (typeof raw === 'string') return raw === '' ? '-' : raw;
  if (typeof raw !== 'number') return String(raw);
  if (name === 'state') return tcb.stateName;
  if (name === 'caState') return ['open', 'disorder', 'cwr', 'recovery', 'loss'][raw]!;
  if (!Number.isFinite(raw)) return raw > 0 ? 'inf' : '-inf';
  if (OURS.has(name)) return raw <= 0 ? 'none' : String(raw - tcb.snd.iss);
  if (THEIRS.has(name)) return raw === 0 ? 'none' : String(raw - tcb.rcv.irs);
  if (name === 'undo.stamp') return String((raw - tcb.timestamps.first) | 0);
  if (SPANS.has(name)) return `${raw / MS}ms`;
  const isTime =
    TIMES.has(name) || name === 'timer' || name === 'keepaliveTimer' || name === 'delayedAck.timer';
  if (!isTime) return String(raw);
  if (raw === -1) return 'never';
  return raw === now ? 'now' : `${raw > now ? '+' : ''}${(raw - now) / MS}ms`;
}
