/**
 * RFC 9293 §3.10.7, state by state: what comes in, what goes out, where the connection is then. Our first octet and
 * the peer's have number 1; the window is 65535, the MSS 1000.
 */
import { assert, suite } from '../../kit.ts';
import { Bench, type Injected, type Log, MS } from './harness.ts';

const t = suite('netstack/tcp/segment-arrives');

/** Bring a connection into each state, with its last segment taken out. */
const enter = {
  LISTEN: bench => bench.layer.listen(80, () => undefined) as unknown as Log,
  'SYN-SENT': bench => bench.connect(),
  'SYN-RECV': bench => {
    const log = bench.connect();
    bench.layer.sockets();
    bench.inject({ flags: 'S', seq: 0, options: { mss: 1000 } });
    return log;
  },
  ESTAB: bench => bench.establish(),
  'FIN-WAIT-1': bench => {
    const log = bench.establish();
    log.stream!.shutdown();
    return log;
  },
  'FIN-WAIT-2': bench => {
    const log = bench.establish();
    log.stream!.shutdown();
    bench.inject({ flags: '.', seq: 1, ack: 2 });
    return log;
  },
  'CLOSE-WAIT': bench => {
    const log = bench.establish();
    Object.assign(log, { ended: () => {} });
    bench.inject({ flags: 'F.', seq: 1, ack: 1 });
    bench.pass(50 * MS);
    return log;
  },
  CLOSING: bench => {
    const log = bench.establish();
    log.stream!.shutdown();
    bench.inject({ flags: 'F.', seq: 1, ack: 1 });
    return log;
  },
  'LAST-ACK': bench => {
    const log = bench.establish();
    bench.inject({ flags: 'F.', seq: 1, ack: 1 });
    return log;
  },
  'TIME-WAIT': bench => {
    const log = bench.establish();
    log.stream!.shutdown();
    bench.inject({ flags: 'F.', seq: 1, ack: 2 });
    return log;
  },
} as const satisfies Record<string, (bench: Bench) => Log>;
type StateName = keyof typeof enter;

type Row = readonly [
  state: StateName,
  what: string,
  segment: Injected,
  out: readonly string[],
  next: string,
  told?: string,
];

const REFUSED = 'closed Connection refused';
const LOST = 'finished Connection reset by peer';
const RESET = 'closed Connection reset by peer';

const table: readonly Row[] = [
  ['LISTEN', 'RST is ignored', { flags: 'R', seq: 0 }, [], 'LISTEN'],
  ['LISTEN', 'ACK is answered with RST', { flags: '.', seq: 1, ack: 7 }, ['R 7:7'], 'LISTEN'],
  ['LISTEN', 'SYN with ACK is answered with RST', { flags: 'S.', seq: 0, ack: 7 }, ['R 7:7'], 'LISTEN'],
  ['LISTEN', 'neither SYN nor ACK is ignored', { flags: 'P', seq: 0, length: 5 }, [], 'LISTEN'],
  ['LISTEN', 'SYN with FIN is ignored', { flags: 'SF', seq: 0 }, [], 'LISTEN'],

  ['SYN-SENT', 'ACK of nothing we sent', { flags: '.', seq: 0, ack: 2 }, ['R 2:2'], 'SYN-SENT'],
  ['SYN-SENT', 'ACK of our ISN only', { flags: 'S.', seq: 0, ack: 0 }, ['R 0:0'], 'SYN-SENT'],
  ['SYN-SENT', 'RST with a wrong ACK', { flags: 'R.', seq: 0, ack: 2 }, [], 'SYN-SENT'],
  ['SYN-SENT', 'RST without ACK', { flags: 'R', seq: 0 }, [], 'SYN-SENT'],
  ['SYN-SENT', 'RST that acknowledges the SYN', { flags: 'R.', seq: 0, ack: 1 }, [], 'UNCONN', REFUSED],
  ['SYN-SENT', 'ACK without SYN', { flags: '.', seq: 0, ack: 1 }, [], 'SYN-SENT'],
  ['SYN-SENT', 'SYN-ACK', { flags: 'S.', seq: 0, ack: 1 }, ['. 1:1 ack 1'], 'ESTAB', 'established'],
  ['SYN-SENT', 'SYN: both open', { flags: 'S', seq: 0 }, ['S. 0:0 ack 1'], 'SYN-RECV'],

  ['SYN-RECV', 'the same SYN again', { flags: 'S', seq: 0 }, ['S. 0:0 ack 1'], 'SYN-RECV'],
  ['SYN-RECV', 'ACK of our SYN', { flags: '.', seq: 1, ack: 1 }, [], 'ESTAB', 'established'],
  ['SYN-RECV', "the peer's SYN-ACK", { flags: 'S.', seq: 0, ack: 1 }, [], 'ESTAB', 'established'],
  ['SYN-RECV', 'ACK of something else', { flags: '.', seq: 1, ack: 2 }, ['R 2:2'], 'SYN-RECV'],
  ['SYN-RECV', 'RST', { flags: 'R', seq: 1 }, [], 'UNCONN', REFUSED],
  ['SYN-RECV', 'out of window', { flags: '.', seq: 90_000, ack: 1 }, ['. 1:1 ack 1'], 'SYN-RECV'],

  ['ESTAB', 'no ACK bit', { flags: 'P', seq: 1, length: 10 }, [], 'ESTAB'],
  ['ESTAB', 'data in order', { flags: '.', seq: 1, ack: 1, length: 10 }, ['. 1:1 ack 11'], 'ESTAB'],
  ['ESTAB', 'old data', { flags: '.', seq: -9, ack: 1, length: 10 }, ['. 1:1 ack 1 sack -9:1'], 'ESTAB'],
  ['ESTAB', 'early data', { flags: '.', seq: 11, ack: 1, length: 10 }, ['. 1:1 ack 1 sack 11:21'], 'ESTAB'],
  [
    'ESTAB',
    'data beyond the window',
    { flags: '.', seq: 70_000, ack: 1, length: 10 },
    ['. 1:1 ack 1'],
    'ESTAB',
  ],
  ['ESTAB', 'ACK of what was not sent', { flags: '.', seq: 1, ack: 2 }, ['. 1:1 ack 1'], 'ESTAB'],
  ['ESTAB', 'ACK far too old', { flags: '.', seq: 1, ack: -70_000 }, ['. 1:1 ack 1'], 'ESTAB'],
  ['ESTAB', 'RST where we are', { flags: 'R', seq: 1 }, [], 'UNCONN', RESET],
  ['ESTAB', 'RST elsewhere in the window', { flags: 'R', seq: 100 }, ['. 1:1 ack 1'], 'ESTAB'],
  ['ESTAB', 'RST beyond the window', { flags: 'R', seq: 70_000 }, [], 'ESTAB'],
  ['ESTAB', 'SYN in the window', { flags: 'S', seq: 1 }, ['. 1:1 ack 1'], 'ESTAB'],
  ['ESTAB', 'SYN before the window', { flags: 'S', seq: -100 }, ['. 1:1 ack 1'], 'ESTAB'],
  ['ESTAB', 'FIN', { flags: 'F.', seq: 1, ack: 1 }, ['F. 1:1 ack 2'], 'LAST-ACK', 'closed'],
  [
    'ESTAB',
    'FIN with data',
    { flags: 'F.', seq: 1, ack: 1, length: 5 },
    ['F. 1:1 ack 7'],
    'LAST-ACK',
    'closed',
  ],
  ['ESTAB', 'an early FIN', { flags: 'F.', seq: 6, ack: 1, length: 5 }, ['. 1:1 ack 1 sack 6:11'], 'ESTAB'],

  ['FIN-WAIT-1', 'ACK of our FIN', { flags: '.', seq: 1, ack: 2 }, [], 'FIN-WAIT-2', 'finished'],
  [
    'FIN-WAIT-1',
    'FIN with the ACK of ours',
    { flags: 'F.', seq: 1, ack: 2 },
    ['. 2:2 ack 2'],
    'TIME-WAIT',
    'finished, closed',
  ],
  [
    'FIN-WAIT-1',
    'FIN alone: both close',
    { flags: 'F.', seq: 1, ack: 1 },
    ['. 2:2 ack 2'],
    'CLOSING',
    'closed',
  ],
  [
    'FIN-WAIT-1',
    'data still arrives',
    { flags: '.', seq: 1, ack: 1, length: 10 },
    ['. 2:2 ack 11'],
    'FIN-WAIT-1',
  ],
  ['FIN-WAIT-1', 'RST', { flags: 'R', seq: 1 }, [], 'UNCONN', `${LOST}, ${RESET}`],
  [
    'FIN-WAIT-2',
    'data still arrives',
    { flags: '.', seq: 1, ack: 2, length: 10 },
    ['. 2:2 ack 11'],
    'FIN-WAIT-2',
  ],
  ['FIN-WAIT-2', 'FIN', { flags: 'F.', seq: 1, ack: 2 }, ['. 2:2 ack 2'], 'TIME-WAIT', 'closed'],
  ['FIN-WAIT-2', 'RST', { flags: 'R', seq: 1 }, [], 'UNCONN', RESET],

  ['CLOSE-WAIT', 'the FIN again', { flags: 'F.', seq: 1, ack: 1 }, ['. 1:1 ack 2 sack 1:2'], 'CLOSE-WAIT'],
  ['CLOSE-WAIT', 'data behind the FIN', { flags: '.', seq: 2, ack: 1, length: 10 }, [], 'CLOSE-WAIT'],
  ['CLOSE-WAIT', 'RST', { flags: 'R', seq: 2 }, [], 'UNCONN', RESET],
  ['CLOSING', 'ACK of our FIN', { flags: '.', seq: 2, ack: 2 }, [], 'TIME-WAIT', 'finished'],
  ['CLOSING', 'RST', { flags: 'R', seq: 2 }, [], 'UNCONN', LOST],
  ['LAST-ACK', 'ACK of our FIN', { flags: '.', seq: 2, ack: 2 }, [], 'UNCONN', 'finished'],
  ['LAST-ACK', 'ACK of something else', { flags: '.', seq: 2, ack: 1 }, [], 'LAST-ACK'],
  ['LAST-ACK', 'RST', { flags: 'R', seq: 2 }, [], 'UNCONN', LOST],

  ['TIME-WAIT', 'the FIN again', { flags: 'F.', seq: 1, ack: 2 }, ['. 2:2 ack 2'], 'TIME-WAIT'],
  ['TIME-WAIT', 'a bare ACK', { flags: '.', seq: 2, ack: 2 }, [], 'TIME-WAIT'],
  ['TIME-WAIT', 'RST', { flags: 'R', seq: 2 }, [], 'UNCONN'],
  ['TIME-WAIT', 'an old SYN', { flags: 'S', seq: -100 }, ['. 2:2 ack 2'], 'TIME-WAIT'],
];

for (const [state, what, segment, out, next, told] of table) {
  t(`${state}: ${what}`, () => {
    const bench = new Bench();
    const log = enter[state](bench);
    bench.take();
    const before = state === 'LISTEN' ? 0 : log.entries.length;
    bench.inject(segment);
    assert.equal(bench.text(), out);
    const socket = bench.layer.sockets().at(-1);
    const now = state === 'LISTEN' ? socket!.state : log.stream!.state;
    assert.is(now, next);
    if (state !== 'LISTEN')
      assert.equal(
        log.entries
          .slice(before)
          .filter(entry => !entry.startsWith('received'))
          .join(', '),
        told ?? '',
      );
    assert.is(bench.world.frames.inUse, 0);
  });
}

t('a SYN with a higher number opens a new connection where the old one waits', () => {
  const bench = new Bench();
  const log = enter['TIME-WAIT'](bench);
  bench.take();
  bench.inject({ flags: 'S', seq: 100 });
  const [synAck] = bench.take();
  assert.is(synAck!.flags, 'S.');
  assert.is((synAck!.ack - bench.irs) | 0, 101);
  assert.is((synAck!.seq - bench.iss) | 0, 2 + 65537, 'RFC 6191: numbers beyond the old ones');
  assert.is(log.stream!.state, 'UNCONN');
});

t('a segment for no socket: RST takes its number from the ACK, or acknowledges the whole segment', () => {
  const bench = new Bench();
  bench.inject({ flags: '.', seq: 5, ack: 9 });
  bench.inject({ flags: 'S', seq: 5 });
  bench.inject({ flags: 'SF', seq: 5, length: 10 });
  bench.inject({ flags: 'R', seq: 5 });
  assert.equal(bench.text(), ['R 9:9', 'R. 0:0 ack 6', 'R. 0:0 ack 17']);
  assert.equal(bench.ip.dropped, ['NO_SOCKET', 'NO_SOCKET', 'NO_SOCKET', 'NO_SOCKET']);
});

t('the RST of a closed port: DF with IP ID 0, the TTL of the namespace, window 0, no options', () => {
  const bench = new Bench();
  bench.inject({ flags: 'S', seq: 5, options: { mss: 1460, timestamps: { value: 9, echoReply: 0 } } });
  const [reset] = bench.take();
  assert.is(reset!.pmtu, 'do');
  assert.is(reset!.ttl, 64);
  assert.is(reset!.window, 0);
  assert.equal(reset!.options, {});
});

t('a bad checksum is dropped', () => {
  const bench = new Bench();
  const { frames } = bench.world;
  bench.ip.wire = frame => {
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    view.setUint8(at + 21, view.getUint8(at + 21) ^ 1);
    frames.pull(frame, 20);
    bench.layer.receive(frame, at, undefined as never);
  };
  bench.layer.connect({ remoteAddress: 1, remotePort: 2 }, enter.LISTEN(bench));
  assert.equal(bench.ip.dropped, ['BAD_CHECKSUM']);
});

t('challenge ACKs come at most every 500 ms', () => {
  const bench = new Bench();
  bench.establish();
  for (let i = 0; i < 5; i++) bench.inject({ flags: 'R', seq: 100 });
  assert.is(bench.take().length, 1);
  bench.pass(499 * MS);
  bench.inject({ flags: 'S', seq: 1 });
  assert.is(bench.take().length, 0);
  bench.pass(1 * MS);
  bench.inject({ flags: 'S', seq: 1 });
  assert.equal(bench.text(), ['. 1:1 ack 1']);
});

t('PAWS drops an old timestamp, and a bad ACK does not move TS.Recent', () => {
  const bench = new Bench();
  const options = (value: number) => ({ timestamps: { value, echoReply: 0 } });
  const log = bench.establish({ mss: 1000, timestamps: { value: 100, echoReply: 0 } });
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10, options: options(99) });
  assert.equal(bench.text(), ['. 1:1 ack 1']);
  bench.inject({ flags: '.', seq: 1, ack: 5000, options: options(300) });
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10, options: options(200) });
  const [ack] = bench.take();
  assert.is(ack!.options.timestamps!.echoReply, 200);
  assert.is(log.octets.length, 10);
});

t('data for a program that has closed is answered with RST', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.close();
  bench.inject({ flags: '.', seq: 1, ack: 2 });
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 2, length: 10 });
  // As Linux 6.18: where the peer believes to be, without ACK, options and window.
  assert.equal(bench.text(), ['R 2:2']);
  assert.is(log.stream!.state, 'UNCONN');
  assert.equal(log.entries, ['established', 'finished']);
});

t('both close with data on its way: each answers the other with RST, and ignores that of the other', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.write(new Uint8Array(21));
  log.stream!.close();
  bench.take();
  // The peer's data and FIN crossed ours.
  bench.inject({ flags: 'P.', seq: 1, ack: 1, length: 40 });
  bench.inject({ flags: 'F.', seq: 41, ack: 1 });
  assert.equal(bench.text(), ['R 1:1', 'R 1:1']);
  bench.inject({ flags: 'R', seq: 1 });
  assert.equal(bench.text(), []);
  assert.equal(log.entries, ['established', 'finished Connection reset by peer']);
});

t('FIN-WAIT-2 without a program ends after 60 s', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.close();
  bench.inject({ flags: '.', seq: 1, ack: 2 });
  bench.pass(59_999 * MS);
  assert.is(log.stream!.state, 'FIN-WAIT-2');
  bench.pass(1 * MS);
  assert.is(log.stream!.state, 'UNCONN');
});

t('closing in SYN-SENT sends nothing; aborting an open connection sends RST', () => {
  const bench = new Bench();
  const log = bench.connect();
  log.stream!.close();
  assert.equal(bench.take(), []);
  assert.is(log.stream!.state, 'UNCONN');
  const other = new Bench();
  const opened = other.establish();
  opened.stream!.abort();
  assert.equal(other.text(), ['R. 1:1 ack 1']);
  assert.equal(opened.entries, ['established']);
});

t('closing with data unread sends RST (RFC 2525)', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.pause();
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10 });
  bench.take();
  log.stream!.close();
  assert.equal(bench.text(), ['R. 1:1 ack 11']);
});

/** A handshake with a listener whose program will not have it. */
function unwanted(): Bench {
  const bench = new Bench();
  bench.layer.listen(80, () => undefined);
  bench.irs = 50_000;
  bench.inject({ flags: 'S', seq: 0 });
  bench.iss = bench.take()[0]!.seq;
  bench.inject({ flags: '.', seq: 1, ack: 1 });
  return bench;
}

t('a program that wants nobody closes what the kernel has accepted, when it runs', () => {
  const bench = unwanted();
  assert.equal(bench.text(), []);
  bench.pass(MS);
  assert.equal(bench.text(), ['F. 1:1 ack 1']);
});

t('and what has come by then is acknowledged, not read, so that it is a RST', () => {
  const bench = unwanted();
  bench.inject({ flags: 'P.', seq: 1, ack: 1, length: 63 });
  assert.equal(bench.text(), ['. 1:1 ack 64']);
  bench.pass(MS);
  assert.equal(bench.text(), ['R. 1:1 ack 64']);
  assert.is(bench.layer.sockets().length, 1);
});

t('a listener that has gone by the end of the handshake resets', () => {
  const bench = new Bench();
  const stopListening = bench.layer.listen(80, () => undefined);
  bench.irs = 50_000;
  bench.inject({ flags: 'S', seq: 0 });
  bench.iss = bench.take()[0]!.seq;
  stopListening();
  bench.inject({ flags: '.', seq: 1, ack: 1 });
  assert.equal(bench.text(), ['R. 1:1 ack 1']);
});

t.run();
