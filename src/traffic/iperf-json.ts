/** What `iperf3 -J` prints: the object of 3.9, laid out by cJSON. Processor load is not in it, for it is not measured. */
import * as Ipv4 from '../addr/ipv4.ts';
import { SECOND } from '../sim/time.ts';
import type { IperfOptions } from './iperf-options.ts';
import type { StreamResult } from './iperf-protocol.ts';
import { type IperfStream, sum } from './iperf-stream.ts';
import type { Row } from './iperf-text.ts';

export interface IperfTest {
  readonly options: IperfOptions;
  readonly streams: readonly IperfStream[];
  readonly cookie: Uint8Array;
  /** Milliseconds since 1970 when it began. */
  readonly epochMs: number;
  readonly mss: number;
  /** Octets of a write or datagram. */
  readonly blockSize: number;
  readonly intervals: readonly (readonly Row[])[];
  readonly sent: readonly StreamResult[];
  readonly received: readonly StreamResult[];
}

export function iperfJson(test: IperfTest): string {
  const value = {
    start: start(test),
    intervals: test.intervals.map(rows => interval(rows, test)),
    end: end(test),
  };
  return print(value, 0);
}

/** A test that failed says only why. */
export const iperfErrorJson = (error: string): string =>
  print({ start: { connected: [], version: VERSION }, intervals: [], end: {}, error }, 0);

const VERSION = 'iperf 3.9';

function start({ options, streams, cookie, epochMs, mss, blockSize }: IperfTest): object {
  const { target, port, udp, duration, octets, reverse, tos } = options;
  return {
    connected: streams.map(({ id, ends }) => ({
      socket: id,
      local_host: Ipv4.format(ends.localAddress),
      local_port: ends.localPort,
      remote_host: Ipv4.format(ends.remoteAddress),
      remote_port: ends.remotePort,
    })),
    version: VERSION,
    timestamp: { time: new Date(epochMs).toUTCString(), timesecs: Math.floor(epochMs / 1000) },
    connecting_to: { host: target, port },
    cookie: new TextDecoder().decode(cookie.subarray(0, -1)),
    ...(!udp && { tcp_mss_default: mss }),
    test_start: {
      protocol: udp ? 'UDP' : 'TCP',
      num_streams: streams.length,
      blksize: blockSize,
      omit: 0,
      duration: octets > 0 ? 0 : duration / SECOND,
      bytes: octets,
      blocks: 0,
      reverse: reverse ? 1 : 0,
      tos,
    },
  };
}

const rate = (octets: number, seconds: number): number => (seconds === 0 ? 0 : (octets * 8) / seconds);

function span({ from, to, octets }: Row): object {
  const seconds = (to - from) / SECOND;
  const times = { start: from / SECOND, end: to / SECOND, seconds };
  return { ...times, bytes: octets, bits_per_second: rate(octets, seconds) };
}

const lossOf = ({ datagrams = 0, lost = 0, jitter = 0 }: Row): object => ({
  jitter_ms: jitter * 1000,
  lost_packets: lost,
  packets: datagrams,
  lost_percent: datagrams === 0 ? 0 : (100 * lost) / datagrams,
});

/** What a row says beside its octets. */
function particulars(row: Row): object {
  const { retransmits, cwnd, rtt, rttvar, pathMtu, datagrams, lost } = row;
  if (datagrams !== undefined) return lost === undefined ? { packets: datagrams } : lossOf(row);
  if (retransmits === undefined) return {};
  if (cwnd === undefined) return { retransmits };
  const micro = (ns = 0): number => Math.floor(ns / 1000);
  return { retransmits, snd_cwnd: cwnd, rtt: micro(rtt), rttvar: micro(rttvar), pmtu: pathMtu ?? 0 };
}

function interval(rows: readonly Row[], { options: { reverse } }: IperfTest): object {
  const about = (row: Row): object => ({
    ...span(row),
    ...particulars(row),
    omitted: false,
    sender: !reverse,
  });
  return { streams: rows.map(row => ({ socket: row.id, ...about(row) })), sum: about(sum(rows)) };
}

function end({ options, sent, received }: IperfTest): object {
  const { udp, reverse } = options;
  const row = (of: StreamResult): Row => ({
    id: of.id,
    from: 0,
    to: Math.floor(of.end_time * SECOND),
    octets: of.bytes,
    ...(of.retransmits >= 0 && { retransmits: of.retransmits }),
    ...(udp && { datagrams: of.packets, lost: of.errors, jitter: of.jitter }),
  });
  const sender = !reverse;
  if (udp) {
    const streams = sent.map((one, i) => {
      const theirs = received[i]!;
      const whole = { ...row(one), lost: theirs.errors, jitter: theirs.jitter };
      const order = { out_of_order: theirs.out_of_order ?? 0, sender };
      return { udp: { socket: one.id, ...span(whole), ...lossOf(whole), ...order } };
    });
    const all = sum(received.map(row));
    return { streams, sum: { ...span(all), ...lossOf(all), sender } };
  }
  const about = (each: Row): object => ({ ...span(each), ...particulars(each), sender });
  return {
    streams: sent.map((one, i) => ({
      sender: { socket: one.id, ...about(row(one)) },
      receiver: { socket: received[i]!.id, ...about(row(received[i]!)) },
    })),
    sum_sent: about(sum(sent.map(row))),
    sum_received: about(sum(received.map(row))),
  };
}

/** `cJSON_Print`: tabs, a tab behind each colon, arrays on one line as far as their elements let them. */
function print(value: unknown, depth: number): string {
  if (Array.isArray(value)) return `[${value.map(item => print(item, depth + 1)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return `{\n${'\t'.repeat(depth)}}`;
    const inner = '\t'.repeat(depth + 1);
    const lines = entries.map(([key, item]) => `${inner}${JSON.stringify(key)}:\t${print(item, depth + 1)}`);
    return `{\n${lines.join(',\n')}\n${'\t'.repeat(depth)}}`;
  }
  return typeof value === 'number' ? printNumber(value) : JSON.stringify(value);
}

/** `%1.15g`, or `%1.17g` where that would not be the same number. */
function printNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const short = value.toPrecision(15);
  const text = Number(short) === value ? short : value.toPrecision(17);
  return text.includes('e') ? text : text.replace(/\.?0+$/, '');
}
