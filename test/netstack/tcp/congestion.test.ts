/** How the congestion window grows and shrinks: Reno, CUBIC, slow start, and what limits us. */
import type { CongestionControl, CongestionState } from '../../../src/netstack/tcp/congestion/control.ts';
import { Cubic, cubeRoot } from '../../../src/netstack/tcp/congestion/cubic.ts';
import { Reno } from '../../../src/netstack/tcp/congestion/reno.ts';
import { assert, suite } from '../../kit.ts';
import { Bench, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/congestion');

const state = (cwnd: number, ssthresh = Number.POSITIVE_INFINITY): CongestionState => ({
  cwnd,
  ssthresh,
  cwndCount: 0,
});

/** Round trips of `rtt` in which the whole window is acknowledged, two segments at a time. Returns the last time. */
function rounds(
  algorithm: CongestionControl,
  at: CongestionState,
  from: number,
  rtt: number,
  until: number,
): number {
  let now = from;
  for (; now + rtt <= until; now += rtt) {
    for (let acked = at.cwnd; acked > 0; acked -= 2) algorithm.acknowledged(at, Math.min(2, acked), now);
  }
  return now;
}

t('the cube root is exact', () => {
  for (const root of [0, 1, 2, 3, 10, 4317, 131_071, 200_000]) {
    assert.is(cubeRoot(root ** 3), root);
    if (root > 1) assert.is(cubeRoot(root ** 3 - 1), root - 1);
  }
});

t(
  'CUBIC: β = 0.7; W_max is reached again after K = cube root of 30 / 0.4 = 4.2 s, and passed after it',
  () => {
    const cubic = new Cubic();
    const at = state(100);
    assert.is(cubic.ssthresh(at), 70);
    at.cwnd = 70;
    at.ssthresh = 70;
    cubic.roundTrip(at, 100 * MS, 1, 100, 0);
    let now = rounds(cubic, at, 1000 * MS, 100 * MS, 3000 * MS);
    assert.ok(at.cwnd > 92 && at.cwnd < 98, `concave: ${at.cwnd} after 2 s`);
    now = rounds(cubic, at, now, 100 * MS, 5200 * MS);
    assert.ok(at.cwnd >= 98 && at.cwnd <= 101, `flat: ${at.cwnd} at K`);
    rounds(cubic, at, now, 100 * MS, 9400 * MS);
    assert.ok(at.cwnd >= 122 && at.cwnd <= 131, `convex: ${at.cwnd} at 2K`);
  },
);

t('CUBIC: fast convergence gives way when a window did not come back', () => {
  const cubic = new Cubic();
  const at = state(100);
  cubic.ssthresh(at);
  at.cwnd = 90;
  assert.is(cubic.ssthresh(at), 63);
  at.cwnd = 63;
  at.ssthresh = 63;
  rounds(cubic, at, 0, 400 * MS, 3600 * MS);
  assert.ok(at.cwnd >= 74 && at.cwnd <= 78, `it aims at (1 + β) / 2 of 90 = 76, not at 90: ${at.cwnd}`);
});

t('CUBIC: at short round trips it grows as Reno would', () => {
  const cubic = new Cubic();
  const at = state(100);
  cubic.ssthresh(at);
  at.cwnd = 70;
  at.ssthresh = 70;
  rounds(cubic, at, 0, 1 * MS, 100 * MS);
  assert.ok(at.cwnd >= 110, `0.53 a round trip: ${at.cwnd}`);
});

t('CUBIC: before any loss, one more for twenty', () => {
  const cubic = new Cubic();
  const at = state(20, 20);
  for (let i = 0; i < 19; i++) cubic.acknowledged(at, 1, 1000 * MS);
  assert.is(at.cwnd, 20);
  cubic.acknowledged(at, 2, 1000 * MS);
  assert.is(at.cwnd, 21);
});

t('CUBIC: after an idle time the curve goes on where it was', () => {
  const grown = [0, 3000 * MS].map(idle => {
    const cubic = new Cubic();
    const at = state(100);
    cubic.ssthresh(at);
    at.cwnd = 70;
    at.ssthresh = 70;
    const now = rounds(cubic, at, 0, 100 * MS, 1000 * MS);
    cubic.restarted(idle, now + idle);
    rounds(cubic, at, now + idle, 100 * MS, 2000 * MS + idle);
    return at.cwnd;
  });
  assert.is(grown[0], grown[1]);
});

for (const [what, later, leaves] of [
  ['a round trip that grows by half', 15, true],
  ['one that grows by a tenth', 11, false],
  ['one that falls', 5, false],
] as const) {
  t(`HyStart: ${what} ${leaves ? 'ends' : 'does not end'} slow start`, () => {
    const cubic = new Cubic();
    const at = state(40);
    // The acknowledgements of a round come in one instant: only the delay can tell.
    for (let i = 0; i < 20; i++) cubic.roundTrip(at, 10 * MS, 1, 40, 10 * MS);
    for (let i = 0; i < 7; i++) cubic.roundTrip(at, later * MS, 41, 80, 20 * MS);
    assert.is(at.ssthresh, Number.POSITIVE_INFINITY);
    for (let i = 0; i < 7; i++) cubic.roundTrip(at, later * MS, 42, 80, 20 * MS);
    assert.is(at.ssthresh, leaves ? 40 : Number.POSITIVE_INFINITY);
  });
}

t('HyStart: a train of acknowledgements longer than half the round trip ends slow start', () => {
  const cubic = new Cubic();
  const at = state(40);
  for (let i = 0; i <= 50; i++) cubic.roundTrip(at, 10 * MS, 1, 40, i * 0.1 * MS);
  assert.is(at.ssthresh, Number.POSITIVE_INFINITY, '5 ms: just half');
  cubic.roundTrip(at, 10 * MS, 1, 40, 5.1 * MS);
  assert.is(at.ssthresh, 40);
});

t('Reno: doubles below the threshold, one a round trip above it, halves', () => {
  const reno = new Reno();
  const at = state(10, 15);
  reno.acknowledged(at, 10, 0);
  assert.is(at.cwnd, 15);
  assert.is(at.cwndCount, 5, 'what is left over counts above the threshold');
  reno.acknowledged(at, 10, 0);
  assert.is(at.cwnd, 16);
  assert.is(reno.ssthresh(at), 8);
  assert.is(reno.ssthresh(state(3)), 2);
});

for (const per of [1, 2, 4, 10] as const) {
  t(`slow start counts what is acknowledged, not acknowledgements: one for ${per}`, () => {
    const bench = new Bench();
    const { stream } = bench.establish();
    stream!.writeVirtual(0, 100_000);
    assert.is(bench.take().length, 10, 'RFC 6928');
    bench.pass(10 * MS);
    for (let acked = per; acked <= 10; acked += per)
      bench.inject({ flags: '.', seq: 1, ack: 1 + acked * 1000 });
    const whole = Math.floor(10 / per) * per;
    assert.is(stream!.info().cwnd, 10 + whole);
    assert.is(bench.take().length, 2 * whole);
  });
}

t('a window that is not used does not grow beyond twice what was out', () => {
  const bench = new Bench();
  const { stream } = bench.establish();
  stream!.writeVirtual(0, 9000);
  bench.pass(10 * MS);
  for (let acked = 1; acked <= 9; acked++) bench.inject({ flags: '.', seq: 1, ack: 1 + acked * 1000 });
  assert.is(stream!.info().cwnd, 18);
});

t('a window that has not been used for long is cut to ten, half for each RTO', () => {
  const bench = new Bench();
  const { stream } = bench.establish();
  stream!.writeVirtual(0, 70_000);
  for (let acked = 10; acked <= 70; acked += 10) {
    bench.pass(10 * MS);
    bench.inject({ flags: '.', seq: 1, ack: 1 + acked * 1000 });
  }
  const { cwnd, rto } = stream!.info();
  assert.ok(cwnd >= 40, `${cwnd}`);
  bench.pass(rto + 1 * MS);
  stream!.writeVirtual(0, 1000);
  assert.is(stream!.info().cwnd, cwnd >> 1);
  bench.pass(10 * MS);
  bench.inject({ flags: '.', seq: 1, ack: 71_001 });
  bench.pass(100 * rto);
  stream!.writeVirtual(0, 1000);
  assert.is(stream!.info().cwnd, 10);
});

for (const algorithm of ['reno', 'cubic'] as const) {
  t(`${algorithm} fills a link of 50 Mbit/s with a queue of one BDP: goodput is what headers leave`, () => {
    const lab = new Lab();
    lab.keepSeen = false;
    lab.rate = 50e6;
    lab.delay = 2 * MS;
    lab.queue = 20;
    lab.ips[0].sysctl.tcpCongestionControl = algorithm;
    const { clientLog, serverLog } = lab.open();
    let counted = 0;
    Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
    Object.assign(clientLog, { established: (stream: { sendForever(): void }) => stream.sendForever() });
    lab.world.run(1000 * MS);
    const before = counted;
    lab.world.run(3000 * MS);
    const goodput = ((counted - before) * 8) / 2;
    // 1448 of 1538 octets on the wire; what a hole held back before may come on top, a window of 40 segments at most.
    const carried = (50e6 * 1448) / 1538;
    assert.ok(goodput <= carried + (40 * 1448 * 8) / 2, `${goodput} is more than the wire carries`);
    assert.ok(goodput > 0.9 * carried, `${goodput}`);
  });
}

t.run();
