/**
 * TCP without a network: an IP layer that hands segments to a wire of the test's choice, and a virtual clock.
 *
 *   Lab        two TCP layers on a wire with delay, loss, duplication, reordering
 *   Bench      one TCP layer; the test is the peer: it injects segments and reads what comes out
 */
import type { Ipv4Address } from '../../../src/addr/ipv4.ts';
import * as Address from '../../../src/addr/ipv4.ts';
import type { NetDevice } from '../../../src/netstack/netdevice.ts';
import { type Connection, type StreamEvents, TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import {
  DEFAULT_SYSCTL,
  type IpLayer,
  type NamespaceSysctl,
  type Path,
  type SendError,
  type SendRequest,
} from '../../../src/netstack/transport.ts';
import { type Frame, FrameStore } from '../../../src/sim/frame-store.ts';
import * as Payload from '../../../src/sim/payload.ts';
import { Random } from '../../../src/sim/random.ts';
import type { Clock, Timer, VirtualTime } from '../../../src/sim/time.ts';
import { TimerQueue } from '../../../src/sim/timers.ts';
import type { DropReason } from '../../../src/trace/drop-reason.ts';
import * as Ipv4 from '../../../src/wire/ipv4.ts';
import * as Tcp from '../../../src/wire/tcp.ts';

export const A = Address.from('10.0.0.1');
export const B = Address.from('10.0.0.2');
export const MS = 1_000_000;

/** Virtual time, timers, and frames on their way: at equal time frames before timers, as in the engine. */
export class World implements Clock {
  now: VirtualTime = 0;
  readonly name = 'world';
  readonly frames = new FrameStore();
  readonly #timers = new TimerQueue(this, () => {});
  readonly #arrivals: { time: VirtualTime; sequence: number; deliver: () => void }[] = [];
  #sequence = 0;

  timer(expire: () => void): Timer {
    return this.#timers.create(expire);
  }

  /** Do something at `time`; equal times in the order they were asked for. */
  at(time: VirtualTime, deliver: () => void): void {
    const entry = { time, sequence: this.#sequence++, deliver };
    let index = this.#arrivals.length;
    while (index > 0 && this.#arrivals[index - 1]!.time > time) index--;
    this.#arrivals.splice(index, 0, entry);
  }

  /** Run until nothing is left to do, or virtual time `until`. */
  run(until: VirtualTime = Number.POSITIVE_INFINITY): void {
    for (let steps = 0; ; steps++) {
      if (steps > 5_000_000) throw new Error('the test does not come to an end');
      const arrival = this.#arrivals[0]?.time ?? Number.POSITIVE_INFINITY;
      const deadline = this.#timers.next;
      const next = Math.min(arrival, deadline);
      if (next > until || next === Number.POSITIVE_INFINITY) break;
      this.now = next;
      if (arrival <= deadline) this.#arrivals.shift()!.deliver();
      else this.#timers.fireNext();
    }
    if (until !== Number.POSITIVE_INFINITY) this.now = Math.max(this.now, until);
  }

  get quiet(): boolean {
    return this.#arrivals.length === 0;
  }
}

/** What an IP layer needs of its surroundings. */
export type Surroundings = Clock & { readonly frames: FrameStore };

export class FakeIp implements IpLayer {
  readonly name: string;
  readonly world: Surroundings;
  readonly address: Ipv4Address;
  readonly sysctl: NamespaceSysctl = { ...DEFAULT_SYSCTL };
  readonly dropped: DropReason[] = [];
  mtu = 1500;
  /** What `path` and `send` answer instead, when not ''. */
  failure: SendError = '';
  /** Where frames go; the wire owns them. */
  wire: (frame: Frame, request: SendRequest) => void = frame => this.frames.free(frame);
  readonly #seed: number;

  constructor(world: Surroundings, name: string, address: Ipv4Address, seed = 1) {
    this.world = world;
    this.name = name;
    this.address = address;
    this.#seed = seed;
  }

  get clock(): Clock {
    return this.world;
  }
  get frames(): FrameStore {
    return this.world.frames;
  }
  random(purpose: string): Random {
    return new Random(this.#seed, `${this.name}/${purpose}`);
  }
  path(_request: SendRequest): Path | SendError {
    if (this.failure !== '') return this.failure;
    const device = undefined as unknown as NetDevice;
    return { route: undefined as never, device, nextHop: 0, source: this.address, mtu: this.mtu };
  }
  send(frame: Frame, request: SendRequest): SendError {
    if (this.failure !== '') {
      this.frames.free(frame);
      return this.failure;
    }
    if (this.frames.length(frame) + 20 > this.mtu) {
      this.frames.free(frame);
      return 'EMSGSIZE';
    }
    const at = this.frames.push(frame, 20);
    Ipv4.emit(this.frames.view(frame), at, {
      tos: request.tos,
      totalLength: this.frames.length(frame),
      identification: 0,
      flags: Ipv4.FLAG_DF,
      fragmentOffset: 0,
      ttl: request.ttl,
      protocol: 6,
      source: request.source,
      destination: request.destination,
    });
    this.wire(frame, request);
    return '';
  }
  isLocal(address: Ipv4Address): boolean {
    return address === this.address;
  }
  sendIcmpError(): void {}
  drop(frame: Frame, reason: DropReason): void {
    this.dropped.push(reason);
    this.frames.free(frame);
  }
  deliver(frame: Frame): void {
    this.frames.free(frame);
  }
}

/** Hand a frame that begins with its IPv4 header to a layer. */
export function deliver(layer: TcpLayer, frames: FrameStore, frame: Frame): void {
  const ipAt = frames.start[frame]!;
  frames.pull(frame, 20);
  layer.receive(frame, ipAt, undefined as unknown as NetDevice);
}

/** A segment as a test reads it. Sequence numbers are relative to the ISNs once the peer knows them. */
export interface Seen {
  readonly at: VirtualTime;
  readonly source: Ipv4Address;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly length: number;
  readonly options: Tcp.TcpOptions;
  readonly ttl: number;
  readonly tos: number;
  readonly pmtu: string;
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [Tcp.SYN, 'S'],
  [Tcp.FIN, 'F'],
  [Tcp.RST, 'R'],
  [Tcp.PSH, 'P'],
  [Tcp.ACK, '.'],
  [Tcp.URG, 'U'],
  [Tcp.ECE, 'E'],
  [Tcp.CWR, 'W'],
];

export const flagText = (flags: number): string =>
  FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join('');

export function see(world: World, frame: Frame, request: SendRequest): Seen {
  const { frames } = world;
  const view = frames.view(frame);
  const ipAt = frames.start[frame]!;
  const at = ipAt + 20;
  const header = Tcp.parse(view, at);
  return {
    at: world.now,
    source: Ipv4.source(view, ipAt),
    flags: flagText(header.flags),
    seq: header.sequence,
    ack: header.acknowledgment,
    window: header.window,
    length: frames.length(frame) - 20 - Tcp.headerLength(view, at),
    options: header.options,
    ttl: request.ttl,
    tos: request.tos,
    pmtu: request.pmtu,
  };
}

/** What happens to the n-th frame of a direction: 0 = lost, 1 = delivered, 2 = twice; `extra` delays, `ce` marks it. */
export interface Fate {
  readonly copies: number;
  readonly extra?: VirtualTime;
  readonly ce?: boolean;
}

/** What a program heard. */
export class Log implements StreamEvents {
  readonly entries: string[] = [];
  readonly octets: number[] = [];
  virtual = 0;
  stream: Connection | undefined;
  established(stream: unknown): void {
    this.stream = stream as Connection;
    this.entries.push('established');
  }
  received(_stream: unknown, bytes: Uint8Array): void {
    for (const octet of bytes) this.octets.push(octet);
    this.entries.push(`received ${bytes.length}`);
  }
  closed(_stream: unknown, reason: string): void {
    this.entries.push(`closed ${reason}`.trim());
  }
  finished(_stream: unknown, reason: string): void {
    this.entries.push(`finished ${reason}`.trim());
  }
}

export class Lab {
  readonly world = new World();
  readonly ips: readonly [FakeIp, FakeIp];
  readonly a: TcpLayer;
  readonly b: TcpLayer;
  delay: VirtualTime = 5 * MS;
  /** Bits per second of each direction's wire; infinite by default. */
  rate = Number.POSITIVE_INFINITY;
  /** Frames that may wait for the wire. */
  queue = Number.POSITIVE_INFINITY;
  readonly seen: Seen[] = [];
  keepSeen = true;
  /** Decides by direction (0 = from a) and number of the frame in it. */
  fate: (direction: number, index: number, seen: Seen) => Fate = () => ({ copies: 1 });
  readonly #count = [0, 0];
  readonly #busy = [0, 0];

  constructor(seed = 1) {
    this.ips = [new FakeIp(this.world, 'a', A, seed), new FakeIp(this.world, 'b', B, seed)];
    this.a = new TcpLayer(this.ips[0]);
    this.b = new TcpLayer(this.ips[1]);
    this.ips[0].wire = (frame, request) => this.#carry(0, frame, request);
    this.ips[1].wire = (frame, request) => this.#carry(1, frame, request);
  }

  /** A connection from a to port 80 of b, with a log at each end. */
  open(port = 80): { client: Connection; clientLog: Log; serverLog: Log } {
    const clientLog = new Log();
    const serverLog = new Log();
    this.b.listen(port, () => serverLog);
    const client = this.a.connect({ remoteAddress: B, remotePort: port }, clientLog);
    return { client, clientLog, serverLog };
  }

  #carry(direction: number, frame: Frame, request: SendRequest): void {
    const { world } = this;
    const seen = see(world, frame, request);
    const fate = this.fate(direction, this.#count[direction]!++, seen);
    if (this.keepSeen) this.seen.push(seen);
    const bits = (world.frames.length(frame) + 38) * 8;
    const busy = Math.max(this.#busy[direction]!, world.now);
    const serialisation = Math.floor((bits * 1e9) / this.rate);
    const full = serialisation > 0 && busy - world.now > this.queue * serialisation;
    if (fate.copies === 0 || full) {
      world.frames.free(frame);
      return;
    }
    this.#busy[direction] = busy + serialisation;
    const view = world.frames.view(frame);
    const ipAt = world.frames.start[frame]!;
    if (fate.ce === true && Ipv4.ecn(view, ipAt) !== Ipv4.ECN_NOT_ECT) Ipv4.setEcn(view, ipAt, Ipv4.ECN_CE);
    const layer = direction === 0 ? this.b : this.a;
    const time = busy + serialisation + this.delay + (fate.extra ?? 0);
    for (let i = 1; i < fate.copies; i++) {
      const twin = world.frames.copy(frame);
      world.at(time, () => deliver(layer, world.frames, twin));
    }
    world.at(time, () => deliver(layer, world.frames, frame));
  }
}

/** What the test sends to the layer under test; numbers count from the ISNs. */
export interface Injected {
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly length?: number;
  readonly bytes?: Uint8Array;
  readonly options?: Tcp.TcpOptions;
  /** Of the IPv4 header. */
  readonly tos?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** One layer at address A; the test plays host B. */
export class Bench {
  readonly world = new World();
  readonly ip: FakeIp;
  readonly layer: TcpLayer;
  readonly out: Seen[] = [];
  /** Ports of the connection under test, from A's side. */
  localPort = 80;
  remotePort = 4000;
  /** The ISNs: `inject` and `text` count from them. */
  iss = 0;
  irs = 0;

  constructor(sysctl: Partial<NamespaceSysctl> = {}) {
    this.ip = new FakeIp(this.world, 'a', A);
    Object.assign(this.ip.sysctl, sysctl);
    this.ip.wire = (frame, request) => {
      this.out.push(see(this.world, frame, request));
      this.world.frames.free(frame);
    };
    this.layer = new TcpLayer(this.ip);
  }

  inject(segment: Injected): void {
    const { frames } = this.world;
    const frame = frames.allocate();
    const options = segment.options ?? {};
    const header = Tcp.MIN_HEADER_LENGTH + Tcp.optionsLength(options);
    const at = frames.append(frame, header);
    const view = frames.view(frame);
    let flags = 0;
    for (const [bit, name] of FLAG_NAMES) if (segment.flags.includes(name)) flags |= bit;
    Tcp.emit(view, at, {
      sourcePort: segment.sourcePort ?? this.remotePort,
      destinationPort: segment.destinationPort ?? this.localPort,
      sequence: (this.irs + (segment.seq ?? 0)) >>> 0,
      acknowledgment: segment.ack === undefined ? 0 : (this.iss + segment.ack) >>> 0,
      flags,
      window: segment.window ?? 65535,
      checksum: 0,
      urgentPointer: 0,
      options,
    });
    const bytes = segment.bytes ?? null;
    const length = bytes?.length ?? segment.length ?? 0;
    frames.setPayload(frame, bytes === null ? Payload.ZERO : Payload.REAL, 0, length, bytes);
    const total = header + length;
    Tcp.setChecksum(view, at, Tcp.checksum(view, at, header, B, A, total, frames.payloadSum(frame)));
    const ipAt = frames.push(frame, 20);
    Ipv4.emit(view, ipAt, {
      tos: segment.tos ?? 0,
      totalLength: 20 + total,
      identification: 1,
      flags: Ipv4.FLAG_DF,
      fragmentOffset: 0,
      ttl: 64,
      protocol: 6,
      source: B,
      destination: A,
    });
    deliver(this.layer, frames, frame);
  }

  /**
   * A passive open on port 80, complete. Everything is relative from here on: our first octet is 1, theirs is 1.
   * The peer offers MSS 1000, SACK, no timestamps and no scaling, unless `options` says otherwise; the round trip is 10 ms.
   */
  establish(options: Tcp.TcpOptions = { mss: 1000, sackPermitted: true }, window = 65535): Log {
    const log = new Log();
    this.layer.listen(this.localPort, () => log);
    this.irs = 50_000;
    this.inject({ flags: 'S', seq: 0, window, options });
    this.iss = this.take()[0]!.seq;
    this.pass(10 * MS);
    this.inject({ flags: '.', seq: 1, ack: 1, window });
    this.take();
    return log;
  }

  /** An active open to port 80 of B, its SYN taken out. */
  connect(): Log {
    const log = new Log();
    this.remotePort = 80;
    log.stream = this.layer.connect({ remoteAddress: B, remotePort: 80 }, log);
    this.localPort = log.stream.localPort;
    this.iss = this.take()[0]!.seq;
    this.irs = 50_000;
    return log;
  }

  /** Take what came out since the last call. */
  take(): Seen[] {
    return this.out.splice(0);
  }

  /** Take what came out, as text: `S. 0:0 ack 1`, relative to the ISNs. */
  text(): string[] {
    return this.take().map(seen => {
      const seq = (seen.seq - this.iss) | 0;
      const range = `${seq}:${seq + seen.length}`;
      const sack = seen.options.sackBlocks?.map(
        ({ start, end }) => ` ${(start - this.irs) | 0}:${(end - this.irs) | 0}`,
      );
      const ack = seen.flags.includes('.') ? ` ack ${(seen.ack - this.irs) | 0}` : '';
      return `${seen.flags} ${range}${ack}${sack === undefined ? '' : ` sack${sack.join('')}`}`;
    });
  }

  /** An acknowledgement with SACK blocks, `[start, end)` from our ISN. */
  sack(ack: number, ...blocks: readonly (readonly [number, number])[]): void {
    const sackBlocks = blocks.map(([start, end]) => ({
      start: (this.iss + start) >>> 0,
      end: (this.iss + end) >>> 0,
    }));
    this.inject({ flags: '.', seq: 1, ack, options: { sackBlocks } });
  }

  /** Virtual time passes. */
  pass(time: VirtualTime): void {
    this.world.run(this.world.now + time);
  }
}
