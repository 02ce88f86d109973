/**
 * The self-test of the physics: with processors that cost nothing, TCP between pods carries what the headers leave, and
 * UDP fills the wire to the datagram, in every mode, at every rate; nothing ever exceeds it.
 */
import type { Cell } from '../../src/bench/cell.ts';
import type { Mode } from '../../src/bench/modes.ts';
import { encapsulationOf } from '../../src/bench/modes.ts';
import { datagramOctets, datagramsPerSecond, tcpFraction } from '../../src/bench/wire-limit.ts';
import { assert, suite } from '../kit.ts';
import { CELL, measured, smallLab } from './cells.ts';

const t = suite('bench-modes/limits', undefined, 30_000);

/** Underlay MTU, mode (within a subnet), pod MTU, payload, octets on the wire: throughput-physics §1.2. */
const ROWS: readonly (readonly [mtu: number, mode: Mode, podMtu: number, payload: number, wire: number])[] = [
  [1500, 'direct', 1500, 1448, 1538],
  [1500, 'ipip', 1480, 1428, 1538],
  [1500, 'vxlan', 1450, 1398, 1538],
  [1500, 'ipip-crosssubnet', 1480, 1428, 1518],
  [1500, 'vxlan-crosssubnet', 1450, 1398, 1488],
  [1500, 'ipip', 1440, 1388, 1498],
  [9000, 'direct', 9000, 8948, 9038],
  [9000, 'ipip', 8980, 8928, 9038],
  [9000, 'vxlan', 8950, 8898, 9038],
  [9000, 'vxlan-crosssubnet', 8950, 8898, 8988],
];
const RATES = [1e9, 10e9, 25e9, 40e9, 100e9];

for (const [mtu, mode, podMtu, payload, wire] of ROWS) {
  t(`the arithmetic of ${mode} at ${mtu}, pods ${podMtu}`, () => {
    assert.is(tcpFraction(podMtu, encapsulationOf(mode, true)), payload / wire);
  });
  for (const rate of RATES)
    t(`TCP fills the wire: ${mode} at ${mtu}, pods ${podMtu}, ${rate / 1e9} Gbit/s`, async () => {
      const cell: Cell = { ...CELL, mode, mtu, rate };
      const scenario = podMtu === 1440 ? smallLab('10us', '4MB', 'small.yaml, mtu-1440.yaml') : smallLab();
      const { tcp, podMtu: seen } = await measured(cell, ['tcp'], { scenario });
      assert.is(seen, podMtu);
      assert.is(tcp!.mss, payload);
      const share = tcp!.goodputBps / ((rate * payload) / wire);
      // One segment may begin before the interval and end in it.
      assert.ok(share > 0.999 && share < 1 + 1 / 4000, `${share} of what the wire carries`);
    });
}

/** Payload, and datagrams a second at 10 Gbit/s: throughput-physics §1.3. */
const UDP: readonly (readonly [payload: number, mode: Mode, wire: number, perSecond: number])[] = [
  [64, 'direct', 130, 9_615_385],
  [64, 'ipip', 150, 8_333_333],
  [64, 'vxlan', 180, 6_944_444],
  [512, 'direct', 578, 2_162_630],
  [512, 'ipip', 598, 2_090_301],
  [512, 'vxlan', 628, 1_990_446],
  [1400, 'direct', 1466, 852_660],
  [1400, 'ipip', 1486, 841_184],
  [1400, 'vxlan', 1516, 824_538],
];

for (const [payload, mode, wire, perSecond] of UDP)
  t(`the arithmetic of ${payload} octets of UDP, ${mode}`, () => {
    const encapsulation = encapsulationOf(mode, true);
    assert.is(datagramOctets(payload, encapsulation), wire);
    assert.is(Math.round(datagramsPerSecond(10e9, payload, encapsulation)), perSecond);
  });

for (const mode of ['direct', 'ipip', 'vxlan'] as const)
  for (const rate of RATES)
    t(`UDP fills the wire to the datagram: ${mode}, ${rate / 1e9} Gbit/s`, async () => {
      const { udp } = await measured({ ...CELL, mode, rate }, ['udp']);
      for (const { payload, datagramsPerSecond: got, lost } of udp!) {
        const fits = datagramsPerSecond(rate, payload, encapsulationOf(mode, true)) / 1000;
        assert.ok(Math.abs(got / 1000 - fits) <= 1, `${payload}: ${got / 1000} of ${fits} in a millisecond`);
        assert.ok(lost > 0, 'more was offered than fits');
      }
    });

t.run();
