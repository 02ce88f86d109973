/**
 * The laws that a flow obeys as a whole, measured over many losses: Mathis et al. 1997 and Padhye et al. 1998 (PFTK) for
 * Reno, RFC 9438 §5.1 for CUBIC, fair shares, and a long fat path. Windows grow by segments acknowledged, as Linux
 * counts them, so b = 1 in the formulas. Each test prints what it measured.
 */

import type { NamespaceSysctl } from '../../../src/netstack/transport.ts';
import { Random } from '../../../src/sim/random.ts';
import { MILLISECOND, SECOND } from '../../../src/sim/time.ts';
import { assert, measured, suite } from '../../kit.ts';
import { LongPath } from './long-path.ts';

const t = suite('netstack/tcp/congestion-laws', {}, 120_000);

const MSS = 1448;
/** Of a full segment: the packet, FCS and what lies between frames. There is no Ethernet header here. */
const WIRE = 1500 + 24;
const RTT = 0.1;
const RTO = 0.3;
/** A wire that never fills. */
const WIDE = { rateBps: 1e15, delay: 50 * MILLISECOND, queueOctets: 1e12 };

/** Segments in flight on average. */
const mathis = (p: number): number => Math.sqrt(1.5 / p);
const pftk = (p: number): number => {
  const timeouts = RTO * Math.min(1, 3 * Math.sqrt((3 * p) / 8)) * p * (1 + 32 * p * p);
  return RTT / (RTT * Math.sqrt((2 * p) / 3) + timeouts);
};
/** C = 0.4, β = 0.7; where Reno would be faster, as Reno (RFC 9438 §4.3). */
const cubic = (p: number): number => Math.max(1.054 * (RTT / p) ** 0.75, mathis(p));

interface Measured {
  readonly window: number;
  readonly losses: number;
}

/** The average window of one flow while `losses` of its data segments are lost, after the first `warmUp`. */
function measure(path: LongPath, warmUp: number, losses: number): Measured {
  const flow = path.bulk();
  const runTo = (count: number) => {
    while (path.lost < count) path.run(path.now + SECOND);
  };
  runTo(warmUp);
  const before = { lost: path.lost, octets: flow.info().bytesAcked, at: path.now };
  runTo(before.lost + losses);
  const rounds = (path.now - before.at) / SECOND / RTT;
  return {
    window: (flow.info().bytesAcked - before.octets) / MSS / rounds,
    losses: path.lost - before.lost,
  };
}

for (const [p, law, formula] of [
  [1e-2, 'PFTK', pftk],
  [1e-3, 'Mathis', mathis],
  [1e-4, 'Mathis', mathis],
] as const) {
  t(`Reno with ${p} of its data lost at random: the window of ${law}`, () => {
    const random = new Random(7, 'loss');
    const loses = () => random.unit() < p;
    const path = new LongPath({ ...WIDE, sysctl: { tcpCongestionControl: 'reno' }, loses });
    const { window, losses } = measure(path, 20, 1000);
    const ratio = window / formula(p);
    measured(
      `reno p ${p}: ${window.toFixed(1)} segments over ${losses} losses, ${ratio.toFixed(3)} of ${law}`,
    );
    assert.ok(losses >= 1000);
    assert.ok(Math.abs(ratio - 1) < 0.12, `${ratio}`);
  });
}

/**
 * Losses that come like clockwork lock a window of whole segments into one of several orbits, up to a fifth apart: which
 * one depends on where the flow began. So the law is asked of the mean over flows that lost a first segment sooner or
 * later in slow start.
 */
const FIRST_LOSSES = [12, 25, 50, 100, 200, 400];

for (const [p, losses] of [
  [1e-2, 200],
  [1e-3, 60],
  [1e-4, 16],
] as const) {
  t(`CUBIC with one in ${1 / p} data segments lost: the window of RFC 9438`, () => {
    const windows = FIRST_LOSSES.map(first => {
      const loses = (count: number) => count === first || (count > first && (count - first) % (1 / p) === 0);
      const path = new LongPath({ ...WIDE, sysctl: { tcpCongestionControl: 'cubic' }, loses });
      return measure(path, 12, losses).window;
    });
    const mean = windows.reduce((sum, window) => sum + window, 0) / windows.length;
    const ratio = mean / cubic(p);
    measured(
      `cubic p ${p}: ${mean.toFixed(1)} segments (${windows.map(window => window.toFixed(0)).join(' ')}), ` +
        `${ratio.toFixed(3)} of the law`,
    );
    assert.ok(Math.abs(ratio - 1) < 0.15, `${ratio}`);
  });
}

/** Two flows, the second five seconds later, at 50 Mbit/s and 20 ms with a queue of one BDP, where it is marked of two. */
function twoFlows(sysctl: Partial<NamespaceSysctl>, markAbove?: number) {
  const path = new LongPath({
    rateBps: 50e6,
    delay: 10 * MILLISECOND,
    queueOctets: markAbove === undefined ? 125_000 : 250_000,
    sysctl,
    ...(markAbove !== undefined && { markAbove }),
  });
  const first = path.bulk();
  path.run(5 * SECOND);
  const flows = [first, path.bulk()];
  path.run(20 * SECOND);
  const before = flows.map(flow => flow.info().bytesAcked);
  const arrived = path.arrived;
  path.run(80 * SECOND);
  const rates = flows.map((flow, i) => ((flow.info().bytesAcked - before[i]!) * 8) / 60 / 1e6);
  const jain = (rates[0]! + rates[1]!) ** 2 / (2 * (rates[0]! ** 2 + rates[1]! ** 2));
  const used = ((path.arrived - arrived) * WIRE * 8) / 60 / 50e6;
  measured(
    `${JSON.stringify(sysctl)}: ${rates.map(rate => rate.toFixed(2)).join(' and ')} Mbit/s, Jain ` +
      `${jain.toFixed(4)}, ${(used * 100).toFixed(1)} % of the wire, ${path.dropped} dropped, ${path.marked} marked`,
  );
  return { path, flows, jain, used };
}

for (const tcpCongestionControl of ['reno', 'cubic'] as const) {
  t(`${tcpCongestionControl}: two flows share a bottleneck fairly, and fill it`, () => {
    const { path, jain, used } = twoFlows({ tcpCongestionControl });
    assert.ok(jain >= 0.95, `${jain}`);
    assert.ok(used > 0.97 && used <= 1.0001, `${used}`);
    assert.ok(path.dropped > 10);
  });

  t(`${tcpCongestionControl}: with ECN they do so without a loss`, () => {
    const { path, flows, jain, used } = twoFlows({ tcpCongestionControl, tcpEcn: 1 }, 125_000);
    assert.ok(jain >= 0.95, `${jain}`);
    assert.ok(used > 0.97 && used <= 1.0001, `${used}`);
    assert.ok(path.marked > 10);
    // Slow start overshoots before the first mark has come back; after it nothing is lost.
    for (const flow of flows)
      assert.ok(flow.info().retransmits <= path.dropped && flow.info().timeouts === 0);
    const { dropped } = path;
    path.run(100 * SECOND);
    assert.is(path.dropped, dropped);
  });
}

t('CUBIC fills 10 Gbit/s over 50 ms with buffers of 256 MiB', () => {
  const most = 256 * 2 ** 20;
  const path = new LongPath({
    rateBps: 10e9,
    delay: 25 * MILLISECOND,
    queueOctets: 62_500_000,
    sysctl: { tcpRmem: [4096, 131_072, most], tcpWmem: [4096, 16_384, most] },
  });
  const flow = path.bulk();
  const full = (10e9 * MSS) / WIRE;
  const rate = (from: number, seconds: number) => {
    path.run(from * SECOND);
    const before = path.arrived;
    path.run(path.now + seconds * SECOND);
    return ((path.arrived - before) * MSS * 8) / seconds;
  };
  // HyStart ends slow start early; CUBIC fills the path, then its queue, until something is dropped after 1.9 s.
  const [filled, after] = [rate(1.1, 0.8), rate(2.3, 0.5)];
  const { retransmits, timeouts } = flow.info();
  measured(
    `10 Gbit/s, 50 ms: ${(filled / 1e9).toFixed(4)} Gbit/s after 1.1 s, ${(after / 1e9).toFixed(4)} after the ` +
      `first losses, of ${(full / 1e9).toFixed(4)}; ${path.dropped} dropped, ${retransmits} sent again`,
  );
  assert.ok(Math.abs(filled / full - 1) < 0.001, `${filled}`);
  assert.ok(Math.abs(after / full - 1) < 0.001, `${after}`);
  // What arrives is new to the receiver.
  assert.ok(path.dropped > 0 && retransmits <= path.dropped, `${retransmits}`);
  assert.is(timeouts, 0);
});

t.run();
