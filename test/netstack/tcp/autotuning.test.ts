/**
 * Buffers: how the receiver's window grows with what its program reads, up to half of tcp_rmem's last number (the other
 * half is for Linux's own overhead), and how tcp_wmem bounds what is in flight. Over 40 ms, so that windows are rates.
 */
import type { NamespaceSysctl } from '../../../src/netstack/transport.ts';
import { MILLISECOND, SECOND } from '../../../src/sim/time.ts';
import { assert, suite } from '../../kit.ts';
import { Lab, MS } from './harness.ts';
import { LongPath } from './long-path.ts';

const t = suite('netstack/tcp/autotuning');

const MIB = 2 ** 20;
const RTT = 40 * MILLISECOND;

const pathOf = (sysctl: Partial<NamespaceSysctl>): LongPath =>
  new LongPath({ rateBps: 40e9, delay: RTT / 2, queueOctets: 1e9, sysctl });

/** Octets that arrive in a round trip once everything has settled, and the largest window the receiver offered. */
function settled(sysctl: Partial<NamespaceSysctl>) {
  const path = pathOf(sysctl);
  const flow = path.bulk();
  path.run(2 * SECOND);
  const before = path.arrived;
  path.run(path.now + SECOND);
  const { mss, sendWindow, retransmits } = flow.info();
  assert.is(retransmits, 0);
  return { perRound: ((path.arrived - before) * mss * RTT) / SECOND, window: sendWindow, mss };
}

for (const [what, rmem, window] of [
  ['the defaults', [4096, 131_072, 6_291_456], 3 * MIB],
  ['twice the defaults', [4096, 131_072, 12_582_912], 6 * MIB],
  ['a small largest buffer', [4096, 131_072, 1_048_576], MIB / 2],
  ['a buffer that may not grow', [4096, 131_072, 131_072], 65_536],
] as const) {
  t(`tcp_rmem with ${what}: the window ends at ${window} octets, the rate at a window a round trip`, () => {
    const found = settled({ tcpRmem: rmem, tcpWmem: [4096, 16_384, 64 * MIB] });
    assert.ok(found.window <= window && found.window > 0.97 * window, `${found.window}`);
    // The sender fills the window with whole segments.
    assert.ok(
      found.perRound <= window && found.perRound > 0.96 * window - 2 * found.mss,
      `${found.perRound}`,
    );
  });
}

for (const most of [MIB, 4 * MIB] as const) {
  t(`tcp_wmem bounds what is in flight: ${most} octets a round trip`, () => {
    const found = settled({ tcpRmem: [4096, 131_072, 64 * MIB], tcpWmem: [4096, 16_384, most] });
    assert.ok(found.perRound <= most && found.perRound > 0.99 * most, `${found.perRound}`);
    assert.ok(found.window > most, 'the window would take more');
  });
}

t('the window stays ahead of slow start: the sender is never held up by it', () => {
  const path = pathOf({ tcpWmem: [4096, 16_384, 64 * MIB], tcpCongestionControl: 'reno' });
  const flow = path.bulk();
  // The handshake takes one round trip; each one after it doubles the window.
  for (let round = 1, before = 5; before * 2 * 1448 < 2 * MIB; round++) {
    path.run(round * RTT + RTT / 2);
    const info = flow.info();
    // The last segment of a round may wait for the timer of its ACK.
    const { cwnd } = info;
    assert.ok(cwnd <= 2 * before && cwnd >= 2 * before - 1, `${cwnd} after ${round} round trips`);
    before = cwnd;
    assert.is(info.inFlight, info.cwnd, `the window of ${info.sendWindow} has room`);
  }
});

for (const [what, rmem, window, scale] of [
  ['the defaults', [4096, 131_072, 6_291_456], 64_240, 7],
  ['a larger first buffer', [4096, 1_048_576, 6_291_456], 65_535, 7],
  ['a smaller first buffer', [4096, 32_768, 6_291_456], 16_060, 7],
  ['a larger last buffer', [4096, 131_072, 268_435_456], 64_240, 13],
  ['a last buffer that needs no shift', [4096, 65_536, 65_535], 32_120, 0],
] as const) {
  t(`a SYN with ${what} offers ${window} octets and a shift of ${scale}`, () => {
    const lab = new Lab();
    Object.assign(lab.ips[0].sysctl, { tcpRmem: rmem });
    lab.open();
    lab.world.run(1 * MS);
    const [syn] = lab.seen;
    assert.equal([syn!.window, syn!.options.windowScale], [window, scale]);
  });
}

t('a program that does not read gets no larger buffer', () => {
  const lab = new Lab();
  const { client, serverLog } = lab.open();
  Object.assign(serverLog, { receivedVirtual: () => {} });
  lab.world.run(20 * MS);
  serverLog.stream!.pause();
  client.writeVirtual(0, 10_000_000);
  lab.world.run(2_000 * MS);
  const [tcb] = lab.b.blocks();
  // One segment is reserved (`tcp_init_buffer_space`).
  assert.is(tcb!.window.clamp, 65_536 - 1448);
  // An offer that must not shrink is rounded up to its unit of 128 octets with each ACK (`tcp_select_window`).
  assert.ok(tcb!.receiveQueue.unread <= 65_536 + 16 * 128, `${tcb!.receiveQueue.unread}`);
  assert.is(client.info().sendWindow, 0);
  // A tail loss probe, as Linux sends it: the last ACK waits 40 ms, the probe two round trips, 20 ms.
  assert.equal([client.info().retransmits, client.info().timeouts], [1, 0]);
});

t('a program that reads half as fast as its peer sends gets what it reads', () => {
  const lab = new Lab();
  lab.keepSeen = false;
  const { client, serverLog } = lab.open();
  let counted = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
  lab.world.run(20 * MS);
  client.writeVirtual(0, Number.POSITIVE_INFINITY);
  // Ten milliseconds of reading, forty of not.
  for (let i = 0; i < 40; i++) {
    lab.world.run(lab.world.now + 10 * MS);
    serverLog.stream!.pause();
    lab.world.run(lab.world.now + 40 * MS);
    serverLog.stream!.resume();
  }
  const [tcb] = lab.b.blocks();
  assert.ok(counted > 40 * 65_536, `${counted}`);
  assert.ok(tcb!.receiveQueue.unread <= tcb!.window.clamp, 'no more than was offered');
  assert.is(client.info().timeouts, 0);
});

t.run();
