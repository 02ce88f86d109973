/**
 * Header prediction changes nothing: a segment whose timestamps do not lie as Linux puts them is never predicted, and says
 * the same. So whole connections run twice, once as they are, once with the timestamps of every segment moved.
 */
import fc from 'fast-check';
import type { TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import * as Payload from '../../../src/sim/payload.ts';
import { Random } from '../../../src/sim/random.ts';
import * as Tcp from '../../../src/wire/tcp.ts';
import { assert, suite } from '../../kit.ts';
import { snapshot } from './conformance/snapshot.ts';
import { type Fate, Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/header-prediction');

const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  loss: fc.constantFrom(0, 0, 0.01, 0.1),
  doubled: fc.constantFrom(0, 0, 0.05),
  late: fc.constantFrom(0, 0, 0.1),
  sack: fc.boolean(),
  /** Octets that either side writes, and when, in ms; virtual ones or real ones. */
  writes: fc.array(
    fc.record({
      client: fc.boolean(),
      at: fc.integer({ min: 0, max: 300 }),
      octets: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 150_000 })),
      virtual: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  /** When the server's program stops reading for 100 ms. */
  pause: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
});

type Run = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Timestamps, NOP, NOP instead of NOP, NOP, timestamps: the same words, so that the checksum is right. */
function moveTimestamps(lab: Lab, layer: TcpLayer): void {
  const receive = layer.receive.bind(layer);
  const { frames } = lab.world;
  layer.receive = (frame, ipAt, device) => {
    const at = frames.start[frame]!;
    if (Tcp.hasAlignedTimestamps(frames.view(frame), at)) {
      const options = frames.bytes(frame).subarray(at + 20, at + 32);
      options.set([...options.slice(2), ...options.slice(0, 2)]);
    }
    receive(frame, ipAt, device);
  };
}

/** Everything that was sent, heard and remembered, every 20 ms. */
function history(run: Run, moved: boolean): unknown[] {
  const lab = new Lab(run.seed);
  lab.rate = 100e6;
  for (const ip of lab.ips) ip.sysctl.tcpSack = run.sack;
  if (moved) for (const layer of [lab.a, lab.b]) moveTimestamps(lab, layer);
  const random = new Random(run.seed, 'wire');
  lab.fate = (): Fate => {
    const draw = random.unit();
    const extra = random.unit() < run.late ? random.below(10) * MS : 0;
    return { copies: draw < run.loss ? 0 : draw < run.loss + run.doubled ? 2 : 1, extra };
  };
  const { client, clientLog, serverLog } = lab.open();
  Object.assign(serverLog, {
    receivedVirtual: (_: unknown, octets: number) => (serverLog.virtual += octets),
  });
  for (const { client: isClient, at, octets, virtual } of run.writes)
    lab.world.at(at * MS, () => {
      const stream = isClient ? client : serverLog.stream;
      if (virtual) stream?.writeVirtual(Payload.RAMP, octets);
      else stream?.write(new Uint8Array(octets).fill(7));
    });
  if (run.pause !== undefined) {
    lab.world.at(run.pause * MS, () => serverLog.stream?.pause());
    lab.world.at((run.pause + 100) * MS, () => serverLog.stream?.resume());
  }
  const told: unknown[] = [];
  for (let ms = 20; ms <= 600; ms += 20) {
    lab.world.run(ms * MS);
    for (const layer of [lab.a, lab.b])
      for (const tcb of layer.blocks()) told.push([...snapshot(tcb, lab.world.now)]);
    told.push(clientLog.entries.length, serverLog.entries.length, serverLog.virtual);
  }
  return [told, lab.seen, clientLog, serverLog.entries, serverLog.octets.length];
}

t(
  'a connection is the same, octet by octet and variable by variable, whether segments are predicted or not',
  () => {
    void fc.assert(
      fc.property(cases, run => {
        // As text: hundreds of times quicker to compare than as objects.
        const text = (moved: boolean): string =>
          JSON.stringify(history(run, moved), (key, value) => (key === 'stream' ? undefined : value));
        assert.is(text(false), text(true));
      }),
      { numRuns: 15, seed: 5 },
    );
  },
);

t.run();
