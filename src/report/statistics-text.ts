/** What a device has sent and received, as `ip -s link` of iproute2 6.1 lays it out. */
import type { DeviceView } from '../node/command.ts';

/** Least widths of the columns: those of the words that once stood there (`*X errors:`, `heartbt`, `overrun`). */
const LEAST = [10, 7, 6, 7, 7, 7];

/** `errors`: `-s` twice, where errors are told by kind. */
export function statisticsLines({ counters, wasUp }: DeviceView, errors = false): string {
  const { rxOctets, rxPackets, rxDropped, txOctets, txPackets, txDropped } = counters;
  const received = [rxOctets, rxPackets, 0, rxDropped, 0, 0];
  const sent = [txOctets, txPackets, 0, txDropped, 0, 0];
  const widths = LEAST.map((least, i) => Math.max(least, String(received[i]).length, String(sent[i]).length));
  const none = [0, 0, 0, 0, 0];
  // A device counts coming up as a transition, and having been created too.
  const transitions = [0, 0, 0, 0, wasUp ? 2 : 1];
  return (
    heading('RX', ['bytes', 'packets', 'errors', 'dropped', 'missed', 'mcast'], widths) +
    numbers(received, widths) +
    (errors ? kinds('RX', ['length', 'crc', 'frame', 'fifo', 'overrun'], none, widths) : '') +
    heading('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier', 'collsns'], widths) +
    numbers(sent, widths) +
    (errors ? kinds('TX', ['aborted', 'fifo', 'window', 'heartbt', 'transns'], transitions, widths) : '')
  );
}

const heading = (name: string, titles: readonly string[], widths: readonly number[]): string =>
  `    ${name}: ${titles.map((t, i) => t.padStart(widths[i]! - (i === 0 ? 4 : 0))).join(' ')} ${' '.repeat(10)}\n`;

/** A column less, and as wide as those above. */
function kinds(
  name: string,
  titles: readonly string[],
  values: readonly number[],
  widths: readonly number[],
): string {
  const cells = (words: readonly (string | number)[]): string =>
    words.map((word, i) => String(word).padStart(widths[i + 1]!)).join(' ');
  return `    ${name} errors:${' '.repeat(widths[0]! - 10)} ${cells(titles)}\n    ${' '.repeat(widths[0]!)} ${cells(values)} \n`;
}

const numbers = (values: readonly number[], widths: readonly number[]): string =>
  `    ${values.map((value, i) => String(value).padStart(widths[i]!)).join(' ')} \n`;
