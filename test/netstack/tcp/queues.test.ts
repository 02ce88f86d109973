/** The queues of a connection against plain models: bytes out, bytes in, the scoreboard, the receive window. */
import fc from 'fast-check';
import { ReceiveQueue } from '../../../src/netstack/tcp/receive-queue.ts';
import { ReceiveWindow, scaleFor } from '../../../src/netstack/tcp/receive-window.ts';
import { LOST, RETRANSMITTED, RetransmitQueue, SACKED } from '../../../src/netstack/tcp/retransmit-queue.ts';
import { unwrap } from '../../../src/netstack/tcp/segment.ts';
import { SendQueue } from '../../../src/netstack/tcp/send-queue.ts';
import { FrameStore } from '../../../src/sim/frame-store.ts';
import * as Payload from '../../../src/sim/payload.ts';
import { assert, suite } from '../../kit.ts';

const t = suite('netstack/tcp/queues');

t('unwrap finds the number nearest to one we know', () => {
  const turn = 2 ** 32;
  assert.is(unwrap(5, 10), 5);
  assert.is(unwrap(5, turn - 10), turn + 5);
  assert.is(unwrap(turn - 5, turn + 10), turn - 5);
  assert.is(unwrap(7, 3 * turn + 1), 3 * turn + 7);
  assert.is(unwrap(turn - 1, 0), -1);
});

const written = fc.oneof(
  fc.record({ kind: fc.constant('real' as const), length: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: fc.constant('zero' as const), length: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant('ramp' as const), length: fc.integer({ min: 1, max: 400 }) }),
);

t('any slice of what was written is the payload of a frame, across writes too', () => {
  fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 300 })), { maxLength: 20 }),
      (writes, reads) => {
        const base = 2 ** 32 - 100;
        const queue = new SendQueue(base);
        const model: number[] = [];
        let ramp = 0;
        let last = '';
        for (const { kind, length } of writes) {
          // A run of RAMP writes is one ramp; after something else it begins anew.
          if (kind !== last) ramp = 0;
          last = kind;
          const octets = Array.from({ length }, (_, i) => (kind === 'real' ? (i * 3 + 1) & 255 : 0));
          if (kind === 'ramp') for (let i = 0; i < length; i++) octets[i] = ramp++ & 255;
          model.push(...octets);
          if (kind === 'real') queue.write(Uint8Array.from(octets));
          else queue.writeVirtual(kind === 'ramp' ? Payload.RAMP : Payload.ZERO, length);
        }
        assert.is(queue.end, base + model.length);
        const frames = new FrameStore();
        let released = 0;
        for (const [at, length] of reads) {
          const from = released + (at % (model.length - released));
          const take = Math.min(length, model.length - from);
          const frame = frames.allocate();
          queue.describe(base + from, take, frames, frame);
          assert.equal([...frames.materialise(frame)], model.slice(from, from + take));
          frames.free(frame);
          released = Math.min(model.length - 1, released + (at % 7));
          queue.release(base + released);
        }
      },
    ),
    { numRuns: 150, seed: 3 },
  );
});

t('writes, reads and acknowledgements in any order: what a frame once pointed to stays as it was', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('write' as const), size: fc.integer({ min: 1, max: 300 }) }),
    },
    fc.record({ kind: fc.constant('write' as const), size: fc.integer({ min: 1000, max: 3000 }) }),
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('part' as const), size: fc.integer({ min: 1, max: 300 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('send' as const), size: fc.integer({ min: 1, max: 1460 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('acknowledge' as const),
        size: fc.integer({ min: 1, max: 4000 }),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), steps => {
      const queue = new SendQueue(1);
      const frames = new FrameStore();
      const model: number[] = [];
      const sent: (readonly [frame: number, octets: number[]])[] = [];
      const log = Uint8Array.from({ length: 24_000 }, (_, i) => (11 * i) & 255);
      let logged = 0;
      let next = 0;
      let una = 0;
      for (const { kind, size } of steps) {
        if (kind === 'part') {
          // What goes to others leaves a gap now and then.
          logged += size % 5 === 0 ? size : 0;
          model.push(...log.subarray(logged, logged + size));
          queue.write(log, logged, logged + size);
          logged += size;
        } else if (kind === 'write') {
          const bytes = Uint8Array.from({ length: size }, (_, i) => (7 * (model.length + i)) & 255);
          model.push(...bytes);
          queue.write(bytes);
        } else if (kind === 'send') {
          const length = Math.min(size, model.length - next);
          if (length === 0) continue;
          const frame = frames.allocate();
          queue.describe(1 + next, length, frames, frame);
          sent.push([frame, model.slice(next, next + length)]);
          next += length;
        } else {
          una = Math.min(next, una + size);
          queue.release(1 + una);
        }
        assert.is(queue.end, 1 + model.length);
      }
      for (const [frame, octets] of sent) assert.equal([...frames.materialise(frame)], octets);
    }),
    { numRuns: 150, seed: 5 },
  );
});

t('small writes are one run of octets: a segment of many is a part of it', () => {
  const queue = new SendQueue(1);
  const frames = new FrameStore();
  for (let i = 0; i < 12; i++) queue.write(new Uint8Array(67).fill(i));
  const [one, other] = [frames.allocate(), frames.allocate()];
  queue.describe(1, 400, frames, one);
  queue.describe(401, 404, frames, other);
  assert.is(frames.real[one], frames.real[other]);
  assert.is(frames.payloadOffset[other], 400);
});

t('parts of a large array that continue each other are one run of octets, and are not copied', () => {
  const queue = new SendQueue(1);
  const frames = new FrameStore();
  const log = new Uint8Array(4096);
  for (const [from, to] of [
    [100, 200],
    [200, 260],
    [300, 360],
  ] as const)
    queue.write(log, from, to);
  const [one, other] = [frames.allocate(), frames.allocate()];
  queue.describe(51, 110, frames, one);
  assert.is(frames.real[one], log);
  assert.is(frames.payloadOffset[one], 150);
  queue.describe(151, 20, frames, other);
  assert.is.not(frames.real[other], log, 'the gap is not sent');
});

t('a sender that never ends can be cut off', () => {
  const queue = new SendQueue(1);
  queue.write(Uint8Array.of(1, 2, 3));
  queue.writeVirtual(Payload.ZERO, Number.POSITIVE_INFINITY);
  queue.truncate(1001);
  assert.is(queue.end, 1001);
  queue.writeVirtual(Payload.ZERO, 10);
  assert.is(queue.end, 1011);
  assert.throws(() => queue.describe(2000, 1, new FrameStore(), 0), /not in the send queue/);
});

t('early pieces in any order come out in order, and SACK blocks are what is early', () => {
  const piece = fc.record({
    start: fc.integer({ min: 0, max: 60 }),
    length: fc.integer({ min: 1, max: 15 }),
    virtual: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), pieces => {
      const queue = new ReceiveQueue();
      const base = 2 ** 32 - 30;
      const have = new Set<number>();
      let next = 0;
      const out: number[] = [];
      const read = () => {
        for (let content = queue.takeReady(); content !== undefined; content = queue.takeReady()) {
          if (typeof content === 'number') for (let i = 0; i < content; i++) out.push(-1);
          else out.push(...content);
        }
      };
      const kind = new Map<number, boolean>();
      for (const { start, length, virtual } of pieces) {
        for (let i = start; i < start + length; i++) if (!kind.has(i)) kind.set(i, virtual);
        const octets = (from: number) =>
          virtual
            ? start + length - from
            : Uint8Array.from({ length: start + length - from }, (_, i) => from + i);
        if (start + length <= next) continue;
        if (start > next) {
          const known = Array.from({ length }, (_, i) => start + i).every(i => have.has(i));
          assert.is(queue.hasAllEarly(base + start, base + start + length), known);
          queue.addEarly(base + start, octets(start));
          for (let i = start; i < start + length; i++) have.add(i);
        } else {
          queue.addReady(octets(next));
          for (let i = next; i < start + length; i++) have.delete(i);
          next = queue.advance(base + start + length) - base;
          for (const i of have) if (i < next) have.delete(i);
          read();
        }
        assert.is(queue.early, have.size);
        const blocks = queue.sackBlocks(4).map(block => [unwrap(block.start, base), unwrap(block.end, base)]);
        const total = blocks.reduce((sum, [from, to]) => sum + to! - from!, 0);
        assert.ok(total <= have.size);
        for (const [from, to] of blocks) {
          for (let i = from! - base; i < to! - base; i++) assert.ok(have.has(i));
          assert.not(have.has(from! - base - 1), 'a block is as long as it can be');
          assert.not(have.has(to! - base));
        }
        if (start > next && blocks.length > 0) {
          const [from, to] = blocks[0]!;
          assert.ok(from! - base <= start && to! - base >= start + length, 'the latest first');
        }
      }
      assert.is(out.length, next);
      for (const [i, octet] of out.entries()) assert.ok(octet === -1 || octet === i);
    }),
    { numRuns: 400, seed: 5 },
  );
});

t('a window of early virtual octets is one piece', () => {
  const queue = new ReceiveQueue();
  for (let i = 999; i >= 1; i--) queue.addEarly(i * 1000, 1000);
  assert.is(queue.blockCount, 1);
  assert.is(queue.early, 999_000);
  assert.is(queue.advance(1000), 1_000_000);
  assert.is(queue.unread, 999_000);
  assert.is(queue.takeReady(), 999_000);
});

t('the scoreboard counts marks through growth, splits and acknowledgements', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat()), { maxLength: 200 }), steps => {
      const queue = new RetransmitQueue();
      const model: { start: number; end: number; marks: number }[] = [];
      let next = 0;
      for (const [action, n] of steps) {
        const at = model.length === 0 ? 0 : n % model.length;
        const position = queue.head + at;
        const entry = model[at];
        if (action <= 1 || entry === undefined) {
          const length = 10 + (n % 20);
          queue.push(next, next + length, next);
          model.push({ start: next, end: next + length, marks: 0 });
          next += length;
        } else if (action === 2) {
          const marks = [SACKED, LOST, LOST | RETRANSMITTED][n % 3]!;
          queue.mark(position, marks);
          entry.marks |= marks;
        } else if (action === 3) {
          queue.unmark(position, LOST | RETRANSMITTED);
          entry.marks &= ~(LOST | RETRANSMITTED);
        } else if (action === 4 && entry.end - entry.start > 1) {
          const seq = entry.start + 1;
          queue.split(position, seq);
          model.splice(at + 1, 0, { ...entry, start: seq });
          entry.end = seq;
        } else if (action === 5) {
          queue.shift();
          model.shift();
        }
        const count = (mark: number) => model.filter(({ marks }) => (marks & mark) !== 0).length;
        assert.is(queue.packets, model.length);
        assert.is(queue.sacked, count(SACKED));
        assert.is(queue.lost, count(LOST));
        assert.is(queue.retransmitted, count(RETRANSMITTED));
        for (const [i, { start, end, marks }] of model.entries()) {
          assert.is(queue.start(queue.head + i), start);
          assert.is(queue.end(queue.head + i), end);
          assert.is(queue.marks(queue.head + i) & 7, marks);
          assert.is(queue.find(start), queue.head + i);
        }
      }
    }),
    { numRuns: 60, seed: 9 },
  );
});

t('the shift of the window covers the largest buffer', () => {
  assert.equal([65_535, 65_536, 131_072, 6_291_456, 2 ** 31].map(scaleFor), [0, 1, 2, 7, 14]);
});

t('the window is never taken back, and never rounds to less than it was', () => {
  const window = new ReceiveWindow([4096, 131_072, 6_291_456], true);
  window.open(1460, 1460, 1);
  assert.is(window.offered, 64_240);
  window.established(1, 1460, 0);
  assert.is(window.select(1, 0, 1460), 64_256);
  assert.is(window.select(1001, 64_000, 1460), 63_360, 'what is left of it, rounded up');
  assert.is(window.left(1001), 63_360);
  assert.is(window.select(64_361, 65_000, 1460), 0, 'less than a segment: nothing');
});

t('autotuning: the buffer follows what the program reads in a round trip, up to tcp_rmem[2]', () => {
  const window = new ReceiveWindow([4096, 131_072, 6_291_456], true);
  window.open(1460, 1460, 1);
  window.established(1, 1460, 0);
  window.measureRtt(1e6, 1);
  let copied = 1;
  let amount = 14_600;
  for (let round = 1; round <= 12; round++) {
    amount = Math.min(amount * 2, 4_000_000);
    copied += amount;
    for (let i = 0; i < amount; i += 1460) window.grow(1460, 0);
    window.read(copied, round * 2e6);
  }
  assert.is(window.clamp, 3_145_728, 'half of 6 MiB is for data');
  assert.is(window.limit, 3_145_728);
});

t.run();
