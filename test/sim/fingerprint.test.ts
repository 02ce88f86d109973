import fc from 'fast-check';
import { COMMAND, Fingerprint, FRAME, TIMER } from '../../src/sim/fingerprint.ts';
import { FrameStore } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/fingerprint');

interface Seen {
  readonly headers: readonly number[];
  readonly pattern: Payload.Pattern;
  readonly offset: number;
  readonly payload: readonly number[];
  readonly time: number;
}

const seen: fc.Arbitrary<Seen> = fc.record({
  headers: fc.array(fc.nat(255), { maxLength: 120 }),
  pattern: fc.constantFrom(Payload.ZERO, Payload.RAMP, Payload.REAL),
  offset: fc.nat(255),
  payload: fc.array(fc.nat(255), { maxLength: 40 }),
  time: fc.nat(2 ** 31 - 1).map(time => time * 1000),
});

/** `front`: octets of other use in front of the payload's own, in memory. */
function frameOf(frames: FrameStore, { headers, pattern, offset, payload }: Seen, front: number): number {
  const frame = frames.allocate();
  const at = frames.append(frame, headers.length);
  frames.bytes(frame).set(headers, at);
  if (pattern === Payload.REAL) {
    // With nothing in front there is nothing behind either: the array is the payload.
    const bytes = Uint8Array.from([...Array(front).fill(9), ...payload, ...(front === 0 ? [] : [7])]);
    frames.setPayload(frame, pattern, front, payload.length, bytes);
  } else frames.setPayload(frame, pattern, offset, payload.length, null);
  return frame;
}

function digest(frames: readonly Seen[], front = 0, dirt = 0): string {
  const store = new FrameStore();
  const fingerprint = new Fingerprint();
  for (const one of frames) {
    const dirty = store.allocate();
    store.bytes(dirty).fill(dirt, store.base(dirty), store.base(dirty) + 256);
    store.free(dirty);
    const frame = frameOf(store, one, front);
    fingerprint.frame(store, frame, one.time);
    store.free(frame);
  }
  return fingerprint.digest();
}

t('what lies around a frame in memory is not part of it', () => {
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 5 }), fc.nat(9), (frames, front) => {
      assert.is(digest(frames, front, 0xa5), digest(frames));
    }),
  );
});

t('every octet, every length, the time and the order count', () => {
  const change = fc.record({ which: fc.nat(1000), bit: fc.nat(7) });
  fc.assert(
    fc.property(fc.array(seen, { minLength: 2, maxLength: 4 }), change, (frames, { which, bit }) => {
      const before = digest(frames);
      const [first, ...rest] = frames as [Seen, ...Seen[]];
      const flip = (octets: readonly number[]): number[] =>
        octets.map((octet, i) => (i === which % octets.length ? octet ^ (1 << bit) : octet));
      const others: Seen[] = [
        { ...first, time: first.time + 1 },
        { ...first, headers: [...first.headers, 0] },
      ];
      if (first.headers.length > 0) others.push({ ...first, headers: flip(first.headers) });
      if (first.pattern === Payload.REAL && first.payload.length > 0)
        others.push({ ...first, payload: flip(first.payload) });
      others.push({ ...first, payload: [...first.payload, 0] });
      for (const other of others) assert.is.not(digest([other, ...rest]), before);
      const second = rest[0]!;
      if (JSON.stringify(first) !== JSON.stringify(second))
        assert.is.not(digest([second, first, ...rest.slice(1)]), before);
    }),
  );
});

t('the top bits of two words do not make up for each other', () => {
  // What multiplication alone would forget: it carries bits upwards only.
  const headers = Array<number>(40).fill(0);
  const prints = new Set<string>();
  for (let a = 0; a < 40; a += 4) {
    for (let b = a + 4; b < 40; b += 4) {
      const flipped = headers.map((octet, i) => (i === a || i === b ? octet ^ 0x80 : octet));
      prints.add(digest([{ headers: flipped, pattern: Payload.ZERO, offset: 0, payload: [], time: 0 }]));
    }
  }
  assert.is(prints.size, 45);
});

t('kinds of events differ', () => {
  const prints = [TIMER, FRAME, COMMAND].map(kind => {
    const fingerprint = new Fingerprint();
    fingerprint.event(kind, 5e9);
    return fingerprint.digest();
  });
  assert.is(new Set(prints).size, 3);
  for (const print of prints) assert.match(print, /^[0-9a-f]{16}$/);
});

t.run();
