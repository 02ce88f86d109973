/** What a device has sent and received, as `ip -s link` of iproute2 6.1 lays it out. */
import type { DeviceView } from '../node/command.ts';

/** Least widths of the columns: those of the words that once stood there (`*X errors:`, `heartbt`, `overrun`). */
const LEAST = [10, 7, 6, 7, 7, 7];

export function statisticsLines({ counters }: DeviceView): string {
  const { rxOctets, rxPackets, rxDropped, txOctets, txPackets, txDropped } = counters;
  const received = [rxOctets, rxPackets, 0, rxDropped, 0, 0];
  const sent = [txOctets, txPackets, 0, txDropped, 0, 0];
  const widths = LEAST.map((least, i) => Math.max(least, String(received[i]).length, String(sent[i]).length));
  return (
    heading('RX', ['bytes', 'packets', 'errors', 'dropped', 'missed', 'mcast'], widths) +
    numbers(received, widths) +
    heading('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier', 'collsns'], widths) +
    numbers(sent, widths)
  );
}

const heading = (name: string, titles: readonly string[], widths: readonly number[]): string =>
  `    ${name}: ${titles.map((t, i) => t.padStart(widths[i]! - (i === 0 ? 4 : 0))).join(' ')} ${' '.repeat(10)}\n`;

const numbers = (values: readonly number[], widths: readonly number[]): string =>
  `    ${values.map((value, i) => String(value).padStart(widths[i]!)).join(' ')} \n`;
