import fc from 'fast-check';
import { Fingerprint } from '../../src/sim/fingerprint.ts';
import { type Frame, FrameQueue, FrameStore, HEADROOM, NO_FRAME } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/frame-store');

/** A frame with these real octets and no payload. */
function frameOf(frames: FrameStore, octets: readonly number[]): Frame {
  const frame = frames.allocate();
  frames.bytes(frame).set(octets, frames.append(frame, octets.length));
  return frame;
}

t('push makes room in front and pull takes it off, without moving the octets behind', () => {
  const frames = new FrameStore();
  const frame = frameOf(frames, [1, 2, 3]);
  const at = frames.push(frame, 2);
  frames.bytes(frame).set([8, 9], at);
  assert.equal([...frames.materialise(frame)], [8, 9, 1, 2, 3]);
  assert.is(frames.length(frame), 5);
  assert.is(frames.pull(frame, 3), at + 3);
  assert.equal([...frames.materialise(frame)], [2, 3]);
});

t('headroom, slot and headers end where they should', () => {
  const frames = new FrameStore();
  const frame = frames.allocate();
  frames.push(frame, HEADROOM);
  assert.throws(() => frames.push(frame, 1), /headroom exhausted/);
  assert.throws(() => frames.pull(frame, HEADROOM + 1), /pulled more than the headers/);
  assert.throws(() => frames.append(frame, 257), /slot exhausted/);
});

t('frames of one slot apart never touch each other', () => {
  const frames = new FrameStore();
  const all = Array.from({ length: 50 }, (_, i) => frameOf(frames, new Array(150).fill(i)));
  for (const [i, frame] of all.entries()) {
    frames.push(frame, HEADROOM);
    assert.is(frames.materialise(frame)[HEADROOM], i);
    assert.is(frames.materialise(frame)[HEADROOM + 149], i);
  }
});

t('a second segment is added when all slots are taken, and what was there stays', () => {
  const frames = new FrameStore();
  const first = frameOf(frames, [42]);
  frames.tag[first] = 7;
  const all = new Set<Frame>([first]);
  for (let i = 1; i < 20_000; i++) all.add(frames.allocate());
  assert.is(all.size, 20_000);
  assert.is(frames.inUse, 20_000);
  const last = frameOf(frames, [43]);
  assert.equal([...frames.materialise(first)], [42]);
  assert.equal([...frames.materialise(last)], [43]);
  assert.is(frames.tag[first], 7);
  assert.is.not(frames.view(first), frames.view(last));
  for (const frame of all) frames.free(frame);
  assert.is(frames.inUse, 1);
});

t('a freed slot comes back clean', () => {
  const frames = new FrameStore();
  const frame = frameOf(frames, [1, 2, 3]);
  frames.setPayload(frame, Payload.REAL, 0, 4, new Uint8Array(4));
  frames.tag[frame] = 9;
  frames.free(frame);
  const again = frames.allocate();
  assert.is(again, frame);
  assert.is(frames.length(again), 0);
  assert.is(frames.tag[again], 0);
  assert.is(frames.real[again], null);
  assert.is(frames.next[again], NO_FRAME);
});

t('a copy has the octets, the payload, the tag and the headroom of the original, and its own life', () => {
  const frames = new FrameStore();
  const frame = frameOf(frames, [1, 2, 3]);
  frames.push(frame, 1);
  frames.setPayload(frame, Payload.REAL, 1, 2, Uint8Array.of(7, 8, 9));
  frames.tag[frame] = 77;
  const twin = frames.copy(frame);
  frames.bytes(frame)[frames.end[frame]! - 1] = 99;
  frames.free(frame);
  assert.equal([...frames.materialise(twin).subarray(1)], [1, 2, 3, 8, 9]);
  assert.is(frames.tag[twin], 77);
  frames.push(twin, HEADROOM - 1);
  assert.throws(() => frames.push(twin, 1));
});

t('materialise stops at its limit, in the headers or in the payload', () => {
  const frames = new FrameStore();
  const frame = frameOf(frames, [1, 2, 3]);
  frames.setPayload(frame, Payload.RAMP, 254, 5, null);
  assert.equal([...frames.materialise(frame)], [1, 2, 3, 254, 255, 0, 1, 2]);
  assert.equal([...frames.materialise(frame, 5)], [1, 2, 3, 254, 255]);
  assert.equal([...frames.materialise(frame, 2)], [1, 2]);
  frames.trimPayload(frame, 1);
  assert.is(frames.length(frame), 4);
});

t('a queue is first in, first out, and knows when its head arrives', () => {
  const frames = new FrameStore();
  const queue = new FrameQueue(frames);
  assert.is(queue.take(), NO_FRAME);
  assert.is(queue.headTime(), Number.POSITIVE_INFINITY);
  const model: Frame[] = [];
  for (let i = 0; i < 100; i++) {
    const frame = frames.allocate();
    frames.time[frame] = 1000 + i;
    queue.add(frame);
    model.push(frame);
    if (i % 3 === 0) assert.is(queue.take(), model.shift());
    assert.is(queue.length, model.length);
    assert.is(queue.headTime(), frames.time[model[0] ?? -1] ?? Number.POSITIVE_INFINITY);
  }
});

/** RFC 1071 by the book. */
function bookSum(octets: Uint8Array): number {
  let total = 0;
  for (const [i, octet] of octets.entries()) total += i % 2 === 0 ? octet * 256 : octet;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

t('the sum of any slice of any pattern is that of its octets', () => {
  const pattern = fc.constantFrom(Payload.ZERO, Payload.RAMP, Payload.REAL);
  const real = Uint8Array.from({ length: 4096 }, (_, i) => (i * 31 + (i >> 5)) & 255);
  fc.assert(
    fc.property(pattern, fc.nat(1500), fc.nat(2500), (pattern, offset, length) => {
      const octets = new Uint8Array(length + 2).fill(0xa5);
      Payload.write(octets, 1, pattern, offset, length, real);
      assert.is(octets[0], 0xa5);
      assert.is(octets[length + 1], 0xa5);
      assert.is(Payload.sum(pattern, offset, length, real), bookSum(octets.subarray(1, length + 1)));
    }),
    { numRuns: 600 },
  );
});

t('ramps that wrap: every offset, and lengths around a turn', () => {
  for (let offset = 0; offset < 256; offset++) {
    for (const length of [0, 1, 2, 127, 128, 129, 255, 256, 257, 511, 513, 9001]) {
      const octets = new Uint8Array(length);
      Payload.write(octets, 0, Payload.RAMP, offset, length, null);
      assert.is(Payload.sum(Payload.RAMP, offset, length, null), bookSum(octets), `${offset}+${length}`);
    }
  }
});

t('payloadSum is that of what materialise writes, odd lengths too', () => {
  const frames = new FrameStore();
  const frame = frames.allocate();
  frames.setPayload(frame, Payload.RAMP, 1021, 333, null);
  assert.is(frames.payloadSum(frame), bookSum(frames.materialise(frame)));
});

/** The digest after one frame that `change` has prepared. */
function digest(change: (frames: FrameStore, frame: Frame) => void): string {
  const frames = new FrameStore();
  const frame = frameOf(frames, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  frames.setPayload(frame, Payload.RAMP, 3, 10, null);
  change(frames, frame);
  const print = new Fingerprint();
  print.frame(frames, frame, 5_000_000_000);
  return print.digest();
}

t('the fingerprint sees every octet, the payload and the time', () => {
  const digests = new Set([digest(() => {})]);
  for (let i = 0; i < 9; i++)
    digests.add(digest((frames, frame) => (frames.bytes(frame)[frames.start[frame]! + i]! ^= 1)));
  digests.add(digest((frames, frame) => frames.setPayload(frame, Payload.RAMP, 4, 10, null)));
  digests.add(digest((frames, frame) => frames.setPayload(frame, Payload.RAMP, 3, 11, null)));
  digests.add(digest((frames, frame) => frames.setPayload(frame, Payload.ZERO, 3, 10, null)));
  digests.add(digest((frames, frame) => frames.setPayload(frame, Payload.REAL, 0, 10, new Uint8Array(10))));
  digests.add(digest((frames, frame) => frames.setPayload(frame, Payload.REAL, 0, 2, Uint8Array.of(1, 2))));
  assert.is(digests.size, 15);
  const [a, b] = [new Fingerprint(), new Fingerprint()];
  a.event(1, 2 ** 32);
  b.event(1, 0);
  assert.is.not(a.digest(), b.digest());
});

t('the fingerprint does not see how a payload lies in memory', () => {
  const long = Uint8Array.of(9, 9, 1, 2, 3, 9);
  const slice = digest((frames, frame) => frames.setPayload(frame, Payload.REAL, 2, 3, long));
  const own = digest((frames, frame) => frames.setPayload(frame, Payload.REAL, 0, 3, Uint8Array.of(1, 2, 3)));
  assert.is(slice, own);
  const zero = digest((frames, frame) => frames.setPayload(frame, Payload.ZERO, 0, 3, null));
  assert.is(
    digest((frames, frame) => frames.setPayload(frame, Payload.ZERO, 77, 3, null)),
    zero,
  );
});

t.run();
