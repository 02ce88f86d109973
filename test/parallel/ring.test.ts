import fc from 'fast-check';
import { createRing, MIN_RING_OCTETS, RingReader, RingWriter } from '../../src/parallel/ring.ts';
import { FrameStore, HEADROOM } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { assert, suite } from '../kit.ts';

const t = suite('parallel/ring');

interface Sent {
  readonly link: number;
  readonly time: number;
  readonly headers: number;
  readonly pulled: number;
  readonly tag: number;
  readonly pattern: number;
  readonly offset: number;
  readonly length: number;
}

/** Both ends of a ring in one thread; a full ring is drained at once, as its consumer would. */
function ends(octets: number) {
  const buffer = createRing(octets);
  const [here, there] = [new FrameStore(), new FrameStore()];
  const received: { link: number; time: number; tag: number; space: number; octets: Uint8Array }[] = [];
  let drains = 0;
  const reader = new RingReader(buffer, there, (frame, link) => {
    const time = there.time[frame]!;
    const space = there.start[frame]! - there.base(frame);
    received.push({ link, time, tag: there.tag[frame]!, space, octets: there.materialise(frame) });
    there.free(frame);
  });
  const writer = new RingWriter(buffer, () => {
    assert.ok(reader.drain(), 'the producer is known to wait');
    drains++;
  });
  const send = ({
    link,
    time,
    headers,
    pulled,
    tag,
    pattern,
    offset,
    length,
  }: Sent): (typeof received)[0] => {
    const frame = here.allocate();
    const at = here.append(frame, headers);
    for (let i = 0; i < headers; i++) here.view(frame).setUint8(at + i, (i * 5 + time) & 255);
    if (pulled > 0) here.pull(frame, Math.min(pulled, headers));
    else here.push(frame, -pulled);
    here.tag[frame] = tag;
    const real = Uint8Array.from({ length: offset + length }, (_, i) => (i * 11) & 255);
    here.setPayload(frame, pattern, offset, length, pattern === Payload.REAL ? real : null);
    const space = here.start[frame]! - here.base(frame);
    const expected = { link, time, tag, space, octets: here.materialise(frame) };
    here.time[frame] = time;
    writer.write(here, frame, link);
    here.free(frame);
    return expected;
  };
  return { here, there, reader, writer, received, send, drains: () => drains };
}

const sent: fc.Arbitrary<Sent> = fc.record({
  link: fc.nat(30_000),
  time: fc.oneof(fc.nat(1000), fc.maxSafeNat()),
  headers: fc.nat(160),
  pulled: fc.integer({ min: -HEADROOM, max: 40 }),
  tag: fc.nat(65_535),
  pattern: fc.constantFrom(Payload.ZERO, Payload.RAMP, Payload.REAL),
  offset: fc.nat(2000),
  length: fc.oneof(fc.nat(30), fc.nat(1500), fc.nat(9000)),
});

t('what comes out is what went in, in order, whatever the sizes and however small the ring', () => {
  fc.assert(
    fc.property(
      fc.array(sent, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: MIN_RING_OCTETS, max: 8000 }),
      fc.nat(9),
      (list, octets, publishEvery) => {
        const { here, there, reader, writer, received, send } = ends(octets);
        const expected = list.map((one, i) => {
          const what = send(one);
          if (i % (publishEvery + 1) === 0) {
            writer.publish();
            if (i % 2 === 0) reader.drain();
          }
          return what;
        });
        writer.publish();
        reader.drain();
        assert.equal(received, expected);
        assert.is(here.inUse, 0);
        assert.is(there.inUse, 0);
      },
    ),
    { numRuns: 200 },
  );
});

t('nothing is seen before it is published', () => {
  const { reader, writer, received, send } = ends(4096);
  const one = {
    link: 1,
    time: 2,
    headers: 54,
    pulled: 0,
    tag: 0,
    pattern: Payload.ZERO,
    offset: 0,
    length: 100,
  };
  send(one);
  assert.not(reader.drain());
  assert.is(received.length, 0);
  writer.publish();
  assert.not(reader.drain()); // nobody waits
  assert.is(received.length, 1);
});

t('a message that goes to many is sent once, and again when the reader may have forgotten it', () => {
  const buffer = createRing(1 << 20);
  const [here, there] = [new FrameStore(), new FrameStore()];
  const writer = new RingWriter(buffer, () => assert.unreachable('there is room'));
  const message = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 255, 7);
  const send = (octets: Uint8Array): void => {
    const frame = here.allocate();
    here.setPayload(frame, Payload.REAL, 0, octets.length, octets);
    here.time[frame] = 1;
    writer.write(here, frame, 1);
    here.free(frame);
  };
  const seen: Uint8Array[] = [];
  const reads = new RingReader(buffer, there, frame => {
    seen.push(there.real[frame]!);
    there.free(frame);
  });
  const [first, ...others] = Array.from({ length: 3000 }, (_, n) => message(n));
  for (const octets of [first!, first!, ...others, first!, first!, others.at(-1)!]) send(octets);
  writer.publish();
  reads.drain();
  assert.is(seen.length, 3004);
  assert.equal(seen.slice(1, 3001), [first, ...others]);
  assert.ok(seen[0] === seen[1], 'one object for one message');
  assert.ok(seen[3001] === seen[3002], 'and once more for what was forgotten');
  assert.equal(seen[3001], first);
  assert.ok(seen[3003] === seen[3000]);
});

t('a full ring asks to be drained, an empty one of any position takes the longest record', () => {
  const one = {
    link: 1,
    time: 2,
    headers: 160,
    pulled: -96,
    tag: 0,
    pattern: Payload.REAL,
    offset: 0,
    length: 128,
  };
  const { send, received, writer, reader, drains } = ends(MIN_RING_OCTETS);
  for (let i = 0; i < 500; i++) {
    send({ ...one, headers: 160 - (i % 160), time: i });
    if (i % 3 === 0) {
      writer.publish();
      reader.drain();
    }
  }
  writer.publish();
  reader.drain();
  assert.is(received.length, 500);
  assert.ok(drains() > 50, `${drains()} drains`);
  assert.equal(
    received.map(({ time }) => time),
    Array.from({ length: 500 }, (_, i) => i),
  );
});

t.run();
