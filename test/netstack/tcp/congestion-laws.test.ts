/**
 * The laws that a flow obeys as a whole, measured over many losses: Mathis et al. 1997 and Padhye et al. 1998 (PFTK) for
 * Reno, RFC 9438 §5.1 for CUBIC. Windows grow by segments acknowledged, as Linux counts them, so b = 1 in the formulas.
 * Each test prints what it measured.
 */
import { Random } from '../../../src/sim/random.ts';
import { MILLISECOND, SECOND } from '../../../src/sim/time.ts';
import { assert, measured, suite } from '../../kit.ts';
import { LongPath, MSS } from './long-path.ts';

const t = suite('netstack/tcp/congestion-laws', {}, 120_000);

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

t.run();
