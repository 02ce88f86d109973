/** The law of TCP: whatever the wire does, the byte stream arrives whole, in order, once, and both ends finish. */
import fc from 'fast-check';
import * as Payload from '../../../src/sim/payload.ts';
import { Random } from '../../../src/sim/random.ts';
import { assert, suite } from '../../kit.ts';
import { type Fate, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/stream');

/** A wire that loses, doubles and delays, by named draws; it behaves after `trouble` frames, so that all runs end. */
function badWire(seed: number, loss: number, doubled: number, late: number, trouble: number) {
  const random = new Random(seed, 'wire');
  return (_direction: number, index: number): Fate => {
    const draw = random.unit();
    const extra = random.unit() < late ? random.below(30) * MS : 0;
    if (index > trouble) return { copies: 1 };
    if (draw < loss) return { copies: 0 };
    return { copies: draw < loss + doubled ? 2 : 1, extra };
  };
}

const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  loss: fc.constantFrom(0, 0.05, 0.2, 0.3),
  doubled: fc.constantFrom(0, 0.1),
  late: fc.constantFrom(0, 0.1, 0.5),
  sizes: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 8 }),
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  scaling: fc.boolean(),
  algorithm: fc.constantFrom('reno' as const, 'cubic' as const),
});

t('real octets arrive whole, in order, once, and both ends finish', () => {
  fc.assert(
    fc.property(cases, run => {
      const lab = new Lab(run.seed);
      lab.keepSeen = false;
      for (const ip of lab.ips)
        Object.assign(ip.sysctl, {
          tcpSack: run.sack,
          tcpTimestamps: run.timestamps,
          tcpWindowScaling: run.scaling,
          tcpCongestionControl: run.algorithm,
        });
      lab.fate = badWire(run.seed, run.loss, run.doubled, run.late, 150);
      const { client, clientLog, serverLog } = lab.open();
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
    { numRuns: 40, seed: 7 },
  );
});

t('virtual octets are counted once, in both directions at a time', () => {
  fc.assert(
    fc.property(cases, run => {
      const lab = new Lab(run.seed);
      lab.keepSeen = false;
      for (const ip of lab.ips)
        Object.assign(ip.sysctl, { tcpSack: run.sack, tcpTimestamps: run.timestamps });
      lab.fate = badWire(run.seed, run.loss, run.doubled, run.late, 150);
      const { client, clientLog, serverLog } = lab.open();
      const counts = [0, 0];
      for (const [i, log] of [clientLog, serverLog].entries()) {
        Object.assign(log, {
          receivedVirtual: (_stream: unknown, length: number) => (counts[i]! += length),
          ended: () => {},
          established: (stream: typeof client) => {
            log.stream = stream;
            stream.writeVirtual(Payload.RAMP, 200_000 + i);
            stream.shutdown();
          },
        });
      }
      lab.world.run();
      assert.equal(counts, [200_001, 200_000]);
      assert.is(client.info().bytesAcked, 200_000);
      assert.is(client.state, 'UNCONN');
    }),
    { numRuns: 20, seed: 11 },
  );
});

t.run();
