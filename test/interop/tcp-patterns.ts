/** The patterns that real Linux and we are compared in. Not a test file. */
import type { Action, Fates, PacketFate, Pattern, Side } from './tcp-pattern.ts';

const LOST: PacketFate = { copies: 0 };

/**
 * 1152 octets of data in a segment: half of what the buffer that a TUN device puts it into counts for, so that Linux
 * from 6.6 on, which measures that share, opens the window as far as Linux before, which takes it for a half.
 */
const MTU = 1204;

const SYSCTL: Pattern['sysctl'] = {
  // A buffer that is what it is: how it is tuned to a transfer has changed with almost every release.
  tcp_rmem: '4096 131072 131072',
  tcp_no_metrics_save: 1,
  // Off, since its delay (5 % of the round trip, at most 1 ms) is a matter of microseconds.
  tcp_comp_sack_nr: 0,
  // Linux 6.5 and later repeat the first SYNs every second; before, and with 0, as RFC 6298 wants it.
  tcp_syn_linear_timeouts: 0,
};

/** The client sends `octets` and FIN, the server closes after it. */
const upload = (octets: number): Record<Side, readonly Action[]> => ({
  client: [
    { on: 'established', do: 'write', octets },
    { on: 'established', do: 'shutdown' },
    { on: 'end', do: 'close' },
  ],
  server: [{ on: 'end', do: 'close' }],
});

const TWICE: PacketFate = { copies: 2 };
const NO_SACK: Partial<Pattern> = { sysctl: { tcp_sack: 0 } };
/** The MTU that leaves segments as long as they are with timestamps. */
const NO_TIMESTAMPS: Partial<Pattern> = { sysctl: { tcp_timestamps: 0 }, mtu: MTU - 12 };

const lost = (...numbers: readonly number[]): Fates => Object.fromEntries(numbers.map(n => [n, LOST]));

const late = (extraMs: number, ...numbers: readonly number[]): Fates =>
  Object.fromEntries(numbers.map(n => [n, { extraMs }]));

/** Every `n`-th of the first `count` packets from number `first` on. */
const everyNth = (n: number, first: number, count: number): Fates =>
  lost(...Array.from({ length: Math.ceil(count / n) }, (_, i) => first + i * n));

function pattern(
  name: string,
  programs: Record<Side, readonly Action[]>,
  fates: Partial<Record<Side, Fates>>,
  more: Partial<Pattern> = {},
): Pattern {
  return {
    name,
    ...programs,
    fates: { client: fates.client ?? {}, server: fates.server ?? {} },
    port: 5000,
    congestion: 'cubic',
    mtu: MTU,
    delayMs: 10,
    rateMbit: 100,
    untilMs: 1500,
    ...more,
    sysctl: { ...SYSCTL, ...more.sysctl },
  };
}

/** Octets of a full segment. */
const FULL = 1152;

/** The client fills the server's window to the last octet and has more; the server begins to read after `pauseMs`. */
const fillWindow = (pauseMs: number): Record<Side, readonly Action[]> => ({
  client: [
    { on: 'established', do: 'write', octets: 65_536 },
    { on: 'established', afterMs: 100, do: 'write', octets: 10 * FULL },
    { on: 'established', afterMs: 100, do: 'shutdown' },
    { on: 'end', do: 'close' },
  ],
  server: [
    { on: 'established', do: 'pause' },
    { on: 'established', afterMs: pauseMs, do: 'resume' },
    { on: 'end', do: 'close' },
  ],
});

// The client's packets: 0 SYN, 1 ACK, 2 the first with data; the server's: 0 SYN-ACK, 1 the first ACK.
export const patterns: readonly Pattern[] = [
  pattern('nothing is lost', upload(100 * FULL), {}),
  pattern('the SYN is lost', upload(20 * FULL), { client: lost(0) }, { untilMs: 2500 }),
  pattern(
    'the SYN-ACK is lost',
    upload(20 * FULL),
    { client: late(100, 0), server: lost(0) },
    { untilMs: 2500 },
  ),
  pattern('the ACK of the handshake is lost', upload(20 * FULL), { client: lost(1) }),
  pattern('the first data is lost', upload(60 * FULL), { client: lost(2) }),
  pattern('the last data is lost', upload(20 * FULL), { client: lost(21) }),
  pattern('the last three are lost', upload(20 * FULL), { client: lost(20, 21, 22) }),
  pattern('data in the middle is lost', upload(60 * FULL), { client: lost(7) }),
  pattern('two holes', upload(60 * FULL), { client: lost(5, 8) }),
  pattern('the retransmission is lost too', upload(60 * FULL), { client: lost(5, 15) }),
  pattern('a burst is lost', upload(60 * FULL), { client: lost(4, 5, 6, 7) }),
  pattern('a whole flight is lost', upload(20 * FULL), { client: lost(2, 3, 4, 5, 6, 7, 8, 9, 10, 11) }),
  pattern('ACKs are lost', upload(60 * FULL), { server: lost(2, 3, 5, 8, 9, 10) }),
  pattern(
    'every seventh packet is lost',
    upload(100 * FULL),
    { client: everyNth(7, 6, 100) },
    { untilMs: 4000 },
  ),
  pattern(
    'every fifth, both ways',
    upload(80 * FULL),
    { client: everyNth(5, 4, 80), server: everyNth(5, 3, 60) },
    { untilMs: 6000 },
  ),
  pattern('the FIN is lost', upload(8 * FULL), { client: lost(10) }),
  pattern(
    "the server's FIN is lost",
    { ...upload(8 * FULL), server: [{ on: 'end', afterMs: 60, do: 'close' }] },
    { server: lost(10) },
  ),
  pattern('the first data is lost, without SACK', upload(60 * FULL), { client: lost(2) }, NO_SACK),
  pattern('two holes, without SACK', upload(60 * FULL), { client: lost(5, 8) }, NO_SACK),
  pattern(
    'two holes, without SACK, Reno',
    upload(60 * FULL),
    { client: lost(2, 5) },
    { ...NO_SACK, congestion: 'reno' },
  ),
  pattern(
    'a whole flight is lost, without SACK',
    upload(20 * FULL),
    { client: lost(2, 3, 4, 5, 6, 7, 8, 9, 10, 11) },
    NO_SACK,
  ),
  pattern('every second packet of a flight is lost', upload(40 * FULL), { client: lost(3, 5, 7, 9) }),
  pattern(
    'every second packet of a flight is lost, Reno',
    upload(40 * FULL),
    { client: lost(3, 5, 7, 9) },
    { congestion: 'reno' },
  ),
  pattern('a timeout without a loss', upload(40 * FULL), {
    server: late(280, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
  }),
  pattern(
    'a timeout without a loss or a timestamp',
    upload(40 * FULL),
    { server: late(280, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) },
    NO_TIMESTAMPS,
  ),
  pattern(
    'a timeout without a loss or SACK',
    upload(40 * FULL),
    { server: late(280, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) },
    NO_SACK,
  ),
  pattern(
    'a retransmission is lost three times',
    upload(20 * FULL),
    { client: lost(5, 13, 22, 23, 24, 25) },
    { untilMs: 4000 },
  ),
  pattern('the last data is lost, without SACK', upload(20 * FULL), { client: lost(21) }, NO_SACK),
  pattern('a hole, without timestamps', upload(60 * FULL), { client: lost(9) }, NO_TIMESTAMPS),
  pattern(
    'data in the middle is lost, Reno',
    upload(60 * FULL),
    { client: lost(20) },
    { congestion: 'reno' },
  ),
  pattern('two packets change places', upload(40 * FULL), { client: { 5: { extraMs: 0.3 } } }),
  pattern('a packet is overtaken by a whole flight', upload(60 * FULL), { client: { 5: { extraMs: 12 } } }),
  pattern('a packet comes late, after its retransmission', upload(60 * FULL), {
    client: { 5: { extraMs: 30 } },
  }),
  pattern('packets come twice', upload(40 * FULL), { client: { 4: TWICE, 9: TWICE }, server: { 3: TWICE } }),
  pattern('all ACKs of a flight are lost, then the flight is repeated', upload(10 * FULL), {
    server: lost(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
  }),
  pattern(
    'small writes wait for their ACK (Nagle)',
    {
      client: [
        ...[0, 1, 2, 3, 4, 5].map(
          n => ({ on: 'established', afterMs: n, do: 'write', octets: 100 }) as const,
        ),
        { on: 'established', afterMs: 100, do: 'shutdown' },
      ],
      server: [{ on: 'end', do: 'close' }],
    },
    {},
  ),
  pattern(
    'small writes at once (TCP_NODELAY)',
    {
      client: [
        { on: 'established', do: 'nodelay' },
        ...[0, 1, 2, 3, 4, 5].map(
          n => ({ on: 'established', afterMs: n, do: 'write', octets: 100 }) as const,
        ),
        { on: 'established', afterMs: 100, do: 'shutdown' },
      ],
      server: [{ on: 'end', do: 'close' }],
    },
    {},
  ),
  pattern(
    'question and answer',
    {
      client: [
        { on: 'established', do: 'write', octets: 200 },
        { on: 'received 3000', do: 'write', octets: 200 },
        { on: 'received 6000', afterMs: 5, do: 'write', octets: 200 },
        { on: 'received 9000', do: 'close' },
      ],
      server: [
        { on: 'received 200', afterMs: 5, do: 'write', octets: 3000 },
        { on: 'received 400', afterMs: 60, do: 'write', octets: 3000 },
        { on: 'received 600', do: 'write', octets: 3000 },
        { on: 'end', do: 'close' },
      ],
    },
    {},
  ),
  pattern(
    'delayed ACKs, later',
    {
      client: [
        { on: 'established', do: 'write', octets: 30 * FULL },
        { on: 'established', afterMs: 200, do: 'write', octets: 500 },
        { on: 'established', afterMs: 400, do: 'write', octets: 500 },
        { on: 'established', afterMs: 600, do: 'write', octets: 3 * FULL },
        { on: 'established', afterMs: 900, do: 'close' },
      ],
      server: [{ on: 'end', do: 'close' }],
    },
    {},
  ),
  pattern(
    'both write at once',
    {
      // When the server is established, too: what one writes must not meet the other's ACKs, or their order is an
      // accident of how fast the machine is.
      client: [
        { on: 'established', afterMs: 10, do: 'write', octets: 20 * FULL },
        { on: 'received 23040', do: 'close' },
      ],
      server: [
        { on: 'established', do: 'write', octets: 20 * FULL },
        { on: 'received 23040', do: 'close' },
      ],
    },
    {},
  ),
  pattern(
    'both close at once',
    {
      client: [{ on: 'established', afterMs: 50, do: 'close' }],
      server: [{ on: 'established', afterMs: 40, do: 'close' }],
    },
    {},
  ),
  pattern(
    'a half-closed connection goes on',
    {
      client: [
        { on: 'established', do: 'write', octets: 300 },
        { on: 'established', do: 'shutdown' },
        { on: 'end', do: 'close' },
      ],
      server: [
        { on: 'end', afterMs: 30, do: 'write', octets: 20 * FULL },
        { on: 'end', afterMs: 300, do: 'close' },
      ],
    },
    { server: lost(6) },
  ),
  pattern(
    'the client aborts in the middle',
    {
      client: [
        { on: 'established', do: 'write', octets: 40 * FULL },
        { on: 'established', afterMs: 25, do: 'abort' },
      ],
      server: [{ on: 'end', do: 'close' }],
    },
    {},
  ),
  pattern(
    'the server closes with data unread',
    {
      client: [{ on: 'established', do: 'write', octets: 40 * FULL }],
      server: [
        { on: 'established', do: 'pause' },
        { on: 'established', afterMs: 50, do: 'close' },
      ],
    },
    {},
  ),
  pattern(
    'the program does not read for a while: the window closes',
    fillWindow(600),
    {},
    { untilMs: 2000, delayMs: 5 },
  ),
  pattern(
    'the window opens, and nobody hears it',
    fillWindow(450),
    { server: lost(21) },
    { untilMs: 2500, delayMs: 5 },
  ),
  pattern('nobody listens', { client: [], server: [] }, {}, { port: 81 }),
  pattern('the SYN is lost four times', upload(2 * FULL), { client: lost(0, 1, 2, 3) }, { untilMs: 16_000 }),
];
