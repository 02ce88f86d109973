import { Conntrack, ORIGINAL, REPLY } from '../../src/netstack/conntrack.ts';
import * as TcpTrack from '../../src/netstack/conntrack-tcp.ts';
import { NO_SLOT, type Tuple, TupleTable } from '../../src/netstack/tuple-table.ts';
import { type Frame, FrameStore } from '../../src/sim/frame-store.ts';
import { Random } from '../../src/sim/random.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as Tcp from '../../src/wire/tcp.ts';
import { assert, suite } from '../kit.ts';
import * as Packets from './packets.ts';

const FLOW: Packets.Flow = {
  source: '172.16.158.3',
  destination: '192.168.20.100',
  sourcePort: 40000,
  destinationPort: 53,
};
const BACK = Packets.back(FLOW);

class Bench {
  readonly clock = { now: 0 };
  readonly frames = new FrameStore();
  readonly conntrack = new Conntrack(this.clock, this.frames);

  /** Let a packet pass from PREROUTING to POSTROUTING; returns its state. */
  pass(frame: Frame): string {
    this.conntrack.track(frame, false);
    const state = this.conntrack.stateOf(frame);
    const verdict = this.conntrack.confirm(frame);
    this.frames.free(frame);
    return verdict === '' ? state : verdict;
  }

  tcp(flow: Packets.Flow, flags: number): string {
    const state = this.pass(Packets.tcp(this.frames, flow, flags));
    const connection = this.conntrack.list()[0];
    return connection === undefined ? `${state} -` : `${state} ${TcpTrack.TCP_STATES[connection.tcpState]}`;
  }
}

const t = suite('netstack/conntrack');

t('UDP: new until answered, a stream after two seconds, forgotten after 30 s and 120 s', () => {
  const bench = new Bench();
  const { frames, clock, conntrack } = bench;
  assert.is(bench.pass(Packets.udp(frames, FLOW)), 'NEW');
  assert.is(bench.pass(Packets.udp(frames, FLOW)), 'NEW');
  assert.is(bench.pass(Packets.udp(frames, BACK)), 'ESTABLISHED');
  assert.is(bench.pass(Packets.udp(frames, FLOW)), 'ESTABLISHED');
  const [connection] = conntrack.list();
  assert.equal(connection!.packets, [3, 1]);
  assert.equal(connection!.octets, [3 * 68, 68]);
  assert.is(connection!.timeout, 30 * SECOND);
  assert.not(connection!.assured);
  clock.now = 3 * SECOND;
  bench.pass(Packets.udp(frames, FLOW));
  assert.ok(connection!.assured);
  assert.is(connection!.timeout, 123 * SECOND);
  clock.now = 123 * SECOND;
  assert.is(conntrack.list().length, 0);
  assert.is(
    bench.pass(Packets.udp(frames, BACK)),
    'NEW',
    'the answer comes too late and begins a connection',
  );
});

t('ICMP: queries begin a connection, answers belong to it, an answer alone is invalid', () => {
  const bench = new Bench();
  const { frames } = bench;
  assert.is(bench.pass(Packets.echo(frames, BACK, 0, 7)), 'INVALID');
  assert.is(bench.pass(Packets.echo(frames, FLOW, 8, 7)), 'NEW');
  assert.is(bench.pass(Packets.echo(frames, BACK, 0, 8)), 'INVALID', 'another identifier');
  assert.is(bench.pass(Packets.echo(frames, BACK, 0, 7)), 'ESTABLISHED');
  assert.is(bench.pass(Packets.echo(frames, FLOW, 8, 7, 2)), 'ESTABLISHED');
  bench.clock.now = 30 * SECOND;
  assert.is(bench.pass(Packets.echo(frames, BACK, 0, 7)), 'INVALID');
});

t('an ICMP error is related to the packet that it quotes, if it goes to the sender of that', () => {
  const bench = new Bench();
  const { frames, conntrack } = bench;
  const query = Packets.udp(frames, FLOW);
  const unknown = Packets.error(frames, '192.168.10.254', query, 11, 0);
  assert.is(bench.pass(unknown), 'INVALID');
  conntrack.track(query, false);
  conntrack.confirm(query);
  const related = Packets.error(frames, '192.168.10.254', query, 3, 1);
  conntrack.track(related, false);
  assert.is(conntrack.stateOf(related), 'RELATED');
  assert.is(conntrack.directionOf(related), REPLY);
  assert.is(conntrack.connectionOf(related), conntrack.list()[0]);
  const stray = Packets.error(frames, '192.168.10.254', query, 3, 1);
  frames.view(stray).setUint32(frames.start[stray]! + 16, 0x0a000001);
  conntrack.track(stray, false);
  assert.is(conntrack.stateOf(stray), 'INVALID', 'sent to somebody else');
});

t('TCP: handshake, data, close from both sides', () => {
  const bench = new Bench();
  const { SYN, ACK, FIN } = Tcp;
  const steps: [Packets.Flow, number, string, number][] = [
    [FLOW, SYN, 'NEW SYN_SENT', 120],
    [FLOW, SYN, 'NEW SYN_SENT', 120],
    [BACK, SYN | ACK, 'ESTABLISHED SYN_RECV', 60],
    [FLOW, ACK, 'ESTABLISHED ESTABLISHED', 432_000],
    [BACK, ACK, 'ESTABLISHED ESTABLISHED', 432_000],
    [FLOW, FIN | ACK, 'ESTABLISHED FIN_WAIT', 120],
    [BACK, ACK, 'ESTABLISHED CLOSE_WAIT', 60],
    [BACK, FIN | ACK, 'ESTABLISHED LAST_ACK', 30],
    [FLOW, ACK, 'ESTABLISHED TIME_WAIT', 120],
  ];
  for (const [i, [flow, flags, expected, timeout]] of steps.entries()) {
    assert.is(bench.tcp(flow, flags), expected, `step ${i}`);
    assert.is(bench.conntrack.list()[0]!.timeout, timeout * SECOND, `timeout of step ${i}`);
  }
  assert.ok(bench.conntrack.list()[0]!.assured);
  assert.is(bench.tcp(FLOW, SYN), 'NEW SYN_SENT', 'the same ports once more');
  assert.is(bench.conntrack.list().length, 1);
});

t('TCP: a refused connection leaves nothing, a RST in the middle closes in 10 s', () => {
  const bench = new Bench();
  const { SYN, ACK, RST } = Tcp;
  bench.tcp(FLOW, SYN);
  assert.is(bench.tcp(BACK, RST | ACK), 'ESTABLISHED -');
  bench.tcp(FLOW, SYN);
  bench.tcp(BACK, SYN | ACK);
  bench.tcp(FLOW, ACK);
  assert.is(bench.tcp(BACK, RST), 'ESTABLISHED CLOSE');
  assert.is(bench.conntrack.list()[0]!.timeout, 10 * SECOND);
});

t('TCP: picked up in the middle, and what cannot begin a connection', () => {
  const bench = new Bench();
  const { SYN, ACK, RST, FIN } = Tcp;
  for (const flags of [SYN | ACK, RST, FIN, 0]) assert.is(bench.tcp(FLOW, flags), 'INVALID -');
  assert.is(bench.tcp(FLOW, ACK), 'NEW ESTABLISHED');
  assert.is(bench.conntrack.list()[0]!.timeout, 300 * SECOND, 'not five days before anybody answered');
  assert.is(bench.tcp(FLOW, SYN | ACK), 'INVALID ESTABLISHED');
});

t('only what was confirmed is remembered, and fragments and NOTRACK are not tracked', () => {
  const bench = new Bench();
  const { frames, conntrack } = bench;
  const dropped = Packets.udp(frames, FLOW);
  conntrack.track(dropped, false);
  assert.is(conntrack.list().length, 0);
  assert.is(bench.pass(Packets.udp(frames, BACK)), 'NEW');
  const fragment = Packets.udp(frames, FLOW);
  frames.view(fragment).setUint16(frames.start[fragment]! + 6, 0x2000);
  assert.is(bench.pass(fragment), 'UNTRACKED');
  const raw = Packets.udp(frames, FLOW);
  conntrack.notrack(raw);
  assert.is(bench.pass(raw), 'UNTRACKED');
  const cut = Packets.udp(frames, FLOW);
  frames.end[cut] = frames.start[cut]! + 24;
  assert.is(bench.pass(cut), 'INVALID');
});

t('a packet that the host sends meanwhile does not disturb the one that is being forwarded', () => {
  const { frames, conntrack } = new Bench();
  const forwarded = Packets.udp(frames, FLOW);
  const redirect = Packets.echo(frames, { source: '192.168.10.101', destination: '172.16.158.3' }, 8, 1);
  conntrack.track(forwarded, false);
  conntrack.track(redirect, true);
  conntrack.confirm(redirect);
  assert.is(conntrack.confirm(forwarded), '');
  assert.equal(
    conntrack.list().map(one => one.protocol),
    [1, 17],
  );
  // The same slot, sent by the host now: the old note is void.
  conntrack.track(forwarded, true);
  assert.is(conntrack.directionOf(forwarded), ORIGINAL);
});

t('expired connections do not pile up', () => {
  const bench = new Bench();
  for (let i = 0; i < 3_000; i++) {
    bench.clock.now = i * SECOND;
    bench.pass(Packets.udp(bench.frames, { ...FLOW, sourcePort: 1024 + i }));
  }
  const ids = bench.conntrack.list().map(one => one.id);
  assert.is(ids.length, 30);
  assert.ok(Math.max(...ids) < 100, `numbers up to ${Math.max(...ids)} were used for 30 live connections`);
});

t('a packet that need not be tracked counts as if it were', () => {
  const flags = [Tcp.SYN, Tcp.SYN | Tcp.ACK, Tcp.ACK, Tcp.ACK, Tcp.ACK, Tcp.FIN | Tcp.ACK, Tcp.RST, 0];
  const random = new Random(7, 'packets');
  const [careful, quick] = [new Bench(), new Bench()];
  let spared = 0;
  for (let step = 0; step < 20_000; step++) {
    const later = random.below(400) === 0 ? 130 * SECOND : random.below(2) * SECOND;
    const flow = { ...(random.below(2) === 0 ? FLOW : BACK) };
    const kind = flags[random.below(2 * flags.length)];
    const states = [careful, quick].map(bench => {
      const { frames, conntrack } = bench;
      bench.clock.now += later;
      const frame =
        kind === undefined ? Packets.udp(frames, flow, step % 9) : Packets.tcp(frames, flow, kind);
      const [view, at] = [frames.view(frame), frames.start[frame]!];
      const slot = bench === quick ? conntrack.slotOf(view, at, frames.end[frame]!) : NO_SLOT;
      if (slot !== NO_SLOT && conntrack.proceed(slot, view, at)) {
        frames.free(frame);
        spared++;
      } else bench.pass(frame);
      return structuredClone(conntrack.list());
    });
    assert.equal(states[1], states[0]);
  }
  assert.ok(spared > 5000, `${spared}`);
});

t('the tuple table finds what a map finds', () => {
  const random = new Random(11, 'tuples');
  const table = new TupleTable();
  const known = new Map<string, { slot: number; tuple: Tuple; protocol: number }>();
  for (let step = 0; step < 20_000; step++) {
    const tuple = {
      source: 2 ** 32 - 1 - random.below(8),
      destination: random.below(8),
      ports: random.below(16),
    };
    const protocol = 6 + 11 * random.below(2);
    const key = [tuple.source, tuple.destination, tuple.ports, protocol].join();
    const held = known.get(key);
    assert.is(table.findTuple(tuple, protocol), held?.slot ?? NO_SLOT);
    if (held === undefined) {
      const slot = step;
      table.insert(slot, tuple, protocol);
      known.set(key, { slot, tuple, protocol });
    } else {
      table.remove(held.slot);
      known.delete(key);
    }
  }
});

t.run();
