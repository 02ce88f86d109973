/** When things happen: retransmission times, delayed acknowledgements, Nagle, windows that close, keepalives. */
import { RtoEstimator } from '../../../src/netstack/tcp/rto.ts';
import { assert, suite } from '../../kit.ts';
import { Bench, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/timing');
const S = 1000 * MS;

/** The times of what went out, in ms since `since`. */
const times = (bench: Bench, since = 0): number[] => bench.take().map(seen => (seen.at - since) / MS);

t('the estimator: RFC 6298 with a deviation of at least 200 ms, in microseconds', () => {
  const rto = new RtoEstimator();
  assert.is(rto.timeout, 1 * S);
  rto.sample(100 * MS, 0, 10);
  assert.is(rto.srtt, 100 * MS);
  assert.is(rto.timeout, 300 * MS, 'srtt + 4 * 50');
  rto.sample(200 * MS, 5, 10);
  assert.is(rto.srtt, 112.5 * MS);
  assert.is(rto.timeout, 362.5 * MS, 'RTTVAR 62.5');
  rto.backoff = 3;
  assert.is(rto.timeout, 2900 * MS);
  rto.backoff = 20;
  assert.is(rto.timeout, 120 * S);
  const small = new RtoEstimator();
  for (let i = 1; i < 100; i++) small.sample(0.05 * MS, i * 10 + 1, i * 10 + 10);
  assert.is(small.timeout, 200.05 * MS);
});

t('the deviation of the largest sample decays once a round trip', () => {
  const rto = new RtoEstimator();
  rto.sample(10 * MS, 0, 10);
  rto.sample(500 * MS, 5, 10);
  const high = rto.timeout;
  assert.ok(high > 500 * MS);
  for (let i = 1; i < 40; i++) rto.sample(10 * MS, i * 10 + 1, i * 10 + 10);
  assert.ok(rto.timeout < 230 * MS);
});

t('a SYN is sent at 0, 1, 3, 7, 15, 31, 63 s; at 127 s it timed out', () => {
  const bench = new Bench();
  const log = bench.connect();
  bench.world.run();
  assert.equal(times(bench), [1000, 3000, 7000, 15_000, 31_000, 63_000]);
  assert.equal(log.entries, ['closed Connection timed out']);
  assert.is(bench.world.now, 127 * S);
});

t('a SYN-ACK is sent at 0, 1, 3, 7, 15, 31 s; at 63 s it is forgotten', () => {
  const bench = new Bench();
  bench.layer.listen(80, () => undefined);
  bench.inject({ flags: 'S', seq: 0 });
  bench.world.run();
  assert.equal(times(bench), [0, 1000, 3000, 7000, 15_000, 31_000]);
  assert.is(bench.layer.sockets().length, 1);
  assert.is(bench.world.now, 63 * S);
});

t('data is sent again after 200 ms and a round trip, doubled up to 120 s, for 924.6 s', () => {
  const bench = new Bench();
  const log = bench.establish({ mss: 1000 });
  const since = bench.world.now;
  log.stream!.write(new Uint8Array(100));
  bench.world.run();
  assert.equal(
    times(bench, since),
    [
      0, 210, 630, 1470, 3150, 6510, 13_230, 26_670, 53_550, 107_310, 214_830, 334_830, 454_830, 574_830,
      694_830, 814_830,
    ],
  );
  assert.is(bench.world.now - since, 934_830 * MS);
  assert.equal(log.entries, ['established', 'closed Connection timed out']);
});

t('with SACK the first repetition is a tail loss probe, and the doubling begins after it', () => {
  const bench = new Bench();
  const { stream } = bench.establish();
  const since = bench.world.now;
  stream!.write(new Uint8Array(100));
  bench.pass(4 * S);
  assert.equal(times(bench, since), [0, 210, 420, 840, 1680, 3360]);
});

t('what ICMP said is the reason when a connection times out; an opening one fails at once', () => {
  const view = new DataView(new ArrayBuffer(8));
  const about = (bench: Bench, seq: number, code: number) => {
    view.setUint16(0, bench.localPort);
    view.setUint16(2, bench.remotePort);
    view.setUint32(4, (bench.iss + seq) >>> 0);
    const { localAddress, remoteAddress } = bench.layer.sockets().at(-1)!;
    bench.layer.error({
      type: 3,
      code,
      mtu: 0,
      from: 1,
      source: localAddress,
      destination: remoteAddress,
      view,
      at: 0,
    });
  };
  const opening = new Bench();
  const log = opening.connect();
  about(opening, 5, 1);
  assert.equal(log.entries, [], 'a number that is not in flight is not believed');
  about(opening, 0, 1);
  assert.equal(log.entries, ['closed No route to host']);
  const open = new Bench();
  const established = open.establish({ mss: 1000 });
  established.stream!.write(new Uint8Array(100));
  about(open, 1, 0);
  open.world.run();
  assert.equal(established.entries, ['established', 'closed Network is unreachable']);
});

for (const [error, text] of [
  ['ENETUNREACH', 'Network is unreachable'],
  ['EHOSTUNREACH', 'No route to host'],
  ['EACCES', 'Permission denied'],
  ['EINVAL', 'Invalid argument'],
] as const) {
  t(`connect without a way out (${error}) is told at the same instant, but not inside the call`, () => {
    const bench = new Bench();
    bench.ip.failure = error;
    const entries: string[] = [];
    bench.layer.connect(
      { remoteAddress: 1, remotePort: 2 },
      { established() {}, received() {}, closed: (_stream, reason) => entries.push(reason) },
    );
    assert.equal(entries, []);
    bench.pass(0);
    assert.equal(entries, [text]);
    assert.equal(bench.layer.sockets(), []);
  });
}

t('the first segments are acknowledged at once, later ones after 40 ms or with the second', () => {
  const bench = new Bench();
  bench.establish();
  const data = (seq: number, length: number) => {
    bench.inject({ flags: '.', seq, ack: 1, length });
    return times(bench, bench.world.now);
  };
  const quick: number[] = [];
  for (let i = 0; i < 17; i++) quick.push(data(1 + i * 1460, 1460).length);
  assert.is(quick.indexOf(0), 16, 'sixteen quick acknowledgements');
  assert.equal(data(1 + 17 * 1460, 1460), [0], 'the second full segment');
  const since = bench.world.now;
  data(1 + 18 * 1460, 1460);
  bench.pass(39 * MS);
  assert.equal(bench.take(), []);
  bench.pass(1 * MS);
  assert.equal(times(bench, since), [40]);
});

t('once the program answers, acknowledgements ride on the answers', () => {
  const bench = new Bench();
  const log = bench.establish();
  bench.inject({ flags: 'P.', seq: 1, ack: 1, length: 10 });
  assert.equal(bench.text(), ['. 1:1 ack 11']);
  log.stream!.write(new Uint8Array(5));
  assert.equal(bench.text(), ['P. 1:6 ack 11']);
  bench.inject({ flags: 'P.', seq: 11, ack: 6, length: 10 });
  assert.equal(bench.text(), []);
  log.stream!.write(new Uint8Array(5));
  assert.equal(bench.text(), ['P. 6:11 ack 21']);
  bench.pass(100 * MS);
  assert.equal(bench.text(), [], 'nothing is left to acknowledge');
});

t('Nagle: one small segment in flight, the rest waits for its acknowledgement', () => {
  const bench = new Bench();
  const { stream } = bench.establish();
  for (let i = 0; i < 3; i++) stream!.write(new Uint8Array(100));
  assert.equal(bench.text(), ['P. 1:101 ack 1']);
  bench.inject({ flags: '.', seq: 1, ack: 101 });
  assert.equal(bench.text(), ['P. 101:301 ack 1'], 'in one segment');
  stream!.write(new Uint8Array(900));
  assert.equal(bench.text(), []);
  stream!.write(new Uint8Array(100));
  assert.equal(bench.text(), ['P. 301:1301 ack 1'], 'a full segment may go');
  stream!.write(new Uint8Array(10));
  stream!.close();
  assert.equal(bench.text(), ['FP. 1301:1311 ack 1'], 'and so may the last');
});

t('TCP_NODELAY sends small segments at once', () => {
  const bench = new Bench();
  const { stream } = bench.establish();
  stream!.setNoDelay();
  for (let i = 0; i < 3; i++) stream!.write(new Uint8Array(100));
  assert.equal(bench.text(), ['P. 1:101 ack 1', 'P. 101:201 ack 1', 'P. 201:301 ack 1']);
});

t('a window of zero is probed, with doubling pauses, as long as the peer answers', () => {
  const bench = new Bench();
  const log = bench.establish({ mss: 1000 }, 2000);
  log.stream!.writeVirtual(0, 5000);
  assert.equal(bench.text(), ['. 1:1001 ack 1', 'P. 1001:2001 ack 1']);
  bench.inject({ flags: '.', seq: 1, ack: 2001, window: 0 });
  const since = bench.world.now;
  const at: number[] = [];
  for (let i = 0; i < 20; i++) {
    bench.world.run(bench.world.now + (i === 0 ? 200 * MS : 0));
    while (bench.out.length === 0) bench.pass(10 * MS);
    const [probe] = bench.take();
    assert.is((probe!.seq - bench.iss) | 0, 2000, 'an octet that was acknowledged');
    assert.is(probe!.length, 0);
    at.push(Math.round((probe!.at - since) / MS));
    bench.inject({ flags: '.', seq: 1, ack: 2001, window: 0 });
  }
  assert.equal(at.slice(0, 5), [209, 626, 1461, 3131, 6471]);
  assert.is(at[19]! - at[18]!, 120_000);
  bench.inject({ flags: '.', seq: 1, ack: 2001, window: 65_535 });
  assert.equal(bench.text(), ['. 2001:3001 ack 1', 'P. 3001:4001 ack 1', 'P. 4001:5001 ack 1']);
  assert.equal(log.entries, ['established']);
});

t('a window of zero that nobody answers ends the connection', () => {
  const bench = new Bench();
  const log = bench.establish({ mss: 1000 }, 1000);
  log.stream!.writeVirtual(0, 5000);
  bench.inject({ flags: '.', seq: 1, ack: 1001, window: 0 });
  bench.world.run();
  assert.equal(log.entries, ['established', 'closed Connection timed out']);
});

t('a window smaller than a segment gets what fits only after the probe timer', () => {
  const bench = new Bench();
  const { stream } = bench.establish({ mss: 1000 }, 2500);
  stream!.writeVirtual(0, 5000);
  assert.equal(bench.text(), ['. 1:1001 ack 1', 'P. 1001:2001 ack 1']);
  bench.inject({ flags: '.', seq: 1, ack: 2001, window: 500 });
  assert.equal(bench.text(), []);
  bench.pass(220 * MS);
  assert.equal(bench.text(), ['P. 2001:2501 ack 1']);
});

t('a program that does not read closes the window, and opens it again', () => {
  const lab = new Lab();
  const { clientLog, serverLog } = lab.open();
  let counted = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
  Object.assign(clientLog, { established: () => lab.world.at(30 * MS, () => send()) });
  const client = lab.a.sockets()[0]!.connection!;
  const send = () => client.writeVirtual(0, 1_000_000);
  lab.world.run(20 * MS);
  serverLog.stream!.pause();
  lab.world.run(3000 * MS);
  const { bytesAcked } = client.info();
  assert.ok(bytesAcked > 50_000 && bytesAcked < 70_000, `${bytesAcked} octets fill the buffer`);
  assert.is(client.info().sendWindow, 0);
  assert.is(counted, 0);
  serverLog.stream!.resume();
  lab.world.run(8000 * MS);
  assert.is(counted, 1_000_000);
});

t('keepalive asks a silent peer every 75 s after two hours, nine times', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.setKeepalive({ idle: 7200 * S, interval: 75 * S, probes: 9 });
  const since = bench.world.now;
  bench.world.run();
  const at = times(bench, since);
  assert.is(at.length, 10, 'nine probes and a RST');
  assert.is(at[0], 7_200_000);
  assert.is(at[1]! - at[0]!, 75_000);
  assert.equal(log.entries, ['established', 'closed Connection timed out']);
});

t('keepalive goes on for as long as the peer answers', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.setKeepalive({ idle: 10 * S, interval: 1 * S, probes: 2 });
  for (let i = 0; i < 10; i++) {
    bench.pass(10 * S);
    assert.equal(bench.text(), ['. 0:0 ack 1']);
    bench.inject({ flags: '.', seq: 1, ack: 1 });
  }
  assert.equal(log.entries, ['established']);
});

t.run();
