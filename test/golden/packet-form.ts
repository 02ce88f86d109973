/** A row in the form in which two rows are equal when nothing but what is in ignored.ts differs. */
import type { PacketRow } from './recording.ts';

const DROPPED = new Set(['interface', 'probe', 'icmp.ident', 'tcp.seq_raw', 'tcp.ack_raw']);
const EPHEMERAL = 32768;
/** Destinations of traceroute, which lie in the ephemeral range. */
const isTraceroute = (port: number): boolean => port >= 33434 && port < 33534;

const each = (value: string, form: (one: string) => string): string => value.split('|').map(form).join('|');
const port = (text: string): string => (Number(text) >= EPHEMERAL ? 'ephemeral' : text);
const destinationPort = (text: string): string => (isTraceroute(Number(text)) ? text : port(text));
const zeroOrNot = (text: string): string => (Number(text) === 0 ? '0' : 'set');

const FORMS: Readonly<Record<string, (text: string) => string>> = {
  'ip.id': zeroOrNot,
  'udp.checksum': zeroOrNot,
  'udp.srcport': port,
  'udp.dstport': destinationPort,
  'tcp.srcport': port,
  'tcp.dstport': port,
};

/** `column=value` of every column that has a value. */
export function packetForm(row: PacketRow): string {
  return Object.entries(row)
    .filter(([column, value]) => value !== '' && !DROPPED.has(column))
    .map(([column, value]) => `${column}=${each(value, FORMS[column] ?? (one => one))}`)
    .sort()
    .join(' ');
}

/** Addresses that ever answered an ARP request, anywhere. */
export const answering = (rows: Iterable<PacketRow>): Set<string> =>
  new Set([...rows].filter(row => row['arp.opcode'] === '2').map(row => row['arp.src.proto_ipv4']!));

/** Outside of the cold pings: leave out ARP for those who are there (the question and the answer). */
export const withoutAnsweredArp = (rows: readonly PacketRow[], there: ReadonlySet<string>): PacketRow[] =>
  rows.filter(row => {
    if (row['arp.opcode'] === '2') return false;
    return row['arp.opcode'] !== '1' || !there.has(row['arp.dst.proto_ipv4']!);
  });

/** A bulk transfer's packets: the handshake one by one, of the rest one of each kind. Shorter segments are left out. */
export function bulkForms(rows: readonly PacketRow[]): { handshake: string[]; kinds: Set<string> } {
  const isOpening = (row: PacketRow): boolean => (row['tcp.flags.str'] ?? '').includes('S');
  const full = String(Math.max(...rows.map(row => Number(row['tcp.len'] ?? 0))));
  const kinds = rows
    .filter(row => !isOpening(row) && ['', '0', '1', full].includes(row['tcp.len'] ?? ''))
    .map(row => {
      const { 'tcp.window_size_value': _window, ...others } = row;
      return packetForm({ ...others, 'tcp.flags.str': (row['tcp.flags.str'] ?? '').replaceAll('P', '·') });
    });
  return { handshake: rows.filter(isOpening).map(packetForm), kinds: new Set(kinds) };
}
