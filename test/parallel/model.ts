/**
 * Two small worlds for the engine's tests, and the builder that workers load.
 *
 *   ball    PHOLD: a fixed number of frames wander from process to process, resting a random time at each
 *   relay   store and forward: frames with a destination and a TTL, next hops from a table, bursts that fill queues
 */
import type { LabSpec, LinkSpec, ProcessSpec } from '../../src/parallel/lab-spec.ts';
import type { Frame } from '../../src/sim/frame-store.ts';
import { type Habitat, LogicalProcess } from '../../src/sim/logical-process.ts';
import * as Payload from '../../src/sim/payload.ts';
import { MICROSECOND, type Timer, type VirtualTime } from '../../src/sim/time.ts';

export interface BallSpec {
  readonly jacks: number;
  readonly balls: number;
  /** Longest rest. */
  readonly restNs: number;
  /** Longest REAL payload, octets. */
  readonly realOctets: number;
  /** Report one arrival of so many; 0 for none. */
  readonly reportEvery: number;
}

export interface RelaySpec {
  /** The id of the first relay. */
  readonly base: number;
  /** By destination (id - base): the jack to it. */
  readonly table: readonly number[];
  readonly burst: number;
  readonly everyNs: number;
}

export type Command =
  | { readonly do: 'read' }
  | { readonly do: 'send'; readonly jack: number; readonly octets: number }
  | { readonly do: 'attention'; readonly afterNs: number }
  | { readonly do: 'chatter'; readonly everyNs: number }
  | { readonly do: 'refuse' }
  | { readonly do: 'die'; readonly how: 'throw' | 'exit' | 'loop' | 'memory'; readonly afterNs?: number };

class Refusal extends Error {
  readonly code = 'MODEL_REFUSED';
  readonly position = { line: 3 };
}

/** What both worlds understand: commands, and ways to die. */
abstract class Subject extends LogicalProcess {
  received = 0;
  refused = 0;

  protected execute(command: unknown): unknown {
    const order = command as Command;
    switch (order.do) {
      case 'read':
        return { received: this.received, refused: this.refused, now: this.now, inUse: this.frames.inUse };
      case 'send': {
        const frame = this.frames.allocate();
        const at = this.frames.append(frame, 60);
        for (let i = 0; i < 60; i++) this.frames.view(frame).setUint8(at + i, i);
        const octets = Uint8Array.from({ length: order.octets }, (_, i) => (i * 7) & 255);
        this.frames.setPayload(frame, Payload.REAL, 0, order.octets, octets);
        this.send(frame, order.jack);
        return this.now;
      }
      case 'attention':
        this.timer(() => this.habitat.attention()).arm(this.now + order.afterNs);
        return undefined;
      case 'chatter': {
        const timer = this.timer(() => {
          this.habitat.report(this, { said: this.now });
          timer.arm(this.now + order.everyNs);
        });
        timer.arm(this.now);
        return undefined;
      }
      case 'refuse':
        throw new Refusal('the model refuses');
      case 'die':
        if (order.afterNs === undefined) this.#die(order.how);
        else this.timer(() => this.#die(order.how)).arm(this.now + order.afterNs);
        return undefined;
    }
  }

  protected send(frame: Frame, jack: number): void {
    if (this.outputs[jack]!.transmit(frame) === undefined) return;
    this.refused++;
    this.frames.free(frame);
  }

  #die(how: 'throw' | 'exit' | 'loop' | 'memory'): void {
    if (how === 'throw') throw new Error('the model threw');
    if (how === 'exit') process.exit(3);
    const hoard: number[][] = [];
    for (;;) if (how === 'memory') hoard.push(new Array(1000).fill(hoard.length));
  }
}

class Ball extends Subject {
  readonly #spec: BallSpec;
  readonly #random = this.random('ball');

  constructor(spec: ProcessSpec, habitat: Habitat) {
    super(spec.id, spec.name, habitat);
    this.#spec = spec.spec as BallSpec;
  }

  boot(): void {
    for (let i = 0; i < this.#spec.balls; i++) this.#throw(this.frames.allocate());
  }

  protected receive(frame: Frame): void {
    this.received++;
    const { restNs, reportEvery } = this.#spec;
    if (reportEvery > 0 && this.received % reportEvery === 0)
      this.habitat.report(this, { received: this.received, octets: this.frames.materialise(frame, 16) });
    const rest = this.#random.below(restNs);
    if (rest % 4 === 0) this.#throw(frame);
    else this.timer(() => this.#throw(frame)).arm(this.now + rest);
  }

  /** A new inside, and away. */
  #throw(frame: Frame): void {
    const { frames } = this;
    const random = this.#random;
    frames.free(frame);
    const fresh = frames.allocate();
    const headers = 14 + random.below(60);
    const at = frames.append(fresh, headers);
    for (let i = 0; i < headers; i++) frames.view(fresh).setUint8(at + i, random.next() & 255);
    frames.tag[fresh] = random.below(65536);
    const pattern = random.below(3);
    if (pattern === Payload.REAL) {
      const octets = Uint8Array.from({ length: 1 + random.below(this.#spec.realOctets) }, (_, i) => i ^ at);
      const offset = random.below(octets.length);
      frames.setPayload(fresh, pattern, offset, octets.length - offset, octets);
    } else frames.setPayload(fresh, pattern, random.below(1000), random.below(1400), null);
    this.send(fresh, random.below(this.#spec.jacks));
  }
}

const DESTINATION = 0;
const SOURCE = 2;
const TTL = 4;
const COUNT = 6;
const HEADER = 20;

class Relay extends Subject {
  readonly #spec: RelaySpec;
  readonly #random = this.random('relay');
  readonly #tick: Timer;
  #count = 0;

  constructor(spec: ProcessSpec, habitat: Habitat) {
    super(spec.id, spec.name, habitat);
    this.#spec = spec.spec as RelaySpec;
    this.#tick = this.timer(() => this.#burst());
  }

  boot(): void {
    if (this.#spec.burst > 0) this.#tick.arm(this.#random.below(this.#spec.everyNs));
  }

  protected receive(frame: Frame): void {
    const view = this.frames.view(frame);
    const at = this.frames.start[frame]!;
    const destination = view.getUint16(at + DESTINATION);
    const ttl = view.getUint16(at + TTL) - 1;
    view.setUint16(at + TTL, ttl);
    if (destination === this.id) {
      this.received++;
      this.habitat.report(this, { from: view.getUint16(at + SOURCE), count: view.getUint16(at + COUNT) });
    }
    if (destination === this.id || ttl === 0) this.frames.free(frame);
    else this.send(frame, this.#spec.table[destination - this.#spec.base]!);
  }

  #burst(): void {
    const { base, table, burst, everyNs } = this.#spec;
    for (let i = 0; i < burst; i++) {
      const destination = base + this.#random.below(table.length);
      if (destination === this.id) continue;
      const frame = this.frames.allocate();
      const at = this.frames.append(frame, HEADER);
      const view = this.frames.view(frame);
      view.setUint16(at + DESTINATION, destination);
      view.setUint16(at + SOURCE, this.id);
      view.setUint16(at + TTL, 64);
      view.setUint16(at + COUNT, this.#count++ & 0xffff);
      for (let rest = 8; rest < HEADER; rest++) view.setUint8(at + rest, 0);
      this.frames.setPayload(frame, Payload.RAMP, 0, this.#random.below(1400), null);
      this.send(frame, table[destination - base]!);
    }
    this.#tick.arm(this.now + everyNs);
  }
}

export function build(spec: ProcessSpec, _lab: LabSpec, habitat: Habitat): LogicalProcess {
  if (spec.kind === 'ball') return new Ball(spec, habitat);
  if (spec.kind === 'relay') return new Relay(spec, habitat);
  throw new Error(`the model has no ${spec.kind}`);
}

const builder = import.meta.url;

export interface BallLab {
  readonly processes: number;
  readonly seed?: number;
  readonly delay?: VirtualTime;
  readonly ball?: Partial<BallSpec>;
}

/** Every process has a link to each other; delays differ, so that windows cut across them. */
export function ballLab({
  processes: count,
  seed = 1,
  delay = 10 * MICROSECOND,
  ball = {},
}: BallLab): LabSpec {
  const processes: ProcessSpec[] = [];
  const links: LinkSpec[] = [];
  for (let from = 0; from < count; from++) {
    const spec: BallSpec = {
      jacks: count - 1,
      balls: 3,
      restNs: 60 * MICROSECOND,
      realOctets: 300,
      reportEvery: 5,
      ...ball,
    };
    processes.push({ id: from, name: `ball-${from}`, kind: 'ball', spec });
    let jack = 0;
    for (let to = 0; to < count; to++) {
      if (to === from) continue;
      links.push({
        id: links.length,
        from: { process: from, jack: jack++ },
        to: { process: to, jack: from },
        rateBps: 1e9,
        delay: delay + ((from * 7 + to * 3) % 5) * MICROSECOND,
        queueOctets: 200_000,
      });
    }
  }
  return { seed, processes, links, builder };
}

/** A ring of relays with a chord: next hops go the shorter way round. Slow links, so that bursts overflow. */
export function relayLab(count: number, base = 0): LabSpec {
  const half = count >> 1;
  const processes = Array.from({ length: count }, (_, i): ProcessSpec => {
    const table = Array.from({ length: count }, (_, to) => {
      const ahead = (to - i + count) % count;
      if (ahead === half) return 2;
      return ahead < half ? 0 : 1;
    });
    const spec: RelaySpec = { base, table, burst: 6 + (i % 3), everyNs: 70 * MICROSECOND };
    return { id: base + i, name: `relay-${i}`, kind: 'relay', spec };
  });
  const links: LinkSpec[] = [];
  for (let i = 0; i < count; i++) {
    for (const [jack, to] of [(i + 1) % count, (i + count - 1) % count, (i + half) % count].entries()) {
      links.push({
        id: base * 100 + links.length,
        from: { process: base + i, jack },
        to: { process: base + to, jack },
        rateBps: 1e9,
        delay: 20 * MICROSECOND,
        queueOctets: 6_000,
      });
    }
  }
  return { seed: 1, processes, links, builder };
}

/** Both worlds in one lab, side by side. */
export function bothLab(balls: number, relays: number): LabSpec {
  const [a, b] = [ballLab({ processes: balls }), relayLab(relays, balls)];
  return { ...a, processes: [...a.processes, ...b.processes], links: [...a.links, ...b.links] };
}
