/** The tables of iperf3 3.9, column by column. */
import { SECOND, type VirtualTime } from '../sim/time.ts';

export const SEPARATOR = '- - - - - - - - - - - - - - - - - - - - - - - - -';
export const RULE = '-----------------------------------------------------------';
export const SENDER_HEADER = '[ ID] Interval           Transfer     Bitrate         Retr  Cwnd';
export const RECEIVER_HEADER = '[ ID] Interval           Transfer     Bitrate';
export const UDP_SENDER_HEADER = '[ ID] Interval           Transfer     Bitrate         Total Datagrams';
export const UDP_HEADER =
  '[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams';
export const SUMMARY_HEADER = '[ ID] Interval           Transfer     Bitrate         Retr';

/** Four places, always: `1.09 G`, `10.9 G`, ` 109 G`. */
function scaled(value: number, base: number): string {
  let number = value;
  let unit = 0;
  while (number >= base && unit < 4) {
    number /= base;
    unit++;
  }
  const digits = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
  return `${number.toFixed(digits).padStart(4)} ${['', 'K', 'M', 'G', 'T'][unit]}`;
}

export const formatBytes = (octets: number): string => `${scaled(octets, 1024)}Bytes`;
export const formatBitrate = (octets: number, time: VirtualTime): string =>
  `${scaled(time === 0 ? 0 : (octets * 8 * SECOND) / time, 1000)}bits/sec`;

export interface Row {
  /** Number of the stream; `SUM` for all of them. */
  readonly id: number | 'SUM';
  readonly from: VirtualTime;
  readonly to: VirtualTime;
  readonly octets: number;
  /** Of a sender. */
  readonly retransmits?: number;
  /** Of a sender, at the end of an interval: octets. */
  readonly cwnd?: number;
  /** Of a TCP sender: smoothed RTT and its variance, ns, and the path's MTU, for `-J`. */
  readonly rtt?: number;
  readonly rttvar?: number;
  readonly pathMtu?: number;
  /** UDP: datagrams sent, or those that should have come. */
  readonly datagrams?: number;
  /** UDP receiver: of them, those that did not; and seconds. */
  readonly lost?: number;
  readonly jitter?: number;
  /** `sender` or `receiver`, in the summary. */
  readonly role?: string;
}

export function formatRow(row: Row): string {
  const { id, from, to, octets, retransmits, cwnd, datagrams, lost, jitter, role = '' } = row;
  const seconds = (time: VirtualTime): string => (time / SECOND).toFixed(2);
  const interval = `${seconds(from).padStart(6)}-${seconds(to).padEnd(6)} sec`;
  const rate = `${formatBytes(octets)}  ${formatBitrate(octets, to - from)}`;
  const start = `[${String(id).padStart(3)}] ${interval}  ${rate}`;
  if (datagrams !== undefined && lost === undefined) return `${start}  ${datagrams}  ${role}`;
  if (datagrams !== undefined) {
    const share = percent(datagrams === 0 ? 0 : (100 * lost!) / datagrams);
    return `${start}  ${((jitter ?? 0) * 1000).toFixed(3).padStart(5)} ms  ${lost}/${datagrams} (${share}%)  ${role}`;
  }
  if (retransmits === undefined) return `${start}                  ${role}`;
  const retr = String(retransmits).padStart(3);
  if (cwnd === undefined) return `${start}  ${retr}             ${role}`;
  return `${start}  ${retr}   ${formatBytes(cwnd)}       ${role}`;
}

/** C's `%.2g`. */
function percent(value: number): string {
  if (value === 0) return '0';
  const [digits, exponent] = value.toExponential(1).split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 2) return String(Number(value.toPrecision(2)));
  const two = String(Math.abs(power)).padStart(2, '0');
  return `${Number(digits)}e${power < 0 ? '-' : '+'}${two}`;
}
