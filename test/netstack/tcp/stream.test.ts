/** The law of TCP: whatever the wire does, the byte stream arrives whole, in order, once, and both ends finish. */
import fc from 'fast-check';
import { LOST, RETRANSMITTED, SACKED } from '../../../src/netstack/tcp/retransmit-queue.ts';
import type { Tcb } from '../../../src/netstack/tcp/tcb.ts';
import type { TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import * as Payload from '../../../src/sim/payload.ts';
import { Random } from '../../../src/sim/random.ts';
import { assert, suite } from '../../kit.ts';
import { type Fate, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/stream');

const side = fc.record({
  tcpSack: fc.boolean(),
  tcpTimestamps: fc.boolean(),
  tcpWindowScaling: fc.boolean(),
  tcpCongestionControl: fc.constantFrom('reno' as const, 'cubic' as const),
  tcpEcn: fc.constantFrom(0 as const, 1 as const, 2 as const),
  // Windows of less than a segment, usual ones, and those that need a shift from the start.
  tcpRmem: fc.constantFrom<[number, number, number]>(
    [4096, 131_072, 6_291_456],
    [2048, 2048, 2048],
    [4096, 20_000, 40_000],
    [4096, 1_000_000, 16_000_000],
  ),
});

const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  loss: fc.constantFrom(0, 0.05, 0.2, 0.3),
  doubled: fc.constantFrom(0, 0.1),
  late: fc.constantFrom(0, 0.1, 0.5),
  marked: fc.constantFrom(0, 0.1, 1),
  sizes: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 8 }),
  sides: fc.tuple(side, side),
  /** When the receiver pauses for a while, ms; and when the sender's path becomes narrower. */
  pause: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
  narrow: fc.option(
    fc.record({ at: fc.integer({ min: 1, max: 400 }), mtu: fc.integer({ min: 552, max: 1499 }) }),
    {
      nil: undefined,
    },
  ),
});

type Run = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** A lab as `run` says, its wire bad for the first 150 frames of either direction, so that all runs end. */
function labOf(run: Run): Lab {
  const lab = new Lab(run.seed);
  lab.keepSeen = false;
  lab.ips.forEach((ip, i) => {
    Object.assign(ip.sysctl, run.sides[i]);
  });
  const random = new Random(run.seed, 'wire');
  lab.fate = (_direction, index): Fate => {
    for (const layer of [lab.a, lab.b]) check(layer);
    const draw = random.unit();
    const extra = random.unit() < run.late ? random.below(30) * MS : 0;
    const ce = random.unit() < run.marked;
    if (index > 150) return { copies: 1 };
    if (draw < run.loss) return { copies: 0 };
    return { copies: draw < run.loss + run.doubled ? 2 : 1, extra, ce };
  };
  const { narrow } = run;
  if (narrow !== undefined)
    lab.world.at(narrow.at * MS, () => {
      for (const ip of lab.ips) ip.mtu = narrow.mtu;
    });
  return lab;
}

/** What holds of every connection whenever a segment leaves. */
function check(layer: TcpLayer): void {
  for (const tcb of layer.blocks()) {
    const { snd, inFlight, cong, receiveQueue, window, rcv } = tcb;
    assert.ok(snd.una <= snd.nxt && snd.nxt <= tcb.sendEnd, 'SND.UNA <= SND.NXT <= what is to be sent');
    assert.ok(cong.cwnd >= 1 && cong.ssthresh >= 2, `cwnd ${cong.cwnd}, ssthresh ${cong.ssthresh}`);
    assert.ok(inFlight.inFlight >= 0, 'the pipe is not negative');
    checkScoreboard(tcb);
    assert.ok(receiveQueue.early >= 0 && receiveQueue.unread >= 0);
    assert.ok(window.offeredAt <= rcv.nxt && window.offered >= 0, 'the offer was made before');
    assert.ok(!tcb.ecn.ok || tcb.ip.sysctl.tcpEcn > 0, 'ECN is agreed only where it is on');
  }
}

/** The segments in flight follow each other from SND.UNA to SND.NXT, and the counters count their marks. */
function checkScoreboard({ inFlight, snd, sackEnabled }: Tcb): void {
  const counts = { sacked: 0, lost: 0, retransmitted: 0 };
  let next = inFlight.packets > 0 ? inFlight.start(inFlight.head) : snd.nxt;
  assert.ok(next <= snd.una, 'the oldest is not acknowledged');
  for (let position = inFlight.head; position < inFlight.tail; position++) {
    assert.is(inFlight.start(position), next);
    next = inFlight.end(position);
    const marks = inFlight.marks(position);
    if ((marks & SACKED) !== 0) counts.sacked++;
    if ((marks & LOST) !== 0) counts.lost++;
    if ((marks & RETRANSMITTED) !== 0) counts.retransmitted++;
    assert.not.equal(marks & (SACKED | LOST), SACKED | LOST);
  }
  // The last may be on its way out just now.
  assert.ok(next <= snd.nxt);
  assert.is(inFlight.lost, counts.lost);
  assert.is(inFlight.retransmitted, counts.retransmitted);
  if (sackEnabled) assert.is(inFlight.sacked, counts.sacked);
}

t('real octets arrive whole, in order, once, and both ends finish', () => {
  fc.assert(
    fc.property(cases, run => {
      const lab = labOf(run);
      const { client, clientLog, serverLog } = lab.open();
      const { pause } = run;
      if (pause !== undefined) {
        lab.world.at(pause * MS, () => serverLog.stream?.pause());
        lab.world.at((pause + 3000) * MS, () => serverLog.stream?.resume());
      }
      const sent: number[] = [];
      for (const size of run.sizes) {
        const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 255);
        sent.push(...bytes);
        client.write(bytes);
      }
      client.shutdown();
      lab.world.run();
      assert.is(serverLog.octets.length, sent.length);
      assert.equal(Uint8Array.from(serverLog.octets), Uint8Array.from(sent));
      assert.equal(serverLog.entries.slice(-2), ['closed', 'finished']);
      assert.equal([...clientLog.entries].sort(), ['closed', 'established', 'finished']);
      assert.equal(lab.a.sockets().length, 0);
      assert.is(lab.world.frames.inUse, 0);
    }),
    { numRuns: 60, seed: 7 },
  );
});

t('virtual octets are counted once, in both directions at a time', () => {
  fc.assert(
    fc.property(cases, run => {
      const lab = labOf(run);
      const { client, clientLog, serverLog } = lab.open();
      const counts = [0, 0];
      for (const [i, log] of [clientLog, serverLog].entries()) {
        Object.assign(log, {
          receivedVirtual: (_stream: unknown, length: number) => (counts[i]! += length),
          ended: () => {},
          established: (stream: typeof client) => {
            log.stream = stream;
            stream.writeVirtual(Payload.RAMP, 100_000 + i);
            stream.shutdown();
          },
        });
      }
      lab.world.run();
      assert.equal(counts, [100_001, 100_000]);
      assert.is(client.info().bytesAcked, 100_000);
      assert.is(client.state, 'UNCONN');
      assert.is(lab.world.frames.inUse, 0);
    }),
    { numRuns: 25, seed: 11 },
  );
});

t('marks alone cost no retransmission, and cut the window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom('reno' as const, 'cubic' as const),
      fc.integer({ min: 3, max: 40 }),
      (seed, tcpCongestionControl, every) => {
        const lab = new Lab(seed);
        for (const ip of lab.ips) Object.assign(ip.sysctl, { tcpEcn: 1, tcpCongestionControl });
        let marked = 0;
        lab.fate = (direction, index, seen) => {
          const ce = direction === 0 && index % every === 0 && (seen.tos & 3) !== 0;
          if (ce) marked++;
          return { copies: 1, ce };
        };
        const { client, serverLog } = lab.open();
        let counted = 0;
        Object.assign(serverLog, {
          receivedVirtual: (_stream: unknown, length: number) => (counted += length),
        });
        client.writeVirtual(Payload.ZERO, 500_000);
        client.shutdown();
        lab.world.run();
        assert.is(counted, 500_000);
        const { retransmits, timeouts, ssthresh } = client.info();
        assert.equal([retransmits, timeouts], [0, 0]);
        assert.ok(marked > 0 && ssthresh < 100, `${marked} marks, ssthresh ${ssthresh}`);
        // The echo is answered: of the cuts each is told once.
        const told = lab.seen.filter(seen => seen.flags.includes('W') && !seen.flags.includes('S')).length;
        assert.ok(told > 0 && told <= marked, `${told} CWR for ${marked} marks`);
      },
    ),
    { numRuns: 15, seed: 3 },
  );
});

t.run();
