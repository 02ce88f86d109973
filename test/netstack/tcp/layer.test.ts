/** The layer around the connections: ports, listeners, socket options, `ss`, and what it costs. */
import * as Payload from '../../../src/sim/payload.ts';
import { assert, suite } from '../../kit.ts';
import { A, B, Bench, Lab, Log, MS } from './harness.ts';

const t = suite('netstack/tcp/layer');

t(
  'ephemeral ports: random, in the range, even for a plain connect, odd for a socket bound to an address',
  () => {
    const bench = new Bench();
    const plain = Array.from(
      { length: 20 },
      () => bench.layer.connect({ remoteAddress: B, remotePort: 80 }, new Log()).localPort,
    );
    const bound = Array.from(
      { length: 20 },
      () => bench.layer.connect({ localAddress: A, remoteAddress: B, remotePort: 80 }, new Log()).localPort,
    );
    assert.ok(plain.every(port => port >= 32_768 && port <= 60_999 && port % 2 === 0));
    assert.ok(bound.every(port => port >= 32_768 && port <= 60_999 && port % 2 === 1));
    assert.is(new Set([...plain, ...bound]).size, 40);
  },
);

t('a range that is used up is an error, and the other parity is used before that', () => {
  const bench = new Bench();
  Object.assign(bench.ip.sysctl, { ipLocalPortRange: [40_000, 40_003] });
  const connect = () => bench.layer.connect({ remoteAddress: B, remotePort: 80 }, new Log()).localPort;
  assert.equal([connect(), connect(), connect(), connect()].sort(), [40_000, 40_001, 40_002, 40_003].sort());
  assert.throws(connect, /no free TCP port/);
  assert.ok(bench.layer.connect({ remoteAddress: B, remotePort: 81 }, new Log()).localPort >= 40_000);
});

t('the same seed gives the same ports and sequence numbers, another seed others', () => {
  const first = (seed: number) => {
    const lab = new Lab(seed);
    lab.open();
    lab.world.run(50 * MS);
    return lab.seen.map(({ seq, ack }) => [seq, ack]);
  };
  assert.equal(first(1), first(1));
  assert.not.equal(first(1), first(2));
});

t('a port can be listened on once for each address', () => {
  const { layer } = new Bench();
  const stop = layer.listen(80, () => undefined, { localAddress: A });
  layer.listen(80, () => undefined, { localAddress: B });
  assert.throws(() => layer.listen(80, () => undefined), /in use/);
  stop();
  stop();
  layer.listen(80, () => undefined, { localAddress: A });
});

t('a local port in use with the same peer is refused', () => {
  const { layer } = new Bench();
  const options = { localPort: 1000, remoteAddress: B, remotePort: 80 };
  layer.connect(options, new Log());
  assert.throws(() => layer.connect(options, new Log()), /in use/);
  layer.connect({ ...options, remotePort: 81 }, new Log());
});

t('TOS and TTL are per socket; the SYN-ACK has the TTL of its listener, DF and IP ID 0', () => {
  const bench = new Bench();
  const log = new Log();
  bench.layer.listen(80, () => log, { tos: 0xc0, ttl: 33, synAckTtl: 255 });
  bench.inject({ flags: 'S', seq: 0 });
  const [synAck] = bench.take();
  assert.equal([synAck!.tos, synAck!.ttl, synAck!.pmtu], [0xc0, 255, 'do']);
  bench.iss = synAck!.seq;
  bench.inject({ flags: '.', seq: 1, ack: 1 });
  log.stream!.write(new Uint8Array(1));
  const [data] = bench.take();
  assert.equal([data!.tos, data!.ttl, data!.pmtu], [0xc0, 33, 'want']);
});

t('ss: listeners, then connections, with what waits in them', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.pause();
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 30 });
  log.stream!.writeVirtual(Payload.ZERO, 500);
  bench.layer.connect({ remoteAddress: B, remotePort: 443 }, new Log());
  assert.equal(
    bench.layer
      .sockets()
      .map(({ state, receiveQueue, sendQueue, remotePort }) => [state, receiveQueue, sendQueue, remotePort]),
    [
      ['LISTEN', 0, 4096, 0],
      ['ESTAB', 30, 500, 4000],
      ['SYN-SENT', 0, 1, 443],
    ],
  );
});

t('options of the peer and sysctls decide together what a connection uses', () => {
  const full = {
    mss: 1400,
    sackPermitted: true as const,
    timestamps: { value: 1, echoReply: 0 },
    windowScale: 5,
  };
  for (const [sysctl, absent] of [
    [{ tcpTimestamps: false }, 'timestamps'],
    [{ tcpSack: false }, 'sackPermitted'],
    [{ tcpWindowScaling: false }, 'windowScale'],
  ] as const) {
    const bench = new Bench(sysctl);
    bench.layer.listen(80, () => new Log());
    bench.inject({ flags: 'S', seq: 0, options: full });
    const offered = Object.keys(bench.take()[0]!.options).sort();
    const all = ['mss', 'sackPermitted', 'timestamps', 'windowScale'];
    assert.equal(
      offered,
      all.filter(name => name !== absent),
    );
  }
  const bench = new Bench();
  bench.layer.listen(80, () => new Log());
  bench.inject({ flags: 'S', seq: 0 });
  assert.equal(bench.take()[0]!.options, { mss: 1460 }, 'a bare SYN gets a bare answer');
});

t('a peer without the MSS option is sent 536 octets at a time', () => {
  const bench = new Bench();
  const { stream } = bench.establish({});
  stream!.writeVirtual(Payload.ZERO, 1000);
  assert.equal(
    bench.take().map(seen => seen.length),
    [536, 464],
  );
});

t('a program without a counter gets virtual octets as real ones', () => {
  const lab = new Lab();
  const { client, serverLog } = lab.open();
  lab.world.run(20 * MS);
  client.writeVirtual(Payload.RAMP, 300);
  lab.world.run(100 * MS);
  assert.equal(
    serverLog.octets,
    Array.from({ length: 300 }, (_, i) => i & 255),
  );
});

t('real and virtual octets may alternate in one stream', () => {
  const lab = new Lab();
  const { client, serverLog } = lab.open();
  lab.world.run(20 * MS);
  client.write(Uint8Array.of(9, 9));
  client.writeVirtual(Payload.ZERO, 3);
  client.write(Uint8Array.of(7));
  client.shutdown();
  lab.world.run(500 * MS);
  assert.equal(serverLog.octets, [9, 9, 0, 0, 0, 7]);
});

t('writes after the end are lost without a word', () => {
  const lab = new Lab();
  const { client, serverLog } = lab.open();
  lab.world.run(20 * MS);
  client.close();
  client.close();
  client.write(Uint8Array.of(1));
  lab.world.run(200 * MS);
  serverLog.stream!.write(Uint8Array.of(1));
  client.abort();
  assert.equal(serverLog.octets, []);
  assert.equal(lab.b.sockets().length, 1, 'the listener');
});

t('a program may answer, close or abort from inside what it is told', () => {
  for (const act of ['close', 'abort'] as const) {
    const lab = new Lab();
    const { client, clientLog } = lab.open();
    Object.assign(clientLog, {
      received: () => client[act](),
      established: () => client.write(Uint8Array.of(1)),
    });
    lab.world.at(17 * MS, () => {
      const accepted = lab.b.sockets().find(socket => socket.state === 'ESTAB');
      accepted?.connection?.write(new Uint8Array(5000));
    });
    lab.world.run(100_000 * MS);
    assert.is(lab.a.sockets().length, 0);
    assert.is(lab.world.frames.inUse, 0);
  }
});

t('both sides may open at once, and both may close at once', () => {
  const lab = new Lab();
  const logs = [new Log(), new Log()] as const;
  const west = lab.a.connect({ localPort: 5000, remoteAddress: B, remotePort: 6000 }, logs[0]);
  const east = lab.b.connect({ localPort: 6000, remoteAddress: A, remotePort: 5000 }, logs[1]);
  lab.world.run(100 * MS);
  assert.is(west.state, 'ESTAB');
  assert.is(east.state, 'ESTAB');
  west.write(Uint8Array.of(1));
  lab.world.run(200 * MS);
  assert.equal(logs[1].octets, [1]);
  west.close();
  east.close();
  lab.world.run(300 * MS);
  assert.is(west.state, 'TIME-WAIT');
  assert.is(east.state, 'TIME-WAIT');
  assert.equal(logs[0].entries, ['established', 'finished']);
  lab.world.run();
  assert.equal([...lab.a.sockets(), ...lab.b.sockets()], []);
});

t('sequence numbers wrap', () => {
  const lab = new Lab();
  lab.keepSeen = false;
  lab.delay = 0.02 * MS;
  const { clientLog, serverLog } = lab.open();
  let counted = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
  // Jumbo frames, so that 4.3 GB are not too many segments.
  lab.ips[0].mtu = 65_000;
  lab.ips[1].mtu = 65_000;
  const client = lab.a.connect({ remoteAddress: B, remotePort: 80 }, clientLog);
  Object.assign(clientLog, { established: () => {} });
  lab.world.run(5 * MS);
  client.writeVirtual(Payload.ZERO, 4_400_000_000);
  client.close();
  lab.world.run(120_000 * MS);
  assert.is(counted, 4_400_000_000);
  assert.is(client.info().bytesAcked, 4_400_000_000);
});

t.run();
