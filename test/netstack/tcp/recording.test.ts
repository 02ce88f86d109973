/**
 * Beside recordings of Linux 6.1: a BGP session between two BIRDs, and the first segments of a bulk transfer. The
 * programs are played with the recorded thinking times; every segment has to be the recorded one.
 */
import * as Address from '../../../src/addr/ipv4.ts';
import { type Connection, TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import type * as Tcp from '../../../src/wire/tcp.ts';
import { assert, fixture, suite } from '../../kit.ts';
import { deliver, FakeIp, Lab, MS, type Seen, see, World } from './harness.ts';

const t = suite('netstack/tcp/recording');

/** As tcpdump writes them. */
function optionText(options: Tcp.TcpOptions): string {
  const parts: string[] = [];
  if (options.mss !== undefined) parts.push(`mss_${options.mss}`);
  if (options.sackPermitted) parts.push('sackOK');
  else if (options.timestamps !== undefined) parts.push('nop,nop');
  if (options.timestamps !== undefined) parts.push('TS');
  if (options.windowScale !== undefined) parts.push(`nop,wscale_${options.windowScale}`);
  return parts.join(',');
}

t('a BGP session: windows, options, TOS, TTL, quick and delayed ACKs, and what Nagle holds back', () => {
  const west = Address.from('192.168.10.101');
  const east = Address.from('192.168.10.10');
  const world = new World();
  const ips = [new FakeIp(world, 'k8s-w1', west), new FakeIp(world, 'k8s-m', east)] as const;
  const layers = [new TcpLayer(ips[0]), new TcpLayer(ips[1])] as const;
  const seen: Seen[] = [];
  for (const side of [0, 1] as const) {
    ips[side].wire = (frame, request) => {
      seen.push(see(world, frame, request));
      world.at(world.now + 0.3 * MS, () => deliver(layers[1 - side]!, world.frames, frame));
    };
  }
  /** A program that answers the n-th message with others, after thinking. */
  const program = (first: number[], answers: readonly { think: number; messages: number[] }[]) => {
    let heard = 0;
    const say = (stream: Connection, think: number, messages: number[]) =>
      world.at(world.now + think * MS, () => {
        for (const octets of messages) stream.write(new Uint8Array(octets));
      });
    return {
      established: (stream: unknown) => say(stream as Connection, 8, first),
      received: (stream: unknown) => {
        const answer = answers[heard++];
        if (answer !== undefined) say(stream as Connection, answer.think, answer.messages);
      },
      closed: () => {},
    };
  };
  const [open, keepalive, update, endOfRib] = [63, 19, 53, 23];
  layers[1].listen(
    179,
    () =>
      program(
        [open],
        [
          { think: 2.6, messages: [keepalive] },
          { think: 4.7, messages: [update, endOfRib] },
        ],
      ),
    { tos: 0xc0, synAckTtl: 255 },
  );
  const client = layers[0].connect(
    { localAddress: west, remoteAddress: east, remotePort: 179, tos: 0xc0 },
    program(
      [],
      [
        { think: 3.4, messages: [open] },
        { think: 3.6, messages: [keepalive] },
        { think: 3.4, messages: [update, endOfRib] },
      ],
    ),
  );
  world.run(1000 * MS);
  assert.is(client.localPort % 2, 1, 'a socket bound to an address gets an odd port');

  const isns = new Map(seen.filter(s => s.flags.includes('S')).map(s => [s.source, s.seq]));
  const lines = seen.map(s => {
    const seq = (s.seq - isns.get(s.source)!) >>> 0;
    const other = s.source === west ? east : west;
    const ack = s.flags.includes('.') ? (s.ack - isns.get(other)!) >>> 0 : '-';
    const source = Address.format(s.source);
    return `${source} ${s.flags} ${seq} ${ack} ${s.window} ${s.length} ${s.tos} ${s.ttl} ${optionText(s.options)}`;
  });
  const recorded = fixture('tcp/bgp-session.txt').toString().trim().split('\n').slice(1);
  assert.equal(
    lines,
    recorded.map(line => line.slice(line.indexOf(' ') + 1)),
  );
  const last = seen.at(-1)!.at - seen.at(-2)!.at;
  assert.is(last, 40.3 * MS, 'the delayed ACK waits 40 ms');
});

t('an upload at MTU 1480: sixteen quick ACKs, then the window grows by two segments with each ACK', () => {
  const lab = new Lab();
  lab.ips[0].mtu = 1480;
  lab.ips[1].mtu = 1480;
  const { client, clientLog, serverLog } = lab.open();
  Object.assign(serverLog, { receivedVirtual: () => {} });
  Object.assign(clientLog, { established: () => client.writeVirtual(0, 200_000) });
  lab.world.run(1000 * MS);
  const [syn, synAck, ack] = lab.seen;
  assert.is(syn!.window, 64800);
  assert.is(syn!.options.mss, 1440);
  assert.is(synAck!.window, 64260);
  assert.is(ack!.window, 507);
  assert.is(client.localPort % 2, 0, 'a plain connect gets an even port');
  const acks = lab.seen.filter(s => s.source === lab.ips[1].address && s.flags === '.');
  const steps = acks.map((s, i) => (i === 0 ? s.ack - ack!.seq : s.ack - acks[i - 1]!.ack));
  assert.equal(steps.slice(0, 16), Array(16).fill(1428));
  const growing = acks.findIndex(s => s.window > 520);
  // Until the buffer is full.
  const full = acks.findIndex(s => s.window === Math.max(...acks.map(each => each.window)));
  assert.equal([...new Set(steps.slice(growing + 1, full))], [1428], 'every segment');
  const opened = acks.slice(growing + 1, full).map((s, i) => s.window - acks[growing + i]!.window);
  assert.equal([...new Set(opened)].sort(), [22, 23], '2856 octets, as recorded: 524, 546, 568, 591');
});

t.run();
