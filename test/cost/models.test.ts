/**
 * Each host model against the published rows that it covers (throughput-physics §4): every residual is printed, and
 * per equation the root mean square is no worse than what the fit claims (§3). Residual = model / measured - 1.
 */
import { price, type Stage } from '../../src/cost/host-model.ts';
import { daocloud } from '../../src/cost/models/daocloud.ts';
import { infrabuilder2020k54, infrabuilder2020k415 } from '../../src/cost/models/infrabuilder-2020.ts';
import {
  bare,
  forwarding,
  infrabuilder2024,
  policy,
  vxlan,
} from '../../src/cost/models/infrabuilder-2024.ts';
import { udp } from '../../src/cost/models/udp.ts';
import { assert, suite } from '../kit.ts';

const t = suite('cost/models');

interface Row {
  readonly name: string;
  readonly model: number;
  readonly measured: number;
}

/** Print the residuals; returns their root mean square. */
function residuals(title: string, rows: readonly Row[]): number {
  let squares = 0;
  const lines = rows.map(({ name, model, measured }) => {
    const residual = model / measured - 1;
    squares += residual * residual;
    const numbers = `model ${model.toPrecision(4).padStart(8)}  measured ${measured.toPrecision(4).padStart(8)}`;
    return `  ${name.padEnd(44)} ${numbers}  ${(100 * residual).toFixed(1).padStart(6)} %`;
  });
  const rms = Math.sqrt(squares / rows.length);
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n  rms ${(100 * rms).toFixed(1)} %\n`);
  return rms;
}

t('U2: µs of a datagram, 2020', () => {
  const { none, ipip, vxlan: wrapped } = udp.send;
  const direct = none.filter(({ name }) => name !== 'policy');
  const rows = (
    [
      ['kube-router direct, 4.15, 1448', direct, 1448, 4.02],
      ['Calico 3.16 IPIP, 4.15, 1388', ipip, 1388, 5.82],
      ['Calico 3.15 IPIP, 4.15, 1388', ipip, 1388, 5.87],
      ['Calico 3.16 IPIP, 5.4, 1388', ipip, 1388, 5.87],
      ['Calico eBPF IPIP, 5.4, 1388', ipip, 1388, 5.86],
      ['Canal VXLAN, 4.15, 1398', wrapped, 1398, 6.08],
      ['Calico IPIP, 5.4 (20.04), 8888', ipip, 8888, 9.0],
      ['Calico IPIP, 5.4 (hwe), 8888', ipip, 8888, 9.09],
      ['Calico eBPF IPIP, 5.4, 8888', ipip, 8888, 8.9],
    ] as const
  ).map(([name, stages, size, measured]) => ({ name, model: price(stages, size) / 1000, measured }));
  assert.ok(residuals('UDP, µs a datagram', rows) <= 0.049);
});

/** Gbit/s of one stream whose work is `stages` on one core. */
const oneCore = (stages: readonly Stage[], payload: number, share = 1): number =>
  (8 * payload) / (share * price(stages, payload));

t('T: one stream at 40 Gbit/s, 2024', () => {
  const direct = [bare, forwarding];
  const rows = [
    { name: 'bare metal', model: oneCore([bare], 8948), measured: 31.37 },
    { name: 'kube-router direct', model: oneCore(direct, 8948), measured: 22.7 },
    { name: 'kube-router "all features" direct', model: oneCore(direct, 8948), measured: 22.32 },
    { name: 'Antrea noEncap direct', model: oneCore(direct, 8948), measured: 20.59 },
    { name: 'Flannel VXLAN', model: oneCore([...direct, vxlan], 8898), measured: 20.0 },
    { name: 'Calico Direct', model: oneCore([...direct, policy], 8898), measured: 19.74 },
    { name: 'Canal VXLAN', model: oneCore([...direct, policy, vxlan], 8898), measured: 16.42 },
  ];
  assert.ok(residuals('TCP with tunnel offload, Gbit/s', rows) <= 0.0375);
  for (const { model, measured } of rows) assert.ok(Math.abs(model / measured - 1) <= 0.1);
});

t('what Calico pays is what the model charges', () => {
  const work = infrabuilder2024.tcp!;
  assert.equal(work.send.none, [bare, forwarding, policy]);
  assert.equal(work.send.vxlan, [bare, forwarding, policy, vxlan]);
  assert.is(work.coreShare, 1);
});

t('L: round trips of DaoCloud', () => {
  const { latency } = daocloud;
  const rows = [
    { name: 'Calico Direct', model: 113.27 + (4 * latency!.none) / 1000, measured: 195.61 },
    { name: 'Calico IPIP', model: 113.27 + (4 * latency!.ipip) / 1000, measured: 248.72 },
    { name: 'Calico VXLAN', model: 113.27 + (4 * latency!.vxlan) / 1000, measured: 275.22 },
  ];
  assert.ok(residuals('TCP_RR, µs', rows) <= 0.0001, 'three numbers for three unknowns');
});

/** Payload, Mbit/s, CPU of client and server and what both use when idle, % of 8 processors. */
type Table = readonly (readonly [string, number, number, number, number, number, number])[];

const HARDWARE: Table = [
  ['Calico 3.15 IPIP', 1388, 8787, 6.9, 4.9, 2.0, 1.3],
  ['Calico 3.16 IPIP', 1388, 8876, 7.0, 4.7, 1.6, 1.2],
  ['Calico 3.16 IPIP, MTU tuned', 8888, 9834, 5.8, 5.4, 1.4, 1.1],
  ['Canal VXLAN', 1398, 8530, 6.9, 4.8, 1.5, 1.9],
  ['Canal VXLAN, MTU tuned', 8888, 9817, 5.2, 5.3, 1.6, 0.9],
  ['Flannel VXLAN', 8898, 9690, 5.2, 5.1, 0.7, 0.6],
  ['kube-router direct', 1448, 8051, 7.8, 4.2, 0.9, 1.5],
];
const SOFTWARE: Table = [
  ['Calico 3.16 IPIP', 1388, 5596, 22.1, 14.2, 1.5, 1.3],
  ['Calico 3.16 IPIP, MTU tuned', 8888, 9588, 17.8, 11.5, 1.7, 1.6],
  ['Calico 3.16 IPIP, MTU tuned, hwe', 8888, 9597, 18.2, 11.9, 1.5, 1.4],
  ['Calico 3.16 eBPF, IPIP', 1388, 5759, 21.0, 14.9, 1.7, 1.6],
  ['Calico 3.16 eBPF, IPIP, MTU tuned', 8888, 9618, 17.5, 12.2, 2.0, 1.5],
];

/** Cores at work, by the model and as measured with the idle machine's taken off. */
function cores(table: Table, side: 'send' | 'receive', stages: readonly Stage[]): Row[] {
  return table.map(([name, payload, mbps, client, server, idleClient, idleServer]) => {
    const packets = (mbps * 1e6) / 8 / payload;
    const used = side === 'send' ? client - idleClient : server - idleServer;
    return { name, model: (packets * price(stages, payload)) / 1e9, measured: (used / 100) * 8 };
  });
}

t('C: processors, tunnels segmented by the card', () => {
  const { send, receive } = infrabuilder2020k415.tcp!;
  // The fit's 12.6 % is over fourteen rows; of the seven whose CPU is published no straight line makes less than 13.6 %.
  const rows = cores(HARDWARE, 'send', send.ipip);
  assert.ok(residuals('sender, cores, 4.15', rows) <= 0.147);
  const worst = rows.filter(({ model, measured }) => Math.abs(model / measured - 1) > 0.11);
  assert.equal(
    worst.map(({ name }) => name),
    ['Canal VXLAN, MTU tuned', 'kube-router direct'],
    'the two that the fit itself calls its worst',
  );
  assert.ok(residuals('receiver, cores, 4.15', cores(HARDWARE, 'receive', receive.ipip)) <= 0.116);
});

t('C: processors, tunnels segmented in software', () => {
  const { send, receive } = infrabuilder2020k54.tcp!;
  assert.ok(residuals('sender, cores, 5.4', cores(SOFTWARE, 'send', send.ipip)) <= 0.05);
  assert.ok(residuals('receiver, cores, 5.4', cores(SOFTWARE, 'receive', receive.ipip)) <= 0.05);
});

t('S: throughput where one core is full, and where the wire is', () => {
  const { send, coreShare } = infrabuilder2020k54.tcp!;
  const small = oneCore(send.ipip, 1388, coreShare) * 1000;
  const rows = [
    { name: 'Calico 3.16 IPIP', model: small, measured: 5596 },
    { name: 'Calico 3.16 IPIP, via service', model: small, measured: 5639 },
    { name: 'Calico 3.16 eBPF, IPIP', model: small, measured: 5759 },
    { name: 'Calico 3.16 eBPF, IPIP, via service', model: small, measured: 5729 },
  ];
  assert.ok(residuals('IPIP without offload, MTU 1440, Mbit/s', rows) <= 0.02);
  for (const { model, measured } of rows) assert.ok(Math.abs(model / measured - 1) <= 0.029);
  const wire = (10_000 * 8888) / 8998;
  const jumbo = Math.min(wire, oneCore(send.ipip, 8888, coreShare) * 1000);
  assert.is(jumbo, wire, 'the wire is full first');
  const large = SOFTWARE.filter(([, payload]) => payload === 8888).map(([name, , measured]) => ({
    name,
    model: jumbo,
    measured,
  }));
  assert.ok(residuals('IPIP without offload, MTU 8940, Mbit/s', large) <= 0.031);
});

t('the wire alone predicts the rows of 4.15, kube-router aside', () => {
  const overhead = (name: string): number => (name.includes('IPIP') ? 20 : name.includes('VXLAN') ? 50 : 0);
  const rows = HARDWARE.map(([name, payload, measured]) => ({
    name,
    model: (10_000 * payload) / (payload + 52 + overhead(name) + 38),
    measured,
  }));
  residuals('line rate, Mbit/s', rows);
  for (const { name, model, measured } of rows) {
    const residual = model / measured - 1;
    assert.ok(residual > 0 && residual < (name.startsWith('kube-router') ? 0.18 : 0.067), name);
  }
});

t.run();
