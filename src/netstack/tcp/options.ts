/**
 * The options of our segments, and what a SYN's options agree on (RFC 7323, RFC 2018, RFC 6691).
 *
 * A data segment carries the timestamp alone, from one reused object; SACK blocks are added to pure acknowledgements
 * and to data with room for them. (Linux makes such data shorter instead; ours goes without the blocks.)
 */
import { MILLISECOND, type VirtualTime } from '../../sim/time.ts';
import * as TcpCodec from '../../wire/tcp.ts';
import type { NamespaceSysctl } from '../transport.ts';
import type { Segment } from './segment.ts';
import { DEFAULT_MSS, type Tcb } from './tcb.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Tcp = { ...TcpCodec };

const TIMESTAMP_OCTETS = 12;
const OPTION_OCTETS = 40;
/** The IPv4 and TCP headers without options. */
export const HEADERS = 40;
/** Linux's smallest sending MSS. */
const MIN_MSS = 48;
const MAX_SCALE = 14;
/** TCP_MIN_MSS: what is smaller, timestamps included, says nothing about the size of segments. */
export const LEAST_SEGMENT = 88;

const timestamps = { value: 0, echoReply: 0 };
const timestampsOnly: TcpCodec.TcpOptions = { timestamps };

export const timestampNow = (tcb: Tcb, now: VirtualTime): number =>
  (Math.floor(now / MILLISECOND) + tcb.timestamps.offset) >>> 0;

/** For a segment with `room` octets left below the MSS. The object is valid until the next call. */
export function segmentOptions(tcb: Tcb, room: number): TcpCodec.TcpOptions {
  if (tcb.timestamps.enabled) {
    timestamps.value = timestampNow(tcb, tcb.now);
    timestamps.echoReply = tcb.timestamps.recent;
  }
  const blocks = tcb.receiveQueue.blockCount + (tcb.dsackEnd > 0 ? 1 : 0);
  if (blocks > 0 && tcb.sackEnabled) {
    const left = Math.min(room, OPTION_OCTETS - timestampOctets(tcb)) - 4;
    const limit = Math.min(blocks, Math.floor(left / 8));
    if (limit > 0) {
      const sackBlocks = takeBlocks(tcb, limit);
      return tcb.timestamps.enabled ? { timestamps, sackBlocks } : { sackBlocks };
    }
  }
  return tcb.timestamps.enabled ? timestampsOnly : Tcp.NO_OPTIONS;
}

/** A duplicate to report goes first, and once (RFC 2883). */
function takeBlocks(tcb: Tcb, limit: number): TcpCodec.SackBlock[] {
  if (tcb.dsackEnd === 0) return tcb.receiveQueue.sackBlocks(limit);
  const duplicate = { start: tcb.dsackStart % 2 ** 32, end: tcb.dsackEnd % 2 ** 32 };
  tcb.dsackEnd = 0;
  return [duplicate, ...tcb.receiveQueue.sackBlocks(limit - 1)];
}

/** Of a SYN (what we can) or a SYN-ACK (what both can). */
export function synOptions(tcb: Tcb, offer: boolean, sysctl: NamespaceSysctl): TcpCodec.TcpOptions {
  const withTimestamps = offer ? sysctl.tcpTimestamps : tcb.timestamps.enabled;
  const withSack = offer ? sysctl.tcpSack : tcb.sackEnabled;
  const withScale = offer ? sysctl.tcpWindowScaling : tcb.window.scale > 0 || tcb.snd.scale > 0;
  return {
    mss: tcb.advertisedMss,
    ...(withSack && { sackPermitted: true as const }),
    ...(withTimestamps && {
      timestamps: { value: timestampNow(tcb, tcb.now), echoReply: offer ? 0 : tcb.timestamps.recent },
    }),
    ...(withScale && { windowScale: tcb.window.scale }),
  };
}

/** Take over what the peer's SYN or SYN-ACK says. */
export function negotiate(tcb: Tcb, segment: Segment, sysctl: NamespaceSysctl): void {
  if (segment.mss > 0) tcb.peerMss = segment.mss;
  tcb.timestamps.enabled = sysctl.tcpTimestamps && segment.hasTimestamps;
  tcb.sackEnabled = sysctl.tcpSack && segment.sackPermitted;
  if (tcb.timestamps.enabled) {
    tcb.timestamps.recent = segment.tsValue >>> 0;
    tcb.timestamps.recentAt = tcb.now;
  }
  if (sysctl.tcpWindowScaling && segment.windowScale >= 0) {
    tcb.snd.scale = Math.min(segment.windowScale, MAX_SCALE);
  } else {
    tcb.snd.scale = 0;
    tcb.window.scale = 0;
  }
  updateMss(tcb);
}

/** An IPv4 packet has at most 65535 octets, also where the device takes 65536 (loopback). */
export const usableMtu = (mtu: number): number => Math.min(mtu, 65_535);

/** What the timestamps take of each segment. */
export const timestampOctets = (tcb: Tcb): number => (tcb.timestamps.enabled ? TIMESTAMP_OCTETS : 0);

/** Octets of data in a full segment, after the path, the options or the peer's largest window changed. */
export function updateMss(tcb: Tcb): void {
  const mss = Math.min(tcb.peerMss, tcb.pathMtu - HEADERS) - timestampOctets(tcb);
  tcb.mss = Math.max(MIN_MSS, Math.min(mss, halfWindow(tcb.snd.maxWnd)));
}

/** What the peer's segments may be like before one has come (Linux `tcp_initialize_rcv_mss`): never more than half a window. */
export function guessSegment(tcb: Tcb): void {
  const guess = Math.min(tcb.advertisedMss, tcb.mss, tcb.window.offered >> 1, DEFAULT_MSS);
  tcb.rcv.segment = Math.max(LEAST_SEGMENT, guess);
}

/** A window that holds less than two segments is sent in halves, so that its ACKs come in time (Linux). */
const halfWindow = (window: number): number => {
  if (window === 0) return Number.POSITIVE_INFINITY;
  return window > DEFAULT_MSS ? window >> 1 : window;
};
