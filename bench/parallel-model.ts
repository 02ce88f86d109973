/**
 * A chain of forwarders for the engine's own cost: frames go from end to end and back for ever, and at each hop a TTL
 * is lowered, a checksum patched and a table looked up. No network stack: this is about windows, rings and barriers.
 */
import type { LabSpec, LinkSpec } from '../src/parallel/lab-spec.ts';
import type { Frame } from '../src/sim/frame-store.ts';
import { type Habitat, LogicalProcess } from '../src/sim/logical-process.ts';
import * as Payload from '../src/sim/payload.ts';

const HEADERS = 54;
const DESTINATION = 30;
const TTL = 22;
const CHECKSUM = 24;
const TABLE = 4096;

class Forwarder extends LogicalProcess {
  hops = 0;
  readonly #frames: number;
  readonly #table = Int32Array.from({ length: TABLE }, (_, i) => i & 1);

  constructor(id: number, name: string, habitat: Habitat, frames: number) {
    super(id, name, habitat);
    this.#frames = frames;
  }

  boot(): void {
    for (let i = 0; i < this.#frames; i++) {
      const frame = this.frames.allocate();
      const at = this.frames.append(frame, HEADERS);
      const view = this.frames.view(frame);
      for (let octet = 0; octet < HEADERS; octet++) view.setUint8(at + octet, octet);
      view.setUint32(at + DESTINATION, (this.id * 977 + i * 2) >>> 0);
      this.frames.setPayload(frame, Payload.RAMP, 0, 1448, null);
      this.outputs[i % this.outputs.length]!.transmit(frame);
    }
  }

  protected receive(frame: Frame, jack: number): void {
    this.hops++;
    const view = this.frames.view(frame);
    const at = this.frames.start[frame]!;
    view.setUint8(at + TTL, view.getUint8(at + TTL) - 1);
    view.setUint16(at + CHECKSUM, (view.getUint16(at + CHECKSUM) + 0x100) % 0xffff);
    const turn = this.#table[view.getUint32(at + DESTINATION) % TABLE]!;
    // Straight on; the ends of the chain send back.
    const out = this.outputs.length === 1 ? 0 : jack ^ 1 ^ turn;
    if (this.outputs[out]!.transmit(frame) !== undefined) this.frames.free(frame);
  }

  protected execute(): unknown {
    return this.hops;
  }
}

export function build(
  spec: { readonly id: number; readonly name: string; readonly spec: unknown },
  _lab: LabSpec,
  habitat: Habitat,
): LogicalProcess {
  return new Forwarder(spec.id, spec.name, habitat, spec.spec as number);
}

/** `count` forwarders in a row, `frames` starting at each, at 10 Gbit/s. */
export function chain(count: number, frames: number, delay: number): LabSpec {
  const processes = Array.from({ length: count }, (_, id) => ({
    id,
    name: `r${id}`,
    kind: 'forwarder',
    spec: frames,
  }));
  const links: LinkSpec[] = [];
  const join = (from: number, jack: number, to: number, input: number): void => {
    const wire = { rateBps: 10e9, delay, queueOctets: 1e6 };
    links.push({
      id: links.length,
      from: { process: from, jack },
      to: { process: to, jack: input },
      ...wire,
    });
  };
  // Jack 0 leads to the left, jack 1 to the right; the first has only one to the right, which is its jack 0.
  for (let i = 0; i + 1 < count; i++) {
    join(i, i === 0 ? 0 : 1, i + 1, 0);
    join(i + 1, 0, i, i === 0 ? 0 : 1);
  }
  return { seed: 1, processes, links, builder: import.meta.url };
}
