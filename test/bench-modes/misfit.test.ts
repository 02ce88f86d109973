/**
 * An MTU that does not fit shows itself in four ways: a path MTU that is learnt, a black hole, outer fragments, and UDP
 * that is cut before it is wrapped (throughput-physics §1.5).
 */

import { measureIn } from '../../src/bench/measure.ts';
import { variantOf } from '../../src/bench/variant.ts';
import { limitOf } from '../../src/bench/verdict.ts';
import { ideal } from '../../src/cost/models/ideal.ts';
import { Lab } from '../../src/lab.ts';
import type { DeviceView } from '../../src/node/command.ts';
import { SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { CELL, durationsAt, measured, smallLab } from './cells.ts';

const t = suite('bench-modes/misfit', undefined, 30_000);
const TASK = { scenario: smallLab(), parts: ['tcp'], seed: 1, workers: 0 } as const;

/** The small lab in Direct, so that pods get MTU 1500. */
async function directLab(): Promise<Lab> {
  const lab = await Lab.of(variantOf(smallLab(), CELL), { workers: 0 });
  assert.ok((await lab.converge()).converged);
  return lab;
}

t('pods made before a change of mode keep a larger MTU: ICMP teaches them the path', async () => {
  const lab = await directLab();
  await lab.exec(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"Always"}}'`);
  await lab.run({ for: 5 * SECOND });
  await lab.converge();
  const cell = { ...CELL, mode: 'ipip' } as const;
  const told = await measureIn(lab.cluster, { ...TASK, cell, durations: durationsAt(10e9, 1500) });
  const { tcp } = told;
  assert.is(told.podMtu, 1500);
  assert.equal([tcp!.pathMtu, tcp!.mss, told.encapsulation], [1480, 1428, 'ipip']);
  assert.ok((await lab.counters()).dropped.MTU_EXCEEDED_DF! > 0, 'one flight was lost');
  assert.is(limitOf(cell, ideal, told), 'wire');
  await lab.close();
});

t('the host end of the veth is too small, and nobody says so: a black hole for full segments', async () => {
  const lab = await directLab();
  const devices = await lab.devices('n1');
  const cali = devices.find(({ name }: DeviceView) => name.startsWith('cali'))!.name;
  await lab.controller.ask('n1', { do: 'device-mtu', namespace: '', device: cali, mtu: 1400 });
  const durations = { ...durationsAt(10e9, 1500), warmUp: SECOND, tcp: 2 * SECOND };
  const told = await measureIn(lab.cluster, {
    ...TASK,
    cell: CELL,
    durations,
    parts: ['tcp', 'transactions'],
  });
  assert.is(told.dead, null);
  assert.is(told.rr!.transactions, durations.transactions, 'small packets pass');
  assert.is(told.tcp!.goodputBps, 0);
  assert.ok(told.tcp!.timeouts > 0 && told.tcp!.drops.FRAME_TOO_LONG! > 0);
  // The timer has doubled since the first: 0.2 s, 0.4 s, 0.8 s, 1.6 s.
  assert.ok(told.tcp!.timeouts <= 2, `${told.tcp!.timeouts} timeouts in two seconds`);
  assert.is(limitOf(CELL, ideal, told), 'MTU');
  await lab.close();
});

t('a tunnel device with the MTU of the underlay: every full packet becomes two', async () => {
  const cell = { ...CELL, mode: 'vxlan' } as const;
  const scenario = smallLab('10us', '4MB', 'small.yaml, vxlan-1500.yaml');
  const told = await measured(cell, ['tcp'], { scenario });
  assert.is(told.podMtu, 1500);
  // 1550 octets go as 1500 and 70: 1538 and 108 on the wire.
  const share = told.tcp!.goodputBps / ((10e9 * 1448) / 1646);
  assert.ok(share > 0.999 && share < 1.0003, `${share}`);
  assert.is(limitOf(cell, ideal, told), 'MTU');
});

t('the same with IPIP, which copies DF: the sender hears of it, and nothing is cut', async () => {
  const cell = { ...CELL, mode: 'ipip' } as const;
  const scenario = smallLab('10us', '4MB', 'small.yaml, ipip-1500.yaml');
  const told = await measured(cell, ['tcp'], { scenario });
  assert.is(told.podMtu, 1500);
  assert.equal([told.tcp!.pathMtu, told.tcp!.fragments], [1480, 0]);
  assert.is(limitOf(cell, ideal, told), 'wire');
});

t('datagrams larger than the MTU of the pod are cut first, and each piece is wrapped', async () => {
  const cell = { ...CELL, mode: 'vxlan' } as const;
  const { udp } = await measured(cell, ['udp'], { payloads: [3000] });
  // 3008 octets behind IPv4 are cut into 1424, 1424 and 160.
  const wire = 2 * (20 + 1424 + 50 + 38) + (20 + 160 + 50 + 38);
  const fits = 10e9 / 8 / wire / 1000;
  const got = udp![0]!.datagramsPerSecond / 1000;
  assert.ok(got <= fits + 1, `${got} of ${fits} in a millisecond`);
  // A full queue now and then takes a piece of a datagram, and with it the other pieces.
  assert.ok(got > 0.5 * fits, `${got} of ${fits} in a millisecond`);
});

t.run();
