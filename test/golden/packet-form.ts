/** Rows in the form in which two are equal when nothing but what is in ignored.ts differs. */
import type { PacketRow } from './recording.ts';

const EPHEMERAL = [32768, 60999] as const;
/** Destinations of traceroute, which lie in the ephemeral range. */
const isTraceroute = (port: number): boolean => port >= 33434 && port < 33534;

const DROPPED = new Set(['interface', 'probe', 'tcp.seq_raw', 'tcp.ack_raw']);
const PORTS = new Set(['udp.srcport', 'udp.dstport', 'tcp.srcport', 'tcp.dstport']);

/** Random values by the order in which they appear: what is the same and what is not can be compared. */
class Names {
  readonly #known = new Map<string, Map<string, number>>();

  /** `what#1` for the first value of this kind, `what#2` for the next that is another. */
  of(what: string, value: string): string {
    const values = this.#known.get(what) ?? new Map<string, number>();
    this.#known.set(what, values);
    if (!values.has(value)) values.set(value, values.size + 1);
    return `${what}#${values.get(value)}`;
  }
}

/** One text per packet of a probe at one interface: `column=value` of every column that has a value. */
export function packetForms(rows: readonly PacketRow[]): string[] {
  const names = new Names();
  return rows.map(row =>
    Object.entries(row)
      .filter(([column, value]) => value !== '' && !DROPPED.has(column))
      .map(([column, value]) => {
        const values = value.split('|').map((one, i) => valueForm(row, column, one, i, names));
        return `${column}=${values.join('|')}`;
      })
      .sort()
      .join(' '),
  );
}

function valueForm(row: PacketRow, column: string, value: string, i: number, names: Names): string {
  if (column === 'udp.checksum') return Number(value) === 0 ? '0' : 'set';
  if (column === 'icmp.ident') return names.of('ident', value);
  if (column === 'ip.id') return identificationForm(row, value, i, names);
  return PORTS.has(column) ? portForm(row, column, value, i, names) : value;
}

/** Fragments of one datagram have one identification. */
function identificationForm(row: PacketRow, value: string, i: number, names: Names): string {
  if (Number(value) === 0) return '0';
  const at = (column: string): string => row[column]!.split('|')[i]!;
  const isFragment = at('ip.flags.mf') === '1' || at('ip.frag_offset') !== '0';
  return isFragment ? names.of('datagram', `${at('ip.src')} ${value}`) : 'set';
}

/** The source port of VXLAN is every sender's own hash; others belong to a socket and come back. */
function portForm(row: PacketRow, column: string, value: string, i: number, names: Names): string {
  const port = Number(value);
  if (port < EPHEMERAL[0] || port > EPHEMERAL[1]) return value;
  if (column === 'udp.dstport' && isTraceroute(port)) return value;
  const isOuter = i === 0 && (row['vxlan.vni'] ?? '') !== '';
  return names.of(isOuter ? `port of ${row['ip.src']!.split('|')[0]}` : 'port', value);
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

/** Who has which MAC address, as ARP here says: the sender, and whoever a request or an answer is addressed to. */
export const arpIdentities = (rows: Iterable<PacketRow>): Set<string> =>
  new Set(
    [...rows].flatMap(row => {
      if ((row['arp.opcode'] ?? '') === '') return [];
      const sender = `${row['arp.src.proto_ipv4']} is ${row['eth.src']}`;
      const isBroadcast = row['eth.dst'] === 'ff:ff:ff:ff:ff:ff';
      return isBroadcast ? [sender] : [sender, `${row['arp.dst.proto_ipv4']} is ${row['eth.dst']}`];
    }),
  );

/** A bulk transfer's packets: the handshake one by one, of the rest one of each kind. Shorter segments are left out. */
export function bulkForms(rows: readonly PacketRow[]): { handshake: string[]; kinds: Set<string> } {
  const isOpening = (row: PacketRow): boolean => (row['tcp.flags.str'] ?? '').includes('S');
  // The recording ends before the connection does.
  const isClosing = (row: PacketRow): boolean => /[FR]/.test(row['tcp.flags.str'] ?? '');
  const full = String(Math.max(...rows.map(row => Number(row['tcp.len'] ?? 0))));
  const rest = rows
    .filter(row => !isOpening(row) && !isClosing(row) && ['', '0', '1', full].includes(row['tcp.len'] ?? ''))
    .map(row => {
      const { 'tcp.window_size_value': _window, ...others } = row;
      return { ...others, 'tcp.flags.str': (row['tcp.flags.str'] ?? '').replaceAll('P', '·') };
    });
  return { handshake: packetForms(rows.filter(isOpening)), kinds: new Set(packetForms(rest)) };
}
