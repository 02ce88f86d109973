/** The programs that measure, started by the journal in pods, nodes and routers of a lab. */
import type { Party } from '../../src/controller/probes.ts';
import { Lab } from '../../src/lab.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import type { BulkSinkResult, BulkSourceResult } from '../../src/traffic/bulk.ts';
import { summary, type TransactionResult } from '../../src/traffic/transactions.ts';
import { assert, suite } from '../kit.ts';
import { smallLab } from './cells.ts';

const t = suite('bench-modes/programs', undefined, 30_000);
const lab = await Lab.of(smallLab(), { workers: 0 });
await lab.converge();

/** Mbit/s from each to the other while all run at once. */
async function bulk(pairs: readonly (readonly [string, string])[], streams: number): Promise<number[]> {
  const from = lab.now + 10 * MILLISECOND;
  const interval = { from, until: from + 5 * MILLISECOND };
  const started = [];
  for (const [index, [a, b]] of pairs.entries()) {
    const [source, sink]: Party[] = [await lab.party(a), await lab.party(b)];
    const port = 6000 + index;
    const { controller } = lab;
    const taker = await controller.start(sink!.machine, sink!.namespace, {
      program: 'bulk-sink',
      port,
      ...interval,
    });
    const giver = await controller.start(source!.machine, source!.namespace, {
      program: 'bulk-source',
      destination: sink!.address,
      port,
      streams,
      step: 0,
      ...interval,
    });
    started.push({ taker, giver });
  }
  await lab.controller.finish(started.flatMap(({ taker, giver }) => [taker, giver]));
  return started.map(({ taker, giver }) => {
    const { octets } = taker.exit!.result as BulkSinkResult;
    assert.is(octets.length, streams);
    assert.is((giver.exit!.result as BulkSourceResult).error, '');
    return (octets.reduce((sum, one) => sum + one, 0) * 8) / 5000;
  });
}

t('bulk TCP in both directions at once, both near the rate of the wire', async () => {
  // Acknowledgements of the other direction take up to 110 of 2 · 1538 octets: 3.6 %.
  for (const mbps of await bulk(
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    2,
  ))
    assert.ok(mbps > 8900 && mbps < 9285, `${mbps}`);
});

t('from nodes and to routers', async () => {
  const [nodes] = await bulk([['n1', 'n2']], 1);
  const [router] = await bulk([['n1', 'r']], 1);
  for (const mbps of [nodes!, router!]) assert.ok(mbps > 9410 && mbps < 9418, `${mbps}`);
});

t('nobody there: the source says what TCP says', async () => {
  const a = await lab.party('a');
  const { address } = await lab.party('b');
  const giver = await lab.controller.start(a.machine, a.namespace, {
    program: 'bulk-source',
    destination: address,
    port: 9,
    streams: 1,
    step: 0,
    from: lab.now + MILLISECOND,
    until: lab.now + 2 * MILLISECOND,
  });
  await lab.controller.finish([giver]);
  assert.is(giver.exit!.code, 1);
  assert.is((giver.exit!.result as BulkSourceResult).error, 'Connection refused');
});

t('a connection for each request costs two round trips, one that stays open one', async () => {
  const [a, b] = [await lab.party('a'), await lab.party('b')];
  const octets = { requestOctets: 100, responseOctets: 100 };
  const means: number[] = [];
  for (const connects of [false, true]) {
    const port = connects ? 7001 : 7000;
    const { controller } = lab;
    const server = await controller.start(b.machine, b.namespace, {
      program: 'transaction-server',
      port,
      ...octets,
    });
    const client = await controller.start(a.machine, a.namespace, {
      program: 'transaction-client',
      destination: b.address,
      port,
      ...octets,
      transactions: 50,
      connects,
    });
    await controller.finish([client]);
    const result = client.exit!.result as TransactionResult;
    assert.equal([result.transactions, result.error], [50, '']);
    means.push(result.mean);
    await controller.interrupt(server);
    await controller.finish([server]);
    assert.equal(server.exit!.result, { answered: 51 });
  }
  assert.ok(Math.abs(means[1]! / means[0]! - 2) < 0.05, `${means}`);
});

t('percentiles by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(summary(hundred), {
    transactions: 100,
    mean: 50.5,
    min: 1,
    p50: 50,
    p90: 90,
    p99: 99,
    max: 100,
  });
  assert.is(summary([]).mean, 0);
});

t('iperf3 in two pods', async () => {
  const [a, b] = [await lab.party('a'), await lab.party('b')];
  let text = '';
  const server = await lab.controller.start(b.machine, b.namespace, {
    program: 'iperf3',
    args: ['-s', '-1'],
  });
  const args = ['-c', '10.244.0.1', '-n', '1M'];
  args[1] = (await lab.exec('kubectl get pod b -o wide')).stdout.match(/10\.244\.\d+\.\d+/)![0];
  const client = await lab.controller.start(
    a.machine,
    a.namespace,
    { program: 'iperf3', args },
    { output: line => (text += line) },
  );
  await lab.controller.finish([server, client]);
  assert.equal([server.exit!.code, client.exit!.code], [0, 0]);
  assert.match(text, /1\.00 MBytes .* receiver\n\niperf Done\.\n$/);
});

t('sysctls of a pod: larger windows, another congestion control; what cannot be set is refused', async () => {
  const { machine, namespace } = await lab.party('a');
  const set = (name: string, value: string): Promise<boolean> =>
    lab.controller.ask(machine, { do: 'sysctl', namespace, name, value });
  assert.is(await set('net.ipv4.tcp_rmem', '4096 131072 33554432'), true);
  assert.is(await set('net.ipv4.tcp_congestion_control', 'reno'), true);
  assert.is(await set('net.ipv4.tcp_congestion_control', 'vegas'), false);
  assert.is(await set('net.ipv4.tcp_wmem', '1 2'), false);
  assert.is(await set('kernel.hostname', 'x'), false);
  assert.ok(lab.now < 60 * SECOND);
});

t.after(() => lab.close());
t.run();
