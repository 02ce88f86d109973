/** Captures, traces and dropped frames of a machine: what is seen, from when on, and that seeing changes nothing. */
import type { Observed } from '../../src/controller/controller.ts';
import { Lab, type LabOptions } from '../../src/lab.ts';
import { SECOND } from '../../src/sim/time.ts';
import type { DropRecord, PacketRecord } from '../../src/trace/record.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('node/observer');

const DIRECT = fromRoot('scenarios/modes/direct.yaml');
const VXLAN = fromRoot('scenarios/modes/vxlan-always.yaml');

/** The lab converges, then k8s-w0 loses its cable for 100 s: keepalives of BGP die there, every 80 s. */
async function cut(
  workers: number,
  prepare: (lab: Lab) => void,
  options: LabOptions = {},
): Promise<{ fingerprint: string; dropped: Readonly<Record<string, number>> }> {
  const lab = await Lab.load(DIRECT, { workers, ...options });
  prepare(lab);
  await lab.run({ until: '6s' });
  await lab.controller.setCarrier(lab.controller.plan.nic('k8s-w0', 'eth0')!, false);
  await lab.run({ for: '100s' });
  const fingerprint = await lab.fingerprint();
  const { dropped } = await lab.counters();
  await lab.close();
  return { fingerprint, dropped };
}

const drops: Observed<DropRecord>[] = [];
let watched: Awaited<ReturnType<typeof cut>>;
t.before(async () => {
  watched = await cut(0, lab => lab.on('drop', observed => drops.push(observed)));
});

t('tells of every frame that dies while somebody listens, at switches too', () => {
  const byReason: Record<string, number> = {};
  for (const { record } of drops) byReason[record.reason] = (byReason[record.reason] ?? 0) + 1;
  assert.equal(byReason, watched.dropped, 'as many as are counted');
  assert.ok(drops.every(({ record }) => record.tag === 0));
  const places = drops.map(({ machine, record }) => `${machine} ${record.device} ${record.reason}`);
  assert.ok(places.includes('k8s-w0 eth0 LINK_DOWN'));
  assert.ok(places.includes('subnet-b k8s-rtr/eth2 NOT_FOR_ME'));
});

t('tells the same with workers', async () => {
  const threaded: Observed<DropRecord>[] = [];
  const { fingerprint } = await cut(2, lab => lab.on('drop', observed => threaded.push(observed)));
  assert.equal(threaded, drops);
  assert.is(fingerprint, watched.fingerprint);
});

t('tells nothing when nobody listens, and nothing else is different', async () => {
  let records = 0;
  const { fingerprint } = await cut(0, lab => {
    lab.on('record', ({ record }) => {
      if (record.type === 'drop') records++;
    });
  });
  assert.is(records, 0);
  assert.is(fingerprint, watched.fingerprint);
});

t('writes the reason on the last sight of a packet that a dead link did not take', async () => {
  const packets: Observed<PacketRecord>[] = [];
  await cut(0, lab => lab.on('packet', observed => packets.push(observed)), { capture: true });
  const dead = packets.filter(({ record }) => record.dropped !== undefined);
  const places = dead.map(
    ({ machine, record }) => `${machine} ${record.device} ${record.direction} ${record.dropped}`,
  );
  assert.equal([...new Set(places)].sort(), [
    'k8s-w0 eth0 transmit LINK_DOWN',
    // The other side's: the switch has forgotten where k8s-w0 was, and floods, also to its port without a link.
    'subnet-b k8s-rtr/eth2 receive NOT_FOR_ME',
    'subnet-b k8s-w0/eth0 transmit LINK_DOWN',
  ]);
});

t('sees devices that are made after a capture began: of any name, or of one', async () => {
  const lab = await Lab.load(VXLAN, { workers: 0 });
  const seen = new Map<number, Set<string>>();
  lab.on('packet', ({ record }) => {
    const names = seen.get(record.capture) ?? new Set();
    seen.set(record.capture, names.add(`${record.namespace}/${record.device}`));
  });
  const { controller } = lab;
  const everything = await controller.startCapture('k8s-w1', '*', 'any', 64);
  const host = await controller.startCapture('k8s-w1', '', 'any', 64);
  const tunnel = await controller.startCapture('k8s-w1', '', 'vxlan.calico', 64);
  await lab.converge();
  await lab.ping('pod1', 'pod3');
  assert.ok(seen.get(everything)?.has('default/pod1/eth0'));
  assert.ok(seen.get(host)?.has('/vxlan.calico'));
  assert.not(seen.get(host)?.has('default/pod1/eth0'));
  assert.equal([...seen.get(tunnel)!], ['/vxlan.calico']);
  await controller.stopCapture('k8s-w1', everything);
  seen.clear();
  await lab.ping('pod1', 'pod3');
  assert.equal([...seen.keys()].sort(), [host, tunnel]);
  await lab.close();
});

t('cuts packets at the snap length, and says how long they were', async () => {
  const lab = await Lab.load(DIRECT, { workers: 0 });
  await lab.converge();
  const packets: PacketRecord[] = [];
  lab.on('packet', ({ record }) => packets.push(record));
  await lab.controller.startCapture('k8s-w1', '', 'eth0', 34);
  await lab.ping('pod1', 'pod2', { size: 1000 });
  assert.equal(
    packets.map(({ octets, length }) => [octets.length, length]),
    [
      [34, 1042],
      [34, 1042],
    ],
  );
  await lab.close();
});

t('reports routes while somebody listens, and nothing else is different', async () => {
  const run = async (listens: boolean) => {
    const lab = await Lab.load(DIRECT, { workers: 0 });
    const routes: string[] = [];
    lab.controller.on('record', ({ machine, record }) => {
      if (record.type === 'route') routes.push(`${machine} ${record.action} ${record.text}`);
    });
    if (listens) lab.on('route', () => {});
    await lab.converge();
    const fingerprint = await lab.fingerprint();
    await lab.close();
    return { routes, fingerprint };
  };
  const [heard, unheard] = [await run(true), await run(false)];
  assert.ok(heard.routes.includes('k8s-w1 added 172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird'));
  assert.equal(unheard.routes, []);
  assert.is(unheard.fingerprint, heard.fingerprint);
});

t('traces from a command on: what is there already is no news', async () => {
  const lab = await Lab.load(DIRECT, { workers: 0 });
  const lines: string[] = [];
  lab.on('record', ({ record }) => {
    if (record.type === 'trace') lines.push(`${record.class}: ${record.text}`);
  });
  await lab.converge();
  await lab.controller.ask('k8s-w1', { do: 'trace', classes: ['interfaces'] });
  await lab.run({ for: 5 * SECOND });
  assert.equal(lines, []);
  await lab.controller.setCarrier(lab.controller.plan.nic('k8s-w1', 'eth0')!, false);
  await lab.controller.ask('k8s-w1', { do: 'device-up', namespace: '', device: 'eth0', up: false });
  await lab.controller.ask('k8s-w1', { do: 'trace', classes: [] });
  await lab.controller.ask('k8s-w1', { do: 'device-up', namespace: '', device: 'eth0', up: true });
  assert.equal(lines, [
    'interfaces: interface eth0 lost its carrier',
    'interfaces: interface eth0 goes down',
  ]);
  await lab.close();
});

t.run();
