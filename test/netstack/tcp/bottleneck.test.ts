/** A bottleneck, shared and filled: by losses, by marks, and over a long fat path. Each test prints what it measured. */
import type { NamespaceSysctl } from '../../../src/netstack/transport.ts';
import { MILLISECOND, SECOND } from '../../../src/sim/time.ts';
import { assert, measured, suite } from '../../kit.ts';
import { LongPath, MSS } from './long-path.ts';

const t = suite('netstack/tcp/bottleneck', {}, 120_000);

/** Of a full segment: the packet, FCS and what lies between frames. There is no Ethernet header here. */
const WIRE = 1500 + 24;

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
