/**
 * A run of full segments of new data: what an acknowledgement lets go in a transfer. What they have in common (window,
 * acknowledgement, timestamps) is found out once; the octets are those that `sendPending` would have sent one by one.
 */
import * as TcpCodec from '../../wire/tcp.ts';
import { timestampNow } from './options.ts';
import { endsPush, isTimestampedOnly, sendShorter } from './output.ts';
import * as Marks from './retransmit-queue.ts';
import type { Tcb } from './tcb.ts';
import * as States from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const State = { ...States };
const Tcp = { ...TcpCodec };
const { PUSHED } = Marks;

/**
 * How many full segments the congestion window, the peer's window, the send buffer and the program's data let go; 0
 * where there is more to segments than timestamps, and where choosing a window twice might change it (no scaling).
 */
export function runLength(tcb: Tcb, bufferEnd: number): number {
  if (tcb.state !== State.ESTABLISHED || tcb.window.scale === 0 || !isTimestampedOnly(tcb)) return 0;
  const { snd, inFlight, cong, sendQueue, mss } = tcb;
  const end = Math.min(snd.una + snd.wnd, bufferEnd, sendQueue.end);
  return Math.max(0, Math.min(cong.cwnd - inFlight.inFlight, Math.floor((end - snd.nxt) / mss)));
}

/** Send `count` of them, fewer when IP finds them too large. False when it takes no smaller ones either. */
export function sendRun(tcb: Tcb, count: number): boolean {
  if (count <= 0) return true;
  const { snd, rcv, window, delayedAck, inFlight, mss, now } = tcb;
  delayedAck.dataSent(now);
  const used = tcb.buffered;
  const offer = Math.min(0xffff, window.select(rcv.nxt, used, rcv.segment) >> window.scale);
  if (window.isTight(used)) delayedAck.quick = 0;
  delayedAck.acknowledged();
  tcb.timestamps.lastAckSent = rcv.nxt;
  const value = timestampNow(tcb, now) | 0;
  for (let i = 0; i < count; i++) {
    const end = snd.nxt + mss;
    const isPushed = endsPush(tcb, end);
    if (!sendFull(tcb, Tcp.controlWord(isPushed ? Tcp.ACK | Tcp.PSH : Tcp.ACK, offer), value))
      return sendShorter(tcb, mss);
    inFlight.push(snd.nxt, end, now, isPushed ? PUSHED : 0);
    if (isPushed) snd.pushedTo = end;
    snd.nxt = end;
  }
  return true;
}

/** The full segment at SND.NXT. False when it is too large for the path. */
function sendFull(tcb: Tcb, control: number, value: number): boolean {
  const { ip, snd, mss, statistics } = tcb;
  const { frames } = ip;
  const frame = frames.allocate();
  frames.tag[frame] = tcb.tag;
  const at = frames.append(frame, Tcp.TIMESTAMPED_LENGTH);
  tcb.sendQueue.describe(snd.nxt, mss, frames, frame);
  const sum = tcb.fixedSum + mss + frames.payloadSum(frame);
  const acknowledgment = tcb.rcv.nxt | 0;
  const echo = tcb.timestamps.recent | 0;
  const view = frames.view(frame);
  Tcp.emitTimestamped(view, at, tcb.ports, snd.nxt | 0, acknowledgment, control, value, echo, sum);
  statistics.segmentsOut++;
  statistics.dataSegmentsOut++;
  statistics.bytesSent += mss;
  return ip.send(frame, tcb.request) !== 'EMSGSIZE';
}
