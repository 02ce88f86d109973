/** The emulated hosts do what their model's equations say: the seam at the NIC and at the veth adds nothing of its own. */
import type { Cell, Measured } from '../../src/bench/cell.ts';
import { limitOf } from '../../src/bench/verdict.ts';
import { price } from '../../src/cost/host-model.ts';
import { daocloud } from '../../src/cost/models/daocloud.ts';
import { hostModel } from '../../src/cost/models.ts';
import { assert, suite } from '../kit.ts';
import { CELL, measured } from './cells.ts';

const t = suite('bench-modes/host-models', undefined, 30_000);

const LONG = { warmUp: 20e6, tcp: 20e6, udp: 5e6, transactions: 50 };

function near(value: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(value / expected - 1) <= tolerance, `${value}, expected ${expected}`);
}

for (const [name, mode, rate, mtu, gbps] of [
  ['infrabuilder-2024-40g', 'vxlan-crosssubnet', 40e9, 9000, 19.14],
  ['infrabuilder-2024-40g', 'vxlan', 40e9, 9000, 17.07],
  ['infrabuilder-2020-k54-no-tunnel-offload', 'ipip', 10e9, 1500, 5.694],
  ['infrabuilder-2020-k415', 'ipip', 10e9, 1500, 9.285],
] as const)
  t(`${name}: TCP, ${mode} at ${rate / 1e9} Gbit/s is ${gbps} Gbit/s`, async () => {
    const cell: Cell = { ...CELL, mode, rate, mtu, hostModel: name };
    const told = await measured(cell, ['tcp'], { durations: LONG });
    near(told.tcp!.goodputBps / 1e9, gbps, 0.002);
    assert.is(limitOf(cell, hostModel(name)!, told), name.endsWith('415') ? 'wire' : 'CPU');
    assert.ok(told.tcp!.cpu!.sender.busiest <= 1.001 && told.tcp!.cpu!.receiver.busiest <= 1.001);
  });

t('UDP: a datagram costs what the equation says, and its sender waits for its own core', async () => {
  for (const mode of ['direct', 'ipip', 'vxlan'] as const) {
    const name = 'infrabuilder-2020-k415';
    const { udp } = await measured({ ...CELL, mode, hostModel: name }, ['udp'], { durations: LONG });
    const stages = hostModel(name)!.udp!.send[mode === 'direct' ? 'none' : mode];
    for (const { payload, datagramsPerSecond, lost } of udp!) {
      near(datagramsPerSecond, 1e9 / price(stages, payload), 0.002);
      assert.ok(lost < 0.002, `${lost} lost`);
    }
  }
});

t('latency: four passages of a host in a round trip, in every mode', async () => {
  const trip = async (mode: Cell['mode'], name: string): Promise<Measured> =>
    measured({ ...CELL, mode, hostModel: name }, ['transactions'], { durations: LONG });
  for (const [mode, encapsulation] of [
    ['direct', 'none'],
    ['ipip', 'ipip'],
    ['vxlan', 'vxlan'],
  ] as const) {
    const plain = await trip(mode, 'ideal');
    const slow = await trip(mode, 'daocloud');
    assert.is(slow.rr!.p50 - plain.rr!.p50, 4 * daocloud.latency![encapsulation]);
  }
});

t('flows that share cores share their time, and each core is slower while others work', async () => {
  const cell: Cell = { ...CELL, rate: 100e9, mtu: 9000, hostModel: 'infrabuilder-2024-40g' };
  const one = await measured(cell, ['tcp'], { durations: LONG });
  const four = await measured({ ...cell, streams: 4 }, ['tcp'], { durations: LONG });
  const busy = Math.round(four.tcp!.cpu!.sender.total);
  assert.ok(busy >= 2 && busy <= 4, `${busy} cores for four flows`);
  near(four.tcp!.goodputBps, (busy * one.tcp!.goodputBps) / 1.25, 0.01);
});

t.run();
