/**
 * A TCP transfer and what befalls its packets, to be run by real Linux and by us: what both programs do, and the fate
 * of single packets by direction and number. Not a test file.
 */

export type Side = 'client' | 'server';
export const SIDES = ['client', 'server'] as const satisfies readonly Side[];

/** What a program does when it hears something. */
export interface Action {
  /** `established`, `end` (the peer's FIN was read), `received N` (octets, in all), or an error's text. */
  readonly on: string;
  readonly afterMs?: number;
  readonly do: 'write' | 'shutdown' | 'close' | 'abort' | 'pause' | 'resume' | 'nodelay';
  /** Of a write. */
  readonly octets?: number;
}

/** What becomes of one packet; left out: delivered once, in time. */
export interface PacketFate {
  /** 0: lost. */
  readonly copies?: number;
  /** Held up by so much, so that others overtake it. */
  readonly extraMs?: number;
}

/** Fates of the packets that one side sends, by number from 0: its SYN, its first ACK or answer, … */
export type Fates = Readonly<Record<number, PacketFate>>;

export interface Pattern {
  readonly name: string;
  readonly client: readonly Action[];
  readonly server: readonly Action[];
  readonly fates: Readonly<Record<Side, Fates>>;
  /** Where the client connects to; the server listens at 5000. */
  readonly port: number;
  readonly congestion: 'reno' | 'cubic';
  /** Of both ends, below `net.ipv4`; what a kernel does not have is left out. */
  readonly sysctl: Readonly<Record<string, string | number>>;
  readonly mtu: number;
  /** One way. */
  readonly delayMs: number;
  readonly rateMbit: number;
  readonly untilMs: number;
}

/** A segment as an end has sent it, before its fate; sequence numbers count from the ISNs. */
export interface SentSegment {
  readonly atMs: number;
  readonly side: Side;
  /** As tcpdump writes them: `S`, `S.`, `P.`, `F.`, `R.`, `.`. */
  readonly flags: string;
  readonly seq: number;
  readonly length: number;
  /** -1 without ACK. */
  readonly ack: number;
  readonly sack: readonly (readonly [number, number])[];
  /** Octets, scaled. */
  readonly window: number;
}

/** What is compared: kind, place and reason of a segment, in the order of its side. */
export function segmentText({ flags, seq, length, ack, sack }: SentSegment): string {
  const range = length > 0 ? `${seq}:${seq + length}` : `${seq}`;
  const blocks = sack.map(([from, to]) => ` ${from}:${to}`).join('');
  return `${flags} ${range}${ack < 0 ? '' : ` ack ${ack}`}${blocks === '' ? '' : ` sack${blocks}`}`;
}

/** Linux counts in jiffies of 4 ms and rounds long waits up by an eighth; what follows a wait is as late. */
const latest = (atMs: number): number => 20 + 1.25 * atMs;
/** Windows are multiples of 2^scale, and the scales differ where a system's largest buffer does. */
const WINDOW_UNIT = 128;

/**
 * Where two runs of a pattern differ, side by side; [] when each side's segments are the same in kind, numbers and
 * order, their windows as far open, and ours neither early nor late.
 */
export function differences(theirs: readonly SentSegment[], ours: readonly SentSegment[]): string[] {
  const lines: string[] = [];
  for (const side of SIDES) {
    const [a, b] = [theirs, ours].map(each => each.filter(segment => segment.side === side)) as [
      SentSegment[],
      SentSegment[],
    ];
    const first = a.findIndex((segment, i) => b[i] === undefined || !areAlike(segment, b[i]));
    const from = first >= 0 ? first : a.length;
    if (from === a.length && from === b.length) continue;
    lines.push(`the ${side}'s segments, from number ${from}:`);
    for (let i = Math.max(0, from - 3); i < Math.min(Math.max(a.length, b.length), from + 12); i++)
      lines.push(`  ${lineOf(a[i]).padEnd(64)} | ${lineOf(b[i])}`);
  }
  return lines;
}

function areAlike(theirs: SentSegment, ours: SentSegment): boolean {
  if (segmentText(theirs) !== segmentText(ours)) return false;
  if (theirs.atMs < ours.atMs - 3 || theirs.atMs > latest(ours.atMs)) return false;
  return theirs.flags.includes('R') || Math.abs(theirs.window - ours.window) <= WINDOW_UNIT;
}

const lineOf = (segment: SentSegment | undefined): string =>
  segment === undefined
    ? '-'
    : `${segment.atMs.toFixed(1).padStart(8)} ${segmentText(segment)} win ${segment.window}`;
