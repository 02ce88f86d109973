/**
 * What it costs to hand a frame (54 octets of headers, a virtual payload) to another thread: through the ring, packed
 * by msgpackr and posted, posted as an object. One thread does both ends of the ring here, so that the numbers are
 * CPU, not waiting; a message needs its port, and both ends of that are here, too. A ring above 150 ns a frame would
 * be a surprise.
 */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { pack, unpack } from '../src/parallel/envelope.ts';
import { createRing, RingReader, RingWriter } from '../src/parallel/ring.ts';
import { type Frame, FrameStore } from '../src/sim/frame-store.ts';
import * as Payload from '../src/sim/payload.ts';

const BATCH = 64;

/** A frame as TCP sends it. */
function segment(frames: FrameStore): Frame {
  const frame = frames.allocate();
  const at = frames.append(frame, 54);
  for (let i = 0; i < 54; i++) frames.view(frame).setUint8(at + i, i);
  frames.setPayload(frame, Payload.RAMP, 7, 1448, null);
  return frame;
}

function ring(rounds: number): number {
  const [here, there] = [new FrameStore(), new FrameStore()];
  let sink = 0;
  const buffer = createRing(2 ** 20);
  const reader = new RingReader(buffer, there, (frame, link) => {
    sink += link + there.time[frame]!;
    there.free(frame);
  });
  const writer = new RingWriter(buffer, () => reader.drain());
  const frame = segment(here);
  for (let round = 0; round < rounds; round++) {
    here.time[frame] = round;
    for (let i = 0; i < BATCH; i++) writer.write(here, frame, i);
    writer.publish();
    reader.drain();
  }
  return sink;
}

/** A frame as an object, the way a message would carry it. */
function asObject(frames: FrameStore, frame: Frame, link: number, time: number) {
  const octets = frames.bytes(frame).slice(frames.start[frame], frames.end[frame]);
  return { link, time, octets, tag: 0, pattern: Payload.RAMP, offset: 7, length: 1448 };
}

/** Post each frame with `wrap`, and read it with `unwrap` at the other end. */
function posted(
  rounds: number,
  wrap: (value: unknown) => unknown,
  unwrap: (message: unknown) => unknown,
): number {
  const frames = new FrameStore();
  const frame = segment(frames);
  const { port1, port2 } = new MessageChannel();
  let sink = 0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < BATCH; i++) port1.postMessage(wrap(asObject(frames, frame, i, round)));
    for (let i = 0; i < BATCH; i++) {
      const { message } = receiveMessageOnPort(port2) as { message: unknown };
      sink += (unwrap(message) as { link: number }).link;
    }
  }
  port1.close();
  return sink;
}

const same = (value: unknown): unknown => value;
const codec = (rounds: number): number => {
  const frames = new FrameStore();
  const frame = segment(frames);
  let sink = 0;
  for (let i = 0; i < rounds * BATCH; i++)
    sink += (unpack(pack(asObject(frames, frame, i, i))) as { link: number }).link;
  return sink;
};

/** Median over seven of nanoseconds a frame, after a warm-up; the spread is (max - min) / median. */
function measured(rounds: number, action: (rounds: number) => number) {
  action(rounds >> 1);
  const samples: number[] = [];
  let sink = 0;
  for (let i = 0; i < 7; i++) {
    const began = process.cpuUsage();
    sink += action(rounds);
    const { user, system } = process.cpuUsage(began);
    samples.push(((user + system) * 1000) / (rounds * BATCH));
  }
  samples.sort((a, b) => a - b);
  const median = samples[3]!;
  return {
    nsPerFrame: Math.round(median * 10) / 10,
    spread: Math.round(((samples[6]! - samples[0]!) / median) * 100) / 100,
    sink,
  };
}

export const cases = [
  { name: 'ring', run: () => measured(20_000, ring) },
  { name: 'msgpackr', run: () => measured(800, codec) },
  {
    name: 'msgpackr-posted',
    run: () => measured(400, rounds => posted(rounds, pack, message => unpack(message as Uint8Array))),
  },
  { name: 'postMessage', run: () => measured(400, rounds => posted(rounds, same, same)) },
];
