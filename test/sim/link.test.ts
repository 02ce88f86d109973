import { FrameStore } from '../../src/sim/frame-store.ts';
import { type LinkOptions, Transmitter, wireOctets } from '../../src/sim/link.ts';
import * as Payload from '../../src/sim/payload.ts';
import { NOW } from '../../src/sim/process-record.ts';
import { Random } from '../../src/sim/random.ts';
import { MICROSECOND, SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/link');

/** A transmitter whose frames are freed on arrival; `arrivals` has their times. */
function wired(options: LinkOptions) {
  const frames = new FrameStore();
  const record = frames.records.reserve();
  const arrivals: number[] = [];
  const sink = {
    accept(frame: number): void {
      arrivals.push(frames.time[frame]!);
      frames.free(frame);
    },
  };
  const transmitter = new Transmitter(options, { frames, record }, sink, new Random(1, 'loss'));
  const send = (octets: number, now: number) => {
    const frame = frames.allocate();
    frames.setPayload(frame, Payload.ZERO, 0, octets, null);
    frames.records.cells[record + NOW] = now;
    const refused = transmitter.transmit(frame);
    if (refused !== undefined) frames.free(frame);
    return refused;
  };
  return { transmitter, send, arrivals, frames };
}

t('octets on the wire: FCS, pad to 64, preamble and gap', () => {
  assert.is(wireOctets(1514), 1538);
  assert.is(wireOctets(60), 84);
  assert.is(wireOctets(14), 84);
  assert.is(wireOctets(61), 85);
});

t('arrival = max(busy, now) + serialisation + delay', () => {
  const { send, arrivals } = wired({ rateBps: 1e9, delay: 50 * MICROSECOND, queueOctets: 1e6 });
  send(1514, 1000);
  send(1514, 2000);
  send(60, 100_000);
  assert.equal(arrivals, [1000 + 12_304 + 50_000, 1000 + 2 * 12_304 + 50_000, 100_000 + 672 + 50_000]);
});

t('twelve seconds at 9.7 Gbit/s without an idle moment end on the exact nanosecond', () => {
  const rateBps = 9.7e9;
  const { send, arrivals } = wired({ rateBps, delay: 1, queueOctets: 2e10 });
  const count = 200_000;
  for (let i = 0; i < count; i++) assert.is(send(74_626, 0), undefined);
  // Rounding every frame would be off by up to 0.2 ms here, and by 1.1 ms with frames of 1538 octets.
  const exact = (BigInt(count) * 74_650n * 8_000_000_000n) / 9_700_000_000n;
  assert.is(arrivals.at(-1), Number(exact) + 1);
  assert.ok(arrivals.at(-1)! > 12 * SECOND);
});

t('tail drop: what would wait longer than the bound is refused, and the wire goes on', () => {
  const { send, arrivals, transmitter } = wired({ rateBps: 1e9, delay: 1, queueOctets: 3 * 1538 });
  assert.equal(
    [send(1514, 0), send(1514, 0), send(1514, 0), send(1514, 0)],
    [undefined, undefined, undefined, 'QUEUE_FULL'],
  );
  assert.is(transmitter.queued(0), 3 * 1538);
  assert.is(send(1514, 12_303), 'QUEUE_FULL');
  assert.is(send(1514, 12_304), undefined);
  assert.equal(arrivals.length, 4);
  assert.is(transmitter.sentFrames, 4);
  assert.is(transmitter.sentOctets, 4 * 1514);
  assert.is(transmitter.queued(SECOND), 0);
});

t('a link that is down refuses; a lossy one takes the time of what it loses', () => {
  const { send, arrivals, transmitter } = wired({ rateBps: 1e9, delay: 1, queueOctets: 1e9 });
  transmitter.up = false;
  assert.is(send(100, 0), 'LINK_DOWN');
  assert.is(transmitter.sentFrames, 0);
  transmitter.up = true;
  transmitter.loss = 0.25;
  let lost = 0;
  for (let i = 0; i < 10_000; i++) if (send(1514, 0) === 'LINK_LOSS') lost++;
  assert.ok(lost > 2300 && lost < 2700, `${lost} of 10000`);
  assert.is(arrivals.length, 10_000 - lost);
  assert.is(transmitter.queued(0), 15_380_000);
});

t.run();
