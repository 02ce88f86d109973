/**
 * A deterministic world for speakers: one clock, streams of bytes with a delay of 1 ms, and kernels that are tables.
 * Not a test file: `*.test.ts` beside it use it.
 */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type {
  Kernel,
  KernelDevice,
  KernelRoute,
  SpeakerEvent,
  SpeakerPorts,
  Stream,
  StreamEvents,
  StreamStack,
} from '../../src/bgp/ports.ts';
import { Random } from '../../src/sim/random.ts';
import { type Clock, MILLISECOND, NEVER, SECOND, type Timer, type VirtualTime } from '../../src/sim/time.ts';

interface Entry {
  readonly at: VirtualTime;
  /** Frames before timers of the same instant. */
  readonly rank: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

export class FakeClock implements Clock {
  now: VirtualTime = 0;
  #sequence = 0;
  /** A binary heap. */
  readonly #entries: Entry[] = [];

  post(delay: number, run: () => void, rank = 0): Entry {
    const entry = { at: this.now + delay, rank, sequence: this.#sequence++, run };
    const heap = this.#entries;
    let i = heap.push(entry) - 1;
    for (let up = (i - 1) >> 1; i > 0 && isBefore(entry, heap[up]!); up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = entry;
    return entry;
  }

  timer(expire: () => void): Timer {
    const clock = this;
    let entry: Entry | undefined;
    const cancel = (): void => {
      if (entry) entry.run = undefined;
      entry = undefined;
    };
    return {
      get deadline() {
        return entry?.at ?? NEVER;
      },
      get armed() {
        return entry !== undefined;
      },
      arm(at: VirtualTime) {
        cancel();
        if (at < clock.now) throw new Error('a timer in the past');
        entry = clock.post(
          at - clock.now,
          () => {
            entry = undefined;
            expire();
          },
          1,
        );
      },
      cancel,
    };
  }

  #pop(): Entry {
    const heap = this.#entries;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }

  /** Run everything up to and including `until`. */
  run(until: VirtualTime): void {
    for (let steps = 0; this.#entries.length > 0 && this.#entries[0]!.at <= until; steps++) {
      if (steps > 2_000_000) throw new Error('the world does not come to rest');
      const entry = this.#pop();
      this.now = entry.at;
      entry.run?.();
    }
    this.now = until;
  }
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.at - b.at < 0 ||
  (a.at === b.at && (a.rank - b.rank < 0 || (a.rank === b.rank && a.sequence < b.sequence)));

export const DELAY = MILLISECOND;

class FakeStream implements Stream {
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly net: Net;
  peer: FakeStream | undefined;
  events: StreamEvents | undefined;
  open = true;

  constructor(net: Net, local: number, localPort: number, remote: number, remotePort: number) {
    this.net = net;
    this.localAddress = local;
    this.localPort = localPort;
    this.remoteAddress = remote;
    this.remotePort = remotePort;
  }

  /** Something that arrives at the other end, unless the path is cut. */
  #tell(what: (peer: FakeStream) => void): void {
    const { peer, net } = this;
    if (!peer || net.isCut(this.localAddress, this.remoteAddress)) return;
    net.clock.post(DELAY, () => what(peer));
  }

  writePart(bytes: Uint8Array, from: number, to: number): void {
    this.write(bytes.slice(from, to));
  }

  write(bytes: Uint8Array): void {
    if (!this.open) throw new Error('written after close');
    const copy = bytes.slice();
    this.net.wire.push({ from: this.localAddress, to: this.remoteAddress, bytes: copy });
    this.#tell(peer => peer.events?.received(peer, copy));
  }

  close(): void {
    this.open = false;
    this.#tell(peer => peer.shut(''));
  }

  abort(): void {
    this.open = false;
    this.#tell(peer => peer.shut('Connection reset by peer'));
  }

  /** The other end, or the test, ends it. */
  shut(reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.events?.closed(this, reason);
  }
}

/** Hosts, their listeners and the streams between them. */
export class Net {
  readonly clock = new FakeClock();
  readonly wire: { from: number; to: number; bytes: Uint8Array }[] = [];
  readonly #listeners = new Map<number, (stream: Stream) => StreamEvents | undefined>();
  readonly #cuts = new Set<string>();
  readonly #streams: FakeStream[] = [];
  #port = 40000;

  isCut(a: number, b: number): boolean {
    return this.#cuts.has(`${Math.min(a, b)}-${Math.max(a, b)}`);
  }

  /** From now on nothing passes between the two, and nobody is told. */
  cut(a: number, b: number): void {
    this.#cuts.add(`${Math.min(a, b)}-${Math.max(a, b)}`);
  }

  heal(a: number, b: number): void {
    this.#cuts.delete(`${Math.min(a, b)}-${Math.max(a, b)}`);
  }

  /** Both ends of every stream between the two see a reset, as when a firewall sends RSTs. */
  reset(a: number, b: number): void {
    for (const s of this.#streams)
      if ((s.localAddress === a && s.remoteAddress === b) || (s.localAddress === b && s.remoteAddress === a))
        s.shut('Connection reset by peer');
  }

  /** The open stream from `local` to `remote`, as the local side holds it. */
  streamOf(local: number, remote: number): Stream | undefined {
    return this.#streams.find(s => s.open && s.localAddress === local && s.remoteAddress === remote);
  }

  /** Streams as the host with `address` sees them. */
  stack(address: number): StreamStack {
    return {
      connect: (options, events) => {
        const near = new FakeStream(this, address, this.#port++, options.remoteAddress, options.remotePort);
        near.events = events;
        if (this.isCut(address, options.remoteAddress)) return near;
        this.clock.post(DELAY, () => this.#arrive(near));
        return near;
      },
      listen: (_port, accept) => {
        this.#listeners.set(address, accept);
        return () => this.#listeners.delete(address);
      },
    };
  }

  #arrive(near: FakeStream): void {
    const listener = this.#listeners.get(near.remoteAddress);
    const refuse = (): void => {
      this.clock.post(DELAY, () => near.shut('Connection refused'));
    };
    if (!listener) {
      refuse();
      return;
    }
    const far = new FakeStream(this, near.remoteAddress, near.remotePort, near.localAddress, near.localPort);
    near.peer = far;
    far.peer = near;
    this.clock.post(DELAY, () => {
      if (near.open) near.events!.established(near);
    });
    this.#streams.push(near, far);
    far.events = listener(far);
    if (far.events === undefined) this.clock.post(DELAY, () => near.shut('Connection reset by peer'));
  }

  /** Let `seconds` of virtual time pass. */
  pass(seconds: number): void {
    this.clock.run(this.clock.now + seconds * SECOND);
  }
}

/** A kernel's main table and devices, for `ip route` listings. */
export class FakeKernel implements Kernel {
  version = 0;
  readonly #routes: KernelRoute[] = [];
  #devices: KernelDevice[];

  constructor(devices: readonly KernelDevice[], routes: readonly KernelRoute[]) {
    this.#devices = [...devices];
    this.#routes.push(...routes);
  }

  routes(isWanted: (protocol: string) => boolean = () => true): readonly KernelRoute[] {
    return this.#routes.filter(route => isWanted(route.protocol));
  }

  devices(): readonly KernelDevice[] {
    return this.#devices;
  }

  hasDevice(name: string): boolean {
    return this.#devices.some(device => device.name === name);
  }

  setDevices(devices: readonly KernelDevice[]): void {
    this.#devices = [...devices];
  }

  replace(route: KernelRoute): boolean {
    this.remove(route);
    this.#routes.push(route);
    this.version++;
    return true;
  }

  remove(route: KernelRoute): void {
    const at = this.#routes.findIndex(
      r => Prefix.equal(r.prefix, route.prefix) && r.metric === route.metric && r.protocol === route.protocol,
    );
    if (at < 0) return;
    this.#routes.splice(at, 1);
    this.version++;
  }

  /** As `ip route` prints the main table. */
  list(): string[] {
    return [...this.#routes].sort((a, b) => Prefix.compare(a.prefix, b.prefix)).map(formatKernelRoute);
  }
}

export function formatKernelRoute(route: KernelRoute): string {
  const { prefix, nextHops, type } = route;
  const name =
    prefix.length === 0
      ? 'default'
      : prefix.length === 32
        ? Ipv4.format(prefix.address)
        : Prefix.format(prefix);
  const words = [type === 'unicast' ? name : `${type} ${name}`];
  const hop = nextHops.length === 1 ? nextHops[0]! : undefined;
  if (hop?.via !== undefined) words.push(`via ${Ipv4.format(hop.via)}`);
  if (hop?.device !== undefined) words.push(`dev ${hop.device}`);
  if (route.protocol !== 'boot') words.push(`proto ${route.protocol}`);
  if (route.scope === 'link') words.push('scope link');
  if (route.source !== undefined) words.push(`src ${Ipv4.format(route.source)}`);
  if (route.metric !== 0) words.push(`metric ${route.metric}`);
  if (hop?.onlink) words.push('onlink');
  if (nextHops.length > 1)
    for (const h of nextHops)
      words.push(`nexthop via ${Ipv4.format(h.via!)} dev ${h.device} weight ${h.weight ?? 1}`);
  return words.join(' ');
}

/** Ports of a speaker at `address`; what it reports is pushed to `events`. */
export function portsOf(net: Net, address: number, kernel: Kernel, events: SpeakerEvent[]): SpeakerPorts {
  return {
    clock: net.clock,
    random: new Random(1, `${Ipv4.format(address)}/bgp`),
    streams: net.stack(address),
    kernel,
    report: event => events.push(event),
  };
}
