/**
 * Losses and their repair, the test being the peer: which segment goes when, and the window after it. The round trip
 * is 10 ms, the MSS 1000, the algorithm Reno, so that the arithmetic is plain.
 */
import type { Connection } from '../../../src/netstack/tcp/tcp-layer.ts';
import type { TcpOptions } from '../../../src/wire/tcp.ts';
import { assert, suite } from '../../kit.ts';
import { Bench, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/recovery');

/** A connection with `octets` to send, its first flight of ten out for 10 ms. */
function sender(
  octets: number,
  options: TcpOptions = { mss: 1000, sackPermitted: true },
): [Bench, Connection] {
  const bench = new Bench({ tcpCongestionControl: 'reno' });
  const { stream } = bench.establish(options);
  stream!.writeVirtual(0, octets);
  bench.take();
  bench.pass(10 * MS);
  return [bench, stream!];
}

/** What went out: the first octet of each segment, in thousands; then the window and the pipe. */
function flight(bench: Bench, stream: Connection): string {
  const starts = bench.take().map(seen => (((seen.seq - bench.iss) | 0) - 1) / 1000);
  const { cwnd, inFlight } = stream.info();
  return `${starts.join(' ')} | ${cwnd} ${inFlight}`.trim();
}

t('NewReno: limited transmit, the third duplicate retransmits, a partial ACK shows the next hole', () => {
  const [bench, stream] = sender(40_000, { mss: 1000 });
  const ack = (acknowledged: number) => {
    bench.inject({ flags: '.', seq: 1, ack: acknowledged });
    return flight(bench, stream);
  };
  assert.is(ack(1001), '10 11 | 11 11');
  assert.is(ack(1001), '12 | 11 11', 'RFC 3042');
  assert.is(ack(1001), '13 | 11 11');
  assert.is(ack(1001), '1 | 10 10');
  assert.is(stream.info().ssthresh, 5);
  assert.equal(
    [4, 5, 6, 7, 8, 9].map(() => ack(1001)),
    ['| 9 9', '14 | 9 9', '| 8 8', '15 | 8 8', '| 7 7', '16 | 7 7'],
    'one for two delivered, RFC 6937',
  );
  bench.pass(10 * MS);
  assert.is(ack(4001), '| 5 5', 'the next hole is found, but the pipe is full');
  assert.is(ack(4001), '4 | 5 5', 'RFC 6582: and goes with the next segment that arrives');
  bench.pass(10 * MS);
  assert.is(ack(14_001), '17 18 | 5 5', 'everything before the loss is here');
  assert.is(ack(15_001), '19 | 5 5', 'and only now recovery ends');
});

t('SACK: three SACKed segments retransmit the hole, the window goes down in proportion', () => {
  const [bench, stream] = sender(40_000);
  const sack = (end: number) => {
    bench.sack(1, [1001, end]);
    return flight(bench, stream);
  };
  assert.equal(
    [2001, 3001, 4001].map(sack),
    ['10 | 10 10', '11 | 10 10', '0 | 9 9'],
    'two new segments meanwhile',
  );
  assert.equal([5001, 6001, 7001, 8001, 9001, 10_001].map(sack), [
    '| 8 8',
    '12 | 8 8',
    '| 7 7',
    '13 | 7 7',
    '| 6 6',
    '| 5 5',
  ]);
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 10_001 });
  assert.is(flight(bench, stream), '14 | 5 5');
  assert.is(stream.info().fastRecoveries, 1);
  assert.is(stream.info().timeouts, 0);
});

t('every second segment lost (RFC 2018 §4, third example): all holes are filled without a timeout', () => {
  const [bench, stream] = sender(8000);
  bench.inject({ flags: '.', seq: 1, ack: 1001 });
  bench.sack(1001, [2001, 3001]);
  bench.sack(1001, [4001, 5001], [2001, 3001]);
  assert.is(flight(bench, stream), '| 11 5');
  bench.sack(1001, [6001, 7001], [4001, 5001], [2001, 3001]);
  assert.is(flight(bench, stream), '1 | 2 2', 'segment 7 was sent after the last that arrived: not yet lost');
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 3001 });
  assert.is(flight(bench, stream), '3 | 1 1', 'the ACK shows another loss: no more than came');
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 5001 });
  assert.is(flight(bench, stream), '5 7 | 2 2', 'it shows none: one more');
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 8001 });
  assert.is(stream.info().bytesAcked, 8000);
  assert.is(stream.info().timeouts, 0);
});

t('a retransmission that is lost too is sent again when something younger arrives (RACK)', () => {
  const [bench, stream] = sender(40_000);
  bench.sack(1, [1001, 4001]);
  assert.is(flight(bench, stream), '0 10 | 8 8');
  bench.pass(1 * MS);
  bench.sack(1, [1001, 10_001]);
  assert.is(flight(bench, stream), '11 12 13 | 5 5');
  bench.pass(9 * MS);
  bench.sack(1, [1001, 11_001]);
  assert.is(flight(bench, stream), '0 14 | 5 5', 'sent right after it: it is lost');
  bench.pass(1 * MS);
  bench.sack(1, [1001, 12_001]);
  assert.is(flight(bench, stream), '15 | 5 5', 'the new one is younger than what has arrived');
});

t('a network that reorders is given a quarter of the round trip', () => {
  const [bench, stream] = sender(10_000);
  bench.sack(1, [1001, 2001]);
  bench.pass(1 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 2001 });
  bench.take();
  bench.sack(2001, [4001, 7001]);
  assert.is(flight(bench, stream), '| 11 5', 'three SACKed, but this path reorders');
  bench.pass(4.4 * MS);
  assert.is(flight(bench, stream), '| 11 5', 'and no timer of Linux is shorter than 2 ms');
  bench.pass(0.2 * MS);
  assert.is(flight(bench, stream), '2 | 4 4');
});

t('a lost tail is probed after two round trips; the answer starts the repair', () => {
  const [bench, stream] = sender(8000);
  bench.inject({ flags: '.', seq: 1, ack: 4001 });
  const since = bench.world.now;
  bench.pass(100 * MS);
  const [probe] = bench.out;
  assert.is(probe!.at - since, 22 * MS, '2 SRTT and 2 ms');
  assert.is(flight(bench, stream), '7 | 14 4');
  bench.sack(4001, [7001, 8001]);
  bench.pass(10 * MS);
  assert.is(flight(bench, stream), '4 | 1 1');
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 5001 });
  assert.is(flight(bench, stream), '5 6 | 2 2');
  assert.is(stream.info().timeouts, 0);
});

t('a probe that repaired the loss itself still counts as a loss', () => {
  const [bench, stream] = sender(8000);
  bench.inject({ flags: '.', seq: 1, ack: 7001 });
  bench.pass(300 * MS);
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 8001 });
  assert.is(stream.info().cwnd, 17, 'the ACK of the probe alone may be for the original');
  stream.writeVirtual(0, 1000);
  assert.is(stream.info().cwnd, 10, 'idle for longer than an RTO');
  bench.inject({ flags: '.', seq: 1, ack: 9001 });
  assert.is(stream.info().ssthresh, 5);
});

t(
  'a timeout finds out with two new segments whether anything was lost (F-RTO), and repairs it in slow start',
  () => {
    const [bench, stream] = sender(40_000, { mss: 1000 });
    bench.pass(200 * MS);
    assert.is(flight(bench, stream), '0 | 1 1');
    const ack = (acknowledged: number) => {
      bench.pass(5 * MS);
      bench.inject({ flags: '.', seq: 1, ack: acknowledged });
      return flight(bench, stream);
    };
    assert.is(ack(1001), '10 11 | 2 2');
    assert.equal(
      [1001, 1001, 2001, 3001, 5001, 8001].map(ack),
      ['1 | 2 2', '2 | 2 2', '| 3 3', '3 4 | 4 4', '5 6 7 | 5 5', '8 9 12 | 5 5'],
      'nothing else had arrived',
    );
    assert.is(stream.info().timeouts, 1);
  },
);

t('a timeout that was too soon is taken back when what was never sent again is acknowledged (F-RTO)', () => {
  const [bench, stream] = sender(40_000, { mss: 1000 });
  bench.pass(200 * MS);
  assert.is(flight(bench, stream), '0 | 1 1');
  const ack = (acknowledged: number) => {
    bench.inject({ flags: '.', seq: 1, ack: acknowledged });
    return flight(bench, stream);
  };
  assert.is(ack(1001), '10 11 | 2 2');
  assert.is(ack(3001), '12 13 14 | 12 12', 'the old window, and two more');
  assert.is(stream.info().ssthresh, Number.POSITIVE_INFINITY);
});

t('Eifel: a timestamp from before the retransmission takes the timeout back', () => {
  const bench = new Bench({ tcpCongestionControl: 'reno' });
  const timestamps = { value: 100, echoReply: 0 };
  const { stream } = bench.establish({ mss: 1012, timestamps });
  stream!.writeVirtual(0, 40_000);
  const echoReply = bench.out[0]!.options.timestamps!.value;
  bench.take();
  bench.pass(215 * MS);
  assert.is(flight(bench, stream!), '0 | 1 1');
  const options = { timestamps: { value: 100, echoReply } };
  bench.inject({ flags: '.', seq: 1, ack: 2001, options });
  assert.is(flight(bench, stream!), '10 11 12 13 | 12 12', 'nothing is sent again');
  assert.is(stream!.info().ssthresh, Number.POSITIVE_INFINITY);
});

t('D-SACK: when every retransmission was a duplicate, the reduction is taken back', () => {
  const [bench, stream] = sender(40_000);
  bench.sack(1, [1001, 4001]);
  bench.pass(1 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 10_001 });
  assert.is(stream.info().ssthresh, 5);
  bench.pass(9 * MS);
  bench.sack(10_001, [1, 1001]);
  assert.is(stream.info().ssthresh, Number.POSITIVE_INFINITY);
  assert.is(stream.info().cwnd, 10);
});

t('a peer that drops what it had SACKed gets everything again', () => {
  const [bench, stream] = sender(10_000);
  bench.sack(1, [1001, 2001]);
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 1001 });
  assert.is(flight(bench, stream), '1 | 1 1');
  bench.inject({ flags: '.', seq: 1, ack: 10_001 });
  assert.is(stream.info().bytesAcked, 10_000);
});

t('ICMP 3/4: the MSS falls, what is in flight is cut and sent at once, the window is not blamed', () => {
  const [bench, stream] = sender(40_000, { mss: 1460 });
  const { cwnd } = stream.info();
  const socket = stream;
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, socket.localPort);
  view.setUint16(2, socket.remotePort);
  view.setUint32(4, (bench.iss + 1) >>> 0);
  const report = {
    type: 3,
    code: 4,
    from: 1,
    source: socket.localAddress,
    destination: socket.remoteAddress,
    view,
    at: 0,
  };
  bench.ip.mtu = 1400;
  bench.layer.error({ ...report, mtu: 1400 });
  const out = bench.take();
  assert.is(stream.info().mss, 1360);
  assert.equal(
    out.slice(0, 4).map(seen => seen.length),
    [1360, 1360, 1360, 1360],
  );
  assert.is(stream.info().cwnd, cwnd);
  assert.ok(bench.layer.owns({ ...report, mtu: 100 }));
  bench.layer.error({ ...report, mtu: 100 });
  assert.is(stream.info().pathMtu, 552, 'smaller reports are not believed');
  bench.layer.error({ ...report, mtu: 9000 });
  assert.is(stream.info().pathMtu, 552);
  view.setUint32(4, (bench.iss + 90_000) >>> 0);
  assert.not(bench.layer.owns({ ...report, mtu: 100 }), 'not in flight');
});

t('a path that shrinks in the middle of a transfer costs no octet', () => {
  const lab = new Lab();
  const { client, clientLog, serverLog } = lab.open();
  let counted = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
  Object.assign(clientLog, { established: () => client.writeVirtual(0, 300_000) });
  lab.world.at(27 * MS, () => {
    lab.ips[0].mtu = 1400;
  });
  lab.world.run(10_000 * MS);
  assert.is(counted, 300_000);
  assert.is(client.info().mss, 1348);
});

t('a megabyte over a wire that loses 3 % needs no timeout to speak of', () => {
  for (const algorithm of ['reno', 'cubic'] as const) {
    const lab = new Lab();
    lab.ips[0].sysctl.tcpCongestionControl = algorithm;
    lab.keepSeen = false;
    lab.fate = (direction, index) => ({ copies: direction === 0 && index % 33 === 32 ? 0 : 1 });
    const { client, clientLog, serverLog } = lab.open();
    Object.assign(serverLog, { receivedVirtual: () => {} });
    Object.assign(clientLog, { established: () => client.writeVirtual(0, 1_000_000) });
    lab.world.run(60_000 * MS);
    const info = client.info();
    assert.is(info.bytesAcked, 1_000_000);
    assert.ok(info.timeouts <= 1, `${algorithm}: ${info.timeouts} timeouts`);
    assert.ok(info.retransmits < 40, `${algorithm}: ${info.retransmits} retransmissions`);
  }
});

t.run();
